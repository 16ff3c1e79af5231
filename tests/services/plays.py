"""One play of the demonstration, and everything that it left in its database."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from workflows.core.case import Case, Event
from workflows.core.overdue import Notice, read_notice
from workflows.services.clock import continuing
from workflows.services.demo import DemoResult, run
from workflows.services.engine import Engine
from workflows.store import rows
from workflows.store.database import Database
from workflows.store.tables import attempt, cases, count_entry, event, event_text, notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    url: str
    lines: tuple[str, ...]
    result: DemoResult
    cases: tuple[Case, ...]
    events: tuple[Event, ...]
    """Of all cases, each case's in order."""
    attempts: tuple[Row[Any], ...]
    figures: tuple[Row[Any], ...]
    notices: tuple[Notice, ...]

    def case(self, workflow: str, unit: str) -> Case:
        (found,) = [case for case in self.cases if (case.workflow, case.unit) == (workflow, unit)]
        return found

    def task(self, name: str) -> Case:
        (found,) = [case for case in self.cases if case.data.get("task") == name]
        return found

    def owed(self, obligation: str, body: str) -> Case:
        """What a district, by its code, or an agency of the province owes."""
        reports = [case for case in self.cases if case.data.get("obligation") == obligation]
        (found,) = [case for case in reports if body in {case.unit, case.data["agency"]}]
        return found

    def steps(self, case: Case) -> list[Event]:
        return [each for each in self.events if each.case == case.id]

    def triggers(self, case: Case) -> list[str]:
        return [each.trigger for each in self.steps(case)]

    def engine(self) -> Engine:
        clock = continuing(self.result.last_instant)
        return Engine.start(self.url, clock=clock, definitions_dir=self.result.definitions)


def play(url: str, directory: Path) -> Played:
    lines: list[str] = []
    result = run(url, lines.append, directory=directory)
    with Database(url) as database, database.read() as connection:
        found = tuple(rows.case_of(row) for row in connection.execute(select(cases)).mappings())
        statement = select(event, event_text).outerjoin_from(event, event_text).order_by(event.c.case_id, event.c.seq)
        events = tuple(rows.event_of(row) for row in connection.execute(statement).mappings())
        attempts = tuple(connection.execute(select(attempt).order_by(attempt.c.recorded_at)).all())
        figures = tuple(connection.execute(select(count_entry)).all())
        told = connection.execute(select(notice.c.entry).order_by(notice.c.id)).scalars()
        notices = tuple(read_notice(each) for each in told)
    return Played(
        url=url,
        lines=tuple(lines),
        result=result,
        cases=found,
        events=events,
        attempts=attempts,
        figures=figures,
        notices=notices,
    )
