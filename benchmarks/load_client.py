"""Sixty-four keep-alive connections on raw asyncio: requests made before, replies read no further than needed.

A general HTTP client costs more than the server it measures. This one knows just what the server sends: a status, a
Content-Length, and the Location of a case that was opened.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

import uvloop

from benchmarks.starting import Start
from benchmarks.workload import Lane, Slot, Step
from workflows.core.documents import OPEN

CONNECTIONS: Final = 64
_ID: Final = b"{id}"
_END: Final = b"\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request in bytes; `{id}` in it stands for the case of its slot."""

    slot: Slot
    opens: bool
    text: bytes


def requests(start: Start, lanes: Sequence[Lane]) -> list[list[Request]]:
    """By lane: the requests of its steps."""
    return [
        [
            _request(lane, index, step, start.keys[lane.province, step.role].secret)
            for index, step in enumerate(lane.steps)
        ]
        for lane in lanes
    ]


def http_speed(port: int, work: Sequence[Sequence[Request]]) -> float:
    """Requests per second over all connections; raises RuntimeError at the first that is not answered 200 or 201."""
    seconds = uvloop.run(_all(port, work))
    return sum(len(lane) for lane in work) / seconds


def _request(lane: Lane, index: int, step: Step, secret: str) -> Request:
    opens = step.trigger == OPEN
    body: Mapping[str, object] = (
        {"workflow": step.slot, "unit": lane.unit, "title": lane.title(step.slot), "data": step.given}
        if opens
        else {"trigger": step.trigger, "input": step.given, "reason": step.reason}
    )
    payload = json.dumps(body, ensure_ascii=False).encode()
    target = "/api/v1/cases" if opens else "/api/v1/cases/{id}/transitions"
    head = [
        f"POST {target} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {secret}",
        "Content-Type: application/json",
        f"Content-Length: {len(payload)}",
        f"Idempotency-Key: {lane.key(index)}",
    ]
    if not opens:
        head.append(f'If-Match: "{step.version}"')
    return Request(slot=step.slot, opens=opens, text="\r\n".join(head).encode() + _END + payload)


class _Connection(asyncio.Protocol):
    """Works off one lane after the other; `finished` is set when none is left."""

    def __init__(self, waiting: Iterator[Sequence[Request]], finished: "asyncio.Future[None]") -> None:
        self._waiting = waiting
        self._finished = finished
        self._steps: Iterator[Request] = iter(())
        self._cases: dict[Slot, bytes] = {}
        self._asked: Request | None = None
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are of none of asyncio's classes.
        self._transport = cast("asyncio.Transport", transport)

    def begin(self) -> None:
        self._next()

    def data_received(self, data: bytes) -> None:
        self._received += data
        end = self._received.find(_END)
        if end < 0:
            return
        head = self._received[:end]
        length = int(_header(head, b"content-length"))
        if len(self._received) < end + len(_END) + length:
            return
        if not head.startswith((b"HTTP/1.1 200", b"HTTP/1.1 201")):
            self._fail(self._received.decode())
            return
        self._received = b""
        if self._asked and self._asked.opens:
            self._cases[self._asked.slot] = _header(head, b"location").rpartition(b"/")[2]
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._finished.done():
            self._fail(f"the server closed the connection: {exc}")

    def close(self) -> None:
        if self._transport:
            self._transport.close()

    def _next(self) -> None:
        request = next(self._steps, None)
        if request is None:
            lane = next(self._waiting, None)
            if lane is None:
                self._finished.set_result(None)
                return
            self._steps, self._cases = iter(lane), {}
            request = next(self._steps)
        self._asked = request
        if self._transport is None:
            message = "nothing can be sent before the connection is made"
            raise RuntimeError(message)
        self._transport.write(request.text.replace(_ID, self._cases.get(request.slot, b""), 1))

    def _fail(self, what: str) -> None:
        if not self._finished.done():
            self._finished.set_exception(RuntimeError(what))


def _header(head: bytes, name: bytes) -> bytes:
    """Value of a header; names are sent in lower case. Raises ValueError when it is not there."""
    begin = head.index(b"\r\n" + name + b": ") + len(name) + 4
    end = head.find(b"\r\n", begin)
    return head[begin:] if end < 0 else head[begin:end]


async def _all(port: int, work: Sequence[Sequence[Request]]) -> float:
    loop = asyncio.get_running_loop()
    waiting = iter(work)
    finished = [loop.create_future() for _ in range(CONNECTIONS)]
    connections = []
    for future in finished:
        _, protocol = await loop.create_connection(partial(_Connection, waiting, future), "127.0.0.1", port)
        connections.append(protocol)
    begun = time.perf_counter()
    for protocol in connections:
        protocol.begin()
    await asyncio.gather(*finished)
    seconds = time.perf_counter() - begun
    for protocol in connections:
        protocol.close()
    return seconds
