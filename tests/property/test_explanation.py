"""What is said before a trigger is fired is what happens when it is: list, single answer, dry run and real call."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final

import pytest

from tests.factories import Clock, carried_out, definitions, running
from tests.invariants import footmarks, require_intact
from tests.property.model import WORKFLOWS
from tests.property.playground import PLAN_PROCESSES, Playground, Proposal
from tests.sizes import FULL, size
from workflows.core.case import Accepted, Blocker, Command, Decision, Fire, Invalid, NotFound, Offer, Refused, Stale
from workflows.core.definition import Definition, Definitions, SheetRules, Step
from workflows.core.documents import ANNULLED
from workflows.services.engine import Engine
from workflows.store.loading import fetch

CASES: Final = size(130, 10_000)
"""On each database."""
PLAN_CASES: Final = size(50, 5_000)
PER_PLAYGROUND: Final = 150
BEGIN: Final = Clock().now.replace(year=2025, month=1, day=2)
Pair = tuple[str, str, str]
"""Workflow and version, state and trigger."""


@dataclass(slots=True)
class Seen:
    """How often each trigger was offered in each state, allowed and not, and what came of firing it."""

    offered: Counter[tuple[Pair, bool]] = field(default_factory=Counter)
    decided: Counter[str] = field(default_factory=Counter)
    cases: int = 0

    def missing(self, definitions: Definitions) -> list[str]:
        """Pairs without an outcome that is possible for them."""
        return [
            f"{'.'.join(pair)} never {'allowed' if allowed else 'blocked'}"
            for pair, possible in _pairs(definitions)
            for allowed in ((True, False) if possible else (False,))
            if not self.offered[pair, allowed]
        ]


def test_the_explanation_is_what_happens(database_url: str) -> None:
    chance, clock, seen = Random(19), Clock(), Seen()
    with running(database_url, clock) as engine:
        while seen.cases < CASES:
            _play(engine, clock, chance, seen)
        require_intact(engine)
        missing = seen.missing(engine.definitions)
    impossible = [
        pair for (pair, allowed) in seen.offered if allowed and pair not in dict(_leading(engine.definitions))
    ]
    assert impossible == []
    assert len(missing) <= (0 if FULL else 180), missing
    assert seen.decided.keys() >= {"Accepted", "Refused", "Invalid", "NotFound", "Stale"}


def test_the_explanation_of_the_processes_of_plans_is_what_happens(sqlite_url: str) -> None:
    chance, clock, seen = Random(29), Clock(), Seen()
    with running(sqlite_url, clock) as engine:
        while seen.cases < PLAN_CASES:
            _play(engine, clock, chance, seen, plans=True)
        require_intact(engine)
    played = {pair[0].partition(" ")[0] for pair, allowed in seen.offered if allowed}
    assert played >= {*PLAN_PROCESSES}
    assert seen.decided.keys() >= {"Accepted", "Refused", "Invalid"}


def _play(engine: Engine, clock: Clock, chance: Random, seen: Seen, *, plans: bool = False) -> None:
    clock.now = BEGIN
    ground = Playground.found(engine, clock, chance)
    ground.plans = plans
    for _ in range(PER_PLAYGROUND):
        proposal = ground.propose()
        decision = _compare(engine, proposal, seen)
        ground.learn(decision)
        ground.pass_time()
        if chance.random() < 0.1:
            ground.enter_figure()


def _pairs(definitions: Definitions) -> list[tuple[Pair, bool]]:
    """Every state × trigger of what is played, and whether the trigger leads anywhere from there."""
    return [
        ((_named(definition), state, trigger), state in step.targets)
        for key in WORKFLOWS
        for definition in definitions.versions(key)
        for state in (*definition.document.states, ANNULLED)
        for trigger, step in definition.steps.items()
    ]


def _leading(definitions: Definitions) -> list[tuple[Pair, bool]]:
    return [(pair, possible) for pair, possible in _pairs(definitions) if possible]


def test_every_pair_is_counted() -> None:
    assert len(_pairs(definitions())) == 277
    assert len(_leading(definitions())) == 62
    assert len(Seen().missing(definitions())) == 277 + 62


def _compare(engine: Engine, proposal: Proposal, seen: Seen) -> Decision:
    command = proposal.command
    with engine.database.read() as connection:
        before = footmarks(connection)
    offers = _offers(engine, command, seen)
    foretold = engine.dry_run(command)
    with engine.database.read() as connection:
        assert footmarks(connection) == before
    decision = carried_out(engine, command)
    assert decision == foretold
    with engine.database.read() as connection:
        after = footmarks(connection)
    if not isinstance(decision, Accepted):
        assert after[:4] == before[:4]
    else:
        assert after[1] == before[1] + len(decision.events)
    if isinstance(command.act, Fire):
        _require_agreement(engine, proposal, offers, decision)
        seen.cases += 1
        seen.decided[type(decision).__name__] += 1
    return decision


def _offers(engine: Engine, command: Command, seen: Seen) -> tuple[Offer, ...] | NotFound | Invalid | None:
    act = command.act
    if not isinstance(act, Fire):
        return None
    offers = engine.explain(command.grant, act.case)
    if isinstance(offers, tuple):
        workflow, state, steps = _steps(engine, act)
        assert [offer.trigger for offer in offers] == [*steps]
        seen.offered.update(((workflow, state, offer.trigger), offer.allowed) for offer in offers)
        if act.trigger in steps:
            single = engine.explain(command.grant, act.case, act.trigger)
            assert single == tuple(offer for offer in offers if offer.trigger == act.trigger)
            return single
        alone = engine.explain(command.grant, act.case, act.trigger)
        assert isinstance(alone, Invalid)
        return alone
    return offers


def _steps(engine: Engine, act: Fire) -> tuple[str, str, dict[str, Step]]:
    with engine.database.read() as connection:
        case = fetch(connection, [act.case])[act.case]
    definition = engine.definitions.by_hash(case.definition)
    return _named(definition), case.state, dict(definition.steps)


def _named(definition: Definition) -> str:
    return f"{definition.key} {definition.version}"


def _require_agreement(
    engine: Engine, proposal: Proposal, offers: tuple[Offer, ...] | NotFound | Invalid | None, decision: Decision
) -> None:
    act = proposal.command.act
    assert isinstance(act, Fire)
    assert isinstance(offers, NotFound) == isinstance(decision, NotFound)
    if isinstance(offers, Invalid):
        assert isinstance(decision, Stale) or decision == offers
    if not isinstance(offers, tuple):
        return
    offer = offers[0]
    assert offer.allowed is not bool(offer.blockers)
    step = _steps(engine, act)[2][act.trigger]
    if isinstance(decision, Accepted):
        assert offer.allowed
        assert decision.events[0].target == offer.to
    elif isinstance(decision, Refused):
        _require_blockers(offer, step, decision)
        assert not offer.allowed or offer.pending or step.needs_input
    if not proposal.well_formed:
        assert isinstance(decision, Invalid | Stale)


def _require_blockers(offer: Offer, step: Step, decision: Refused) -> None:
    """What stands in the way without input stands in the way with any."""
    asked = {spec.sheet for spec in step.fields.values() if spec.type == "attestations"}
    sheets = [rule for rule in step.rules if isinstance(rule, SheetRules) and rule.key in asked]
    criteria = {rule.code for sheet in sheets for rule in sheet.criteria}
    real = {blocker.code for blocker in decision.blockers}
    for blocker in offer.blockers:
        if blocker.code in criteria:
            assert blocker.code in real  # its figures now hold the findings that were given
        elif blocker.code == "unknown" and sheets:
            assert real & {"unknown", *criteria}
        else:
            assert blocker in decision.blockers


@pytest.mark.parametrize("spoil", ["drop", "add"])
def test_a_wrong_explanation_is_noticed(sqlite_url: str, spoil: str) -> None:
    """The control: one blocker too few or too many is found."""
    chance, clock = Random(23), Clock(BEGIN)
    with running(sqlite_url, clock) as engine:
        ground = Playground.found(engine, clock, chance)
        for _ in range(400):
            proposal = ground.propose()
            act = proposal.command.act
            offers = engine.explain(proposal.command.grant, act.case, act.trigger) if isinstance(act, Fire) else None
            decision = carried_out(engine, proposal.command)
            if isinstance(offers, tuple) and isinstance(decision, Refused if spoil == "drop" else Accepted):
                assert isinstance(act, Fire)
                silent = spoil == "drop" and _steps(engine, act)[2][act.trigger].needs_input
                wrong = offers[0] if silent else _spoilt(offers[0], allowed=spoil == "drop")
                if wrong != offers[0]:
                    with pytest.raises(AssertionError):
                        _require_agreement(engine, proposal, (wrong,), decision)
                    return
            ground.learn(decision)
    pytest.fail("nothing to spoil came up")


def _spoilt(offer: Offer, *, allowed: bool) -> Offer:
    words = offer.pending[0].message if offer.pending else None
    if allowed:
        return (
            offer
            if offer.allowed or offer.pending
            else Offer(trigger=offer.trigger, to=offer.to, allowed=True, blockers=())
        )
    return (
        offer
        if words is None
        else Offer(
            trigger=offer.trigger, to=offer.to, allowed=False, blockers=(Blocker(code="no_such", message=words),)
        )
    )
