"""The statements of the write path find their rows by index, however many there are."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Executable, func, select, text

from workflows.store import loading, writing
from workflows.store.among import among
from workflows.store.database import Database
from workflows.store.tables import case_link, cases

STATEMENTS = {
    name: value
    for module in (loading, writing)
    for name, value in vars(module).items()
    if name.startswith("_") and isinstance(value, Executable) and getattr(value, "is_select", False)
}


@pytest.fixture
def connection(sqlite_url: str) -> Iterator[Connection]:
    with Database(sqlite_url) as database, database.read() as connection:
        yield connection


def plan(connection: Connection, statement: Executable) -> list[str]:
    compiled = statement.compile(connection)  # type: ignore[attr-defined]  # every statement has it; Executable does not say so
    rows = connection.execute(text("EXPLAIN QUERY PLAN " + str(compiled).replace("?", "'[]'")))
    return [row.detail for row in rows]


def scanned(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("SCAN") and "json_each" not in line]


def test_the_statements_are_found() -> None:
    assert len(STATEMENTS) >= 10


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_table_is_read_whole(name: str, connection: Connection) -> None:
    assert scanned(plan(connection, STATEMENTS[name])) == []


def test_a_comparison_around_the_column_is_noticed(connection: Connection) -> None:
    whole = select(cases).where(func.lower(cases.c.id) == "a")
    assert scanned(plan(connection, whole)) != []


def test_both_databases_find_the_same(database_url: str) -> None:
    with Database(database_url) as database, database.read() as connection:
        statement = select(case_link.c.case_id).where(among(case_link.c.other_id, "ids"))
        assert connection.execute(statement, {"ids": ["a", "b\"'"]}).all() == []
        one = select(text("1")).where(among(select(text("'ấp'")).scalar_subquery(), "ids"))
        assert connection.execute(one, {"ids": ["xã", "ấp"]}).scalars().all() == [1]
        assert connection.execute(one, {"ids": []}).scalars().all() == []
