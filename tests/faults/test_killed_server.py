"""The serving process dies in the middle of its work: whatever it had answered with success is there."""

import http.client
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any, Final

import pytest
from sqlalchemy import Connection

from tests.faults import stage
from tests.sizes import size
from workflows.core.civil import civil_date
from workflows.core.documents import Role
from workflows.store import keys
from workflows.store.database import Database
from workflows.store.writer import Writer

KILLS: Final = size(2, 50)
CONTROL_KILLS: Final = 20
"""At most; the control ends with the first loss."""
CALLERS: Final = 24
SERVE: Final = "from workflows.cli import main; main()"
SERVE_HASTILY: Final = f"from tests.faults import test_killed_server as test; test.be_hasty(); {SERVE}"
_batch: Final = Writer._batch


def be_hasty() -> None:
    """Turns the writer into one that answers before its commit."""

    def answer_at_once(writer: Writer, connection: Connection, jobs: Sequence[Any], written: list[str]) -> object:
        deferred = _batch(writer, connection, jobs, written)
        for job in jobs:
            if isinstance(job.answer, tuple):
                job.tell(job.answer)
        time.sleep(0.03)
        return deferred

    Writer._batch = answer_at_once  # type: ignore[assignment,method-assign]  # the fault under test


@dataclass(slots=True, kw_only=True)
class Client:
    """Callers over HTTP, each with a place of its own that is suppressed and active again without end."""

    port: int
    secret: str
    acknowledged: set[str] = field(default_factory=set)
    unexpected: list[tuple[int, bytes]] = field(default_factory=list)

    def run(self, commune: str) -> None:
        """Until the server is gone."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=stage.PATIENCE)
        with closing(connection), suppress(OSError, http.client.HTTPException):
            case, version = self._post(connection, "/cases", hotspot(commune), {})
            while True:
                for body in (suppress_body(), relapse_body()):
                    etag = {"if-match": f'"{version}"'}
                    case, version = self._post(connection, f"/cases/{case}/transitions", body, etag)

    def _post(
        self, connection: http.client.HTTPConnection, path: str, body: object, headers: Mapping[str, str]
    ) -> tuple[str, int]:
        sent = {"authorization": f"Bearer {self.secret}", "content-type": "application/json", **headers}
        connection.request("POST", f"/api/v1{path}", json.dumps(body), sent)
        answer = connection.getresponse()
        read = answer.read()
        if answer.status not in {200, 201}:
            self.unexpected.append((answer.status, read))
            raise http.client.HTTPException
        told = json.loads(read)
        self.acknowledged.add(told["event"]["id"])
        return told["case"]["id"], told["case"]["version"]


def today() -> str:
    return civil_date(datetime.now(UTC)).isoformat()


def hotspot(commune: str, title: str = "Điểm") -> dict[str, object]:
    data = {"kind": "point", "found_by": "survey"}
    return {"workflow": "hotspot", "unit": commune, "title": title, "data": data}


def suppress_body() -> dict[str, object]:
    return {"trigger": "suppress", "input": {"suppressed_on": today(), "decision": dict(stage.DOCUMENT)}}


def relapse_body() -> dict[str, object]:
    given = {"relapsed_on": today(), "found_by": "survey", "preceded_by_complaint": False}
    return {"trigger": "relapse", "input": given}


def killed_under_load(url: str, secret: str, communes: Sequence[str], chance: Random, program: str) -> set[str]:
    """Starts the server, kills it in the middle of its work; returns the events that it had acknowledged."""
    command = [sys.executable, "-c", program, "serve", "--database", url, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            client = Client(port=port_of(server), secret=secret)
            threads = [threading.Thread(target=client.run, args=(commune,)) for commune in communes]
            for thread in threads:
                thread.start()
            await_work(client)
            time.sleep(chance.uniform(0.05, 0.6))
        finally:
            server.kill()
    for thread in threads:
        thread.join(stage.PATIENCE)
    assert client.unexpected == []
    return client.acknowledged


def port_of(server: "subprocess.Popen[str]") -> int:
    assert server.stdout is not None
    for line in server.stdout:
        if found := re.search(r"http://[^ ]*:(\d+)", line):
            return int(found[1])
    pytest.fail(f"it did not serve, and ended with {server.wait()}")


def await_work(client: Client) -> None:
    until = time.monotonic() + stage.PATIENCE
    while not client.acknowledged:
        assert time.monotonic() < until
        assert client.unexpected == []
        time.sleep(0.005)


def lost_by_kills(url: str, kills: int, program: str) -> Iterator[set[str]]:
    """By kill: acknowledged events, of this and earlier lives, that are not there."""
    communes = stage.communes(url, CALLERS, day=today())
    grant = keys.Grant(role=Role.PROVINCIAL_POLICE, unit="VN", person="an", name="An")
    with Database(url) as database:
        secret = keys.create(database, grant, now=datetime.now(UTC)).secret
    chance = Random(kills)
    acknowledged: set[str] = set()
    for _ in range(kills):
        acknowledged |= killed_under_load(url, secret, communes, chance, program)
        stage.intact(url)
        yield acknowledged - stage.stored_events(url, acknowledged)


@pytest.mark.timeout(size(120, 3600))
def test_a_killed_server_has_lost_nothing(database_url: str) -> None:
    assert list(lost_by_kills(database_url, KILLS, SERVE)) == [set()] * KILLS


@pytest.mark.either_database("postgresql")
def test_a_server_that_answers_too_soon_loses(database_url: str) -> None:
    """Controls the one above."""
    assert any(lost_by_kills(database_url, CONTROL_KILLS, SERVE_HASTILY))
