"""The long lists: filters equal their plain meaning, visibility holds in each, walks miss nothing however short."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from random import Random
from typing import Any, Final

import pytest
from sqlalchemy import Connection, delete, insert

from tests.store import samples
from tests.store.test_queries import ALL, FILTERS, TODAY, walk
from workflows.core.case import Actor, Case, Event
from workflows.core.civil import civil_date, format_instant
from workflows.store import fsck, lists, rows, walking
from workflows.store.database import Database
from workflows.store.lists import Entry, EventFilter, case_history, list_cases, list_events
from workflows.store.paging import BadCursorError, Page
from workflows.store.queries import Attempt, CaseFilter
from workflows.store.tables import attempt, case_word, event

COMMUNE: Final = replace(ALL, unit="29236", unit_path="VN/84/842/29236")
NEVER: Final = -1
"""For `walking.FEW`: not even nothing is so few."""
FOUND: Final = samples.histories(11, 60)
TRIED: Final = [
    {
        "id": samples._id(Random(number), case.recorded_at),  # noqa: SLF001 - the ids that samples have
        "same": str(number),
        "case_id": case.id,
        "workflow": case.workflow,
        "trigger": "resolve" if number % 2 else "monitor",
        "unit_path": case.unit_path,
        "person": samples.PEOPLE[number % 3],
        "entry": "{}",
        "recorded_at": format_instant(case.recorded_at + timedelta(seconds=number % 3)),
    }
    for number, (case, _) in enumerate(FOUND)
]

Ask = Callable[[Connection, Actor, str | None, int], Page[Any]]
LISTS: Final[dict[str, Ask]] = {
    "list_cases": lambda connection, actor, cursor, limit: list_cases(
        connection, actor, TODAY, CaseFilter(), cursor=cursor, limit=limit
    ),
    "list_events": lambda connection, actor, cursor, limit: list_events(
        connection, actor, TODAY, EventFilter(outcome="all"), cursor=cursor, limit=limit
    ),
}
"""Every list that goes over more than one case, as widely as it can be asked."""


@contextmanager
def filled(url: str) -> Iterator[Connection]:
    with Database(url) as database:
        with database.write() as connection:
            samples.store(connection, FOUND)
            connection.execute(insert(attempt), TRIED)
        with database.read() as connection:
            yield connection


def unit_path(item: Case | Entry) -> str:
    if isinstance(item, Case):
        return item.unit_path
    case = item.case
    return next(each.unit_path for each, _ in FOUND if each.id == case)


def require_own(connection: Connection, ask: Ask, actor: Actor) -> None:
    seen = walk(lambda at: ask(connection, actor, at, 7))
    assert seen
    assert {unit_path(each) for each in seen} == {actor.unit_path}


def test_no_list_is_forgotten() -> None:
    """A list that takes an actor decides what is seen; those of one case have been asked before."""
    public = {name for name, value in vars(lists).items() if inspect.isfunction(value) and not name.startswith("_")}
    own = {name for name in public if getattr(lists, name).__module__ == lists.__name__}
    assert {name for name in own if "actor" in inspect.signature(getattr(lists, name)).parameters} == set(LISTS)


@pytest.mark.parametrize("name", LISTS)
def test_a_commune_sees_nothing_of_another(database_url: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with filled(database_url) as connection:
        require_own(connection, LISTS[name], COMMUNE)
        for nobody in (replace(COMMUNE, revoked=True), replace(COMMUNE, unit_path="VN/84/842/2923")):
            assert LISTS[name](connection, nobody, None, 7).items == ()
        monkeypatch.setattr(lists, "_tops", lambda *_: ("VN",))
        with pytest.raises(AssertionError):
            require_own(connection, LISTS[name], COMMUNE)


def happened(found: EventFilter) -> list[Entry]:
    """What a filter means, in plain words."""
    events: list[Entry] = [event for _, events in FOUND for event in events] if found.outcome != "refused" else []
    tried: list[Entry] = [lists._attempt(row) for row in TRIED] if found.outcome != "accepted" else []  # noqa: SLF001 - the one reader of such rows
    return sorted(
        (each for each in events + tried if _means(found, each)),
        key=lambda each: (each.recorded_at, each.id),
        reverse=True,
    )


def _means(found: EventFilter, each: Entry) -> bool:
    person = each.actor["person"] if isinstance(each, Event) else each.person
    day = civil_date(each.recorded_at)
    return (
        found.person in {None, person}
        and found.workflow in {None, each.workflow}
        and found.trigger in {None, each.trigger}
        and (found.unit is None or f"/{found.unit}/" in f"{unit_path(each)}/")
        and (found.first_day is None or day >= found.first_day)
        and (found.end_day is None or day < found.end_day)
    )


EVENT_FILTERS: Final = [
    EventFilter(outcome="refused"),
    EventFilter(outcome="all"),
    EventFilter(person="an"),
    EventFilter(person="nobody"),
    EventFilter(unit="842", outcome="all"),
    EventFilter(unit="29236"),
    EventFilter(workflow="market", outcome="all"),
    EventFilter(trigger="monitor", outcome="all"),
    EventFilter(first_day=date(2025, 3, 4), outcome="all"),
    EventFilter(end_day=date(2025, 3, 5)),
    EventFilter(first_day=date(2025, 3, 3), end_day=date(2025, 3, 6), person="bình", outcome="all"),
    EventFilter(person="chi", unit="84", workflow="border", trigger="suppress"),
    EventFilter(first_day=date(2015, 1, 1), end_day=date(2015, 2, 1)),
]


@pytest.mark.parametrize("bound", [8, walking.WALK])
def test_event_filters_mean_what_they_say(database_url: str, bound: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "WALK", bound)
    with filled(database_url) as connection:
        for found in EVENT_FILTERS:
            expected = happened(found)
            for actor in (ALL, COMMUNE):
                seen = [each for each in expected if actor is ALL or unit_path(each) == actor.unit_path]
                assert list(walk(lambda at: events(connection, actor, found, at))) == seen, (found, actor.unit)  # noqa: B023 - called at once
        every = len(happened(EventFilter(outcome="all")))
    telling = sum(0 < len(happened(found)) < every for found in EVENT_FILTERS)
    assert telling >= 10, "filters that tell apart"


def events(connection: Connection, actor: Actor, found: EventFilter, cursor: str | None) -> Page[Entry]:
    return list_events(connection, actor, TODAY, found, cursor=cursor, limit=20)


@pytest.mark.parametrize("few", [NEVER, walking.FEW])
def test_a_bounded_walk_is_short_and_still_whole(database_url: str, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "WALK", 3)
    monkeypatch.setattr(walking, "FEW", few)
    wanted = CaseFilter(state="suppressed", workflow="market", q="diem phuc tap")
    with filled(database_url) as connection:
        for found, meaning in [*FILTERS, (wanted, _all_of_them)]:
            expected = sorted((case for case, _ in FOUND if meaning(case)), key=lambda case: case.id, reverse=True)
            assert list(walk(lambda at: cases(connection, found, at))) == expected, found  # noqa: B023 - called at once
        pages = list(_pages(lambda at: cases(connection, wanted, at)))
    assert any(len(page.items) < 5 and page.next for page in pages), "no page was short"


LATE: Final = [
    CaseFilter(overdue=True),
    CaseFilter(overdue=True, workflow="market"),
    CaseFilter(overdue=True, unit="842", state="identified"),
    CaseFilter(overdue=True, q="diem"),
]


def test_hardly_a_case_overdue_is_one_page(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "WALK", 1)
    with filled(database_url) as connection:
        for found in LATE:
            page = cases(connection, found, None, limit=50)
            assert (bool(page.items), page.next) == (True, None), found
            monkeypatch.setattr(walking, "FEW", NEVER)
            assert page.items == walk(lambda at: cases(connection, found, at)), found  # noqa: B023 - called at once
            assert cases(connection, found, None, limit=50).next, "walking needs more than a page"
            monkeypatch.undo()
            monkeypatch.setattr(walking, "WALK", 1)


def test_more_overdue_than_are_looked_at_together_are_walked(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with filled(database_url) as connection:
        late = cases(connection, LATE[0], None, limit=200).items
        for few in (len(late), len(late) - 1):
            monkeypatch.setattr(walking, "FEW", few)
            assert walk(lambda at: cases(connection, LATE[0], at)) == late


def _all_of_them(case: Case) -> bool:
    return case.workflow == "market" and case.state == "suppressed" and "Điểm phức tạp" in case.title


def cases(connection: Connection, found: CaseFilter, cursor: str | None, limit: int = 5) -> Page[Case]:
    return list_cases(connection, ALL, TODAY, found, cursor=cursor, limit=limit)


def _pages(page_at: Callable[[str | None], Page[Any]]) -> Iterator[Page[Any]]:
    page = page_at(None)
    yield page
    while page.next:
        page = page_at(page.next)
        yield page


@pytest.mark.parametrize("name", LISTS)
def test_pages_do_not_shift_while_rows_are_added(database_url: str, name: str) -> None:
    """What comes in after the first page is newer, and belongs before it."""
    later = [_shifted(history, days=300) for history in samples.histories(12, 20)]
    with Database(database_url) as database:
        with database.write() as connection:
            samples.store(connection, FOUND)
            connection.execute(insert(attempt), TRIED)
        with database.read() as connection:
            expected = walk(lambda at: LISTS[name](connection, ALL, at, 7))
        cursor: str | None = None
        seen: list[Any] = []
        while cursor or not seen:
            with database.read() as connection:
                page = LISTS[name](connection, ALL, cursor, 7)
            seen, cursor = [*seen, *page.items], page.next
            with database.write() as connection:
                samples.store(connection, [later.pop()] if later else [])
        assert tuple(seen) == expected


def _shifted(history: samples.History, *, days: int) -> samples.History:
    """The same case much later, under another id."""
    case, _ = history
    return samples.history(Random(case.id), 1, later=timedelta(days=days))


def test_histories_join_events_and_attempts(database_url: str) -> None:
    case, ledger = max(FOUND, key=lambda history: history[0].version)
    tried = [lists._attempt(row) for row in TRIED if row["case_id"] == case.id]  # noqa: SLF001 - the one reader of such rows
    with filled(database_url) as connection:
        for limit in (1, 2, 50):
            found = walk(lambda at: case_history(connection, case.id, "all", cursor=at, limit=limit))  # noqa: B023 - called at once
            assert [each.id for each in found if isinstance(each, Event)] == [each.id for each in reversed(ledger)]
            assert [each for each in found if isinstance(each, Attempt)] == tried
            assert [each.recorded_at for each in found] == sorted((each.recorded_at for each in found), reverse=True)


@pytest.mark.parametrize("cursor", [".", "!.!", "x.", "!", "WyJhIl0.", "WyIyMDI1IiwiYSJd"])
def test_cursors_of_another_list_are_refused(sqlite_url: str, cursor: str) -> None:
    with Database(sqlite_url) as database, database.read() as connection, pytest.raises(BadCursorError):
        list_events(connection, ALL, TODAY, EventFilter(outcome="all"), cursor=cursor, limit=9)


def test_a_missing_word_is_noticed(database_url: str) -> None:
    with Database(database_url) as database:
        with database.write() as connection:
            samples.store_definitions(connection)
            samples.store(connection, FOUND)
        assert fsck.check(database).first_bad is None
        with database.write() as connection:
            (one, *_) = rows.word_rows(FOUND[0][0])
            connection.execute(
                delete(case_word).where(case_word.c.word == one["word"], case_word.c.case_id == one["case_id"])
            )
        bad = fsck.check(database).first_bad
    assert bad is not None
    assert "words" in bad.message


def test_samples_tell_orders_apart() -> None:
    """Controls the others: instants and ids of different tables and cases are mixed."""
    ranked = happened(EventFilter(outcome="all"))
    kinds: Sequence[bool] = [isinstance(each, Event) for each in ranked]
    assert sum(one != other for one, other in pairwise(kinds)) > 20
    assert event.c.recorded_at.key == attempt.c.recorded_at.key
