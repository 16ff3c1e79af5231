"""Canonical bytes and hashes of ledger entries.

The bytes equal RFC 8785 under a restricted profile: ASCII keys, texts, integers below 2^53, booleans and null; no
floating point, no U+0000, no lone surrogate. `check` enforces the profile on values that come from outside, before
they are queued, so that writing can no longer fail because of them.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

Json: TypeAlias = "str | int | bool | Sequence[Json] | Mapping[str, Json] | None"

INTEGER_LIMIT = 2**53
ENTRY_LIMIT = 65_535
"""Largest entry in bytes: transparency-log bundles prefix each entry with a 16-bit length (C2SP tlog-tiles)."""
_COMMITMENT = b"\x02"
_SURROGATE = re.compile("[\ud800-\udfff]")
_encoder = msgspec.json.Encoder(order="sorted")


def canonical_bytes(value: Json) -> bytes:
    """The one UTF-8 encoding of a value that keeps the profile."""
    return _encoder.encode(value)


def digest(data: bytes) -> str:
    """SHA-256 in lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def commitment(salt: bytes, data: bytes) -> str:
    """SHA-256 over 0x02, the salt and the bytes: binds to a text without revealing or keeping it."""
    return hashlib.sha256(_COMMITMENT + salt + data).hexdigest()


def violations(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Each place (JSON Pointer) where a value leaves the profile, with what is wrong there."""
    if isinstance(value, str):
        yield from _text_violations(value, path)
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int):
        if abs(value) >= INTEGER_LIMIT:
            yield path, f"integer {value} is outside ±(2^53 - 1)"
    elif isinstance(value, Mapping):
        yield from _member_violations(value, path)
    elif isinstance(value, list | tuple):
        for index, member in enumerate(value):
            yield from violations(member, f"{path}/{index}")
    else:
        yield path, f"{type(value).__name__} is not allowed; use text, integer, boolean, null, list or object"


def _member_violations(value: Mapping[object, object], path: str) -> Iterator[tuple[str, str]]:
    for key, member in value.items():
        if not isinstance(key, str) or not key.isascii():
            yield path, f"key {key!r} is not ASCII text"
        if not _is_plain(member):
            yield from violations(member, f"{path}/{pointer_token(str(key))}")


def _is_plain(value: object) -> bool:
    """Whether a value keeps the profile by the look of it, as most do, of which there may be thousands."""
    if isinstance(value, str):
        return value.isascii() and "\x00" not in value
    return value is None or value is True or value is False


def pointer_token(key: str) -> str:
    """One step of a JSON Pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def _text_violations(text: str, path: str) -> Iterator[tuple[str, str]]:
    if "\x00" in text:
        yield path, "text holds U+0000, which no database keeps"
    if not text.isascii() and _SURROGATE.search(text):
        yield path, "text holds half of a surrogate pair, which is not valid Unicode"
