"""Opening and firing: versions, the order of checks, idempotency, dry runs and what is refused."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import COMMUNE, DOCUMENT, NEIGHBOUR, SUPPRESS, TODAY, Api, check_problem, hotspot, paths

CASE_MEMBERS = {
    *("id", "workflow", "workflow_version", "state", "version", "unit", "plan", "parent", "links", "title"),
    *("data", "sheets", "opened_at", "state_since", "due", "overdue", "final"),
}
EVENT_MEMBERS = {
    *("id", "case", "seq", "kind", "outcome", "trigger", "source", "target", "actor", "on_behalf_of", "reason"),
    *("input", "changes", "facts", "blockers", "occurred_at", "recorded_at", "cause", "prev_hash", "hash"),
}


def test_a_case_is_opened_read_fired_and_its_entries_are_chained(api: Api) -> None:
    opened = api.post("/cases", hotspot())
    assert opened.status_code == 201
    case, event = opened.json()["case"], opened.json()["event"]
    assert event["input"] == case["data"] != {}
    assert case.keys() == CASE_MEMBERS
    assert event.keys() >= EVENT_MEMBERS
    assert (opened.headers["etag"], opened.headers["location"]) == ('"1"', f"/api/v1/cases/{case['id']}")
    read = api.get(f"/cases/{case['id']}")
    assert read.json() == case
    assert read.headers["etag"] == '"1"'

    fired = api.fire(case["id"], {**SUPPRESS, "reason": "Theo biên bản"}, version=1)
    assert fired.status_code == 200, fired.text
    assert fired.headers["etag"] == '"2"'
    after, second = fired.json()["case"], fired.json()["event"]
    assert (after["state"], after["version"], second["seq"]) == ("suppressed", 2, 2)
    assert second["prev_hash"] == event["hash"]
    assert second["actor"] == {"person": "police", "role": "commune_police", "unit": COMMUNE}
    assert api.get(f"/cases/{case['id']}").json() == after
    listed = api.get(f"/cases/{case['id']}/events").json()
    assert listed == {"items": [second, event], "next": None}


def test_firing_needs_the_version_that_was_seen(api: Api) -> None:
    case = api.open()["id"]
    check_problem(api.fire(case, SUPPRESS, version=None), 428, "if_match_required")
    check_problem(api.post(f"/cases/{case}/transitions", SUPPRESS, headers={"if-match": "*"}), 428, "if_match_required")
    check_problem(api.fire(case, SUPPRESS, version=2), 412, "stale")
    assert api.fire(case, SUPPRESS, version=1).status_code == 200
    check_problem(api.fire(case, SUPPRESS, version=1), 412, "stale")


@pytest.mark.parametrize("tag", ["1", 'W/"1"', '"one"', '"1", "2"', '"01"', '"-1"', '""', '"99999999999"'])
def test_only_one_strong_tag_of_a_version_is_understood(sqlite_api: Api, tag: str) -> None:
    case = sqlite_api.open()["id"]
    answer = sqlite_api.post(f"/cases/{case}/transitions", SUPPRESS, headers={"if-match": tag})
    assert paths(check_problem(answer, 422, "invalid")) == ["If-Match"]
    assert sqlite_api.get(f"/cases/{case}").json()["version"] == 1


def test_checks_come_in_their_order(api: Api) -> None:
    """Each request is wrong in two ways; the check that comes first answers."""
    case = api.open()["id"]
    hidden = f"/cases/{api.open(who='neighbour', unit=NEIGHBOUR)['id']}/transitions"
    nobody = {"authorization": "Bearer nobody", "content-type": "text/plain"}
    check_problem(api.raw(hidden, b"{", nobody), 401, "unauthorized")
    check_problem(api.raw(hidden, b"{", {"content-type": "text/plain"}), 415, "content_type")
    check_problem(api.raw(hidden, b"{"), 400, "not_json")
    check_problem(api.post(hidden, {"trigger": "suppress", "inputs": {}}), 422, "invalid")
    check_problem(api.post(hidden, SUPPRESS), 404, "not_found")
    check_problem(api.post(hidden, SUPPRESS, headers={"if-match": '"9"'}), 404, "not_found")

    first = api.fire(case, SUPPRESS, version=1, key="k")
    assert first.status_code == 200
    again = api.fire(case, SUPPRESS, version=1, key="k")  # stale by now
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert again.headers["etag"] == first.headers["etag"]
    check_problem(api.fire(case, {"trigger": "monitor"}, version=1, key="k"), 422, "key_reused")
    check_problem(api.fire(case, {"trigger": "resolve"}, version=1), 412, "stale")
    check_problem(api.fire(case, {"trigger": "suppres"}, version=1), 412, "stale")


def test_a_key_belongs_to_the_client_and_to_the_whole_request(api: Api) -> None:
    case = api.open()["id"]
    assert api.fire(case, SUPPRESS, version=1, key="k").status_code == 200
    check_problem(api.fire(case, SUPPRESS, version=2, key="k"), 422, "key_reused")
    check_problem(api.post("/cases", hotspot(), headers={"idempotency-key": "k"}), 422, "key_reused")
    assert api.fire(case, {"trigger": "monitor"}, version=2, who="province", key="k").status_code == 200
    members_in_another_order = {"input": SUPPRESS["input"], "trigger": "suppress"}
    again = api.fire(case, members_in_another_order, version=1, key="k")
    assert again.headers["idempotency-replayed"] == "true"


def test_refusals_are_kept_under_their_key_and_mistakes_are_not(api: Api) -> None:
    case = api.open()["id"]
    refused = api.fire(case, {"trigger": "monitor"}, version=1, key="r")
    check_problem(refused, 409, "refused")
    again = api.fire(case, {"trigger": "monitor"}, version=1, key="r")
    assert (again.content, again.headers["idempotency-replayed"]) == (refused.content, "true")
    check_problem(api.fire(case, {"trigger": "suppress"}, version=1, key="m"), 422, "invalid")
    assert api.fire(case, SUPPRESS, version=1, key="m").status_code == 200


@pytest.mark.parametrize("key", ["", "k" * 256, "khóa".encode(), b"tab\t"])
def test_keys_are_printable_ascii(sqlite_api: Api, key: str | bytes) -> None:
    case = sqlite_api.open()["id"]
    headers: Any = {"if-match": '"1"', "idempotency-key": key}
    answer = sqlite_api.post(f"/cases/{case}/transitions", SUPPRESS, headers=headers)
    assert paths(check_problem(answer, 422, "invalid")) == ["Idempotency-Key"]
    longest = sqlite_api.fire(case, SUPPRESS, version=1, key=case.ljust(255, "k"))
    assert longest.status_code == 200


def test_what_is_refused_says_why(api: Api) -> None:
    case = api.open()["id"]
    wrong_state = check_problem(api.fire(case, {"trigger": "monitor"}, version=1), 409, "refused")
    assert [blocker["code"] for blocker in wrong_state["blockers"]] == ["state"]
    assert wrong_state["blockers"][0].keys() == {"code", "message", "found", "needed"}
    assert wrong_state["blockers"][0]["message"].keys() == {"vi", "en"}
    wrong_role = check_problem(api.fire(case, {"trigger": "dismiss", "reason": "Nhầm"}, version=1), 403, "forbidden")
    assert "role" in {blocker["code"] for blocker in wrong_role["blockers"]}
    outside = check_problem(api.post("/cases", hotspot(NEIGHBOUR)), 403, "forbidden")
    assert [blocker["code"] for blocker in outside["blockers"]] == ["unit"]
    misspelt = check_problem(api.fire(case, {"trigger": "supress"}, version=1), 422, "invalid")
    assert "did you mean 'suppress'" in misspelt["errors"][0]["message"]
    assert api.get(f"/cases/{case}").json()["version"] == 1


def test_wrong_values_are_named_with_their_place(api: Api) -> None:
    case = api.open()["id"]
    given = {"suppressed_on": "05/03/2025", "decison": DOCUMENT, "a/b~c": 1}
    body = check_problem(api.fire(case, {"trigger": "suppress", "input": given}, version=1), 422, "invalid")
    assert set(paths(body)) == {"/input/suppressed_on", "/input/decison", "/input/decision", "/input/a~1b~0c"}
    untitled = {"suppressed_on": TODAY, "decision": {**DOCUMENT, "title": None}}
    body = check_problem(api.fire(case, {"trigger": "suppress", "input": untitled}, version=1), 422, "invalid")
    assert body["errors"] == [{"path": "/input/decision/title", "message": "title is required"}]
    late = {**SUPPRESS, "occurred_at": "2025-03-05T12:00:00+07:00"}
    assert paths(check_problem(api.fire(case, late, version=1), 422, "invalid")) == ["/occurred_at"]
    for when in ("2025-03-05", "2025-03-05T09:00:00", "yesterday", "0001-01-01T00:00:00+07:00"):
        answer = api.fire(case, {**SUPPRESS, "occurred_at": when}, version=1)
        assert paths(check_problem(answer, 422, "invalid")) == ["/occurred_at"], when
    parent = check_problem(api.post("/cases", hotspot(parent="x")), 422, "invalid")
    assert paths(parent) == ["/parent"]


def test_what_one_may_not_see_is_not_there(api: Api) -> None:
    hidden = api.open(who="neighbour", unit=NEIGHBOUR)["id"]
    missing = hidden[:-4] + ("0000" if not hidden.endswith("0000") else "1111")
    for method, suffix, body in (
        ("GET", "", None),
        ("GET", "/transitions", None),
        ("GET", "/events", None),
        ("GET", "/events?outcome=all", None),
        ("POST", "/transitions", SUPPRESS),
        ("POST", "/transitions", {"trigger": "suppress", "dry_run": True}),
        ("POST", "/transitions", {**SUPPRESS, "dry_run": True}),
    ):
        answers = [
            api.send(method, f"/cases/{case}{suffix}", who="police", json=body, headers={"if-match": '"1"'})
            for case in (hidden, missing)
        ]
        there, nowhere = (check_problem(answer, 404, "not_found") for answer in answers)
        there["detail"] = there["detail"].replace(hidden, missing)
        assert {**there, "request_id": ""} == {**nowhere, "request_id": ""}, (method, suffix)
    assert api.get(f"/cases/{hidden}", who="neighbour").status_code == 200
    assert api.get(f"/cases/{hidden}", who="province").status_code == 200
    check_problem(api.get("/cases/no-id"), 404, "not_found")
    check_problem(api.get("/cases/%00"), 404, "not_found")


def test_explanation_dry_run_and_real_call_agree(api: Api) -> None:
    case = api.open()["id"]
    version = 1
    for who, body in (
        ("police", {"trigger": "monitor"}),
        ("police", SUPPRESS),
        ("police", {"trigger": "suppress", "input": {"suppressed_on": "2025-03-06", "decision": DOCUMENT}}),
        ("district", {"trigger": "monitor"}),
        ("district", {"trigger": "resolve", "input": {}}),
        ("police", {"trigger": "amend", "input": {"title": "Chợ"}, "reason": "Sửa"}),
    ):
        offered = api.get(f"/cases/{case}/transitions", who=who).json()["items"]
        for item in offered:
            asked = {"trigger": item["trigger"], "dry_run": True}
            assert api.post(f"/cases/{case}/transitions", asked, who=who).json() == item
        dry = api.post(f"/cases/{case}/transitions", {"input": {}, **body, "dry_run": True}, who=who)
        assert dry.status_code == 200, dry.text
        real = api.fire(case, body, version=version, who=who)
        assert dry.json()["allowed"] == (real.status_code == 200)
        assert dry.json()["blockers"] == real.json().get("blockers", [])
        assert dry.json()["pending"] == []
        if real.status_code == 200:
            version += 1
            assert dry.json()["to"] == real.json()["event"]["target"]
    assert version > 3


def test_a_dry_run_checks_as_strictly_and_leaves_nothing(api: Api) -> None:
    case = api.open()["id"]
    empty = {"trigger": "suppress", "input": {}, "dry_run": True}
    dry = check_problem(api.fire(case, empty, version=None), 422, "invalid")
    real = check_problem(api.fire(case, {**empty, "dry_run": False}, version=1), 422, "invalid")
    assert dry["errors"] == real["errors"]
    assert api.fire(case, {"trigger": "monitor", "input": {}, "dry_run": True}, version=None).status_code == 200
    check_problem(api.fire(case, {"trigger": "monitor", "input": {}, "dry_run": True}, version=9), 412, "stale")
    opening = api.post("/cases", {**hotspot(), "dry_run": True})
    assert (opening.status_code, opening.json()["allowed"], opening.json()["to"]) == (200, True, "identified")
    outside = api.post("/cases", {**hotspot(NEIGHBOUR), "dry_run": True})
    assert [blocker["code"] for blocker in outside.json()["blockers"]] == ["unit"]
    check_problem(api.post("/cases", {**hotspot(), "data": {}, "dry_run": True}), 422, "invalid")
    history = api.get(f"/cases/{case}/events", outcome="all").json()["items"]
    assert [entry["kind"] for entry in history] == ["opened"]
    assert len(api.get("/cases").json()["items"]) == 1


def test_a_deadline_passes_with_the_clock(api: Api) -> None:
    case = api.open()["id"]
    assert (api.get(f"/cases/{case}").json()["overdue"], api.get("/cases", overdue="true").json()["items"]) == (
        False,
        [],
    )
    api.clock.now += timedelta(days=31)
    assert api.get(f"/cases/{case}").json()["overdue"] is True
    assert [item["id"] for item in api.get("/cases", overdue="true").json()["items"]] == [case]


def test_the_day_is_the_one_in_viet_nam(api: Api) -> None:
    api.clock.now = api.clock.now.replace(hour=17)  # midnight has passed there
    case = api.open()["id"]
    tomorrow = {"trigger": "suppress", "input": {"suppressed_on": "2025-03-06", "decision": DOCUMENT}}
    assert TODAY < "2025-03-06"
    assert api.fire(case, tomorrow, version=1).status_code == 200
