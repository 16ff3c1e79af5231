"""Commands on plans: what there is, what one says, how far its targets are reached.

Holds their options only; how an answer is laid out is `plan_view`'s.
"""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

import typer

from workflows.cli import plan_view
from workflows.cli.acting import KeySecret
from workflows.cli.casework import Asked, session
from workflows.cli.days import given_day
from workflows.cli.documents import Language
from workflows.cli.errors import MisuseError
from workflows.cli.plan_opening import open_plan
from workflows.cli.plan_report import report
from workflows.cli.showing import print_json
from workflows.cli.target import DatabaseUrl
from workflows.core.nearest import nearest
from workflows.core.plan_documents import PlanDocument
from workflows.loader import load
from workflows.services import targets as reached
from workflows.services.plan_json import plan_head, plan_json, targets_json
from workflows.services.rendering import encoded
from workflows.services.settings import DEFAULT_DATABASE, definitions_directory

commands = typer.Typer(help="Plans: list and show them, read their targets, fill their reports.", rich_markup_mode=None)

commands.command("open")(open_plan)
commands.command()(report)

PlanKey: TypeAlias = Annotated[str, typer.Argument(metavar="KEY", help="As `workflows plan list` shows it.")]
Speech: TypeAlias = Annotated[Language, typer.Option("--language", help="Of what is printed.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print what the API answers.")]


@commands.command("list")
def list_plans(*, language: Speech = Language.VI, as_json: AsJson = False) -> None:
    """List the plans among the definitions, by key."""
    plans = _plans()
    found = [plans[key] for key in sorted(plans)]
    if as_json:
        print_json(encoded({"items": [plan_head(each) for each in found], "next": None}))
    else:
        plan_view.print_plans(found, language)


@commands.command()
def show(key: PlanKey, *, language: Speech = Language.VI, as_json: AsJson = False) -> None:
    """Show a plan: its calendar, targets, reports owed and tasks."""
    plans = _plans()
    if key not in plans:
        raise MisuseError(f"there is no plan {key!r}; the nearest is {nearest(key, plans)}")
    if as_json:
        print_json(encoded(plan_json(plans[key])))
    else:
        plan_view.print_plan(plans[key], language)


@commands.command()
def targets(
    plan: PlanKey,
    *,
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="As known at the end of this day; today.")] = None,
    unit: Annotated[str | None, typer.Option(metavar="CODE", help="A district or commune of the plan.")] = None,
    database: DatabaseUrl = DEFAULT_DATABASE,
    key: KeySecret = "",
    language: Speech = Language.VI,
    as_json: AsJson = False,
) -> None:
    """Read how far the targets of a plan are reached."""
    view = reached.View(key=plan, as_of=given_day("--as-of", as_of), unit=unit)
    with session(Asked(database=database, key=key, language=language, as_json=as_json)) as (engine, actor):
        state = reached.targets(engine, actor, view)
    if as_json:
        print_json(encoded(targets_json(state)))
    else:
        plan_view.print_targets(state, language)


def _plans() -> Mapping[str, PlanDocument]:
    return load(definitions_directory()).plans
