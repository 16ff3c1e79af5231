"""The newest entry per unit and key among those of some days, as known before an instant.

`count_newest` holds the newest of all, kept by the database itself as entries come in; where that one is of a later
day, or was recorded later, the entries themselves are gone through. Two entries of a unit and key are never of one
instant. Whose figures are wanted, and what stands for those that are missing, is `entered`'s.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    Select,
    String,
    Text,
    bindparam,
    case,
    cast,
    func,
    literal,
    or_,
    select,
)

from workflows.store.among import among
from workflows.store.tables import count_entry, count_newest

_STAMP: Final = 37
"""Length of an as-of day and an instant together."""
_ID: Final = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which entries count; days and instants as the tables hold them."""

    first: str
    """As-of day, inclusive."""
    before: str
    """As-of day, exclusive."""
    known: str
    """Instant before which they were recorded."""


class Sum(NamedTuple):
    """Over the units that have an entry."""

    value: int
    number: int
    """Of such units."""


class Entry(NamedTuple):
    """The newest one of a unit and key."""

    unit: str
    key: str
    value: int
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Between which values, both inclusive."""

    least: int
    most: int


def _later(day: ColumnElement[str], recorded: ColumnElement[str]) -> ColumnElement[bool]:
    return or_(day >= bindparam("before"), recorded >= bindparam("known"))


_LATER: Final = _later(count_newest.c.as_of, count_newest.c.recorded_at)
_STANDING: Final = (
    among(count_newest.c.unit, "units"),
    among(count_newest.c.key, "keys"),
    count_newest.c.as_of >= bindparam("first"),
)


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


_SUMS: Final = (
    select(
        count_newest.c.key,
        func.sum(case((_LATER, 0), else_=count_newest.c.value)),
        _number(~_LATER),
        _number(_LATER),
    )
    .where(*_STANDING)
    .group_by(count_newest.c.key)
)
_ENTRIES: Final = select(
    count_newest.c.unit, count_newest.c.key, count_newest.c.value, count_newest.c.id, _LATER.label("later")
).where(*_STANDING)
_WITHIN: Final = select(
    _number(count_newest.c.value.between(bindparam("least"), bindparam("most"))), func.count(), _number(_LATER)
).where(*_STANDING)


def _gone_through(rest: Column[Any] | None) -> Select[Any]:
    """By unit and key: day, instant, `rest` and value of the newest entry, one after the other in one text."""
    entry = count_entry.c
    stamp = entry.as_of + entry.recorded_at
    packed = stamp + cast(entry.value, String) if rest is None else stamp + rest + cast(entry.value, String)
    return (
        select(entry.unit, entry.key, func.max(packed, type_=Text).label("packed"))
        .where(
            among(entry.unit, "units"),
            among(entry.key, "keys"),
            entry.as_of >= bindparam("first"),
            ~_later(entry.as_of, entry.recorded_at),
        )
        .group_by(entry.key, entry.unit)
    )


_PACKED: Final = _gone_through(None).subquery()
_PACKED_SUMS: Final = select(
    _PACKED.c.key,
    func.sum(cast(func.substr(_PACKED.c.packed, literal(_STAMP + 1)), Integer)),
    func.count(),
).group_by(_PACKED.c.key)
_PACKED_ENTRIES: Final = _gone_through(count_entry.c.id)


def sums(connection: Connection, window: Window, units: Sequence[str], keys: Collection[str]) -> dict[str, Sum]:
    """By key; none for a key of which no unit has an entry."""
    values = {**asdict(window), "units": units, "keys": sorted(keys)}
    found, behind = dict[str, Sum](), list[str]()
    for key, value, number, later in connection.execute(_SUMS, values):
        found[key] = Sum(int(value), int(number))
        behind += [key] if later else []
    for key in behind:
        del found[key]
    if behind:
        rows = connection.execute(_PACKED_SUMS, values | {"keys": behind})
        found |= {key: Sum(int(value), number) for key, value, number in rows}
    return found


def entries(connection: Connection, window: Window, units: Sequence[str], keys: Collection[str]) -> Iterator[Entry]:
    """In no order."""
    values = {**asdict(window), "units": units, "keys": sorted(keys)}
    later = []
    for unit, key, value, own, is_later in connection.execute(_ENTRIES, values).all():
        if is_later:
            later.append((unit, key))
        else:
            yield Entry(unit, key, value, own)
    if later:
        wanted = {"units": sorted({unit for unit, _ in later}), "keys": sorted({key for _, key in later})}
        sought = set(later)
        for unit, key, packed in connection.execute(_PACKED_ENTRIES, values | wanted).all():
            if (unit, key) in sought:
                yield Entry(unit, key, int(packed[_STAMP + _ID :]), packed[_STAMP : _STAMP + _ID])


def number_within(connection: Connection, window: Window, units: Sequence[str], key: str, bounds: Bounds) -> int | None:
    """Of how many units the figure is within bounds; None where a unit has none, or an older one would count."""
    values = {**asdict(window), "units": units, "keys": [key], **asdict(bounds)}
    within, number, later = connection.execute(_WITHIN, values).one()
    return None if later or number < len(units) else int(within)
