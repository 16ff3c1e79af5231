"""However many rows are inserted together, each is there once."""

import pytest
from sqlalchemy import event, select

from workflows.store.database import Database
from workflows.store.many import insert_many
from workflows.store.tables import attempt_overflow

_INSERT = attempt_overflow.insert()


@pytest.mark.parametrize("count", [1, 2, 3, 63, 64, 511, 512, 513, 1535])
def test_every_row_is_inserted_once(database_url: str, count: int) -> None:
    rows = [{"uncounted": n, "person": f"{n:04}", "hour": "2025-06-30T08"} for n in range(count)]
    with Database(database_url) as database:
        with database.write() as connection:
            insert_many(connection, _INSERT, rows)
        with database.read() as connection:
            stored = connection.execute(select(attempt_overflow).order_by(attempt_overflow.c.person)).mappings()
            assert [dict(row) for row in stored] == rows


@pytest.mark.parametrize(("count", "statements"), [(1, 1), (63, 6), (64, 1), (1535, 11)])
def test_sqlite_takes_few_statements(sqlite_url: str, count: int, statements: int) -> None:
    """One for each power of two; to the driver's `executemany` each row would be one."""
    rows = [{"uncounted": n, "person": f"{n:04}", "hour": "2025-06-30T08"} for n in range(count)]
    many: list[bool] = []

    def note(*given: object) -> None:
        many.append(bool(given[-1]))

    with Database(sqlite_url) as database, database.write() as connection:
        event.listen(connection, "before_cursor_execute", note)
        insert_many(connection, _INSERT, rows)
    assert many == [False] * statements
