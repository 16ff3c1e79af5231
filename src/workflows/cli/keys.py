"""Commands for API keys: make one, list them, revoke one."""

from datetime import date
from typing import Annotated

import typer

from workflows.cli.days import given_day
from workflows.cli.errors import CommandError, MisuseError
from workflows.cli.showing import print_table
from workflows.cli.target import DatabaseUrl, opened
from workflows.core.civil import format_instant, show_date
from workflows.core.documents import Catalogue, Role
from workflows.services.demo_clock import present
from workflows.services.grants import GrantError, check_grant, person_id, role_named
from workflows.services.settings import DEFAULT_DATABASE, definitions_directory
from workflows.store import keys, queries
from workflows.store.database import Database

commands = typer.Typer(help="Make, list and revoke API keys.", rich_markup_mode=None)


@commands.command()
def create(
    *,
    role: Annotated[str, typer.Option(help=f"One of {', '.join(Role)}.")],
    unit: Annotated[str, typer.Option(metavar="CODE", help="Statistical code; VN is the whole country.")],
    person: Annotated[
        str | None, typer.Option(metavar="ID", help="Who acts with it: the same id for all keys of one person.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What it is for; default: the person.")] = None,
    agency: Annotated[str | None, typer.Option(help="For role department: the agency it speaks for.")] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(metavar="ITEM", help="For role system: workflow.trigger, workflow.* or such as metrics.read."),
    ] = None,
    valid_from: Annotated[str | None, typer.Option(metavar="DATE", help="First day, such as 2025-06-30.")] = None,
    valid_to: Annotated[str | None, typer.Option(metavar="DATE", help="Day after the last.")] = None,
    database: DatabaseUrl = DEFAULT_DATABASE,
) -> None:
    """Make a key and print it, alone on standard output; it cannot be shown again.

    Without --person the key gets a person of its own. Rules that ask for two persons compare these ids, so give the
    keys of one human being the same one.
    """
    try:
        holder = person_id(person)
        grant = keys.Grant(
            role=role_named(role),
            unit=unit,
            person=holder,
            name=name or holder,
            agency=agency,
            scope=frozenset(scope or ()),
            valid_from=given_day("--valid-from", valid_from),
            valid_to=given_day("--valid-to", valid_to),
        )
        check_grant(grant, _catalogue)
    except GrantError as error:
        raise MisuseError(str(error)) from error
    with opened(database) as target:
        typer.echo(_created(target, grant).secret)


def _catalogue() -> Catalogue:
    from workflows.loader import load

    return load(definitions_directory())


@commands.command("list")
def list_keys(database: DatabaseUrl = DEFAULT_DATABASE) -> None:
    """List all keys, revoked ones too, without their secrets."""
    with opened(database) as target, target.read() as connection:
        found = queries.list_keys(connection)
    heads = ("id", "role", "unit", "person", "agency", "scope", "valid", "created", "revoked", "name")
    print_table([heads, *map(_cells, found)])


@commands.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `workflows key list` shows it.")],
    database: DatabaseUrl = DEFAULT_DATABASE,
) -> None:
    """Make a key useless, at once and for ever."""
    with opened(database) as target:
        if not keys.revoke(target, key_id, now=present(target)):
            raise CommandError(f'no key "{key_id}" that is not revoked; `workflows key list` shows all')
    typer.echo(f"revoked {key_id}")


def _created(database: Database, grant: keys.Grant) -> keys.NewKey:
    try:
        return keys.create(database, grant, now=present(database))
    except queries.UnknownUnitError as error:
        raise MisuseError(f"--unit: {error}{_unit_hint(database, grant.unit, error.on)}") from error


def _unit_hint(database: Database, given: str, on: date) -> str:
    """What the code meant on other days, or the units of which it is the name."""
    with database.read() as connection:
        ended = queries.unit_periods(connection, given)
        named = queries.list_units(connection, queries.UnitFilter(q=given, on=on), cursor=None, limit=5).items
    if ended:
        last = ended[-1]
        until = f" until {show_date(last.valid_to)}, exclusive" if last.valid_to else ""
        after = f"; successors: {', '.join(last.successors)}" if last.successors else ""
        return f"; it was {last.name} from {show_date(last.valid_from)}{until}{after}"
    if named:
        return f"; by name: {', '.join(f'{each.code} {each.name}' for each in named)}"
    return "; codes: VN, province 2 digits, district 3, commune 5"


def _cells(key: queries.Key) -> tuple[str, ...]:
    actor = key.actor
    days = (show_date(bound) if bound else "" for bound in (actor.valid_from, actor.valid_to))
    return (
        actor.grant,
        actor.role.value,
        actor.unit,
        actor.person,
        actor.agency or "-",
        ",".join(sorted(actor.scope)) or "-",
        "–".join(days) if actor.valid_from or actor.valid_to else "-",
        format_instant(key.created_at),
        format_instant(key.revoked_at) if key.revoked_at else "-",
        key.name,
    )
