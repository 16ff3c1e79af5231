"""A certificate is approved while a hotspot is found in the same commune: never is a certified commune left with one.

Neither command changes what the other changes, so that only the lock on the unit (SQLite: the turn; within one batch:
the waves) keeps each from deciding on a world that the other is about to change. Between loading and writing, each
waits for the other to have loaded, too.
"""

import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Protocol

import pytest
from sqlalchemy import Connection

from tests.faults import stage
from tests.faults.injection import held
from tests.faults.processes import SPAWN, remote_engine, through_engine
from tests.sizes import size
from workflows.core.case import Accepted, Fire, Open, Refused
from workflows.core.documents import Role
from workflows.core.world import World
from workflows.services.engine import Engine
from workflows.store import writer
from workflows.store.database import Database
from workflows.store.writing import Writing, write

RACES: Final = size(12, 1000)
CONTROL_RACES: Final = 6
WINDOW_SECONDS: Final = 0.03
"""How long the first waits for the second; under a lock that holds, in vain."""
LONG_WINDOW_SECONDS: Final = 2.0
"""Of the controls, where the second does come."""
OPEN_STATES: Final = {"identified", "relapsed"}


class Meeting(Protocol):
    """A barrier of two, between threads or processes."""

    def wait(self, timeout: float | None = None) -> int: ...

    def reset(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Race:
    """One commune, its approval and what is found there."""

    approval: Fire
    finding: Open | Fire
    order: int
    """-1: in one batch, the finding comes first."""


def meet_before_writing(meeting: Meeting, *, seconds: float = WINDOW_SECONDS) -> None:
    def write_after_meeting(connection: Connection, world: World, writing: Writing) -> None:
        meet(meeting, seconds)
        write(connection, world, writing)

    writer.write = write_after_meeting  # type: ignore[attr-defined]  # the module under test is changed on purpose


def meet(meeting: Meeting, seconds: float) -> None:
    with suppress(threading.BrokenBarrierError):
        meeting.wait(seconds)


def meet_without_locks(meeting: Meeting) -> None:
    meet_before_writing(meeting, seconds=LONG_WINDOW_SECONDS)
    writer.lock_units = lock_nothing  # type: ignore[assignment,attr-defined]  # the fault under test


def lock_nothing(_connection: Connection, codes: Collection[str], *, skip_locked: bool) -> set[str]:  # noqa: ARG001 - the signature of what it replaces
    return set(codes)


@pytest.fixture(autouse=True)
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """The writer's own functions are back after each test."""
    monkeypatch.setattr(writer, "write", writer.write)  # type: ignore[attr-defined]  # the module under test is changed on purpose
    monkeypatch.setattr(writer, "lock_units", writer.lock_units)  # type: ignore[attr-defined]  # the module under test is changed on purpose
    monkeypatch.setattr(writer, "disjoint", writer.disjoint)  # type: ignore[attr-defined]  # the module under test is changed on purpose


def prepared(url: str, count: int) -> list[Race]:
    """One commune per race; by turns approved alone or on a list, and found anew or active again."""
    communes = stage.communes(url, count)
    stage.populate(url, communes)
    with stage.running(url) as engine:
        proposals = stage.awaiting_approval(engine, communes)
        lists = stage.all_accepted(engine, Role.PROVINCIAL_POLICE, [stage.listing([case]) for case in proposals])
        places = stage.all_accepted(engine, Role.PROVINCIAL_POLICE, map(stage.hotspot, communes))
        stage.all_accepted(engine, Role.PROVINCIAL_POLICE, map(stage.suppress, places))
    return [
        Race(
            approval=stage.approve(proposals[i]) if i % 3 else stage.decide_list(lists[i]),
            finding=stage.hotspot(communes[i], "Mới") if i % 2 else stage.relapse(places[i]),
            order=1 if i % 4 < 2 else -1,
        )
        for i in range(count)
    ]


def approve(engine: Engine, act: Fire) -> bool:
    told = stage.decision(stage.send(engine, Role.PROVINCIAL_COMMITTEE, act))
    assert isinstance(told, Accepted | Refused), told
    return isinstance(told, Accepted)


def find(engine: Engine, act: Open | Fire) -> None:
    stage.accepted(stage.send(engine, Role.COMMUNE_POLICE, act))


def spoiled(url: str) -> int:
    """Communes that are certified in spite of a place that nobody has reviewed."""
    stage.intact(url)
    certificates, places = stage.states(url, "certification"), stage.states(url, "hotspot")
    return sum("certified" in found and bool(places[commune] & OPEN_STATES) for commune, found in certificates.items())


def run_between_processes(url: str, races: Sequence[Race], *, control: bool) -> None:
    meeting = SPAWN.Barrier(2)
    prepare = meet_without_locks if control else meet_before_writing
    prepare(meeting)
    with remote_engine(url, prepare, meeting) as remote, stage.running(url) as engine:
        for race in races:
            meeting.reset()
            remote.begin(through_engine, find, race.finding)
            approve(engine, race.approval)
            remote.result()


def run_between_threads(races: Sequence[Race], first: Engine, second: Engine, meeting: Meeting) -> None:
    with ThreadPoolExecutor(2) as pool:
        for race in races:
            meeting.reset()
            approved = pool.submit(approve, first, race.approval)
            pool.submit(find, second, race.finding).result()
            approved.result()


def test_between_two_processes(postgresql_url: str) -> None:
    run_between_processes(postgresql_url, prepared(postgresql_url, RACES), control=False)
    assert spoiled(postgresql_url) == 0


def test_without_the_lock_between_two_processes(postgresql_url: str) -> None:
    """Controls the one above."""
    run_between_processes(postgresql_url, prepared(postgresql_url, CONTROL_RACES), control=True)
    assert spoiled(postgresql_url) == CONTROL_RACES


def test_between_two_threads(sqlite_url: str) -> None:
    races = prepared(sqlite_url, RACES)
    meeting = threading.Barrier(2)
    meet_before_writing(meeting)
    with stage.running(sqlite_url) as first, stage.running(sqlite_url) as second:
        run_between_threads(races, first, second, meeting)
    assert spoiled(sqlite_url) == 0


class Turnless(Database):
    """As if there were no turns."""

    @contextmanager
    def turn(self) -> Iterator[None]:
        yield


def test_deciding_outside_of_the_transaction_between_two_threads(sqlite_url: str) -> None:
    """Controls the one above.

    Without turns SQLite alone would still allow one write transaction at a time, so that the transaction has to be
    given up between loading and writing as well.
    """
    races = prepared(sqlite_url, CONTROL_RACES)
    meeting = threading.Barrier(2)

    def write_in_another_transaction(connection: Connection, world: World, writing: Writing) -> None:
        connection.exec_driver_sql("COMMIT")
        meet(meeting, LONG_WINDOW_SECONDS)
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        write(connection, world, writing)

    writer.write = write_in_another_transaction  # type: ignore[attr-defined]  # the module under test is changed on purpose
    with stage.running(sqlite_url, kind=Turnless) as first, stage.running(sqlite_url, kind=Turnless) as second:
        run_between_threads(races, first, second, meeting)
    assert spoiled(sqlite_url) == CONTROL_RACES


def run_in_one_batch(url: str, races: Sequence[Race]) -> None:
    with stage.running(url) as engine:
        for race in races:
            wanted = [(Role.PROVINCIAL_COMMITTEE, race.approval), (Role.COMMUNE_POLICE, race.finding)]
            with held(engine):
                sent = [stage.send(engine, role, act) for role, act in wanted[:: race.order]]
            for future in sent:
                stage.decision(future)


def test_in_one_batch(database_url: str) -> None:
    run_in_one_batch(database_url, prepared(database_url, RACES))
    assert spoiled(database_url) == 0


def test_without_waves_in_one_batch(database_url: str) -> None:
    """Controls the one above."""
    writer.disjoint = lambda jobs: (list(jobs), [])  # type: ignore[attr-defined]  # the module under test is changed on purpose
    run_in_one_batch(database_url, prepared(database_url, CONTROL_RACES))
    assert spoiled(database_url) == CONTROL_RACES
