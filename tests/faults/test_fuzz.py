"""Nothing that can be sent makes the server fail, hang, or say in its log what it was sent.

`make soak` goes on for half an hour. A request that is found is sent again by its number: `fuzzing.fuzzed`.
"""

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from litestar.routes import HTTPRoute

from api.app import outline
from tests.api.raw import answer, ask, request
from tests.faults import stage
from tests.faults.fuzzing import PLANTED, Call, Fuzzed, fuzzed
from tests.sizes import size
from workflows.core.civil import civil_date
from workflows.core.documents import Role
from workflows.store import keys
from workflows.store.database import Database

SECONDS: Final = size(3, 1800)
THREADS: Final = 4
PATIENCE: Final = 20.0
LEAST: Final = size(100, 100_000)
"""Requests; fewer would prove little."""
SERVE: Final = "from workflows.cli import main; main()"
SERVE_NAIVELY: Final = f"""
import json
from api import access_log, requests
requests.decode = json.loads
access_log.route_of = lambda scope: scope["path"] + "?" + scope["query_string"].decode()
{SERVE}
"""
"""The control reads bodies, and logs addresses, as one would at first."""
CONTROL_SECONDS: Final = 60
COMMUNE: Final = "29242"
CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(slots=True, kw_only=True)
class Target:
    """A running server, and what can be asked of it."""

    port: int
    url: str
    log: Path
    process: "subprocess.Popen[str]"
    calls: Sequence[Call]
    secret: str
    numbers: Iterator[int] = field(default_factory=count)
    lock: threading.Lock = field(default_factory=threading.Lock)
    statuses: Counter[int] = field(default_factory=Counter)
    found: list[tuple[int, str, bytes]] = field(default_factory=list)

    def number(self) -> int:
        with self.lock:
            return next(self.numbers)


@contextmanager
def served(program: str, template: Path, directory: Path) -> Iterator[Target]:
    database = directory / "workflows.sqlite"
    shutil.copyfile(template, database)
    url = f"sqlite:///{database}"
    now = datetime.now(UTC)
    roles = ((Role.ADMINISTRATOR, "VN"), (Role.COMMUNE_POLICE, COMMUNE), (Role.PROVINCIAL_POLICE, "VN"))
    with Database(url) as opened:
        admin, police, planner = (
            keys.create(opened, keys.Grant(role=role, unit=unit, person=role, name=role), now=now).secret
            for role, unit in roles
        )
    log = directory / "log"
    command = [sys.executable, "-c", program, "serve", "--database", url, "--port", "0"]
    with (
        log.open("w") as out,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=out, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline().split()[2].rpartition(":")[2])
            calls = list(valid(port, admin, police, planner))
            yield Target(port=port, url=url, log=log, process=process, calls=calls, secret=police)
        finally:
            process.terminate()


def valid(port: int, admin: str, police: str, planner: str) -> Iterator[Call]:
    """A request for every operation, with what it needs to be carried out."""
    day = civil_date(datetime.now(UTC)).isoformat()
    opening = {
        "workflow": "hotspot",
        "unit": COMMUNE,
        "title": "Chợ",
        "data": {"kind": "point", "found_by": "survey"},
        "reason": PLANTED,
    }
    hook = {"name": "Sở", "url": "https://192.0.66.1/hook", "workflows": ["hotspot"], "units": [COMMUNE]}
    suppress = {"trigger": "suppress", "input": {"suppressed_on": day, "decision": dict(stage.DOCUMENT)}}
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=PATIENCE) as client:
        made = client.post("/cases", json=opening, headers={"authorization": f"Bearer {police}"})
        case = made.json()["case"]["id"]
        subscribed = client.post("/subscriptions", json=hook, headers={"authorization": f"Bearer {admin}"})
        spare = client.post("/subscriptions", json=hook, headers={"authorization": f"Bearer {admin}"}).json()["id"]
    ids = {
        "case_id": case,
        "subscription_id": subscribed.json()["id"],
        "code": COMMUNE,
        "key": "hotspot",
        "table": "commune_classification",
        "plan": "tra-vinh-2025",
        "target": "certified_communes",
        "obligation": "consolidated_report",
        "name": "swagger-ui.css",
    }
    bodies: Mapping[str, Mapping[str, Any]] = {
        "open_case": opening,
        "fire": {**suppress, "reason": PLANTED},
        "fire_many": {"items": [{"case": case, "version": 1, "reason": PLANTED, **suppress}], "atomic": False},
        "enter_count": {"unit": COMMUNE, "key": "addicts", "value": 1, "as_of": day, "source": PLANTED},
        "open_plan": {"year": 2025, "dry_run": False},
        "create_subscription": hook,
        "change_subscription": {"name": "Khác", "active": False},
        "rotate_secret": {"overlap_hours": 1},
        "replay_deliveries": {"after": None},
    }
    common = [
        ("host", "test"),
        ("cookie", f"session={PLANTED}"),
        ("user-agent", PLANTED),
        ("x-forwarded-for", PLANTED),
    ]
    for route in (each for each in outline().routes if isinstance(each, HTTPRoute)):
        for handler in route.route_handlers:
            name = handler.handler_name
            for method in sorted(handler.http_methods - {"OPTIONS"}):
                path = route.path_format
                for parameter, value in ids.items():
                    path = path.replace(f"{{{parameter}}}", spare if method == "DELETE" else value)
                body = bodies.get(name)
                own = [("content-type", "application/json"), ("if-match", '"1"')] if body else []
                own += [("idempotency-key", f"{PLANTED}-{handler.operation_id}")] if body and len(path) % 2 else []
                who = admin if "subscription" in path or path == "/metrics" else police
                who = planner if path.startswith("/api/v1/plans/") else who
                query = [("limit", "2")] if method == "GET" else []
                headers = [*common, ("authorization", f"Bearer {who}"), *own]
                yield Call(method=method, path=path, query=query, headers=headers, body=body)


def send(target: Target, sent: Fuzzed) -> str | None:
    """What is wrong with the answer."""
    wait = PATIENCE if sent.whole else 0.1
    with socket.create_connection(("127.0.0.1", target.port), timeout=wait) as connection:
        with suppress(ConnectionError):
            connection.sendall(sent.raw)
        try:
            told = answer(connection)
        except TimeoutError:
            return f"no answer in {wait} seconds" if sent.whole else None
    if told is None:
        return "closed without an answer" if sent.whole else None
    target.statuses[told.status] += 1
    if told.status >= 500 and told.status != 503:
        return f"status {told.status}: {told.body.decode()[:200]}"
    if told.status < 400 or sent.raw[:4].upper() == b"HEAD":
        return None
    if told.headers.get("content-type") != "application/problem+json":
        return f"status {told.status} as {told.headers.get('content-type')}"
    problem = json.loads(told.body)
    return None if problem["status"] == told.status and problem["code"] else f"a problem without its members: {problem}"


def fuzz(target: Target, seconds: float) -> None:
    """Sends until the time is over or something is found."""
    until = time.monotonic() + seconds

    def run() -> None:
        while time.monotonic() < until and not target.found:
            number = target.number()
            sent = fuzzed(number, target.calls)
            try:
                wrong = send(target, sent)
            except Exception as error:  # noqa: BLE001 - an answer that cannot be read is what is looked for
                wrong = repr(error)
            if wrong:
                target.found.append((number, wrong, sent.raw[:2000]))

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.fixture(scope="module")
def target(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with served(SERVE, sqlite_template, tmp_path_factory.mktemp("fuzz")) as found:
        yield found


def test_every_operation_does_what_it_is_asked(target: Target) -> None:
    """What is changed below is carried out as it stands; but for the end of the subscription, which others need."""
    statuses = {
        (call.method, call.path): told.status if (told := ask(target.port, replace(call, query=()).raw())) else None
        for call in target.calls
        if call.method != "DELETE"
    }
    assert {key: status for key, status in statuses.items() if status not in {200, 201, 202}} == {}


@pytest.mark.timeout(SECONDS + 120)
def test_no_request_makes_it_fail(target: Target) -> None:
    fuzz(target, SECONDS)
    sent = target.number()
    print(f"{sent} requests, {dict(sorted(target.statuses.items()))}")  # noqa: T201 - shown by `pytest -s`
    assert target.found == []
    assert sent > LEAST
    assert {200, 400, 404, 405, 415, 422} <= target.statuses.keys()
    told = ask(target.port, request())
    assert told is not None
    assert told.status == 200
    assert target.process.poll() is None
    stage.intact(target.url)


@pytest.mark.timeout(CONTROL_SECONDS + 60)
def test_what_the_control_does_wrong_is_found(sqlite_template: Path, tmp_path: Path) -> None:
    with served(SERVE_NAIVELY, sqlite_template, tmp_path) as control:
        fuzz(control, CONTROL_SECONDS)
        for sent in HOSTILE:
            ask(control.port, sent)
    assert control.found
    assert betrayals(control) != []
    assert "status 500" in control.found[0][1]


HOSTILE: Final = (
    request("GET", "/api/v1/cases/%0d%0aX:%1b[31m%00", f"Authorization: Bearer {PLANTED}"),
    request("GET", "/%c2%9b31m%e2%80%ae%e2%80%a8", f"Cookie: a={PLANTED}"),
    request("GET", f"/api/v1/cases?q={PLANTED}%0d%0a%1b[31m", f"Authorization: Bearer {PLANTED}"),
    request("GET", "/healthz", f"X-Forwarded-For: {PLANTED}", f"X-Request-Id: {PLANTED}", f"User-Agent: {PLANTED}"),
    request("GET", "/healthz", f"X: {PLANTED}\x1b[31m"),
    request("POST", "/api/v1/cases", "Content-Type: application/json", body=PLANTED.encode()),
    request(PLANTED.upper(), "/healthz"),
    b"GET / HTTP/1.1\r\nX: " + PLANTED.encode() + b"\nY: 1\r\n\r\n",
    PLANTED.encode() + b"\r\n\r\n",
)


def test_the_log_says_nothing_that_was_sent(target: Target) -> None:
    """Also of all that the fuzzer has sent so far."""
    for sent in HOSTILE:
        ask(target.port, sent)
    for number in range(300, 340):
        send(target, fuzzed(number, target.calls))
    known = request("GET", "/api/v1/me?planted", f"Authorization: Bearer {target.secret}", "Cookie: kept=here")
    ask(target.port, known)
    assert betrayals(target) == []
    told = [json.loads(line) for line in target.log.read_text(encoding="utf-8").splitlines()]
    assert {line["route"] for line in told if line["event"] == "request"} >= {"/healthz", "/api/v1/cases/{case_id}"}


def betrayals(target: Target) -> list[str]:
    """Lines of the log that hold what was sent, or what a terminal or a reader of lines would obey."""
    text = target.log.read_text(encoding="utf-8")
    assert '"event": "request"' in text
    secrets = (PLANTED, target.secret)
    return [line for line in text.split("\n") if CONTROLS.search(line) or any(each in line for each in secrets)]
