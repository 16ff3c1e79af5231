"""The demonstration, which is the main job on real units: a year played through the engine, on its own clock.

Prepares definitions and database, has the story played, proves the result and sums it up. Serving the result is its
caller's affair.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import func, insert, select

from workflows.core.case import CaseId
from workflows.core.civil import civil_date, format_instant, show_date
from workflows.services.demo_cases import Story
from workflows.services.demo_cast import LONG_DUC
from workflows.services.demo_clock import DEMO_CLOCK
from workflows.services.demo_definitions import write_definitions
from workflows.services.demo_stage import FIRST_DAY, DemoClock, DemoError, Stage, opening_hour
from workflows.services.demo_story import play
from workflows.services.engine import Engine
from workflows.services.report_files import ReportFormat, file_name, file_of
from workflows.services.settings import definitions_directory
from workflows.store import fsck, schema
from workflows.store.database import Database
from workflows.store.tables import attempt, cases, event, setting

_FILES: Final = (ReportFormat.XLSX, ReportFormat.PDF)
DEFINITIONS: Final = "definitions"
"""Of the demonstration, below its directory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResult:
    keys: Mapping[str, str]
    """By role: the secret of one of its officers."""
    last_instant: datetime
    case: CaseId
    """A certificate with a history, waiting for a decision."""
    cases: Mapping[str, Mapping[str, int]]
    """By workflow and state: how many."""
    definitions: Path
    """The directory of definitions that the database goes with."""
    files: tuple[Path, ...]
    """The filled report of the year."""


def run(url: str, say: Callable[[str], None], *, directory: Path) -> DemoResult:
    """Play the year on a database that is not initialised yet.

    Args:
        url: Of the database.
        say: Takes each line of the narration.
        directory: Where what goes with the database is written; not there, or without definitions.

    Raises:
        DemoError: the database is in use, or the engine did not do what the story tells.
    """
    started = time.perf_counter()
    # What other definitions left in it would stay in force beside those of the demonstration.
    if schema.is_initialised(url):
        raise DemoError(f"{url} is in use already; the demonstration needs a database of its own")
    definitions = write_definitions(definitions_directory(), directory / DEFINITIONS)
    schema.create(url, definitions=definitions)
    clock = DemoClock(opening_hour(FIRST_DAY))
    engine = Engine.start(url, clock=clock, definitions_dir=definitions)
    try:
        stage = Stage(engine=engine, clock=clock, say=say)
        story = play(stage)
        _keep_clock(engine.database, clock())
        found = _counted(engine.database)
        files = _written(story, directory)
        _sum_up(stage, found)
    finally:
        engine.stop()
    say(f"{time.perf_counter() - started:.1f} s")
    return DemoResult(
        keys=_keys(stage),
        last_instant=clock(),
        case=story.certificates[LONG_DUC],
        cases=found,
        definitions=definitions,
        files=files,
    )


def _written(story: Story, directory: Path) -> tuple[Path, ...]:
    """The filled report of the year as a workbook and for print."""
    if story.report is None:
        raise DemoError("the story has filled no report")
    files = {directory / file_name(story.report, kind): file_of(story.report, kind) for kind in _FILES}
    for path, content in files.items():
        path.write_bytes(content)
    return tuple(files)


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
        titles = {state: document.states[state].title for state in states}
        told = "; ".join(f"{number} {titles[state].vi} / {titles[state].en}" for state, number in states.items())
        say(f"{sum(states.values()):>5} {document.title.vi} / {document.title.en}: {told}")
    with database.read() as connection:
        refused = connection.execute(select(func.count()).select_from(attempt)).scalar_one()
        events = connection.execute(select(func.count()).select_from(event)).scalar_one()
    say(f"{events} sự kiện / events, {refused} lần thử bị từ chối được ghi lại / refused attempts recorded")
    report = fsck.check(database)
    say(f"fsck: {report.summary.vi} / {report.summary.en}")
    if report.first_bad:
        raise DemoError(report.summary.en)
