"""The plain driver loop: the recorded statements again, without the engine, without SQLAlchemy, one commit each.

SQLite has one connection, set like the engine's; PostgreSQL sixteen, each with lanes of its own in a thread of its
own. Rows that the engine fetched are fetched.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import zip_longest
from typing import Any, Final, Protocol

import psycopg
from sqlalchemy import func, make_url, select

from benchmarks.recording import Recording, Transaction
from benchmarks.starting import Start
from workflows.store.database import Database, driver
from workflows.store.tables import cases, event

CONNECTIONS: Final = 16
"""Of the loop on PostgreSQL."""


class Connected(Protocol):
    """To either database, by its driver."""

    def cursor(self) -> Any: ...  # noqa: ANN401 - the two drivers' cursors have no type in common

    def commit(self) -> None: ...


def floor_speed(start: Start, recording: Recording) -> float:
    """Transitions per second; raises RuntimeError when it did not write what the engine wrote."""
    with start.fresh() as url:
        seconds = _sqlite(url, recording) if start.kind == "sqlite" else _postgresql(url, recording)
        _require_same(url, recording)
    return recording.transitions / seconds


def _require_same(url: str, recording: Recording) -> None:
    """An update that found no row would have cost nothing."""
    with Database(url) as database, database.read() as connection:
        versions = connection.execute(select(func.sum(cases.c.version))).scalar_one()
        events = connection.execute(select(func.count()).select_from(event)).scalar_one()
    if not versions == events == recording.events:
        message = f"the loop wrote {events} events and versions {versions}, the engine {recording.events}"
        raise RuntimeError(message)


def _sqlite(url: str, recording: Recording) -> float:
    connection = driver.connect(make_url(url).database, isolation_level=None)
    for pragma in ("foreign_keys = ON", "recursive_triggers = ON", "journal_mode = WAL", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")
    transactions = list(_in_turn(recording.lanes))
    begun = time.perf_counter()
    _replay(connection, transactions)
    seconds = time.perf_counter() - begun
    connection.close()
    return seconds


def _in_turn(lanes: Sequence[Sequence[Transaction]]) -> Iterator[Transaction]:
    """One step of every lane, then the next, as it comes about with many callers."""
    for row in zip_longest(*lanes):
        yield from (transaction for transaction in row if transaction)


def _postgresql(url: str, recording: Recording) -> float:
    parsed = make_url(url)
    host, name = str(parsed.query["host"]), parsed.database
    with ExitStack() as stack:
        connections = [
            stack.enter_context(psycopg.connect(host=host, user=parsed.username, dbname=name))
            for _ in range(CONNECTIONS)
        ]
        shares = [list(_in_turn(recording.lanes[index::CONNECTIONS])) for index in range(CONNECTIONS)]
        return _together([(connection, share) for connection, share in zip(connections, shares, strict=True)])


def _together(work: Sequence[tuple[Connected, Sequence[Transaction]]]) -> float:
    ready = threading.Barrier(len(work) + 1)

    def one(connection: Connected, share: Sequence[Transaction]) -> None:
        ready.wait()
        _replay(connection, share)

    with ThreadPoolExecutor(len(work)) as threads:
        replays = [threads.submit(one, *each) for each in work]
        ready.wait()
        begun = time.perf_counter()
        for replay in replays:
            replay.result()
        return time.perf_counter() - begun


def _replay(connection: Connected, transactions: Iterable[Transaction]) -> None:
    for transaction in transactions:
        for statement in transaction:
            cursor = connection.cursor()
            if statement.many:
                cursor.executemany(statement.text, statement.parameters)
            else:
                cursor.execute(statement.text, statement.parameters)
            if cursor.description:
                cursor.fetchall()
            cursor.close()
        connection.commit()
