"""Connections that go too far are told so and closed; Uvicorn alone, with the same application, bears them all."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from tests.api.raw import PATIENCE, answer, ask, connected, is_closed, request

LATE: Final = 0.4
CONNECTIONS: Final = 12
GUARDED: Final = f"""
import socket, sys
from api import connections, requests, server
from workflows.core.documents import Role
from workflows.services import logs
from workflows.services.clock import utc_now
from workflows.services.engine import Engine
from workflows.store import keys

logs.configure()
requests.BODY_SECONDS = {LATE}
connections.GuardedProtocol.limits = connections.Limits(
    head_seconds={LATE}, linger_seconds={LATE}, stall_seconds={LATE}, connections={CONNECTIONS}
)
listening = socket.create_server(("127.0.0.1", 0), backlog=256)
listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
engine = Engine.start(sys.argv[1])
grant = keys.Grant(role=Role.AUDITOR, unit="VN", person="an", name="An")
print(listening.getsockname()[1], keys.create(engine.database, grant, now=utc_now()).secret, flush=True)
server.run(engine, listening)
"""
PLAIN: Final = GUARDED.replace("server.run", "server.GuardedProtocol = 'httptools'\nserver.run").replace(
    f"requests.BODY_SECONDS = {LATE}\n", ""
)
"""The control: the same application, read by Uvicorn's own protocol, waiting as long as it does by itself."""
ENDLESS: Final = 2**25
"""Bytes; more than the system would keep for a server that reads no more."""
NEVER: Final = 1.2
"""Seconds after which a connection counts as left open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server, and a key that it knows."""

    port: int
    secret: str


@contextmanager
def serving(program: str, template: Path, directory: Path) -> Iterator[Server]:
    """A server in a process of its own."""
    database = directory / "workflows.sqlite"
    shutil.copyfile(template, database)
    command = [sys.executable, "-c", program, f"sqlite:///{database}"]
    with (
        (directory / "log").open("w") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            port, secret = process.stdout.readline().split()
            yield Server(port=int(port), secret=secret)
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def guarded(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(GUARDED, sqlite_template, tmp_path_factory.mktemp("guarded")) as server:
        yield server


@pytest.fixture(scope="module")
def plain(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(PLAIN, sqlite_template, tmp_path_factory.mktemp("plain")) as server:
        yield server


TOO_FAR: Final[Mapping[str, tuple[bytes, int, str]]] = {
    "101 headers": (request("GET", "/healthz", *(f"x-{number}: 1" for number in range(100))), 431, "head_too_large"),
    "10 000 headers": (
        request("GET", "/healthz", *(f"x-{number}: 1" for number in range(10_000))),
        431,
        "head_too_large",
    ),
    "a large header": (request("GET", "/healthz", f"x: {'x' * 65_536}"), 431, "head_too_large"),
    "many large headers": (
        request("GET", "/healthz", *(f"x-{n}: {'x' * 1000}" for n in range(90))),
        431,
        "head_too_large",
    ),
    "a long path": (request("GET", f"/healthz/{'x' * 8192}"), 414, "uri_too_long"),
    "a long query": (request("GET", f"/healthz?{'x' * 8192}"), 414, "uri_too_long"),
}


@pytest.mark.parametrize("kind", TOO_FAR)
def test_heads_have_their_limits(guarded: Server, plain: Server, kind: str) -> None:
    sent, status, code = TOO_FAR[kind]
    told = ask(guarded.port, sent)
    assert told is not None
    told.problem(status, code)
    assert told.headers["connection"] == "close"
    control = ask(plain.port, sent)
    assert control is not None
    assert control.status in {200, 404}, "the control takes it"


def test_what_is_within_the_limits_is_taken(guarded: Server) -> None:
    headers = [f"x-{number}: {'x' * 500}" for number in range(99)]
    for path in ("/healthz", f"/healthz?x={'x' * 8000}"):
        told = ask(guarded.port, request("GET", path, *headers))
        assert told is not None
        assert told.status == 200


def test_a_head_without_end_is_not_kept(guarded: Server, plain: Server) -> None:
    def taken(port: int) -> int:
        """Bytes that can be sent before the server ends the connection."""
        sent = 0
        with connected(port) as found, suppress(ConnectionError):
            found.sendall(b"GET /healthz HTTP/1.1\r\nx: ")
            while sent < ENDLESS:
                found.sendall(b"x" * 65_536)
                sent += 65_536
        return sent

    assert taken(guarded.port) < ENDLESS
    assert taken(plain.port) == ENDLESS, "the control takes whatever comes"


def test_what_is_no_request_is_told_so(guarded: Server, plain: Server) -> None:
    for sent in (
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nhost: x\r\n\r\n",
        request("POST", "/api/v1/cases", "Content-Length: 5", "Content-Length: 6", body=b"hello"),
        request("POST", "/api/v1/cases", "Content-Length: 5", "Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        request("POST", "/api/v1/cases", "Transfer-Encoding: chunked", body=b"zz\r\nhello\r\n0\r\n\r\n"),
        request("GET", "/healthz", "x y: 1"),
    ):
        told = ask(guarded.port, sent)
        assert told is not None, sent
        told.problem(400, "not_http")
        control = ask(plain.port, sent)
        assert control is not None
        assert control.headers["content-type"].startswith("text/plain"), sent


KEY: Final = b"KEY"
STALLS: Final[Mapping[str, tuple[bytes, int | None]]] = {
    "silence": (b"", None),
    "empty lines": (b"\r\n\r\n", None),
    "half a head": (request()[:-2], 408),
    "half of a second head": (request() + request()[:-2], 200),
    "half a body": (
        request(
            "POST",
            "/api/v1/cases",
            "Content-Type: application/json",
            "Authorization: Bearer KEY",
            "Content-Length: 10",
            body=b"{",
        ),
        408,
    ),
    "an unwanted body": (request("POST", "/nowhere", "Content-Length: 100000", body=b"x"), 404),
    "endless chunks": (request("POST", "/nowhere", "Transfer-Encoding: chunked", body=b"1\r\nx\r\n"), 404),
}
"""What is sent, and what is answered before the connection is closed."""


@contextmanager
def stalled(server: Server) -> Iterator[list[tuple[str, socket.socket]]]:
    with ExitStack() as stack:
        found = [(stall, stack.enter_context(connected(server.port))) for stall in STALLS]
        for stall, each in found:
            each.sendall(STALLS[stall][0].replace(KEY, server.secret.encode()))
        yield found


def test_slow_connections_are_closed(guarded: Server) -> None:
    with stalled(guarded) as connections:
        for stall, found in connections:
            told = answer(found)
            assert (told.status if told else None) == STALLS[stall][1], stall
            assert is_closed(found, PATIENCE), stall


def test_slow_connections_stay_open_on_the_control(plain: Server) -> None:
    with stalled(plain) as connections:
        time.sleep(NEVER)
        left = {stall for stall, found in connections if not is_closed(found, 0.05)}
    assert left == set(STALLS)


def test_bytes_now_and_then_buy_no_time(guarded: Server) -> None:
    with connected(guarded.port) as found:
        found.sendall(request()[:-2])
        begun = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() < begun + PATIENCE:
                found.sendall(b"x: 1\r\n")
                time.sleep(0.05)
                found.settimeout(0)
                with suppress(BlockingIOError):
                    assert found.recv(12) == b"HTTP/1.1 408"
                    return
                found.settimeout(PATIENCE)
    raise AssertionError("never closed with an answer")


def test_who_reads_no_answers_is_let_go(guarded: Server, plain: Server) -> None:
    def all_answered(server: Server, *pauses: float) -> bool:
        units = request("GET", "/api/v1/units?limit=200", f"Authorization: Bearer {server.secret}")
        with connected(server.port, receive_buffer=4096) as found:
            found.sendall(units * 10)
            told = []
            for pause in pauses:
                time.sleep(pause)
                told.append(answer(found))
            return None not in told

    slowly, after_a_while = [0.15] * 10, [NEVER, *[0.0] * 9]
    assert all_answered(guarded, *slowly)
    assert not all_answered(guarded, *after_a_while)
    assert all_answered(plain, *after_a_while)


def test_connections_are_bounded(guarded: Server, plain: Server) -> None:
    def statuses(port: int) -> list[int]:
        with ExitStack() as stack:
            found = [stack.enter_context(connected(port)) for _ in range(CONNECTIONS + 3)]
            for each in found:
                each.sendall(request())
            told = [each for each in map(answer, found) if each is not None]
            for refused in (each for each in told if each.status == 503):
                refused.problem(503, "too_many_connections")
                assert int(refused.headers["retry-after"]) >= 1
            return [each.status for each in told]

    await_room(guarded.port)
    assert sorted(statuses(guarded.port)) == [200] * CONNECTIONS + [503] * 3
    await_room(guarded.port)
    assert statuses(plain.port) == [200] * (CONNECTIONS + 3)


def await_room(port: int) -> None:
    """Until the server has seen the end of earlier connections."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with ExitStack() as stack:
            found = [stack.enter_context(connected(port)) for _ in range(CONNECTIONS)]
            for each in found:
                each.sendall(request())
            if all(told is not None and told.status == 200 for told in map(answer, found)):
                break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.05)


def test_two_keys_are_none(guarded: Server) -> None:
    """Whoever stands between could read the one, and the server the other."""
    key = f"Authorization: Bearer {guarded.secret}"
    for headers, status in (([key], 200), ([key, "Authorization: Bearer x"], 401), ([key, key], 401)):
        told = ask(guarded.port, request("GET", "/api/v1/me", *headers))
        assert told is not None
        assert told.status == status


def test_trailers_are_no_headers(guarded: Server) -> None:
    """What follows a body would otherwise be added to what stood before it, without end."""
    chunked = request("POST", "/nowhere", "Transfer-Encoding: chunked", body=b"0\r\n")
    told = ask(guarded.port, chunked + b"x-a: 1\r\n\r\n")
    assert told is not None
    told.problem(404, "not_found")
    told = ask(guarded.port, chunked + b"".join(b"x-%d: 1\r\n" % number for number in range(200)) + b"\r\n")
    assert told is not None
    told.problem(431, "head_too_large")


def test_requests_that_follow_each_other_are_answered_in_order(guarded: Server, plain: Server) -> None:
    def answered(port: int, count: int) -> int:
        with connected(port) as found:
            found.sendall(b"".join(request("GET", f"/none-{number}") for number in range(count)))
            told = [answer(found) for _ in range(count)]
        return [each.status for each in told if each is not None].count(404)

    assert answered(guarded.port, 10) == 10
    assert 10 < answered(guarded.port, 200) < 40
    assert answered(plain.port, 200) == 200, "the control keeps them all"


def test_a_late_mistake_does_not_answer_for_what_came_before(guarded: Server) -> None:
    with connected(guarded.port) as found:
        found.sendall(request() + b"nonsense\r\n\r\n")
        told = answer(found)
        assert told is not None
        assert told.status == 200
        assert is_closed(found, PATIENCE)
