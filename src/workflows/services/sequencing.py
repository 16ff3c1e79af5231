"""The thread that gives accepted events their places in the feed, soon after they were committed.

Every process that serves runs one; whichever gets the lock does the work. What else is to happen with each event, in
the same transaction, is handed in; what is in the feed is `store.feed`'s.
"""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Final, TypeAlias

import structlog
from sqlalchemy import Connection

from workflows.services.engine import Engine
from workflows.store.feed import BATCH, Sequenced, is_waiting, sequence

After: TypeAlias = Callable[[Connection, Sequence[Sequenced], datetime], None]
"""Called within the transaction with at least one event, in the order of positions, and the present (UTC)."""

_INTERVAL_SECONDS: Final = 0.1
"""Also under load: each transaction takes a turn from the writer, and a few dozen events cost hardly more than one."""
_FAILURE_SECONDS: Final = 1.0
_log: Final = structlog.get_logger(__name__)


class Sequencer:
    """Runs from `start` to `stop`; an error ends nothing but is logged, and all is tried again after a pause."""

    def __init__(self, engine: Engine, after: After | None = None) -> None:
        self._engine = engine
        self._after = after
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)

    def start(self) -> None:
        """Begin; the engine must be running until after `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Give what is committed by now its place, unless that fails, and end."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether events are being given their places."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            pause = 0.0
            while not self._stopping.wait(pause):
                pause = self._attempt()
            while self._attempt() == 0:
                pass
        except BaseException:
            _tell("sequencer.died")
            raise

    def _attempt(self) -> float:
        """Seconds until there may be more to do."""
        try:
            return 0 if self._sequence() == BATCH else _INTERVAL_SECONDS
        except Exception:  # noqa: BLE001 - told in the log, and everything is tried again
            _tell("sequencer.failed")
            return _FAILURE_SECONDS

    def _sequence(self) -> int:
        with self._engine.database.read() as connection:
            if not is_waiting(connection):
                return 0
        with self._engine.database.write() as connection:
            found = sequence(connection)
            if found and self._after is not None:
                self._after(connection, found, self._engine.clock())
        return len(found)


def _tell(what: str) -> None:
    """A log that cannot be written must not end the thread."""
    with suppress(OSError, ValueError):
        _log.exception(what)
