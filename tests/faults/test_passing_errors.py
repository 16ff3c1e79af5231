"""Errors that pass by themselves are met by trying again: the same events, once."""

import threading
import time
from collections.abc import Callable

import pytest
from psycopg import errors
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from tests.faults import stage
from tests.faults.injection import held
from workflows.core.case import Accepted
from workflows.core.documents import Role
from workflows.core.world import World
from workflows.services.engine import Engine
from workflows.store import database, writer
from workflows.store.database import driver, sqlite_path
from workflows.store.submissions import CommandFailed, Unwritable
from workflows.store.writer import RETRIES
from workflows.store.writing import Writing, write

POLICE = Role.PROVINCIAL_POLICE
PASSING: dict[str, list[Exception]] = {
    "postgresql": [
        errors.DeadlockDetected("deadlock detected"),
        errors.SerializationFailure("could not serialize access"),
        errors.AdminShutdown("terminating connection due to administrator command"),
    ],
    "sqlite": [driver.OperationalError("database is locked"), driver.OperationalError("database table is locked")],
}


@pytest.fixture(
    params=[(kind, number) for kind, kinds in PASSING.items() for number in range(len(kinds))],
    ids=lambda param: f"{param[0]}-{type(PASSING[param[0]][param[1]]).__name__}-{param[1]}",
)
def fault(request: pytest.FixtureRequest) -> tuple[str, Exception]:
    kind, number = request.param
    url: str = request.getfixturevalue(f"{kind}_url")
    stage.populate(url)
    return url, PASSING[kind][number]


def failing_at_first(error: Exception, times: int, tried: list[list[str]]) -> Callable[..., None]:
    """`write`, that does its work and then fails, so many times."""

    def write_or_fail(connection: Connection, world: World, writing: Writing) -> None:
        write(connection, world, writing)
        if not writing.events:
            return  # the command that held the writer
        tried.append(sorted(event.id for event in writing.events))
        if len(tried) <= times:
            raise OperationalError("INSERT", {}, error)

    return write_or_fail


@pytest.mark.parametrize("times", [1, RETRIES - 1, RETRIES + 1])
def test_tried_again_with_the_same_events(
    fault: tuple[str, Exception], times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, error = fault
    communes = stage.communes(url, 10)
    tried: list[list[str]] = []
    with stage.running(url, batch_limit=10) as engine:
        monkeypatch.setattr(writer, "_PAUSE_SECONDS", 0.001)
        monkeypatch.setattr(writer, "write", failing_at_first(error, times, tried))
        with held(engine):
            sent = [stage.send(engine, POLICE, stage.hotspot(commune)) for commune in communes]
        told = sorted(stage.accepted(future).events[0].id for future in sent)
    assert tried == [told] * (times + 1)
    assert stage.intact(url) == 10


def test_what_is_not_passing_is_answered_with_its_error(
    fault: tuple[str, Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Controls the one above: the same fault, when it is not known to pass."""
    url, error = fault
    tried: list[list[str]] = []
    monkeypatch.setattr(writer, "passing", lambda _error: False)
    with stage.running(url) as engine:
        monkeypatch.setattr(writer, "write", failing_at_first(error, RETRIES - 1, tried))
        (commune,) = stage.communes(url, 1)
        failure = stage.send(engine, POLICE, stage.hotspot(commune)).exception(stage.PATIENCE)
    assert isinstance(failure, CommandFailed)
    assert len(tried) < RETRIES - 1
    assert stage.dump(url)["event"] == []


def test_a_real_deadlock(postgresql_url: str) -> None:
    """Another transaction holds the case and wants the unit; whichever the server ends, the command is carried out."""
    stage.populate(postgresql_url)
    (commune,) = stage.communes(postgresql_url, 1)
    embraced = threading.Event()
    with stage.running(postgresql_url) as engine:
        (place,) = stage.all_accepted(engine, POLICE, [stage.hotspot(commune)])
        other = create_engine(postgresql_url, poolclass=NullPool)
        with other.connect() as connection:
            connection.execute(text("SET LOCAL deadlock_timeout = '60s'"))
            connection.execute(text("SELECT id FROM cases WHERE id = :id FOR UPDATE"), {"id": place})
            sent = stage.send(engine, POLICE, stage.suppress(place))
            await_waiting(postgresql_url)
            connection.execute(text("SELECT code FROM unit_lock WHERE code = :code FOR UPDATE"), {"code": commune})
            embraced.set()
            connection.rollback()
        assert isinstance(stage.decision(sent), Accepted)
    assert embraced.is_set()
    assert stage.intact(postgresql_url) == 2


def test_a_file_that_somebody_else_has_locked(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that knows nothing of turns keeps the lock longer than the writer's connection waits for it."""
    monkeypatch.setattr(database, "_SQLITE_BUSY_SECONDS", 0.02)
    stage.populate(sqlite_url)
    (commune,) = stage.communes(sqlite_url, 1)
    with stage.running(sqlite_url) as engine:
        stage.all_accepted(engine, POLICE, [stage.hotspot(commune, "Trước")])
        other = driver.connect(str(sqlite_path(engine.database.url)), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        sent = stage.send(engine, POLICE, stage.hotspot(commune))
        time.sleep(0.3)
        assert not sent.done()
        other.execute("ROLLBACK")
        other.close()
        assert isinstance(stage.decision(sent), Accepted)
    assert stage.intact(sqlite_url) == 2


def await_waiting(url: str) -> None:
    """Until some session waits for a lock."""
    statement = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    with create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT").connect() as connection:
        for _ in range(1000):
            if connection.execute(statement).scalar():
                return
            time.sleep(0.005)
    raise AssertionError("nobody waits")


def test_a_full_disk(sqlite_url: str) -> None:
    """Whatever was answered with success is there; the rest failed; with room again, all goes on."""
    stage.populate(sqlite_url)
    communes = stage.communes(sqlite_url, 100)
    with stage.running(sqlite_url) as engine:
        with held(engine):
            pages = limit_pages(engine, 1)
            limit_pages(engine, pages + 40)
            sent = [stage.send(engine, POLICE, stage.hotspot(commune)) for commune in [*communes, *communes]]
        ends = [future.exception(stage.PATIENCE) or stage.accepted(future) for future in sent]
        told = {end.events[0].id for end in ends if isinstance(end, Accepted)}
        assert 0 < len(told) < len(sent)
        assert {type(end) for end in ends} == {Accepted, Unwritable}
        assert stage.stored_events(sqlite_url, told) == told
        assert stage.intact(sqlite_url) == len(told)
        with held(engine):
            limit_pages(engine, 2**31)
        stage.all_accepted(engine, POLICE, map(stage.hotspot, communes))


def limit_pages(engine: Engine, pages: int) -> int:
    """Lets the file grow to so many pages, or none beyond those it has; returns the limit."""
    connection = engine.writer._connection
    assert connection is not None
    found: int = connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").scalar_one()
    return found


def test_an_error_that_ended_the_transaction(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some errors SQLite has rolled all back by itself: what the batch wrote before is written again."""
    stage.populate(sqlite_url)
    first, second = stage.communes(sqlite_url, 2)

    def write_or_roll_back(connection: Connection, world: World, writing: Writing) -> None:
        write(connection, world, writing)
        if any(case.title == "Hỏng" for case in writing.cases.values()):
            connection.exec_driver_sql("ROLLBACK")
            raise OperationalError("INSERT", {}, driver.OperationalError("disk I/O error"))

    monkeypatch.setattr(writer, "write", write_or_roll_back)
    with stage.running(sqlite_url) as engine:
        with held(engine):
            acts = [stage.hotspot(first), stage.hotspot(second), stage.hotspot(first, "Hỏng"), stage.hotspot(first)]
            sent = [stage.send(engine, POLICE, act) for act in acts]
        failed = sent.pop(2).exception(stage.PATIENCE)
        told = {stage.accepted(future).events[0].id for future in sent}
    assert isinstance(failed, CommandFailed)
    assert stage.stored_events(sqlite_url, told) == told
    assert stage.intact(sqlite_url) == 3
