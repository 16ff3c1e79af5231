"""Which errors of the database pass by themselves, so that the same transaction may be tried again.

Classifies only; how often and when to try again is the writer's affair.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError

_PASSING_STATES: Final = ("08", "40", "53", "55P03", "57P", "58")
"""Beginnings of SQLSTATE: connection, rolled back, out of resources, lock not had in time, shutdown, system."""

_READ_ONLY_STATE: Final = "25006"
_UNWRITABLE: Final = ("is full", "readonly database", "unable to open database file")


class LostError(Exception):
    """A transaction that ended by no fault of a command."""

    def __init__(self, error: DBAPIError, written: Sequence[str]) -> None:
        self.error = error
        self.written = written
        super().__init__(str(error))


def passing(error: DBAPIError) -> bool:
    """Whether the same transaction may succeed later, so that no command is to blame."""
    if error.connection_invalidated:
        return True
    if not isinstance(error, OperationalError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return str(state).startswith(_PASSING_STATES)
    text = str(error.orig)
    return "locked" in text or "connection" in text or "busy" in text


def unwritable(error: BaseException) -> bool:
    """Whether the database takes nothing, for want of space or of the right: tried again at once it is the same."""
    if not isinstance(error, DBAPIError):
        return False
    if getattr(error.orig, "sqlstate", None) == _READ_ONLY_STATE:
        return True
    return isinstance(error, OperationalError) and any(each in str(error.orig) for each in _UNWRITABLE)


def unavailable(error: Exception) -> bool:
    """Whether the database cannot be used now and no request is to blame."""
    if isinstance(error, NoConnectionError):
        return True
    return isinstance(error, DBAPIError) and (passing(error) or unwritable(error))
