"""Who asks: the bearer key of a request, looked up by its hash.

A key is remembered for less than a second, so that a revoked one is refused on every process within that time; what
the writer decides on is read again inside its transaction anyway.
"""

import asyncio
import time
from hashlib import sha256
from typing import Final

from api.problems import HttpProblem
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

    async def authenticate(self, header: str | None) -> Actor:
        """The holder of the key in an Authorization header; raises HttpProblem with status 401."""
        actor = await self._actor(_secret(header))
        if actor is None or not in_force(actor, civil_date(self._engine.clock())):
            raise _unauthorized(_NOT_KNOWN, f'{_REALM}, error="invalid_token"')
        return actor

    async def _actor(self, secret: str) -> Actor | None:
        """All requests that bring one key meanwhile share one lookup."""
        digest = sha256(secret.encode()).hexdigest()
        until, lookup = self._lookups.get(digest, (0.0, None))
        if lookup is None or until < time.monotonic():
            lookup = self._remember(digest, secret)
        return lookup.result() if lookup.done() else await asyncio.shield(lookup)

    def _remember(self, digest: str, secret: str) -> "asyncio.Task[Actor | None]":
        if len(self._lookups) >= _REMEMBERED_KEYS:
            self._lookups.clear()
        lookup = asyncio.create_task(asyncio.to_thread(actor_of_key, self._engine, secret))
        self._lookups[digest] = (time.monotonic() + _REMEMBERED_SECONDS, lookup)
        return lookup


def _secret(header: str | None) -> str:
    scheme, _, secret = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise _unauthorized("send the API key as Authorization: Bearer KEY", _REALM)
    if len(secret) > _SECRET_LIMIT:
        raise _unauthorized(_NOT_KNOWN, f'{_REALM}, error="invalid_token"')
    return secret.strip()


def _unauthorized(detail: str, challenge: str) -> HttpProblem:
    return HttpProblem(401, "unauthorized", detail, headers={"www-authenticate": challenge})
