"""One line of JSON per request, and the id under which a request is found again.

Logs who asked what and how it ended; never a body, a query string, a header or a key.
"""

import itertools
import time
from dataclasses import dataclass
from os import urandom
from typing import Final, cast

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_TRACE: Final = "workflows.trace"
_PROCESS: Final = urandom(8).hex()
_numbers: Final = itertools.count(1)
_log: Final = structlog.get_logger("http")


@dataclass(slots=True, kw_only=True)
class Trace:
    """What is known of one request while it is answered."""

    request_id: str
    """Becomes the command's id once there is a command, so that one id leads from the log to the ledger."""
    key_id: str | None = None
    """Of the API key; never its secret."""


def trace(scope: Scope) -> Trace:
    """The trace of a request; one is begun where the application runs without the log around it."""
    extended = cast("dict[str, object]", scope)
    found = extended.get(_TRACE)
    if not isinstance(found, Trace):
        found = extended[_TRACE] = Trace(request_id=f"{_PROCESS}-{next(_numbers):x}")
    return found


def request_id(scope: Scope) -> str:
    return trace(scope).request_id


class AccessLog:
    """Wraps the whole application, so that requests which no route takes are logged, too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        found = trace(scope)
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", found.request_id.encode())]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            _log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                duration_ms=round((time.perf_counter() - begun) * 1000, 1),
                request_id=found.request_id,
                key_id=found.key_id,
            )
