"""What must hold of every database at every moment, and of every decision.

Each check raises AssertionError and names the first thing that is wrong; none changes anything.
"""

from collections.abc import Iterable, Mapping
from datetime import date, datetime

from sqlalchemy import Connection, func, select

from workflows.core.case import Accepted, Case, Command, Decision, apply
from workflows.core.decide import decide
from workflows.core.definition import Definitions
from workflows.core.ledger import read
from workflows.core.lineage import Count
from workflows.core.world import Draft, Unit, World
from workflows.services.engine import Engine
from workflows.store.fsck import check
from workflows.store.origins import of as of_units
from workflows.store.rows import actor_of, case_of, unit_periods
from workflows.store.tables import api_key, attempt, case_link, cases, count_entry, event, event_text, unit


def require_intact(engine: Engine) -> None:
    """Every case equals the fold of its events, every chain holds, no event is missing or too many."""
    report = check(engine.database)
    assert report.first_bad is None, report.summary.en
    with engine.database.read() as connection:
        stored = {case.id: case for case in map(case_of, connection.execute(select(cases)).mappings())}
        folded: dict[str, Case] = {}
        rows = connection.execute(
            select(event.c.entry, event_text.c.salt, event_text.c.payload)
            .outerjoin_from(event, event_text)
            .order_by(event.c.case_id, event.c.seq)
        )
        for row in rows:
            each = read(row.entry, salt=row.salt, payload=row.payload)
            before = folded.get(each.case)
            assert each.prev_hash == (before.head if before else None)
            assert before is None or each.recorded_at >= before.recorded_at
            folded[each.case] = apply(before, each)
    assert folded == stored
    assert report.cases == len(stored)
    assert report.events == sum(case.version for case in stored.values())


def require_sound(command: Command, decision: Decision, before: World, now: datetime) -> None:
    """What holds of any decision: replay gives the same bytes, versions move by one, only an acceptance changes."""
    again = decide(Draft(before), command, now)
    assert again == decision
    if not isinstance(decision, Accepted):
        return
    assert len({each.id for each in decision.events}) == len(decision.events)
    moved = {case_id: _before(before, case_id) for case_id in decision.cases}
    for each in decision.events:
        assert read(each.entry, salt=each.salt, payload=each.payload) == each
        assert each.command == command.id
        assert each.recorded_at >= each.occurred_at
        old = moved[each.case]
        assert each.seq == (old.version if old else 0) + 1
        moved[each.case] = apply(old, each)
    assert moved == decision.cases
    assert decision.events[0].cause is None
    assert all(each.cause for each in decision.events[1:])


def _before(world: World, case_id: str) -> Case | None:
    return next((world.case(each) for each in [case_id]), None)  # type: ignore[arg-type]  # narrower than the shared code needs to say


def everything(connection: Connection, definitions: Definitions, known: Mapping[str, tuple[Unit, ...]]) -> World:
    """The world with all that the database holds, whether a decision needs it or not; `known` are the `units`."""
    found = [case_of(row) for row in connection.execute(select(cases)).mappings()]
    listed: dict[str, tuple[str, ...]] = {}
    for link in connection.execute(select(case_link).order_by(case_link.c.case_id)):
        listed[link.other_id] = (*listed.get(link.other_id, ()), link.case_id)
    counts: dict[tuple[str, str], tuple[Count, ...]] = {}
    for row in connection.execute(select(count_entry)):
        entry = Count(
            id=row.id,
            value=row.value,
            as_of=date.fromisoformat(row.as_of),
            source=row.source,
            recorded_at=row.recorded_at,
        )
        counts[row.unit, row.key] = (*counts.get((row.unit, row.key), ()), entry)
    return World(
        definitions=definitions,
        grants={row["id"]: actor_of(row) for row in connection.execute(select(api_key)).mappings()},
        units=known,
        cases=found,
        counts=counts,
        lineage=of_units(connection, {unit for unit, _ in counts} | {case.unit for case in found}),
        listed_by=listed,  # type: ignore[arg-type]  # narrower than the shared code needs to say
    )


def units(connection: Connection) -> dict[str, tuple[Unit, ...]]:
    """Every unit in every period."""
    return unit_periods(connection.execute(select(unit).order_by(unit.c.code, unit.c.valid_from)).mappings())


def footmarks(connection: Connection) -> tuple[int, ...]:
    """How many rows each table has that a command may write to."""
    tables: Iterable[object] = (cases, event, event_text, case_link, attempt)
    return tuple(connection.execute(select(func.count()).select_from(each)).scalar_one() for each in tables)  # type: ignore[arg-type]  # narrower than the shared code needs to say
