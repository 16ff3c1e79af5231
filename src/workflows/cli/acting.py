"""Acting on a database directly, on the authority of an API key: the engine and the actor of one command.

The same rules hold as over HTTP, because the same engine decides; a server beside it may keep running, for the turns
to write are fair. The key's secret is never shown, whatever goes wrong.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final, TypeAlias

import structlog
import typer
from sqlalchemy import func, select

from workflows.cli.errors import CommandError, MisuseError, not_stored
from workflows.cli.target import opened
from workflows.core.authority import in_force
from workflows.core.case import Actor
from workflows.core.civil import civil_date, parse_instant
from workflows.services.clock import Clock, continuing, utc_now
from workflows.services.demo_clock import demo_instant
from workflows.services.engine import Engine
from workflows.services.reading import actor_of_key
from workflows.services.settings import definitions_directory
from workflows.store.database import Database
from workflows.store.tables import definition, event

KEY_VARIABLE: Final = "WORKFLOWS_KEY"
KeySecret: TypeAlias = Annotated[
    str,
    typer.Option(
        "--key",
        envvar=KEY_VARIABLE,
        metavar="KEY",
        show_default=False,
        help=f"API key to act with; better set in {KEY_VARIABLE}, where no list of processes shows it.",
    ),
]


@contextmanager
def acting(database_url: str, key: str) -> Iterator[tuple[Engine, Actor]]:
    """A running engine and the holder of the key; at the end the engine finishes what waits, and stops.

    Raises:
        MisuseError: no key is given.
        CommandError: the key is not known or not in force, or the database lacks tables or definitions.
    """
    if not key.strip():
        raise MisuseError(f"no API key: set {KEY_VARIABLE}, or give --key; `workflows key create` makes one")
    _log_to_stderr()
    with opened(database_url) as target:
        clock = _clock(target)
    engine = Engine.start(database_url, clock=clock, definitions_dir=definitions_directory())
    try:
        _require_stored(engine)
        yield engine, _holder(engine, key.strip())
    finally:
        engine.stop()


def _clock(database: Database) -> Clock:
    """In a database of the demo the clock runs on from its last instant, or from what was recorded there since."""
    instant = demo_instant(database)
    if instant is None:
        return utc_now
    with database.read() as connection:
        newest = connection.execute(select(func.max(event.c.recorded_at))).scalar()
    return continuing(max(instant, parse_instant(newest)) if newest else instant)


def _require_stored(engine: Engine) -> None:
    """Cases must run on definitions that the database holds, or nobody could prove them later."""
    with engine.database.read() as connection:
        stored = set(connection.execute(select(definition.c.hash)).scalars())
    for each in (each for key in engine.definitions.keys for each in engine.definitions.versions(key)):
        if each.hash not in stored:
            raise not_stored(each.key, each.version)


def _holder(engine: Engine, secret: str) -> Actor:
    actor = actor_of_key(engine, secret)
    if actor is None or not in_force(actor, civil_date(engine.clock())):
        raise CommandError("the API key is not known, or not in force")
    return actor


def _log_to_stderr() -> None:
    """Standard output belongs to what the command was asked for."""
    if not structlog.is_configured():
        structlog.configure(logger_factory=lambda *_: structlog.PrintLogger(sys.stderr))
