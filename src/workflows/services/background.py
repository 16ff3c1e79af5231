"""What works in the background of a process: a thread that tries again whatever happens, until it is stopped."""

import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Final

import structlog

_log: Final = structlog.get_logger("workflows.background")


class Background(ABC):
    """Works from `start` to `stop`; an error ends nothing but is logged, and all is tried again after a pause."""

    def __init__(self, name: str, *, failure_seconds: float) -> None:
        """`name`: of the thread, and the first part of what is logged."""
        self._name = name
        self._failure_seconds = failure_seconds
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; what is worked on must be there until after `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Go on as long as there is more by now, unless that fails, and end."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether it is at work."""
        return self._thread.is_alive()

    @abstractmethod
    def work(self) -> float:
        """Do what there is to do; seconds until there may be more, 0 where there is more by now."""

    def _attempt(self) -> float:
        """Seconds until there may be more to do."""
        try:
            return self.work()
        except Exception:  # noqa: BLE001 - told in the log, and everything is tried again
            tell("exception", f"{self._name}.failed")
            return self._failure_seconds

    def _run(self) -> None:
        try:
            pause = 0.0
            while not self._stopping.wait(pause):
                pause = self._attempt()
            while self._attempt() == 0:
                pass
        except BaseException:
            tell("exception", f"{self._name}.died")
            raise


def tell(level: str, what: str, **values: object) -> None:
    """Log. A log that cannot be written must not end a thread."""
    with suppress(OSError, ValueError):
        getattr(_log, level)(what, **values)
