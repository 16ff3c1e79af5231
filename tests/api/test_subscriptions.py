"""Subscriptions over HTTP: made, seen, changed and ended by whom it concerns, and by nobody else."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest

from tests.api.conftest import COMMUNE, NEIGHBOUR, NOW, Api, check_problem, paths, served
from workflows.core.documents import Role
from workflows.services import subscriptions
from workflows.services.sequencing import Sequencer
from workflows.services.webhooks import LEASE
from workflows.store import keys, tables, webhooks
from workflows.store.webhooks import Result, Verdict

PATH: Final = "/subscriptions"
HOOK: Final = {"name": "Sở Y tế", "url": "https://example.org/hook"}
PEOPLE: Final[Mapping[str, tuple[Role, str]]] = {
    "link": (Role.SYSTEM, "84"),
    "other-link": (Role.SYSTEM, "84"),
    "province-admin": (Role.ADMINISTRATOR, "84"),
    "elsewhere-admin": (Role.ADMINISTRATOR, "22"),
}


@pytest.fixture
def hooks(api: Api) -> Api:
    return with_people(api)


@pytest.fixture
def alone(sqlite_url: str) -> Iterator[Api]:
    for api in served(sqlite_url):
        yield with_people(api)


@pytest.fixture(scope="module")
def sqlite_hooks(sqlite_api: Api) -> Api:
    return with_people(sqlite_api)


def with_people(api: Api) -> Api:
    made = {name: new_key(api, name, role, unit) for name, (role, unit) in PEOPLE.items()}
    made["unscoped"] = new_key(api, "unscoped", Role.SYSTEM, "84", scope=())
    return Api(client=api.client, engine=api.engine, clock=api.clock, secrets={**api.secrets, **made})


def new_key(api: Api, person: str, role: Role, unit: str, scope: tuple[str, ...] = ("subscriptions.manage",)) -> str:
    found = scope if role is Role.SYSTEM else ()
    grant = keys.Grant(role=role, unit=unit, person=person, name=person, scope=found)
    return keys.create(api.engine.database, grant, now=NOW).secret


def subscribe(api: Api, who: str = "link", **more: object) -> dict[str, Any]:
    answer = api.post(PATH, {**HOOK, **more}, who=who)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/v1{PATH}/{found['id']}"
    return found


def change(api: Api, subscription: str, body: object, who: str = "link") -> httpx.Response:
    return api.send("PATCH", f"{PATH}/{subscription}", who=who, json=body)


def test_from_the_first_to_the_last(hooks: Api) -> None:
    made = subscribe(hooks, workflows=["hotspot"], triggers=["open", "suppress"], units=[COMMUNE])
    assert made["secret"].startswith("whsec_")
    shown = hooks.get(f"{PATH}/{made['id']}", who="link").json()
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert shown["active"] is True
    assert hooks.get(PATH, who="link").json() == {"items": [shown], "next": None}
    changed = change(hooks, made["id"], {"name": "Khác", "triggers": [], "active": False}).json()
    assert changed == {**shown, "name": "Khác", "triggers": [], "active": False, "paused_because": "requested"}
    back = change(hooks, made["id"], {"active": True}).json()
    assert (back["active"], back["paused_because"], back["units"]) == (True, None, [COMMUNE])
    gone = hooks.send("DELETE", f"{PATH}/{made['id']}", who="link")
    assert (gone.status_code, gone.content) == (204, b"")
    check_problem(hooks.get(f"{PATH}/{made['id']}", who="link"), 404, "not_found")


def test_secrets_are_shown_once_and_overlap(alone: Api) -> None:
    made = subscribe(alone)
    path = f"{PATH}/{made['id']}"
    fresh = alone.post(f"{path}/secret", {"overlap_hours": 2}, who="link").json()
    assert fresh["secret"] not in {made["secret"], None}
    until = "2025-03-05T04:00:00.000000Z"
    assert fresh["old_secret_until"] == until
    assert "secret" not in alone.get(path, who="link").json()
    assert made["secret"] not in alone.get(PATH, who="link").text
    assert alone.post(f"{path}/secret", {"overlap_hours": 0}, who="link").json()["old_secret_until"] is None
    for hours in (-1, 169):
        assert paths(check_problem(alone.post(f"{path}/secret", {"overlap_hours": hours}, who="link"), 422, "invalid"))


def test_deliveries_and_replay(hooks: Api) -> None:
    made = subscribe(hooks, units=[COMMUNE])
    path = f"{PATH}/{made['id']}"
    opened = [hooks.open() for _ in range(3)]
    hooks.open(who="neighbour", unit="29236")
    published(hooks)
    page = hooks.get(f"{path}/deliveries", who="link", limit=2).json()
    rest = hooks.get(f"{path}/deliveries", who="link", limit=2, cursor=page["next"]).json()
    assert [each["case"] for each in page["items"] + rest["items"]] == [case["id"] for case in reversed(opened)]
    with hooks.engine.database.write() as connection:
        claimed = webhooks.claim(connection, {made["id"]: 9}, hooks.clock(), LEASE)
        dead, *done = claimed
        results = [Result(claimed=each, verdict=Verdict.DELIVERED) for each in done]
        failed = Result(claimed=dead, verdict=Verdict.DEAD, status=500, error="answered 500")
        webhooks.settle(connection, [*results, failed], hooks.clock())
    (shown,) = hooks.get(f"{path}/deliveries", who="link", state="dead").json()["items"]
    assert (shown["attempts"], shown["last_status"], shown["last_error"]) == (1, 500, "answered 500")
    assert hooks.get(f"{path}/deliveries", who="link", state="waiting").json()["items"] == []
    answer = hooks.post(f"{path}/replay", {"after": None}, who="link")
    assert (answer.status_code, answer.json()) == (202, {"deliveries": 1})
    assert hooks.post(f"{path}/replay", {"after": 0}, who="link").json() == {"deliveries": 3}
    assert hooks.get(path, who="link").json()["replaying"] is True
    for body in ({}, {"after": -1}, {"after": "1"}):
        check_problem(hooks.post(f"{path}/replay", body, who="link"), 422, "invalid")


def published(api: Api) -> None:
    sequencer = Sequencer(api.engine, after=webhooks.fan_out)
    sequencer.start()
    sequencer.stop()


def test_each_sees_what_it_manages(hooks: Api) -> None:
    mine, theirs = subscribe(hooks)["id"], subscribe(hooks, "other-link")["id"]
    listed = {who: {each["id"] for each in hooks.get(PATH, who=who).json()["items"]} for who in PEOPLE}
    assert listed == {
        "link": {mine},
        "other-link": {theirs},
        "province-admin": {mine, theirs},
        "elsewhere-admin": set(),
    }
    for who, subscription in (("link", theirs), ("elsewhere-admin", mine)):
        path = f"{PATH}/{subscription}"
        for answer in (
            hooks.get(path, who=who),
            hooks.get(f"{path}/deliveries", who=who),
            change(hooks, subscription, {"active": False}, who),
            hooks.send("DELETE", path, who=who),
            hooks.post(f"{path}/secret", {}, who=who),
            hooks.post(f"{path}/replay", {"after": 0}, who=who),
        ):
            check_problem(answer, 404, "not_found")
    assert change(hooks, mine, {"active": False}, "province-admin").json()["active"] is False


@pytest.mark.parametrize("who", ["police", "auditor", "unscoped"])
def test_others_are_told_which_roles_may(sqlite_hooks: Api, who: str) -> None:
    made = subscribe(sqlite_hooks)
    path = f"{PATH}/{made['id']}"
    for answer in (
        sqlite_hooks.post(PATH, HOOK, who=who),
        sqlite_hooks.get(PATH, who=who),
        sqlite_hooks.get(path, who=who),
        change(sqlite_hooks, made["id"], {}, who),
        sqlite_hooks.send("DELETE", path, who=who),
        sqlite_hooks.post(f"{path}/replay", {"after": 0}, who=who),
    ):
        (blocker,) = check_problem(answer, 403, "forbidden")["blockers"]
        assert blocker["code"] == "role"
        assert blocker["needed"] == ["administrator", "system"]


@pytest.mark.parametrize(
    ("wrong", "path", "hint"),
    [
        ({"url": "http://example.org/"}, "/url", "https"),
        ({"url": "https://10.0.0.1/"}, "/url", "neither public"),
        ({"url": "https://user@example.org/"}, "/url", "user"),
        ({"name": " "}, "/name", "blank"),
        ({"name": 7}, "/name", "text"),
        ({"workflows": ["hotspott"]}, "/workflows/0", "'hotspot'"),
        ({"triggers": ["open", "supress"]}, "/triggers/1", "'suppress'"),
        ({"workflows": ["opinion"], "triggers": ["suppress"]}, "/triggers/0", "suppress"),
        ({"units": ["29242", "29243"]}, "/units/1", "the nearest code is 29"),
        ({"units": ["29242"] * 2 + [f"x{number}" for number in range(100)]}, "/units", "more than 100"),
        ({"secret": "x"}, "/secret", "unknown"),
        ({"trigers": []}, "/trigers", "triggers"),
    ],
)
def test_what_cannot_be_is_told(sqlite_hooks: Api, wrong: dict[str, object], path: str, hint: str) -> None:
    problem = check_problem(sqlite_hooks.post(PATH, {**HOOK, **wrong}, who="link"), 422, "invalid")
    (found,) = [each["message"] for each in problem["errors"] if each["path"] == path]
    assert hint in found
    made = subscribe(sqlite_hooks)
    check_problem(change(sqlite_hooks, made["id"], wrong), 422, "invalid")


def test_a_unit_outside_is_refused(sqlite_hooks: Api) -> None:
    for code in ("22", "VN"):
        problem = check_problem(sqlite_hooks.post(PATH, {**HOOK, "units": [code]}, who="link"), 403, "forbidden")
        assert [each["code"] for each in problem["blockers"]] == ["unit"]


def test_a_subscription_goes_on_with_a_new_key_of_its_person(hooks: Api) -> None:
    made = subscribe(hooks)
    old = made["key"]
    assert keys.revoke(hooks.engine.database, old, now=hooks.clock())
    answer = change(hooks, made["id"], {"active": True}, "province-admin")
    assert paths(check_problem(answer, 422, "invalid")) == ["/active"]
    again = {**hooks.secrets, "link": new_key(hooks, "link", Role.SYSTEM, "842")}
    renewed = Api(client=hooks.client, engine=hooks.engine, clock=hooks.clock, secrets=again)
    changed = change(renewed, made["id"], {"active": True})
    assert changed.status_code == 200, changed.text
    assert changed.json()["key"] != old
    hooks.open()
    hooks.open(who="district", unit=COMMUNE)
    published(hooks)
    assert len(renewed.get(f"{PATH}/{made['id']}/deliveries", who="link").json()["items"]) == 2


def test_what_waits_is_kept_from_a_key_that_sees_less(hooks: Api) -> None:
    """It was queued while the subscription acted for another key, whose unit has been taken away since."""
    made = subscribe(hooks)
    mine, other = hooks.open()["id"], hooks.open(who="neighbour", unit=NEIGHBOUR)["id"]
    published(hooks)
    path = f"{PATH}/{made['id']}"
    assert [each["case"] for each in hooks.get(f"{path}/deliveries", who="link").json()["items"]] == [other, mine]
    less = {**hooks.secrets, "link": new_key(hooks, "link", Role.SYSTEM, COMMUNE)}
    renewed = Api(client=hooks.client, engine=hooks.engine, clock=hooks.clock, secrets=less)
    assert change(renewed, made["id"], {"active": True}).status_code == 200
    assert [each["case"] for each in renewed.get(f"{path}/deliveries", who="link").json()["items"]] == [mine]
    with hooks.engine.database.write() as connection:
        claimed = webhooks.claim(connection, {made["id"]: 9}, hooks.clock(), LEASE)
    assert [each.case for each in claimed] == [mine]


def test_many_unknown_units_cost_one_comparison(sqlite_hooks: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each goes through all codes there are, and whoever writes waits meanwhile."""
    asked: list[str] = []
    monkeypatch.setattr(subscriptions, "nearest", lambda code, _: asked.append(code))
    wrong = [f"x{number}" for number in range(100)]
    problem = check_problem(sqlite_hooks.post(PATH, {**HOOK, "units": wrong}, who="link"), 422, "invalid")
    assert len(problem["errors"]) == 100
    assert asked == ["x0"]


def test_pages_of_subscriptions(alone: Api) -> None:
    made = []
    for number in range(3):
        alone.clock.now += timedelta(seconds=1)  # ids are as new as their instant
        made.append(subscribe(alone, name=str(number))["name"])
    first = alone.get(PATH, who="link", limit=2).json()
    second = alone.get(PATH, who="link", limit=2, cursor=first["next"]).json()
    assert [each["name"] for each in first["items"] + second["items"]] == made[::-1]
    assert second["next"] is None
    check_problem(alone.get(PATH, who="link", cursor="x"), 422, "invalid")


def test_what_may_no_longer_be_called_can_be_paused(hooks: Api) -> None:
    """The operator has taken its network off the list; it can be paused, and neither renamed alone nor resumed."""
    made = subscribe(hooks)
    with hooks.engine.database.write() as connection:
        row = tables.subscription.c.id == made["id"]
        connection.execute(tables.subscription.update().where(row).values(url="http://10.1.2.3/hook"))
    assert change(hooks, made["id"], {"active": False}).json()["active"] is False
    assert paths(check_problem(change(hooks, made["id"], {"active": True}), 422, "invalid")) == ["/url"]
    assert change(hooks, made["id"], {"active": True, "url": HOOK["url"]}).json()["active"] is True
