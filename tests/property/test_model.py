"""The engine against a plain model of four workflows, step by step, on both databases."""

from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Any, ClassVar, Final

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from tests.factories import Clock, carried_out, running
from tests.invariants import footmarks, require_intact, require_sound, units
from tests.property.model import Asked, Model, Person, Told, read_documents
from tests.property.model_answer import answer
from tests.property.playground import Playground, Proposal, values_of
from tests.sizes import size
from workflows.core.case import Accepted, Actor, Blocker, Case, Command, Decision, Fire, Open, Refused
from workflows.core.civil import civil_date
from workflows.core.world import Unit, World
from workflows.loader import find_definitions
from workflows.services.engine import Engine
from workflows.store.loading import load, roots
from workflows.store.rows import case_of
from workflows.store.tables import cases

RUNS: Final = size(4, 80)
STEPS: Final = size(20, 50)
"""Rules applied in each run, at most; on each database."""
BURST: Final = 5
"""Commands that one rule sends."""
BEGIN: Final = Clock().now.replace(year=2025, month=1, day=2)
SEEDS: Final = st.integers(0, 2**32 - 1)


@pytest.mark.either_database("sqlite")
def test_the_engine_does_what_the_model_does(database_url: str) -> None:
    clock = Clock()
    with running(database_url, clock) as engine:
        with engine.database.read() as connection:
            Steps.known = units(connection)
        Steps.engine, Steps.clock, Steps.seen = engine, clock, Counter()
        run_state_machine_as_test(
            Steps,
            settings=settings(
                max_examples=RUNS,
                stateful_step_count=STEPS,
                deadline=None,
                derandomize=True,
                phases=[Phase.generate],  # runs share a database: a replay meets other communes
                report_multiple_bugs=False,
                suppress_health_check=list(HealthCheck),
            ),
        )
        require_intact(engine)
    assert Steps.seen.total() >= size(60, 5_000), Steps.seen
    assert {"Accepted", "Refused", "Invalid", "NotFound"} <= Steps.seen.keys()


class Steps(RuleBasedStateMachine):
    """Each run has a province of its own in the one database."""

    engine: ClassVar[Engine]
    clock: ClassVar[Clock]
    known: ClassVar[Mapping[str, tuple[Unit, ...]]]
    seen: ClassVar[Counter[str]]

    @initialize(seed=SEEDS)
    def found(self, seed: int) -> None:
        self.clock.now = BEGIN
        self.first, self.moment = seed, 0
        workflows, agencies = read_documents(find_definitions(None))
        self.model = Model(workflows, agencies, {code: periods[-1].path for code, periods in self.known.items()})
        self.ground = Playground.found(self.engine, self.clock, Random(seed), self.model.figure)

    @rule(seed=SEEDS)
    def act(self, seed: int) -> None:
        for _ in range(BURST):
            self._stir(seed)
            self._submit(self.ground.propose())
            self.ground.pass_time()
            self.what_is_stored_is_what_the_model_has()

    def _stir(self, seed: int) -> None:
        """Hypothesis likes the same small seeds; together with the moment each is another one."""
        self.ground.chance.seed(f"{self.first}/{self.moment}/{seed}")
        self.moment += 1

    @rule(seed=SEEDS)
    def act_again(self, seed: int) -> None:
        self.act(seed)

    @rule(seed=SEEDS)
    def act_once_more(self, seed: int) -> None:
        self.act(seed)

    @rule(seed=SEEDS)
    def enter_a_figure(self, seed: int) -> None:
        self._stir(seed)
        self.ground.enter_figure()

    @rule(days=st.integers(1, 20))
    def wait(self, days: int) -> None:
        self.clock.advance(days=days)

    @invariant()
    def what_is_stored_is_what_the_model_has(self) -> None:
        if not hasattr(self, "model"):
            return
        with self.engine.database.read() as connection:
            found = connection.execute(select(cases).where(cases.c.id.in_(sorted(self.model.cases)))).mappings()
            stored = {row["id"]: plain(case_of(row)) for row in found}
        assert stored == self.model.cases

    def teardown(self) -> None:
        if hasattr(self, "model"):
            require_intact(self.engine)

    def _submit(self, proposal: Proposal) -> None:
        command = proposal.command
        told = answer(self.model, self._plainly(proposal))
        with self.engine.database.read() as connection:
            before = footmarks(connection)
            world = self._world(command)
        decision = carried_out(self.engine, command)
        require_sound(command, decision, world, self.clock())
        compare(told, decision)
        if isinstance(decision, Accepted):
            self.model.keep(told, names(told, decision))
        else:
            with self.engine.database.read() as connection:
                assert footmarks(connection)[:4] == before[:4]
        self.ground.learn(decision)
        self.seen[type(decision).__name__] += 1

    def _world(self, command: Command) -> World:
        with self.engine.database.read() as connection:
            return load(connection, self.engine.definitions, roots(connection, self.engine.definitions, [command]))

    def _plainly(self, proposal: Proposal) -> Asked:
        command, act = proposal.command, proposal.command.act
        common: dict[str, Any] = {
            "who": person(self.ground.actors[command.grant]),
            "now": self.clock(),
            "claimed": command.occurred_at,
            "reason": command.reason,
            "well_formed": proposal.well_formed,
            "given": values_of(command),
        }
        if isinstance(act, Fire):
            return Asked(case=act.case, trigger=act.trigger, expected=act.expected_version, **common)
        assert isinstance(act, Open)
        return Asked(**common, **self._opening(command, act))

    def _opening(self, command: Command, act: Open) -> dict[str, Any]:
        day = civil_date(command.occurred_at or self.clock())
        periods = self.known.get(act.unit, ())
        path = next((period.path for period in periods if period.in_force(day)), None)
        level = periods[-1].level.value if periods else ""
        parent = {"parent": act.parent, "title": act.title, "workflow": act.workflow}
        return {"unit": act.unit, "path": path, "level": level, **parent}


def person(actor: Actor) -> Person:
    return Person(
        grant=actor.grant,
        person=actor.person,
        role=actor.role.value,
        path=actor.unit_path,
        agency=actor.agency,
        scope=frozenset(actor.scope),
        first=actor.valid_from,
        end=actor.valid_to,
    )


def compare(told: Told, decision: Decision) -> None:
    assert type(decision).__name__ == told.kind, (told, decision)
    if isinstance(decision, Refused):
        assert {(each.code, each.case) for each in decision.blockers} == told.blockers
        assert all(_is_explained(each) for each in decision.blockers)
    if isinstance(decision, Accepted):
        ids = {new: name for name, new in names(told, decision).items()}
        assert [(ids.get(each.case, each.case), each.trigger) for each in decision.events] == told.events


def _is_explained(blocker: Blocker) -> bool:
    return bool(blocker.message.vi.strip() and blocker.message.en.strip())


def names(told: Told, decision: Accepted) -> dict[str, str]:
    """The ids that the model's new cases got, in the order of their events."""
    assert len(decision.events) == len(told.events), (told, decision)
    pairs = zip(told.events, decision.events, strict=True)
    return {name: each.case for (name, _), each in pairs if name.startswith("<")}


def plain(case: Case) -> dict[str, Any]:
    return {
        "id": case.id,
        "workflow": case.workflow,
        "workflow_version": case.workflow_version,
        "state": case.state,
        "version": case.version,
        "unit": case.unit,
        "path": case.unit_path,
        "parent": case.parent,
        "title": case.title,
        "data": dict(case.data),
        "links": dict(case.links),
        "sheets": case.sheets,
        "episode": case.episode,
        "acts": case.acts,
        "entered": case.entered,
        "due": case.due,
        "final": case.final,
        "occurred": case.occurred_at,
    }


@pytest.mark.parametrize(
    "spoil",
    [
        ("separate_from", ["endorse"]),
        ("roles", ["department"]),
        ("to", "revoked"),
        ("set", {}),
    ],
)
def test_another_rule_in_the_documents_would_be_noticed(sqlite_url: str, spoil: tuple[str, object]) -> None:
    """The control: a model of documents that differ in one rule comes to another answer."""
    clock = Clock()
    with running(sqlite_url, clock) as engine:
        with engine.database.read() as connection:
            Steps.known = units(connection)
        Steps.engine, Steps.clock, Steps.seen = engine, clock, Counter()
        for seed in range(30):
            steps = Steps()
            steps.found(seed)
            first, second = steps.model.documents["certification"]
            for step in (
                first["transitions"]["submit"],
                first["transitions"]["endorse"],
                second["transitions"]["endorse"],
            ):
                step[spoil[0]] = spoil[1]
            try:
                for moment in range(60):
                    steps.act(seed * 1_000 + moment)
                    steps.what_is_stored_is_what_the_model_has()
            except (AssertionError, KeyError):
                return
    pytest.fail(f"the engine did what a model with another {spoil[0]} does")
