"""Whom nothing is ever sent to: URLs, addresses, and names that lead elsewhere."""

import asyncio
import socket
import ssl
import threading
from ipaddress import ip_address
from typing import Final

import pytest

from tests.services.receivers import receiving
from workflows.services.settings import WEBHOOK_NETWORKS_VARIABLE, webhook_networks
from workflows.services.webhook_courier import Courier, UndeliveredError
from workflows.services.webhook_targets import TargetError, allowed, check_url, networks_of

LOOPBACK: Final = networks_of("127.0.0.1/32")
REFUSED: Final = (
    "127.0.0.1",
    "127.8.9.1",
    "0.0.0.0",  # noqa: S104 - not to be bound
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.88.99.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "2001:0:1::1",
    "2002:7f00:1::",
    "2001:db8::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
)
PUBLIC: Final = ("8.8.8.8", "113.160.1.1", "2606:4700::1", "2001:ee0::1", "::ffff:8.8.8.8")


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not allowed(ip_address(address), (), anywhere=True)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_not(address: str) -> None:
    assert allowed(ip_address(address), (), anywhere=True)
    assert not allowed(ip_address(address), LOOPBACK, anywhere=False)


def test_listed_networks_are_allowed_and_no_more() -> None:
    listed = networks_of("10.1.0.0/16, fd00:1::/32")
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "fd00:1::5"):
        assert allowed(ip_address(address), listed, anywhere=False)
    for address in ("10.2.0.1", "fd00:2::1", "127.0.0.1"):
        assert not allowed(ip_address(address), listed, anywhere=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ftp://example.org/",
        "http://example.org/",
        "https://",
        "https:///x",
        "https://u@example.org/",
        "https://u:p@example.org/",
        "https://example.org/#x",
        "https://example.org:0/",
        "https://example.org:65536/",
        "https://example.org:x/",
        "https://exa mple.org/",
        "https://ví-dụ.vn/",
        "https://example.org/\r\nX: y",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::1/",
        "https://169.254.169.254/latest",
        "https://example.org/" + "x" * 2000,
    ],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(TargetError):
        check_url(url, ())


def test_urls_that_are_not() -> None:
    for url in (
        "https://example.org",
        "https://example.org:8443/a?b=c",
        "https://113.160.1.1/",
        "https://xn--vd-gja.vn/",
    ):
        assert check_url(url, ())
    assert check_url("http://127.0.0.1:9/", LOOPBACK)
    assert check_url("http://intranet.local/", LOOPBACK), "what the name leads to is seen when connecting"


def test_networks_are_set_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WEBHOOK_NETWORKS_VARIABLE, raising=False)
    assert webhook_networks() == ()
    monkeypatch.setenv(WEBHOOK_NETWORKS_VARIABLE, "127.0.0.1/32, 10.0.0.0/8")
    assert webhook_networks() == networks_of("127.0.0.1/32,10.0.0.0/8")
    for wrong in ("10.0.0.0/33", "10.0.0.1/8", "intranet"):
        monkeypatch.setenv(WEBHOOK_NETWORKS_VARIABLE, wrong)
        with pytest.raises(ValueError, match=WEBHOOK_NETWORKS_VARIABLE):
            webhook_networks()


def test_a_name_that_leads_inside_is_not_connected_to() -> None:
    """Neither when all its addresses are, nor by an odd way of writing one."""
    with receiving() as receiver:
        for found in (["127.0.0.1"], ["10.0.0.1", "::1"], ["not an address"]):
            with pytest.raises(UndeliveredError, match="no address that may be connected to"):
                asyncio.run(sent(f"https://example.org:{receiver.port}/", found))
        for host in ("localhost", "2130706433", "0x7f.1", "127.1"):
            with pytest.raises(UndeliveredError):
                asyncio.run(sent(f"https://{host}:{receiver.port}/", None))
        assert receiver.got == []


def test_a_name_that_changes_gains_nothing() -> None:
    """It is looked up once for a connection, and that address is the one connected to."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    asked: list[str] = []

    async def rebinding(host: str, _: int) -> list[str]:
        asked.append(host)
        return next(answers)

    async def twice(port: int) -> None:
        async with Courier(LOOPBACK, connections=2, resolve=rebinding) as courier:
            assert await courier.send(f"http://rebinding.example:{port}/", {"a": "b"}, b"") == 204
        async with Courier(LOOPBACK, connections=2, resolve=rebinding) as courier:
            with pytest.raises(UndeliveredError, match="no address"):
                await courier.send(f"http://rebinding.example:{port}/", {}, b"")

    with receiving() as receiver:
        asyncio.run(twice(receiver.port))
        assert [each.headers["host"] for each in receiver.got] == [f"rebinding.example:{receiver.port}"]
    assert asked == ["rebinding.example"] * 2


def test_the_first_address_that_may_be_connected_to_is() -> None:
    with receiving() as receiver:
        assert asyncio.run(sent(f"http://example.org:{receiver.port}/", ["10.0.0.1", "::1", "127.0.0.1"])) == 204


def test_plain_http_goes_to_listed_networks_only() -> None:
    with pytest.raises(UndeliveredError, match="no address that may be connected to"):
        asyncio.run(sent("http://example.org/", ["8.8.8.8"]))
    with pytest.raises(UndeliveredError, match="not one that may be sent to"):
        asyncio.run(sent("http://example.org/", ["127.0.0.1"], networks=""))


def test_encryption_keeps_the_name_of_the_host() -> None:
    """The address that was checked is connected to, but the certificate must be the name's."""
    hello: list[bytes] = []

    def accept(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            hello.append(connection.recv(4096))

    async def call(port: int) -> None:
        async def resolve(_: str, __: int) -> list[str]:
            return ["127.0.0.1"]

        async with Courier(LOOPBACK, connections=1, resolve=resolve) as courier:
            await courier.send(f"https://rebinding.example:{port}/", {}, b"")

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=accept, args=(listening,))
        thread.start()
        with pytest.raises(UndeliveredError):
            asyncio.run(call(listening.getsockname()[1]))
        thread.join()
    assert b"rebinding.example" in hello[0]


def test_authorities_are_read_once_for_all_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes tens of milliseconds, in which the loop would serve nobody else."""
    made: list[ssl.SSLContext] = []
    create = ssl.create_default_context

    def counted() -> ssl.SSLContext:
        made.append(create())
        return made[-1]

    def refuse(listening: socket.socket, times: int) -> None:
        for _ in range(times):
            listening.accept()[0].close()

    async def call(port: int, times: int) -> None:
        async def resolve(_: str, __: int) -> list[str]:
            return ["127.0.0.1"]

        async with Courier(LOOPBACK, connections=1, resolve=resolve) as courier:
            for _ in range(times):
                with pytest.raises(UndeliveredError, match="the connection failed"):
                    await courier.send(f"https://example.org:{port}/", {}, b"")

    monkeypatch.setattr(ssl, "create_default_context", counted)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=refuse, args=(listening, 3))
        thread.start()
        asyncio.run(call(listening.getsockname()[1], 3))
        thread.join()
    assert len(made) == 1


def test_the_whole_path_is_asked_for() -> None:
    with receiving() as receiver:
        assert asyncio.run(sent(f"http://127.0.0.1:{receiver.port}/a;b=c?d=e;f", None)) == 204
        assert [each.path for each in receiver.got] == ["/a;b=c?d=e;f"]


def test_a_dead_port_is_told() -> None:
    with pytest.raises(UndeliveredError, match="the connection failed"):
        asyncio.run(sent("http://127.0.0.1:1/", None))


async def sent(url: str, found: list[str] | None, *, networks: str = "127.0.0.1/32") -> int:
    async def resolve(_: str, __: int) -> list[str]:
        assert found is not None
        return found

    listed = networks_of(networks if url.startswith("http:") else "")
    async with Courier(listed, connections=2, resolve=resolve if found is not None else None) as courier:
        return await courier.send(url, {}, b"")
