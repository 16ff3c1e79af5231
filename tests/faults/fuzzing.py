"""Requests that were valid once: changed in their values, their parts, or their bytes.

Each comes from a source of chance of its own, so that its number is enough to see it again.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final
from urllib.parse import quote

PLANTED: Final = "wfk_planted"
"""Stands in every body, query, header and cookie; no line of the log may hold it."""
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "FOO", "")
_TEXTS: Final = (
    "",
    " ",
    "0",
    "-1",
    "null",
    "true",
    "x" * 5000,
    "\r\nSet-Cookie: a=b",
    "\x1b[31mđỏ\x1b[0m",
    "\u202e\u2066",
    "%00",
    "%0d%0aX-Injected: 1",
    "../../etc/passwd",
    "..%2f..%2f",
    "' OR 1=1 --",
    "%' ESCAPE '\\",
    "{{7*7}}",
    "=1+1",
    "<script>",
    "\U0001f600",
    "e\u0301" * 50,
    "2025-02-30",
    "9999-12-31",
    "0000-00-00",
    "9999-12-31T23:59:59.999999+14:00",
    "0001-01-01T00:00:00-14:00",
    "00000000-0000-0000-0000-000000000000",
    "hotspot",
    "29242",
    "9" * 400,
)
_VALUES: Final[Sequence[object]] = (
    *_TEXTS,
    None,
    True,
    False,
    0,
    -1,
    2**31,
    2**53 - 1,
    2**63,
    10**40,
    1.5,
    1e308,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]] * 40,
    {"": {}},
    {"x" * 300: 1},
    ["a"] * 2000,
)
_HEADERS: Final = (
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "if-modified-since",
    "last-event-id",
    "origin",
    "range",
    "te",
    "traceparent",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-http-method-override",
    "x-request-id",
)
_HEADER_VALUES: Final = (
    *_TEXTS,
    "*",
    '"1"',
    'W/"1"',
    '"1", "2"',
    "gzip",
    "chunked",
    "close, upgrade",
    "websocket",
    "100-continue",
    "bytes=0-1",
    "application/json; charset=utf-7",
    "multipart/form-data; boundary=x",
    "Bearer",
    "Bearer  x y",
    "Basic YTpi",
    "00-" + "0" * 32 + "-" + "0" * 16 + "-01",
    "18446744073709551616",
    "-1",
    "0x10",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request in its parts."""

    method: str
    path: str
    query: Sequence[tuple[str, str]] = ()
    headers: Sequence[tuple[str, str]] = ()
    body: Mapping[str, Any] | None = None
    content: bytes | None = field(default=None)
    """Instead of the body."""

    def raw(self) -> bytes:
        content = self.content
        if content is None:
            content = b"" if self.body is None else json.dumps(self.body).encode()
        pairs = [*self.query, ("planted", PLANTED)] if self.query else []
        query = "?" + "&".join(f"{name}={value}" for name, value in pairs) if pairs else ""
        lines = [f"{self.method} {self.path}{query} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        if content and not any(name == "content-length" for name, _ in self.headers):
            lines.append(f"content-length: {len(content)}")
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogatepass") + content


def _values(chance: Random, call: Call) -> Call:
    """A member of the body is another value, or gone, or new."""
    if call.body is None:
        return replace(call, body={chance.choice(_TEXTS): chance.choice(_VALUES)})
    body = json.loads(json.dumps(call.body))
    part: Any = body
    while True:
        keys: list[Any] = list(part) if isinstance(part, dict) else list(range(len(part)))
        if not keys:
            break
        key = chance.choice(keys)
        if isinstance(part[key], dict | list) and chance.random() < 0.7:
            part = part[key]
            continue
        if chance.random() < 0.2:
            del part[key]
        else:
            part[key] = chance.choice(_VALUES)
        break
    if chance.random() < 0.2:
        body[chance.choice(("actor", "state", PLANTED, *_TEXTS))] = chance.choice(_VALUES)
    return replace(call, body=body)


def _path(chance: Random, call: Call) -> Call:
    parts = call.path.split("/")
    place = chance.randrange(1, len(parts))
    text = chance.choice(_TEXTS)
    parts[place] = quote(text, safe="%/.") if chance.random() < 0.9 else text.replace(" ", "").replace("\r\n", "")
    if chance.random() < 0.2:
        parts.insert(place, chance.choice(("", ".", "..", "%2e%2e", "%ff%fe", "%c0%af", "%")))
    return replace(call, path="/".join(parts))


def _query(chance: Random, call: Call) -> Call:
    names = [
        *(name for name, _ in call.query),
        "limit",
        "cursor",
        "q",
        "after",
        "wait",
        "on",
        "state",
        "unit",
        "format",
    ]
    more = [
        (chance.choice(names), quote(chance.choice(_TEXTS), safe="%") if chance.random() < 0.9 else "%zz%")
        for _ in range(chance.randrange(1, 4))
    ]
    return replace(call, query=[*call.query, *more][: chance.randrange(1, 6)])


def _header(chance: Random, call: Call) -> Call:
    name = chance.choice(_HEADERS)
    kept = [each for each in call.headers if each[0] != name or chance.random() < 0.2]
    value = chance.choice(_HEADER_VALUES).replace("\r\n", " ") if chance.random() < 0.97 else "a\r\nx: y"
    return replace(call, headers=[*kept, (name, value)] if chance.random() < 0.9 else kept)


def _method(chance: Random, call: Call) -> Call:
    return replace(call, method=chance.choice(_METHODS))


def _content(chance: Random, call: Call) -> Call:
    """The bytes of the body, its length announced as it is."""
    content = bytearray(json.dumps(call.body or {}).encode())
    return replace(call, content=_bytes(chance, content))


_CHANGES: Final[Sequence[Callable[[Random, Call], Call]]] = (
    *(_values,) * 6,
    *(_path,) * 3,
    *(_query,) * 3,
    *(_header,) * 3,
    *(_content,) * 3,
    _method,
)


def _bytes(chance: Random, content: bytearray) -> bytes:
    for _ in range(chance.randrange(1, 4)):
        place = chance.randrange(len(content) + 1)
        kind = chance.randrange(4)
        if kind == 0:
            content[place : place + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            content[place:place] = chance.choice(
                (b"\x00", b"\xff", b"\xed\xa0\x80", b"{" * 200, b'"', b"\\", b"\r\n\r\n")
            )
        elif kind == 2:
            del content[place : place + chance.randrange(1, 20)]
        else:
            other = chance.randrange(len(content) + 1)
            content[place:place] = content[min(place, other) : max(place, other)]
    return bytes(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzed:
    """What is sent."""

    raw: bytes
    whole: bool
    """Its framing is as a client would write it, so that it has to be answered."""


def fuzzed(number: int, calls: Sequence[Call]) -> Fuzzed:
    """The request of that number."""
    chance = Random(number)
    call = chance.choice(calls)
    for _ in range(chance.choice((1, 1, 1, 2, 3, 5))):
        call = chance.choice(_CHANGES)(chance, call)
    raw = call.raw()
    if chance.random() < 0.15:
        return Fuzzed(raw=_bytes(chance, bytearray(raw)), whole=False)
    names = [name for name, _ in call.headers]
    framed = all(names.count(name) == 0 for name in ("content-length", "transfer-encoding", "connection", "upgrade"))
    plain = call.method.isupper() and call.method not in {"CONNECT", "HEAD"} and b"\r\nx: y" not in raw
    return Fuzzed(raw=raw, whole=framed and plain)
