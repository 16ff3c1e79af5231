"""The end of a process, for those who ask meanwhile: what is under way is answered, what comes anew is sent away.

Counts and refuses; when the process may end is the server's affair. Whoever probes it is answered until then.
"""

from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from api.access_log import request_id
from api.health import Health
from workflows.services.rendering import problem
from workflows.store.submissions import WriterStopped

_PROBES: Final = frozenset({"/healthz", "/readyz", "/metrics"})


class Draining:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, health: Health) -> None:
        self._app = app
        self._health = health

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["path"] in _PROBES:
            await self._app(scope, receive, send)
        elif self._health.stopping:
            await _send_away(scope, send)
        else:
            self._health.under_way += 1
            try:
                await self._app(scope, receive, send)
            finally:
                self._health.under_way -= 1


async def _send_away(scope: Scope, send: Send) -> None:
    reply = problem(
        status=503,
        code="unavailable",
        title="Service Unavailable",
        detail="this process is about to end; try again",
        request_id=request_id(scope),
        headers={"retry-after": str(WriterStopped.retry_after), "connection": "close"},
    )
    headers = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
    headers.append((b"content-length", b"%d" % len(reply.body)))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": False})
