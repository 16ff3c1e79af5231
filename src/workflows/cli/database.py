"""Commands for operators: make a database, prove it intact, copy it and bring the copy back."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import func, select

from workflows.cli.target import DatabaseUrl, opened, shown
from workflows.services.settings import DEFAULT_DATABASE, definitions_directory
from workflows.store import backup as copies
from workflows.store import fsck as proof
from workflows.store.tables import definition, unit


def init(
    database: DatabaseUrl = DEFAULT_DATABASE,
    server_role: Annotated[
        str | None,
        typer.Option(metavar="ROLE", help="PostgreSQL: give this role, not the owner, just what `serve` needs."),
    ] = None,
) -> None:
    """Make or update the tables, store definitions and units.

    May be repeated at any time; what is as it should be is left alone.
    """
    from workflows.store.schema import create, grant, is_initialised

    there = is_initialised(database)
    create(database, definitions=definitions_directory())
    if server_role is not None:
        grant(database, server_role)
    with opened(database) as target, target.read() as connection:
        counts = [
            connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (definition, unit)
        ]
    done = "tables were up to date" if there else "tables made or brought up to date"
    typer.echo(f"{shown(database)}: {done}; {counts[0]} definitions, {counts[1]} units and periods stored")


def fsck(database: DatabaseUrl = DEFAULT_DATABASE) -> None:
    """Prove that every case follows from its untouched events.

    Exits with 1 and names the first bad row otherwise.
    """
    with opened(database) as target:
        report = proof.check(target)
    typer.echo(report.summary.en)
    typer.echo(report.summary.vi)
    if report.first_bad is not None:
        raise typer.Exit(1)


def backup(
    target: Annotated[Path, typer.Argument(help="A file that is not there yet.")],
    database: DatabaseUrl = DEFAULT_DATABASE,
) -> None:
    """Copy the database while it is in use, and check the copy.

    On PostgreSQL the copy is an archive for pg_restore.
    """
    with opened(database) as source:
        made = copies.copy(source, target)
    what = "the copy itself" if made.restored else "the state it was taken of; restoring it is a drill of its own"
    typer.echo(f"{made.path}: {made.checked.summary.en} (checked: {what})")


def restore(
    backup: Annotated[Path, typer.Argument(help="What `workflows backup` made.")],
    database: DatabaseUrl = DEFAULT_DATABASE,
    *,
    upgrade: Annotated[bool, typer.Option("--upgrade", help="Bring an older schema up to date.")] = False,
) -> None:
    """Make a database from a backup, and check it.

    The SQLite file must not be there yet; the PostgreSQL database must be empty.
    """
    from workflows.store.restore import restore as put_back

    done = put_back(backup, database, upgrade=upgrade)
    typer.echo(f"{shown(database)}: restored from {backup}; {done.checked.summary.en}")
    typer.echo(done.checked.summary.vi)
    revision = f"{done.revision}, upgraded to {done.upgraded_to}" if done.upgraded_to else done.revision
    typer.echo(f"schema revision {revision}; append-only guards stand")
    if done.sum_checked:
        typer.echo("the backup has the SHA-256 that it was made with")
    else:
        typer.echo("no checksum stood beside the backup: damage outside of the cases' ledgers cannot be ruled out")
    typer.echo("Keys that were revoked since the backup are valid again: see `workflows key list`.")
