"""Serving one engine from one process until it is told to end, or its writer has died."""

import asyncio
import os
import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import FrameType
from typing import Final

import uvicorn
from litestar.types import ASGIApp

from api.access_log import AccessLog
from api.app import create_app
from api.connections import GuardedProtocol, sweep
from api.draining import Draining
from api.headers import SecurityHeaders
from api.observation import Observation
from workflows.services.engine import Engine
from workflows.services.sequencing import Sequencer
from workflows.services.settings import webhook_networks, works_on_deadlines
from workflows.services.tracing import spans
from workflows.services.webhook_targets import Network
from workflows.services.webhooks import Sender
from workflows.services.worker import Worker
from workflows.store.webhooks import fan_out

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
THREADS: Final = 16
"""For reads, and for the few writes that wait in a thread: more would only wait for the interpreter, fewer could all
be held up by a slow database."""
_WATCH_SECONDS: Final = 0.25
_GRACE_SECONDS: Final = 15
"""For requests under way when the end is announced; longer than the deadline of a command."""
_CLOSING_SECONDS: Final = 5
"""After that: for connections to close."""


class _Server(uvicorn.Server):
    """Ends by itself when the writer does: a process that can only refuse should be replaced.

    When its end is announced, it goes on until what is under way is answered, so that probes are told meanwhile.
    """

    def __init__(self, config: uvicorn.Config, engine: Engine, observation: Observation) -> None:
        super().__init__(config)
        self._engine = engine
        self._health = observation.health
        self._metrics = observation.metrics
        self._grace_until = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The second signal wants it faster."""
        if self._health.stopping:
            super().handle_exit(sig, frame)
        self._health.stopping = True
        self._grace_until = time.monotonic() + _GRACE_SECONDS

    async def on_tick(self, counter: int) -> bool:
        if self._health.stopping and (not self._health.under_way or time.monotonic() > self._grace_until):
            self.should_exit = True
        return await super().on_tick(counter)

    async def main_loop(self) -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="read"))
        watch = asyncio.create_task(self._watch())
        try:
            await super().main_loop()
        finally:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch

    async def _watch(self) -> None:
        while self._engine.writer.alive:
            await asyncio.sleep(_WATCH_SECONDS)
            sweep(self.server_state.connections, asyncio.get_running_loop().time())
            self._metrics.refresh()
        self.should_exit = True


def application(
    engine: Engine,
    *,
    rate: float = 0,
    observation: Observation | None = None,
    webhook_networks: tuple[Network, ...] = (),
) -> ASGIApp:
    """All that is served over a connection; the arguments as `create_app` takes them."""
    observed = observation or Observation(engine)
    app = Draining(
        create_app(engine, rate=rate, observation=observed, webhook_networks=webhook_networks), observed.health
    )
    logged = AccessLog(app, observed.metrics)
    if observed.spans is None:
        return SecurityHeaders(logged)
    from api.traced import Traced  # noqa: PLC0415 - loads OpenTelemetry, which need not be installed

    return SecurityHeaders(Traced(logged, observed.spans))


def run(engine: Engine, listening: socket.socket, *, rate: float = 0) -> None:
    """Serve until SIGTERM or SIGINT; then take nothing more, finish what is under way, and stop the engine.

    To be called from the main thread. The socket may be shared with other processes; this one's is closed.

    Raises:
        SystemExit: the writer died.
        TracingError: traces are wanted, but cannot be sent.
    """
    observation = Observation(engine, spans(os.environ))
    networks = webhook_networks()
    config = uvicorn.Config(
        application(engine, rate=rate, observation=observation, webhook_networks=networks),
        loop="auto",
        http=GuardedProtocol,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_CLOSING_SECONDS,
    )
    server = _Server(config, engine, observation)
    sequencer = Sequencer(engine, after=fan_out)
    sender = Sender(engine, networks=networks, watch=observation.metrics.attempt)
    observation.health.watch("sequencer", lambda: sequencer.alive)
    observation.health.watch("webhooks", lambda: sender.alive)
    worker = Worker(engine, watch=observation.metrics.notice)
    works = works_on_deadlines()
    if works:
        observation.health.watch("deadlines", lambda: worker.alive)

    # Uvicorn raises the signal again when it has ended; the default handler would end the process there and then.
    def end(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    before = {each: signal.signal(each, end) for each in _SIGNALS}
    try:
        sequencer.start()
        sender.start()
        if works:
            worker.start()
        server.run([listening])
        died = not engine.writer.alive
    finally:
        worker.stop()
        sender.stop()
        sequencer.stop()
        engine.stop()
        if observation.spans is not None:
            observation.spans.stop()
        for each, handler in before.items():
            signal.signal(each, handler)
    if died:
        raise SystemExit("the writer died; what it had acknowledged is kept")
