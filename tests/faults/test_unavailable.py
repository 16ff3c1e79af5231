"""What a client is told while the database is full, gone or busy, and while too much waits: 503, and nothing partial.

All goes on by itself once the cause has passed.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, Final

import httpx
import pytest
from litestar.testing import TestClient

from api import bulk, cases
from api.server import application
from tests.api.conftest import check_problem
from tests.faults import stage
from tests.faults.injection import held
from tests.faults.test_passing_errors import limit_pages
from tests.postgres import Cluster
from workflows.core.documents import Role
from workflows.services.engine import Engine
from workflows.store import database, keys, schema, writer
from workflows.store.database import Database
from workflows.store.submissions import Submission

COMMUNES: Final = 60
RECOVERY_SECONDS: Final = 5.0
Send = Callable[..., httpx.Response]


@contextmanager
def served(url: str, *, queue_limit: int = 1024) -> Iterator[tuple[Engine, Send]]:
    stage.populate(url)
    grant = keys.Grant(role=Role.PROVINCIAL_POLICE, unit="VN", person="an", name="An")
    with Database(url) as opened:
        secret = keys.create(opened, grant, now=stage.NOW).secret
    with stage.running(url, queue_limit=queue_limit) as engine, TestClient(application(engine)) as client:
        headers = {"authorization": f"Bearer {secret}"}

        def send(path: str, body: object | None = None) -> httpx.Response:
            return client.request("POST" if body else "GET", f"/api/v1{path}", json=body, headers=headers)

        yield engine, send


def opening(commune: str, title: str = "Tụ điểm") -> dict[str, Any]:
    data = {"kind": "gathering_place", "found_by": "survey"}
    return {"workflow": "hotspot", "unit": commune, "title": title, "data": data}


def check_unavailable(answer: httpx.Response) -> None:
    check_problem(answer, 503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1


def await_recovery(ask: Callable[[], httpx.Response]) -> None:
    deadline = time.monotonic() + RECOVERY_SECONDS
    while not (answer := ask()).is_success:
        check_unavailable(answer)
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_full_disk_is_told_to_pass(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    communes = stage.communes(sqlite_url, COMMUNES)
    with served(sqlite_url) as (engine, send):
        fill(engine, send, communes)
        before = stage.dump(sqlite_url)
        check_unavailable(send("/cases", opening(communes[0], "x" * 300)))
        assert send("/cases").status_code == 200, "reading goes on"
        with monkeypatch.context() as patch:
            patch.setattr(writer, "unwritable", lambda _: False)
            control = send("/cases", opening(communes[0], "x" * 300))
            check_problem(control, 500, "command_failed")
        assert stage.dump(sqlite_url) == before
        with held(engine):
            limit_pages(engine, 2**31)
        await_recovery(lambda: send("/cases", opening(communes[0])))
    stage.intact(sqlite_url)


def fill(engine: Engine, send: Send, communes: list[str]) -> None:
    """Leaves no room for another case of some size."""
    with held(engine):
        pages = limit_pages(engine, 1)
        limit_pages(engine, pages + 2)
    for commune in communes:
        answer = send("/cases", opening(commune, "x" * 300))
        if answer.status_code != 201:
            check_unavailable(answer)
            return
    raise AssertionError("there was room for all")


def test_a_database_that_is_gone(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads is told at once, whoever writes when the deadline has passed."""
    url = cluster.url("postgres")
    schema.create(url)
    for module in (cases, bulk):
        monkeypatch.setattr(module, "Submission", partial(Submission, deadline_seconds=0.3), raising=False)
    (commune,) = stage.communes(url, 1)
    with served(url) as (_, send):
        assert send("/cases", opening(commune)).status_code == 201
        cluster.stop()
        time.sleep(0.6)  # the key is forgotten
        for path in ("/cases", "/me", "/units", "/events"):
            check_unavailable(send(path))
        check_unavailable(send("/cases", opening(commune)))
        cluster.start()
        await_recovery(partial(send, "/cases"))
        await_recovery(partial(send, "/cases", opening(commune)))
    assert stage.intact(url) == 2


def test_no_connection_is_free(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_POOL_SECONDS", 0.1)
    with served(sqlite_url) as (engine, send):
        with ExitStack() as stack:
            for _ in range(database.READERS):
                stack.enter_context(engine.database.read())
            check_unavailable(send("/cases"))
        time.sleep(0.6)
        await_recovery(partial(send, "/cases"))


def test_too_much_waits(sqlite_url: str) -> None:
    communes = stage.communes(sqlite_url, 8)
    with served(sqlite_url, queue_limit=3) as (engine, send), ThreadPoolExecutor(8) as threads:
        assert send("/me").status_code == 200
        with held(engine):
            sent = [threads.submit(send, "/cases", opening(commune)) for commune in communes]
            refused = [each.result(stage.PATIENCE) for each in await_done(sent, 5)]
        answers = [each.result(stage.PATIENCE) for each in sent]
        for answer in refused:
            check_unavailable(answer)
        assert sorted(answer.status_code for answer in answers) == [201] * 3 + [503] * 5
    assert stage.intact(sqlite_url) == 3


def await_done(sent: list[Any], count: int) -> list[Any]:
    deadline = time.monotonic() + stage.PATIENCE
    while len(done := [each for each in sent if each.done()]) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return done
