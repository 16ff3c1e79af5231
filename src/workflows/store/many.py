"""One statement for many rows, without what SQLAlchemy does anew for each of them.

For plain values alone, which the drivers take as they are: texts, integers, booleans and bytes.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Final

from sqlalchemy import Connection, CursorResult, Delete, Dialect, Insert, Update, make_url

_DIALECTS: Final[Mapping[str, Dialect]] = {
    "sqlite": make_url("sqlite://").get_dialect()(),
    "postgresql": make_url("postgresql+psycopg://").get_dialect()(),
}


_MOST: Final = 512
"""Rows that SQLite takes in one step; so many of the widest table have less than half as many values as it can bind."""


def insert_many(connection: Connection, statement: Insert, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows; as `execute_many` does, but SQLite takes many at a time.

    At least one row, all with the same names. It is faster in itself, and under a savepoint SQLite goes through all
    that was changed since after each statement.
    """
    if connection.dialect.name != "sqlite":
        execute_many(connection, statement, rows)
        return
    names, start = tuple(sorted(rows[0])), 0
    while left := len(rows) - start:
        # Powers of two: few texts to prepare, and few steps for any number of rows.
        together = min(_MOST, 1 << left.bit_length() - 1)
        text, order = _compiled_together(statement, names, together)
        values = tuple(row[name] for row in rows[start : start + together] for name in order)
        connection.exec_driver_sql(text, values)
        start += together


def execute_many(
    connection: Connection, statement: Insert | Update | Delete, rows: Sequence[Mapping[str, object]]
) -> CursorResult[None]:
    """Execute a statement once for each row.

    Args:
        connection: Within a transaction.
        statement: One that lives as long as the program: it is compiled once.
        rows: At least one; all with the same names, which are those of the parameters.
    """
    # An insert names the columns that it is given; the others are left to their defaults.
    text, order = _compiled(statement, connection.dialect.name, tuple(sorted(rows[0])))
    if order is None:
        return connection.exec_driver_sql(text, list(rows))
    in_order = itemgetter(*order)
    return connection.exec_driver_sql(text, [in_order(row) for row in rows] if len(order) > 1 else _single(order, rows))


def _single(order: Sequence[str], rows: Sequence[Mapping[str, object]]) -> list[tuple[object, ...]]:
    return [(row[order[0]],) for row in rows]


@cache
def _compiled_together(statement: Insert, names: tuple[str, ...], together: int) -> tuple[str, tuple[str, ...]]:
    text, order = _compiled(statement, "sqlite", names)
    head, values, row = text.partition(" VALUES ")
    return head + values + ", ".join([row] * together), order or ()


@cache
def _compiled(
    statement: Insert | Update | Delete, dialect: str, names: tuple[str, ...]
) -> tuple[str, tuple[str, ...] | None]:
    """The text, and the order of its parameters where they have no names."""
    compiled = statement.compile(dialect=_DIALECTS[dialect], column_keys=list(names))
    return str(compiled), tuple(compiled.positiontup) if compiled.positiontup is not None else None
