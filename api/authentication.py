"""Who asks: the bearer key of a request, looked up by its hash.

A key is remembered for less than a second, so that a revoked one is refused on every process within that time; what
the writer decides on is read again inside its transaction anyway.
"""

import asyncio
import time
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from api.limits import Failures
from api.problems import HttpError
from workflows.core.authority import in_force
from workflows.core.case import Actor
from workflows.core.civil import civil_date
from workflows.services.engine import Engine
from workflows.services.reading import actor_of_key

_REMEMBERED_SECONDS: Final = 0.5
_REMEMBERED_KEYS: Final = 4096
_SECRET_LIMIT: Final = 200
_NOT_KNOWN: Final = "the API key is not known, or not in force"
_REALM: Final = 'Bearer realm="workflows"'


class KeyRing:
    """The keys seen lately."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lookups: dict[str, tuple[float, asyncio.Task[Actor | None]]] = {}
        self._failures = Failures()

    async def authenticate(self, headers: Sequence[str], address: str) -> Actor:
        """The holder of the key in the one Authorization header.

        Raises:
            HttpError: 401; 429 for a key not seen lately, from an address that brought too many which nobody has.
        """
        actor = await self._actor(_secret(headers), address)
        if actor is None or not in_force(actor, civil_date(self._engine.clock())):
            raise _unauthorized(_NOT_KNOWN, f'{_REALM}, error="invalid_token"')
        return actor

    async def _actor(self, secret: str, address: str) -> Actor | None:
        """All requests that bring one key meanwhile share one lookup."""
        digest = sha256(secret.encode()).hexdigest()
        until, lookup = self._lookups.get(digest, (0.0, None))
        if lookup is None or until < time.monotonic():
            if lookup is None or not _found(lookup):
                self._failures.require_few(address)
            lookup = self._remember(digest, secret, address)
        return lookup.result() if lookup.done() else await asyncio.shield(lookup)

    def _remember(self, digest: str, secret: str, address: str) -> "asyncio.Task[Actor | None]":
        if len(self._lookups) >= _REMEMBERED_KEYS:
            self._lookups.clear()
        lookup = asyncio.create_task(self._look_up(secret, address))
        self._lookups[digest] = (time.monotonic() + _REMEMBERED_SECONDS, lookup)
        return lookup

    async def _look_up(self, secret: str, address: str) -> Actor | None:
        actor = await asyncio.to_thread(actor_of_key, self._engine, secret)
        if actor is None:
            self._failures.note(address)
        return actor


def _found(lookup: "asyncio.Task[Actor | None]") -> bool:
    """Whether a key had a holder when it was looked up: it may be looked up again, whatever else came from there."""
    return lookup.done() and lookup.exception() is None and lookup.result() is not None


def _secret(headers: Sequence[str]) -> str:
    scheme, _, secret = (headers[0] if len(headers) == 1 else "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise _unauthorized("send the API key as Authorization: Bearer KEY", _REALM)
    if len(secret) > _SECRET_LIMIT:
        raise _unauthorized(_NOT_KNOWN, f'{_REALM}, error="invalid_token"')
    return secret.strip()


def _unauthorized(detail: str, challenge: str) -> HttpError:
    return HttpError(401, "unauthorized", detail, headers={"www-authenticate": challenge})
