"""The program `workflows`: its commands, and how an expected error ends one.

Each command is a thin shell around services and store. An expected error is one line on standard error: exit code 2
when the command was misused, 1 when it failed; anything else is a defect and shows its traceback.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from workflows.cli.all import add_commands
from workflows.cli.errors import CommandError, MisuseError

if TYPE_CHECKING:
    from sqlalchemy.exc import DBAPIError

_NO_RIGHT: Final = "42501"
"""SQLSTATE: the role of the URL may not do this; any other wrong statement is a defect of ours."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and ends the process; None takes the arguments of the process."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        _program(given)(given, prog_name="workflows")
    except SystemExit:  # how a command ends that was carried out; what follows need not be loaded for it
        raise
    except _expected() as error:
        _end(error)


def _expected() -> tuple[type[Exception], ...]:
    """Errors that are told in a line."""
    from sqlalchemy.exc import DBAPIError

    from workflows.core.problems import DefinitionError
    from workflows.store.database import DatabaseError

    return CommandError, DatabaseError, DefinitionError, OSError, DBAPIError


def _end(error: Exception) -> None:
    from sqlalchemy.exc import DBAPIError

    from workflows.core.problems import DefinitionError

    if isinstance(error, DBAPIError) and not _is_of_the_database(error):
        raise error
    text = str((error.orig or error) if isinstance(error, DBAPIError) else error).strip()
    sys.stderr.write(text + "\n" if isinstance(error, DefinitionError) else f"workflows: {' '.join(text.split())}\n")
    sys.exit(2 if isinstance(error, MisuseError) else 1)


def _is_of_the_database(error: "DBAPIError") -> bool:
    """It is away, is none, takes nothing or refuses a right; a statement that is wrong is a defect of ours."""
    from sqlalchemy.exc import DatabaseError, OperationalError, ProgrammingError

    from workflows.store.passing import unwritable

    if isinstance(error, ProgrammingError):
        return getattr(error.orig, "sqlstate", None) == _NO_RIGHT
    # SQLite's "file is not a database" and "disk image is malformed" are of no narrower class.
    return isinstance(error, OperationalError) or type(error) is DatabaseError or unwritable(error)


def _program(given: Sequence[str]) -> typer.Typer:
    """The program, with no more commands than the arguments ask for."""
    program = typer.Typer(
        help="Declarative workflows and cases: check documents, make a database, serve the API.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    program.callback()(_options)
    add_commands(program, given)
    return program


def _print_version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"workflows {version('workflows')}")
        raise typer.Exit


def _options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass
