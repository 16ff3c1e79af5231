"""The thread behind the feed goes on after errors, does all or nothing at a time, and leaves nothing behind."""

import threading
from collections.abc import Sequence
from datetime import datetime

import pytest
import structlog
from sqlalchemy import Connection, func, select

from tests.faults import stage
from workflows.core.documents import Role
from workflows.services import sequencing
from workflows.services.engine import Engine
from workflows.services.sequencing import Sequencer
from workflows.store.feed import Sequenced
from workflows.store.tables import feed, outbox


def places(engine: Engine) -> int:
    with engine.database.read() as connection:
        return connection.execute(select(func.count()).select_from(feed)).scalar_one()


def test_what_fails_is_undone_told_and_tried_again(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencing, "_FAILURE_SECONDS", 0.01)
    calls: list[list[Sequenced]] = []
    done = threading.Event()

    def after(connection: Connection, found: Sequence[Sequenced], now: datetime) -> None:
        assert now == stage.NOW
        assert connection.execute(select(func.count()).select_from(outbox)).scalar_one() == 0
        calls.append(list(found))
        if len(calls) < 3:
            raise RuntimeError("injected")
        done.set()

    communes = stage.communes(database_url, 4)
    stage.populate(database_url)
    with structlog.testing.capture_logs() as lines, stage.running(database_url) as engine:
        stage.all_accepted(engine, Role.PROVINCIAL_POLICE, map(stage.hotspot, communes))
        sequencer = Sequencer(engine, after)
        sequencer.start()
        assert done.wait(stage.PATIENCE)
        survived = sequencer.alive
        sequencer.stop()
        assert (survived, sequencer.alive) == (True, False)
        assert places(engine) == 4
    assert calls == [calls[0]] * 3
    assert [(each.position, len(calls[0])) for each in calls[0]] == [(number, 4) for number in (1, 2, 3, 4)]
    failures = [line["event"] for line in lines if line["event"].startswith("sequencer")]
    assert failures == ["sequencer.failed"] * 2


def test_stopping_leaves_nothing_waiting(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequencing, "_INTERVAL_SECONDS", stage.PATIENCE)
    communes = stage.communes(sqlite_url, 8)
    stage.populate(sqlite_url)
    with stage.running(sqlite_url) as engine:
        sequencer = Sequencer(engine)
        sequencer.start()
        first = stage.all_accepted(engine, Role.PROVINCIAL_POLICE, map(stage.hotspot, communes))
        stage.all_accepted(engine, Role.PROVINCIAL_POLICE, map(stage.suppress, first))
        sequencer.stop()
        assert places(engine) == 16


def test_one_that_was_never_started_can_be_stopped(sqlite_url: str) -> None:
    with stage.running(sqlite_url) as engine:
        sequencer = Sequencer(engine)
        assert not sequencer.alive
        sequencer.stop()
