"""The command that plays the main job on a database of its own, and then serves the result."""

from contextlib import closing
from pathlib import Path
from typing import Annotated, Final

import typer

from workflows.cli.errors import MisuseError
from workflows.cli.options import LISTENS_ON
from workflows.cli.serving import listening_on, serve_on
from workflows.core.civil import format_instant
from workflows.services.clock import continuing, utc_now
from workflows.store.schema import is_initialised

_DIRECTORY: Final = "var/demo"


def demo(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    no_serve: Annotated[bool, typer.Option("--no-serve", help="End after the narration.")] = False,
    database: Annotated[
        str | None, typer.Option(metavar="URL", help=f"An empty one; default: a new SQLite file in {_DIRECTORY}.")
    ] = None,
) -> None:
    """Play the year 2025 of Trà Vinh on a new database, telling what happens and why, then serve it."""
    url = database or f"sqlite:///{_DIRECTORY}/{utc_now():%Y%m%dT%H%M%S}.sqlite3"
    if is_initialised(url):
        raise MisuseError("the demo plays on a database of its own; this one is in use already")
    if no_serve:
        _play(url)
        return
    # Taken first, so that a port in use is told before the story and not after it.
    with listening_on("127.0.0.1", port) as listening:
        played = _play(url)
        _show_calls(played, f"http://127.0.0.1:{listening.getsockname()[1]}", url)
        serve_on(listening, url, clock=continuing(played.last_instant))
