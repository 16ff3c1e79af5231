"""How often a client may ask: what is admitted, over one process and several, and what refusing costs."""

import http.client
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from math import ceil
from typing import Any, ClassVar, Final
from unittest.mock import Mock

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.testing import TestClient

from api import authentication
from api.limits import FAILURES, Clients, Rate, address_of, rate_of
from api.server import application
from tests.api.conftest import COMMUNE, NOW, check_problem, hotspot, new_key
from tests.sizes import size
from workflows.cli import serving
from workflows.core.documents import Role
from workflows.services import reading
from workflows.services.engine import Engine
from workflows.services.settings import DEFAULT_RATE_LIMIT, RATE_LIMIT_VARIABLE
from workflows.store import keys, rate_limits
from workflows.store.database import Database

PROCESSES: Final = size(2, 4)
SECONDS: Final = size(2, 10)
RATE: Final = size(20, 200)
PATIENT: Final = size(80, 95) / 100
"""Part of the rate that must be had; a small burst on a busy machine is fetched late, not lost."""
CALLERS: Final = 8
"""Connections to each process."""
SERVE: Final = """
import socket, sys
from api import app, limits, server
from workflows.services import logs
from workflows.services.engine import Engine

logs.configure()
url, rate, alone = sys.argv[1], float(sys.argv[2]), sys.argv[3]
engine = Engine.start(url)
shared, own = limits.key_limit(engine.database, rate), limits.OwnLimit(limits.rate_of(rate))

class Limit:
    async def admit(self, client):
        await (own if client == alone else shared).admit(client)

app.key_limit = lambda *_: Limit()
listening = socket.create_server(("127.0.0.1", 0))
print(listening.getsockname()[1], flush=True)
server.run(engine, listening, rate=rate)
"""
"""One key is the control: each process limits it for itself."""


@given(
    st.integers(1, 50),
    st.integers(1, 40),
    st.lists(st.floats(0, 2, allow_nan=False, allow_subnormal=False), min_size=1, max_size=200),
)
def test_never_more_than_the_burst_and_the_rate_since(per_second: int, burst: int, pauses: list[float]) -> None:
    clients = Clients(Rate(per_second=per_second, burst=burst))
    assert_within(admitted(clients, pauses), per_second, burst)


def test_a_count_per_second_admits_more() -> None:
    """Controls the one above: what begins anew with each second lets twice the burst through around its end."""

    class Counted(Clients):
        seen: ClassVar = Counter[tuple[str, int]]()

        def take(self, client: str, now: float) -> float:
            self.seen[client, int(now)] += 1
            return float(self.seen[client, int(now)] > self.rate.burst)

    with pytest.raises(AssertionError):
        assert_within(admitted(Counted(Rate(per_second=10, burst=10)), [0.9, *[0.005] * 40]), 10, 10)


def admitted(clients: Clients, pauses: Sequence[float]) -> list[float]:
    now, found = 1000.0, []
    for pause in pauses:
        now += pause
        if not clients.take("client", now):
            found.append(now)
    return found


def assert_within(times: Sequence[float], per_second: float, burst: int) -> None:
    for first in range(len(times)):
        for last in range(first, len(times)):
            assert last - first + 1 <= burst + per_second * (times[last] - times[first]) + 0.001


def test_what_is_free_is_given() -> None:
    clients = Clients(Rate(per_second=10, burst=20))
    assert [clients.take("client", 5.0) for _ in range(20)] == [0] * 20
    assert clients.take("client", 5.0) == pytest.approx(0.1)
    assert clients.take("other", 5.0) == 0
    assert clients.take("client", 5.1) == 0
    assert [clients.take("client", 9.0) for _ in range(20)] == [0] * 20
    assert clients.take("client", 9.0) > 0


def test_memory_is_bounded() -> None:
    clients = Clients(Rate(per_second=1, burst=2), most=100)
    for number in range(10_000):
        clients.take(str(number), number / 1000)
    assert len(clients._until) <= 100  # noqa: SLF001 - what is kept is seen nowhere else


def test_addresses_are_those_of_the_connection() -> None:
    def address(host: str | None) -> str:
        scope = {"type": "http", "client": (host, 5) if host else None, "headers": [(b"x-forwarded-for", b"9.9.9.9")]}
        return address_of(scope)  # type: ignore[arg-type]  # the part of a scope that is read

    assert address("10.0.0.1") == "10.0.0.1"
    assert address("2001:db8:1:2:3::1") == address("2001:db8:1:2:ffff::9") != address("2001:db8:1:3::1")
    assert address("::ffff:10.0.0.1") != address("::ffff:10.0.0.2")
    assert address(None) == ""


@contextmanager
def limited(url: str, rate: float) -> Iterator[tuple[TestClient[Any], Engine, str]]:
    with Database(url) as database:
        secret = new_key(database, "police", Role.COMMUNE_POLICE, COMMUNE)
    engine = Engine.start(url, clock=lambda: NOW)
    with TestClient(application(engine, rate=rate)) as client:
        yield client, engine, secret
    engine.stop()


def test_who_asks_too_often_is_told_when_to_come_back(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing of it reaches the writer, on either kind of database."""
    with limited(database_url, 1) as (client, engine, secret):
        submit = Mock(wraps=engine.submit)
        monkeypatch.setattr(engine, "submit", submit)
        headers = {"authorization": f"Bearer {secret}"}
        answers = [client.post("/api/v1/cases", json=hotspot(), headers=headers) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [201, 201, 429]
        assert submit.call_count == 2
        check_problem(answers[2], 429, "rate_limited")
        told = {name: value for name, value in answers[2].headers.items() if "retry" in name or "ratelimit" in name}
        names = ("retry-after", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset")
        assert told == dict(zip(names, ("1", "2", "0", "1"), strict=True))
        assert not any("ratelimit" in name for name in answers[1].headers)
        assert client.get("/healthz").status_code == 200
        time.sleep(1.05)
        assert client.get("/api/v1/me", headers=headers).status_code == 200


def test_guessing_keys_is_slow(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    find = Mock(wraps=reading.actor_of_key)
    monkeypatch.setattr(authentication, "actor_of_key", find)
    with limited(sqlite_url, 0) as (client, _, secret):

        def bring(key: str, *, claimed: str = "1.1.1.1") -> httpx.Response:
            return client.get("/api/v1/me", headers={"authorization": f"Bearer {key}", "x-forwarded-for": claimed})

        assert bring(secret).status_code == 200
        guesses = [bring(f"wfk_{number}", claimed=f"1.1.1.{number}") for number in range(40)]
        statuses = [answer.status_code for answer in guesses]
        assert statuses[: FAILURES.burst] == [401] * FAILURES.burst
        assert set(statuses[FAILURES.burst + 3 :]) == {429}
        assert find.call_count <= FAILURES.burst + 4
        check_problem(guesses[-1], 429, "rate_limited")
        assert int(guesses[-1].headers["retry-after"]) >= 1
        time.sleep(0.6)
        assert bring(secret).status_code == 200, "a key that was seen lately is looked up again"


def test_a_database_gives_no_more_than_the_rate(postgresql_url: str) -> None:
    with Database(postgresql_url) as database:
        begun = time.monotonic()
        given = [rate_limits.take(database, "client", wanted=4, rate=1, burst=10) for _ in range(20)]
        took = time.monotonic() - begun
        assert [each.requests for each in given[:3]] == [4, 4, 2]
        assert 10 <= sum(each.requests for each in given) <= 10 + took
        assert 9 < given[-1].ahead <= 10
        assert rate_limits.take(database, "other", wanted=10, rate=20, burst=10).requests == 10
        time.sleep(0.6)
        assert rate_limits.take(database, "other", wanted=10, rate=20, burst=10).requests == 10


def test_a_clock_that_was_set_back_locks_nobody_out(postgresql_url: str) -> None:
    with Database(postgresql_url) as database:
        rate_limits.take(database, "client", wanted=10, rate=50, burst=10)
        with database.write() as connection:
            connection.exec_driver_sql("UPDATE rate_limit SET until = until + 3600")
        assert rate_limits.take(database, "client", wanted=4, rate=50, burst=10).ahead <= 0.2
        time.sleep(0.25)
        assert rate_limits.take(database, "client", wanted=4, rate=50, burst=10).requests == 4


@pytest.mark.parametrize("given", [None, "7.5"])
def test_the_setting_reaches_the_server(sqlite_url: str, given: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    from workflows.cli import main  # noqa: PLC0415 - slow to load, for one test

    used: list[float] = []
    monkeypatch.setattr(serving, "serve_on", lambda *_, rate_limit, **__: used.append(rate_limit))
    monkeypatch.delenv(RATE_LIMIT_VARIABLE)
    if given:
        monkeypatch.setenv(RATE_LIMIT_VARIABLE, given)
    with pytest.raises(SystemExit):
        main(["serve", "--port", "0", "--database", sqlite_url])
    assert used == [float(given) if given else DEFAULT_RATE_LIMIT]


@contextmanager
def processes(url: str, alone: str) -> Iterator[list[int]]:
    """Ports of server processes on one database."""
    command = [sys.executable, "-c", SERVE, url, str(RATE), alone]
    with ExitStack() as stack:
        started = [
            stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True))
            for _ in range(PROCESSES)
        ]
        for process in started:
            stack.callback(process.terminate)
        yield [int(process.stdout.readline()) for process in started if process.stdout]


def flood(ports: Sequence[int], secret: str) -> tuple[Counter[int], float]:
    """How often each status was answered, and in how many seconds from the first request to the last answer."""
    until = time.monotonic() + SECONDS
    found: list[tuple[int, float]] = []

    def ask(port: int, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        while time.monotonic() < until:
            claimed = f"10.{number}.{len(found) // 250 % 250}.{len(found) % 250}"
            headers = {"authorization": f"Bearer {secret}", "x-forwarded-for": claimed, "forwarded": f"for={claimed}"}
            connection.request("GET", "/api/v1/me", headers=headers)
            answer = connection.getresponse()
            answer.read()
            found.append((answer.status, time.monotonic()))
            time.sleep(0.02)
        connection.close()

    begun = time.monotonic()
    threads = [threading.Thread(target=ask, args=(port, number)) for number in range(CALLERS) for port in ports]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Counter(status for status, _ in found), max(at for _, at in found) - begun


@pytest.mark.timeout(size(120, 600))
def test_a_limit_holds_over_several_processes(postgresql_url: str) -> None:
    grant = keys.Grant(role=Role.AUDITOR, unit="VN", person="an", name="An")
    with Database(postgresql_url) as database:
        limited_key, alone = (keys.create(database, grant, now=NOW) for _ in range(2))
    with processes(postgresql_url, alone.id) as ports:
        told, took = flood(ports, limited_key.secret)
        control, _ = flood(ports, alone.secret)
    expected = ceil(rate_of(RATE).burst + RATE * took)
    print(f"{told}, {expected} expected; each for itself: {control}")  # noqa: T201 - shown by `pytest -s`
    assert told.keys() == {200, 429}
    assert told[200] <= 1.05 * expected
    assert told[200] >= PATIENT * expected
    assert control[200] > (PROCESSES - 0.5) * expected, "limits of one process each add up"
