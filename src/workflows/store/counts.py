"""Figures of a unit, entered with their source and as-of date; corrections are further entries.

Which keys there are and who may enter them is decided before. An entry is made under the unit's lock, so that no
decision on the unit's facts runs beside it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from secrets import token_bytes
from typing import Final

from sqlalchemy import Connection, and_, func, insert, or_, select

from workflows.core.canonical import violations
from workflows.core.case import Actor, InputError
from workflows.core.civil import civil_date, format_instant, parse_instant, show_date
from workflows.core.ids import uuid7
from workflows.store import queries
from workflows.store.among import among
from workflows.store.database import Database, lock_units
from workflows.store.queries import Count
from workflows.store.tables import count_entry, unit
from workflows.store.visibility import below, visible

LARGEST: Final = 2**31 - 1
LONGEST_SOURCE: Final = 300
_AT_ONCE: Final = 1_000
_TICK: Final = timedelta(microseconds=1)


class CountError(ValueError):
    """A figure that cannot be entered."""

    def __init__(self, errors: tuple[InputError, ...]) -> None:
        super().__init__("; ".join(f"{error.path}: {error.message}" for error in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    unit: str
    key: str
    value: int
    as_of: date
    source: str
    """Where it is from: a register, a report, a survey."""


def record(database: Database, actor: Actor, figure: Figure, *, now: datetime) -> Count:
    """`add` in a transaction of its own."""
    with database.write() as connection:
        return add(connection, actor, figure, now=now)


def add(connection: Connection, actor: Actor, figure: Figure, *, now: datetime) -> Count:
    """The entry as it was made, within the caller's write transaction.

    Raises:
        CountError: with everything that is wrong with the figure.
        UnknownUnitError: there was no such unit on the as-of date.
    """
    errors = tuple(faults(figure, civil_date(now)))
    if errors:
        raise CountError(errors)
    queries.known_unit(connection, figure.unit, figure.as_of)
    lock_units(connection, {figure.unit}, skip_locked=False)
    count = _count(figure, actor, _after_the_last(connection, figure, now))
    connection.execute(insert(count_entry), _row(count, actor))
    return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What became of one of many figures."""

    new: bool
    """False: the same person had entered just this before."""
    corrected_to: int | None = None
    """The value that was entered for the same date since; None where this one stands."""


def add_all(connection: Connection, actor: Actor, figures: Sequence[Figure], *, now: datetime) -> list[Entry]:
    """Many, in their order, within the caller's write transaction; those that the same person entered before are left.

    That they have no `faults`, and units on their dates, is the caller's affair.
    """
    lock_units(connection, {figure.unit for figure in figures}, skip_locked=False)
    known = _Known(connection, actor, figures)
    entries, rows = [], []
    for figure in figures:
        entries.append(known.entry(figure))
        if entries[-1].new:
            rows.append(_row(_count(figure, actor, known.take_instant(figure, now)), actor))
    if rows:
        connection.execute(insert(count_entry), rows)
    return entries


class _Known:
    """What stands for the units, keys and dates of some figures, those entered meanwhile included."""

    def __init__(self, connection: Connection, actor: Actor, figures: Sequence[Figure]) -> None:
        values = {
            "units": sorted({figure.unit for figure in figures}),
            "keys": sorted({figure.key for figure in figures}),
            "days": sorted({figure.as_of.isoformat() for figure in figures}),
        }
        self._own: set[Figure] = set()
        self._newest: dict[tuple[str, str, date], int] = {}
        for row in connection.execute(_STANDING, values):
            figure = Figure(
                unit=row.unit, key=row.key, value=row.value, as_of=date.fromisoformat(row.as_of), source=row.source
            )
            self._stands(figure, own=row.person == actor.person)
        self._last = {(row.unit, row.key): parse_instant(row.last) for row in connection.execute(_LAST, values)}

    def _stands(self, figure: Figure, *, own: bool) -> None:
        self._newest[figure.unit, figure.key, figure.as_of] = figure.value
        if own:
            self._own.add(figure)

    def entry(self, figure: Figure) -> Entry:
        """What is to become of the figure, which stands from now on."""
        if figure not in self._own:
            self._stands(figure, own=True)
            return Entry(new=True)
        newest = self._newest[figure.unit, figure.key, figure.as_of]
        return Entry(new=False, corrected_to=newest if newest != figure.value else None)

    def take_instant(self, figure: Figure, now: datetime) -> datetime:
        """Now, but after the unit's last entry of that key."""
        last = self._last.get((figure.unit, figure.key))
        instant = now if last is None else max(now, last + _TICK)
        self._last[figure.unit, figure.key] = instant
        return instant


_SOUGHT: Final = (among(count_entry.c.unit, "units"), among(count_entry.c.key, "keys"))
_STANDING: Final = (
    select(count_entry)
    .where(*_SOUGHT, among(count_entry.c.as_of, "days"))
    .order_by(count_entry.c.recorded_at, count_entry.c.id)
)
_LAST: Final = (
    select(count_entry.c.unit, count_entry.c.key, func.max(count_entry.c.recorded_at).label("last"))
    .where(*_SOUGHT)
    .group_by(count_entry.c.unit, count_entry.c.key)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountFilter:
    """Which entries; None does not restrict."""

    unit: str | None = None
    """Code of a unit, in any period: its figures and those of all units below it."""
    key: str | None = None


def entries(connection: Connection, actor: Actor, today: date, wanted: CountFilter) -> Iterator[Count]:
    """Of all units that the actor's grant covers, in the order of recording; read bit by bit."""
    on_its_day = and_(
        unit.c.code == count_entry.c.unit,
        unit.c.valid_from <= count_entry.c.as_of,
        or_(unit.c.valid_to.is_(None), unit.c.valid_to > count_entry.c.as_of),
    )
    statement = select(count_entry).join(unit, on_its_day).where(visible(actor, unit.c.path, today))
    if wanted.unit is not None:
        paths = connection.execute(select(unit.c.path).where(unit.c.code == wanted.unit)).scalars()
        statement = statement.where(below(unit.c.path, paths))
    if wanted.key is not None:
        statement = statement.where(count_entry.c.key == wanted.key)
    statement = statement.order_by(count_entry.c.recorded_at, count_entry.c.id)
    for row in connection.execute(statement.execution_options(yield_per=_AT_ONCE)):
        yield Count(
            id=row.id,
            unit=row.unit,
            key=row.key,
            value=row.value,
            as_of=date.fromisoformat(row.as_of),
            source=row.source,
            person=row.person,
            recorded_at=parse_instant(row.recorded_at),
        )


def faults(figure: Figure, today: date) -> Iterator[InputError]:
    """Everything that is wrong with a figure, its unit and key aside."""
    if not 0 <= figure.value <= LARGEST:
        yield InputError(path="/value", message=f"{figure.value} is not between 0 and {LARGEST}")
    if figure.as_of > today:
        message = f"{show_date(figure.as_of)} is in the future; today is {show_date(today)}"
        yield InputError(path="/as_of", message=message)
    if not figure.source.strip() or len(figure.source) > LONGEST_SOURCE:
        yield InputError(path="/source", message=f"a source has 1 to {LONGEST_SOURCE} characters")
    for _, message in violations(figure.source):
        yield InputError(path="/source", message=message)


def _after_the_last(connection: Connection, figure: Figure, now: datetime) -> datetime:
    """Now, but after the unit's last entry of that key: of two of one instant, neither would be the newer."""
    last = select(func.max(count_entry.c.recorded_at))
    last = last.where(count_entry.c.unit == figure.unit, count_entry.c.key == figure.key)
    found = connection.execute(last).scalar()
    return max(now, parse_instant(found) + _TICK) if found else now


def _count(figure: Figure, actor: Actor, recorded_at: datetime) -> Count:
    return Count(
        id=uuid7(recorded_at, token_bytes(10)),
        unit=figure.unit,
        key=figure.key,
        value=figure.value,
        as_of=figure.as_of,
        source=figure.source,
        person=actor.person,
        recorded_at=recorded_at,
    )


def _row(count: Count, actor: Actor) -> dict[str, object]:
    return {
        "id": count.id,
        "unit": count.unit,
        "key": count.key,
        "value": count.value,
        "as_of": count.as_of.isoformat(),
        "source": count.source,
        "person": count.person,
        "grant_id": actor.grant,
        "recorded_at": format_instant(count.recorded_at),
    }
