"""The thread that gives accepted events their places in the feed, soon after they were committed.

Every process that serves runs one; whichever gets the lock does the work. What else is to happen with each event, in
the same transaction, is handed in; what is in the feed is `store.feed`'s.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from sqlalchemy import Connection

from workflows.services.background import Background
from workflows.services.engine import Engine
from workflows.store.feed import BATCH, Sequenced, is_waiting, sequence

After: TypeAlias = Callable[[Connection, Sequence[Sequenced], datetime], None]
"""Called within the transaction with at least one event, in the order of positions, and the present (UTC)."""

_INTERVAL_SECONDS: Final = 0.1
"""Also under load: each transaction takes a turn from the writer, and a few dozen events cost hardly more than one."""
_FAILURE_SECONDS: Final = 1.0


class Sequencer(Background):
    """Runs from `start` to `stop`, which gives what is committed by then its place, unless that fails."""

    def __init__(self, engine: Engine, after: After | None = None) -> None:
        super().__init__("sequencer", failure_seconds=_FAILURE_SECONDS)
        self._engine = engine
        self._after = after

    def work(self) -> float:
        return 0 if self._sequence() == BATCH else _INTERVAL_SECONDS

    def _sequence(self) -> int:
        with self._engine.database.read() as connection:
            if not is_waiting(connection):
                return 0
        with self._engine.database.write() as connection:
            found = sequence(connection)
            if found and self._after is not None:
                self._after(connection, found, self._engine.clock())
        return len(found)
