"""Entity tags of reads: whoever has an answer already is told that it still holds (RFC 9110, 13.1.2).

An answer that has no tag of its own gets a strong one of its bytes. A case's tag is its version, which says nothing
about the day on which it is read; whether it still holds is the handler's to say, with `has`.
"""

from hashlib import sha256
from http import HTTPStatus
from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPResponseBodyEvent, HTTPResponseStartEvent, Message, Receive, Scope, Send

_SHORT: Final = 32
"""Hexadecimal digits of a tag; 128 bits of the hash."""
KEPT: Final = "private, no-cache"
"""Clients may keep an answer, and have to ask each time whether it still holds; nobody else may keep it."""
_LEFT_OUT: Final = frozenset({b"content-length", b"content-type"})


def has(scope: Scope, tag: str) -> bool:
    """Whether the client says that it has the answer with this tag; weak and strong tags are alike here."""
    given = b",".join(value for name, value in scope["headers"] if name == b"if-none-match").decode("latin-1")
    tags = {each.strip().removeprefix("W/") for each in given.split(",")}
    return tag in tags or "*" in tags


class ConditionalReads:
    """Wraps the routes; answers to anything but GET pass as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        held: HTTPResponseStartEvent | None = None

        async def tagged(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and _is_plain(message):
                held = message
                return
            if message["type"] == "http.response.body" and held is not None:
                start, held = held, None
                if message.get("more_body"):
                    await send(start)
                else:
                    message = await _begin(scope, start, message, send)
            await send(message)

        await self._app(scope, receive, tagged)


def _is_plain(start: HTTPResponseStartEvent) -> bool:
    names = {name for name, _ in start["headers"]}
    return start["status"] == HTTPStatus.OK and b"etag" not in names


async def _begin(scope: Scope, start: HTTPResponseStartEvent, body: HTTPResponseBodyEvent, send: Send) -> Message:
    """Sends the head; returns the body to send."""
    tag = f'"{sha256(body["body"]).hexdigest()[:_SHORT]}"'
    headers = [*start["headers"], (b"etag", tag.encode()), (b"cache-control", KEPT.encode())]
    if not has(scope, tag):
        await send({**start, "headers": headers})
        return body
    left = [(name, value) for name, value in headers if name not in _LEFT_OUT]
    await send({**start, "status": 304, "headers": left})
    return {**body, "body": b""}
