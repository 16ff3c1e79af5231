"""What is asked of a running engine: keys, cases, history, offers, previews, units and figures.

One function per question, each on one read transaction. Takes values and gives values; how they are written as JSON
is `rendering`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from workflows.core.authority import covers
from workflows.core.case import (
    Actor,
    Case,
    CaseId,
    Command,
    Decision,
    Fire,
    InputError,
    Invalid,
    Offer,
    Open,
)
from workflows.core.catalogue_documents import CountKind
from workflows.core.civil import civil_date
from workflows.core.definition import Definition
from workflows.core.lineage import Figure
from workflows.core.nearest import nearest
from workflows.core.overdue import Notice
from workflows.services.engine import Engine
from workflows.services.filtering import wrong_case_filter, wrong_event_filter, wrong_notice_filter
from workflows.store import keys, lists, origins, queries
from workflows.store.feed import BeyondFeedError, FeedFilter, FeedPage, read_feed
from workflows.store.lists import Entry, EventFilter, Outcome
from workflows.store.notices import NoticeFilter, list_notices
from workflows.store.paging import Page
from workflows.store.queries import CaseFilter, Unit, UnitFilter


class MissingError(LookupError):
    """There is no such thing, or the actor may not know of it."""

    def __init__(self, what: str, given: str, nearest: str | None = None) -> None:
        self.what = what
        self.given = given
        self.nearest = nearest
        super().__init__(f"there is no {what} {given!r}")


class InvalidError(ValueError):
    """What was asked makes no sense; nothing was decided."""

    def __init__(self, errors: Sequence[InputError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(f"{error.path}: {error.message}" for error in errors))


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """Where a page begins and how long it is."""

    cursor: str | None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of one figure of a unit."""

    key: str
    kind: CountKind
    figure: Figure


def today(engine: Engine) -> date:
    """The civil date that the engine's clock shows."""
    return civil_date(engine.clock())


def actor_of_key(engine: Engine, secret: str) -> Actor | None:
    """The holder of an API key, whether in force or not."""
    with engine.database.read() as connection:
        return keys.find(connection, secret)


def case(engine: Engine, actor: Actor, case_id: str) -> Case:
    """Raises MissingError."""
    with engine.database.read() as connection:
        return _case(connection, engine, actor, case_id)


def _case(connection: Connection, engine: Engine, actor: Actor, case_id: str) -> Case:
    found = queries.case_by_id(connection, case_id, actor, today(engine))
    if found is None:
        raise MissingError("case", case_id)
    return found


def _refuse(wrong: Sequence[InputError]) -> None:
    if wrong:
        raise InvalidError(wrong)


def cases(engine: Engine, actor: Actor, wanted: CaseFilter, part: Slice) -> Page[Case]:
    """Newest first; raises InvalidError and BadCursorError."""
    with engine.database.read() as connection:
        _refuse(wrong_case_filter(connection, engine.definitions, wanted))
        return lists.list_cases(connection, actor, today(engine), wanted, cursor=part.cursor, limit=part.limit)


def offers(
    engine: Engine, actor: Actor, case_id: str, trigger: str | None = None
) -> tuple[Definition, tuple[Offer, ...]]:
    """What can be done with a case; raises MissingError, and InvalidError for a trigger that it has not."""
    definition = engine.definitions.by_hash(case(engine, actor, case_id).definition)
    found = engine.explain(actor.grant, CaseId(case_id), trigger)
    if isinstance(found, tuple):
        return definition, found
    if isinstance(found, Invalid):
        raise InvalidError(found.errors)
    raise MissingError("case", case_id)


def preview(engine: Engine, actor: Actor, command: Command) -> tuple[Decision, str | None]:
    """What a command would come to now, and the state it leads to as far as that is known."""
    decision = engine.dry_run(command)
    return decision, _target(engine, actor, command)


def _target(engine: Engine, actor: Actor, command: Command) -> str | None:
    act = command.act
    if isinstance(act, Open):
        definition = engine.definitions.in_force(act.workflow, civil_date(command.occurred_at or engine.clock()))
        return definition.document.initial if definition else None
    return _fired_target(engine, actor, act) if isinstance(act, Fire) else None


def _fired_target(engine: Engine, actor: Actor, act: Fire) -> str | None:
    with engine.database.read() as connection:
        found = queries.case_by_id(connection, act.case, actor, today(engine))
    step = engine.definitions.by_hash(found.definition).steps.get(act.trigger) if found else None
    return step.targets.get(found.state) if found and step else None


def history(engine: Engine, actor: Actor, case_id: str, outcome: Outcome, part: Slice) -> Page[Entry]:
    """Of one case, newest first; raises MissingError and BadCursorError."""
    with engine.database.read() as connection:
        _case(connection, engine, actor, case_id)
        return lists.case_history(connection, case_id, outcome, cursor=part.cursor, limit=part.limit)


def events(engine: Engine, actor: Actor, wanted: EventFilter, part: Slice) -> Page[Entry]:
    """Of all cases that the actor may see, newest first; raises InvalidError and BadCursorError."""
    with engine.database.read() as connection:
        _refuse(wrong_event_filter(connection, engine.definitions, wanted))
        return lists.list_events(connection, actor, today(engine), wanted, cursor=part.cursor, limit=part.limit)


def notices(engine: Engine, actor: Actor, wanted: NoticeFilter, part: Slice) -> Page[Notice]:
    """Of all cases that the actor may see, newest first; raises InvalidError and BadCursorError."""
    with engine.database.read() as connection:
        _refuse(wrong_notice_filter(connection, engine.definitions, wanted))
        return list_notices(connection, actor, today(engine), wanted, cursor=part.cursor, limit=part.limit)


def feed(engine: Engine, actor: Actor, wanted: FeedFilter, *, after: int, limit: int) -> FeedPage:
    """Of all cases that the actor may see, in the order of the feed; raises InvalidError."""
    with engine.database.read() as connection:
        try:
            return read_feed(connection, actor, today(engine), wanted, after=after, limit=limit)
        except BeyondFeedError as error:
            raise InvalidError([InputError(path="/after", message=str(error))]) from error


def definition(engine: Engine, key: str, *, version: int | None = None, on: date | None = None) -> Definition:
    """One version of a workflow: the one named, else the one in force on a civil date, today by default.

    Raises:
        MissingError: there is no such workflow, version, or none in force on the date.
    """
    versions = engine.definitions.versions(key)
    if not versions:
        raise MissingError("workflow", key, nearest(key, engine.definitions.keys))
    if version is not None:
        found = next((each for each in versions if each.version == version), None)
    else:
        found = engine.definitions.in_force(key, on or today(engine))
    if found is None and (version is not None or on is not None):
        raise MissingError("version of the workflow", f"{key}/{version or on}")
    return found or versions[-1]


def units(engine: Engine, wanted: UnitFilter, part: Slice) -> Page[Unit]:
    """By code; raises BadCursorError."""
    with engine.database.read() as connection:
        return queries.list_units(connection, wanted, cursor=part.cursor, limit=part.limit)


def unit(engine: Engine, code: str, on: date | None = None) -> Unit:
    """The unit as it was on a civil date; without one as it is today, or was last. Raises MissingError."""
    with engine.database.read() as connection:
        found = queries.unit_on(connection, code, on or today(engine))
        if found is None and on is None:
            found = next(reversed(queries.unit_periods(connection, code)), None)
    if found is None:
        raise MissingError("unit", code)
    return found


def figures(engine: Engine, actor: Actor, code: str, as_of: date) -> tuple[Known, ...]:
    """Every figure of the catalogue as it was known for a civil date; raises MissingError.

    Of a unit that others were merged into it is its own, or what theirs add up to.
    """
    with engine.database.read() as connection:
        found = queries.unit_on(connection, code, as_of)
        if found is None or not covers(actor, found.path):
            raise MissingError("unit", code)
        known = origins.figures(connection, code, engine.catalogue.counts, as_of)
    return tuple(Known(key=key, kind=kind, figure=known[key]) for key, kind in engine.catalogue.counts.items())
