"""Another process writes to the SQLite file of an engine under full load: it is never refused, and soon served."""

import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from tests.faults import stage
from tests.faults.processes import Worker
from tests.sizes import size
from workflows.core.documents import Role
from workflows.services.engine import Engine
from workflows.store import keys
from workflows.store.database import Database
from workflows.store.tables import api_key

KEYS: Final = size(12, 50)
CALLERS: Final = 64
WAITING: Final = 6
"""Commands of each caller that wait at any time."""
COMMANDS: Final = size(1, 50)
"""How often the whole command is started."""
GRANT: Final = keys.Grant(role=Role.AUDITOR, unit="VN", person="an", name="Kiểm tra")


class Turnless(Database):
    """As if there were no turns: `BEGIN IMMEDIATE` and SQLite's own waiting alone."""

    @contextmanager
    def turn(self) -> Iterator[None]:
        yield


@contextmanager
def full_load(url: str, kind: type[Database] = Database) -> Iterator[Engine]:
    """Callers that each have several commands waiting at any time, so that one batch follows the other."""
    stage.populate(url)
    stop = threading.Event()

    def call(commune: str) -> None:
        waiting = deque(stage.send(engine, Role.PROVINCIAL_POLICE, stage.hotspot(commune)) for _ in range(WAITING))
        while waiting:
            stage.accepted(waiting.popleft())
            if not stop.is_set():
                waiting.append(stage.send(engine, Role.PROVINCIAL_POLICE, stage.hotspot(commune)))

    with stage.running(url, kind=kind) as engine:
        threads = [threading.Thread(target=call, args=(each,)) for each in stage.communes(url, CALLERS)]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        try:
            yield engine
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def create_keys(url: str, kind: type[Database], count: int) -> list[float | None]:
    """Seconds that the making of each key took; None where it failed."""
    taken: list[float | None] = []
    with kind(url) as database:
        for _ in range(count):
            time.sleep(0.03)  # the last one leaves a moment in which the next would find the lock free
            begun = time.perf_counter()
            try:
                keys.create(database, GRANT, now=datetime.now(UTC))
            except DBAPIError:
                taken.append(None)
            else:
                taken.append(time.perf_counter() - begun)
    return taken


def test_keys_are_made_under_full_load(sqlite_url: str) -> None:
    with full_load(sqlite_url), Worker() as beside:
        taken = beside.call(create_keys, sqlite_url, Database, KEYS)
    assert len(taken) == KEYS
    assert None not in taken
    assert max(taken) < 1
    assert keys_of(sqlite_url, "Kiểm tra") == KEYS
    stage.intact(sqlite_url)


def test_without_turns_it_waits_or_fails(sqlite_url: str) -> None:
    """Controls the one above: SQLite polls for its lock, and the engine is back before the poll."""
    with full_load(sqlite_url, Turnless), Worker() as beside:
        for _ in range(500):
            (taken,) = beside.call(create_keys, sqlite_url, Turnless, 1)
            if taken is None or taken > 1:
                return
    pytest.fail("nobody waited")


def test_the_command_itself_under_full_load(sqlite_url: str) -> None:
    """Its exit code; its time is mostly that of starting Python."""
    command = [str(Path(sys.executable).with_name("workflows")), "key", "create", "--database", sqlite_url]
    command += ["--role", "auditor", "--unit", "VN", "--name", "Kiểm tra"]
    with full_load(sqlite_url):
        for _ in range(COMMANDS):
            done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, done.stderr
            assert done.stdout.startswith(keys.PREFIX)
    assert keys_of(sqlite_url, "Kiểm tra") == COMMANDS


def keys_of(url: str, name: str) -> int:
    with Database(url) as database, database.read() as connection:
        found = select(func.count()).select_from(api_key).where(api_key.c.name == name)
        return connection.execute(found).scalar_one()
