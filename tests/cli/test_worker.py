"""`workflows worker`, and the worker within the server."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from tests import chores
from tests.cli.conftest import Run
from tests.cli.test_serving import eventually, served
from tests.faults import stage
from workflows.services.settings import WORKER_VARIABLE, works_on_deadlines
from workflows.store.database import Database
from workflows.store.tables import notice

ACTIONS = 3
"""Of one late chore."""


def late(url: str, count: int) -> None:
    chores.store(url)
    with chores.running(url) as engine:
        chores.opened(engine, stage.communes(url, count))


def test_once_does_what_is_to_be_done_and_ends(run_program: Run, sqlite_url: str) -> None:
    late(sqlite_url, 2)
    first, second = (run_program("worker", "--once", "--database", sqlite_url) for _ in range(2))
    assert (first.code, first.out) == (0, f"{2 * ACTIONS} actions of deadlines done.\n")
    assert (second.code, second.out) == (0, "0 actions of deadlines done.\n")


def test_a_database_without_tables_is_told(run_program: Run, tmp_path: Path) -> None:
    ended = run_program("worker", "--once", "--database", f"sqlite:///{tmp_path}/none.sqlite3")
    assert (ended.code, ended.err.count("\n")) == (1, 1)


def test_the_server_acts_on_deadlines_itself(sqlite_url: str, tmp_path: Path) -> None:
    late(sqlite_url, 1)
    with served(sqlite_url, tmp_path) as server, Database(sqlite_url) as database:
        assert server.client.get("/readyz").json()["checks"]["deadlines"] == {"ok": True, "detail": None}
        eventually(lambda: count(database) == ACTIONS)


def count(database: Database) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(notice)).scalar_one()


def test_the_server_leaves_them_to_others_when_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert works_on_deadlines()
    monkeypatch.setenv(WORKER_VARIABLE, "OFF")
    assert not works_on_deadlines()


def test_another_word_is_refused(run_program: Run, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WORKER_VARIABLE, "maybe")
    ended = run_program("serve", "--port", "0", "--database", sqlite_url)
    assert ended.code == 2
    assert "WORKFLOWS_WORKER is 'maybe'; allowed: on, off" in ended.err
