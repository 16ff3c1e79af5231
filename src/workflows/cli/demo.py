"""The command that plays the main job on a database of its own, and then serves the result."""

import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import structlog
import typer

from workflows.cli.errors import MisuseError
from workflows.cli.serving import address, listening_on, require_settings, serve_on
from workflows.cli.target import shown
from workflows.core.civil import format_instant
from workflows.core.documents import Role
from workflows.services.clock import continuing, utc_now
from workflows.services.settings import DEFINITIONS_VARIABLE

if TYPE_CHECKING:
    from workflows.services.demo import DemoResult

_DIRECTORY: Final = "var/demo"


def demo(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after the narration.")] = False,
    database: Annotated[
        str | None, typer.Option(metavar="URL", help=f"An empty one; default: a new SQLite file below {_DIRECTORY}.")
    ] = None,
) -> None:
    """Play the year 2025 in Trà Vinh, and serve the result.

    It plays on a new database, with definitions of its own in which the districts go on, and tells what happens and
    why.
    """
    directory = Path(_DIRECTORY) / f"{utc_now():%Y%m%dT%H%M%S}"
    url = database or f"sqlite:///{directory}/workflows.sqlite3"
    if no_serve:
        _tell_later(_play(url, directory), url)
        return
    require_settings()
    # Taken first, so that a port in use is told before the story and not after it.
    with listening_on("127.0.0.1", port) as listening:
        played = _play(url, directory)
        _tell_calls(played, address(listening))
        _tell_later(played, url)
        serve_on(listening, url, clock=continuing(played.last_instant), definitions=played.definitions)


def _play(url: str, directory: Path) -> "DemoResult":
    from workflows.services.demo import run
    from workflows.store.schema import is_initialised

    if is_initialised(url):
        raise MisuseError(f"{shown(url)} is in use already; the demo plays on a database of its own")
    # The narration says what happens; until the server configures its logs, only what goes wrong is logged.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    played = run(url, typer.echo, directory=directory)
    typer.echo(f"\nDatabase: {shown(url)}\nDefinitions: {played.definitions}")
    for file in played.files:
        typer.echo(f"Report: {file}")
    typer.echo("\nKeys:")
    for role, key in played.keys.items():
        typer.echo(f"  {role:<24}{key}")
    return played


def _tell_calls(played: "DemoResult", server: str) -> None:
    """Three calls that work as they stand: what waits, what can be done about one of it, and how it came to that."""
    key = played.keys[Role.PROVINCIAL_COMMITTEE]
    case = f"cases/{played.case}"
    typer.echo(f"\nServing at {server} until Ctrl-C. Try:")
    for path in ("cases?workflow=certification&state=under_review", f"{case}/transitions", f"{case}/events"):
        typer.echo(f"  curl -s -H 'Authorization: Bearer {key}' '{server}/api/v1/{path}'")


def _tell_later(played: "DemoResult", url: str) -> None:
    instant = format_instant(played.last_instant)
    typer.echo(
        f"\nTo serve it later: {DEFINITIONS_VARIABLE}={played.definitions} {sys.argv[0]} serve "
        f"--database {shown(url)} --clock-from {instant}"
    )
    typer.echo(f"Other commands need {DEFINITIONS_VARIABLE} as well: the districts of this database go on.\n")
