"""Commands for operators: make a database, prove it intact, copy it."""

from datetime import datetime

import typer
from sqlalchemy import Table, func, select

from workflows.cli.failures import Failure
from workflows.cli.options import DatabaseUrl
from workflows.schema_files import write_schemas
from workflows.services.settings import DEFAULT_DATABASE, definitions_directory
from workflows.store import fsck as proof
from workflows.store.database import Database, parse_url
from workflows.store.schema import create, is_initialised
from workflows.store.tables import definition, unit


def init(database: DatabaseUrl = DEFAULT_DATABASE) -> None:
    """Make the tables, or bring them up to date, and store definitions and units; may be repeated."""
    made = not is_initialised(database)
    create(database, definitions=definitions_directory())
    typer.echo(f"{parse_url(database)}: tables {'made or brought up to date' if made else 'were up to date'}")
    with Database(database) as opened, opened.read() as connection:
        for table in (definition, unit):
            count = connection.execute(select(func.count()).select_from(table)).scalar_one()
            typer.echo(f"{count} rows in {table.name}")


def fsck(database: DatabaseUrl = DEFAULT_DATABASE) -> None:
    """Prove that every case follows from its events and that no event was changed; exit 1 with the first bad row."""
    with Database(database) as opened:
        report = proof.check(opened)
    typer.echo(report.summary.en)
    typer.echo(report.summary.vi)
    if report.first_bad is not None:
        raise typer.Exit(1)
