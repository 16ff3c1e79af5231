"""Real servers in processes of their own, killed and started again while callers go on."""

import http.client
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from tests.faults import stage

PROGRAM: Final = "from workflows.cli import main; main()"
ENVIRONMENT: Final = {"WORKFLOWS_RATE_LIMIT": "0"}
"""Callers of these tests send as fast as they can."""


@dataclass(slots=True, kw_only=True)
class Server:
    """One serving process after the other, all on one port."""

    url: str
    arguments: Sequence[str] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    program: str = PROGRAM
    port: int = 0
    process: "subprocess.Popen[str] | None" = None
    lives: int = 0

    def start(self) -> None:
        """Returns when it accepts connections."""
        self.port = self.port or free_port()
        command = [sys.executable, "-c", self.program, "serve", "--database", self.url, "--port", str(self.port)]
        self.process = subprocess.Popen(
            [*command, *self.arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **ENVIRONMENT, **self.environment},
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if re.search(r"http://[^ ]*:\d+", line):
                self.lives += 1
                return
        raise AssertionError(f"it did not serve, and ended with {self.process.wait()}")

    def kill(self) -> None:
        """SIGKILL: nothing is finished."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@contextmanager
def serving(url: str, count: int = 1, **more: object) -> Iterator[list[Server]]:
    """Servers on one database; all are gone at the end."""
    servers = [Server(url=url, **more) for _ in range(count)]  # type: ignore[arg-type]  # fields by name
    try:
        for server in servers:
            server.start()
        yield servers
    finally:
        for server in servers:
            server.kill()


@contextmanager
def killed_at_random(
    servers: Sequence[Server],
    kills: int,
    *,
    seed: int,
    pause: tuple[float, float] = (0.1, 0.6),
    between: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Meanwhile kills one server after the other, calls `between`, and starts it again."""
    chance, stop = random.Random(seed), threading.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            for _ in range(kills):
                if stop.wait(chance.uniform(*pause)):
                    return
                server = chance.choice(servers)
                server.kill()
                between()
                server.start()
        except BaseException as error:  # noqa: BLE001 - raised again below
            failures.append(error)

    killer = threading.Thread(target=run)
    killer.start()
    try:
        yield
    finally:
        stop.set()
        killer.join(stage.PATIENCE)
    if failures:
        raise failures[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.body)
        return found


@dataclass(slots=True, kw_only=True)
class Caller:
    """A client that begins a new connection after each loss, at any of the servers."""

    ports: Sequence[int]
    secret: str
    chance: random.Random
    connection: http.client.HTTPConnection | None = None
    refused: list[int] = field(default_factory=list)
    """Statuses of 500 and above that came back."""

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Answer:
        """The first answer that is not 503, however many connections it takes."""
        until = time.monotonic() + stage.PATIENCE
        payload = json.dumps(body).encode()
        sent = {"authorization": f"Bearer {self.secret}", "content-type": "application/json", **(headers or {})}
        while time.monotonic() < until:
            try:
                answer = self._once("POST", path, payload, sent)
            except (OSError, http.client.HTTPException):
                self.close()
            else:
                if answer.status != 503:
                    return answer
            time.sleep(0.02)
        raise AssertionError(f"no answer within {stage.PATIENCE} s")

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def _once(self, method: str, path: str, payload: bytes, headers: Mapping[str, str]) -> Answer:
        if self.connection is None:
            port = self.chance.choice(self.ports)
            self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=stage.PATIENCE)
        self.connection.request(method, f"/api/v1{path}", payload, dict(headers))
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status >= 500:
            self.refused.append(answer.status)
        return Answer(status=answer.status, headers={k.lower(): v for k, v in answer.getheaders()}, body=body)
