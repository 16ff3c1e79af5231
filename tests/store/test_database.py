"""Connections and turns: who may write when, and that nobody starves."""

import contextlib
import multiprocessing
import threading
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event as Flag

import pytest
from sqlalchemy import Connection, delete, insert, make_url, select, text
from sqlalchemy.exc import DBAPIError

from tests.sizes import size
from workflows.store.database import Database, DatabaseError, lock_units, wal_reset_fixed
from workflows.store.tables import setting

SPAWN = multiprocessing.get_context("spawn")
UNITS = ("84", "842", "844")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://host/name", "'mysql' is not supported"),
        ("no url", "is no database URL"),
        ("sqlite://", "plain file"),
        ("sqlite:///:memory:", "plain file"),
        ("sqlite:///x.db?mode=ro", "plain file"),
        ("sqlite:////nowhere/x.db", "no database at /nowhere/x.db"),
    ],
)
def test_other_databases_are_refused(url: str, said: str) -> None:
    with pytest.raises(DatabaseError, match=said):
        Database(url)


@pytest.mark.parametrize(
    "url",
    ["oracle://me:secret@host/name", "postgres ql://me:secret@host/name", "postgresql://host/name?password=secret"],
)
def test_the_message_tells_no_password(url: str) -> None:
    with pytest.raises(DatabaseError) as raised:
        Database(url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        ((3, 6, 23), True),
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 50, 4), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 4), True),
        ((4, 0, 0), True),
    ],
)
def test_versions_with_the_wal_reset_defect(version: tuple[int, int, int], *, fixed: bool) -> None:
    assert wal_reset_fixed(version) is fixed


def test_readers_cannot_write(database_url: str) -> None:
    with (
        Database(database_url) as database,
        database.read() as connection,
        pytest.raises(DBAPIError, match=r"read-?only"),
    ):
        connection.execute(insert(setting), {"key": "a", "value": "b"})


def test_a_reader_sees_one_state(database_url: str) -> None:
    with Database(database_url) as database, database.read() as reader:
        before = count(reader)
        with database.write() as writer:
            writer.execute(insert(setting), {"key": "a", "value": "b"})
        assert count(reader) == before
        with database.read() as later:
            assert count(later) == before + 1


def test_a_failed_transaction_leaves_nothing(database_url: str) -> None:
    with Database(database_url) as database:
        with contextlib.suppress(ZeroDivisionError), database.write() as connection:
            connection.execute(insert(setting), {"key": "a", "value": "b"})
            raise ZeroDivisionError
        with database.read() as reader:
            assert count(reader) == 0


def test_sqlite_is_written_durably(sqlite_url: str) -> None:
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}
    with Database(sqlite_url) as database, database.writer_connection() as writer, database.turn():
        found = {name: writer.exec_driver_sql(f"PRAGMA {name}").scalar() for name in expected}
        writer.rollback()
    assert found == expected


def test_postgresql_is_written_durably_even_where_the_default_is_not(postgresql_url: str) -> None:
    weakened = make_url(postgresql_url).update_query_dict({"options": "-c synchronous_commit=off"})
    with Database(weakened) as database, database.write() as writer:
        assert writer.execute(text("SHOW synchronous_commit")).scalar() == "on"
        assert writer.execute(text("SHOW transaction_isolation")).scalar() == "read committed"


def test_the_turn_is_not_given_twice_to_one_thread(sqlite_url: str) -> None:
    with (
        Database(sqlite_url) as database,
        database.turn(),
        pytest.raises(RuntimeError, match="already has the turn"),
        database.turn(),
    ):
        pass


def test_locked_units_are_left_out_or_waited_for(postgresql_url: str) -> None:
    with Database(postgresql_url) as database, database.write() as first:
        assert lock_units(first, UNITS[:2], skip_locked=True) == set(UNITS[:2])
        with database.write() as second:
            assert lock_units(second, UNITS, skip_locked=True) == {UNITS[2]}
        with database.write() as third:
            third.execute(text("SET LOCAL lock_timeout = '50ms'"))
            with pytest.raises(DBAPIError, match="lock timeout"):
                lock_units(third, UNITS, skip_locked=False)
    with Database(postgresql_url) as database, database.write() as later:
        assert lock_units(later, UNITS, skip_locked=True) == set(UNITS)


def test_on_sqlite_the_turn_locks_all_units(sqlite_url: str) -> None:
    with Database(sqlite_url) as database, database.write() as connection:
        assert lock_units(connection, UNITS, skip_locked=True) == set(UNITS)


@contextlib.contextmanager
def busy_writers(kind: type[Database], url: str) -> Iterator[None]:
    """Two threads and a process that write without pause, from when all have begun."""
    stop = SPAWN.Event()
    started = [SPAWN.Event() for _ in range(3)]
    process = SPAWN.Process(target=write_without_pause, args=(kind, url, started[0], stop))
    threads = [threading.Thread(target=write_without_pause, args=(kind, url, one, stop)) for one in started[1:]]
    workers: list[BaseProcess | threading.Thread] = [process, *threads]
    for worker in workers:
        worker.start()
    assert all(one.wait(30) for one in started)
    try:
        yield
    finally:
        stop.set()
        for worker in workers:
            worker.join()


def write_without_pause(kind: type[Database], url: str, started: Flag, stop: Flag) -> None:
    with kind(url) as database:
        while not stop.is_set():
            with contextlib.suppress(DBAPIError), database.write() as connection:
                connection.execute(delete(setting))
                started.set()
                time.sleep(0.005)


def waits(kind: type[Database], url: str, times: int) -> Iterator[float]:
    """Seconds that each of so many small transactions took."""
    with kind(url) as database:
        for _ in range(times):
            begun = time.perf_counter()
            with contextlib.suppress(DBAPIError), database.write():
                pass
            yield time.perf_counter() - begun


class Unfair(Database):
    """As if there were no turns: SQLite alone decides who is next."""

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        yield


def test_nobody_starves_beside_busy_writers(sqlite_url: str) -> None:
    with busy_writers(Database, sqlite_url):
        longest = max(waits(Database, sqlite_url, size(50, 500)))
    assert longest < 1


def test_without_turns_somebody_starves(sqlite_url: str) -> None:
    """Controls the one above: under the same load, a wait of more than a second comes soon."""
    with busy_writers(Unfair, sqlite_url):
        starved = any(wait > 1 for wait in waits(Unfair, sqlite_url, 200))
    assert starved


def test_the_turn_of_a_killed_process_ends(sqlite_url: str) -> None:
    begun = SPAWN.Event()
    process = SPAWN.Process(target=write_without_end, args=(sqlite_url, begun))
    process.start()
    assert begun.wait(30)
    with Database(sqlite_url) as database:
        taken = threading.Thread(target=lambda: list(waits(Database, sqlite_url, 1)), daemon=True)
        taken.start()
        taken.join(0.2)
        assert taken.is_alive(), "the control: the process has the turn"
        process.kill()
        process.join()
        taken.join(10)
        assert not taken.is_alive()
        with database.read() as reader:
            assert count(reader) == 0


def write_without_end(url: str, begun: Flag) -> None:
    with Database(url) as database, database.write() as connection:
        connection.execute(insert(setting), {"key": "a", "value": "b"})
        begun.set()
        time.sleep(600)


def count(connection: Connection) -> int:
    return len(connection.execute(select(setting)).all())
