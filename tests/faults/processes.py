"""A second process with an engine of its own, which does what it is told and is gone at the end of the test."""

import multiprocessing
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe
from multiprocessing.synchronize import Event as Flag
from types import TracebackType
from typing import Any, Final, Self

import structlog

from tests.faults import stage

SPAWN: Final = multiprocessing.get_context("spawn")


class Remote:
    """Calls functions in the other process; they get its engine first."""

    def __init__(self, url: str, prepare: "Callable[..., None] | None" = None, *flags: Flag) -> None:
        """`prepare` is called there with the flags, before the engine starts."""
        self._pipe, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_serve, args=(url, theirs, prepare, flags), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        assert self.result() == "ready"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.send(None)
        self._process.join(stage.PATIENCE)

    def begin(self, call: Callable[..., object], *given: object, **named: object) -> None:
        """`call` and what it is given must be something that pickle can carry."""
        self._pipe.send((call, given, named))

    def result(self) -> Any:  # noqa: ANN401 - whatever was called returns
        """Raises what the call raised there."""
        assert self._pipe.poll(stage.PATIENCE), "the other process does not answer"
        found = self._pipe.recv()
        if isinstance(found, BaseException):
            raise found
        return found


def _serve(url: str, pipe: "Pipe[Any, Any]", prepare: Callable[..., None] | None, flags: tuple[Flag, ...]) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    if prepare is not None:
        prepare(*flags)
    with stage.running(url) as engine:
        pipe.send("ready")
        while (wanted := pipe.recv()) is not None:
            call, given, named = wanted
            try:
                pipe.send(call(engine, *given, **named))
            except Exception as error:  # noqa: BLE001 - raised again on the other side
                pipe.send(error)
