"""The line of a request: what it says of the commands that the request brought, and of nothing else."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.api.conftest import SUPPRESS, Api, hotspot
from workflows.store.submissions import QueueFull


def lines_of(logged: list[Mapping[str, Any]] | Any) -> list[dict[str, Any]]:  # noqa: ANN401 - as structlog has it
    return [dict(line) for line in logged if line["event"] == "request"]


def test_one_line_leads_from_the_request_to_the_ledger(api: Api) -> None:
    case = api.open()["id"]
    with capture_logs() as logged:
        fired = api.fire(case, SUPPRESS, version=1, key="khoa-1")
        api.fire(case, SUPPRESS, version=1, key="khoa-1")
        api.fire(case, SUPPRESS, version=2)
        api.fire(case, SUPPRESS, version=9)
        api.fire(case, {"trigger": "Không có"}, version=2)
        api.get(f"/cases/{case}")
    first, again, refused, stale, misnamed, read = lines_of(logged)
    command = api.get(f"/cases/{case}/events").json()["items"][0]
    assert first["outcome"] == "accepted"
    assert first["command"] == first["request_id"] == fired.headers["x-request-id"]
    assert (first["case"], first["workflow"], first["trigger"]) == (case, "hotspot", "suppress")
    assert first["route"] == "/api/v1/cases/{case_id}/transitions"
    assert command["case"] == case
    assert "blockers" not in first
    assert (again["outcome"], again["case"], again["workflow"]) == ("replayed", case, None)
    assert (refused["outcome"], refused["blockers"]) == ("refused", ("state",))
    assert (stale["outcome"], stale["status"]) == ("stale", 412)
    assert misnamed["trigger"] is None, "what was sent as a name may be anything"
    assert (read["case"], "outcome" in read) == (case, False)


def test_what_was_never_decided_says_why(sqlite_api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_submission: object) -> None:
        raise QueueFull("1024 submissions are waiting; try again later")

    monkeypatch.setattr(sqlite_api.engine.writer, "submit", full)
    with capture_logs() as logged:
        sqlite_api.post("/cases", hotspot())
    (line,) = lines_of(logged)
    assert (line["outcome"], line["status"], line["case"]) == ("queue_full", 503, None)


def test_many_commands_make_one_line_of_bounded_length(api: Api) -> None:
    cases = [api.open()["id"] for _ in range(3)]
    items = [{"case": case, "version": version, **SUPPRESS} for case in cases for version in (1, 1, 2)] * 4
    with capture_logs() as logged:
        answer = api.post("/transitions", {"items": items})
    assert answer.status_code == 200, answer.text
    (line,) = lines_of(logged)
    assert line["commands_total"] == len(items)
    assert line["outcomes"] == {"accepted": 3, "refused": 12, "stale": 21}
    assert line["blockers"] == {"state": 12}
    assert line["cases"] == cases
    assert len(line["commands"]) == 20


def test_lines_hold_nothing_that_a_person_wrote(sqlite_api: Api) -> None:
    with capture_logs() as logged:
        sqlite_api.post("/cases", {**hotspot(title="Bí mật"), "reason": "Lý do riêng"})
        sqlite_api.post("/cases", {**hotspot(), "workflow": "Nguyễn Văn A"})
        sqlite_api.client.get("/api/v1/cases/wfk_secret", headers={"authorization": "Bearer wfk_secret"})
    text = json.dumps(logged, ensure_ascii=False, default=str)
    sent = ("Bí mật", "Lý do riêng", "Nguyễn", "wfk_secret", sqlite_api.secrets["police"])
    assert [each for each in sent if each in text] == []
    assert text.count('"request"') == 3, "there are lines in which they could be"
