"""What a document says about a deadline that has passed is done once, in order, and only while it is so."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import func, select

from tests import chores
from tests.faults import stage
from tests.services.test_metrics import figures
from workflows.core.case import CaseId, Fire
from workflows.core.documents import Role
from workflows.core.overdue import Does, Notice, Outcome, superior
from workflows.core.proofs import prove
from workflows.services import worker as working
from workflows.services.engine import Engine
from workflows.services.metrics import Metrics
from workflows.services.worker import Worker
from workflows.store import keys, notices
from workflows.store.submissions import Submission
from workflows.store.tables import attempt, event, firing, notice, outbox
from workflows.store.worker_key import WORKER


@dataclass(slots=True)
class Clock:
    now: datetime = stage.NOW

    def __call__(self) -> datetime:
        return self.now

    def days_later(self, days: int) -> None:
        self.now += timedelta(days=days)


@dataclass(slots=True)
class Seen:
    """Notices in the order in which they were told."""

    found: list[Notice] = field(default_factory=list)

    def __call__(self, one: Notice) -> None:
        self.found.append(one)

    def does(self, case: CaseId) -> list[Does]:
        return [each.does for each in self.found if each.deadline.case == case]


def entries(engine: Engine) -> list[dict[str, Any]]:
    with engine.database.read() as connection:
        return [json.loads(each) for each in connection.execute(select(notice.c.entry).order_by(notice.c.id)).scalars()]


def triggers(engine: Engine, case: CaseId) -> list[str]:
    statement = select(event.c.trigger).where(event.c.case_id == case).order_by(event.c.seq)
    with engine.database.read() as connection:
        return list(connection.execute(statement).scalars())


def rows(engine: Engine, table: Any) -> int:  # noqa: ANN401 - any table
    with engine.database.read() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_the_chore_is_a_good_document() -> None:
    assert list(prove(chores.document(), chores.catalogue())) == []


def test_each_action_is_done_on_its_day_and_once(database_url: str) -> None:
    chores.store(database_url)
    clock, seen = Clock(), Seen()
    (commune,) = stage.communes(database_url, 1)
    with chores.running(database_url, clock) as engine:
        (case,) = chores.opened(engine, [commune])
        worker = Worker(engine, watch=seen)
        counts = []
        for _ in range(8):
            counts.append(worker.catch_up())
            clock.days_later(1)
        assert counts == [0, 0, 0, 0, 2, 0, 1, 0], "the third day is still in time; the last action waits two days"
        assert seen.does(case) == [Does.NOTIFY, Does.FIRE, Does.ESCALATE]
        assert triggers(engine, case) == ["open", "mark_late"]
        fired, told, escalated = sorted(entries(engine), key=lambda each: int(each["action"]))
        assert told["to"] == {"roles": ["commune_police"], "unit": commune}
        assert (told["due"], told["state"], told["seq"], told["outcome"]) == ("2025-03-08", "waiting", 1, "told")
        assert escalated["to"]["roles"] == ["district_police"]
        assert escalated["to"]["unit"] == stage.path_of(database_url, commune).split("/")[-2]
        assert (fired["outcome"], fired["fired"], fired["seq"], fired["codes"]) == ("fired", "mark_late", 2, [])
        assert (rows(engine, firing), rows(engine, outbox)) == (0, 5)
    assert stage.intact(database_url) == 2


def test_after_a_long_stop_it_catches_up_in_the_order_of_the_deadlines(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "AT_ONCE", 3)
    chores.store(database_url)
    clock, seen = Clock(), Seen()
    communes = stage.communes(database_url, 4)
    with chores.running(database_url, clock) as engine:
        opened: list[CaseId] = []
        for _ in range(3):
            opened += sorted(chores.opened(engine, communes))
            clock.days_later(1)
        clock.days_later(100)
        assert Worker(engine, watch=seen).catch_up() == 3 * len(opened)
    told = [each.deadline for each in seen.found if each.does is not Does.FIRE]
    assert [(each.due, each.case) for each in told] == sorted((each.due, each.case) for each in told)
    assert [each.case for each in told[::2]] == opened


@pytest.mark.parametrize("meanwhile", ["moved", "left"])
def test_a_deadline_that_is_gone_when_it_is_to_be_acted_upon_is_left(
    database_url: str, meanwhile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the claim and the command, which nothing locks."""
    chores.store(database_url)
    clock = Clock()
    (commune,) = stage.communes(database_url, 1)
    with chores.running(database_url, clock) as engine:
        (case,) = chores.opened(engine, [commune], {"promised": "2025-03-06"})
        chores.promise(engine, [case])
        clock.days_later(5)
        worker = Worker(engine)
        send = worker._send  # noqa: SLF001 - what lies between cannot be reached otherwise

        def late(firing: notices.Firing) -> object:
            if meanwhile == "moved":
                chores.amend(engine, case, date(2025, 5, 1))
            else:
                stage.all_accepted(engine, Role.COMMUNE_POLICE, [Fire(case=case, trigger="wait")])
            return send(firing)

        monkeypatch.setattr(worker, "_send", late)
        assert worker.catch_up() == 0
        assert "lapse" not in triggers(engine, case)
        assert (rows(engine, firing), rows(engine, notice)) == (0, 0)
        monkeypatch.setattr(worker, "_send", send)
        clock.days_later(60)
        assert worker.catch_up() > 0, "control: the next deadline is acted upon"


def test_a_refusal_is_an_outcome_and_an_attempt_and_not_tried_again(database_url: str) -> None:
    chores.store(database_url)
    clock, seen = Clock(), Seen()
    (commune,) = stage.communes(database_url, 1)
    with chores.running(database_url, clock) as engine:
        (case,) = chores.opened(engine, [commune], {"promised": "2025-03-06", "kept": True})
        chores.promise(engine, [case])
        clock.days_later(5)
        worker = Worker(engine, watch=seen)
        assert (worker.catch_up(), worker.catch_up()) == (1, 0)
        (found,) = seen.found
        assert (found.outcome, found.codes, found.event) == (Outcome.REFUSED, ("kept",), None)
        assert rows(engine, attempt) == 1
        chores.amend(engine, case, date(2025, 3, 8))
        clock.days_later(5)
        assert worker.catch_up() == 1, "another deadline of the same stay is another one"
    assert [each.deadline.due for each in seen.found] == [date(2025, 3, 6), date(2025, 3, 8)]


def fails(*_: object) -> None:
    raise RuntimeError("killed")


def after_a_kill(url: str, clock: Clock, where: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Triggers and notices of a case whose worker dies at a function of `notices`, and another takes over."""
    (commune,) = stage.communes(url, 1)
    with chores.running(url, clock) as engine:
        (case,) = chores.opened(engine, [commune])
        clock.days_later(10)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(notices, where, fails)
            with pytest.raises(RuntimeError, match="killed"):
                Worker(engine).catch_up()
        clock.now += working.LEASE
        Worker(engine).catch_up()
        return triggers(engine, case), entries(engine)


@pytest.mark.parametrize("where", ["record", "settle"])
def test_a_worker_that_dies_between_acting_and_recording_is_taken_over(database_url: str, where: str) -> None:
    chores.store(database_url)
    fired, told = after_a_kill(database_url, Clock(), where)
    assert fired == ["open", "mark_late"]
    assert sorted(each["action"] for each in told) == [0, 1, 2]


def test_without_its_key_a_taken_over_trigger_would_fire_twice(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Controls the one above."""
    chores.store(database_url)
    monkeypatch.setattr(working, "Submission", without_key)
    monkeypatch.setattr(working, "Fire", at_any_version)
    fired, _ = after_a_kill(database_url, Clock(), "settle")
    assert fired == ["open", "mark_late", "mark_late"]


def without_key(*, idempotency: object, **rest: Any) -> Any:  # noqa: ANN401, ARG001 - stands in for the class
    return Submission(**rest)


def at_any_version(*, expected_version: int, **rest: Any) -> Fire:  # noqa: ANN401, ARG001 - stands in for the class
    return Fire(**rest)


def test_without_its_grant_nothing_is_fired_and_all_else_is_done(database_url: str) -> None:
    chores.store(database_url)
    clock = Clock()
    with chores.running(database_url, clock) as engine:
        (case,) = chores.opened(engine, stage.communes(database_url, 1))
        clock.days_later(10)
        assert keys.revoke(engine.database, WORKER, now=clock.now)
        worker = Worker(engine)
        assert (worker.catch_up(), worker.catch_up()) == (2, 0)
        assert triggers(engine, case) == ["open"]
        assert [each["does"] for each in entries(engine)] == ["notify", "escalate"]


def test_a_final_case_is_left_alone(database_url: str) -> None:
    chores.store(database_url)
    clock = Clock()
    with chores.running(database_url, clock) as engine:
        (case,) = chores.opened(engine, stage.communes(database_url, 1))
        annul = Fire(case=case, trigger="annul")
        stage.accepted(stage.send(engine, Role.COMMUNE_POLICE, annul, reason="Nhầm"))
        clock.days_later(10)
        assert Worker(engine).catch_up() == 0


def test_what_waits_and_what_was_done_is_counted(sqlite_url: str) -> None:
    chores.store(sqlite_url)
    clock = Clock()
    with chores.running(sqlite_url, clock) as engine:
        chores.opened(engine, stage.communes(sqlite_url, 3))
        clock.days_later(4)
        metrics = Metrics(engine)
        assert figures(metrics)["workflows_deadlines_waiting"] == 3
        Worker(engine, watch=metrics.notice).catch_up()
        found = figures(metrics)
    assert found["workflows_deadlines_waiting"] == 0
    assert (found["workflows_deadline_actions_total told"], found["workflows_deadline_actions_total fired"]) == (3, 3)


def test_the_thread_goes_on_after_an_error(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "_FAILURE_SECONDS", 0.01)
    chores.store(sqlite_url)
    clock, calls = Clock(), []
    record = notices.record

    def sometimes(connection: Any, made: Sequence[Notice]) -> None:  # noqa: ANN401 - any connection
        calls.append(len(made))
        if len(calls) == 1:
            fails()
        record(connection, made)

    monkeypatch.setattr(notices, "record", sometimes)
    with structlog.testing.capture_logs() as lines, chores.running(sqlite_url, clock) as engine:
        chores.opened(engine, stage.communes(sqlite_url, 2))
        clock.days_later(10)
        worker = Worker(engine, idle_seconds=0.01)
        worker.start()
        await_true(lambda: rows(engine, notice) == 6)
        survived = worker.alive
        worker.stop()
        assert (survived, worker.alive) == (True, False)
    assert [each["event"] for each in lines].count("worker.failed") == 1


def await_true(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < until, "it did not come about in time"


def test_the_unit_above_stays_in_the_province() -> None:
    assert superior("VN/84/842/29416") == "VN/84/842"
    assert superior("VN/84/29416") == "VN/84"
    assert superior("VN/84") == "VN/84"
