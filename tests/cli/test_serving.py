"""`serve` as a process of its own: what it refuses, what it serves, and that every process of it ends."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
import psutil
import pytest
from sqlalchemy import delete, insert

from tests.cli.conftest import Run
from workflows.core.civil import parse_instant
from workflows.services.demo_clock import DEMO_CLOCK
from workflows.store.database import Database
from workflows.store.tables import definition, setting

PROGRAM: Final = [sys.executable, "-c", "from workflows.cli import main; main()"]
INSTANT: Final = "2025-05-02T08:00:00+07:00"
WAIT_SECONDS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running `serve`."""

    process: subprocess.Popen[str]
    client: httpx.Client

    def children(self) -> list[psutil.Process]:
        """The processes that serve, without the helper of multiprocessing."""
        found = psutil.Process(self.process.pid).children()
        return [child for child in found if "spawn_main" in command_line(child)]


def command_line(process: psutil.Process) -> str:
    """Empty for a process that has ended and is not yet replaced."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # a zombie is one, too
        return ""


@contextlib.contextmanager
def served(url: str, directory: Path, *options: str) -> Iterator[Server]:
    with (directory / "log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*PROGRAM, "serve", "--port", "0", "--database", url, *options],
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    assert process.stdout is not None
    try:
        address = process.stdout.readline().split()[2]
        with httpx.Client(base_url=address, timeout=WAIT_SECONDS) as client:
            yield Server(process=process, client=client)
    finally:
        process.terminate()
        process.wait(WAIT_SECONDS)
        process.stdout.close()


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def has_ended(process: psutil.Process) -> bool:
    """Also when nobody has asked for its exit code yet."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_an_empty_sqlite_database_is_initialised_and_served(tmp_path: Path) -> None:
    with served(f"sqlite:///{tmp_path}/new/own.sqlite3", tmp_path) as server:
        assert server.client.get("/readyz").status_code == httpx.codes.OK
        assert server.client.get("/api/v1/workflows").status_code == httpx.codes.UNAUTHORIZED
    assert server.process.returncode == 0


def test_several_processes_on_sqlite_are_refused(run_program: Run, tmp_path: Path) -> None:
    ended = run_program("serve", "--workers", "2")
    assert ended.code == 2
    assert "an SQLite database is served by one process" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_another_clock_is_refused_outside_of_the_demo(run_program: Run, database_url: str) -> None:
    ended = run_program("serve", "--clock-from", INSTANT, "--database", database_url)
    assert ended.code == 2
    assert "only a database made by `workflows demo`" in ended.err


def test_the_clock_of_a_demo_runs_on(sqlite_url: str, tmp_path: Path) -> None:
    with Database(sqlite_url) as database, database.write() as connection:
        connection.execute(insert(setting), {"key": DEMO_CLOCK, "value": "2025-05-02T01:00:00.000000Z"})
    with served(sqlite_url, tmp_path, "--clock-from", INSTANT) as server:
        times = [parse_instant(server.client.get("/healthz").json()["now"]) for _ in range(2)]
    start = datetime(2025, 5, 2, 1, tzinfo=UTC)
    assert start < times[0] < times[1] < start + timedelta(hours=1)


@pytest.mark.parametrize("instant", ["yesterday", "2025-05-02", "2025-05-02T08:00:00"])
def test_an_instant_without_its_offset_is_refused(run_program: Run, sqlite_url: str, instant: str) -> None:
    ended = run_program("serve", "--clock-from", instant, "--database", sqlite_url)
    assert ended.code == 2
    assert "2025-06-30T08:00:00+07:00" in ended.err


def test_a_database_with_other_definitions_is_not_served(run_program: Run, sqlite_url: str) -> None:
    with Database(sqlite_url) as database, database.write() as connection:
        connection.execute(delete(definition).where(definition.c.key == "hotspot"))
    ended = run_program("serve", "--port", "0", "--database", sqlite_url)
    assert ended.code == 1
    assert "workflow hotspot version 1 is not stored" in ended.err


def test_a_port_in_use_is_told_in_one_line(run_program: Run, sqlite_url: str, tmp_path: Path) -> None:
    with served(sqlite_url, tmp_path) as server:
        port = str(server.client.base_url.port)
        ended = run_program("serve", "--port", port, "--database", sqlite_url)
    assert ended.code == 1
    assert port in ended.err
    assert ended.err.count("\n") == 1


def test_several_processes_share_the_port_and_are_replaced(postgresql_url: str, tmp_path: Path) -> None:
    with served(postgresql_url, tmp_path, "--workers", "2") as server:
        assert server.client.get("/readyz").status_code == httpx.codes.OK
        before = server.children()
        assert len(before) == 2
        before[0].kill()
        eventually(lambda: {child.pid for child in server.children()} - {child.pid for child in before} != set())
        assert server.client.get("/readyz").status_code == httpx.codes.OK
        children = server.children()
    assert server.process.returncode == 0
    assert all(map(has_ended, children))


def test_no_process_outlives_the_one_that_watches(postgresql_url: str, tmp_path: Path) -> None:
    with served(postgresql_url, tmp_path, "--workers", "2") as server:
        assert server.client.get("/readyz").status_code == httpx.codes.OK
        children = server.children()
        os.kill(server.process.pid, signal.SIGKILL)
        eventually(lambda: all(map(has_ended, children)))
