"""Fifty senders want the same transition of one case, all having read the same version: one gets it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TypeAlias
from uuid import uuid4

import pytest

from tests.faults import stage
from tests.sizes import size
from workflows.core.case import Accepted, CaseId, Decision, Fire, Refused, Stale
from workflows.core.documents import Role
from workflows.services.engine import Engine

POLICE = Role.PROVINCIAL_POLICE
RACES = size(5, 200)
SENDERS = 50
Act: TypeAlias = Callable[[CaseId, int], Fire]


def suppress_or_relapse(case: CaseId, version: int) -> Fire:
    """By turns, so that every race is for a transition that the case can make."""
    return (stage.suppress if version % 2 else stage.relapse)(case, expected_version=version)


def unversioned(case: CaseId, version: int) -> Fire:
    """The same, whatever the version has become."""
    return (stage.suppress if version % 2 else stage.relapse)(case)


def unversioned_amendment(case: CaseId, version: int) -> Fire:  # noqa: ARG001 - that is its point
    return Fire(case=case, trigger="amend", input={"title": f"Tụ điểm {uuid4()}"})


@contextmanager
def engines(url: str, count: int) -> Iterator[list[Engine]]:
    with ExitStack() as stack:
        yield [stack.enter_context(stage.running(url)) for _ in range(count)]


def race(engines: list[Engine], act: Callable[[], Fire]) -> list[Decision]:
    """What each of fifty threads is told."""
    start = threading.Barrier(SENDERS)
    told: list[Decision] = []

    def send(engine: Engine) -> None:
        start.wait()
        told.append(stage.decision(stage.send(engine, POLICE, act(), reason="Đua")))

    threads = [threading.Thread(target=send, args=(engines[i % len(engines)],)) for i in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return told


def winners(url: str, count: int, act: Act) -> list[int]:
    """By race: how many senders won it."""
    stage.populate(url)
    (commune,) = stage.communes(url, 1)
    found = []
    with engines(url, count) as running:
        (case,) = stage.all_accepted(running[0], POLICE, [stage.hotspot(commune)])
        version = 1
        for _ in range(RACES):
            told = race(running, partial(act, case, version))
            assert len(told) == SENDERS
            assert all(isinstance(each, Accepted | Stale | Refused) for each in told), told
            found.append(sum(isinstance(each, Accepted) for each in told))
            version += found[-1]
    assert stage.intact(url) == version
    return found


@pytest.mark.parametrize("count", [1, 2])
def test_exactly_one_wins(database_url: str, count: int) -> None:
    assert winners(database_url, count, suppress_or_relapse) == [1] * RACES


@pytest.mark.parametrize("count", [1, 2])
def test_exactly_one_wins_by_state_alone(database_url: str, count: int) -> None:
    """Without a version, the second finds the case in a state that the trigger does not leave."""
    assert winners(database_url, count, unversioned) == [1] * RACES


def test_without_a_version_all_win_what_keeps_the_state(database_url: str) -> None:
    """Controls the two above: nothing else than version and state makes the others lose."""
    found = winners(database_url, 1, unversioned_amendment)
    assert found == [SENDERS] * RACES
