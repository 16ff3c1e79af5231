"""Faults to order: a writer held while submissions gather, and connections and transactions that fail where told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

from tests.faults import stage
from workflows.core.case import Command, Decision, Fire
from workflows.core.documents import Role
from workflows.services.engine import Engine
from workflows.store.database import Database
from workflows.store.submissions import Reply


@contextmanager
def held(engine: Engine) -> Iterator[None]:
    """The writer is busy until the end, so that whatever is submitted meanwhile makes one batch."""
    entered, release = threading.Event(), threading.Event()
    render = engine.writer._render

    def hold(command: Command, decision: Decision, /, *, brief: bool) -> Reply:
        engine.writer._render = render
        entered.set()
        assert release.wait(stage.PATIENCE)
        return render(command, decision, brief=brief)

    engine.writer._render = hold
    plug = stage.send(engine, Role.PROVINCIAL_POLICE, Fire(case=stage.NOBODYS, trigger="suppress"))
    assert entered.wait(stage.PATIENCE)
    try:
        yield
    finally:
        release.set()
        stage.answer(plug)


class Wrapped:
    """Something that is all it wraps but for what a subclass changes."""

    def __init__(self, wrapped: Any) -> None:  # noqa: ANN401 - stands for any connection or transaction
        self._wrapped = wrapped

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - stands in for what has no narrower type
        return getattr(self._wrapped, name)


class Counted(Wrapped):
    """A connection that calls `before` with the number (from 1) of each statement."""

    def __init__(self, wrapped: Connection, before: Callable[[int], None]) -> None:
        super().__init__(wrapped)
        self._before = before
        self.statements = 0

    def execute(self, *given: object) -> object:
        self._count()
        return self._wrapped.execute(*given)

    def exec_driver_sql(self, *given: Any) -> object:  # noqa: ANN401 - of the connection
        self._count()
        return self._wrapped.exec_driver_sql(*given)

    def _count(self) -> None:
        self.statements += 1
        self._before(self.statements)


@contextmanager
def refusing_rows(url: str, change: str, condition: str) -> Iterator[None]:
    """The database itself refuses rows of `cases` that meet the condition on NEW."""
    with Database(url) as database:
        for statement in _refusal(change, condition, sqlite=database.is_sqlite):
            _run(database, statement)
        yield
        _run(database, f"DROP TRIGGER injected{'' if database.is_sqlite else ' ON cases'}")


def _refusal(change: str, condition: str, *, sqlite: bool) -> Iterator[str]:
    trigger = f"CREATE TRIGGER injected BEFORE {change} ON cases"
    if sqlite:
        yield f"{trigger} WHEN {condition} BEGIN SELECT RAISE(ABORT, 'injected'); END"
        return
    body = "BEGIN RAISE EXCEPTION 'injected'; END"
    yield f"CREATE OR REPLACE FUNCTION injected() RETURNS trigger LANGUAGE plpgsql AS $${body}$$"
    yield f"{trigger} FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION injected()"


def _run(database: Database, statement: str) -> None:
    with database.write() as connection:
        connection.exec_driver_sql(statement)
