"""Reading: cases, events, refused attempts, units, counts and keys, in pages.

Every function takes a connection, so that a caller may ask several questions of one state. What belongs to a unit is
shown only to whom `visibility` lets see it; checking a request's texts is its caller's affair.
"""

import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, and_, func, literal, or_, select, tuple_

from workflows.core.canonical import Json, violations
from workflows.core.case import Actor, Case, Event
from workflows.core.civil import parse_instant, show_date
from workflows.core.documents import Level
from workflows.core.folding import fold
from workflows.core.nearest import nearest
from workflows.store import rows
from workflows.store.tables import api_key, attempt, cases, count_entry, event, event_text, unit
from workflows.store.visibility import below, visible

LIMIT: Final = 200
"""Most items of one page."""
Item = TypeVar("Item")


class UnknownUnitError(LookupError):
    """There is no unit of that code on that day; `nearest` is the code most like it."""

    def __init__(self, code: str, on: date, nearest_code: str | None) -> None:
        hint = f"; the nearest code is {nearest_code}" if nearest_code else ""
        super().__init__(f"no unit {code!r} on {show_date(on)}{hint}")
        self.code, self.on, self.nearest = code, on, nearest_code


class BadCursorError(ValueError):
    """A cursor that no page of this list gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    items: tuple[Item, ...]
    next: str | None
    """Where the next page begins; None at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """Which cases; None does not restrict."""

    workflow: str | None = None
    state: str | None = None
    unit: str | None = None
    """Code of a unit, in any period: its cases and those of all units below it."""
    plan: str | None = None
    overdue: bool | None = None
    q: str | None = None
    """Part of the title; marks, case and blanks do not matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A refused attempt."""

    id: str
    case: str | None
    """None: an opening."""
    workflow: str
    trigger: str
    person: str
    entry: Mapping[str, Json]
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """An administrative unit in one period."""

    code: str
    level: Level
    name: str
    parent: str | None
    path: str
    valid_from: date
    valid_to: date | None
    """Exclusive."""
    successors: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitFilter:
    """Which units; None does not restrict."""

    level: Level | None = None
    parent: str | None = None
    q: str | None = None
    """Part of the name; marks, case and blanks do not matter."""
    on: date | None = None
    """Only those in force on this civil date."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """A figure of a unit."""

    id: str
    unit: str
    key: str
    value: int
    as_of: date
    source: str
    person: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key without its secret."""

    name: str
    created_at: datetime
    revoked_at: datetime | None
    actor: Actor


def case_by_id(connection: Connection, case_id: str, actor: Actor, today: date) -> Case | None:
    """None, too, when the actor may not know of it."""
    statement = select(cases).where(cases.c.id == case_id, visible(actor, cases.c.unit_path, today))
    row = connection.execute(statement).mappings().first()
    return rows.case_of(row) if row else None


def list_cases(
    connection: Connection, actor: Actor, today: date, found: CaseFilter, *, cursor: str | None, limit: int
) -> Page[Case]:
    """Newest first, by id; raises BadCursorError."""
    statement = select(cases).where(visible(actor, cases.c.unit_path, today))
    for condition in _case_conditions(connection, found, today):
        statement = statement.where(condition)
    return _page(connection, statement, (cases.c.id,), rows.case_of, cursor=cursor, limit=limit)


def _case_conditions(connection: Connection, found: CaseFilter, today: date) -> list[ColumnElement[bool]]:
    equal = ((cases.c.workflow, found.workflow), (cases.c.state, found.state), (cases.c.plan, found.plan))
    conditions: list[ColumnElement[bool]] = [column == value for column, value in equal if value is not None]
    if found.unit is not None:
        paths = connection.execute(select(unit.c.path).where(unit.c.code == found.unit)).scalars()
        conditions.append(below(cases.c.unit_path, paths))
    if found.overdue is not None:
        late = and_(~cases.c.final, func.coalesce(cases.c.due < today.isoformat(), False))
        conditions.append(late if found.overdue else ~late)
    if found.q is not None:
        conditions.append(cases.c.fold.contains(fold(found.q), autoescape=True))
    return conditions


def case_events(connection: Connection, case_id: str, *, cursor: str | None, limit: int) -> Page[Event]:
    """Newest first. Whether the case may be seen has been asked before; raises BadCursorError."""
    statement = _events().where(event.c.case_id == case_id)
    return _page(connection, statement, (event.c.seq,), rows.event_of, cursor=cursor, limit=limit)


def list_events(connection: Connection, actor: Actor, today: date, *, cursor: str | None, limit: int) -> Page[Event]:
    """Of all cases that the actor may see, newest first by recording; raises BadCursorError."""
    statement = _events().where(visible(actor, event.c.unit_path, today))
    order = (event.c.recorded_at, event.c.id)
    return _page(connection, statement, order, rows.event_of, cursor=cursor, limit=limit)


def _events() -> Select[Any]:
    return select(event, event_text.c.salt, event_text.c.payload).outerjoin_from(event, event_text)


def case_attempts(connection: Connection, case_id: str, *, cursor: str | None, limit: int) -> Page[Attempt]:
    """Newest first. Whether the case may be seen has been asked before; raises BadCursorError."""
    statement = select(attempt).where(attempt.c.case_id == case_id)
    order = (attempt.c.recorded_at, attempt.c.id)
    return _page(connection, statement, order, _attempt, cursor=cursor, limit=limit)


def list_units(connection: Connection, found: UnitFilter, *, cursor: str | None, limit: int) -> Page[Unit]:
    """By code and first day, ascending; raises BadCursorError.

    With a level, those of it that lie anywhere below the parent; without, the parent's own parts.
    """
    statement = select(unit)
    if found.level is not None:
        statement = statement.where(unit.c.level == found.level)
    if found.parent is not None and found.level is not None:
        statement = statement.where((literal("/") + unit.c.path).contains(f"/{found.parent}/", autoescape=True))
    elif found.parent is not None:
        statement = statement.where(unit.c.parent == found.parent)
    if found.q is not None:
        statement = statement.where(unit.c.fold.contains(fold(found.q), autoescape=True))
    if found.on is not None:
        statement = statement.where(_unit_in_force(found.on))
    order = (unit.c.code, unit.c.valid_from)
    return _page(connection, statement, order, _unit, cursor=cursor, limit=limit, newest_first=False)


def unit_on(connection: Connection, code: str, on: date) -> Unit | None:
    """The unit as it was on a civil date; None when there was none of that code."""
    row = connection.execute(select(unit).where(unit.c.code == code, _unit_in_force(on))).mappings().first()
    return _unit(row) if row else None


def known_unit(connection: Connection, code: str, on: date) -> Unit:
    """The unit as it was on a civil date; raises UnknownUnitError."""
    found = unit_on(connection, code, on)
    if found is None:
        codes = connection.execute(select(unit.c.code).where(_unit_in_force(on))).scalars()
        raise UnknownUnitError(code, on, nearest(code, codes))
    return found


def unit_periods(connection: Connection, code: str) -> tuple[Unit, ...]:
    """All periods of a code, oldest first."""
    statement = select(unit).where(unit.c.code == code).order_by(unit.c.valid_from)
    return tuple(_unit(row) for row in connection.execute(statement).mappings())


def _unit_in_force(on: date) -> ColumnElement[bool]:
    day = on.isoformat()
    return and_(unit.c.valid_from <= day, or_(unit.c.valid_to.is_(None), unit.c.valid_to > day))


def newest_counts(connection: Connection, code: str, as_of: date) -> Mapping[str, Count]:
    """By key: the figure of the latest as-of date up to `as_of`, inclusive; of one date, the one recorded last."""
    statement = select(count_entry).where(count_entry.c.unit == code, count_entry.c.as_of <= as_of.isoformat())
    statement = statement.order_by(count_entry.c.as_of, count_entry.c.recorded_at, count_entry.c.id)
    return {row["key"]: _count(row) for row in connection.execute(statement).mappings()}


def list_counts(connection: Connection, code: str, *, cursor: str | None, limit: int) -> Page[Count]:
    """Every figure of a unit ever entered, the one recorded last first; raises BadCursorError."""
    statement = select(count_entry).where(count_entry.c.unit == code)
    order = (count_entry.c.recorded_at, count_entry.c.id)
    return _page(connection, statement, order, _count, cursor=cursor, limit=limit)


def list_keys(connection: Connection) -> tuple[Key, ...]:
    """All keys, revoked ones too, oldest first."""
    statement = select(api_key).order_by(api_key.c.created_at, api_key.c.id)
    return tuple(_key(row) for row in connection.execute(statement).mappings())


def _page(
    connection: Connection,
    statement: Select[Any],
    order: tuple[ColumnElement[Any], ...],
    item: Callable[[rows.Row], Item],
    *,
    cursor: str | None,
    limit: int,
    newest_first: bool = True,
) -> Page[Item]:
    if not 1 <= limit <= LIMIT:
        raise ValueError(f"limit {limit} is not between 1 and {LIMIT}")
    if cursor is not None:
        here, there = tuple_(*order), tuple_(*_position(cursor, order))
        statement = statement.where(here < there if newest_first else here > there)
    statement = statement.order_by(*(column.desc() if newest_first else column for column in order))
    found = connection.execute(statement.limit(limit + 1)).mappings().all()
    more = len(found) > limit
    last = [found[limit - 1][column] for column in order] if more else None
    return Page(items=tuple(item(row) for row in found[:limit]), next=_cursor(last) if last else None)


def _cursor(position: list[str | int]) -> str:
    return urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def _position(cursor: str, order: tuple[ColumnElement[Any], ...]) -> list[str | int]:
    try:
        position = json.loads(b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError) as error:
        raise BadCursorError(_not_given(cursor)) from error
    types = [column.type.python_type for column in order]
    if not isinstance(position, list) or [type(value) for value in position] != types or any(violations(position)):
        raise BadCursorError(_not_given(cursor))
    return position


def _not_given(cursor: str) -> str:
    return f"cursor {cursor[:80]!r} is not one that this list gave; begin again without a cursor"


def _attempt(row: rows.Row) -> Attempt:
    return Attempt(
        id=row["id"],
        case=row["case_id"],
        workflow=row["workflow"],
        trigger=row["trigger"],
        person=row["person"],
        entry=json.loads(row["entry"]),
        recorded_at=parse_instant(row["recorded_at"]),
    )


def _unit(row: rows.Row) -> Unit:
    return Unit(
        code=row["code"],
        level=Level(row["level"]),
        name=row["name"],
        parent=row["parent"],
        path=row["path"],
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_to=date.fromisoformat(row["valid_to"]) if row["valid_to"] else None,
        successors=tuple(row["successors"].split()),
    )


def _count(row: rows.Row) -> Count:
    return Count(
        id=row["id"],
        unit=row["unit"],
        key=row["key"],
        value=row["value"],
        as_of=date.fromisoformat(row["as_of"]),
        source=row["source"],
        person=row["person"],
        recorded_at=parse_instant(row["recorded_at"]),
    )


def _key(row: rows.Row) -> Key:
    return Key(
        name=row["name"],
        created_at=parse_instant(row["created_at"]),
        revoked_at=parse_instant(row["revoked_at"]) if row["revoked_at"] else None,
        actor=rows.actor_of(row),
    )
