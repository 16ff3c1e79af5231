"""Which addresses events may be sent to: the check of a subscriber's URL, and connections that keep to it.

A name is resolved here, once per connection, and what is connected to is the very address that was checked, so that a
name that resolves differently the next moment gains nothing. Redirects are not followed by anybody.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import Executor
from functools import partial
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

import httpcore

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host name, best first; raises OSError."""

LONGEST_URL: Final = 2_000
_PORTS: Final = range(1, 65_536)
_GLOBAL_IPV6: Final = ip_network("2000::/3")
# Beyond what `ipaddress` knows as not global: services of cloud hosts, and ranges that carry another address within.
_NEVER: Final = tuple(
    map(
        ip_network,
        (
            "168.63.129.16/32",
            "192.0.0.0/24",
            "192.88.99.0/24",
            "2001::/23",
            "2002::/16",
            "3fff::/20",
            "2620:4f:8000::/48",
        ),
    )
)


class TargetError(ValueError):
    """A URL that nothing is sent to; the message says what would do."""


class RefusedAddressError(httpcore.ConnectError):
    """The host has no address that may be connected to. Does not say which it has: that would be a way to find out."""


def networks_of(text: str) -> tuple[Network, ...]:
    """From CIDRs separated by commas; raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def allowed(address: Address, networks: Iterable[Network], *, anywhere: bool) -> bool:
    """Whether to connect: to an address of the networks, and with `anywhere` to any that is public."""
    plain = getattr(address, "ipv4_mapped", None) or address
    if any(plain in network for network in networks):
        return True
    return anywhere and _is_public(plain)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _GLOBAL_IPV6:
        return False
    refused = address.is_multicast or address.is_reserved or any(address in network for network in _NEVER)
    return address.is_global and not refused


def check_url(url: str, networks: tuple[Network, ...]) -> SplitResult:
    """The parts of a URL that may be sent to; whether its name leads to a public address is seen when connecting.

    Raises:
        TargetError: it is malformed, of another scheme, holds what a URL of a subscriber must not, or names an
            address outside the public ones and the networks.
    """
    if not 1 <= len(url) <= LONGEST_URL or not url.isascii() or not url.isprintable() or " " in url:
        raise TargetError(f"must have 1 to {LONGEST_URL} printable ASCII characters without blanks")
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise TargetError(f"is no URL: {error}") from error
    _check_scheme(parts, networks)
    if not host or (port is not None and port not in _PORTS):
        raise TargetError("must name a host, and a port between 1 and 65535 if any")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise TargetError("must hold no user, password or fragment; the signature tells who sends")
    _check_literal(parts, host, networks)
    return parts


def _check_scheme(parts: SplitResult, networks: tuple[Network, ...]) -> None:
    if parts.scheme == "https" or (parts.scheme == "http" and networks):
        return
    hint = "https, or http within the networks that the operator listed" if networks else "https"
    raise TargetError(f"the scheme is {parts.scheme[:20]!r}; use {hint}")


def _check_literal(parts: SplitResult, host: str, networks: tuple[Network, ...]) -> None:
    try:
        address = ip_address(host)
    except ValueError:
        return
    if not allowed(address, networks, anywhere=parts.scheme == "https"):
        raise TargetError("the address is neither public nor in a network that the operator listed")


def resolver(executor: Executor) -> Resolve:
    """Asks the system, in threads of its own; lookups of one name at one time are one lookup."""
    under_way: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def resolve(host: str, port: int) -> list[str]:
        lookup = under_way.get((host, port))
        if lookup is None:
            loop = asyncio.get_running_loop()
            lookup = under_way[host, port] = loop.run_in_executor(executor, _look_up, host, port)
            lookup.add_done_callback(partial(_looked_up, under_way, (host, port)))
        return await asyncio.shield(lookup)

    return resolve


def _looked_up(
    under_way: dict[tuple[str, int], "asyncio.Future[list[str]]"],
    key: tuple[str, int],
    lookup: "asyncio.Future[list[str]]",
) -> None:
    del under_way[key]
    if not lookup.cancelled():
        lookup.exception()  # seen, even if whoever asked has given up


def _look_up(host: str, port: int) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class Guarded(httpcore.AsyncNetworkBackend):
    """Connects to allowed addresses only; encryption on top keeps the host's name."""

    def __init__(self, networks: tuple[Network, ...], resolve: Resolve, *, anywhere: bool) -> None:
        self._networks = networks
        self._resolve = resolve
        self._anywhere = anywhere
        self._plain = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """To the first allowed address of the host that answers, all within the time."""
        try:
            async with asyncio.timeout(timeout):
                return await self._first(await self._addresses(host, port), port, local_address, socket_options)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error

    async def sleep(self, seconds: float) -> None:
        await self._plain.sleep(seconds)

    async def _addresses(self, host: str, port: int) -> list[str]:
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the host name is not known") from error
        addresses = [text for text in found if self._may_connect(text)]
        if not addresses:
            raise RefusedAddressError("the host has no address that may be connected to")
        return addresses

    def _may_connect(self, text: str) -> bool:
        try:
            address = ip_address(text)  # a zone (`%eth0`) belongs to local addresses; they are refused with it
        except ValueError:
            return False
        return allowed(address, self._networks, anywhere=self._anywhere)

    async def _first(
        self,
        addresses: list[str],
        port: int,
        local_address: str | None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None,
    ) -> httpcore.AsyncNetworkStream:
        for address in addresses[:-1]:
            try:
                return await self._plain.connect_tcp(
                    address, port, local_address=local_address, socket_options=socket_options
                )
            except httpcore.ConnectError:
                continue
        return await self._plain.connect_tcp(
            addresses[-1], port, local_address=local_address, socket_options=socket_options
        )
