"""Deciding on variants of the shipped workflows: rules, versions and guards that those do not have."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from tests.core.acts import TAKEN_IN, accepted, codes, drafted, hotspot, in_approval
from tests.factories import Desk, definitions, document, findings, opened, shipped
from workflows.core.canonical import Json
from workflows.core.case import CaseId, Fire, Refused
from workflows.core.definition import Definitions, compile_definition
from workflows.core.documents import Condition, Effect, Opening, Role


class TestFourEyesOverMembers:
    """A rule of a list about its members; the shipped documents have none."""

    @pytest.fixture
    def desk(self) -> Desk:
        made = Desk(definitions=_with_rule("decide", "certification.appraise"))
        made.good_counts()
        return made

    def test_who_appraised_a_member_does_not_decide_the_list(self, desk: Desk) -> None:
        case = drafted(desk, [in_approval(desk)], action="refuse", person="an")
        decision = desk.fire(desk.actor(Role.PROVINCIAL_COMMITTEE, "dung"), case, "decide", {"decision": document()})
        assert codes(decision) == ["four_eyes"]

    def test_members_given_with_the_decision_count(self) -> None:
        members = shipped().workflows["list_decision"][0].fields["members"]
        decided = shipped().workflows["list_decision"][0].transitions["decide"]
        parts = {
            "separate_from": ("certification.appraise",),
            "input": {**decided.input, "members": members},
            "set": {**decided.set, "members": "input.members"},
            "effects": (),
        }
        desk = Desk(definitions=_changed(("list_decision", "decide", parts)))
        desk.good_counts()
        mine, other = in_approval(desk), hotspot(desk)
        desk.cases[other] = replace(desk.cases[other], workflow="certification")
        case = drafted(desk, [other], person="an")
        actor = desk.actor(Role.PROVINCIAL_COMMITTEE, "dung")
        given: dict[str, Json] = {"decision": document(), "members": [mine]}
        assert codes(desk.fire(actor, case, "decide", given)) == ["four_eyes"]
        accepted(desk.fire(actor, case, "decide", {**given, "members": [other]}))

    def test_the_members_are_loaded_for_it(self, desk: Desk) -> None:
        footprint = desk.definitions.footprint("list_decision", "decide")
        assert footprint.links
        assert footprint.members
        assert not definitions().footprint("hotspot", "suppress").links


class TestVersionsWithoutATrigger:
    """A later version may drop a trigger that running cases of related workflows still name."""

    def test_a_four_eyes_rule_over_it_holds(self) -> None:
        case, desk = self._moved_on("opinion", "give", "give_2")
        decision = desk.fire(desk.actor(Role.PROVINCIAL_COMMITTEE, "chi"), case, "approve", {"decision": document()})
        assert codes(decision) == ["four_eyes"]

    def test_an_effect_on_such_a_case_is_refused(self) -> None:
        desk = Desk(definitions=_renamed("certification", "approve", "approve_2"))
        desk.good_counts()
        member = in_approval(desk)
        newer = desk.definitions.versions("certification")[-1]
        desk.cases[member] = replace(desk.cases[member], definition=newer.hash, workflow_version=newer.version)
        case = drafted(desk, [member])
        actor = desk.actor(Role.PROVINCIAL_COMMITTEE, "lan")
        offers = desk.explain(actor, case, "decide")
        assert isinstance(offers, tuple)
        assert [(each.code, each.case) for each in offers[0].blockers] == [("state", member)]
        assert codes(desk.fire(actor, case, "decide", {"decision": document()})) == ["state"]

    def _moved_on(self, workflow: str, trigger: str, renamed: str) -> tuple[CaseId, Desk]:
        desk = Desk()
        desk.good_counts()
        case = in_approval(desk)
        desk.definitions = _renamed(workflow, trigger, renamed)
        return case, desk


def _renamed(workflow: str, trigger: str, renamed: str) -> Definitions:
    """The shipped definitions, and a version of one in force from 2025-06-01 that has another name for a trigger."""
    whole = shipped()
    first = whole.workflows[workflow][0]
    transitions = {renamed if name == trigger else name: each for name, each in first.transitions.items()}
    valid = first.valid.model_copy(update={"from_": date(2025, 6, 1)})
    second = first.model_copy(update={"version": 2, "transitions": transitions, "valid": valid})
    documents = [versions[0] for versions in whole.workflows.values()]
    return Definitions(compile_definition(each, whole) for each in (*documents, second))


def test_a_first_day_that_depends_on_the_input_awaits_it() -> None:
    desk = Desk(definitions=_changed(("hotspot", "suppress", {"not_before": "add_months(input.suppressed_on, 1)"})))
    case = hotspot(desk)
    police = desk.actor(Role.COMMUNE_POLICE)
    offers = desk.explain(police, case, "suppress")
    assert isinstance(offers, tuple)
    assert offers[0].allowed
    assert "too_early" in [each.code for each in offers[0].pending]
    given: dict[str, Json] = {"suppressed_on": "2025-03-05", "decision": document()}
    assert codes(desk.fire(police, case, "suppress", given)) == ["too_early"]


def test_a_blocker_does_not_repeat_free_text() -> None:
    """Refused attempts are kept for good, with their blockers; free text must be able to go."""
    rule = Condition.model_validate(
        {
            "code": "no_secret",
            "basis": "design",
            "that": 'input.position != "agree" || input.note == "x"',
            "else": {"vi": "Sai", "en": "Wrong"},
        }
    )
    desk = Desk(definitions=_changed(("opinion", "give", {"requires": (rule,)})))
    desk.good_counts()
    officer = desk.actor(Role.COMMUNE_OFFICER, "an")
    case = opened(desk.open(officer, "certification", TAKEN_IN))
    accepted(desk.fire(officer, case, "submit"))
    committee = desk.actor(Role.DISTRICT_COMMITTEE, "binh")
    accepted(desk.fire(committee, case, "endorse", {"attestations": findings(), "report": document()}))
    police = desk.actor(Role.PROVINCIAL_POLICE, "dung")
    asked = accepted(desk.fire(police, case, "request_opinions", {"agencies": ["department_of_health"]}))
    department = desk.actor(Role.DEPARTMENT, "chi", agency="department_of_health")
    given: dict[str, Json] = {"position": "agree", "note": "zzRIÊNGzz"}
    refused = desk.fire(department, asked.events[1].case, "give", given)
    assert isinstance(refused, Refused)
    assert [each.found for each in refused.blockers] == [{"input.position": "agree"}]


def test_a_child_is_not_opened_before_what_opened_it() -> None:
    """The commanded case may lag behind a related one, which then acts at the time of its own last event."""
    asked = Opening.model_validate(
        {"workflow": "opinion", "with": {"agency": {"literal": "department_of_health"}}, "basis": "design"}
    )
    effect = Effect.model_validate(
        {
            "fire": "submit",
            "workflow": "certification",
            "on": "same_unit",
            "states": ["proposed"],
            "otherwise": "refuse",
            "basis": "design",
        }
    )
    desk = Desk(
        definitions=_changed(
            ("certification", "submit", {"opens": (asked,)}), ("hotspot", "suppress", {"effects": (effect,)})
        )
    )
    desk.good_counts()
    place = hotspot(desk)
    claimed = desk.clock.now
    desk.clock.advance(days=2)
    accepted(desk.open(desk.actor(Role.COMMUNE_OFFICER, "binh"), "certification", TAKEN_IN))
    given: dict[str, Json] = {"suppressed_on": "2025-03-05", "decision": document()}
    act = Fire(case=place, trigger="suppress", input=given)
    decision = accepted(desk.decide(desk.command(desk.actor(Role.COMMUNE_POLICE), act, occurred_at=claimed)))
    suppressed_at, submitted_at, asked_at = (each.occurred_at for each in decision.events)
    assert (suppressed_at, submitted_at, asked_at) == (claimed, desk.clock.now, desk.clock.now)
    assert desk.cases[decision.events[2].case].entered == {"requested": "2025-03-07"}


def _with_rule(trigger: str, rule: str) -> Definitions:
    """The shipped definitions, the list decision with one more four-eyes rule."""
    (lists,) = shipped().workflows["list_decision"]
    rules = (*lists.transitions[trigger].separate_from, rule)
    return _changed(("list_decision", trigger, {"separate_from": rules}))


def _changed(*changes: tuple[str, str, dict[str, Any]]) -> Definitions:
    """The first versions of the shipped definitions with parts of transitions replaced: workflow, trigger, parts."""
    whole = shipped()
    documents = {workflow: versions[0] for workflow, versions in whole.workflows.items()}
    for workflow, trigger, parts in changes:
        transitions = documents[workflow].transitions
        changed = {**transitions, trigger: transitions[trigger].model_copy(update=parts)}
        documents[workflow] = documents[workflow].model_copy(update={"transitions": changed})
    return Definitions(compile_definition(each, whole) for each in documents.values())
