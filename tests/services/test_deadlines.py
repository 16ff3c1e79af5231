"""A newly issued swap on a database with running cases: which deadlines move, and that they move once; on both."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from sqlalchemy import Connection, select

from tests.errands import SWAP, errand_catalogue, store_errand
from tests.factories import COMMUNE, Clock, carried_out, opened
from workflows.core.case import Accepted, Actor, CaseId, Decision, Fire, Kind, NotFound, Open, Refused
from workflows.core.documents import Role
from workflows.services import deadlines
from workflows.services.engine import Engine
from workflows.store import keys, lists, webhooks
from workflows.store.database import Database
from workflows.store.feed import FeedFilter, read_feed, sequence
from workflows.store.fsck import check
from workflows.store.subscriptions import Subscription, create
from workflows.store.tables import delivery


@dataclass(slots=True, kw_only=True)
class Office:
    """One database; the calendar is the one that is issued when an engine is started."""

    url: str
    notices: str = ""
    clock: Clock = field(default_factory=Clock)
    secrets: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def running(self) -> Iterator[Engine]:
        catalogue = errand_catalogue(self.notices)
        database = Database(self.url)
        engine = Engine(database=database, catalogue=catalogue, clock=self.clock, batch_limit=64, queue_limit=1024)
        engine.writer.start()
        try:
            yield engine
        finally:
            engine.stop()

    def actor(self, who: str) -> Actor:
        with Database(self.url) as database, database.read() as connection:
            found = keys.find(connection, self.secrets[who])
        assert found is not None
        return found

    def open(self, engine: Engine, title: str, *triggers: str) -> CaseId:
        self.clock.advance(seconds=1)
        act = Open(workflow="errand", unit=COMMUNE, title=title)
        grant = self.actor("police").grant
        case = opened(carried_out(engine, engine.command(grant=grant, act=act)))
        for trigger in triggers:
            fired = carried_out(engine, engine.command(grant=grant, act=Fire(case=case, trigger=trigger)))
            assert isinstance(fired, Accepted), fired
        return case

    def due(self, engine: Engine, case: CaseId) -> str:
        return str(deadlines.explained(engine, self.actor("administrator"), case).case.due)


@pytest.fixture
def office(database_url: str) -> Office:
    found = Office(url=database_url)
    with Database(database_url) as database:
        store_errand(database)
        for name, role, unit in (
            ("police", Role.COMMUNE_POLICE, COMMUNE),
            ("administrator", Role.ADMINISTRATOR, "VN"),
            ("elsewhere", Role.ADMINISTRATOR, "22"),
        ):
            grant = keys.Grant(role=role, unit=unit, person=name, name=name)
            found.secrets[name] = keys.create(database, grant, now=found.clock()).secret
    return found


def codes(decision: Decision) -> list[str]:
    assert isinstance(decision, Refused), decision
    return [blocker.code for blocker in decision.blockers]


def test_a_swap_moves_the_deadlines_of_running_cases_once(office: Office) -> None:
    with office.running() as engine:
        running = [office.open(engine, f"Việc {number}") for number in range(3)]
        office.open(engine, "Đang chờ", "wait")
        office.open(engine, "Đã xong", "finish")
        assert list(deadlines.moves(engine, office.actor("administrator"))) == []
    office.notices = SWAP
    office.clock.advance(hours=1)
    with office.running() as engine:
        administrator = office.actor("administrator")
        found = list(deadlines.moves(engine, administrator))
        assert [(move.case.id, str(move.case.due), str(move.last)) for move in found] == [
            (case, "2025-03-12", "2025-03-13") for case in running
        ]
        assert {notice.number for move in found for notice in move.notices} == {"77/TB-BNV"}
        done = list(deadlines.apply(engine, administrator, found, "Theo 77/TB-BNV"))
        assert all(isinstance(decision, Accepted) for _, decision in done)
        assert [office.due(engine, case) for case in running] == ["2025-03-13"] * 3
        assert list(deadlines.moves(engine, administrator)) == []
        office.clock.advance(hours=1)
        again = [decision for _, decision in deadlines.apply(engine, administrator, found, None)]
        assert [codes(decision) for decision in again] == [["deadline_stands"]] * 3
    with Database(office.url) as database:
        report = check(database)
        assert report.first_bad is None, report
        assert (report.cases, report.events) == (5, 5 + 2 + 3)
        with database.read() as connection:
            history = lists.case_history(connection, running[0], "all", cursor=None, limit=50).items
    assert [getattr(entry, "kind", "attempted") for entry in history] == ["attempted", Kind.DEADLINE_MOVED, Kind.OPENED]


def test_a_run_that_was_ended_goes_on(office: Office) -> None:
    with office.running() as engine:
        running = [office.open(engine, f"Việc {number}") for number in range(4)]
    office.notices = SWAP
    with office.running() as engine:
        administrator = office.actor("administrator")
        first, second, *_ = deadlines.moves(engine, administrator)
        list(deadlines.apply(engine, administrator, (first, second), None))
    with office.running() as engine:
        assert [move.case.id for move in deadlines.moves(engine, administrator)] == running[2:]


def test_only_what_one_may_see_is_shown_and_moved(office: Office) -> None:
    with office.running() as engine:
        case = office.open(engine, "Việc")
    office.notices = SWAP
    with office.running() as engine:
        (found,) = deadlines.moves(engine, office.actor("administrator"))
        assert list(deadlines.moves(engine, office.actor("elsewhere"))) == []
        ((_, police),) = deadlines.apply(engine, office.actor("police"), [found], None)
        ((_, elsewhere),) = deadlines.apply(engine, office.actor("elsewhere"), [found], None)
        assert codes(police) == ["role"]
        assert isinstance(elsewhere, NotFound)
        assert office.due(engine, case) == "2025-03-12"


def test_readers_outside_are_told(office: Office) -> None:
    with office.running() as engine:
        case = office.open(engine, "Việc")
    office.notices = SWAP
    with office.running() as engine:
        administrator, today = office.actor("administrator"), office.clock().date()
        with engine.database.write() as connection:
            subscribe(connection, administrator, office.clock())
        list(deadlines.apply(engine, administrator, list(deadlines.moves(engine, administrator)), None))
        with engine.database.write() as connection:
            webhooks.fan_out(connection, sequence(connection), office.clock())
            queued = connection.execute(select(delivery.c.position)).scalars().all()
        with engine.database.read() as connection:
            wanted = FeedFilter(trigger="move_deadline")
            ((position, told),) = read_feed(connection, administrator, today, wanted, after=0, limit=10).items
    assert (told.case, told.kind, told.changes) == (case, Kind.DEADLINE_MOVED, {"due": "2025-03-13"})
    assert queued == [position]


def subscribe(connection: Connection, owner: Actor, now: datetime) -> None:
    """To the moves of deadlines alone."""
    wanted = Subscription(
        id="moves",
        name="moves",
        url="https://example.org/",
        secret="whsec_AAAA",  # noqa: S106 - signs nothing
        old_secret=None,
        old_secret_until=None,
        workflows=(),
        triggers=("move_deadline",),
        units=(),
        unit_paths=(),
        grant_id=owner.grant,
        person=owner.person,
        unit_path=owner.unit_path,
        active=True,
        paused_because=None,
        created_at=now,
    )
    create(connection, wanted)
