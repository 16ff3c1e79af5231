"""Many transitions in one request: each for itself or all or none, and what a repeated request finds."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import httpx
import pytest

from tests.api.conftest import COMMUNE, NEIGHBOUR, SUPPRESS, Api, check_problem, paths
from workflows.core.case import Command, Decision, Fire
from workflows.core.decide import decide
from workflows.core.world import Draft
from workflows.store import writer

MONITOR = {"trigger": "monitor", "input": {}}


def item(case: str, version: int = 1, body: Mapping[str, object] = SUPPRESS) -> dict[str, object]:
    return {"case": case, "version": version, **body}


def send(
    api: Api, items: Sequence[object], *, atomic: bool = False, key: str | None = None, who: str = "police"
) -> httpx.Response:
    headers = {"idempotency-key": key} if key else {}
    return api.post("/transitions", {"items": items, "atomic": atomic}, who=who, headers=headers)


def statuses(answer: httpx.Response) -> list[int]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    found = [each["status"] for each in body["items"]]
    assert [each["index"] for each in body["items"]] == list(range(len(found)))
    accepted = sum(status == 200 for status in found)
    assert (body["accepted"], body["not_accepted"]) == (accepted, len(found) - accepted)
    return found


def version_of(api: Api, case: str) -> int:
    return int(api.get(f"/cases/{case}", who="auditor").json()["version"])


def test_each_item_is_answered_for_itself(api: Api) -> None:
    mine, done, hidden = api.open()["id"], api.open()["id"], api.open(who="neighbour", unit=NEIGHBOUR)["id"]
    assert api.fire(done, SUPPRESS, version=1).status_code == 200
    bad: Mapping[str, object] = {"trigger": "suppress", "input": {"suppressed_on": "no date"}}
    answer = send(
        api, [item(mine), item(done), item(hidden), item(done, 2), item(mine, 2, bad), item(mine, 2, MONITOR)]
    )
    assert statuses(answer) == [200, 412, 404, 409, 422, 200]
    first, stale, _, refused, invalid, last = answer.json()["items"]
    assert first.keys() == {"index", "status", "event"}
    assert (first["event"]["seq"], last["event"]["seq"], last["event"]["target"]) == (2, 3, "monitored")
    assert stale.keys() == {"index", "status", "problem"}
    assert refused["problem"]["blockers"][0]["code"] == "state"
    assert invalid["problem"]["errors"][0]["path"].startswith("/input/")
    assert (version_of(api, mine), version_of(api, done), version_of(api, hidden)) == (3, 2, 1)


def test_all_or_none(api: Api) -> None:
    cases = [api.open()["id"] for _ in range(3)]
    answer = send(api, [item(cases[0]), item(cases[1], 7), item(cases[2])], atomic=True)
    assert statuses(answer) == [409, 412, 409]
    assert [each["problem"]["code"] for each in answer.json()["items"]] == ["dropped", "stale", "dropped"]
    assert [version_of(api, case) for case in cases] == [1, 1, 1]
    # Also where two of them are about one case, the second resting on the first.
    whole = [*map(item, cases), item(cases[0], 2, MONITOR)]
    assert statuses(send(api, whole, atomic=True)) == [200] * 4
    assert [version_of(api, case) for case in cases] == [3, 2, 2]


@pytest.mark.parametrize("atomic", [False, True])
def test_a_repeated_request_is_answered_as_the_first_was(api: Api, *, atomic: bool) -> None:
    cases = [api.open()["id"] for _ in range(3)]
    assert api.fire(cases[1], SUPPRESS, version=1).status_code == 200
    items = [item(cases[0]), item(cases[1], 2), item(cases[2])]
    first, again = (send(api, items, atomic=atomic, key="bulk") for _ in range(2))
    assert statuses(first) == ([409] * 3 if atomic else [200, 409, 200])
    assert again.content == first.content
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    check_problem(send(api, items[:2], atomic=atomic, key="bulk"), 422, "key_reused")
    assert [version_of(api, case) for case in cases] == ([1, 2, 1] if atomic else [2, 2, 2])


def test_a_key_is_that_of_one_request_whatever_of_it_was_kept(api: Api) -> None:
    """Items that leave nothing, another number of items, all or none: the key is known nevertheless."""
    cases = [api.open()["id"] for _ in range(3)]
    assert statuses(send(api, [item(cases[0], 7), item(cases[1])], key="first")) == [412, 200]
    check_problem(send(api, [item(cases[0])], key="first"), 422, "key_reused")
    assert statuses(send(api, [item(cases[0])], atomic=True, key="second")) == [200]
    check_problem(send(api, [item(cases[2])], key="second"), 422, "key_reused")
    assert [version_of(api, case) for case in cases] == [2, 2, 1]


def test_a_request_that_ended_in_the_middle_is_completed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deciding the second half fails; sent again, only that half is carried out."""
    cases = [api.open()["id"] for _ in range(6)]
    items = [item(case) for case in cases]

    def failing(draft: Draft, command: Command, now: datetime) -> Decision:
        if isinstance(command.act, Fire) and command.act.case in cases[3:]:
            raise RuntimeError("no memory is left")
        return decide(draft, command, now)

    with monkeypatch.context() as patched:
        patched.setattr(writer, "decide", failing)
        first = send(api, items, key="bulk")
    assert statuses(first) == [200] * 3 + [500] * 3
    second = send(api, items, key="bulk")
    assert statuses(second) == [200] * 6
    assert second.json()["items"][:3] == first.json()["items"][:3]
    assert "idempotency-replayed" not in second.headers
    assert [version_of(api, case) for case in cases] == [2] * 6


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({}, ["/items"]),
        ({"items": []}, ["/items"]),
        ({"items": [{}]}, ["/items/0/case", "/items/0/trigger", "/items/0/version"]),
        ({"items": [{"case": "x", "trigger": "suppress", "version": 1}]}, ["/items/0/case"]),
        ({"items": [{"case": "x", "trigger": "suppress", "version": "1"}]}, ["/items/0/version"]),
        ({"items": [{"case": "x", "trigger": "suppress", "version": 0}]}, ["/items/0/version"]),
        ({"items": [{"case": "x", "trigger": "suppress", "version": 1, "imput": {}}]}, ["/items/0/imput"]),
        ({"items": ["x"]}, ["/items/0"]),
        ({"items": [{"case": "x", "trigger": "t", "version": 1}], "atomic": 0}, ["/atomic"]),
        ({"items": [{"case": "x", "trigger": "t", "version": 1}] * 1001}, ["/items"]),
    ],
)
def test_what_no_item_can_be_is_refused_whole(sqlite_api: Api, body: object, found: list[str]) -> None:
    assert paths(check_problem(sqlite_api.post("/transitions", body), 422, "invalid")) == found


def test_a_misspelt_member_of_an_item_is_told_the_nearest(sqlite_api: Api) -> None:
    body = {"items": [{"case": "x", "trigger": "suppress", "version": 1, "imput": {}}]}
    problem = check_problem(sqlite_api.post("/transitions", body), 422, "invalid")
    assert "'input'" in problem["errors"][0]["message"]


def test_a_bad_instant_is_told_with_its_item(sqlite_api: Api) -> None:
    case = sqlite_api.open()["id"]
    answer = send(sqlite_api, [item(case), {**item(case, 2), "occurred_at": "yesterday"}])
    assert paths(check_problem(answer, 422, "invalid")) == ["/items/1/occurred_at"]
    assert version_of(sqlite_api, case) == 1


def test_a_thousand_items_are_carried_out_in_their_order(sqlite_api: Api) -> None:
    """Back and forth on few cases, so that an item that overtook another would be stale."""
    relapse = {"relapsed_on": "2025-03-05", "found_by": "survey", "preceded_by_complaint": False}
    bodies: tuple[Mapping[str, object], ...] = (SUPPRESS, {"trigger": "relapse", "input": relapse})
    cases = [sqlite_api.open(unit=COMMUNE)["id"] for _ in range(4)]
    items = [item(case, 1 + turn, bodies[turn % 2]) for turn in range(250) for case in cases]
    assert statuses(send(sqlite_api, items)) == [200] * 1000
