"""Figures of a unit, entered with their source and as-of date; corrections are further entries.

Which keys there are and who may enter them is decided before. An entry is made under the unit's lock, so that no
decision on the unit's facts runs beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from secrets import token_bytes
from typing import Final

from sqlalchemy import Connection, func, insert, select

from workflows.core.canonical import violations
from workflows.core.case import Actor, InputError
from workflows.core.civil import civil_date, format_instant, parse_instant, show_date
from workflows.core.ids import uuid7
from workflows.store import queries
from workflows.store.database import Database, lock_units
from workflows.store.queries import Count
from workflows.store.tables import count_entry

LARGEST: Final = 2**31 - 1
LONGEST_SOURCE: Final = 300
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
    """The entry as it was made.

    Raises:
        CountError: with everything that is wrong with the figure.
        UnknownUnitError: there was no such unit on the as-of date.
    """
    errors = tuple(_errors(figure, civil_date(now)))
    if errors:
        raise CountError(errors)
    with database.write() as connection:
        queries.known_unit(connection, figure.unit, figure.as_of)
        lock_units(connection, {figure.unit}, skip_locked=False)
        count = _count(figure, actor, _after_the_last(connection, figure, now))
        connection.execute(insert(count_entry), _row(count, actor))
    return count


def _errors(figure: Figure, today: date) -> Iterator[InputError]:
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
