"""Workers are killed at random while several share late deadlines: each is acted on once, whoever dies when."""

import multiprocessing
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.context import ForkServerProcess
from multiprocessing.synchronize import Barrier
from random import Random
from typing import Final

import pytest
import structlog
from sqlalchemy import Table, func, select

from tests import chores
from tests.faults import stage
from tests.sizes import FULL, size
from workflows.core.case import Fire
from workflows.core.civil import civil_date
from workflows.core.overdue import Does, rules_of
from workflows.services import worker as working
from workflows.services.clock import utc_now
from workflows.services.worker import Worker
from workflows.store import notices
from workflows.store.database import Database
from workflows.store.submissions import Submission
from workflows.store.tables import event, firing, notice, outbox
from workflows.store.worker_key import WORKER

DEADLINES: Final = size(60, 10_000)
ACTIONS: Final = 3
"""Of the deadline of a chore."""
KILLS: Final = {"sqlite": size(2, 40), "postgresql": size(3, 100)}
WORKERS: Final = {"sqlite": 1, "postgresql": size(2, 4)}
_FORKS: Final = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__])
stage.catalogue()  # known to every process that is forked, so that one that was killed is back at once


def work(url: str) -> None:
    """Until it is killed; in small steps, and soon back at what others have left."""
    working.AT_ONCE = size(4, 64)  # type: ignore[misc]  # constants, except here
    working.LEASE = timedelta(seconds=0.5)  # type: ignore[misc]  # as above
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with chores.running(url, utc_now) as engine:
        worker = Worker(engine, idle_seconds=0.1)
        worker.start()
        time.sleep(stage.PATIENCE * size(1, 36))


def work_naively(url: str, ready: Barrier) -> None:
    """Looks what is late, fires, and writes it down: without claim, version or key."""
    with chores.running(url, utc_now) as engine:
        rules = rules_of(engine.definitions)
        firings = [rule for each in rules.values() for rule in each if rule.does is Does.FIRE]
        ready.wait(stage.PATIENCE)
        with engine.database.read() as connection:
            late = notices.waiting(connection, firings, civil_date(utc_now()))
        for case in late:
            act = Fire(case=case, trigger=chores.MARKED_LATE, input={"on": stage.TODAY})
            engine.submit(Submission(commands=(engine.command(grant=WORKER, act=act),))).result(stage.PATIENCE)


@dataclass(slots=True, kw_only=True)
class Crew:
    """Workers on one database, any of which can be killed."""

    url: str
    chance: Random
    processes: list[ForkServerProcess] = field(default_factory=list)

    def hire(self, function: Callable[..., None], *given: object) -> ForkServerProcess:
        process = _FORKS.Process(target=function, args=(self.url, *given), daemon=True)
        process.start()
        return process

    def kill(self) -> None:
        number = self.chance.randrange(len(self.processes))
        end(self.processes[number])
        self.processes[number] = self.hire(work)


def end(process: ForkServerProcess) -> None:
    process.kill()
    process.join()
    process.close()


@contextmanager
def crew(url: str, count: int) -> Iterator[Crew]:
    found = Crew(url=url, chance=Random(count))
    try:
        found.processes = [found.hire(work) for _ in range(count)]
        yield found
    finally:
        for process in found.processes:
            end(process)


def late_cases(url: str, count: int) -> None:
    chores.store(url)
    communes = stage.communes(url, min(count, 500))
    with chores.running(url) as engine:
        for start in range(0, count, len(communes)):
            chores.opened(engine, communes[: count - start])


def rows(database: Database, table: Table) -> int:
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def await_notices(database: Database, count: int) -> None:
    until = time.monotonic() + stage.PATIENCE * size(1, 30)
    while rows(database, notice) < count:
        assert time.monotonic() < until, f"{rows(database, notice)} of {count} notices in time"
        time.sleep(0.01)


def marked_late(url: str) -> Counter[str]:
    """By case: how many times."""
    statement = select(event.c.case_id).where(event.c.trigger == chores.MARKED_LATE)
    with Database(url) as database, database.read() as connection:
        return Counter(connection.execute(statement).scalars())


@pytest.mark.timeout(size(120, 3600))
def test_whoever_is_killed_each_deadline_is_acted_on_once(database_url: str) -> None:
    kind = "sqlite" if database_url.startswith("sqlite") else "postgresql"
    late_cases(database_url, DEADLINES)
    wanted, interrupted = DEADLINES * ACTIONS, 0
    with Database(database_url) as database:
        with crew(database_url, WORKERS[kind]) as found:
            for number in range(KILLS[kind]):
                await_notices(database, wanted * number // KILLS[kind] + found.chance.randrange(ACTIONS))
                found.kill()
                interrupted += rows(database, firing)
            await_notices(database, wanted)
        assert rows(database, firing) == 0
        assert rows(database, notice) == wanted
        assert rows(database, outbox) == wanted + 2 * DEADLINES
    counts = marked_late(database_url)
    assert (len(counts), set(counts.values())) == (DEADLINES, {1})
    assert stage.intact(database_url) == 2 * DEADLINES
    assert interrupted or not FULL, "no kill has met a trigger under way"


def test_naive_workers_act_twice(postgresql_url: str) -> None:
    """Controls it."""
    late_cases(postgresql_url, 30)
    found, ready = Crew(url=postgresql_url, chance=Random(1)), _FORKS.Barrier(2)
    processes = [found.hire(work_naively, ready) for _ in range(2)]
    try:
        for process in processes:
            process.join(stage.PATIENCE)
    finally:
        for process in processes:
            end(process)
    assert max(marked_late(postgresql_url).values()) == 2
