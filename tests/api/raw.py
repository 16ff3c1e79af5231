"""Requests byte by byte over a socket, for what no client library would send."""

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from api.headers import HEADERS

PATIENCE: Final = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of a server."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """The problem that it must be, with the headers that every answer has."""
        assert self.status == status, (self.status, self.body[:300])
        assert self.headers["content-type"] == "application/problem+json"
        assert {name: self.headers.get(name) for name in SECURITY} == SECURITY
        found: dict[str, Any] = json.loads(self.body)
        assert (found["status"], found["code"]) == (status, code)
        assert found["request_id"] == self.headers["x-request-id"]
        return found


SECURITY: Final[Mapping[str, str]] = {name.decode(): value.decode() for name, value in HEADERS}


@contextmanager
def connected(port: int, *, receive_buffer: int | None = None) -> Iterator[socket.socket]:
    found = socket.socket()
    found.settimeout(PATIENCE)
    if receive_buffer is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    found.connect(("127.0.0.1", port))
    with found:
        yield found


def request(method: str = "GET", path: str = "/healthz", *headers: str, body: bytes = b"") -> bytes:
    """A request whose headers are as given; Content-Length is added where there is a body and none of them says so."""
    given = " ".join(headers).lower()
    own = [f"Content-Length: {len(body)}"] if body and "content-length" not in given and "chunked" not in given else []
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: test", *headers, *own, "", ""]).encode() + body


def ask(port: int, sent: bytes) -> Answer | None:
    """The first answer to what is sent over a connection of its own; None where it is closed without one."""
    with connected(port) as found:
        with suppress(ConnectionError):
            found.sendall(sent)
        return answer(found)


def answer(found: socket.socket) -> Answer | None:
    """The next answer; None at the end of the connection, whatever came of one."""
    with suppress(ConnectionError):
        head = _until(found, b"\r\n\r\n")
        if head is None:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
        body = _exactly(found, int(headers.get("content-length", "0")))
        return Answer(status=int(first.split(" ")[1]), headers=headers, body=body)
    return None


def is_closed(found: socket.socket, within: float) -> bool:
    """Whether the server ends the connection in so many seconds; what it says meanwhile is thrown away."""
    found.settimeout(within)
    try:
        while found.recv(65536):
            pass
    except ConnectionError:
        return True
    except TimeoutError:
        return False
    return True


def _until(found: socket.socket, end: bytes) -> bytes | None:
    read = b""
    while not read.endswith(end):
        part = found.recv(1)
        if not part:
            return None
        read += part
    return read


def _exactly(found: socket.socket, count: int) -> bytes:
    read = b""
    while len(read) < count and (part := found.recv(count - len(read))):
        read += part
    return read
