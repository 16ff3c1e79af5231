"""Whoever follows the feed sees every event once, in one order, however many servers write and die meanwhile."""

import http.client
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final, TypeAlias

import pytest
from sqlalchemy import Connection, select, tuple_

from tests.faults import stage
from tests.faults.test_killed_server import hotspot, port_of, relapse_body, suppress_body, today
from tests.sizes import size
from tests.store import samples
from workflows.core.case import Actor
from workflows.core.documents import Role
from workflows.store import keys
from workflows.store.database import Database
from workflows.store.feed import FeedFilter, read_feed, sequence
from workflows.store.tables import event

KILLS: Final = size(1, 24)
EVENTS: Final = size(100, 24_000)
CALLERS: Final = 16
SERVE: Final = (sys.executable, "-c", "from workflows.cli import main; main()", "serve", "--port", "0", "--database")
Place: TypeAlias = tuple[int, str]
"""A position and the event that stands there."""


@dataclass(slots=True, kw_only=True)
class Servers:
    """Processes on one database that are killed and replaced; clients find one that serves."""

    url: str
    secret: str
    chance: Random
    ports: list[int] = field(default_factory=list)
    unexpected: list[tuple[int, bytes]] = field(default_factory=list)
    _processes: "list[subprocess.Popen[str]]" = field(default_factory=list)

    @contextmanager
    def running(self, count: int) -> Iterator[None]:
        try:
            self._processes = [self._begun() for _ in range(count)]
            self.ports = [port_of(process) for process in self._processes]
            yield
        finally:
            for process in self._processes:
                _kill(process)

    def kill_one(self, *, replaced: bool) -> None:
        """At once and in the middle of its work."""
        index = self.chance.randrange(len(self._processes))
        _kill(self._processes[index])
        if replaced:
            self._processes[index] = self._begun()
            self.ports[index] = port_of(self._processes[index])

    def _begun(self) -> "subprocess.Popen[str]":
        return subprocess.Popen([*SERVE, self.url], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    @contextmanager
    def connected(self) -> Iterator[http.client.HTTPConnection]:
        """To any of them; whatever the end of a server does to a client ends the block and no more."""
        connection = http.client.HTTPConnection("127.0.0.1", self.chance.choice(self.ports), timeout=stage.PATIENCE)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            yield connection
            return
        time.sleep(0.02)

    def ask(
        self, connection: http.client.HTTPConnection, path: str, body: object = None, version: int | None = None
    ) -> Any:  # noqa: ANN401 - JSON
        headers = {"authorization": f"Bearer {self.secret}", "content-type": "application/json"}
        if version is not None:
            headers["if-match"] = f'"{version}"'
        content = None if body is None else json.dumps(body)
        connection.request("GET" if body is None else "POST", f"/api/v1{path}", content, headers)
        answer = connection.getresponse()
        read = answer.read()
        if answer.status not in {200, 201}:
            self.unexpected.append((answer.status, read))
            raise http.client.HTTPException
        return json.loads(read)


def _kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.wait(stage.PATIENCE)
    if process.stdout is not None:
        process.stdout.close()


@dataclass(slots=True, kw_only=True)
class Caller:
    """Moves one place to and fro, by whichever server, and goes on where a dead one left it."""

    servers: Servers
    commune: str
    acknowledged: set[str]
    chance: Random
    case: str | None = None

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            with self.servers.connected() as connection:
                state, version = self._found(connection)
                for _ in range(self.chance.randint(1, 20)):
                    body = relapse_body() if state == "suppressed" else suppress_body()
                    state, version = self._told(connection, f"/cases/{self.case}/transitions", body, version)
                    if stop.is_set():
                        break

    def _found(self, connection: http.client.HTTPConnection) -> tuple[str, int]:
        if self.case is None:
            return self._told(connection, "/cases", hotspot(self.commune), None)
        case = self.servers.ask(connection, f"/cases/{self.case}")
        return case["state"], case["version"]

    def _told(
        self, connection: http.client.HTTPConnection, path: str, body: object, version: int | None
    ) -> tuple[str, int]:
        answer = self.servers.ask(connection, path, body, version)
        self.acknowledged.add(answer["event"]["id"])
        self.case = answer["case"]["id"]
        return answer["case"]["state"], answer["case"]["version"]


@dataclass(slots=True, kw_only=True)
class Follower:
    """Reads the feed from its beginning, page by page, and waits at its end."""

    servers: Servers
    seen: list[Place] = field(default_factory=list)
    after: int = 0
    at_end: bool = False

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            with self.servers.connected() as connection:
                while not stop.is_set():
                    page = self.servers.ask(connection, f"/feed?after={self.after}&limit=200")
                    self.seen += [(item["position"], item["event"]["id"]) for item in page["items"]]
                    self.after, self.at_end = page["next"], not page["more"]
                    if self.at_end:
                        time.sleep(0.02)


@contextmanager
def at_work(jobs: Sequence[Caller | Follower]) -> Iterator[None]:
    stop = threading.Event()
    threads = [threading.Thread(target=job.run, args=(stop,)) for job in jobs]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(stage.PATIENCE)


def until(reached: "set[str] | list[Place]", count: int) -> None:
    """Waits until there are so many."""
    end = time.monotonic() + stage.PATIENCE
    while len(reached) < count:
        assert time.monotonic() < end, f"{len(reached)} of {count}"
        time.sleep(0.01)


def all_events(url: str) -> list[str]:
    with Database(url) as database, database.read() as connection:
        return sorted(connection.execute(select(event.c.id)).scalars())


@pytest.mark.either_database("postgresql")
@pytest.mark.timeout(size(120, 3600))
def test_every_event_is_seen_once_whatever_dies(database_url: str) -> None:
    chance = Random(4)
    communes = stage.communes(database_url, CALLERS, day=today())
    grant = keys.Grant(role=Role.PROVINCIAL_POLICE, unit="VN", person="an", name="An")
    with Database(database_url) as database:
        secret = keys.create(database, grant, now=datetime.now(UTC)).secret
        processes = 1 if database.is_sqlite else 2
    servers = Servers(url=database_url, secret=secret, chance=chance)
    acknowledged: set[str] = set()
    callers = [
        Caller(servers=servers, commune=commune, acknowledged=acknowledged, chance=Random(commune))
        for commune in communes
    ]
    first, second = Follower(servers=servers), Follower(servers=servers)
    with servers.running(processes):
        with at_work([first]):
            with at_work(callers):
                for number in range(1, KILLS + 1):
                    until(acknowledged, EVENTS * number // (KILLS + 1))
                    time.sleep(chance.uniform(0, 0.2))
                    servers.kill_one(replaced=processes == 1 or number < KILLS)
                until(acknowledged, EVENTS)
            written = all_events(database_url)
            until(first.seen, len(written))
        with at_work([second]):
            until(second.seen, len(written))
    assert servers.unexpected == []
    assert [position for position, _ in first.seen] == list(range(1, len(written) + 1))
    assert sorted(each for _, each in first.seen) == written
    assert acknowledged <= {each for _, each in first.seen}
    assert second.seen == first.seen
    assert stage.intact(database_url) == len(written)


class ByInstant:
    """Follows events by when they were recorded, which no feed can be built on."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._last: tuple[str, str] = ("", "")

    def read(self, connection: Connection) -> None:
        place = tuple_(event.c.recorded_at, event.c.id)
        statement = select(event.c.recorded_at, event.c.id).where(place > self._last)
        found = connection.execute(statement.order_by(place)).all()
        self.seen += [row.id for row in found]
        if found:
            self._last = (found[-1].recorded_at, found[-1].id)


def test_a_reader_by_instants_misses_what_commits_late(postgresql_url: str) -> None:
    """Controls the one above: the same overlap, once by instants and once by the feed."""
    early, late = sorted(samples.histories(1, 2, longest=1), key=lambda history: history[0].recorded_at)
    everybody = Actor(grant="g", person="an", role=Role.AUDITOR, unit="VN", unit_path="VN")
    by_instant, followed, after = ByInstant(), list[str](), 0
    with Database(postgresql_url) as database, ExitStack() as overlapping:
        slow = overlapping.enter_context(database.write())
        samples.store(slow, [early])
        with database.write() as quick:
            samples.store(quick, [late])
        for _ in range(2):
            with database.write() as connection:
                sequence(connection)
            with database.read() as connection:
                by_instant.read(connection)
                page = read_feed(connection, everybody, samples.START.date(), FeedFilter(), after=after, limit=10)
            followed += [each.id for _, each in page.items]
            after = page.next
            overlapping.close()
    assert by_instant.seen == [late[1][0].id]
    assert followed == [late[1][0].id, early[1][0].id]
