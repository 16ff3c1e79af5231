"""Reading: the SQL of visibility equals the core's rule, filters equal their plain meaning, pages miss nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from random import Random
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select

from tests.sizes import size
from tests.store import samples
from workflows.core.authority import may_see
from workflows.core.case import Actor, Case
from workflows.core.documents import Level, Role
from workflows.core.folding import fold, words
from workflows.store import lists, queries, rows
from workflows.store.database import Database
from workflows.store.lists import EventFilter
from workflows.store.paging import BadCursorError, Page
from workflows.store.queries import CaseFilter, UnitFilter
from workflows.store.tables import attempt, cases
from workflows.store.visibility import visible

Item = TypeVar("Item")
TODAY = date(2025, 6, 1)
SAME_DATABASE = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=size(40, 1000), deadline=None
)
# Few codes, so that paths often contain each other; some that a careless comparison would take for another.
CODES = st.sampled_from(["8", "84", "842", "vn", "VN", "%", "_", "0", "é"])
PATHS = st.lists(CODES, min_size=1, max_size=4).map("/".join)
DAYS = st.none() | st.dates(TODAY - timedelta(days=2), TODAY + timedelta(days=2))
ACTORS = st.builds(
    Actor,
    grant=st.just("g"),
    person=st.just("an"),
    role=st.sampled_from(Role),
    unit=st.just("84"),
    unit_path=PATHS,
    valid_from=DAYS,
    valid_to=DAYS,
    revoked=st.booleans(),
)
ALL = Actor(grant="g", person="an", role=Role.AUDITOR, unit="VN", unit_path="VN")
NOBODY = replace(ALL, revoked=True)


@SAME_DATABASE
@given(paths=st.lists(PATHS, min_size=1, max_size=20, unique=True), actors=st.lists(ACTORS, min_size=1, max_size=8))
def test_visibility_is_the_rule_of_the_core(database_url: str, paths: list[str], actors: list[Actor]) -> None:
    column = cases.c.unit_path
    with Database(database_url) as database, database.write() as connection:
        connection.execute(cases.delete())
        row = _case_row()
        connection.execute(insert(cases), [row | {"id": path, "unit_path": path} for path in paths])
        for actor in actors:
            seen = connection.execute(select(column).where(visible(actor, column, TODAY))).scalars()
            assert sorted(seen) == sorted(path for path in paths if may_see(actor, path, TODAY))


def test_a_visibility_by_prefix_would_differ() -> None:
    """Controls the one above: what it compares tells a careless rule from the right one."""
    paths, actor = ["VN/84", "VN/842"], replace(ALL, unit_path="VN/84")
    right = [path for path in paths if may_see(actor, path, TODAY)]
    assert right != [path for path in paths if path.startswith(actor.unit_path)]


def _all_three(case: Case) -> bool:
    return case.workflow == "market" and "/84/" in case.unit_path and "Đường" in case.title


FILTERS: list[tuple[CaseFilter, Callable[[Case], bool]]] = [
    (CaseFilter(), lambda _: True),
    (CaseFilter(workflow="market"), lambda case: case.workflow == "market"),
    (CaseFilter(state="monitored"), lambda case: case.state == "monitored"),
    (CaseFilter(plan="tra-vinh-2025"), lambda case: case.plan == "tra-vinh-2025"),
    (CaseFilter(unit="84"), lambda case: "/84/" in case.unit_path),
    (CaseFilter(unit="842"), lambda case: "/842/" in case.unit_path),
    (CaseFilter(unit="29236"), lambda case: case.unit == "29236"),
    (CaseFilter(unit="no such unit"), lambda _: False),
    (CaseFilter(overdue=True), lambda case: not case.final and case.due is not None and case.due < TODAY),
    (CaseFilter(overdue=False), lambda case: case.final or case.due is None or case.due >= TODAY),
    (CaseFilter(q="PHUC  diem"), lambda case: {"diem", "phuc"} <= set(words(case.title))),
    (CaseFilter(q="100%"), lambda case: "100%" in case.title),
    (CaseFilter(q="phu"), lambda _: False),
    (CaseFilter(q="%"), lambda _: False),
    (CaseFilter(q="  "), lambda _: True),
    (CaseFilter(q="_"), lambda _: False),
    (CaseFilter(workflow="market", unit="84", q="duong"), _all_three),
]


def test_filters_mean_what_they_say(database_url: str) -> None:
    found = [case for case, _ in samples.histories(11, 60)]
    with filled(database_url) as connection:
        for given_filter, meaning in FILTERS:
            expected = sorted((case for case in found if meaning(case)), key=lambda case: case.id, reverse=True)
            page = lists.list_cases(connection, ALL, TODAY, given_filter, cursor=None, limit=200)
            assert list(page.items) == expected, given_filter
            assert page.next is None
    assert sum(0 < sum(map(meaning, found)) < len(found) for _, meaning in FILTERS) >= 9, "filters that tell apart"


def test_pages_join_to_the_whole(database_url: str) -> None:
    actor = replace(ALL, unit_path="VN/84/842")
    with filled(database_url) as connection:
        whole = lists.list_cases(connection, actor, TODAY, CaseFilter(), cursor=None, limit=200).items
        assert 7 < len(whole) < 60
        assert all(case.unit_path.startswith("VN/84/842/") for case in whole)
        assert walk(lambda at: lists.list_cases(connection, actor, TODAY, CaseFilter(), cursor=at, limit=7)) == whole


def test_events_are_paged_newest_first(database_url: str) -> None:
    found = samples.histories(11, 60)
    long, events = max(found, key=lambda history: history[0].version)
    with filled(database_url) as connection:
        of_case = walk(lambda at: lists.case_history(connection, long.id, "accepted", cursor=at, limit=2))
        assert of_case == tuple(reversed(events))
        every = walk(lambda at: lists.list_events(connection, ALL, TODAY, EventFilter(), cursor=at, limit=50))
        written = [event for _, events in found for event in events]
        assert list(every) == sorted(written, key=lambda event: (event.recorded_at, event.id), reverse=True)
        other = replace(ALL, unit_path="VN/22")
        seen = lists.list_events(connection, other, TODAY, EventFilter(), cursor=None, limit=200).items
        assert {event.case for event in seen} == {case.id for case, _ in found if case.unit_path.startswith("VN/22/")}


def test_what_may_not_be_seen_is_not_there(database_url: str) -> None:
    case = samples.histories(11, 60)[0][0]
    elsewhere = replace(ALL, unit_path="VN/99")
    with filled(database_url) as connection:
        assert queries.case_by_id(connection, case.id, ALL, TODAY) == case
        assert queries.case_by_id(connection, "no such case", ALL, TODAY) is None
        for actor in (elsewhere, NOBODY):
            assert queries.case_by_id(connection, case.id, actor, TODAY) is None
            assert lists.list_cases(connection, actor, TODAY, CaseFilter(), cursor=None, limit=9).items == ()
            assert lists.list_events(connection, actor, TODAY, EventFilter(), cursor=None, limit=9).items == ()


def test_attempts_are_paged_newest_first(database_url: str) -> None:
    with Database(database_url) as database, database.write() as connection:
        connection.execute(insert(attempt), [_attempt_row(number) for number in range(5)])
        found = walk(lambda at: lists.case_history(connection, "c", "refused", cursor=at, limit=2))
    assert [one.id for one in found] == ["4", "3", "2", "1", "0"]
    assert found[0].entry == {"blockers": ["state"]}


@pytest.mark.parametrize("cursor", ["", "x", "eyJ9", "WzFd", "WyIwMDAiLDFd", "bnVsbA", "é", "WyJcdTAwMDAiXQ"])
def test_foreign_cursors_are_refused(database_url: str, cursor: str) -> None:
    with Database(database_url) as database, database.read() as connection, pytest.raises(BadCursorError):
        lists.list_cases(connection, ALL, TODAY, CaseFilter(), cursor=cursor, limit=9)


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_limits_are_kept(sqlite_url: str, limit: int) -> None:
    with Database(sqlite_url) as database, database.read() as connection, pytest.raises(ValueError, match="limit"):
        lists.list_cases(connection, ALL, TODAY, CaseFilter(), cursor=None, limit=limit)


def test_units_are_found_as_they_were(database_url: str) -> None:
    with Database(database_url) as database, database.read() as connection:
        provinces = [
            queries.list_units(connection, UnitFilter(level=Level.PROVINCE, on=on), cursor=None, limit=100).items
            for on in (date(2025, 6, 30), date(2025, 7, 1))
        ]
        assert [len(found) for found in provinces] == [63, 34]
        assert queries.unit_on(connection, "84", date(2025, 7, 1)) is None
        tra_vinh = queries.unit_on(connection, "84", date(2025, 6, 30))
        below = walk(lambda at: units(connection, UnitFilter(parent="84", on=TODAY), at))
        named = walk(lambda at: units(connection, UnitFilter(q="HOA LOI", level=Level.COMMUNE), at))
        periods = queries.unit_periods(connection, "01")
    assert tra_vinh is not None
    assert (tra_vinh.name, tra_vinh.path, tra_vinh.valid_to) == ("Tỉnh Trà Vinh", "VN/84", date(2025, 7, 1))
    assert {unit.level for unit in below} == {Level.DISTRICT}
    assert any("Hòa Lợi" in unit.name for unit in named)
    assert all("hoa loi" in fold(unit.name) for unit in named)
    assert periods[0].valid_from <= periods[-1].valid_from


@contextmanager
def filled(url: str) -> Iterator[Connection]:
    with Database(url) as database:
        with database.write() as connection:
            samples.store(connection, samples.histories(11, 60))
        with database.read() as connection:
            yield connection


def _case_row() -> dict[str, object]:
    case, _ = samples.history(Random(1), 1)
    return rows.case_row(case)


def _attempt_row(number: int) -> dict[str, object]:
    return {
        "id": str(number),
        "same": str(number),
        "case_id": "c",
        "workflow": "market",
        "trigger": "resolve",
        "unit_path": "VN",
        "person": "an",
        "entry": '{"blockers":["state"]}',
        "recorded_at": samples.instant(number // 2),
    }


def units(connection: Connection, found: UnitFilter, cursor: str | None) -> Page[queries.Unit]:
    return queries.list_units(connection, found, cursor=cursor, limit=50)


def walk(page_at: Callable[[str | None], Page[Item]]) -> tuple[Item, ...]:
    """All items of all pages."""
    page = page_at(None)
    items = page.items
    while page.next:
        page = page_at(page.next)
        items += page.items
    return items
