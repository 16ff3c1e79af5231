"""The command that fills a report of a plan: into a file, or in short for the terminal."""

from pathlib import Path
from typing import Annotated

import typer

from workflows.cli.acting import KeySecret
from workflows.cli.casework import Asked, session
from workflows.cli.days import given_day
from workflows.cli.documents import Language
from workflows.cli.errors import CommandError, MisuseError
from workflows.cli.report_view import print_report
from workflows.cli.showing import print_json
from workflows.cli.target import DatabaseUrl
from workflows.core.case import Actor
from workflows.core.civil import format_instant
from workflows.services import reports
from workflows.services.export_files import ExportError, whole_file
from workflows.services.rendering import encoded
from workflows.services.report_files import ReportFormat, file_of
from workflows.services.report_json import report_json
from workflows.services.report_parts import Report
from workflows.services.report_print import PrintError
from workflows.services.settings import DEFAULT_DATABASE


def report(
    plan: Annotated[str, typer.Argument(metavar="KEY", help="As `workflows plan list` shows it.")],
    obligation: Annotated[str, typer.Argument(metavar="REPORT", help="As `workflows plan show` lists it.")],
    *,
    unit: Annotated[
        str | None, typer.Option(metavar="CODE", help="Whose body reports; the province, or yours.")
    ] = None,
    agency: Annotated[str | None, typer.Option(metavar="KEY", help="Who reports, where several bodies do.")] = None,
    due: Annotated[
        str | None, typer.Option(metavar="DATE", help="The last day in time, where there are several.")
    ] = None,
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="As known at the end of this day.")] = None,
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", dir_okay=False, help="Ends in .xlsx, .pdf or .json.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
    database: DatabaseUrl = DEFAULT_DATABASE,
    key: KeySecret = "",
    language: Annotated[Language, typer.Option("--language", help="Of what is printed.")] = Language.VI,
    as_json: Annotated[bool, typer.Option("--json", help="Print what the API answers.")] = False,
) -> None:
    """Fill a report that a plan has owed: figures against targets, tasks, what is late and why.

    A workbook and print are in Vietnamese.
    """
    kind = _kind(output) if output else None
    wish = reports.Wish(
        plan=plan,
        obligation=obligation,
        unit=unit,
        agency=agency,
        due=given_day("--due", due),
        as_of=given_day("--as-of", as_of),
    )
    with session(Asked(database=database, key=key, language=language, as_json=as_json)) as (engine, actor):
        found = reports.report(engine, actor, wish)
    if output and kind:
        _write(found, actor, kind, output, force=force)
    elif as_json:
        print_json(encoded(report_json(found)))
    else:
        print_report(found, language)


def _kind(output: Path) -> ReportFormat:
    ending = output.suffix.lower().removeprefix(".")
    if ending not in set(ReportFormat):
        allowed = ", ".join(f".{each}" for each in ReportFormat)
        raise MisuseError(f"--output: {output.name} ends in none of {allowed}")
    return ReportFormat(ending)


def _write(found: Report, actor: Actor, kind: ReportFormat, output: Path, *, force: bool) -> None:
    try:
        with whole_file(output, force=force) as file:
            file.write(file_of(found, kind))
    except (ExportError, PrintError) as error:
        raise CommandError(str(error)) from error
    typer.echo(
        f"{found.plan.plan} {found.key}, {found.unit.code}, {found.first} to {found.last}, as known at the end of "
        f"{found.known}; seen by {actor.person} ({actor.role}, {actor.unit}); made at "
        f"{format_instant(found.made_at)}: {output}",
        err=True,
    )
