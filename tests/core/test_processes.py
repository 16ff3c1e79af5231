"""The workflows of plans walked pair by pair, and what opening a child may do to its cause.

What each rule is for is told in `tests/services/test_processes.py`, with a real database.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from tests.core.acts import accepted, certified, codes
from tests.factories import COMMUNE, PROVINCE, Desk, definitions, opened, shipped
from tests.strategies import Setting, given
from workflows.core.canonical import Json
from workflows.core.case import Accepted, Case, CaseId, Refused
from workflows.core.civil import civil_date
from workflows.core.definition import Definition, Definitions, compile_definition
from workflows.core.documents import ANNULLED, Level, Opening, Role

PROCESSES = ("commune_transformation", "selection_decision", "plan_task", "periodic_report", "tip_off")
TIP: Mapping[str, Json] = {"channel": "hotline", "about": "place", "received_on": "2025-03-05"}
BEGINNINGS: Mapping[str, Mapping[str, Json]] = {
    "commune_transformation": {"approver": "provincial_police"},
    "plan_task": {"task": "training", "kind": "recurring", "year": 2025, "lead": ["department_of_health"]},
    "periodic_report": {"obligation": "annual", "kind": "annual", "agency": "department_of_health"},
    "tip_off": TIP,
}


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.good_counts()
    return made


def begun(desk: Desk, workflow: str) -> CaseId:
    data = BEGINNINGS.get(workflow)
    if data is None:
        data = {"action": "select", "members": [begun(desk, "commune_transformation")]}
    levels = desk.definitions.versions(workflow)[-1].document.levels
    unit = COMMUNE if Level.COMMUNE in levels else PROVINCE
    return opened(desk.open(desk.actor(Role.PROVINCIAL_POLICE, "dung"), workflow, data, unit=unit))


def pairs() -> Iterator[tuple[str, str, str]]:
    for workflow in PROCESSES:
        (definition,) = definitions().versions(workflow)
        for state in (*definition.document.states, ANNULLED):
            yield from ((workflow, state, trigger) for trigger in definition.steps)


def test_every_pair_is_walked() -> None:
    assert len([*pairs()]) == 11 * 12 + 4 * 4 + 5 * 6 + 4 * 5 + 5 * 5


@pytest.mark.parametrize(("workflow", "state", "trigger"), [*pairs()])
def test_a_trigger_leads_on_from_its_own_states_only(desk: Desk, workflow: str, state: str, trigger: str) -> None:
    case_id = begun(desk, workflow)
    case = desk.cases[case_id]
    days = dict.fromkeys(desk.definitions.by_hash(case.definition).document.states, "2025-03-01")
    desk.cases[case_id] = case = replace(case, state=state, final=state == ANNULLED, entered=days)
    step = desk.definitions.by_hash(case.definition).steps[trigger]
    offers = {offer.trigger: offer for offer in _offers(desk, case)}
    decision = desk.fire(
        desk.actor(Role.PROVINCIAL_POLICE, "binh"), case_id, trigger, _input(desk, case, trigger), reason="x"
    )
    assert isinstance(decision, Accepted | Refused), decision
    leads = state in step.targets
    assert (offers[trigger].to == step.targets.get(state), "state" not in _codes(decision)) == (True, leads)
    assert ("state" in [each.code for each in offers[trigger].blockers]) is not leads
    if isinstance(decision, Accepted):
        assert decision.events[0].target == step.targets[state]


def _offers(desk: Desk, case: Case) -> tuple[Any, ...]:
    offers = desk.explain(desk.actor(Role.PROVINCIAL_POLICE, "binh"), case.id)
    assert isinstance(offers, tuple)
    return offers


def _codes(decision: Accepted | Refused) -> list[str]:
    return [blocker.code for blocker in decision.blockers] if isinstance(decision, Refused) else []


def _input(desk: Desk, case: Case, trigger: str) -> dict[str, Json]:
    definition = desk.definitions.by_hash(case.definition)
    linked = [each.id for each in desk.cases.values() if each.workflow == "commune_transformation"]
    setting = Setting(context=definition.context, today=civil_date(desk.clock.now), cases=linked, kind=True)
    fields = {name: spec for name, spec in definition.steps[trigger].fields.items() if name != "hotspots"}
    values = given(Random(7), fields, setting)
    return {**values, "title": "Tên khác"} if trigger == "amend" else values


class TestChildren:
    def test_a_hotspot_of_a_tip_off_puts_the_certificate_under_review(self, desk: Desk) -> None:
        """The child's own effects happen in the same transaction."""
        certificate = certified(desk)
        case, police = begun(desk, "tip_off"), desk.actor(Role.PROVINCIAL_POLICE)
        accepted(desk.fire(police, case, "verify"))
        decision = accepted(desk.fire(police, case, "confirm", {"kind": "point"}))
        assert [each.trigger for each in decision.events] == ["confirm", "open", "put_under_review"]
        assert desk.cases[certificate].state == "under_review"

    def test_what_a_child_cannot_take_stops_its_cause(self) -> None:
        """A document may promise by `when` that a value is there; the engine does not believe it."""
        desk = Desk(definitions=_tip_off("!known.input.kind", "input.kind"))
        case, police = begun(desk, "tip_off"), desk.actor(Role.PROVINCIAL_POLICE)
        accepted(desk.fire(police, case, "verify"))
        desk.cases[case] = replace(desk.cases[case], data={**TIP, "about": "sea"})
        decision = desk.fire(police, case, "confirm")
        assert codes(decision) == ["guard_error"]
        assert isinstance(decision, Refused)
        assert "/data/kind kind is required" in str(decision.blockers[0].found)

    def test_an_unknown_condition_stops_it_too_and_is_foretold(self) -> None:
        desk = Desk(definitions=_tip_off('case.kind == "point"', "case.kind"))
        case, police = begun(desk, "tip_off"), desk.actor(Role.PROVINCIAL_POLICE)
        accepted(desk.fire(police, case, "verify"))
        desk.cases[case] = replace(desk.cases[case], data={**TIP, "about": "sea"})
        offers = desk.explain(police, case, "confirm")
        assert isinstance(offers, tuple)
        assert [each.code for each in offers[0].blockers] == codes(desk.fire(police, case, "confirm")) == ["unknown"]


def _tip_off(when: str, kind: str) -> Definitions:
    """The shipped definitions with another child of a confirmed tip-off."""
    whole = shipped()
    (first,) = whole.workflows["tip_off"]
    values = {"found_by": {"literal": "tip_off"}, "kind": kind}
    child = Opening.model_validate({"workflow": "hotspot", "when": when, "with": values, "basis": "design"})
    confirm = first.transitions["confirm"].model_copy(update={"opens": (child,)})
    changed = first.model_copy(update={"transitions": {**first.transitions, "confirm": confirm}})
    others = [each for versions in whole.workflows.values() for each in versions if each is not first]
    return Definitions(_compiled([*others, changed]))


def _compiled(documents: list[Any]) -> Iterator[Definition]:
    return (compile_definition(document, shipped()) for document in documents)
