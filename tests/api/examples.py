"""The examples of the OpenAPI document, recorded from a real run: `python -m tests.api.examples` writes them.

Ids, hashes and cursors are made by chance, so that two runs are compared without them.
"""

import json
import re
import shutil
import tempfile
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import select

from tests.api.conftest import DOCUMENT, SUPPRESS, TODAY, Api, hotspot, served
from tests.store import samples
from workflows.store import feed, rows, webhooks
from workflows.store.schema import create
from workflows.store.tables import cases

FILE: Final = Path(__file__).parents[2] / "api" / "examples.json"
_CHANCE: Final = re.compile(
    r'[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{64}|[0-9a-f]{16}-[0-9a-f]+|(?<="next": ")[^"]+'
)
_COUNT: Final = {
    "unit": "29242",
    "key": "households",
    "value": 2300,
    "as_of": "2025-03-01",
    "source": "Báo cáo tháng 02/2025",
}
_SECRET: Final = "whsec_" + b64encode(bytes(32)).decode()
"""Stands for every secret: one that was used, even here, is nobody's to read."""
Examples = dict[str, dict[str, dict[str, Any]]]


class Recorder:
    """Sends requests and keeps what was asked and answered, by operation, status and name."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.found: Examples = {}

    def get(self, operation: str, name: str, path: str, who: str = "police", **query: object) -> Any:  # noqa: ANN401 - any JSON
        return self._kept(operation, name, self.api.get(path, who=who, **query))

    def get_begin(self, operation: str, name: str, path: str, who: str = "police", **query: object) -> None:
        """Keeps no more than two members of each list and map of the answer."""
        self.get(operation, name, path, who=who, **query)
        answers = self.found[operation]["200"]
        answers[name] = {member: _begin(value) for member, value in answers[name].items()}

    def post(self, operation: str, name: str, path: str, body: object, headers: Mapping[str, str] | None = None) -> Any:  # noqa: ANN401 - any JSON
        return self.send(operation, name, "POST", path, body, headers=headers)

    def send(
        self,
        operation: str,
        name: str,
        method: str,
        path: str,
        body: object,
        *,
        who: str = "police",
        headers: Mapping[str, str] | None = None,
    ) -> Any:  # noqa: ANN401 - any JSON
        self.api.clock.now += timedelta(minutes=1)  # of two events of one instant, either may come first in a list
        self.found.setdefault(operation, {}).setdefault("request", {})[name] = body
        return self._kept(operation, name, self.api.send(method, path, who=who, json=body, headers=headers))

    def root(self, operation: str, name: str, path: str) -> None:
        self._kept(operation, name, self.api.client.get(path))

    def _kept(self, operation: str, name: str, answer: httpx.Response) -> Any:  # noqa: ANN401 - any JSON
        is_json = "json" in answer.headers["content-type"]
        body = answer.json() if is_json else answer.text
        if isinstance(body, dict) and "secret" in body:
            body["secret"] = _SECRET
        if answer.is_success:
            self.found.setdefault(operation, {}).setdefault(str(answer.status_code), {})[name] = body
        return body


def _begin(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, list):
        return value[:2]
    if isinstance(value, dict) and not value.keys() & {"vi", "from", "code"}:
        return dict(list(value.items())[:2])
    return value


def recorded(url: str) -> Examples:
    """What a fresh database answers to the story of one hotspot."""
    with _serving(url) as api:
        recorder = Recorder(api)
        subscription = _subscribe(recorder)
        case = _cases(recorder)
        _history(recorder, case)
        _open_plan(recorder)
        _deliver(recorder, subscription)
        _surroundings(recorder)
    return recorder.found


def _subscribe(recorder: Recorder) -> str:
    body = {"name": "Cổng dữ liệu tỉnh", "url": "https://tra-vinh.example/hooks/cases", "workflows": ["hotspot"]}
    made = recorder.send("create_subscription", "hotspots", "POST", "/subscriptions", body, who="administrator")
    return f"/subscriptions/{made['id']}"


def _deliver(recorder: Recorder, subscription: str) -> None:
    who = "administrator"
    recorder.get("list_deliveries", "waiting", f"{subscription}/deliveries", who, limit=1)
    recorder.get("list_subscriptions", "all", "/subscriptions", who)
    recorder.send("change_subscription", "pause", "PATCH", subscription, {"active": False}, who=who)
    recorder.get("get_subscription", "paused", subscription, who)
    recorder.send("rotate_secret", "overlapping", "POST", f"{subscription}/secret", {"overlap_hours": 24}, who=who)
    recorder.send("replay_deliveries", "all", "POST", f"{subscription}/replay", {"after": 0}, who=who)


def _cases(recorder: Recorder) -> str:
    body = hotspot(reason="Rà soát quý I/2025")
    recorder.post("open_case", "dry_run", "/cases", {**body, "dry_run": True})
    case: str = recorder.post("open_case", "hotspot", "/cases", body)["case"]["id"]
    recorder.get("list_cases", "hotspots", "/cases", workflow="hotspot", q="cho")
    recorder.get("get_case", "hotspot", f"/cases/{case}")
    recorder.get("get_deadline", "days", f"/cases/{case}/deadline")
    recorder.get("list_offers", "hotspot", f"/cases/{case}/transitions")
    transitions = f"/cases/{case}/transitions"
    recorder.post("fire", "dry_run", transitions, {"trigger": "suppress", "dry_run": True})
    recorder.post("fire", "suppress", transitions, SUPPRESS, {"if-match": '"1"'})
    recorder.api.fire(case, SUPPRESS, version=2)
    items = [{"case": case, "trigger": trigger, "version": 2} for trigger in ("monitor", "dismiss")]
    items[1]["reason"] = "Nhập nhầm"
    recorder.post("fire_many", "two", "/transitions", {"items": items, "atomic": False})
    return case


def _history(recorder: Recorder, case: str) -> None:
    recorder.get("list_case_events", "all", f"/cases/{case}/events", outcome="all", limit=4)
    recorder.get("list_events", "newest", "/events", limit=1)
    with recorder.api.engine.database.write() as connection:
        webhooks.fan_out(connection, feed.sequence(connection), recorder.api.clock())
    recorder.get("read_feed", "first", "/feed", limit=1)
    with recorder.api.engine.database.write() as connection:
        row = connection.execute(select(cases).where(cases.c.id == case)).mappings().one()
        samples.store_notices(connection, [rows.case_of(row)])
    recorder.get("list_notices", "all", "/notices")


def _open_plan(recorder: Recorder) -> None:
    """Once without keeping the answer, which names every case."""
    path, body, plan = "/plans/tra-vinh-2025/openings", {"year": 2025}, "tra-vinh-2025"
    assert recorder.api.post(path, body, who="province").is_success
    for workflow, key, value, fired in (
        ("periodic_report", "obligation", "consolidated_report", {"trigger": "submit", "input": {"report": DOCUMENT}}),
        ("plan_task", "task", "hold_reviews", {"trigger": "annul", "reason": "Không giao ở đây"}),
    ):
        cases = recorder.api.get("/cases", who="province", plan=plan, workflow=workflow, limit=200).json()["items"]
        (case,) = [each["id"] for each in cases if each["data"][key] == value]
        assert recorder.api.fire(case, fired, version=1, who="province").is_success
    recorder.get(
        "list_obligations", "submitted", f"/plans/{plan}/obligations", "province", year=2025, state="submitted"
    )
    recorder.send("open_plan", "again", "POST", path, {**body, "dry_run": True}, who="province")
    recorder.get_begin("read_report", "so_far", f"/plans/{plan}/obligations/consolidated_report/report", "province")


def _surroundings(recorder: Recorder) -> None:
    recorder.get("list_workflows", "today", "/workflows", on=TODAY)
    recorder.get("get_workflow", "opinion", "/workflows/opinion")
    recorder.get("get_diagram", "opinion", "/workflows/opinion/diagram", lang="en")
    recorder.get("list_tables", "today", "/tables", on=TODAY)
    recorder.get("get_table", "communes", "/tables/commune_classification")
    recorder.get("get_me", "police", "/me")
    recorder.get("list_units", "communes", "/units", parent="842", limit=2)
    recorder.get("get_unit", "commune", "/units/29242")
    recorder.post("enter_count", "households", "/counts", _COUNT)
    recorder.get("list_facts", "commune", "/units/29242/facts")
    recorder.get("classify_unit", "commune", "/units/29242/classification")
    recorder.get("list_plans", "all", "/plans")
    recorder.get_begin("get_plan", "tra_vinh", "/plans/tra-vinh-2025")
    recorder.get_begin("read_targets", "commune", "/plans/tra-vinh-2025/targets", as_of=TODAY)
    recorder.get("read_behind", "arisen", "/plans/tra-vinh-2025/targets/hotspots_arisen/behind")
    recorder.root("healthz", "alive", "/healthz")
    recorder.root("readyz", "ready", "/readyz")


@contextmanager
def _serving(url: str) -> Iterator[Api]:
    yield from served(url)


def without_chance(examples: Examples) -> Examples:
    """With every id, hash and cursor told by the order in which it first comes."""
    numbers = count(1)
    names: dict[str, str] = {}

    def named(found: re.Match[str]) -> str:
        return names.setdefault(found[0], f"#{next(numbers)}")

    without: Examples = json.loads(_CHANCE.sub(named, json.dumps(examples, ensure_ascii=False)))
    return without


def main() -> None:
    """Record again what is kept."""
    directory = Path(tempfile.mkdtemp())
    try:
        url = f"sqlite:///{directory / 'examples.sqlite'}"
        create(url)
        text = json.dumps(recorded(url), ensure_ascii=False, indent=1)
    finally:
        shutil.rmtree(directory)
    FILE.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
