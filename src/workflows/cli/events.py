"""The command that tells what happened: a list, newest first, or what happens from now on, as it comes."""

import time
from collections.abc import Callable, Iterator
from typing import Annotated, Final

import typer

from workflows.cli.acting import KeySecret
from workflows.cli.case_view import print_events, print_new_event
from workflows.cli.casework import Asked, gathered, require_id, require_known, session
from workflows.cli.days import given_day
from workflows.cli.documents import Language
from workflows.cli.errors import CommandError, MisuseError
from workflows.cli.showing import print_json
from workflows.cli.target import DatabaseUrl
from workflows.core.authority import in_force
from workflows.core.case import Actor, Event
from workflows.services import reading
from workflows.services.engine import Engine
from workflows.services.filtering import wrong_event_filter
from workflows.services.reading import InvalidError, Slice
from workflows.services.rendering import attempt_json, encoded, event_json
from workflows.services.settings import DEFAULT_DATABASE
from workflows.store.feed import FeedFilter, FeedPage, last_position
from workflows.store.lists import Entry, EventFilter, Outcome
from workflows.store.paging import LIMIT, Page

_POLL_SECONDS: Final = 1.0
_OUTCOMES: Final[tuple[Outcome, ...]] = ("accepted", "refused", "all")


def events(
    *,
    case: Annotated[str | None, typer.Option(metavar="ID", help="Of this case alone.")] = None,
    actor: Annotated[str | None, typer.Option(metavar="PERSON", help="Done by this person.")] = None,
    unit: Annotated[str | None, typer.Option(metavar="CODE", help="In this unit and those below it.")] = None,
    workflow: Annotated[str | None, typer.Option(metavar="KEY", help="In cases of this workflow.")] = None,
    trigger: Annotated[str | None, typer.Option(help="Of this trigger.")] = None,
    outcome: Annotated[str, typer.Option(help=f"One of {', '.join(_OUTCOMES)}.")] = "accepted",
    since: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day of recording.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Day after the last.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="The most that are printed.")] = 50,
    follow: Annotated[
        bool, typer.Option("--follow", help="Print what happens from now on, until Ctrl-C; needs a running server.")
    ] = False,
    database: DatabaseUrl = DEFAULT_DATABASE,
    key: KeySecret = "",
    language: Annotated[Language, typer.Option("--language", help="Of what is printed.")] = Language.VI,
    as_json: Annotated[bool, typer.Option("--json", help="Print what the API answers.")] = False,
) -> None:
    """Tell what happened to cases, newest first."""
    asked = Asked(database=database, key=key, language=language, as_json=as_json)
    wanted = EventFilter(
        outcome=_outcome(outcome),
        person=actor,
        unit=unit,
        workflow=workflow,
        trigger=trigger,
        first_day=given_day("--from", since),
        end_day=given_day("--to", until),
    )
    if case is not None:
        require_id(case)
    if follow:
        _follow(asked, wanted, case)
    else:
        _list(asked, wanted, case, limit)


def _outcome(given: str) -> Outcome:
    require_known("outcome", given, _OUTCOMES)
    return next(each for each in _OUTCOMES if each == given)


def _list(asked: Asked, wanted: EventFilter, case: str | None, limit: int) -> None:
    with session(asked) as (engine, actor):
        page = gathered(_fetch(engine, actor, wanted, case), limit)
        if asked.as_json:
            items = [event_json(each) if isinstance(each, Event) else attempt_json(each) for each in page.items]
            print_json(encoded({"items": items, "next": page.next}))
        else:
            print_events(engine, page, asked.language)


def _fetch(engine: Engine, actor: Actor, wanted: EventFilter, case: str | None) -> Callable[[Slice], Page[Entry]]:
    if case is None:
        return lambda part: reading.events(engine, actor, wanted, part)
    if wanted != EventFilter(outcome=wanted.outcome):
        raise MisuseError("--case: its history goes together with --outcome only")
    return lambda part: reading.history(engine, actor, case, wanted.outcome, part)


def _follow(asked: Asked, wanted: EventFilter, case: str | None) -> None:
    if wanted.outcome != "accepted" or wanted.first_day or wanted.end_day:
        raise MisuseError("--follow: tells what is accepted from now on; leave out --outcome, --from and --to")
    with session(asked) as (engine, _):
        with engine.database.read() as connection:
            wrong = wrong_event_filter(connection, engine.definitions, wanted)
            after = last_position(connection)
        if wrong:
            raise InvalidError(wrong)
        typer.echo(f"following from position {after} of the feed, until Ctrl-C", err=True)
        try:
            for page in _pages(engine, asked.key, wanted, after):
                _print_new(asked, engine, page, wanted.person, case)
        except KeyboardInterrupt:
            return


def _pages(engine: Engine, secret: str, wanted: EventFilter, after: int) -> Iterator[FeedPage]:
    """What follows a position, a look each second, for as long as the key is in force."""
    part = FeedFilter(workflow=wanted.workflow, trigger=wanted.trigger, unit=wanted.unit)
    while True:
        actor = reading.actor_of_key(engine, secret.strip())
        if actor is None or not in_force(actor, reading.today(engine)):
            raise CommandError("the API key is not in force any more")
        page = reading.feed(engine, actor, part, after=after, limit=LIMIT)
        yield page
        after = page.next
        if not page.more:
            time.sleep(_POLL_SECONDS)


def _print_new(asked: Asked, engine: Engine, page: FeedPage, person: str | None, case: str | None) -> None:
    for position, event in page.items:
        if person not in {None, event.actor["person"]} or case not in {None, event.case}:
            continue
        if asked.as_json:
            print_json(encoded({"position": position, "event": event_json(event)}))
        else:
            print_new_event(engine, event, asked.language)
