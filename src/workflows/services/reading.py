"""What is asked of a running engine: keys, cases, history, offers, previews, units and figures.

One function per question, each on one read transaction. Takes values and gives values; how they are written as JSON
is `rendering`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from operator import attrgetter
from typing import Literal, TypeAlias

from sqlalchemy import Connection

from workflows.core.authority import covers, has_role
from workflows.core.case import (
    Actor,
    Blocker,
    Case,
    CaseId,
    Command,
    Decision,
    Event,
    Fire,
    InputError,
    Invalid,
    Offer,
    Open,
)
from workflows.core.civil import civil_date
from workflows.core.definition import Definition
from workflows.core.documents import CountKind, Role
from workflows.core.fields import unknown_name
from workflows.core.nearest import nearest
from workflows.core.wording import wrong_role, wrong_unit
from workflows.services.engine import Engine
from workflows.store import counts, keys, queries
from workflows.store.queries import Attempt, BadCursorError, CaseFilter, Count, Page, Unit, UnitFilter

Outcome: TypeAlias = Literal["accepted", "refused", "all"]
Entry: TypeAlias = Event | Attempt

COUNTING = ("counts", "record")
"""What a `system` key names in its scope, as `counts.record`, to enter figures."""
COUNTING_ROLES = frozenset(
    {
        Role.COMMUNE_OFFICER,
        Role.COMMUNE_POLICE,
        Role.DISTRICT_COMMITTEE,
        Role.DISTRICT_POLICE,
        Role.PROVINCIAL_POLICE,
        Role.PROVINCIAL_COMMITTEE,
    }
)
_ENDED = "!"


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


class FigureRefusedError(Exception):
    """The actor may not enter this figure."""

    def __init__(self, blockers: Sequence[Blocker]) -> None:
        self.blockers = tuple(blockers)
        super().__init__("; ".join(blocker.message.en for blocker in blockers))


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
    newest: Count | None
    """None: nobody has entered it."""


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


def cases(engine: Engine, actor: Actor, wanted: CaseFilter, part: Slice) -> Page[Case]:
    """Newest first; raises BadCursorError."""
    with engine.database.read() as connection:
        return queries.list_cases(connection, actor, today(engine), wanted, cursor=part.cursor, limit=part.limit)


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
    return _fired_target(engine, actor, act)


def _fired_target(engine: Engine, actor: Actor, act: Fire) -> str | None:
    with engine.database.read() as connection:
        found = queries.case_by_id(connection, act.case, actor, today(engine))
    step = engine.definitions.by_hash(found.definition).steps.get(act.trigger) if found else None
    return step.targets.get(found.state) if found and step else None


def history(engine: Engine, actor: Actor, case_id: str, outcome: Outcome, part: Slice) -> Page[Entry]:
    """Of one case, newest first; raises MissingError and BadCursorError."""
    with engine.database.read() as connection:
        _case(connection, engine, actor, case_id)
        if outcome == "all":
            return _both(connection, case_id, part)
        return _stream(connection, case_id, outcome, part)


def _stream(connection: Connection, case_id: str, outcome: Outcome, part: Slice) -> Page[Entry]:
    if outcome == "accepted":
        events = queries.case_events(connection, case_id, cursor=part.cursor, limit=part.limit)
        return Page(items=events.items, next=events.next)
    attempts = queries.case_attempts(connection, case_id, cursor=part.cursor, limit=part.limit)
    return Page(items=attempts.items, next=attempts.next)


def _both(connection: Connection, case_id: str, part: Slice) -> Page[Entry]:
    """Events and attempts in one order; the cursor holds the place in each."""
    places = dict(zip(_STREAMS, _places(part.cursor), strict=True))
    pages = {
        outcome: _stream(connection, case_id, outcome, Slice(cursor=place or None, limit=part.limit))
        for outcome, place in places.items()
        if place != _ENDED
    }
    found = [entry for page in pages.values() for entry in page.items]
    # Stable, so that of one instant each stream keeps its own order, events before attempts, on every page.
    shown = sorted(found, key=attrgetter("recorded_at"), reverse=True)[: part.limit]
    ends = [_place_after(connection, case_id, outcome, place, shown) for outcome, place in places.items()]
    done = len(shown) == len(found) and all(page.next is None for page in pages.values())
    return Page(items=tuple(shown), next=None if done else ".".join(ends))


_STREAMS: tuple[Outcome, Outcome] = ("accepted", "refused")


def _places(cursor: str | None) -> tuple[str, str]:
    if cursor is None:
        return "", ""
    first, dot, second = cursor.partition(".")
    if not dot or "." in second:
        raise BadCursorError(f"cursor {cursor[:80]!r} is not one that this list gave; begin again without a cursor")
    return first, second


def _place_after(connection: Connection, case_id: str, outcome: Outcome, place: str, shown: Sequence[Entry]) -> str:
    taken = sum(isinstance(entry, Event) == (outcome == "accepted") for entry in shown)
    if place == _ENDED or not taken:
        return place
    page = _stream(connection, case_id, outcome, Slice(cursor=place or None, limit=taken))
    return page.next or _ENDED


def events(engine: Engine, actor: Actor, part: Slice) -> Page[Event]:
    """Of all cases that the actor may see, newest first; raises BadCursorError."""
    with engine.database.read() as connection:
        return queries.list_events(connection, actor, today(engine), cursor=part.cursor, limit=part.limit)


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


def unit(engine: Engine, code: str, on: date) -> Unit:
    """The unit as it was on a civil date; raises MissingError."""
    with engine.database.read() as connection:
        found = queries.unit_on(connection, code, on)
    if found is None:
        raise MissingError("unit", code)
    return found


def figures(engine: Engine, actor: Actor, code: str, as_of: date) -> tuple[Known, ...]:
    """Every figure of the catalogue with its newest value on or before a civil date; raises MissingError."""
    with engine.database.read() as connection:
        found = queries.unit_on(connection, code, as_of)
        if found is None or not covers(actor, found.path):
            raise MissingError("unit", code)
        newest = queries.newest_counts(connection, code, as_of)
    return tuple(Known(key=key, kind=kind, newest=newest.get(key)) for key, kind in engine.catalogue.counts.items())


def record_count(engine: Engine, actor: Actor, figure: counts.Figure) -> Count:
    """Enter a figure.

    Raises:
        CountError: with everything that is wrong with the figure.
        FigureRefusedError: the actor's role or unit does not allow it.
    """
    found = _counted_unit(engine, figure)
    if figure.key not in engine.catalogue.counts:
        raise counts.CountError((unknown_name("/key", "figure", figure.key, engine.catalogue.counts),))
    blockers = _counting_blockers(actor, found)
    if blockers:
        raise FigureRefusedError(blockers)
    return counts.record(engine.database, actor, figure, now=engine.clock())


def _counted_unit(engine: Engine, figure: counts.Figure) -> Unit:
    try:
        with engine.database.read() as connection:
            return queries.known_unit(connection, figure.unit, figure.as_of)
    except queries.UnknownUnitError as error:
        raise counts.CountError((InputError(path="/unit", message=str(error)),)) from error


def _counting_blockers(actor: Actor, where: Unit) -> list[Blocker]:
    blockers = []
    if not has_role(actor, COUNTING_ROLES, *COUNTING):
        blockers.append(wrong_role(actor.role, sorted(COUNTING_ROLES)))
    if not covers(actor, where.path):
        blockers.append(wrong_unit(actor.unit, where.code))
    return blockers
