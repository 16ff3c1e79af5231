"""The PostgreSQL server dies in the middle of the work: nothing acknowledged is lost, and the engine lives on."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Final
from uuid import uuid4

import pytest

from tests.faults import stage
from tests.postgres import Cluster
from tests.sizes import size
from workflows.core.case import CaseId, Fire, Open
from workflows.core.documents import Role
from workflows.services.engine import Engine
from workflows.store import database, schema
from workflows.store.submissions import Outcome, WriteError

KILLS: Final = size(2, 50)
CONTROL_KILLS: Final = 20
"""At most; the control ends with the first loss."""
CALLERS: Final = 32
POLICE: Final = Role.PROVINCIAL_POLICE


def acts(commune: str) -> Iterator[Callable[[CaseId], Fire] | Open]:
    """A place that is found once, and suppressed and active again without end."""
    yield stage.hotspot(commune)
    while True:
        yield stage.suppress
        yield stage.relapse


def call(engine: Engine, commune: str, acknowledge: Callable[[str], None], stop: threading.Event) -> None:
    """One caller: the next act when the last one is acknowledged; what failed is sent again with its key."""
    case, name = stage.NOBODYS, uuid4()
    for number, act in enumerate(acts(commune)):
        wanted = act if isinstance(act, Open) else act(case)
        while not stop.is_set():
            try:
                outcome = stage.answer(stage.send(engine, POLICE, wanted, key=f"{name} {number}"))
            except WriteError:
                time.sleep(0.01)
                continue
            if outcome.reply.status >= 300:
                return  # what was acknowledged before is not there; whoever counts the callers sees it
            case, event = told(outcome)
            acknowledge(event)
            break
        else:
            return


def told(outcome: Outcome) -> tuple[CaseId, str]:
    """Case and event that the sender reads in the reply."""
    body = json.loads(outcome.reply.body)
    return CaseId(body["case"]["id"]), body["event"]["id"]


@contextmanager
def callers(
    engine: Engine, communes: Sequence[str], acknowledge: Callable[[str], None]
) -> Iterator[list[threading.Thread]]:
    stop = threading.Event()
    threads = [threading.Thread(target=call, args=(engine, each, acknowledge, stop), daemon=True) for each in communes]
    for thread in threads:
        thread.start()
    try:
        yield threads
    finally:
        stop.set()
        for thread in threads:
            thread.join(stage.PATIENCE)


class Killing:
    """Callers of an engine that lives on while its PostgreSQL server is killed and started again."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._chance = Random(1)
        self.acknowledged: list[str] = []
        self.url = cluster.url("postgres")
        schema.create(self.url)
        stage.populate(self.url)

    def lost_by_kills(self, kills: int) -> Iterator[set[str]]:
        """By kill: acknowledged events that are not there."""
        communes = stage.communes(self.url, CALLERS)
        with stage.running(self.url) as engine, callers(engine, communes, self.acknowledged.append) as threads:
            for _ in range(kills):
                self._await_progress(threads)
                time.sleep(self._chance.uniform(0.02, 0.3))
                self._cluster.kill()
                told = list(self.acknowledged)
                self._cluster.start()
                stage.intact(self.url)
                yield self._missing(told)
            self._await_progress(threads)
            assert engine.writer.alive

    def _await_progress(self, threads: Iterable[threading.Thread]) -> None:
        """The engine is connected again when there are new acknowledgements."""
        before, until = len(self.acknowledged), time.monotonic() + stage.PATIENCE
        while len(self.acknowledged) < before + CALLERS:
            assert time.monotonic() < until, "no progress"
            assert all(thread.is_alive() for thread in threads)
            time.sleep(0.005)

    def _missing(self, told: Iterable[str]) -> set[str]:
        wanted = set(told)
        return wanted - stage.stored_events(self.url, wanted)


@pytest.mark.timeout(size(120, 3600))
def test_a_killed_postmaster_has_lost_nothing(cluster: Cluster) -> None:
    killing = Killing(cluster)
    assert list(killing.lost_by_kills(KILLS)) == [set()] * KILLS
    assert stage.intact(killing.url) == len(killing.acknowledged), "one effect for each, also where it was sent again"
    assert stage.stored_events(killing.url, killing.acknowledged) == set(killing.acknowledged)


def test_without_synchronous_commits_a_killed_postmaster_loses(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Controls the one above."""
    monkeypatch.setattr(database, "_POSTGRES_WRITES", "-c synchronous_commit=off")
    killing = Killing(cluster)
    assert any(killing.lost_by_kills(CONTROL_KILLS))
