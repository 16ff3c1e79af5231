"""What a newcomer does, with nothing but the document: a generated client against a real server."""

import time
from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from types import ModuleType
from typing import Any, Final
from uuid import UUID

import httpx
import pytest

from api.contract import OPERATIONS
from tests.client.conftest import Client, answer_of
from tests.contract.server import HOOK
from tests.faults import stage
from workflows.core.documents import Role

POLICE: Final = Role.PROVINCIAL_POLICE.value
OFFICER: Final = Role.COMMUNE_OFFICER.value
ADMINISTRATOR: Final = Role.ADMINISTRATOR.value
INPUT: Final = {"suppressed_on": stage.TODAY, "decision": dict(stage.DOCUMENT)}
PATIENCE_SECONDS: Final = 10.0


class Newcomer:
    """Calls operations by name and remembers which."""

    def __init__(self, client: Client) -> None:
        self.models = client.models
        self._client = client
        self.called: set[str] = set()

    def ask(self, operation: str, *given: object, who: str = POLICE, **named: object) -> Any:  # noqa: ANN401 - generated
        self.called.add(operation)
        return self._client.call(operation, who, *given, **named)

    def body(self, model: str, **members: object) -> object:
        return getattr(self.models, model).from_dict(members)


@pytest.fixture
def newcomer(client: Client) -> Newcomer:
    return Newcomer(client)


@pytest.mark.either_database("postgresql")
def test_the_whole_way(newcomer: Newcomer, communes: list[str]) -> None:
    looked_around(newcomer, communes[0])
    case = opened(newcomer, communes[0])
    fired(newcomer, case)
    refused(newcomer, case)
    fired_many(newcomer, case)
    history(newcomer, case)
    figures(newcomer, communes[0])
    classified(newcomer, communes[0])
    planned(newcomer)
    subscribed(newcomer)
    assert newcomer.called == set(OPERATIONS)


def looked_around(newcomer: Newcomer, commune: str) -> None:
    assert newcomer.ask("get_me").parsed.role == POLICE
    assert "hotspot" in {each.key for each in newcomer.ask("list_workflows").parsed.items}
    workflow = newcomer.ask("get_workflow", "hotspot").parsed
    assert "suppress" in {each.trigger for each in workflow.transitions}
    for other in ("certification", "opinion", "list_decision"):
        assert newcomer.ask("get_workflow", other).parsed.key == other
    assert "stateDiagram" in newcomer.ask("get_diagram", "hotspot").content.decode()
    unit = newcomer.ask("get_unit", commune).parsed
    assert unit.code in {each.code for each in newcomer.ask("list_units", parent=unit.parent).parsed.items}
    assert newcomer.ask("healthz").parsed.status == "ok"
    assert newcomer.ask("readyz").status_code == HTTPStatus.OK
    assert newcomer.ask("get_openapi").parsed["openapi"] == "3.1.0"
    assert newcomer.ask("metrics").parsed.code == "forbidden"
    assert "workflows_" in newcomer.ask("metrics", who=ADMINISTRATOR).content.decode()
    assert newcomer.ask("get_me", who="nobody").parsed.code == "unauthorized"


def opened(newcomer: Newcomer, commune: str) -> UUID:
    members = {
        "workflow": "hotspot",
        "unit": commune,
        "title": "Điểm phức tạp ở chợ",
        "data": {"kind": "gathering_place", "found_by": "survey"},
    }
    dry = newcomer.ask("open_case", body=newcomer.body("OpenBody", **members, dry_run=True))
    assert (dry.status_code, dry.parsed.allowed, dry.parsed.to) == (HTTPStatus.OK, True, "identified")
    answer = newcomer.ask("open_case", body=newcomer.body("OpenBody", **members), idempotency_key="open-1")
    assert answer.status_code == HTTPStatus.CREATED
    case = answer.parsed.case
    assert answer.headers["location"] == f"/api/v1/cases/{case.id}"
    wrong = newcomer.ask("open_case", body=newcomer.body("OpenBody", **{**members, "unit": "0"}))
    assert (wrong.status_code, wrong.parsed.errors[0].path) == (HTTPStatus.UNPROCESSABLE_ENTITY, "/unit")
    listed = newcomer.ask("list_cases", workflow="hotspot", state="identified", q="diem phuc tap").parsed
    assert case.id in {each.id for each in listed.items}
    why = newcomer.ask("get_deadline", case.id).parsed
    assert (why.within, why.due, why.calendar) == (30, case.due, None)
    found: UUID = case.id
    return found


def fired(newcomer: Newcomer, case: UUID) -> None:
    read = newcomer.ask("get_case", case)
    tag = read.headers["etag"]
    unchanged = newcomer.ask("get_case", case, if_none_match=tag)
    assert (unchanged.status_code, unchanged.content) == (HTTPStatus.NOT_MODIFIED, b"")
    (offer,) = (each for each in newcomer.ask("list_offers", case).parsed.items if each.trigger == "suppress")
    assert set(offer.input_schema["required"]) == set(INPUT)
    dry = newcomer.ask("fire", case, body=newcomer.body("FireBody", trigger="suppress", dry_run=True), if_match=tag)
    pending = {each.code for each in dry.parsed.pending}
    assert pending == {"not_in_future", "not_before_identified", "not_before_relapse"}
    asked: dict[str, Any] = {
        "body": newcomer.body("FireBody", trigger="suppress", input=INPUT),
        "idempotency_key": "suppress-1",
    }
    done = newcomer.ask("fire", case, **asked, if_match=tag)
    assert (done.parsed.case.state, done.parsed.event.seq, done.headers["etag"]) == ("suppressed", 2, '"2"')
    again = newcomer.ask("fire", case, **asked, if_match=tag)
    assert again.content == done.content
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in done.headers
    other = {**asked, "body": newcomer.body("FireBody", trigger="monitor")}
    assert newcomer.ask("fire", case, **other, if_match=tag).parsed.code == "key_reused"
    stale = newcomer.ask("fire", case, body=newcomer.body("FireBody", trigger="monitor"), if_match=tag)
    assert (stale.status_code, stale.parsed.code) == (HTTPStatus.PRECONDITION_FAILED, "stale")


def refused(newcomer: Newcomer, case: UUID) -> None:
    again = newcomer.body("FireBody", trigger="suppress", input=INPUT)
    answer = newcomer.ask("fire", case, body=again, if_match='"2"')
    assert (answer.status_code, answer.parsed.code) == (HTTPStatus.CONFLICT, "refused")
    (blocker,) = answer.parsed.blockers
    assert (blocker.code, blocker.found, blocker.needed) == ("state", "suppressed", ["identified", "relapsed"])
    assert blocker.message.vi
    assert blocker.message.en
    forbidden = newcomer.ask("fire", case, body=again, if_match='"2"', who=OFFICER)
    assert forbidden.status_code == HTTPStatus.FORBIDDEN
    assert "role" in {each.code for each in forbidden.parsed.blockers}
    missing = newcomer.ask("get_case", UUID(stage.NOBODYS))
    assert (missing.status_code, missing.parsed.code) == (HTTPStatus.NOT_FOUND, "not_found")


def fired_many(newcomer: Newcomer, case: UUID) -> None:
    items = [{"case": str(case), "trigger": trigger, "version": 2} for trigger in ("monitor", "suppress")]
    answer = newcomer.ask("fire_many", body=newcomer.body("BulkBody", items=items)).parsed
    done, not_done = answer.items
    assert (answer.accepted, answer.not_accepted) == (1, 1)
    assert (done.status, done.event.target) == (HTTPStatus.OK, "monitored")
    assert (not_done.index, not_done.problem.status) == (1, not_done.status)


def history(newcomer: Newcomer, case: UUID) -> None:
    entries = newcomer.ask("list_case_events", case, outcome=newcomer.models.ListCaseEventsOutcome.ALL).parsed.items
    kinds = {type(each).__name__ for each in entries}
    assert kinds == {"Event", "Attempt"}
    triggers = [each.trigger for each in reversed(entries) if isinstance(each, newcomer.models.Event)]
    assert triggers == ["open", "suppress", "monitor"]
    across = newcomer.ask("list_events", workflow="hotspot", from_=date.fromisoformat(stage.TODAY), limit=200).parsed
    assert {each.trigger for each in across.items if each.case == case} == set(triggers)
    first = newcomer.ask("list_events", limit=1).parsed
    second = newcomer.ask("list_events", limit=1, cursor=first.next_).parsed
    assert first.items[0].id != second.items[0].id
    assert followed(newcomer, case) == triggers


def followed(newcomer: Newcomer, case: UUID) -> list[str]:
    """Triggers of a case as the feed tells them; positions follow a moment after the commit."""
    found: list[str] = []
    after, deadline = 0, time.monotonic() + PATIENCE_SECONDS
    while "monitor" not in found and time.monotonic() < deadline:
        page = newcomer.ask("read_feed", after=after, limit=50).parsed
        found += [each.event.trigger for each in page.items if each.event.case == case]
        after = page.next_
        if not page.more:
            time.sleep(0.05)
    return found


def figures(newcomer: Newcomer, commune: str) -> None:
    members = {"unit": commune, "key": "households", "value": 2300, "as_of": stage.TODAY, "source": "Báo cáo"}
    entered = newcomer.ask("enter_count", body=newcomer.body("CountBody", **members), idempotency_key="count-1")
    assert (entered.status_code, entered.parsed.value) == (HTTPStatus.CREATED, 2300)
    known = {each.key: each.value for each in newcomer.ask("list_facts", commune).parsed.items}
    assert known["households"] == 2300


def classified(newcomer: Newcomer, commune: str) -> None:
    (table,) = newcomer.ask("list_tables").parsed.items
    classes = {each.class_ for each in newcomer.ask("get_table", table.key).parsed.classes}
    found = newcomer.ask("classify_unit", commune, table=table.key).parsed
    assert found.class_ is None
    assert {each.class_ for each in found.possible} <= classes
    assert found.missing


def planned(newcomer: Newcomer) -> None:
    plans = {each.key for each in newcomer.ask("list_plans").parsed.items}
    assert "tra-vinh-2025" in plans
    targets = newcomer.ask("get_plan", "tra-vinh-2025").parsed.targets.to_dict()
    reached = newcomer.ask("read_targets", "tra-vinh-2025").parsed.items
    assert [each.key for each in reached] == list(targets)
    behind = newcomer.ask("read_behind", "tra-vinh-2025", reached[0].key)
    assert behind.status_code == HTTPStatus.OK
    body = newcomer.body("PlanOpeningBody", year=2025, dry_run=True)
    assert newcomer.ask("open_plan", "tra-vinh-2025", body=body).parsed.counts.new > 0
    assert newcomer.ask("list_obligations", "tra-vinh-2025").parsed.items == []
    report = newcomer.ask("read_report", "tra-vinh-2025", "consolidated_report").parsed
    assert [each.key for each in report.targets] == list(targets)
    assert newcomer.ask("list_notices").parsed.items == []


def subscribed(newcomer: Newcomer) -> None:
    members = {"name": "Cổng dữ liệu", "url": HOOK, "workflows": ["hotspot"], "active": False}
    body = newcomer.body("SubscriptionBody", **members)
    assert newcomer.ask("create_subscription", body=body).parsed.code == "forbidden"
    made = newcomer.ask("create_subscription", body=body, who=ADMINISTRATOR)
    assert (made.status_code, made.parsed.secret[:6]) == (HTTPStatus.CREATED, "whsec_")
    subscription = made.parsed.id

    def ask(operation: str, body: object = None, **named: object) -> Any:  # noqa: ANN401 - generated
        given: Mapping[str, object] = {**named, "body": body} if body is not None else named
        return newcomer.ask(operation, subscription, **given, who=ADMINISTRATOR)

    assert ask("get_subscription").parsed.name == "Cổng dữ liệu"
    listed = newcomer.ask("list_subscriptions", who=ADMINISTRATOR).parsed.items
    assert [each.id for each in listed] == [subscription]
    assert ask("change_subscription", newcomer.body("SubscriptionChangeBody", name="Cổng")).parsed.name == "Cổng"
    rotated = ask("rotate_secret", newcomer.body("SecretBody", overlap_hours=1)).parsed
    assert rotated.secret != made.parsed.secret
    assert ask("replay_deliveries", newcomer.body("ReplayBody", after=0)).status_code == HTTPStatus.ACCEPTED
    assert isinstance(ask("list_deliveries").parsed.items, list)
    assert ask("delete_subscription").status_code == HTTPStatus.NO_CONTENT
    assert ask("get_subscription").status_code == HTTPStatus.NOT_FOUND


def test_what_the_document_does_not_describe_is_noticed(package: ModuleType) -> None:
    """The control: the client would not swallow another status, nor an answer without a member."""
    me = {"key": stage.NOBODYS, "person": "an"}
    with pytest.raises(KeyError, match="role"):
        answer_of(package, "get_me", httpx.Response(200, json=me))
    with pytest.raises(Exception, match="418"):
        answer_of(package, "get_me", httpx.Response(418))
