"""The demonstration, which is the main job on real units: half a year played through the engine, on its own clock.

Prepares the database, has the story played, proves the result and sums it up. Serving the result is its caller's
affair.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select

from workflows.core.case import CaseId
from workflows.core.civil import civil_date, format_instant, show_date
from workflows.services.demo_cast import LONG_DUC
from workflows.services.demo_clock import DEMO_CLOCK
from workflows.services.demo_stage import FIRST_DAY, DemoClock, DemoError, Stage, opening_hour
from workflows.services.demo_story import play
from workflows.services.engine import Engine
from workflows.services.settings import definitions_directory
from workflows.store import fsck, schema
from workflows.store.database import Database
from workflows.store.tables import attempt, cases, event, setting


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    keys: Mapping[str, str]
    """By role: the secret of one of its officers."""
    last_instant: datetime
    case: CaseId
    """A certificate with a history, waiting for a decision."""
    cases: Mapping[str, Mapping[str, int]]
    """By workflow and state: how many."""


def run(url: str, say: Callable[[str], None]) -> DemoResult:
    """Play the half-year on an empty database, which is initialised first.

    Args:
        url: Of the database.
        say: Takes each line of the narration.

    Raises:
        DemoError: the database holds cases, or the engine did not do what the story tells.
    """
    started = time.perf_counter()
    schema.create(url, definitions=definitions_directory())
    clock = DemoClock(opening_hour(FIRST_DAY))
    engine = Engine.start(url, clock=clock, definitions_dir=definitions_directory())
    try:
        _require_empty(engine.database)
        stage = Stage(engine=engine, clock=clock, say=say)
        story = play(stage)
        _keep_clock(engine.database, clock())
        found = _counted(engine.database)
        _sum_up(stage, found)
    finally:
        engine.stop()
    say(f"{time.perf_counter() - started:.1f} s")
    return DemoResult(keys=_keys(stage), last_instant=clock(), case=story.certificates[LONG_DUC], cases=found)


def _require_empty(database: Database) -> None:
    with database.read() as connection:
        if connection.execute(select(cases.c.id).limit(1)).first():
            raise DemoError(f"{database.url} holds cases; the demonstration needs a database of its own")


def _keep_clock(database: Database, now: datetime) -> None:
    with database.write() as connection:
        connection.execute(insert(setting), {"key": DEMO_CLOCK, "value": format_instant(now)})


def _counted(database: Database) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    statement = select(cases.c.workflow, cases.c.state, func.count()).group_by(cases.c.workflow, cases.c.state)
    with database.read() as connection:
        for workflow, state, number in connection.execute(statement.order_by(cases.c.workflow, cases.c.state)):
            found.setdefault(workflow, {})[state] = number
    return found


def _keys(stage: Stage) -> dict[str, str]:
    keys: dict[str, str] = {}
    for officer in stage.officers.values():
        keys.setdefault(officer.actor.role.value, officer.secret)
    return keys


def _sum_up(stage: Stage, found: Mapping[str, Mapping[str, int]]) -> None:
    say, database = stage.say, stage.engine.database
    stage.chapter(f"Kết quả ngày {show_date(civil_date(stage.clock()))}", "What is there at the end")
    for workflow, states in found.items():
        document = stage.document(workflow)
        say(f"{document.title.vi} / {document.title.en}: {sum(states.values())}")
        for state, number in states.items():
            title = document.states[state].title
            say(f"{number:>8}  {title.vi} / {title.en}")
    with database.read() as connection:
        refused = connection.execute(select(func.count()).select_from(attempt)).scalar_one()
        events = connection.execute(select(func.count()).select_from(event)).scalar_one()
    say(f"{events} sự kiện / events, {refused} lần thử bị từ chối được ghi lại / refused attempts recorded")
    report = fsck.check(database)
    say(f"fsck: {report.summary.vi} / {report.summary.en}")
    if report.first_bad:
        raise DemoError(report.summary.en)
