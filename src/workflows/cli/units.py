"""Commands for administrative units through time: the acts there are, and applying one."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated

import typer

from workflows.cli.acting import KeySecret, acting
from workflows.cli.errors import CommandError, MisuseError
from workflows.cli.showing import print_table, safe
from workflows.cli.target import DatabaseUrl
from workflows.core.civil import show_date
from workflows.core.unit_acts import UnitActDocument
from workflows.services.settings import DEFAULT_DATABASE, definitions_directory
from workflows.services.unit_moves import ActError, Applied, Outlook, apply, outlook
from workflows.store.submissions import WriteError
from workflows.unit_act_files import UnknownActError, read_act, read_acts

commands = typer.Typer(help="Administrative units through time: acts, and applying them.", rich_markup_mode=None)


@commands.command()
def acts() -> None:
    """List the administrative acts that ship with the definitions."""
    rows = [
        (each.act, show_date(each.day), ", ".join(d.number or "-" for d in each.documents) or "-", each.title.vi)
        for each in read_acts(definitions_directory())
    ]
    print_table([("act", "day", "documents", "title"), *rows])


@commands.command("apply")
def apply_act(
    act: Annotated[str, typer.Argument(metavar="ACT", help="Key of an act, or the path of its file.")],
    *,
    really: Annotated[bool, typer.Option("--apply", help="Do it; otherwise only show what would happen.")] = False,
    key: KeySecret = "",
    database: DatabaseUrl = DEFAULT_DATABASE,
) -> None:
    """Show what an administrative act means for running cases and grants; with --apply, carry it out.

    Grants go first, then every running case of a unit that ended moves to its successor, with an event of its own.
    A run that was interrupted is simply repeated: what has moved does not move again.
    """
    document = _read(act)
    with acting(database, key) as (engine, actor):
        try:
            _show(outlook(engine, document))
            if not really:
                typer.echo("nothing was changed; repeat with --apply to carry it out")
                return
            _report(apply(engine, actor, document))
        except ActError as error:
            raise CommandError(str(error)) from error
        except WriteError as error:
            raise CommandError(f"interrupted: {error}; run it again to go on") from error


def _read(named: str) -> UnitActDocument:
    try:
        return read_act(definitions_directory(), named)
    except UnknownActError as error:
        raise MisuseError(str(error)) from error


def _show(found: Outlook) -> None:
    act = found.act
    typer.echo(f"{act.act}: {act.title.vi} / {act.title.en}, from {show_date(act.day)}")
    moves = Counter((move.unit, move.to, move.workflow) for move in found.moves)
    typer.echo(f"cases that move: {len(found.moves)}")
    if moves:
        print_table([("from", "to", "workflow", "cases"), *((*key, str(n)) for key, n in sorted(moves.items()))])
    typer.echo(f"cases that stay, because nobody can tell where they belong: {len(found.left)}")
    if found.left:
        rows = [(each.case, each.workflow, each.unit, safe(each.why.en)) for each in found.left]
        print_table([("case", "workflow", "unit", "why"), *rows])
    typer.echo(f"grants that end or follow: {len(found.grants)}")
    if found.grants:
        heads = ("grant", "role", "unit", "person", "fate", "why", "successors", "name")
        print_table([heads, *_grant_rows(found)])


def _grant_rows(found: Outlook) -> Iterable[tuple[str, ...]]:
    for each in found.grants:
        held = each.grant
        successors = ", ".join(f"{unit.code} {unit.name}" for unit in each.successors) or "-"
        yield (
            held.id, held.role.value, held.unit, held.person, each.fate, each.why.en, safe(successors), safe(held.name)
        )  # fmt: skip


def _report(progress: Iterable[Applied]) -> None:
    done = Applied()
    for latest in progress:
        done = latest
    typer.echo(f"grants ended: {done.ended}; grants that followed: {done.followed}; cases moved: {done.moved}")
    typer.echo(f"cases that stay: {len(done.left)}")
