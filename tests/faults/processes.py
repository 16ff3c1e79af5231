"""A second process, with or without an engine of its own, which does what it is told until the end of the test."""

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.connection import Connection as Pipe
from types import TracebackType
from typing import Any, Final, Self

import structlog

from tests.faults import stage
from workflows.services.engine import Engine

SPAWN: Final = multiprocessing.get_context("spawn")


class Worker:
    """Calls functions in the other process."""

    def __init__(self, prepare: Callable[..., None] | None = None, *given: object) -> None:
        """`prepare` is called there first; barriers can be given to it alone, as no pipe carries them."""
        self._pipe, theirs = SPAWN.Pipe()
        self._process = SPAWN.Process(target=_work, args=(theirs, prepare, given), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pipe.send(None)
        self._process.join(stage.PATIENCE)

    def begin(self, function: Callable[..., object], *given: object, **named: object) -> None:
        """The function and what it is given must be something that pickle can carry."""
        self._pipe.send((function, given, named))

    def result(self) -> Any:  # noqa: ANN401 - whatever was called returns
        """Raises what the function raised there."""
        assert self._pipe.poll(stage.PATIENCE), "the other process does not answer"
        found = self._pipe.recv()
        if isinstance(found, BaseException):
            raise found
        return found

    def call(self, function: Callable[..., object], *given: object, **named: object) -> Any:  # noqa: ANN401 - stands in for what has no narrower type
        self.begin(function, *given, **named)
        return self.result()


def _work(pipe: "Pipe[Any, Any]", prepare: Callable[..., None] | None, prepared: tuple[object, ...]) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    if prepare is not None:
        prepare(*prepared)
    while (wanted := pipe.recv()) is not None:
        function, given, named = wanted
        try:
            pipe.send(function(*given, **named))
        except Exception as error:  # noqa: BLE001 - raised again on the other side
            pipe.send(error)


@contextmanager
def remote_engine(url: str, prepare: Callable[..., None] | None = None, *given: object) -> Iterator[Worker]:
    """A worker with an engine, which `through_engine` gives to a function."""
    with Worker(prepare, *given) as worker:
        worker.call(_start, url)
        yield worker
        worker.call(_stop)


_running: Final[list[tuple[Engine, ExitStack]]] = []


def _start(url: str) -> None:
    stack = ExitStack()
    _running.append((stack.enter_context(stage.running(url)), stack))


def _stop() -> None:
    _running.pop()[1].close()


def through_engine(function: Callable[..., object], *given: object, **named: object) -> object:
    """To be called in a worker that has an engine."""
    return function(_running[-1][0], *given, **named)
