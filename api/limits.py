"""How often a client may ask: per API key, and per address for keys that are not known.

The rate of a key holds over all processes: on SQLite there is one, and memory is exact; on PostgreSQL each takes a
hundredth of the burst at a time from a row that they share. Addresses are limited by each process for itself, and are
those of the connection: what a header claims is not looked at.
"""

import asyncio
import time
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network, ip_address
from math import ceil
from typing import Final, Protocol

from litestar.types import Scope

from api.problems import HttpError
from workflows.store import rate_limits
from workflows.store.database import Database

_CLIENTS: Final = 4096
_BURST_SECONDS: Final = 2
_SHARE: Final = 100
"""A process takes one part of so many of the burst: that much can lie unused in each, and no more."""
_ROUNDING: Final = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """So many requests per second, of which so many may come at once."""

    per_second: float
    burst: int


FAILURES: Final = Rate(per_second=2, burst=20)
"""Keys not known, from one address."""


def rate_of(per_second: float) -> Rate:
    """The rate of a key, with two seconds of it at once."""
    return Rate(per_second=per_second, burst=max(1, ceil(per_second * _BURST_SECONDS)))


class Clients:
    """What each of many clients has used of one rate, in memory (GCRA); times are seconds of any one clock."""

    def __init__(self, rate: Rate, *, most: int = _CLIENTS) -> None:
        self.rate = rate
        self._most = most
        self._until: dict[str, float] = {}
        """Until when the rate of a client is spent; a client that is not here has spent nothing."""

    def wait(self, client: str, now: float) -> float:
        """Seconds until a request is free; 0: now."""
        ahead = max(self._until.get(client, now) - now, 0)
        wait = ahead - (self.rate.burst - 1) / self.rate.per_second
        return wait if wait > _ROUNDING else 0

    def spend(self, client: str, now: float) -> None:
        """One request; also when none is free."""
        if len(self._until) >= self._most and client not in self._until:
            self._forget(now)
        self._until[client] = max(self._until.get(client, now), now) + 1 / self.rate.per_second

    def take(self, client: str, now: float) -> float:
        """Spends one request if one is free; returns what `wait` did before."""
        wait = self.wait(client, now)
        if not wait:
            self.spend(client, now)
        return wait

    def _forget(self, now: float) -> None:
        """Those that have nothing spent; if all have, the one that will be the first."""
        self._until = {client: until for client, until in self._until.items() if until > now}
        if len(self._until) >= self._most:
            del self._until[min(self._until, key=self._until.__getitem__)]


class KeyLimit(Protocol):
    """The limit of each API key."""

    async def admit(self, client: str) -> None:
        """Raises HttpError with status 429 when the client has to wait."""


class OwnLimit:
    """For the only process that serves."""

    def __init__(self, rate: Rate) -> None:
        self._clients = Clients(rate)

    async def admit(self, client: str) -> None:
        wait = self._clients.take(client, time.monotonic())
        if wait:
            raise _rate_limited(self._clients.rate, wait)


@dataclass(slots=True)
class _Share:
    """What this process has taken of a client's rate."""

    left: int = 0
    waiting: int = 0
    """Requests that wait for more to be taken."""
    closed_until: float = 0.0
    asking: asyncio.Task[None] | None = None


class SharedLimit:
    """For several processes on one PostgreSQL database."""

    def __init__(self, database: Database, rate: Rate) -> None:
        self._database = database
        self._rate = rate
        self._wanted = max(1, rate.burst // _SHARE)
        """If no more requests wait."""
        self._shares: dict[str, _Share] = {}

    async def admit(self, client: str) -> None:
        share = self._share(client)
        while not share.left:
            wait = share.closed_until - time.monotonic()
            if wait > 0:
                raise _rate_limited(self._rate, wait)
            if share.asking is None or share.asking.done():
                share.asking = asyncio.create_task(self._ask(client, share))
            share.waiting += 1
            try:
                await asyncio.shield(share.asking)
            finally:
                share.waiting -= 1
        share.left -= 1

    def _share(self, client: str) -> _Share:
        share = self._shares.get(client)
        if share is None:
            if len(self._shares) >= _CLIENTS:
                self._shares.clear()
            share = self._shares[client] = _Share()
        return share

    async def _ask(self, client: str, share: _Share) -> None:
        rate = self._rate
        wanted = min(max(self._wanted, share.waiting), rate.burst)
        begun = time.monotonic()
        taken = await asyncio.to_thread(
            rate_limits.take, self._database, client, wanted=wanted, rate=rate.per_second, burst=rate.burst
        )
        share.left += taken.requests
        if not taken.requests:
            wait = max(taken.ahead - (rate.burst - 1) / rate.per_second, 0)
            share.closed_until = begun + wait


def key_limit(database: Database, per_second: float) -> KeyLimit | None:
    """The limit of each key on all that is served from a database; None for 0, which is none."""
    if not per_second:
        return None
    rate = rate_of(per_second)
    return OwnLimit(rate) if database.is_sqlite else SharedLimit(database, rate)


class Failures:
    """Addresses that bring keys which nobody has."""

    def __init__(self) -> None:
        self._clients = Clients(FAILURES)

    def require_few(self, address: str) -> None:
        """Raises HttpError with status 429 where too many came from there."""
        wait = self._clients.wait(address, time.monotonic())
        if wait:
            headers = {"retry-after": str(ceil(wait))}
            raise HttpError(429, "rate_limited", "too many unknown API keys came from your address", headers=headers)

    def note(self, address: str) -> None:
        self._clients.spend(address, time.monotonic())


def address_of(scope: Scope) -> str:
    """Whom a connection comes from; of IPv6 the network of 64 bits, any address of which its holder can take."""
    client = scope.get("client")
    host = client[0] if client else ""
    if ":" not in host:
        return host
    address = ip_address(host)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(IPv6Network((address.packed[:8] + bytes(8), 64)))
    return host


def _rate_limited(rate: Rate, wait: float) -> HttpError:
    detail = f"more than {rate.per_second:g} requests per second came with this key, {rate.burst} of them at once"
    seconds = str(max(1, ceil(wait)))
    headers = {
        "retry-after": seconds,
        "ratelimit-limit": str(rate.burst),
        "ratelimit-remaining": "0",
        "ratelimit-reset": seconds,
    }
    return HttpError(429, "rate_limited", detail, headers=headers)
