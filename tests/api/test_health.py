"""`/healthz` and `/readyz`: what each check says, when it fails, and what is told while the process ends."""

import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib.metadata import version

import httpx
import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from api import health
from tests.api.conftest import Api, hotspot, new_key, served
from tests.api.test_server import PROGRAM, started, wait_until_ready
from tests.faults import stage
from workflows.core.civil import civil_date
from workflows.core.documents import Role
from workflows.services.clock import utc_now
from workflows.store.database import Database

SLOW = PROGRAM.replace(
    "run(engine,",
    """
import time
carry_out = engine.writer._carry_out
def slowly(jobs):
    time.sleep(2)
    carry_out(jobs)
engine.writer._carry_out = slowly
run(engine,""",
)
"""Whose writer takes two seconds for every batch."""


@pytest.fixture
def fresh(sqlite_url: str) -> Iterator[Api]:
    """On one kind of database, where the kind has no part in it."""
    yield from served(sqlite_url)


def failed(api: Api) -> set[str]:
    """The checks that are not passed."""
    answer = api.client.get("/readyz")
    body = answer.json()
    found = {name for name, check in body["checks"].items() if not check["ok"]}
    assert (answer.status_code, body["status"]) == ((503, "not ready") if found else (200, "ready"))
    assert all((check["detail"] is None) == check["ok"] for check in body["checks"].values())
    return found


def test_the_process_answers_with_its_version_and_clock(sqlite_api: Api) -> None:
    answer = sqlite_api.client.get("/healthz")
    assert answer.json() == {"status": "ok", "now": "2025-03-05T02:00:00.000000Z", "version": version("workflows")}


def test_all_is_well(api: Api) -> None:
    assert failed(api) == set()
    assert api.client.get("/readyz").json()["checks"].keys() == {"stopping", "queue", "writer", "database", "schema"}


def test_a_dead_writer(fresh: Api) -> None:
    fresh.engine.writer.stop()
    assert failed(fresh) == {"writer"}
    assert fresh.client.get("/healthz").status_code == 200


def test_a_full_queue(fresh: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fresh.engine.writer, "_queue_limit", 0)
    assert failed(fresh) == {"queue"}


def test_a_schema_of_another_version(fresh: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "newest_revision", lambda: "9999")
    assert failed(fresh) == {"schema"}


def test_a_database_that_cannot_be_read(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Connection:
        raise OperationalError("SELECT 1", {}, Exception("host db.secret.internal refused"))

    monkeypatch.setattr(api.engine.database, "read", fail)
    assert failed(api) == {"database", "schema"}
    assert "secret" not in api.client.get("/readyz").text


def test_a_database_that_hangs_is_told_in_time_and_asked_once(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_PATIENCE_SECONDS", 0.05)
    release, asked = threading.Event(), []
    read = api.engine.database.read

    @contextmanager
    def hang() -> Iterator[Connection]:
        asked.append(1)
        release.wait(30)
        with read() as connection:
            yield connection

    monkeypatch.setattr(api.engine.database, "read", hang)
    try:
        assert [failed(api) for _ in range(3)] == [{"database", "schema"}] * 3
        assert len(asked) == 1
    finally:
        release.set()


def test_the_database_is_not_asked_for_every_probe(fresh: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    read = fresh.engine.database.read

    @contextmanager
    def counted() -> Iterator[Connection]:
        asked.append(1)
        with read() as connection:
            yield connection

    monkeypatch.setattr(fresh.engine.database, "read", counted)
    monkeypatch.setattr(health, "_REMEMBERED_SECONDS", 100)
    for _ in range(5):
        assert failed(fresh) == set()
    assert len(asked) == 1
    monkeypatch.setattr(health, "_REMEMBERED_SECONDS", 0)
    assert failed(fresh) == set()
    assert len(asked) == 2


def test_until_the_end_what_is_under_way_is_answered_and_probes_are_told(sqlite_url: str) -> None:
    with Database(sqlite_url) as database:
        headers = {"authorization": f"Bearer {new_key(database, 'police', Role.PROVINCIAL_POLICE, 'VN')}"}
    (commune,) = stage.communes(sqlite_url, 1, day=civil_date(utc_now()).isoformat())
    process, address = started(SLOW, sqlite_url)
    wait_until_ready(address)
    with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=address, timeout=30) as client:
        opening = pool.submit(httpx.post, f"{address}/api/v1/cases", json=hotspot(commune), headers=headers, timeout=30)
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        ready, alive = client.get("/readyz"), client.get("/healthz")
        sent_away = client.get("/api/v1/me", headers=headers)
        assert opening.result().status_code == 201, opening.result().text
    assert process.wait(30) == 0
    assert process.stderr is not None
    process.stderr.close()
    assert ready.status_code == 503
    assert not ready.json()["checks"]["stopping"]["ok"]
    assert alive.status_code == 200
    assert (sent_away.status_code, sent_away.json()["code"]) == (503, "unavailable")
    assert sent_away.headers["retry-after"]
