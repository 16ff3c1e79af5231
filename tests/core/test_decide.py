"""Deciding on the shipped workflows: authority, four-eyes, effects, lists, times, the record."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from tests.core.acts import KIND, TAKEN_IN, accepted, certified, codes, drafted, hotspot, in_approval, suppressed
from tests.factories import COMMUNE, START, Desk, document, opened
from workflows.core.canonical import Json
from workflows.core.case import Case, CaseId, Fire, Invalid, NotFound, Open, Refused, Stale, apply
from workflows.core.decide import decide
from workflows.core.documents import Role
from workflows.core.ids import derived
from workflows.core.ledger import read
from workflows.core.world import Draft


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.good_counts()
    return made


class TestAuthority:
    def test_wrong_state_is_told_with_authority_and_nothing_else(self, desk: Desk) -> None:
        case = hotspot(desk)
        other = desk.actor(Role.DEPARTMENT, path="VN/84/847")
        assert codes(desk.fire(other, case, "monitor")) == ["state", "role"]

    @pytest.mark.parametrize("more", [{"revoked": True}, {"valid_to": START.date()}, {"valid_from": date(2025, 3, 6)}])
    def test_a_grant_out_of_force_sees_and_does_nothing(self, desk: Desk, more: dict[str, Any]) -> None:
        case = hotspot(desk)
        late = desk.actor(Role.COMMUNE_POLICE, **more)
        assert isinstance(desk.fire(late, case, "suppress", {}), NotFound)
        assert isinstance(desk.explain(late, case), NotFound)
        assert codes(desk.open(late, "hotspot", KIND)) == ["not_in_force"]

    def test_the_last_day_of_a_grant_counts(self, desk: Desk) -> None:
        accepted(desk.open(desk.actor(Role.COMMUNE_POLICE, valid_to=date(2025, 3, 6)), "hotspot", KIND))

    def test_a_case_outside_the_unit_is_not_found(self, desk: Desk) -> None:
        case = hotspot(desk)
        elsewhere = desk.actor(Role.PROVINCIAL_POLICE, path="VN/84/84")
        assert desk.fire(elsewhere, case, "suppress", {}) == NotFound(what="case", given=case)
        assert codes(desk.open(elsewhere, "hotspot", KIND)) == ["unit"]

    def test_a_system_opens_and_fires_by_its_scope(self, desk: Desk) -> None:
        scope = frozenset({"hotspot.open", "hotspot.monitor"})
        system = desk.actor(Role.SYSTEM, "may-chu", scope=scope)
        case = opened(desk.open(system, "hotspot", KIND))
        given: dict[str, Json] = {"suppressed_on": "2025-03-05", "decision": document()}
        assert codes(desk.fire(system, case, "suppress", given)) == ["role"]
        accepted(desk.fire(desk.actor(Role.COMMUNE_POLICE), case, "suppress", given))
        accepted(desk.fire(system, case, "monitor"))

    def test_nobody_opens_what_only_other_cases_open(self, desk: Desk) -> None:
        police = desk.actor(Role.PROVINCIAL_POLICE)
        assert codes(desk.open(police, "opinion", {"agency": "department_of_health"})) == ["role"]


class TestFourEyes:
    def test_the_same_person_under_another_grant_is_the_same_person(self, desk: Desk) -> None:
        case = suppressed(desk, "an")
        accepted(desk.fire(desk.actor(Role.DISTRICT_POLICE, "an"), case, "monitor"))
        desk.clock.advance(days=400)
        assert codes(desk.fire(desk.actor(Role.DISTRICT_POLICE, "an"), case, "resolve")) == ["four_eyes"]
        accepted(desk.fire(desk.actor(Role.DISTRICT_POLICE, "binh"), case, "resolve"))

    def test_it_binds_systems_too(self, desk: Desk) -> None:
        system = desk.actor(Role.SYSTEM, "an", scope=frozenset({"hotspot.*"}))
        case = hotspot(desk, "an")
        assert codes(desk.decide(desk.command(system, Fire(case=case, trigger="dismiss"), reason="x"))) == ["four_eyes"]

    def test_a_new_episode_begins_anew(self, desk: Desk) -> None:
        case = suppressed(desk, "an")
        relapse: dict[str, Json] = {"relapsed_on": "2025-03-05", "found_by": "survey", "preceded_by_complaint": False}
        police = desk.actor(Role.DISTRICT_POLICE, "binh")
        accepted(desk.fire(police, case, "relapse", relapse))
        accepted(desk.fire(police, case, "suppress", {"suppressed_on": "2025-03-05", "decision": document()}))
        accepted(desk.fire(police, case, "monitor"))
        desk.clock.advance(days=400)
        assert codes(desk.fire(police, case, "resolve")) == ["four_eyes"]
        accepted(desk.fire(desk.actor(Role.DISTRICT_POLICE, "an"), case, "resolve"))

    @pytest.mark.parametrize(("person", "found"), [("binh", ["endorse"]), ("dung", ["appraise"]), ("chi", ["give"])])
    def test_approving_is_for_who_neither_endorsed_nor_appraised_nor_gave_an_opinion(
        self, desk: Desk, person: str, found: list[str]
    ) -> None:
        case = in_approval(desk)
        decision = desk.fire(desk.actor(Role.PROVINCIAL_COMMITTEE, person), case, "approve", {"decision": document()})
        assert isinstance(decision, Refused)
        assert [(b.code, b.found) for b in decision.blockers] == [
            ("four_eyes", {"person": person, "trigger": trigger}) for trigger in found
        ]

    def test_it_holds_through_a_list(self, desk: Desk) -> None:
        members = [in_approval(desk), in_approval(desk, unit="29404", endorser="lan")] if _other(desk) else []
        case = drafted(desk, members)
        decision = desk.fire(desk.actor(Role.PROVINCIAL_COMMITTEE, "lan"), case, "decide", {"decision": document()})
        assert isinstance(decision, Refused)
        assert [(b.code, b.case) for b in decision.blockers] == [("four_eyes", members[1])]
        assert {desk.cases[each].state for each in members} == {"approval"}

    def test_who_drafted_a_list_does_not_decide_it(self, desk: Desk) -> None:
        case = drafted(desk, [in_approval(desk)], person="lan")
        decision = desk.fire(desk.actor(Role.PROVINCIAL_COMMITTEE, "lan"), case, "decide", {"decision": document()})
        assert codes(decision) == ["four_eyes"]


def _other(desk: Desk) -> bool:
    desk.good_counts("29404")
    return True


class TestEffects:
    def test_a_new_hotspot_puts_the_certificate_under_review(self, desk: Desk) -> None:
        certificate = certified(desk)
        decision = accepted(desk.open(desk.actor(Role.COMMUNE_POLICE, "an"), "hotspot", KIND))
        assert [event.trigger for event in decision.events] == ["open", "put_under_review"]
        assert decision.events[1].cause == decision.events[0].id
        assert desk.cases[certificate].state == "under_review"
        review = desk.actor(Role.PROVINCIAL_COMMITTEE, "an")
        command = desk.command(review, Fire(case=certificate, trigger="reinstate"), reason="x")
        assert codes(desk.decide(command)) == ["four_eyes", "open_hotspots"]

    def test_a_business_does_not(self, desk: Desk) -> None:
        certificate = certified(desk)
        accepted(desk.open(desk.actor(Role.COMMUNE_POLICE), "hotspot", {**KIND, "kind": "conditional_business"}))
        assert desk.cases[certificate].state == "certified"

    def test_a_list_certifies_all_in_one_command(self, desk: Desk) -> None:
        assert _other(desk)
        members = [in_approval(desk), in_approval(desk, unit="29404")]
        case = drafted(desk, members)
        decision = accepted(
            desk.fire(desk.actor(Role.PROVINCIAL_COMMITTEE, "lan"), case, "decide", {"decision": document("7/QĐ")})
        )
        assert [event.case for event in decision.events] == [case, *members]
        assert {desk.cases[each].data["decision"]["number"] for each in members} == {"7/QĐ"}  # type: ignore[index,call-overload]  # data is JSON of any kind; this is a document

    def test_a_list_asks_for_the_role_of_what_it_fires(self, desk: Desk) -> None:
        case = drafted(desk, [in_approval(desk)])
        system = desk.actor(Role.SYSTEM, "may-chu", scope=frozenset({"list_decision.decide"}))
        decision = desk.fire(system, case, "decide", {"decision": document()})
        assert codes(decision) == ["role"]

    def test_the_explanation_of_a_list_names_the_members_in_the_way(self, desk: Desk) -> None:
        member = in_approval(desk)
        case = drafted(desk, [member])
        hotspot(desk)
        committee = desk.actor(Role.PROVINCIAL_COMMITTEE, "lan")
        offers = desk.explain(committee, case, "decide")
        assert isinstance(offers, tuple)
        real = desk.fire(committee, case, "decide", {"decision": document()})
        assert isinstance(real, Refused)
        assert offers[0].blockers == real.blockers
        assert [(b.code, b.case) for b in real.blockers] == [("criterion_a", member)]


class TestRequests:
    def test_stale_before_anything_else_is_looked_at(self, desk: Desk) -> None:
        case = hotspot(desk)
        command = desk.command(desk.actor(Role.AUDITOR), Fire(case=case, trigger="nope", expected_version=7))
        assert desk.decide(command) == Stale(expected=7, found=1)

    @pytest.mark.parametrize(("offset", "path"), [(1, "/occurred_at"), (-1, None), (-3_600, "/occurred_at")])
    def test_a_claimed_time_lies_between_the_last_event_and_now(
        self, desk: Desk, offset: int, path: str | None
    ) -> None:
        case = hotspot(desk)
        desk.clock.advance(minutes=30)
        claimed = desk.clock() + timedelta(seconds=offset)
        act = Fire(case=case, trigger="suppress", input={"suppressed_on": "2025-03-05", "decision": document()})
        decision = desk.decide(desk.command(desk.actor(Role.COMMUNE_POLICE), act, occurred_at=claimed))
        if path is None:
            assert accepted(decision).events[0].occurred_at == claimed
        else:
            assert isinstance(decision, Invalid)
            assert [error.path for error in decision.errors] == [path]

    def test_a_claimed_day_of_opening_is_the_day_it_counts(self, desk: Desk) -> None:
        act = Open(workflow="hotspot", unit=COMMUNE, title="Điểm A", data=KIND)
        claimed = START - timedelta(days=20, hours=10)
        command = desk.command(desk.actor(Role.COMMUNE_POLICE), act, occurred_at=claimed)
        case = accepted(desk.decide(command)).cases
        assert [each.entered for each in case.values()] == [{"identified": "2025-02-12"}]
        assert [each.due for each in case.values()] == [date(2025, 3, 14)]

    def test_an_amendment_changes_something(self, desk: Desk) -> None:
        case = hotspot(desk)
        police = desk.actor(Role.COMMUNE_POLICE)
        empty = desk.command(police, Fire(case=case, trigger="amend", input={"title": None}), reason="sai")
        assert isinstance(desk.decide(empty), Invalid)
        given: dict[str, Json] = {"title": "Điểm B", "found_by": "other"}
        event = accepted(
            desk.decide(desk.command(police, Fire(case=case, trigger="amend", input=given), reason="sai"))
        ).events[0]
        assert event.changes["before"] == {"title": "Điểm chợ Hòa Lợi", "found_by": "survey"}
        assert desk.cases[case].title == "Điểm B"
        assert desk.cases[case].state == "identified"

    def test_a_parent_must_open_such_cases_and_be_of_the_same_unit(self, desk: Desk) -> None:
        system = desk.actor(Role.SYSTEM, scope=frozenset({"opinion.*"}))
        data: dict[str, Json] = {"agency": "department_of_health"}
        parent = in_approval(desk)
        child = accepted(desk.open(system, "opinion", data, parent=parent))
        assert [case.parent for case in child.cases.values()] == [parent]
        for other, path in ((hotspot(desk), "/parent"), (CaseId("x"), "/parent")):
            decision = desk.open(system, "opinion", data, parent=other)
            assert isinstance(decision, Invalid)
            assert [error.path for error in decision.errors] == [path]
        decision = desk.open(system, "opinion", data, parent=parent, unit="29404")
        assert isinstance(decision, Invalid)
        assert [error.path for error in decision.errors] == ["/unit"]

    @pytest.mark.parametrize(
        ("given", "sheet"),
        [
            ({"sha256": None}, {"criterion_e": {"met": True, "note": "x", "evidence": None}}),
            ({}, {"criterion_e": {"met": True, "note": None, "evidence": {**document(), "sha256": None}}}),
        ],
    )
    def test_members_that_are_null_leave_no_trace(
        self, desk: Desk, given: dict[str, Json], sheet: dict[str, Json]
    ) -> None:
        officer = desk.actor(Role.COMMUNE_OFFICER)
        case = opened(desk.open(officer, "certification", TAKEN_IN))
        first = desk.cases[case]
        accepted(desk.fire(officer, case, "submit"))
        before = desk.cases[case]
        values: dict[str, Json] = {"report": {**document(), **given}, "attestations": sheet}
        event = accepted(desk.fire(desk.actor(Role.DISTRICT_COMMITTEE), case, "endorse", values)).events[0]
        assert read(event.entry, salt=event.salt, payload=event.payload) == event
        assert apply(before, event) == desk.cases[case]
        assert first.data == {"taken_in_on": "2025-01-02"}
        assert "null" not in str(desk.cases[case].data)
        assert None not in desk.cases[case].data["report"].values()  # type: ignore[union-attr]  # the test has given an object there


def test_deciding_twice_gives_the_same_bytes(desk: Desk) -> None:
    command = desk.command(
        desk.actor(Role.COMMUNE_POLICE), Open(workflow="hotspot", unit=COMMUNE, title="A", data=KIND)
    )
    first, second = (decide(Draft(desk.world), command, desk.clock()) for _ in range(2))
    assert first == second


def test_a_refusal_leaves_the_draft_as_it_was(desk: Desk) -> None:
    assert _other(desk)
    members = [in_approval(desk), in_approval(desk, unit="29404", endorser="lan")]
    case = drafted(desk, members)
    draft = Draft(desk.world)
    act = Fire(case=case, trigger="decide", input={"decision": document()})
    decision = decide(draft, desk.command(desk.actor(Role.PROVINCIAL_COMMITTEE, "lan"), act), desk.clock())
    assert isinstance(decision, Refused)
    assert draft.cases == {}


def test_unknown_findings_are_not_shown_as_met(desk: Desk) -> None:
    """What an explanation assumes of findings to come is no finding."""
    officer = desk.actor(Role.COMMUNE_OFFICER)
    case = opened(desk.open(officer, "certification", TAKEN_IN))
    accepted(desk.fire(officer, case, "submit"))
    given: dict[str, Json] = {"attestations": {}, "report": document()}
    accepted(desk.fire(desk.actor(Role.DISTRICT_COMMITTEE, "binh"), case, "endorse", given))
    hotspot(desk)
    offers = desk.explain(desk.actor(Role.PROVINCIAL_POLICE, "chi"), case, "appraise")
    assert isinstance(offers, tuple)
    found = next(blocker.found for blocker in offers[0].blockers if blocker.code == "criterion_a")
    assert isinstance(found, dict)
    assert found["rings_and_lines"] == {"met": None}


def test_a_case_holds_what_its_events_say(desk: Desk) -> None:
    case = certified(desk)
    assert isinstance(desk.cases[case], Case)
    assert desk.cases[case].sheets["drug_free_commune"]["criterion_e"]["person"] == "binh"


class TestLongLists:
    """A list of as many members as a field of links takes."""

    @pytest.fixture
    def members(self, desk: Desk) -> list[CaseId]:
        whole = desk.cases[in_approval(desk)]
        twins = [replace(whole, id=CaseId(derived(whole.id, "twin", index))) for index in range(2_000)]
        desk.cases |= {twin.id: twin for twin in twins}
        return [twin.id for twin in twins]

    def test_it_is_opened_amended_and_decided(self, desk: Desk, members: list[CaseId]) -> None:
        case = drafted(desk, members[:1_000])
        actor = desk.actor(Role.PROVINCIAL_COMMITTEE, "lan")
        given: dict[str, Json] = {"members": list(members[600:1_600])}
        accepted(desk.fire(actor, case, "amend", given, reason="Danh sách mới"))
        decided = accepted(desk.fire(actor, case, "decide", {"decision": document()}))
        assert len(decided.events) == 1_001

    def test_a_change_that_no_entry_holds_is_told(self, desk: Desk, members: list[CaseId]) -> None:
        case = drafted(desk, members[:1_000])
        given: dict[str, Json] = {"members": list(members[1_000:])}
        decision = desk.fire(desk.actor(Role.PROVINCIAL_COMMITTEE, "lan"), case, "amend", given, reason="Danh sách mới")
        assert isinstance(decision, Invalid), decision
        assert "at most 65535" in decision.errors[0].message
        assert desk.cases[case].version == 1
