"""The program `workflows`: its commands, and how an expected error ends one.

Each command is a thin shell around services and store. An expected error is one line on standard error: exit code 2
when the command was misused, 1 when it failed; anything else is a defect and shows its traceback.
"""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from sqlalchemy.exc import OperationalError

from workflows.cli import keys
from workflows.cli.errors import CommandError, MisuseError
from workflows.core.problems import DefinitionError
from workflows.store.database import DatabaseError


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs one command and ends the process; None takes the arguments of the process."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        _program(given)(given, prog_name="workflows")
    except MisuseError as error:
        _end(error, 2)
    except OperationalError as error:
        _end(error.orig or error, 1)
    except (CommandError, DatabaseError, DefinitionError, OSError) as error:
        _end(error, 1)


def _end(error: BaseException, code: int) -> None:
    text = str(error).strip()
    sys.stderr.write(text + "\n" if isinstance(error, DefinitionError) else f"workflows: {' '.join(text.split())}\n")
    sys.exit(code)


def _program(given: Sequence[str]) -> typer.Typer:
    """The program; without the commands that load much where only keys are asked for, as beside a busy server."""
    program = typer.Typer(
        help="Declarative workflows and cases: check documents, make a database, serve the API.",
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        add_completion=False,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    program.callback()(_options)
    program.add_typer(keys.commands, name="key")
    if given[:1] != ["key"]:
        from workflows.cli.all import COMMANDS  # noqa: PLC0415 - see above

        for command in COMMANDS:
            program.command()(command)
    return program


def _print_version(*, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - slow to load for every other command

        typer.echo(f"workflows {version('workflows')}")
        raise typer.Exit


def _options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass
