"""A decision sees all that it needs: what is loaded for a command decides as everything there is would."""

from dataclasses import replace
from random import Random
from typing import Final

import pytest

from tests.factories import Clock, carried_out, running
from tests.invariants import everything, require_intact, require_sound, units
from tests.property.playground import Playground
from tests.sizes import size
from workflows.core.case import Command, Decision, Fire, Invalid, NotFound, Offer, Open
from workflows.core.decide import decide
from workflows.core.definition import Definitions, Footprint
from workflows.core.explaining import explain
from workflows.core.world import Draft, World
from workflows.services.engine import Engine
from workflows.store import loading

ROUNDS = size(1, 20)
COMMANDS = size(120, 250)
BEGIN: Final = Clock().now.replace(year=2025, month=1, day=2)


def test_what_is_loaded_is_enough(database_url: str) -> None:
    _require_enough(database_url, Random(20250305), plans=False)


def test_what_is_loaded_is_enough_for_the_processes_of_plans(sqlite_url: str) -> None:
    _require_enough(sqlite_url, Random(20250306), plans=True)


def _require_enough(url: str, chance: Random, *, plans: bool) -> None:
    clock = Clock()
    with running(url, clock) as engine:
        with engine.database.read() as connection:
            known = units(connection)
        for _ in range(ROUNDS):
            clock.now = BEGIN
            ground = Playground.found(engine, clock, chance)
            ground.plans = plans
            for _ in range(COMMANDS):
                command = ground.propose().command
                with engine.database.read() as connection:
                    whole = everything(connection, engine.definitions, known)
                expected, offers = _from(whole, command, clock)
                assert _loaded(engine, command) == (expected, offers)
                decision = carried_out(engine, command)
                assert decision == expected
                require_sound(command, decision, whole, clock())
                _go_on(ground, decision)
        require_intact(engine)


@pytest.mark.parametrize("hole", ["same_unit", "counts", "children", "links", "parent"])
def test_a_hole_in_what_is_loaded_is_noticed(sqlite_url: str, hole: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: each thing that is loaded makes a difference when it is left out."""
    chance, clock = Random(11), Clock()
    whole_footprint, given = Definitions.footprint, loading._given  # noqa: SLF001 - what the hole is made in

    def hollow(self: Definitions, workflow: str, trigger: str | None) -> Footprint:
        return replace(whole_footprint(self, workflow, trigger), **{hole: getattr(Footprint(), hole)})

    with running(sqlite_url, clock) as engine:
        with engine.database.read() as connection:
            known = units(connection)
        for _ in range(40):
            clock.now = BEGIN
            ground = Playground.found(engine, clock, chance)
            for _ in range(80):
                command = ground.propose().command
                with engine.database.read() as connection:
                    whole = everything(connection, engine.definitions, known)
                with monkeypatch.context() as patch:
                    if hole == "parent":
                        patch.setattr(loading, "_given", lambda root: [*given(root)][bool(_parent(root.command)) :])
                    else:
                        patch.setattr(Definitions, "footprint", hollow)
                    if _loaded(engine, command) != _from(whole, command, clock):
                        return
                _go_on(ground, carried_out(engine, command))
    pytest.fail(f"nothing changed without {hole}")


def _parent(command: Command) -> str | None:
    return command.act.parent if isinstance(command.act, Open) else None


_Offers = tuple[Offer, ...] | NotFound | Invalid | None


def _from(world: World, command: Command, clock: Clock) -> tuple[Decision, _Offers]:
    decision = decide(Draft(world), command, clock())
    act = command.act
    return decision, explain(world, command.grant, act.case, clock()) if isinstance(act, Fire) else None


def _loaded(engine: Engine, command: Command) -> tuple[Decision, _Offers]:
    act = command.act
    offers = engine.explain(command.grant, act.case) if isinstance(act, Fire) else None
    return engine.dry_run(command), offers


def _go_on(ground: Playground, decision: Decision) -> None:
    ground.learn(decision)
    ground.pass_time()
    if ground.chance.random() < 0.1:
        ground.enter_figure()
