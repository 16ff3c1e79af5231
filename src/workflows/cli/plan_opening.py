"""The command that opens a plan for a year: first what would be done, with --apply done.

An application may be ended at any time and run again: what is open is not opened again.
"""

import asyncio
from typing import Annotated, Final

import typer

from workflows.cli.acting import KeySecret
from workflows.cli.casework import Asked, session
from workflows.cli.documents import Language
from workflows.cli.errors import CommandError
from workflows.cli.showing import print_json, progress, safe, show_json
from workflows.cli.target import DatabaseUrl
from workflows.services.opening_json import opening_json
from workflows.services.plan_difference import Changed, Difference
from workflows.services.plan_opening import CarriedOut, OpeningRefusedError, Survey, carry_out, survey
from workflows.services.rendering import encoded
from workflows.services.settings import DEFAULT_DATABASE
from workflows.store.plan_openings import Standing

_SHOWN: Final = 40
"""Cases of each sort that are listed; of more, their number."""
_AGAIN: Final = "run the same command again to go on: what is open is not opened again"


def open_plan(
    plan: Annotated[str, typer.Argument(metavar="KEY", help="As `workflows plan list` shows it.")],
    *,
    year: Annotated[int, typer.Option("--year", metavar="YEAR", help="One of the plan's years.")],
    apply: Annotated[bool, typer.Option("--apply", help="Open and amend; without it nothing is written.")] = False,
    database: DatabaseUrl = DEFAULT_DATABASE,
    key: KeySecret = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print what the API answers.")] = False,
) -> None:
    """Open the tasks, reports owed and processes that a plan asks for in one year.

    Shows what is new, changed and gone as against the cases that are there; with --apply opens what is new and amends
    what the plan changed. Nothing is closed, and what somebody amended by hand stays.
    """
    with session(Asked(database=database, key=key, language=Language.VI, as_json=as_json)) as (engine, actor):
        try:
            found = survey(engine, actor, plan, year)
        except OpeningRefusedError as error:
            raise CommandError(safe(str(error))) from error
        if not as_json:
            _show(found)
        if not apply:
            _tell(found, None, as_json=as_json)
            return
        todo = len(found.difference.new) + sum(bool(each.amendment) for each in found.difference.changed)
        try:
            with progress("opening", todo) as advance:
                done = asyncio.run(carry_out(engine, actor, found, advance))
        except KeyboardInterrupt as error:
            raise CommandError(f"interrupted; {_AGAIN}") from error
        _tell(found, done, as_json=as_json)
    if done.number("failed"):
        raise CommandError(f"{done.number('failed')} cases could not be opened or amended; {_AGAIN}")


def _show(found: Survey) -> None:
    difference = found.difference
    typer.echo(f"{found.plan.plan}, {found.year}: {_summary(difference)}")
    _list("+", [safe(each.title) for each in difference.new])
    _list("~", [_changed(each) for each in difference.changed])
    _list("-", [_standing(each) for each in difference.gone])


def _summary(difference: Difference) -> str:
    counts = {
        "asked for": difference.wanted,
        "new": len(difference.new),
        "changed": len(difference.changed),
        "the same": difference.same,
        "amended by hand": difference.kept,
        "annulled": len(difference.annulled),
        "no longer in the plan": len(difference.gone),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count or what in {"asked for", "new"})


def _list(sign: str, lines: list[str]) -> None:
    for line in lines[:_SHOWN]:
        typer.echo(f"{sign} {line}")
    if len(lines) > _SHOWN:
        typer.echo(f"{sign} … and {len(lines) - _SHOWN} more")


def _changed(changed: Changed) -> str:
    fields = (
        f"{each.name}: {show_json(each.before)} → {show_json(each.after)}{'' if each.amendable else ' (left)'}"
        for each in changed.fields
    )
    return safe(f"{_standing(changed.case)}: {'; '.join(fields)}")


def _standing(case: Standing) -> str:
    return safe(f"{case.id} {case.title}")


def _tell(found: Survey, done: CarriedOut | None, *, as_json: bool) -> None:
    if as_json:
        print_json(encoded(opening_json(found, done)))
    elif done is None:
        typer.echo("nothing was written; repeat with --apply to open and amend")
    else:
        for each in done.each:
            if each.message:
                typer.echo(f"! {safe(each.message)}", err=True)
        told = (f"{done.number(what)} {what}" for what in ("opened", "amended", "already", "failed"))
        typer.echo(f"{found.plan.plan}, {found.year}: {', '.join(told)}")
