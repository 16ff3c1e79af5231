"""One HTTP request to a subscriber, within its limits: no redirects, a short time, a short answer.

What an answer means for the delivery is not decided here. Its body is not looked at: only the status counts.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from ssl import SSLContext
from types import TracebackType
from typing import Final, Self
from urllib.parse import SplitResult

import httpcore

from workflows.services.webhook_targets import (
    Guarded,
    Network,
    RefusedAddressError,
    Resolve,
    TargetError,
    check_url,
    resolver,
)

CONNECT_SECONDS: Final = 5.0
WHOLE_SECONDS: Final = 15.0
LONGEST_ANSWER: Final = 65_536
"""Bytes of the answer's body that are read; then the connection is dropped."""
_BODY_SECONDS: Final = 1.0
_RESOLVERS: Final = 16
_IDLE_SECONDS: Final = 4.0
"""Less than servers keep idle connections: one that is closed while it is taken costs a retry."""
_BROKEN: Final = (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException)


class UndeliveredError(Exception):
    """Nobody is known to have received it; the message says why in a few words, and nothing of what was answered."""


class Courier:
    """Connections to subscribers, kept for a while; belongs to one event loop."""

    def __init__(
        self,
        networks: tuple[Network, ...],
        *,
        connections: int,
        whole_seconds: float = WHOLE_SECONDS,
        resolve: Resolve | None = None,
        ssl_context: SSLContext | None = None,
    ) -> None:
        self._networks = networks
        self._whole_seconds = whole_seconds
        self._resolvers = ThreadPoolExecutor(_RESOLVERS, thread_name_prefix="webhook-names")
        found = resolve or resolver(self._resolvers)
        trusted = ssl_context or httpcore.default_ssl_context()  # else each connection reads the authorities anew
        # Two pools, for a connection does not know which scheme it is for.
        self._pools = {
            scheme: httpcore.AsyncConnectionPool(
                ssl_context=trusted,
                max_connections=connections,
                keepalive_expiry=_IDLE_SECONDS,
                network_backend=Guarded(networks, found, anywhere=scheme == "https"),
            )
            for scheme in ("https", "http")
        }

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pool in self._pools.values():
            await pool.aclose()
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> int:
        """The status of the answer; raises UndeliveredError."""
        try:
            parts = check_url(url, self._networks)
            return await self._request(self._pools[parts.scheme], _address(parts), headers, body)
        except TargetError as error:
            raise UndeliveredError("the URL is not one that may be sent to") from error
        except RefusedAddressError as error:
            raise UndeliveredError(str(error)) from error
        except (TimeoutError, httpcore.TimeoutException) as error:
            raise UndeliveredError("no answer in time") from error
        except (*_BROKEN, OSError) as error:
            raise UndeliveredError(f"the connection failed ({type(error).__name__})") from error

    async def _request(
        self, pool: httpcore.AsyncConnectionPool, url: httpcore.URL, headers: Mapping[str, str], body: bytes
    ) -> int:
        limits = {"connect": CONNECT_SECONDS, "read": self._whole_seconds, "write": self._whole_seconds}
        extensions = {"timeout": {**limits, "pool": CONNECT_SECONDS}}
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        async with (
            asyncio.timeout(self._whole_seconds) as whole,
            pool.stream(b"POST", url, headers=sent, content=body, extensions=extensions) as answer,
        ):
            whole.reschedule(None)  # the status has come, and is what counts
            with suppress(TimeoutError, *_BROKEN):
                async with asyncio.timeout(_BODY_SECONDS):
                    await _read_on(answer)
            return answer.status


def _address(parts: SplitResult) -> httpcore.URL:
    """Of the very parts that were checked; read by httpcore, the text would lose what follows a semicolon."""
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return httpcore.URL(scheme=parts.scheme, host=parts.hostname or "", port=parts.port, target=target)


async def _read_on(answer: httpcore.Response) -> None:
    """So that the connection can be used again; leaving earlier closes it."""
    length = 0
    async for part in answer.aiter_stream():
        length += len(part)
        if length > LONGEST_ANSWER:
            return
