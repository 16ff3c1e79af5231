"""Whether this process lives and whether it should be sent requests; both asked without a key, often, and cheaply.

`/healthz` is for whoever restarts a process, `/readyz` for whoever spreads requests over several. Neither says more
than a stranger may know. That a process ends by itself when its writer dies is the server's affair.
"""

import asyncio
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Final, TypeAlias

import structlog
from litestar import get
from litestar.di import NamedDependency
from litestar.response.base import ASGIResponse
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from api.replies import json_response
from workflows.core.civil import format_instant
from workflows.services.engine import Engine
from workflows.store.schema import newest_revision, revision_of

Failure: TypeAlias = str | None
"""Why a check is not passed; None: it is."""
_ENDED: Final = "has ended"
_PATIENCE_SECONDS: Final = 1.0
_REMEMBERED_SECONDS: Final = 0.5
_log: Final = structlog.get_logger(__name__)


class Health:
    """What is known of the fitness of this process."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads: dict[str, Callable[[], bool]] = {}
        self._stored: asyncio.Task[dict[str, Failure]] | None = None
        self._asked = 0.0
        self.stopping = False
        """The end was announced; what is under way is still answered."""
        self.under_way = 0
        """Requests that are not answered yet, without those of probes."""

    def watch(self, name: str, alive: Callable[[], bool]) -> None:
        """Check a thread from now on, too."""
        self._threads[name] = alive

    async def failures(self) -> dict[str, Failure]:
        """Every check by its name."""
        writer = self._engine.writer
        full = writer.queue_length >= writer.queue_limit
        return {
            "stopping": "the end was announced" if self.stopping else None,
            "queue": f"full: {writer.queue_length} submissions wait" if full else None,
            "writer": None if writer.alive else _ENDED,
            **{name: None if alive() else _ENDED for name, alive in self._threads.items()},
            **await self._database(),
        }

    async def _database(self) -> dict[str, Failure]:
        """What the database answered less than a second ago, or answers in time; one question at a time."""
        if self._stored is None or (self._stored.done() and time.monotonic() - self._asked > _REMEMBERED_SECONDS):
            self._asked = time.monotonic()
            self._stored = asyncio.create_task(asyncio.to_thread(self._ask))
        try:
            return await asyncio.wait_for(asyncio.shield(self._stored), _PATIENCE_SECONDS)
        except TimeoutError:
            return {"database": f"no answer within {_PATIENCE_SECONDS:g} s", "schema": "not known"}

    def _ask(self) -> dict[str, Failure]:
        try:
            with self._engine.database.read() as connection:
                connection.execute(select(1))
                found = revision_of(connection)
        except SQLAlchemyError as error:
            # The text of the error names hosts and users, which are for the log alone.
            _log.warning("readyz.database", error=str(error))
            return {"database": "cannot be read", "schema": "not known"}
        newest = newest_revision()
        return {"database": None, "schema": None if found == newest else f"is {found}, this program needs {newest}"}


@get("/healthz", operation_id="healthz", sync_to_thread=False)
def healthz(engine: NamedDependency[Engine]) -> ASGIResponse:
    """The process answers, of this version; `now` is the present of its clock.

    For a liveness probe: it fails only where a restart may help, so that no database that is away makes a whole
    cluster restart.
    """
    body = {"status": "ok", "now": format_instant(engine.clock()), "version": version("workflows")}
    return json_response(body)


@get("/readyz", operation_id="readyz")
async def readyz(health: NamedDependency[Health]) -> ASGIResponse:
    """Whether requests should be sent here: 200 when every check is passed, else 503; `checks` says which is not.

    For a readiness probe: the writer and the threads beside it run, its queue has room, the database answers within a
    second and has the newest schema, and the end was not announced. A process that is not ready is not to be
    restarted, only left alone until it is.
    """
    failures = await health.failures()
    ready = not any(failures.values())
    checks = {name: {"ok": failure is None, "detail": failure} for name, failure in failures.items()}
    body = {"status": "ready" if ready else "not ready", "checks": checks}
    return json_response(body, status=200 if ready else 503)
