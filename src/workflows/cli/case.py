"""Commands on cases: list, show, open, fire; each acts in this process, on the authority of an API key.

Holds their options only; what they do is in `casework`.
"""

from typing import Annotated, TypeAlias

import typer

from workflows.cli import casework
from workflows.cli.acting import KeySecret
from workflows.cli.documents import Language
from workflows.cli.target import DatabaseUrl
from workflows.services.settings import DEFAULT_DATABASE
from workflows.store.queries import CaseFilter

commands = typer.Typer(help="List, show, open cases and fire their triggers.", rich_markup_mode=None)

Speech: TypeAlias = Annotated[Language, typer.Option("--language", help="Of what is printed.")]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print what the API answers.")]
Limit: TypeAlias = Annotated[int, typer.Option("--limit", min=1, help="The most that are printed.")]
CaseIdText: TypeAlias = Annotated[str, typer.Argument(metavar="ID", help="As `workflows case list` shows it.")]
Assignments: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A field, or a part of one (decision.number=…); repeat it."),
]
Reason: TypeAlias = Annotated[str | None, typer.Option(help="Why.")]
OccurredAt: TypeAlias = Annotated[
    str | None, typer.Option(metavar="INSTANT", help='When it happened: "30/06/2025 08:00" or RFC 3339; now.')
]
DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Only say what would come of it.")]
IdempotencyKey: TypeAlias = Annotated[
    str | None, typer.Option(metavar="K", help="Repeating the command with it does nothing twice.")
]


@commands.command("list")
def list_cases(
    *,
    workflow: Annotated[str | None, typer.Option(metavar="KEY", help="Of this workflow.")] = None,
    state: Annotated[str | None, typer.Option(help="In this state.")] = None,
    unit: Annotated[str | None, typer.Option(metavar="CODE", help="Of this unit and those below it.")] = None,
    plan: Annotated[str | None, typer.Option(metavar="KEY", help="Of this plan.")] = None,
    parent: Annotated[str | None, typer.Option(metavar="ID", help="Opened under this case.")] = None,
    overdue: Annotated[bool | None, typer.Option("--overdue/--not-overdue", help="Past their deadline.")] = None,
    q: Annotated[str | None, typer.Option("-q", metavar="TEXT", help="Title holds this; marks do not matter.")] = None,
    limit: Limit = 50,
    database: DatabaseUrl = DEFAULT_DATABASE,
    key: KeySecret = "",
    language: Speech = Language.VI,
    as_json: AsJson = False,
) -> None:
    """List the cases that the key may see, newest first."""
    wanted = CaseFilter(workflow=workflow, state=state, unit=unit, plan=plan, parent=parent, overdue=overdue, q=q)
    asked = casework.Asked(database=database, key=key, language=language, as_json=as_json)
    casework.list_cases(asked, wanted, limit)


@commands.command()
def show(
    case_id: CaseIdText,
    *,
    database: DatabaseUrl = DEFAULT_DATABASE,
    key: KeySecret = "",
    language: Speech = Language.VI,
    as_json: AsJson = False,
) -> None:
    """Show a case, and what can be done with it now."""
    asked = casework.Asked(database=database, key=key, language=language, as_json=as_json)
    casework.show(asked, case_id)


@commands.command()
def deadline(
    case_id: CaseIdText,
    *,
    database: DatabaseUrl = DEFAULT_DATABASE,
    key: KeySecret = "",
    language: Speech = Language.VI,
    as_json: AsJson = False,
) -> None:
    """Show why a case has its deadline: the days counted, those that are not, and by which calendar."""
    asked = casework.Asked(database=database, key=key, language=language, as_json=as_json)
    casework.deadline(asked, case_id)


@commands.command("open")
def open_case(
    *,
    workflow: Annotated[str, typer.Option(metavar="KEY")],
    unit: Annotated[str, typer.Option(metavar="CODE", help="Official code.")],
    title: Annotated[str, typer.Option()],
    assignments: Assignments = None,
    data: Annotated[str | None, typer.Option(metavar="JSON|@FILE", help="Fields as a JSON object.")] = None,
    plan: Annotated[str | None, typer.Option(metavar="KEY", help="The plan it belongs to.")] = None,
    parent: Annotated[str | None, typer.Option(metavar="ID", help="The case it is opened under.")] = None,
    occurred_at: OccurredAt = None,
    reason: Reason = None,
    dry_run: DryRun = False,
    idempotency_key: IdempotencyKey = None,
    database: DatabaseUrl = DEFAULT_DATABASE,
    key: KeySecret = "",
    language: Speech = Language.VI,
    as_json: AsJson = False,
) -> None:
    """Open a case."""
    asked = casework.Asked(database=database, key=key, language=language, as_json=as_json)
    given = casework.Given(
        assignments=tuple(assignments or ()),
        json=data,
        reason=reason,
        occurred_at=occurred_at,
        dry_run=dry_run,
        idempotency_key=idempotency_key,
    )
    opening = casework.Opening(workflow=workflow, unit=unit, title=title, plan=plan, parent=parent)
    casework.open_case(asked, opening, given)


@commands.command()
def fire(
    case_id: CaseIdText,
    trigger: Annotated[str, typer.Argument(help="As `workflows case show` lists it.")],
    *,
    assignments: Assignments = None,
    values: Annotated[str | None, typer.Option("--input", metavar="JSON|@FILE", help="As a JSON object.")] = None,
    reason: Reason = None,
    occurred_at: OccurredAt = None,
    version: Annotated[int | None, typer.Option(min=1, help="Only if it stands at this one; default: as read.")] = None,
    dry_run: DryRun = False,
    idempotency_key: IdempotencyKey = None,
    database: DatabaseUrl = DEFAULT_DATABASE,
    key: KeySecret = "",
    language: Speech = Language.VI,
    as_json: AsJson = False,
) -> None:
    """Fire a trigger on a case."""
    asked = casework.Asked(database=database, key=key, language=language, as_json=as_json)
    given = casework.Given(
        assignments=tuple(assignments or ()),
        json=values,
        reason=reason,
        occurred_at=occurred_at,
        dry_run=dry_run,
        idempotency_key=idempotency_key,
    )
    casework.fire(asked, case_id, trigger, version, given)
