"""Commands on the calendar of working days: which deadlines of running cases it moves, and moving them.

They act in this process, on the authority of an API key, by the calendar among the definitions as they are now.
"""

from typing import Annotated

import typer

from workflows.cli.acting import KeySecret
from workflows.cli.case_view import print_blockers
from workflows.cli.casework import Asked, session
from workflows.cli.deadline_view import label, print_moves
from workflows.cli.documents import Language
from workflows.cli.errors import CommandError
from workflows.cli.target import DatabaseUrl
from workflows.core.authority import has_role
from workflows.core.case import Accepted, Decision, Refused
from workflows.core.deadline_moves import ROLES, SCOPE, STANDS
from workflows.services import deadlines
from workflows.services.deadlines import Move
from workflows.services.rendering import blockers_json
from workflows.services.settings import DEFAULT_DATABASE

commands = typer.Typer(help="Tell and move deadlines that a newly issued calendar changes.", rich_markup_mode=None)


@commands.callback()
def _calendar() -> None:
    """Keeps the name of its one command."""


@commands.command()
def moved(
    *,
    apply: Annotated[bool, typer.Option("--apply", help="Record each of them as an event.")] = False,
    reason: Annotated[str | None, typer.Option(help="Why; stands in each event.")] = None,
    database: DatabaseUrl = DEFAULT_DATABASE,
    key: KeySecret = "",
    language: Annotated[Language, typer.Option("--language", help="Of what is printed.")] = Language.VI,
) -> None:
    """Show the running cases whose deadlines differ by the calendar as it is now.

    Nothing is written without --apply. Repeating it moves nothing twice, and goes on where it was ended.
    """
    with session(Asked(database=database, key=key, language=language, as_json=False)) as (engine, actor):
        found = list(deadlines.moves(engine, actor))
        print_moves(found, language)
        if not found:
            return
        if not apply:
            typer.echo(f"{len(found)} {label('wanted', language)}")
            return
        if not has_role(actor, ROLES, *SCOPE):
            raise CommandError("only role administrator, or system with scope deadlines.move, moves deadlines")
        _tell(list(deadlines.apply(engine, actor, found, reason)), language)


def _tell(answered: list[tuple[Move, Decision]], language: str) -> None:
    done = sum(isinstance(decision, Accepted) for _, decision in answered)
    left = [each for each in answered if not isinstance(each[1], Accepted) and not _stands(each[1])]
    typer.echo(f"{done} {label('moved', language)}")
    if not left:
        return
    typer.echo(f"{len(left)} {label('left', language)}", err=True)
    for move, decision in left:
        typer.echo(f"  {move.case.id}", err=True)
        if isinstance(decision, Refused):
            print_blockers(blockers_json(decision.blockers), language, indent="    ", err=True)
    raise CommandError(f"{len(left)} of {len(answered)} deadlines were not moved")


def _stands(decision: Decision) -> bool:
    """Whether the case was moved, or went on, before its turn came."""
    return isinstance(decision, Refused) and {blocker.code for blocker in decision.blockers} == {STANDS}
