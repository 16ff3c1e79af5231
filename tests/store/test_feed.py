"""The feed: one order without gaps in which every event stands once, and pages of it that miss nothing."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, and_, select, text
from sqlalchemy.exc import OperationalError

from tests.faults import stage
from tests.store import samples
from tests.store.test_plans import plan, scanned
from workflows.core.authority import may_see
from workflows.core.case import Actor, Event
from workflows.core.documents import Role
from workflows.services.sequencing import Sequencer
from workflows.store import feed as store_feed
from workflows.store import schema
from workflows.store.database import Database, parse_url, sqlite_path
from workflows.store.feed import BeyondFeedError, FeedFilter, FeedPage, Sequenced, read_feed, sequence
from workflows.store.fsck import check
from workflows.store.tables import event, feed, outbox
from workflows.store.visibility import below, visible

TODAY = date(2025, 6, 1)
EVERYTHING = FeedFilter()


def actor(path: str = "VN", *, revoked: bool = False) -> Actor:
    unit = path.rpartition("/")[2]
    return Actor(grant="g", person="an", role=Role.AUDITOR, unit=unit, unit_path=path, revoked=revoked)


def places(connection: Connection) -> list[tuple[int, str, str, int]]:
    """Position, event, case and place in the case of all that the feed holds, in its order."""
    statement = select(feed.c.position, event.c.id, event.c.case_id, event.c.seq)
    statement = statement.join(event, event.c.id == feed.c.event_id).order_by(feed.c.position)
    return [tuple(row) for row in connection.execute(statement)]


def require_sound(connection: Connection) -> int:
    """Every event is in the feed, once, at positions from 1, after the earlier ones of its case; tells how many."""
    found = places(connection)
    assert [position for position, *_ in found] == list(range(1, len(found) + 1))
    assert sorted(each for _, each, _, _ in found) == sorted(connection.execute(select(event.c.id)).scalars())
    assert connection.execute(select(outbox)).all() == []
    by_case: dict[str, list[int]] = {}
    for _, _, case, seq in found:
        by_case.setdefault(case, []).append(seq)
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in by_case.values())
    return len(found)


def walk(
    connection: Connection, who: Actor, wanted: FeedFilter = EVERYTHING, *, limit: int = 200
) -> Iterator[FeedPage]:
    after, more = 0, True
    while more:
        page = read_feed(connection, who, TODAY, wanted, after=after, limit=limit)
        yield page
        after, more = page.next, page.more


@pytest.fixture
def filled(database_url: str) -> Iterator[Connection]:
    with Database(database_url) as database:
        with database.write() as connection:
            samples.store_definitions(connection)
            samples.store(connection, samples.histories(5, 20))
            sequence(connection)
        with database.read() as connection:
            yield connection


def test_the_order_is_kept_whatever_comes_later(database_url: str) -> None:
    chance = Random(1)
    told: list[Sequenced] = []
    with Database(database_url) as database:
        before: list[tuple[int, str, str, int]] = []
        for seed in range(6):
            with database.write() as connection:
                samples.store(connection, samples.histories(seed, 4))
                told += sequence(connection, limit=chance.randint(1, 9))
                after = places(connection)
            assert after[: len(before)] == before
            before = after
        with database.write() as connection:
            while found := sequence(connection, limit=5):
                told += found
            assert require_sound(connection) == len(told) > 60
            rows = {row.id: row for row in connection.execute(select(event))}
            assert [(one.position, one.event) for one in told] == [place[:2] for place in places(connection)]
        for one in told:
            row = rows[one.event]
            assert one.case == row.case_id
            assert (one.workflow, one.trigger, one.unit_path) == (row.workflow, row.trigger, row.unit_path)


def test_events_of_one_instant_keep_the_order_of_their_case(database_url: str) -> None:
    """The clock of the stage stands still."""
    communes = stage.communes(database_url, 3)
    stage.populate(database_url)
    police = Role.PROVINCIAL_POLICE
    with stage.running(database_url) as engine:
        opened = stage.all_accepted(engine, police, map(stage.hotspot, communes))
        for number in range(4):
            act = stage.relapse if number % 2 else stage.suppress
            stage.all_accepted(engine, police, map(act, opened))
            with engine.database.write() as connection:
                sequence(connection, limit=2)
        with engine.database.write() as connection:
            sequence(connection)
            assert require_sound(connection) == 15
            assert len(set(connection.execute(select(event.c.recorded_at)).scalars())) == 1


def test_only_what_waits_is_read(sqlite_url: str) -> None:
    """Not all events that there ever were."""
    with Database(sqlite_url) as database, database.read() as connection:
        assert scanned(plan(connection, vars(store_feed)["_WAITING"])) == ["SCAN outbox"]
        careless = select(event.c.id).where(event.c.id == outbox.c.event_id).order_by(event.c.recorded_at)
        assert scanned(plan(connection, careless)) != ["SCAN outbox"], "the control must go through the events"


def test_a_page_is_read_by_position(sqlite_url: str) -> None:
    """Whatever is wanted: of a trigger, a unit or a workflow there may be any number of events."""
    here, path = feed.c.position.between(1, 2), event.c.unit_path
    conditions = (
        visible(actor("VN/84"), path, TODAY),
        and_(visible(actor(), path, TODAY), event.c.trigger == "open", event.c.workflow == "market"),
        and_(visible(actor(), path, TODAY), event.c.trigger == "open", below(path, ["VN/84/842"])),
    )
    page = vars(store_feed)["_PAGE"]
    direct = select(event.c.id).join(feed, feed.c.event_id == event.c.id).where(here, event.c.trigger == "open")
    with Database(sqlite_url) as database, database.read() as connection:
        for condition in conditions:
            lines = plan(connection, page.where(here, condition).limit(1))
            assert lines[0] == "SEARCH feed USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"
        assert "trigger" in plan(connection, direct)[0], "the control must go through the events of a trigger"


def test_the_second_of_two_sequencers_leaves_it_to_the_first(postgresql_url: str) -> None:
    with Database(postgresql_url) as database:
        with database.write() as connection:
            samples.store(connection, samples.histories(1, 3))
        with database.write() as first:
            assert sequence(first, limit=2)
            with database.write() as second:
                samples.store(second, samples.histories(2, 3))
                assert sequence(second) == []
        with database.write() as connection:
            assert sequence(connection)
            assert require_sound(connection) > 6


def test_two_would_want_the_same_positions(postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Controls the one above: there, only the lock keeps the second away."""
    monkeypatch.setattr(store_feed, "_ONE_AT_A_TIME", text("SELECT true"))
    with Database(postgresql_url) as database:
        with database.write() as connection:
            samples.store(connection, samples.histories(1, 3))
        with ExitStack() as stack:
            sequence(stack.enter_context(database.write()), limit=2)
            second = stack.enter_context(database.write())
            second.execute(text("SET LOCAL lock_timeout = '100ms'"))
            with pytest.raises(OperationalError, match="lock timeout"):
                sequence(second)
            second.rollback()


def test_two_sequencers_at_work(database_url: str) -> None:
    communes = stage.communes(database_url, 8)
    stage.populate(database_url)
    police = Role.PROVINCIAL_POLICE
    with stage.running(database_url) as engine, stage.running(database_url) as other:
        sequencers = [Sequencer(engine), Sequencer(other)]
        for each in sequencers:
            each.start()
        opened = stage.all_accepted(engine, police, map(stage.hotspot, communes))
        for number in range(10):
            act = stage.relapse if number % 2 else stage.suppress
            stage.all_accepted(other if number % 3 else engine, police, map(act, opened))
        for each in sequencers:
            each.stop()
            assert not each.alive
        with engine.database.read() as connection:
            assert require_sound(connection) == 88


def test_a_reader_sees_what_he_may(filled: Connection) -> None:
    rows = {row.id: row for row in filled.execute(select(event))}
    for path in ("VN", "VN/84", "VN/84/842", "VN/84/842/29236", "VN/22", "VN/8"):
        expected = [each for _, each, _, _ in places(filled) if may_see(actor(path), rows[each].unit_path, TODAY)]
        for limit in (3, 200):
            found = [each.id for page in walk(filled, actor(path), limit=limit) for _, each in page.items]
            assert found == expected
        assert not [page.items for page in walk(filled, actor(path, revoked=True)) if page.items]


FILTERS: list[tuple[FeedFilter, Callable[[Event], bool]]] = [
    (FeedFilter(workflow="market"), lambda each: each.workflow == "market"),
    (FeedFilter(trigger="open"), lambda each: each.trigger == "open"),
    (FeedFilter(unit="842"), lambda each: each.unit in {"29236", "29239"}),
    (FeedFilter(unit="22"), lambda each: each.unit == "06652"),
    (FeedFilter(unit="99999"), lambda _: False),
    (
        FeedFilter(workflow="border", trigger="monitor", unit="84"),
        lambda each: each.workflow == "border" and each.trigger == "monitor" and each.unit.startswith("29"),
    ),
]


def test_filters_mean_what_they_say(filled: Connection) -> None:
    everything = [item for page in walk(filled, actor()) for item in page.items]
    for wanted, meant in FILTERS:
        found = [item for page in walk(filled, actor(), wanted) for item in page.items]
        assert found == [(position, each) for position, each in everything if meant(each)], wanted
        assert len(found) < len(everything)
        assert bool(found) == (wanted.unit != "99999"), wanted


def test_pages_end_where_the_next_begins(filled: Connection) -> None:
    pages = list(walk(filled, actor(), limit=7))
    assert [page.next for page in pages[:-1]] == [7 * number for number in range(1, len(pages))]
    assert [position for page in pages for position, _ in page.items] == list(range(1, pages[-1].next + 1))
    assert [page.more for page in pages] == [True] * (len(pages) - 1) + [False]


def test_a_page_looks_at_so_many_positions_only(filled: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever may see nothing, or little, comes to the end, too, and in bounded steps."""
    monkeypatch.setattr(store_feed, "SCANNED", 10)
    last = len(places(filled))
    for wanted, path in ((EVERYTHING, "VN/8"), (FeedFilter(trigger="open"), "VN")):
        pages = list(walk(filled, actor(path), wanted))
        steps = [after.next - before.next for before, after in pairwise(pages)]
        assert set(steps[:-1]) == {10}
        assert pages[-1].next == last
        assert not pages[-1].more
    assert any(page.items for page in pages)
    assert not all(page.items for page in walk(filled, actor("VN/22")))


def test_a_reader_beyond_the_end_is_told(filled: Connection) -> None:
    last = len(places(filled))
    page = read_feed(filled, actor(), TODAY, EVERYTHING, after=last, limit=1)
    assert page == FeedPage(items=(), next=last, more=False)
    with pytest.raises(BeyondFeedError, match=f"ends at position {last}; it never gave {last + 1}"):
        read_feed(filled, actor(), TODAY, EVERYTHING, after=last + 1, limit=1)


def test_an_empty_feed_has_an_empty_page(database_url: str) -> None:
    with Database(database_url) as database, database.write() as connection:
        page = read_feed(connection, actor(), TODAY, EVERYTHING, after=0, limit=1)
        assert page == FeedPage(items=(), next=0, more=False)
        assert sequence(connection) == []


def test_an_older_database_has_its_history_in_the_feed(database_url: str) -> None:
    first_revision(database_url)
    with Database(database_url) as database:
        with database.write() as connection:
            samples.store_definitions(connection)
            for case, events in samples.histories(1, 9):
                samples.store_ledger(connection, case, events)
        schema.upgrade(database_url)
        with database.read() as connection:
            recorded = select(event.c.recorded_at).join(feed, feed.c.event_id == event.c.id).order_by(feed.c.position)
            instants = connection.execute(recorded).scalars().all()
            assert instants == sorted(instants)
            assert require_sound(connection) == len(instants) > 9
        assert check(database).first_bad is None


def first_revision(url: str) -> None:
    """Makes the database anew, as the first release did."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        path: Path = sqlite_path(parsed)
        path.write_bytes(b"")
    with Database(url) as database, database.write() as connection:
        if not database.is_sqlite:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        configuration = Config()
        configuration.set_main_option("script_location", "workflows.store:migrations")
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "0001")
