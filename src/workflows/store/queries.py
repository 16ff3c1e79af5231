"""Reading: one case, units, counts and keys; and what is asked for in lists.

Every function takes a connection, so that a caller may ask several questions of one state. What belongs to a unit is
shown only to whom `visibility` lets see it; checking a request's texts is its caller's affair. The lists of cases and
of what happened to them are in `lists`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, Connection, and_, literal, or_, select

from workflows.core.canonical import Json
from workflows.core.case import Actor, Case
from workflows.core.civil import parse_instant, show_date
from workflows.core.documents import Level
from workflows.core.folding import fold
from workflows.core.nearest import nearest
from workflows.store import rows
from workflows.store.paging import Page, ascending, ordered, page
from workflows.store.tables import api_key, cases, count_entry, unit
from workflows.store.visibility import visible


class UnknownUnitError(LookupError):
    """There is no unit of that code on that day; `nearest` is the code most like it."""

    def __init__(self, code: str, on: date, nearest_code: str | None) -> None:
        hint = f"; the nearest code is {nearest_code}" if nearest_code else ""
        super().__init__(f"no unit {code!r} on {show_date(on)}{hint}")
        self.code, self.on, self.nearest = code, on, nearest_code


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilter:
    """Which cases; None does not restrict."""

    workflow: str | None = None
    state: str | None = None
    unit: str | None = None
    """Code of a unit, in any period: its cases and those of all units below it."""
    plan: str | None = None
    parent: str | None = None
    """Id of the case that they were opened under."""
    overdue: bool | None = None
    q: str | None = None
    """Words of the title, each whole, in any order; marks and case do not matter."""


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
    return ascending(connection, statement, order, _unit, cursor=cursor, limit=limit)


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


def list_counts(connection: Connection, code: str, *, cursor: str | None, limit: int) -> Page[Count]:
    """Every figure of a unit ever entered, the one recorded last first; raises BadCursorError."""
    statement = select(count_entry).where(count_entry.c.unit == code)
    order = (count_entry.c.recorded_at, count_entry.c.id)
    newest = ordered(statement, order, _count, lambda row: (row["recorded_at"], row["id"]))
    return page(connection, [newest], cursor=cursor, limit=limit)


def list_keys(connection: Connection) -> tuple[Key, ...]:
    """All keys, revoked ones too, oldest first."""
    statement = select(api_key).order_by(api_key.c.created_at, api_key.c.id)
    return tuple(_key(row) for row in connection.execute(statement).mappings())


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
