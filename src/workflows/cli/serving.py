"""The command that serves, and what has to be right before the first request: database, address, clock.

The application, the engine and the revisions are loaded only when they are to be used: reading them would slow every
other command, of which `key create` runs beside a busy server.
"""

import os
import socket
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from sqlalchemy import select

from workflows.cli.errors import CommandError, MisuseError, not_stored
from workflows.cli.target import DatabaseUrl, opened, shown
from workflows.core.civil import parse_instant
from workflows.core.document_bytes import definition_hash
from workflows.loader import load
from workflows.services import tracing
from workflows.services.clock import Clock, continuing, utc_now
from workflows.services.demo_clock import demo_instant
from workflows.services.settings import (
    DEFAULT_DATABASE,
    DEFAULT_RATE_LIMIT,
    RATE_LIMIT_VARIABLE,
    definitions_directory,
    log_level,
    webhook_networks,
    works_on_deadlines,
)
from workflows.store.database import parse_url, sqlite_path
from workflows.store.tables import definition

_WAITING: Final = 2048
"""Connections that the system keeps until they are accepted."""


def serve(
    database: DatabaseUrl = DEFAULT_DATABASE,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes; more than one needs PostgreSQL.")] = 1,
    rate_limit: Annotated[
        float,
        typer.Option(
            min=0, envvar=RATE_LIMIT_VARIABLE, help="Requests per second of one API key, over all processes; 0: any."
        ),
    ] = DEFAULT_RATE_LIMIT,
    clock_from: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Let the clock run on from here; demo databases only.")
    ] = None,
) -> None:
    """Serve the API until SIGTERM or Ctrl-C.

    An empty SQLite database is initialised first.
    """
    if workers > 1 and _is_sqlite(database):
        raise MisuseError(
            f"--workers {workers}: an SQLite database is served by one process; "
            "use --workers 1, or --database postgresql://user@host/name"
        )
    require_settings()
    _require_initialised(database)
    clock = _clock(database, clock_from)
    with listening_on(host, port) as listening:
        typer.echo(f"Serving at {address(listening)} until Ctrl-C.")
        serve_on(listening, database, clock=clock, workers=workers, rate_limit=rate_limit)


def require_settings() -> None:
    """Raises MisuseError when a variable that only the server reads has a value that cannot be."""
    try:
        log_level()
        tracing.wanted(os.environ)
        webhook_networks()
        works_on_deadlines()
    except (ValueError, tracing.TracingError) as error:
        raise MisuseError(str(error)) from error


def serve_on(
    listening: socket.socket,
    database: str,
    *,
    clock: Clock,
    workers: int = 1,
    rate_limit: float = DEFAULT_RATE_LIMIT,
    definitions: Path | None = None,
) -> None:
    """Serves in this process, or in `workers` others; `definitions` is a directory other than the one that is set."""
    from workflows.cli.processes import run_processes

    root = definitions or definitions_directory()
    one = partial(_serve, url=database, clock=clock, rate_limit=rate_limit, definitions=root)
    if workers == 1:
        one(listening)
    else:
        run_processes(workers, one, listening)


def _serve(listening: socket.socket, *, url: str, clock: Clock, rate_limit: float, definitions: Path) -> None:
    from api.server import run
    from workflows.services import logs
    from workflows.services.engine import Engine
    from workflows.services.garbage import settle

    logs.configure(log_level())
    engine = Engine.start(url, clock=clock, definitions_dir=definitions)
    settle()
    run(engine, listening, rate=rate_limit)


def listening_on(host: str, port: int) -> socket.socket:
    """A listening socket; raises CommandError, one line that names the address, when it cannot be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server((address[0], port), family=family, backlog=_WAITING)
    except OSError as error:
        raise CommandError(f"cannot listen on {host} port {port}: {error.strerror}") from error


def address(listening: socket.socket) -> str:
    """Where a client on this machine finds the server."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_sqlite(url: str) -> bool:
    return parse_url(url).get_backend_name() == "sqlite"


def _require_initialised(url: str) -> None:
    from workflows.store.schema import create, is_initialised

    if _is_empty_sqlite(url):
        create(url, definitions=definitions_directory())
    elif not is_initialised(url):
        raise CommandError(f"{shown(url)} has no tables, or older ones: run `workflows init` with the same --database")
    with opened(url) as target, target.read() as connection:
        stored = set(connection.execute(select(definition.c.hash)).scalars())
    for document in (each for versions in load(definitions_directory()).workflows.values() for each in versions):
        if definition_hash(document) not in stored:
            raise not_stored(document.workflow, document.version)


def _is_empty_sqlite(url: str) -> bool:
    if not _is_sqlite(url):
        return False
    path = sqlite_path(parse_url(url))
    return not path.exists() or path.stat().st_size == 0


def _clock(url: str, clock_from: str | None) -> Clock:
    if clock_from is None:
        return utc_now
    try:
        instant = parse_instant(clock_from)
    except ValueError as error:
        raise MisuseError(f"--clock-from: {error}; write it like 2025-06-30T08:00:00+07:00") from error
    with opened(url) as target:
        made_by_demo = demo_instant(target) is not None
    if not made_by_demo:
        raise MisuseError("--clock-from: only a database made by `workflows demo` may be served with another clock")
    return continuing(instant)
