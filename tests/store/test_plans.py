"""The write path and the lists find their rows by index, and lists in their order, however many there are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any, Final

import pytest
from sqlalchemy import Connection, Executable, NullPool, create_engine, event, func, select, text

from tests.cli.test_serving import eventually
from tests.faults import stage
from tests.store.test_lists import NEVER
from workflows.core.case import Actor
from workflows.core.documents import Role
from workflows.store import loading, tables, walking, writing
from workflows.store.among import among
from workflows.store.database import Database, parse_url
from workflows.store.lists import EventFilter, Outcome, case_history, list_cases, list_events
from workflows.store.paging import cursor_at
from workflows.store.queries import CaseFilter
from workflows.store.tables import case_link, cases

COMMUNES: Final = 40
DAY: Final = date(2025, 6, 1)
OUTCOMES: Final[tuple[Outcome, ...]] = ("accepted", "refused")

STATEMENTS = {
    name: value
    for module in (loading, writing)
    for name, value in vars(module).items()
    if name.startswith("_") and isinstance(value, Executable) and getattr(value, "is_select", False)
}


@pytest.fixture
def connection(sqlite_url: str) -> Iterator[Connection]:
    with Database(sqlite_url) as database, database.read() as connection:
        yield connection


def plan(connection: Connection, statement: Executable) -> list[str]:
    compiled = statement.compile(connection)  # type: ignore[attr-defined]  # every statement has it; Executable does not say so
    rows = connection.execute(text("EXPLAIN QUERY PLAN " + str(compiled).replace("?", "'[]'")))
    return [row.detail for row in rows]


def scanned(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("SCAN") and "json_each" not in line]


def test_the_statements_are_found() -> None:
    assert len(STATEMENTS) >= 10


@pytest.mark.parametrize("name", STATEMENTS)
def test_no_table_is_read_whole(name: str, connection: Connection) -> None:
    assert scanned(plan(connection, STATEMENTS[name])) == []


def test_a_comparison_around_the_column_is_noticed(connection: Connection) -> None:
    whole = select(cases).where(func.lower(cases.c.id) == "a")
    assert scanned(plan(connection, whole)) != []


def test_a_writer_that_met_empty_tables_scans_none_later(postgresql_url: str) -> None:
    """PostgreSQL keeps a plan that was made while its tables held a few rows, until somebody analyses them."""
    stage.populate(postgresql_url)
    analysed = create_engine(parse_url(postgresql_url), isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with analysed.connect() as connection:
        connection.exec_driver_sql("VACUUM ANALYZE")
    with stage.running(postgresql_url) as engine:
        for commune in stage.communes(postgresql_url, COMMUNES):
            (case,) = stage.all_accepted(engine, Role.PROVINCIAL_POLICE, [stage.hotspot(commune)])
            stage.all_accepted(engine, Role.PROVINCIAL_POLICE, [stage.suppress(case)])
    names = {"cases", "case_word", "event", "event_text", "outbox"}
    eventually(lambda: scans_of_written(postgresql_url).keys() >= names)
    assert scans_of_written(postgresql_url) == dict.fromkeys(names, 0)


def scans_of_written(url: str) -> dict[str, int]:
    """Of the tables written to; a connection tells its figures when it has ended, a while after it was closed."""
    with Database(url) as database, database.read() as connection:
        figures = connection.exec_driver_sql("SELECT relname, seq_scan, n_tup_ins FROM pg_stat_user_tables").all()
    return {name: scans for name, scans, rows in figures if rows >= COMMUNES}


def test_both_databases_find_the_same(database_url: str) -> None:
    with Database(database_url) as database, database.read() as connection:
        statement = select(case_link.c.case_id).where(among(case_link.c.other_id, "ids"))
        assert connection.execute(statement, {"ids": ["a", "b\"'"]}).all() == []
        one = select(text("1")).where(among(select(text("'ấp'")).scalar_subquery(), "ids"))
        assert connection.execute(one, {"ids": ["xã", "ấp"]}).scalars().all() == [1]
        assert connection.execute(one, {"ids": []}).scalars().all() == []


WIDE, NARROW = "VN", "VN/84/842/29242"
PATHS = (WIDE, "VN/84", "VN/84/842", NARROW)
CASE_FILTERS = [
    CaseFilter(),
    CaseFilter(workflow="x"),
    CaseFilter(state="x"),
    CaseFilter(plan="x"),
    CaseFilter(parent="x"),
    CaseFilter(q="x"),
    *(CaseFilter(overdue=overdue) for overdue in (True, False)),
    CaseFilter(workflow="x", state="x", plan="x", parent="x", overdue=True, q="x y"),
]
EVENT_FILTERS = [
    EventFilter(),
    EventFilter(person="x"),
    EventFilter(trigger="x"),
    EventFilter(workflow="x"),
    EventFilter(first_day=DAY, end_day=DAY + timedelta(days=1)),
    EventFilter(person="x", trigger="x", workflow="x", first_day=DAY, end_day=DAY + timedelta(days=1)),
]


def pages_of(connection: Connection, path: str, cursors: Mapping[str, str | None]) -> None:
    """Every list with every filter, as a key of the unit asks for it."""
    actor = Actor(grant="g", person="an", role=Role.AUDITOR, unit=path.rpartition("/")[2], unit_path=path)
    for case_filter in CASE_FILTERS:
        list_cases(connection, actor, DAY, case_filter, cursor=cursors["cases"], limit=50)
    for outcome in OUTCOMES:
        for event_filter in EVENT_FILTERS:
            found = replace(event_filter, outcome=outcome)
            list_events(connection, actor, DAY, found, cursor=cursors["events"], limit=50)
        case_history(connection, "x", outcome, cursor=cursors[outcome], limit=50)


FIRST: Final[Mapping[str, str | None]] = dict.fromkeys(("cases", "events", "accepted", "refused"))
DEEP: Final = {
    "cases": cursor_at(("x",)),
    "events": cursor_at(("2025-01-01T00:00:00.000000Z", "x")),
    "accepted": cursor_at((7,)),
    "refused": cursor_at(("2025-01-01T00:00:00.000000Z", "x")),
}


def listed(connection: Connection, path: str, cursors: Mapping[str, str | None]) -> list[str]:
    """The plans of all statements of all lists."""
    said: list[tuple[str, Any]] = []

    def note(_connection: Connection, _cursor: object, text: str, parameters: Any, *_: object) -> None:  # noqa: ANN401 - either driver's parameters
        said.append((text, parameters))

    event.listen(connection, "before_cursor_execute", note)
    pages_of(connection, path, cursors)
    event.remove(connection, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN " if connection.dialect.name == "sqlite" else "EXPLAIN (COSTS OFF) "
    return [
        str(row[-1])
        for text, parameters in dict.fromkeys((text, _frozen(parameters)) for text, parameters in said)
        for row in connection.exec_driver_sql(explain + text, _thawed(parameters)).all()
    ]


def _frozen(parameters: Any) -> Any:  # noqa: ANN401 - either driver's parameters
    return tuple(parameters.items()) if isinstance(parameters, dict) else parameters


def _thawed(parameters: Any) -> Any:  # noqa: ANN401 - either driver's parameters
    named = parameters and isinstance(parameters[0], tuple)
    return dict(parameters) if named else parameters


def disordered(lines: Sequence[str]) -> list[str]:
    """Steps that read a table other than through an index in the order of the list."""
    whole = ("Seq Scan", "Bitmap", "Sort", "TEMP B-TREE")
    return [line for line in lines if any(word in line for word in whole) or ("SCAN" in line and "INDEX" not in line)]


@pytest.fixture
def planner(database_url: str) -> Iterator[Connection]:
    """A connection of a planner that does without an index only where there is no other way."""
    with Database(database_url) as database, database.read() as connection:
        if not database.is_sqlite:
            for way in ("seqscan", "bitmapscan", "sort", "incremental_sort"):
                connection.execute(text(f"SET enable_{way} = off"))
        yield connection


@pytest.mark.parametrize("few", [NEVER, walking.FEW])
@pytest.mark.parametrize("path", PATHS)
def test_lists_are_read_through_an_index_in_their_order(
    planner: Connection, path: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where hardly a case is overdue, and where more are than are looked at together."""
    monkeypatch.setattr(walking, "FEW", few)
    for cursors in (FIRST, DEEP):
        lines = listed(planner, path, cursors)
        assert len(lines) > 25
        assert disordered(lines) == []


def test_a_list_in_another_order_is_noticed(planner: Connection) -> None:
    walk = select(tables.event.c.id).where(tables.event.c.person == "x").order_by(tables.event.c.kind.desc())
    explain = "EXPLAIN QUERY PLAN " if planner.dialect.name == "sqlite" else "EXPLAIN (COSTS OFF) "
    said = str(walk.compile(planner, compile_kwargs={"literal_binds": True}))
    assert disordered([str(row[-1]) for row in planner.exec_driver_sql(explain + said)]) != []
