"""Pages of lists: what a page is, where the next one begins, and how several streams become one list.

A page may be short, or empty, although more follows: only `next` being None is the end. Which rows a stream gives
and how it finds them is its maker's affair.
"""

import json
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeAlias, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, tuple_

from workflows.core.canonical import violations
from workflows.store.rows import Row

LIMIT: Final = 200
"""Most items of one page."""
Item = TypeVar("Item")
Place: TypeAlias = tuple[str | int, ...]
"""Values of the columns that a list is ordered by: a row's place in it."""
Order: TypeAlias = tuple[ColumnElement[Any], ...]
_ENDED: Final = "!"


class BadCursorError(ValueError):
    """A cursor that no page of this list gave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page(Generic[Item]):
    items: tuple[Item, ...]
    next: str | None
    """Where the next page begins; None at the end, and only there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found(Generic[Item]):
    """A row at its place."""

    key: Place
    """Compares with the keys of other streams of the list."""
    place: Place
    row: Row
    item: Callable[[Row], Item]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Generic[Item]):
    """What one reading of a stream found, newest first."""

    found: Sequence[Found[Item]]
    end: tuple[Place, Place] | None
    """Key and place down to which it looked; None: to the end of the stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream(Generic[Item]):
    """Rows in the order of a list, newest first, each at a place of its own."""

    order: Order
    read: Callable[[Connection, Place | None, int], Part[Item]]
    """Given the place after which to begin (None: at the beginning) and the most rows wanted."""


def page(connection: Connection, streams: Sequence[Stream[Item]], *, cursor: str | None, limit: int) -> Page[Item]:
    """A page of all streams in one order, by their keys; of equal keys, those of earlier streams first.

    Raises:
        BadCursorError: the cursor is none of this list.
        ValueError: the limit is not between 1 and `LIMIT`.
    """
    _require_limit(limit)
    places = _places(cursor, streams)
    parts = [_part(connection, stream, place, limit) for stream, place in zip(streams, places, strict=True)]
    # What a stream has not looked at yet may belong before what another one has found.
    floor = max((part.end[0] for part in parts if part.end), default=())
    known = [(number, found) for number, part in enumerate(parts) for found in part.found if found.key >= floor]
    shown = sorted(known, key=lambda each: each[1].key, reverse=True)[:limit]
    after = [
        _after(place, part, [found for of, found in shown if of == number])
        for number, (place, part) in enumerate(zip(places, parts, strict=True))
    ]
    more = any(place != _ENDED for place in after)
    items = tuple(found.item(found.row) for _, found in shown)
    return Page(items=items, next=".".join(map(_written, after)) if more else None)


def _part(connection: Connection, stream: Stream[Item], place: Place | str | None, limit: int) -> Part[Item]:
    if isinstance(place, str):
        return Part(found=(), end=None)
    return stream.read(connection, place, limit)


def _after(before: Place | str | None, part: Part[Item], shown: Sequence[Found[Item]]) -> Place | str | None:
    """Where a stream goes on."""
    if len(shown) < len(part.found):
        return shown[-1].place if shown else before
    return part.end[1] if part.end else _ENDED


def _written(place: Place | str | None) -> str:
    if isinstance(place, str):
        return place
    return cursor_at(place) if place else ""


def _places(cursor: str | None, streams: Sequence[Stream[Item]]) -> list[Place | str | None]:
    if cursor is None:
        return [None for _ in streams]
    texts = cursor.split(".")
    if len(texts) != len(streams) or set(texts) in ({""}, {_ENDED}):
        raise BadCursorError(_not_given(cursor))
    return [
        text if text == _ENDED else place_of(text, stream.order) if text else None
        for text, stream in zip(texts, streams, strict=True)
    ]


def ordered(
    statement: Select[Any],
    order: Order,
    item: Callable[[Row], Item],
    key: Callable[[Row], Place],
) -> Stream[Item]:
    """The rows of a statement, which an index gives in this order.

    Args:
        statement: Without an order.
        order: Columns that the statement selects, which together tell any two rows apart.
        item: From a row.
        key: From a row; never ascends along the order.
    """

    def read(connection: Connection, place: Place | None, limit: int) -> Part[Item]:
        after = statement.where(*bounds(order, below=place)).order_by(*(column.desc() for column in order))
        rows = connection.execute(after.limit(limit + 1)).mappings().all()
        found = [Found(key=key(row), place=at(row, order), row=row, item=item) for row in rows[:limit]]
        return Part(found=found, end=(found[-1].key, found[-1].place) if len(rows) > limit else None)

    return Stream(order=order, read=read)


def ascending(
    connection: Connection,
    statement: Select[Any],
    order: Order,
    item: Callable[[Row], Item],
    *,
    cursor: str | None,
    limit: int,
) -> Page[Item]:
    """A page of a statement's rows in ascending order; raises as `page` does."""
    _require_limit(limit)
    if cursor is not None:
        statement = statement.where(tuple_(*order) > tuple_(*place_of(cursor, order)))
    rows = connection.execute(statement.order_by(*order).limit(limit + 1)).mappings().all()
    following = cursor_at(at(rows[limit - 1], order)) if len(rows) > limit else None
    return Page(items=tuple(item(row) for row in rows[:limit]), next=following)


def bounds(order: Order, *, below: Place | None, least: Place | None = None) -> Iterator[ColumnElement[bool]]:
    """From the place `least`, inclusive, up to the place `below`, exclusive."""
    if below is not None:
        yield tuple_(*order) < tuple_(*below)
    if least is not None:
        yield tuple_(*order) >= tuple_(*least)


def at(row: Row, order: Order) -> Place:
    return tuple(row[column.key] for column in order)  # type: ignore[index]  # columns of tables have keys


def _require_limit(limit: int) -> None:
    if not 1 <= limit <= LIMIT:
        raise ValueError(f"limit {limit} is not between 1 and {LIMIT}")


def cursor_at(place: Place) -> str:
    """The text that stands for a place."""
    return urlsafe_b64encode(json.dumps(place, separators=(",", ":")).encode()).decode().rstrip("=")


def place_of(cursor: str, order: Order) -> Place:
    """The place that a text stands for; raises BadCursorError."""
    try:
        place = json.loads(b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, RecursionError) as error:
        raise BadCursorError(_not_given(cursor)) from error
    types = [column.type.python_type for column in order]
    if not isinstance(place, list) or [type(value) for value in place] != types or any(violations(place)):
        raise BadCursorError(_not_given(cursor))
    return tuple(place)


def _not_given(cursor: str) -> str:
    return f"cursor {cursor[:80]!r} is not one that this list gave; begin again without a cursor"
