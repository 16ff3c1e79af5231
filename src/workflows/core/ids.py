"""Identifiers: UUIDv7 (RFC 9562), made from a clock and chance, or derived from another id without either."""

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def uuid7(instant: datetime, chance: bytes) -> str:
    """A UUIDv7 of an instant (milliseconds) and at least 10 random bytes."""
    return _uuid7((instant - _EPOCH) // timedelta(milliseconds=1), chance)


def derived(command: str, what: str, index: int) -> str:
    """The id of the n-th thing that follows from a command: the same whenever the command is decided again."""
    milliseconds = int(command[:8] + command[9:13], 16)
    return _uuid7(milliseconds, sha256(f"{command}/{what}/{index}".encode()).digest())


def is_id(text: str) -> bool:
    """Whether the text is a UUID in canonical lower-case form."""
    return _CANONICAL.fullmatch(text) is not None


def _uuid7(milliseconds: int, chance: bytes) -> str:
    number = int.from_bytes(chance[:10], "big")
    high = (number >> 64) & 0xFFF
    low = number & ((1 << 62) - 1)
    digits = f"{(milliseconds << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
