"""One statement for many rows, without what SQLAlchemy does anew for each of them.

For plain values alone, which the drivers take as they are: texts, integers, booleans and bytes.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import chain
from operator import itemgetter
from typing import Final

from sqlalchemy import Connection, CursorResult, Delete, Dialect, Insert, Update, make_url

_DIALECTS: Final[Mapping[str, Dialect]] = {
    "sqlite": make_url("sqlite://").get_dialect()(),
    "postgresql": make_url("postgresql+psycopg://").get_dialect()(),
}


_TOGETHER: Final = 64
"""Rows that SQLite takes in one step; what is gained by more is hardly measurable."""


def insert_many(connection: Connection, statement: Insert, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows; as `execute_many` does, but SQLite takes several at a time, which it does faster."""
    together = len(rows) // _TOGETHER * _TOGETHER if connection.dialect.name == "sqlite" else 0
    if together:
        text, order = _compiled_together(statement, tuple(sorted(rows[0])))
        in_order = itemgetter(*order)
        for start in range(0, together, _TOGETHER):
            values = chain.from_iterable(map(in_order, rows[start : start + _TOGETHER]))
            connection.exec_driver_sql(text, tuple(values))
    if together < len(rows):
        execute_many(connection, statement, rows[together:])


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
def _compiled_together(statement: Insert, names: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    text, order = _compiled(statement, "sqlite", names)
    head, values, row = text.partition(" VALUES ")
    return head + values + ", ".join([row] * _TOGETHER), order or ()


@cache
def _compiled(
    statement: Insert | Update | Delete, dialect: str, names: tuple[str, ...]
) -> tuple[str, tuple[str, ...] | None]:
    """The text, and the order of its parameters where they have no names."""
    compiled = statement.compile(dialect=_DIALECTS[dialect], column_keys=list(names))
    return str(compiled), tuple(compiled.positiontup) if compiled.positiontup is not None else None
