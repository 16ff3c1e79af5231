"""Clocks: the present, and the present as if a given instant were now.

The only place that reads the system's clock; everything else is handed one of these.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Tells the present as an aware UTC instant."""


def utc_now() -> datetime:
    """The present of the system's clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftedClock:
    """A clock a fixed time ahead of the system's; a value, so that several processes can share it."""

    ahead: timedelta
    """Negative when it is behind."""

    def __call__(self) -> datetime:
        return utc_now() + self.ahead


def continuing(from_instant: datetime) -> ShiftedClock:
    """A clock that shows `from_instant` now and runs on from there."""
    return ShiftedClock(ahead=from_instant - utc_now())
