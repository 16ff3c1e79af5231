"""Commands that export cases, events and figures as CSV, XLSX or JSON lines, for whom a key stands.

A line on standard error says what was extracted when, and the SHA-256 of the file, so that an extract can be
recognised later.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Annotated, TypeAlias

import typer
from sqlalchemy import Connection

from workflows.cli.acting import KeySecret, acting
from workflows.cli.casework import misuse
from workflows.cli.days import given_day
from workflows.cli.errors import CommandError
from workflows.cli.target import DatabaseUrl
from workflows.core.case import Actor, InputError
from workflows.core.civil import civil_date, format_instant
from workflows.services import exporting
from workflows.services.engine import Engine
from workflows.services.export_files import ExportError, Format, whole_file, write
from workflows.services.exporting import Extract
from workflows.services.filtering import wrong_case_filter, wrong_count_filter, wrong_event_filter
from workflows.services.settings import DEFAULT_DATABASE
from workflows.store.counts import CountFilter
from workflows.store.lists import EventFilter, Outcome
from workflows.store.queries import CaseFilter

commands = typer.Typer(help="Export cases, events and figures.", rich_markup_mode=None)

FileFormat: TypeAlias = Annotated[
    Format | None, typer.Option("--format", help="Default: as the output's name ends, else csv.")
]
Output: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Default: standard output.")
]
Force: TypeAlias = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]
WorkflowKey: TypeAlias = Annotated[str | None, typer.Option("--workflow", metavar="KEY", help="Of this workflow.")]
UnitCode: TypeAlias = Annotated[
    str | None, typer.Option("--unit", metavar="CODE", help="Of this unit and those below it.")
]


@commands.command("cases")
def export_cases(
    *,
    workflow: WorkflowKey = None,
    state: Annotated[str | None, typer.Option(help="In this state.")] = None,
    unit: UnitCode = None,
    plan: Annotated[str | None, typer.Option(metavar="KEY", help="Of this plan.")] = None,
    parent: Annotated[str | None, typer.Option(metavar="ID", help="Opened under this case.")] = None,
    overdue: Annotated[bool | None, typer.Option("--overdue/--not-overdue", help="Past their deadline.")] = None,
    q: Annotated[str | None, typer.Option("-q", metavar="TEXT", help="Title holds this; marks do not matter.")] = None,
    file_format: FileFormat = None,
    output: Output = None,
    force: Force = False,
    database: DatabaseUrl = DEFAULT_DATABASE,
    key: KeySecret = "",
) -> None:
    """Export the cases that the key may see, newest first.

    CSV and XLSX can be imported again; JSON lines hold what the API shows.
    """
    wanted = CaseFilter(workflow=workflow, state=state, unit=unit, plan=plan, parent=parent, overdue=overdue, q=q)
    with acting(database, key) as (engine, actor):
        _require(engine, lambda connection: wrong_case_filter(connection, engine.definitions, wanted))
        extract = exporting.cases(engine, actor, wanted)
        _export(engine, actor, extract, asdict(wanted), file_format, output, force=force)


@commands.command("events")
def export_events(
    *,
    workflow: WorkflowKey = None,
    unit: UnitCode = None,
    trigger: Annotated[str | None, typer.Option(help="Of this trigger.")] = None,
    actor: Annotated[str | None, typer.Option(metavar="PERSON", help="By this person.")] = None,
    outcome: Annotated[Outcome, typer.Option(help="What became of it.")] = "accepted",
    first_day: Annotated[str | None, typer.Option("--from", metavar="DATE", help="Recorded on it or later.")] = None,
    end_day: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Recorded before it.")] = None,
    file_format: FileFormat = None,
    output: Output = None,
    force: Force = False,
    database: DatabaseUrl = DEFAULT_DATABASE,
    key: KeySecret = "",
) -> None:
    """Export the events of all cases that the key may see, newest first."""
    wanted = EventFilter(
        outcome=outcome,
        person=actor,
        unit=unit,
        workflow=workflow,
        trigger=trigger,
        first_day=given_day("--from", first_day),
        end_day=given_day("--to", end_day),
    )
    with acting(database, key) as (engine, holder):
        _require(engine, lambda connection: wrong_event_filter(connection, engine.definitions, wanted))
        _export(engine, holder, exporting.events(holder, wanted), asdict(wanted), file_format, output, force=force)


@commands.command("counts")
def export_counts(
    *,
    unit: UnitCode = None,
    figure: Annotated[str | None, typer.Option(metavar="KEY", help="Of this figure, such as addicts.")] = None,
    file_format: FileFormat = None,
    output: Output = None,
    force: Force = False,
    database: DatabaseUrl = DEFAULT_DATABASE,
    key: KeySecret = "",
) -> None:
    """Export the figures of all units that the key covers, corrected ones too, oldest first."""
    wanted = CountFilter(unit=unit, key=figure)
    with acting(database, key) as (engine, actor):
        _require(engine, lambda connection: wrong_count_filter(connection, engine.catalogue.counts, wanted))
        _export(engine, actor, exporting.figures(actor, wanted), asdict(wanted), file_format, output, force=force)


def _require(engine: Engine, wrong: Callable[[Connection], Sequence[InputError]]) -> None:
    """A misspelt filter must not pass for an empty extract."""
    with engine.database.read() as connection:
        errors = wrong(connection)
    if errors:
        raise misuse(errors)


def _export(
    engine: Engine,
    actor: Actor,
    extract: Extract,
    filters: Mapping[str, object],
    file_format: Format | None,
    output: Path | None,
    *,
    force: bool,
) -> None:
    kind = file_format or _by_name(output)
    try:
        with _target(output, force=force) as file, engine.database.read() as connection:
            now = engine.clock()
            written = write(kind, file, extract.heads, extract.lines(connection, civil_date(now)))
    except ExportError as error:
        raise CommandError(str(error)) from error
    named = [f"{name}={value}" for name, value in filters.items() if value is not None]
    typer.echo(
        f"exported {written.rows} {extract.what}, {extract.order}; filters: {', '.join(named) or 'none'}; "
        f"seen by {actor.person} ({actor.role}, {actor.unit}); extracted at {format_instant(now)}; "
        f"{output or 'standard output'}: sha256 {written.sha256}",
        err=True,
    )


def _by_name(output: Path | None) -> Format:
    ending = output.suffix.lower().removeprefix(".") if output else ""
    return Format(ending) if ending in set(Format) else Format.CSV


@contextmanager
def _target(output: Path | None, *, force: bool) -> Iterator[IO[bytes]]:
    if output is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with whole_file(output, force=force) as file:
            yield file
