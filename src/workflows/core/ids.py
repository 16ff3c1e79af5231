"""Identifiers: UUIDv7 (RFC 9562), made from a clock and chance, or derived from another id without either."""

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_VARIANT = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}
_CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def uuid7(instant: datetime, chance: bytes) -> str:
    """A UUIDv7 of an instant (milliseconds) and at least 10 random bytes."""
    digits = f"{(instant - _EPOCH) // timedelta(milliseconds=1):012x}"
    return _uuid7(f"{digits[:8]}-{digits[8:]}", chance.hex())


def derived(command: str, what: str, index: int) -> str:
    """The id of the n-th thing that follows from a command: the same whenever the command is decided again."""
    return _uuid7(command[:13], sha256(f"{command}/{what}/{index}".encode()).hexdigest())


def is_id(text: str) -> bool:
    """Whether the text is a UUID in canonical lower-case form."""
    return _CANONICAL.fullmatch(text) is not None


def _uuid7(milliseconds: str, chance: str) -> str:
    """From hexadecimal digits, the milliseconds as they stand in an id; of the chance the first 20 count.

    The version takes the place of the first digit, the variant that of the upper two bits of the fifth.
    """
    return f"{milliseconds}-7{chance[1:4]}-{_VARIANT[chance[4]]}{chance[5:8]}-{chance[8:20]}"
