"""Commands that import tables: cases and figures, from CSV or XLSX, and empty workbooks to fill in.

Nothing is written before every row has been checked; an import may be stopped at any time and run again.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer

from workflows.cli.acting import KeySecret, acting
from workflows.cli.errors import CommandError, MisuseError
from workflows.cli.showing import progress
from workflows.cli.target import DatabaseUrl
from workflows.core.nearest import nearest
from workflows.loader import load
from workflows.services.importing import SHOWN, Problems, Written
from workflows.services.importing_cases import CaseImport
from workflows.services.importing_counts import CountImport
from workflows.services.reading import MissingError
from workflows.services.settings import DEFAULT_DATABASE, definitions_directory
from workflows.services.spool import Spool
from workflows.services.tabular import TableError, records
from workflows.store.submissions import WriteError

commands = typer.Typer(help="Import cases and figures from tables.", rich_markup_mode=None)

TableFile: TypeAlias = Annotated[Path, typer.Argument(metavar="FILE", help=".xlsx, or CSV in UTF-8.")]
CheckOnly: TypeAlias = Annotated[bool, typer.Option("--check", help="Check every row and write nothing.")]
SheetName: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="Sheet of an .xlsx file; default: the first.")
]
_AGAIN: Final = "run the same command again to go on: what is written is not written twice"


@commands.command("cases")
def import_cases(
    file: TableFile,
    *,
    workflow: Annotated[str, typer.Option(metavar="KEY", help="Workflow of the cases.")],
    check: CheckOnly = False,
    sheet: SheetName = None,
    database: DatabaseUrl = DEFAULT_DATABASE,
    key: KeySecret = "",
) -> None:
    """Open a case for every row of a table.

    All rows are checked first; a single problem, and nothing is written.
    """
    _require_file(file)
    with _told(), acting(database, key) as (engine, actor), records(file, sheet) as rows, Spool() as spool:
        job = CaseImport(engine, actor, workflow, records=rows, spool=spool)
        _say("reading …")
        job.read()
        with progress("checking", job.rows) as advance:
            job.check(advance)
        _require_no_problem(job.problems, "nothing was written")
        _tell_unused(job.unused)
        if check:
            typer.echo(f"{workflow}: {job.rows} rows can be imported, {job.done} of them are already")
            return
        started = time.perf_counter()
        with progress("opening", job.rows - job.done) as advance:
            written = job.write(advance)
    _sum_up(written, f"{workflow}: {job.rows} rows", "opened", time.perf_counter() - started)


@commands.command("counts")
def import_counts(
    file: TableFile,
    *,
    check: CheckOnly = False,
    sheet: SheetName = None,
    database: DatabaseUrl = DEFAULT_DATABASE,
    key: KeySecret = "",
) -> None:
    """Enter a figure for every row of a table.

    All rows are checked first; a single problem, and nothing is written.
    """
    _require_file(file)
    with _told(), acting(database, key) as (engine, actor), records(file, sheet) as rows, Spool() as spool:
        job = CountImport(engine, actor, records=rows, spool=spool)
        _say("reading and checking …")
        job.read()
        _require_no_problem(job.problems, "nothing was written")
        _tell_unused(job.unused)
        if check:
            typer.echo(f"counts: {job.rows} rows can be imported")
            return
        started = time.perf_counter()
        with progress("entering", job.rows) as advance:
            written = job.write(advance)
    _sum_up(written, f"counts: {job.rows} rows", "entered", time.perf_counter() - started)


@commands.command()
def template(
    file: Annotated[Path, typer.Argument(metavar="FILE.xlsx", help="A file that is not there yet.")],
    *,
    workflow: Annotated[str | None, typer.Option(metavar="KEY", help="For cases of this workflow.")] = None,
    counts: Annotated[bool, typer.Option("--counts", help="For figures of units.")] = False,
) -> None:
    """Make an empty workbook with the columns of an import, to be filled in."""
    from workflows.services import templates

    if (workflow is None) is not counts:
        raise MisuseError("give either --workflow KEY or --counts")
    if file.suffix.lower() != ".xlsx":
        raise MisuseError(f'"{file}" must end in .xlsx')
    if file.exists():
        raise CommandError(f"{file} is there already; choose another name")
    catalogue = load(definitions_directory())
    if workflow is None:
        templates.for_counts(catalogue, file)
        return
    if workflow not in catalogue.workflows:
        raise MisuseError(_no_workflow(workflow, nearest(workflow, catalogue.workflows)))
    templates.for_cases(catalogue, workflow, file)


def _no_workflow(given: str, near: str | None) -> str:
    return f'there is no workflow "{given}"' + (f'; did you mean "{near}"?' if near else "")


def _require_file(file: Path) -> None:
    if not file.is_file():
        raise MisuseError(f'there is no file "{file}"')


@contextmanager
def _told() -> Iterator[None]:
    """Errors of the import as errors of the command."""
    try:
        yield
    except MissingError as error:
        raise MisuseError(_no_workflow(error.given, error.nearest)) from error
    except (TableError, WriteError) as error:
        raise CommandError(str(error)) from error
    except KeyboardInterrupt as error:
        raise CommandError("interrupted before anything was written") from error


def _require_no_problem(problems: Problems, outcome: str) -> None:
    if problems.total:
        _list(problems)
        raise CommandError(f"{_number(problems.total, 'problem')}; {outcome}")


def _list(problems: Problems) -> None:
    for problem in problems.shown:
        typer.echo(str(problem), err=True)
    if problems.total > SHOWN:
        typer.echo(f"… and {problems.total - SHOWN} more", err=True)


def _tell_unused(heads: Sequence[str]) -> None:
    if heads:
        typer.echo(f"not used: {', '.join(heads)} (an import makes everything anew)", err=True)


def _sum_up(written: Written, what: str, done: str, seconds: float) -> None:
    failed = written.problems.total
    rate = f"{seconds:.1f} s, {written.new / max(seconds, 0.001):.0f} rows/s"
    typer.echo(f"{what}: {written.new} {done}, {written.done} were already, {failed} failed; {rate}")
    _list(written.notes)
    _list(written.problems)
    if written.interrupted:
        raise CommandError(f"interrupted; {_AGAIN}")
    if failed:
        raise CommandError(f"{_number(failed, 'row')} could not be written; {_AGAIN}")


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _say(text: str) -> None:
    """On a terminal only."""
    if sys.stderr.isatty():
        typer.echo(text, err=True)
