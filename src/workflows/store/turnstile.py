"""A fair lock between all threads of all processes that write one SQLite file.

SQLite's own lock is polled, so that a busy writer starves the others. Here a waiter stands in a turnstile (first
file) until it holds the lock (second file); whoever just left must pass the turnstile again behind it. The kernel
frees both when a process ends, however that came.
"""

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Turnstile:
    """The lock of one database file, in two files beside it that are never removed."""

    def __init__(self, database: Path) -> None:
        self._turnstile = database.with_name(database.name + "-turn")
        self._lock = database.with_name(database.name + "-lock")
        self._thread = threading.local()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Waits without limit.

        Raises:
            RuntimeError: this thread has the turn already, so that waiting would never end.
        """
        if getattr(self._thread, "inside", False):
            raise RuntimeError("this thread already has the turn to write; finish that transaction first")
        held = self._enter()
        self._thread.inside = True
        try:
            yield
        finally:
            self._thread.inside = False
            os.close(held)

    def _enter(self) -> int:
        """The descriptor of the locked file; closing it unlocks, because nobody else has it open."""
        waiting = _locked(self._turnstile)
        try:
            return _locked(self._lock)
        finally:
            os.close(waiting)


def _locked(path: Path) -> int:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor
