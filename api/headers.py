"""The headers that tell a browser to trust nothing here: on every answer, whoever wrote it.

A handler's own word stands: a page may bring its own policy, an answer its own Cache-Control. HSTS is set by the
proxy that ends TLS, because this program cannot know how it is reached; no header names the server.
"""

from collections.abc import Iterable
from typing import Final, TypeAlias

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

Header: TypeAlias = tuple[bytes, bytes]

HEADERS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
    (b"cache-control", b"no-store"),
)


def completed(headers: Iterable[Header]) -> list[Header]:
    """The headers of an answer, with those of `HEADERS` whose names are not among them."""
    own = list(headers)
    names = {name.lower() for name, _ in own}
    own += [header for header in HEADERS if header[0] not in names]
    return own


class SecurityHeaders:
    """Wraps the whole application, so that errors and unknown addresses are answered with them, too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return

        async def complete(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = completed(message["headers"])
            await send(message)

        await self._app(scope, receive, complete)
