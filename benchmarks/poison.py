"""One caller of sixty-four whose every command fails in the database, against a run without it.

The failure is the database's own: a trigger refuses the events of one commune. So each batch holds one command that
passes the decision and fails at its write, which the writer must find and answer alone.
"""

import asyncio
import time
from collections.abc import Sequence

import uvloop
from sqlalchemy import text

from benchmarks.callers import CALLERS, caller, submission
from benchmarks.starting import Kind, Start
from benchmarks.workload import Lane, transitions
from workflows.services.engine import Engine
from workflows.store.database import Database
from workflows.store.submissions import CommandFailed

_SQLITE = """
CREATE TRIGGER poisoned BEFORE INSERT ON event WHEN NEW.unit_path = '{path}'
BEGIN SELECT RAISE(ABORT, 'poisoned'); END
"""
_POSTGRESQL = (
    """
CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'poisoned'; END $$
""",
    """
CREATE TRIGGER poisoned BEFORE INSERT ON event FOR EACH ROW WHEN (NEW.unit_path = '{path}') EXECUTE FUNCTION poison()
""",
)


def poisoned_speed(start: Start, lanes: Sequence[Lane]) -> float:
    """Good transitions per second of all lanes but the last, whose opening is tried again and again and always fails.

    Raises RuntimeError when it does not, or was not tried.
    """
    *good, bad = lanes
    with start.fresh() as url:
        _poison(url, start.kind, bad)
        engine = Engine.start(url)
        try:
            seconds, failures = uvloop.run(_all(engine, start, good, bad))
        finally:
            engine.stop()
    if not failures:
        raise RuntimeError("no command failed: nothing was measured")
    return transitions(good) / seconds


def _poison(url: str, kind: Kind, lane: Lane) -> None:
    statements = (_SQLITE,) if kind == "sqlite" else _POSTGRESQL
    with Database(url) as database, database.write() as connection:
        for statement in statements:
            connection.execute(text(statement.replace("{path}", f"VN/{lane.province}/{lane.unit}")))


async def _all(engine: Engine, start: Start, good: Sequence[Lane], bad: Lane) -> tuple[float, int]:
    waiting = iter(good)
    over = asyncio.Event()
    poison = asyncio.create_task(_failing(engine, start, bad, over))
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS - 1):
            group.create_task(caller(engine, start, waiting))
    seconds = time.perf_counter() - begun
    over.set()
    return seconds, await poison


async def _failing(engine: Engine, start: Start, lane: Lane, over: asyncio.Event) -> int:
    """Fails until the others are done; says how often it did. Raises RuntimeError when a command got through."""
    failures = 0
    while not over.is_set():
        try:
            await asyncio.wrap_future(engine.submit(submission(engine, start, lane, 0, {})))
        except CommandFailed:
            failures += 1
        else:
            raise RuntimeError("the poisoned command was carried out: the trigger does not work")
    return failures
