"""Several server processes that accept from one listening socket, and one that watches over them.

Only starts, restarts and ends them; what they serve is handed in. A process that ends by itself is started again; when
the watching one ends, however that comes, so do the others.
"""

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from typing import Final, TypeAlias

import structlog

from workflows.services import logs, metrics
from workflows.services.settings import log_level

Serve: TypeAlias = Callable[[socket.socket], None]
"""Serves until SIGTERM. Called in a new process, so it must be something that pickle can carry."""

_RESTART_SECONDS: Final = 1.0
_DRAIN_SECONDS: Final = 30.0
_SPAWN: Final = multiprocessing.get_context("spawn")
_log: Final = structlog.get_logger("workflows.processes")


def run_processes(count: int, serve: Serve, listening: socket.socket) -> None:
    """Keeps `count` processes serving until SIGTERM or SIGINT, then lets them finish what they have."""
    logs.configure(log_level())
    with metrics.shared_directory(), _stop_requested() as stop:
        processes = [_started(serve, listening) for _ in range(count)]
        try:
            while stop not in wait([stop, *(process.sentinel for process in processes)]):
                processes = [_replaced(process, serve, listening, stop) for process in processes]
        finally:
            _end(processes)


@contextmanager
def _stop_requested() -> Iterator[int]:
    """A descriptor that becomes readable with the first signal."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    wanted = (signal.SIGTERM, signal.SIGINT)
    previous = {number: signal.signal(number, lambda _number, _frame: _noted(writable)) for number in wanted}
    try:
        yield readable
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        os.close(readable)
        os.close(writable)


def _noted(writable: int) -> None:
    os.write(writable, b"!")


def _started(serve: Serve, listening: socket.socket) -> SpawnProcess:
    process = _SPAWN.Process(target=_serve, args=(serve, listening), daemon=True)
    process.start()
    return process


def _replaced(process: SpawnProcess, serve: Serve, listening: socket.socket, stop: int) -> SpawnProcess:
    """The process itself while it runs, else its successor, after a pause that no signal has to wait for."""
    if process.is_alive():
        return process
    _log.error("server_process_ended", pid=process.pid, exit_code=process.exitcode)
    if process.pid is not None:
        metrics.process_ended(process.pid)
    wait([stop], timeout=_RESTART_SECONDS)
    return _started(serve, listening)


def _end(processes: list[SpawnProcess]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + _DRAIN_SECONDS
    for process in processes:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            _log.error("server_process_killed", pid=process.pid, waited_seconds=_DRAIN_SECONDS)
            process.kill()


def _serve(serve: Serve, listening: socket.socket) -> None:
    # Ctrl-C reaches all processes of a terminal; the watching one tells this one what to do.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(listening)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
