"""Serving one engine from one process until it is told to end, or its writer has died."""

import asyncio
import signal
import socket
from contextlib import suppress
from types import FrameType
from typing import Final

import uvicorn

from api.access_log import AccessLog
from api.app import create_app
from workflows.services.engine import Engine

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_WATCH_SECONDS: Final = 0.25
_GRACE_SECONDS: Final = 15
"""For requests under way when the end is announced; longer than the deadline of a command."""


class _Server(uvicorn.Server):
    """Ends by itself when the writer does: a process that can only refuse should be replaced."""

    def __init__(self, config: uvicorn.Config, engine: Engine) -> None:
        super().__init__(config)
        self._engine = engine

    async def main_loop(self) -> None:
        watch = asyncio.create_task(self._watch())
        try:
            await super().main_loop()
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    async def _watch(self) -> None:
        while self._engine.writer.alive:  # noqa: ASYNC110 - a thread that dies sets no event
            await asyncio.sleep(_WATCH_SECONDS)
        self.should_exit = True


def run(engine: Engine, listening: socket.socket) -> None:
    """Serve until SIGTERM or SIGINT; then take nothing more, finish what is under way, and stop the engine.

    To be called from the main thread. The socket may be shared with other processes; this one's is closed.

    Raises:
        SystemExit: the writer died.
    """
    config = uvicorn.Config(
        AccessLog(create_app(engine)),
        loop="auto",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    server = _Server(config, engine)

    # Uvicorn raises the signal again when it has ended; the default handler would end the process there and then.
    def end(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    before = {each: signal.signal(each, end) for each in _SIGNALS}
    try:
        server.run([listening])
        died = not engine.writer.alive
    finally:
        engine.stop()
        for each, handler in before.items():
            signal.signal(each, handler)
    if died:
        raise SystemExit("the writer died; what it had acknowledged is kept")
