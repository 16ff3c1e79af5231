"""The command that acts on deadlines apart from the server: once, or until it is told to end."""

import signal
import threading
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final

import typer

from workflows.cli.errors import CommandError
from workflows.cli.target import DatabaseUrl, opened
from workflows.services.clock import Clock, continuing, utc_now
from workflows.services.demo_clock import demo_instant
from workflows.services.settings import DEFAULT_DATABASE, definitions_directory, log_level

if TYPE_CHECKING:
    from workflows.services.worker import Worker

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_LOOK_SECONDS: Final = 0.5


def worker(
    database: DatabaseUrl = DEFAULT_DATABASE,
    *,
    once: Annotated[bool, typer.Option("--once", help="Do what is to be done now, and end.")] = False,
) -> None:
    """Act on deadlines that have passed, as their documents say, until SIGTERM or Ctrl-C.

    The server does so itself unless WORKFLOWS_WORKER is off; several workers share the work on PostgreSQL.
    """
    from workflows.services import logs
    from workflows.services.engine import Engine
    from workflows.services.worker import Worker

    logs.configure(log_level())
    engine = Engine.start(database, clock=_clock(database), definitions_dir=definitions_directory())
    working = Worker(engine)
    try:
        if once:
            typer.echo(f"{working.catch_up()} actions of deadlines done.")
        else:
            _run(working)
    finally:
        engine.stop()


def _clock(url: str) -> Clock:
    """That of the demonstration goes on where it ended."""
    with opened(url) as target:
        instant = demo_instant(target)
    return utc_now if instant is None else continuing(instant)


def _run(working: "Worker") -> None:
    """Until a signal comes, or the worker dies."""
    ending = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ending.set()

    for each in _SIGNALS:
        signal.signal(each, end)
    working.start()
    while working.alive and not ending.wait(_LOOK_SECONDS):
        pass
    died = not working.alive
    working.stop()
    if died:
        raise CommandError("the worker died; the log says why")
