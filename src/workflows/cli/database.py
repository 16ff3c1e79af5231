"""Commands for operators: make a database, prove it intact, copy it."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import func, select

from workflows.cli.options import DatabaseUrl
from workflows.services.settings import DEFAULT_DATABASE, definitions_directory
from workflows.store import backup as copies
from workflows.store import fsck as proof
from workflows.store.database import Database, parse_url
from workflows.store.schema import create, is_initialised
from workflows.store.tables import definition, unit


def init(database: DatabaseUrl = DEFAULT_DATABASE) -> None:
    """Make the tables, or bring them up to date, and store definitions and units; may be repeated."""
    there = is_initialised(database)
    create(database, definitions=definitions_directory())
    with Database(database) as opened, opened.read() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (definition, unit)
        ]
    done = "tables were up to date" if there else "tables made or brought up to date"
    shown = parse_url(database).render_as_string(hide_password=True)
    typer.echo(f"{shown}: {done}; {counts[0]} definitions, {counts[1]} units and periods stored")


def fsck(database: DatabaseUrl = DEFAULT_DATABASE) -> None:
    """Prove that every case follows from its untouched events; else exit 1 and name the first bad row."""
    with Database(database) as opened:
        report = proof.check(opened)
    typer.echo(report.summary.en)
    typer.echo(report.summary.vi)
    if report.first_bad is not None:
        raise typer.Exit(1)


def backup(
    target: Annotated[Path, typer.Argument(help="A file that is not there yet.")],
    database: DatabaseUrl = DEFAULT_DATABASE,
) -> None:
    """Copy the database while it is in use, and check the copy; PostgreSQL: an archive for pg_restore."""
    with Database(database) as opened:
        made = copies.copy(opened, target)
    what = "the copy itself" if made.restored else "the state it was taken of; restoring it is a drill of its own"
    typer.echo(f"{made.path}: {made.checked.summary.en} (checked: {what})")
