"""A decision on a hundred communes that fails anywhere leaves no trace, and succeeds when it is tried again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection

from tests.faults import stage
from tests.faults.injection import Counted, refusing_rows
from workflows.core.case import Accepted, CaseId
from workflows.core.documents import Role
from workflows.core.world import World
from workflows.services.engine import Engine
from workflows.store import writer
from workflows.store.submissions import CommandFailed
from workflows.store.writing import Writing, write

MEMBERS = 100
Before = Callable[[Connection, int], None]


class InjectedError(Exception):
    """The failure that the test asked for."""


@contextmanager
def drafted_list(url: str) -> Iterator[tuple[Engine, CaseId]]:
    communes = stage.communes(url, MEMBERS)
    stage.populate(url, communes)
    with stage.running(url) as engine:
        members = stage.awaiting_approval(engine, communes)
        (case,) = stage.all_accepted(engine, Role.PROVINCIAL_POLICE, [stage.listing(members)])
        yield engine, case


def decide(engine: Engine, case: CaseId) -> Accepted | BaseException:
    """With a key, so that its result is among the writes."""
    future = stage.send(engine, Role.PROVINCIAL_COMMITTEE, stage.decide_list(case), key="danh sách")
    failure = future.exception(stage.PATIENCE)
    return failure or stage.accepted(future)


def failing(before: Before) -> Callable[[Connection, World, Writing], None]:
    """`write`, that calls `before` with the number of each of its statements."""

    def write_counting(connection: Connection, world: World, writing: Writing) -> None:
        counted = Counted(connection, lambda number: before(connection, number))
        write(counted, world, writing)  # type: ignore[arg-type]  # a stand-in with only what is used
        before(connection, counted.statements + 1)

    return write_counting


def fail_at(wanted: int) -> Before:
    def before(_connection: Connection, number: int) -> None:
        if number == wanted:
            raise InjectedError

    return before


def test_a_failure_at_any_statement_leaves_no_trace(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Statement by statement, until there is none left to fail at."""
    with drafted_list(database_url) as (engine, case):
        before = stage.dump(database_url)
        number = 1
        while True:
            monkeypatch.setattr(writer, "write", failing(fail_at(number)))
            told = decide(engine, case)
            if isinstance(told, Accepted):
                break
            assert isinstance(told, CommandFailed)
            assert isinstance(told.__cause__, InjectedError)
            assert stage.dump(database_url) == before, f"traces of statement {number}"
            number += 1
    assert number > 5, "case rows, events, texts, result, and the end of them"
    assert len(told.events) == MEMBERS + 1
    assert_all_certified(database_url)


def test_a_row_that_the_database_refuses_leaves_no_trace(database_url: str) -> None:
    """The failure is the database's own, in the middle of one statement's hundred rows."""
    with drafted_list(database_url) as (engine, case):
        with refusing_rows(database_url, "UPDATE", f"NEW.unit = '{stage.communes(database_url, 57)[-1]}'"):
            before = stage.dump(database_url)
            assert isinstance(decide(engine, case), CommandFailed)
            assert stage.dump(database_url) == before
        assert isinstance(decide(engine, case), Accepted)
    assert_all_certified(database_url)


def test_without_one_transaction_there_are_traces(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Controls the two above: with a commit after each statement the same failure leaves some."""

    def commit_then_fail(connection: Connection, number: int) -> None:
        if number == 2:
            connection.exec_driver_sql("COMMIT")
            connection.exec_driver_sql("BEGIN")
            raise InjectedError

    with drafted_list(database_url) as (engine, case):
        before = stage.dump(database_url)
        monkeypatch.setattr(writer, "write", failing(commit_then_fail))
        assert isinstance(decide(engine, case), CommandFailed)
        assert stage.dump(database_url) != before


def assert_all_certified(url: str) -> None:
    stage.intact(url)
    found = stage.states(url, "certification")
    assert len(found) == MEMBERS
    assert set(map(frozenset, found.values())) == {frozenset({"certified"})}
