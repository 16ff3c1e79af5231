"""The database that a command works on: the option that names it, and opening it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, TypeAlias

import typer
from sqlalchemy import inspect

from workflows.cli.errors import CommandError
from workflows.services.settings import DATABASE_VARIABLE
from workflows.store.database import Database, parse_url
from workflows.store.tables import metadata

DatabaseUrl: TypeAlias = Annotated[
    str,
    typer.Option(
        "--database",
        envvar=DATABASE_VARIABLE,
        metavar="URL",
        help="sqlite:///path/to/file or postgresql://user@host/name",
    ),
]


@contextmanager
def opened(url: str) -> Iterator[Database]:
    """The database at a URL; raises CommandError when it lacks a table."""
    with Database(url) as database:
        with database.read() as connection:
            missing = set(metadata.tables) - set(inspect(connection).get_table_names())
        if missing:
            raise CommandError(
                f"{shown(url)} has no tables, or older ones: run `workflows init` with the same --database"
            )
        yield database


def shown(url: str) -> str:
    """The URL without its password."""
    return parse_url(url).render_as_string(hide_password=True)
