"""What the engine says to the database for each transition, caught at the driver's cursor.

One lane after the other, one command per transaction. The statements and their parameters are kept as the driver got
them, so that they can be said again without the engine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import sqlalchemy
from sqlalchemy import event, func, select

from benchmarks.callers import submission
from benchmarks.starting import Start
from benchmarks.workload import Lane, Slot
from workflows.core.case import Accepted, CaseId
from workflows.services.engine import Engine
from workflows.store import tables

BEGIN: Final = "BEGIN IMMEDIATE"


@dataclass(frozen=True, slots=True)
class Statement:
    """One call of the driver."""

    text: str
    parameters: Any  # as the driver takes them: of either paramstyle, many of them where `many`
    many: bool


Transaction: TypeAlias = tuple[Statement, ...]
"""What lies between begin and commit; on SQLite the first statement is the BEGIN itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """By lane, in order: the transaction of every step."""

    lanes: Sequence[Sequence[Transaction]]
    events: int

    @property
    def transitions(self) -> int:
        return sum(len(lane) for lane in self.lanes)

    @property
    def statements(self) -> float:
        """Per transition."""
        return sum(len(each) for lane in self.lanes for each in lane) / self.transitions


@dataclass(slots=True)
class _Ear:
    """Listens to SQLAlchemy's events, by the names of what it is told."""

    current: list[Statement] = field(default_factory=list)
    done: list[Transaction] = field(default_factory=list)

    def statement(
        self, *, statement: str, parameters: Sequence[Any] | Mapping[str, Any], executemany: bool, **_: object
    ) -> None:
        kept = [dict(each) if isinstance(each, dict) else each for each in parameters] if executemany else parameters
        self.current.append(Statement(statement, kept, executemany))

    def commit(self, **_: object) -> None:
        self.done.append(tuple(self.current))
        self.current = []


def record(start: Start, lanes: Sequence[Lane]) -> Recording:
    """Runs the lanes once with transactions of one command; raises RuntimeError if one is not accepted."""
    with start.fresh() as url:
        engine = Engine.start(url, batch_limit=1)
        try:
            recorded = [_lane(engine, start, lane) for lane in lanes]
            with engine.database.read() as connection:
                events = connection.execute(select(func.count()).select_from(tables.event)).scalar_one()
        finally:
            engine.stop()
    return Recording(lanes=recorded, events=events)


def _lane(engine: Engine, start: Start, lane: Lane) -> list[Transaction]:
    ear = _Ear()
    event.listen(sqlalchemy.Engine, "before_cursor_execute", ear.statement, named=True)
    event.listen(sqlalchemy.Engine, "commit", ear.commit, named=True)
    try:
        _carry_out(engine, start, lane)
    finally:
        event.remove(sqlalchemy.Engine, "before_cursor_execute", ear.statement)
        event.remove(sqlalchemy.Engine, "commit", ear.commit)
    if len(ear.done) != len(lane.steps):
        message = f"{len(lane.steps)} commands made {len(ear.done)} transactions: the recording is not one to one"
        raise RuntimeError(message)
    return ear.done


def _carry_out(engine: Engine, start: Start, lane: Lane) -> None:
    cases: dict[Slot, CaseId] = {}
    for index, step in enumerate(lane.steps):
        (outcome,) = engine.submit(submission(engine, start, lane, index, cases)).result()
        if not isinstance(outcome.decision, Accepted):
            message = f"{step.slot}.{step.trigger} in {lane.unit} was not accepted: {outcome.reply.body.decode()}"
            raise TypeError(message)
        cases.setdefault(step.slot, outcome.decision.events[0].case)
