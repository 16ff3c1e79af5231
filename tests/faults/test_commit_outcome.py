"""A connection that is lost during COMMIT: whichever way it went, one effect and the true answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from psycopg import OperationalError as PostgresError
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from tests.faults import stage
from tests.faults.injection import Wrapped, held
from workflows.core.case import Accepted
from workflows.core.documents import Role
from workflows.services.engine import Engine
from workflows.store.database import Database, driver, lock_units
from workflows.store.writer import Writer

POLICE = Role.PROVINCIAL_POLICE
Commit = Callable[[Connection, Any], None]


def lost(connection: Connection) -> OperationalError:
    """What SQLAlchemy raises when the server is gone in the middle of a statement."""
    kind = driver.OperationalError if connection.dialect.name == "sqlite" else PostgresError
    return OperationalError("COMMIT", {}, kind("the connection is lost"), connection_invalidated=True)


def commit_then_lose(connection: Connection, transaction: Any) -> None:  # noqa: ANN401 - stands in for what has no narrower type
    transaction.commit()
    raise lost(connection)


def lose_instead(connection: Connection, transaction: Any) -> None:  # noqa: ANN401 - stands in for what has no narrower type
    transaction.rollback()
    raise lost(connection)


def terminated_before(connection: Connection, transaction: Any) -> None:  # noqa: ANN401 - stands in for what has no narrower type
    """The real thing: the server ends the session before it reads the COMMIT."""
    pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
    url = connection.engine.url
    with Database(url) as database, database.write() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
    transaction.commit()


class Losing(Wrapped):
    """The writer's connection, whose commits end as told."""

    def __init__(self, wrapped: Connection, commit: Commit) -> None:
        super().__init__(wrapped)
        self._commit = commit

    def begin(self) -> "LosingTransaction":
        return LosingTransaction(self._wrapped, self._wrapped.begin(), self._commit)


class LosingTransaction(Wrapped):
    def __init__(self, connection: Connection, wrapped: object, commit: Commit) -> None:
        super().__init__(wrapped)
        self._connection = connection
        self._commit_as_told = commit

    def commit(self) -> None:
        self._commit_as_told(self._connection, self._wrapped)

    def rollback(self) -> None:
        if self._wrapped.is_active:
            self._wrapped.rollback()


@contextmanager
def next_commit(engine: Engine, commit: Commit) -> Iterator[None]:
    """The next batch, made up inside, meets this commit; the connection after it is sound."""
    with held(engine):
        yield
        connection = engine.writer._connection
        engine.writer._connection = Losing(connection, commit)  # type: ignore[assignment,arg-type]  # a stand-in with only what is used


@pytest.fixture(
    params=[
        "sqlite commit_then_lose",
        "sqlite lose_instead",
        "postgresql commit_then_lose",
        "postgresql lose_instead",
        "postgresql terminated_before",
    ]
)
def fault(request: pytest.FixtureRequest) -> tuple[str, Commit]:
    """A database and what happens to the next commit."""
    kind, name = request.param.split()
    url: str = request.getfixturevalue(f"{kind}_url")
    stage.populate(url)
    return url, globals()[name]


def test_one_effect_and_the_true_answer(fault: tuple[str, Commit]) -> None:
    assert outcomes(*fault) == {"answers": 40, "untrue": 0, "events": 80, "lost": 0}


def test_an_answer_without_looking_is_untrue(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Controls the one above: taking the loss for a failure, or for a success, is wrong once in two."""
    stage.populate(database_url)
    monkeypatch.setattr(Writer, "_was_committed", lambda *_: True)
    assert outcomes(database_url, lose_instead)["lost"] == 40


def test_deciding_again_without_looking_is_untrue(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.populate(database_url)
    monkeypatch.setattr(Writer, "_was_committed", lambda *_: False)
    assert outcomes(database_url, commit_then_lose)["untrue"] == 40


def outcomes(url: str, commit: Commit) -> dict[str, int]:
    """Forty places are suppressed in the batch that meets the fault."""
    communes = stage.communes(url, 40)
    with stage.running(url) as engine:
        places = stage.all_accepted(engine, POLICE, map(stage.hotspot, communes))
        with next_commit(engine, commit):
            sent = [stage.send(engine, POLICE, stage.suppress(place)) for place in places]
        answers = [stage.decision(future) for future in sent]
    told = [answer.events[0].id for answer in answers if isinstance(answer, Accepted)]
    found = stage.stored_events(url, told)
    return {
        "answers": len(answers),
        "untrue": len(answers) - len(told),
        "events": stage.intact(url),
        "lost": len(told) - len(found),
    }


def test_the_key_gets_the_same_reply_after_a_loss(fault: tuple[str, Commit]) -> None:
    url, commit = fault
    (commune,) = stage.communes(url, 1)
    with stage.running(url) as engine:
        with next_commit(engine, commit):
            sent = [stage.send(engine, POLICE, stage.hotspot(commune), key="k") for _ in range(5)]
        replies = {stage.answer(future).reply.body for future in sent}
        replies.add(stage.answer(stage.send(engine, POLICE, stage.hotspot(commune), key="k")).reply.body)
    assert len(replies) == 1
    assert stage.intact(url) == 1


def test_who_waited_for_others_in_that_batch_is_still_served(postgresql_url: str) -> None:
    """A unit that another transaction holds keeps its command out of the batch; the loss must not swallow it."""
    stage.populate(postgresql_url)
    taken, free = stage.communes(postgresql_url, 2)
    with stage.running(postgresql_url) as engine:
        with Database(postgresql_url) as other, other.write() as connection:
            lock_units(connection, [taken], skip_locked=False)
            with next_commit(engine, commit_then_lose):
                waiting = stage.send(engine, POLICE, stage.hotspot(taken))
                done = stage.send(engine, POLICE, stage.hotspot(free))
            stage.accepted(done)
            assert not waiting.done()
        assert isinstance(waiting.result(10)[0].decision, Accepted)
    assert stage.intact(postgresql_url) == 2
