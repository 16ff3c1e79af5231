"""Connections: how much of a request may come before it is one, in how much time, and over how many of them.

Uvicorn's reader limits neither headers nor time; this one answers what goes too far with a problem and closes. What a
complete request may hold is not decided here.
"""

from asyncio import Transport
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.access_log import new_request_id
from api.headers import HEADERS
from workflows.services.rendering import PROBLEM, encoded


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one connection, and one process, puts up with."""

    head_seconds: float = 10.0
    """From the first byte of a request, or from the connection, to the end of its head."""
    linger_seconds: float = 2.0
    """For a body that nobody wants, after the answer: whoever still writes could not read it otherwise."""
    stall_seconds: float = 30.0
    """In which a client that is sent an answer reads nothing of it."""
    head_bytes: int = 65_536
    headers: int = 100
    url_bytes: int = 8_192
    pipelined: int = 16
    """Requests that wait on one connection for the answer to an earlier one."""
    connections: int = 512
    """Below the usual limit of 1024 open files, of which the database needs some, too."""


LIMITS: Final = Limits()
_SPARE: Final = 64
"""Connections beyond the limit that are still told so; those after them are closed without a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a connection is closed, as it is told."""

    status: HTTPStatus
    code: str
    detail: str
    retry_after: int | None = None

    def response(self) -> bytes:
        problem = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": new_request_id(),
        }
        body = encoded(problem)
        head = [
            (b"content-type", PROBLEM.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"x-request-id", str(problem["request_id"]).encode()),
            (b"connection", b"close"),
            *HEADERS,
        ]
        if self.retry_after is not None:
            head.append((b"retry-after", b"%d" % self.retry_after))
        lines = [b"HTTP/1.1 %d %s" % (self.status, self.status.phrase.encode())]
        return b"\r\n".join([*lines, *(b"%s: %s" % header for header in head), b"", body])


_NOT_HTTP: Final = Refusal(status=HTTPStatus.BAD_REQUEST, code="not_http", detail="this is not a request of HTTP/1.1")
_BUSY: Final = Refusal(
    status=HTTPStatus.SERVICE_UNAVAILABLE,
    code="too_many_connections",
    detail="too many connections are open; try again later",
    retry_after=1,
)


class _RefusedError(Exception):
    """Ends the parser's work; the refusal is kept by the connection."""


class GuardedProtocol(HttpToolsProtocol):
    """Uvicorn's protocol within limits; needs `sweep` to be called a few times per second."""

    limits: ClassVar[Limits] = LIMITS

    _refusal: Refusal | None = None
    _surplus = False
    _ended = False
    """Nothing more is read."""
    _in_head = False
    _in_body = False
    _read = 0
    """Bytes of an incomplete head, not counting those that came with its first."""
    _told = 0
    """Bytes of the address and the headers so far."""
    _fields = 0
    _waiting_since: float | None = None
    """For a head, or for the end of a body that nobody wants."""
    _unsent = 0
    """Bytes of answers that the client had not read at the last look, and since when it has been so many."""
    _unsent_since = 0.0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn narrows it, too
        super().connection_made(transport)
        self._waiting_since = self.loop.time()
        beyond = len(self.connections) - self.limits.connections
        self._surplus = beyond > 0
        if beyond > _SPARE:
            self._ended = True
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._ended:
            return
        if self._in_head:
            self._read += len(data)
        super().data_received(data)
        if self._in_head and self._read > self.limits.head_bytes:
            self._refuse(_head_too_large(self.limits))
        elif self._waiting_since is None and (self._in_head or self._idle):
            self._waiting_since = self.loop.time()

    @property
    def _idle(self) -> bool:
        """Whether nothing is asked that is not answered."""
        return self.cycle is None or self.cycle.response_complete

    def on_message_begin(self) -> None:
        if self._ended or len(self.pipeline) >= self.limits.pipelined:
            self._stop(_NOT_HTTP)
        super().on_message_begin()
        self._in_head = True
        self._read = self._told = self._fields = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._told += len(url)
        if self._told > self.limits.url_bytes:
            detail = f"the address is longer than {self.limits.url_bytes} bytes"
            self._stop(Refusal(status=HTTPStatus.REQUEST_URI_TOO_LONG, code="uri_too_long", detail=detail))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields += 1
        self._told += len(name) + len(value)
        if self._fields > self.limits.headers or self._told > self.limits.head_bytes:
            self._stop(_head_too_large(self.limits))
        if self._in_head:  # what follows a body must not pass for what stood before it
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._surplus:
            self._stop(_BUSY)
        super().on_headers_complete()
        self._in_head = False
        self._in_body = True
        self._waiting_since = None

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_body = False
        if self._idle:
            self._end()  # answered before its end: nobody knows how the client takes that

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_body and not self.pipeline:
            self._unset_keepalive_if_required()
            self._waiting_since = self.loop.time()

    def _unsupported_upgrade_warning(self) -> None:
        """Whatever follows is not HTTP, and there is nothing else that could be spoken."""
        self._ended = True
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def _stop(self, refusal: Refusal) -> None:
        """To be called while the parser works, which comes back by way of `send_400_response`."""
        self._refusal = refusal
        raise _RefusedError

    def send_400_response(self, _msg: str) -> None:
        """The parser calls it with words of its own; the refusal has others."""
        self._refuse(self._refusal or _NOT_HTTP)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer and close; earlier requests that are not answered yet come first, and stand in for the answer."""
        if self._ended:
            return
        self._ended = True
        if self._idle:
            if self.cycle is None or not self._in_body:
                self.transport.write(refusal.response())
            self._end()
        elif not self._in_body:
            self.cycle.keep_alive = False
        elif self.pipeline or self.cycle.response_started:
            self._end()
        else:
            self.cycle.disconnected = True  # whatever comes of it, this was the answer
            self.cycle.message_event.set()
            self.transport.write(refusal.response())
            self._end()

    def _end(self) -> None:
        self._ended = True
        self.transport.close()

    def check(self, now: float) -> None:
        """Close what took too long, as of a time of the event loop."""
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent:
            self._unsent, self._unsent_since = unsent, now
        if unsent and _older(self._unsent_since, now, self.limits.stall_seconds):
            self.transport.abort()
        elif self._in_body and _older(self._waiting_since, now, self.limits.linger_seconds):
            self._end()
        elif _older(self._waiting_since, now, self.limits.head_seconds):
            self._late()

    def _late(self) -> None:
        self._waiting_since = None
        if self._in_head:
            self._refuse(_head_late(self.limits))
        elif self._idle:
            self._end()


def sweep(connections: Iterable[object], now: float) -> None:
    """Checks all; one look at each now and then costs less than a timer for each request."""
    for connection in tuple(connections):
        if isinstance(connection, GuardedProtocol):
            connection.check(now)


def _older(since: float | None, now: float, seconds: float) -> bool:
    return since is not None and now - since > seconds


def _head_too_large(limits: Limits) -> Refusal:
    detail = f"the head has more than {limits.headers} headers or {limits.head_bytes} bytes"
    return Refusal(status=HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, code="head_too_large", detail=detail)


def _head_late(limits: Limits) -> Refusal:
    detail = f"the head of the request did not come within {limits.head_seconds:g} seconds"
    return Refusal(status=HTTPStatus.REQUEST_TIMEOUT, code="head_late", detail=detail)
