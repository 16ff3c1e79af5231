"""What is queued for whom, claimed by whom, and in what order; on both databases."""

import shutil
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from uuid import uuid4

import pytest
from psycopg import sql
from sqlalchemy import Connection, Executable, insert, select, text, update

from tests.conftest import Run, execute, name_of, with_database
from tests.store import samples
from workflows.core.civil import civil_date, format_instant
from workflows.core.documents import Role
from workflows.core.overdue import DEADLINE_PASSED
from workflows.store import rows, subscriptions, webhooks
from workflows.store.database import Database
from workflows.store.feed import Sequenced, sequence
from workflows.store.happened import with_happened
from workflows.store.subscriptions import Subscription
from workflows.store.tables import api_key, cases, delivery, event, feed, outbox, subscription
from workflows.store.webhooks import Claimed, Result, State, Verdict

NOW = samples.START + timedelta(days=60)
LEASE = timedelta(seconds=60)
TRA_VINH, CAO_BANG = "VN/84", "VN/04"
INSIDE, OUTSIDE = "VN/84/842/29236", "VN/22/193/06652"
PLENTY = 1000


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database for all tests: what they ask and write stays in one transaction each, which is taken back."""
    if request.param == "sqlite":
        copy = tmp_path_factory.mktemp("webhooks") / "workflows.sqlite"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), copy)
        url = f"sqlite:///{copy}"
    else:
        template = request.getfixturevalue("postgresql_template")
        url = with_database(template, f"{run.prefix}_{uuid4().hex}")
        create = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        execute(with_database(url, "postgres"), create.format(name_of(url), name_of(template)))
    with Database(url) as found:
        with found.write() as connection:
            prepare(connection)
        yield found
    if request.param == "postgresql":
        execute(with_database(url, "postgres"), sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name_of(url)))


@pytest.fixture
def connection(shared: Database) -> Iterator[Connection]:
    with closing(shared.writer_connection()) as connection, shared.turn(), connection.begin() as transaction:
        yield connection
        transaction.rollback()


def prepare(connection: Connection) -> None:
    samples.store_definitions(connection)
    connection.execute(insert(api_key), [key("a", "VN"), key("b", TRA_VINH)])


def key(name: str, path: str) -> dict[str, object]:
    row = {"id": name, "secret_hash": name, "name": name, "person": name, "role": Role.SYSTEM.value}
    return {**row, "unit": path[-2:], "unit_path": path, "scope": "", "created_at": samples.instant()}


def subscribed(connection: Connection, name: str, grant: str = "a", **more: object) -> Subscription:
    made = Subscription(
        id=name,
        name=name,
        url="https://example.org/",
        secret="whsec_AAAA",  # noqa: S106 - signs nothing
        old_secret=None,
        old_secret_until=None,
        workflows=(),
        triggers=(),
        units=(),
        unit_paths=(),
        grant_id=grant,
        person=grant,
        unit_path="VN",
        active=True,
        paused_because=None,
        created_at=NOW,
    )
    found = replace(made, **more)  # type: ignore[arg-type]  # fields by name
    subscriptions.create(connection, found)
    return found


def happened(connection: Connection, seed: int, *lengths: int, path: str = INSIDE) -> list[Sequenced]:
    """Cases of so many events, one event of each case in turn."""
    chance = Random(seed)
    found = [samples.history(chance, length, path=path) for length in lengths]
    samples.store(connection, found)
    return publish(connection)


def publish(connection: Connection, limit: int = PLENTY) -> list[Sequenced]:
    found = sequence(connection, limit=limit)
    webhooks.fan_out(connection, found, NOW)
    return found


def queued(connection: Connection, name: str) -> list[int]:
    statement = select(delivery.c.position).where(delivery.c.subscription_id == name)
    return list(connection.execute(statement.order_by(delivery.c.position)).scalars())


def claim(connection: Connection, *names: str, room: int = PLENTY, now: datetime = NOW) -> list[Claimed]:
    return webhooks.claim(connection, dict.fromkeys(names, room), now, LEASE)


def positions(claimed: Collection[Claimed]) -> list[int]:
    return sorted(each.position for each in claimed)


def delivered(connection: Connection, claimed: Collection[Claimed], now: datetime = NOW) -> None:
    webhooks.settle(connection, [Result(claimed=each, verdict=Verdict.DELIVERED) for each in claimed], now)


def drained(connection: Connection, name: str, *, now: datetime = NOW) -> list[Claimed]:
    """Everything in the order in which it can be had."""
    found: list[Claimed] = []
    while claimed := claim(connection, name, now=now):
        found += claimed
        delivered(connection, claimed, now)
    return found


def test_every_active_subscription_gets_what_it_wants(connection: Connection) -> None:
    subscribed(connection, "all")
    subscribed(connection, "market", workflows=("market",))
    subscribed(connection, "opened", triggers=("open",))
    subscribed(connection, "district", units=("842",), unit_paths=("VN/84/842",))
    subscribed(connection, "own", grant="b")
    subscribed(connection, "paused", active=False)
    found = happened(connection, 1, 3, 2, 4) + happened(connection, 2, 3, 3, path=OUTSIDE)
    assert queued(connection, "all") == [each.position for each in found]
    assert queued(connection, "market") == [each.position for each in found if each.workflow == "market"]
    assert queued(connection, "opened") == [each.position for each in found if each.trigger == "open"]
    inside = [each.position for each in found if each.unit_path == INSIDE]
    assert queued(connection, "district") == queued(connection, "own") == inside
    assert queued(connection, "paused") == []
    assert 0 < len(queued(connection, "market")) < len(found)


def test_a_unit_whose_code_begins_alike_is_another(connection: Connection) -> None:
    subscribed(connection, "near", unit_paths=("VN/84/84",))
    happened(connection, 1, 2)
    assert queued(connection, "near") == []


def test_a_revoked_key_is_told_nothing(connection: Connection) -> None:
    subscribed(connection, "s")
    first = happened(connection, 1, 2)
    connection.execute(update(api_key).values(revoked_at=format_instant(NOW)))
    happened(connection, 2, 2)
    assert queued(connection, "s") == [each.position for each in first]
    assert webhooks.due(connection, NOW) == ("s",)
    assert claim(connection, "s") == []
    found = subscriptions.get(connection, "s")
    assert found
    assert (found.active, found.paused_because) == (False, "grant_ended")
    assert webhooks.due(connection, NOW) == ()


def test_what_is_hidden_is_dropped_and_its_case_goes_on(connection: Connection) -> None:
    """A case may have moved: its first events lie where the key sees nothing, the last where it does."""
    wish = subscribed(connection, "s")
    case, events = samples.history(Random(1), 3, path=OUTSIDE)
    samples.store(connection, [(case, events[:2])])
    publish(connection)
    moved, _ = rows.event_rows(events[2], INSIDE)
    connection.execute(insert(event), moved)
    connection.execute(insert(outbox), {"event_id": events[2].id})
    publish(connection)
    narrowed = replace(wish, grant_id="b", unit_path=TRA_VINH)
    subscriptions.replace(connection, narrowed)
    webhooks.forget_hidden(connection, narrowed, NOW)
    assert [each.event for each in drained(connection, "s")] == [events[2].id]


def test_the_two_forms_of_the_rule_agree(connection: Connection) -> None:
    """Of a value, for what happens; of the database, for what is replayed."""
    chance = Random(5)
    found = [each for seed in range(8) for each in happened(connection, seed, 2, 2, path=chance.choice(samples.PATHS))]
    samples.store_notices(connection, [rows.case_of(row) for row in connection.execute(select(cases)).mappings()])
    found += sequence(connection)
    wishes = [
        subscribed(
            connection,
            f"w{number}",
            grant=chance.choice("ab"),
            workflows=tuple(chance.sample(["market", "border"], chance.randrange(3))),
            triggers=tuple(chance.sample(["open", "suppress", "monitor", DEADLINE_PASSED], chance.randrange(3))),
            unit_paths=tuple(chance.sample([INSIDE, OUTSIDE, TRA_VINH, "VN/84/84"], chance.randrange(3))),
        )
        for number in range(40)
    ]
    sizes = set()
    for wish in wishes:
        owner = subscriptions.owner_of(connection, wish)
        today = civil_date(NOW)
        by_value = {each.event for each in found if subscriptions.wants(wish, owner, each, today)}
        conditions = subscriptions.wanted(wish, owner, today)
        stored = select(feed.c.event_id).select_from(with_happened(feed, feed.c.event_id)).where(*conditions)
        assert by_value == set(connection.execute(stored).scalars())
        sizes.add(len(by_value))
    assert len(sizes) > 5, "the wishes hardly differ"


def test_a_notice_comes_after_the_events_of_its_case_and_again_when_it_is_replayed(connection: Connection) -> None:
    """Recorded last, so that only its place tells."""
    subscribed(connection, "s", triggers=("monitor", DEADLINE_PASSED))
    found = happened(connection, 3, 2, 1, 3)
    stored = [rows.case_of(row) for row in connection.execute(select(cases)).mappings()]
    told = {
        each.id
        for each in samples.store_notices(connection, [case for case in stored if case.id in {f.case for f in found}])
    }
    later = sequence(connection)
    webhooks.fan_out(connection, later, NOW)
    assert {each.event for each in later} == told
    assert all(each.trigger == DEADLINE_PASSED for each in later)
    assert told <= {each.event for each in drained(connection, "s")}
    webhooks.replay(connection, "s", after=0)
    assert told <= {each.event for each in drained(connection, "s")}


def test_of_each_case_one_at_a_time_in_order(connection: Connection) -> None:
    subscribed(connection, "s")
    found = happened(connection, 3, 4, 1, 3)
    first = claim(connection, "s")
    assert len(first) == 3
    assert claim(connection, "s") == [], "all heads are taken"
    delivered(connection, first)
    rest = drained(connection, "s")
    by_case: dict[str, list[int]] = {}
    for each in [*first, *rest]:
        by_case.setdefault(each.case, []).append(each.position)
    assert all(order == sorted(order) for order in by_case.values())
    assert positions([*first, *rest]) == [each.position for each in found]
    assert queued(connection, "s") == []


def test_what_comes_while_its_case_is_under_way_waits(connection: Connection) -> None:
    subscribed(connection, "s")
    case, events = samples.history(Random(1), 3, path=INSIDE)
    samples.store(connection, [(case, events)])
    publish(connection, 1)
    under_way = claim(connection, "s")
    publish(connection)
    assert claim(connection, "s") == []
    delivered(connection, under_way)
    assert [each.event for each in drained(connection, "s")] == [one.id for one in events[1:]]


def test_room_is_kept_to(connection: Connection) -> None:
    subscribed(connection, "s")
    subscribed(connection, "t")
    happened(connection, 1, *[1] * 9)
    found = webhooks.claim(connection, {"s": 2, "t": 5}, NOW, LEASE)
    names = [each.subscription.id for each in found]
    assert (names.count("s"), names.count("t")) == (2, 5)


def test_a_claim_that_nobody_settles_comes_back(connection: Connection) -> None:
    subscribed(connection, "s")
    happened(connection, 1, 2)
    lost = claim(connection, "s")
    assert webhooks.due(connection, NOW + LEASE - timedelta(seconds=1)) == ()
    later = NOW + LEASE
    assert webhooks.due(connection, later) == ("s",)
    again = claim(connection, "s", now=later)
    assert positions(again) == positions(lost)
    delivered(connection, lost, later)
    assert len(queued(connection, "s")) == 2, "only the newer claim can be settled"
    assert claim(connection, "s", now=later) == []
    delivered(connection, again, later)
    assert len(queued(connection, "s")) == 1


def test_a_retry_holds_back_its_case_only(connection: Connection) -> None:
    subscribed(connection, "s")
    happened(connection, 1, 3, 3)
    poison, *others = claim(connection, "s")
    again = NOW + timedelta(minutes=5)
    retry = Result(claimed=poison, verdict=Verdict.RETRY, next_at=again, status=500, error="answered 500")
    webhooks.settle(connection, [retry], NOW)
    delivered(connection, others)
    assert {each.case for each in drained(connection, "s")} == {others[0].case}
    (shown, *_) = webhooks.list_deliveries(connection, "s", None, cursor=None, limit=10).items[::-1]
    assert (shown.attempts, shown.last_status, shown.next_at) == (1, 500, again)
    assert drained(connection, "s", now=again)[0].position == poison.position


def test_after_a_dead_letter_its_case_goes_on(connection: Connection) -> None:
    subscribed(connection, "s")
    found = happened(connection, 1, 3)
    dead = claim(connection, "s")
    webhooks.settle(connection, [Result(claimed=dead[0], verdict=Verdict.DEAD, error="no")], NOW)
    assert positions(drained(connection, "s")) == [each.position for each in found[1:]]
    assert [each.state for each in webhooks.list_deliveries(connection, "s", None, cursor=None, limit=9).items] == [
        State.DEAD
    ]


def test_a_release_counts_as_no_attempt(connection: Connection) -> None:
    subscribed(connection, "s")
    happened(connection, 1, 1)
    (claimed,) = claim(connection, "s")
    webhooks.settle(connection, [Result(claimed=claimed, verdict=Verdict.RELEASED)], NOW)
    (again,) = claim(connection, "s")
    assert again.attempts == 0


def test_who_is_gone_is_paused_and_keeps_what_waits(connection: Connection) -> None:
    subscribed(connection, "s")
    happened(connection, 1, 2)
    (claimed,) = claim(connection, "s")
    webhooks.settle(connection, [Result(claimed=claimed, verdict=Verdict.RETRY, status=410, gone=True)], NOW)
    assert webhooks.due(connection, NOW) == ()
    assert claim(connection, "s") == []
    assert len(queued(connection, "s")) == 2


def test_dead_letters_are_replayed_before_what_waits(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    subscribed(connection, "s")
    found = happened(connection, 1, 3)
    for _ in range(2):
        (claimed,) = claim(connection, "s")
        webhooks.settle(connection, [Result(claimed=claimed, verdict=Verdict.DEAD)], NOW)
    monkeypatch.setattr(webhooks, "REVIVED", 1)
    assert webhooks.revive(connection, "s", NOW) == 1
    assert webhooks.revive(connection, "s", NOW) == 1
    assert webhooks.revive(connection, "s", NOW) == 0
    assert [each.position for each in drained(connection, "s")] == [each.position for each in found]


@pytest.mark.parametrize("under_way", [False, True])
def test_a_replay_brings_all_again_in_order(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, *, under_way: bool
) -> None:
    monkeypatch.setattr(webhooks, "WINDOW", 2)
    wish = subscribed(connection, "s", triggers=("open", "suppress", "monitor"))
    found = happened(connection, 1, 5, 3, 1)
    drained(connection, "s")
    fresh = happened(connection, 2, 2)
    busy = claim(connection, "s") if under_way else []
    wanted = [each for each in found + fresh if each.trigger != "resolve" and each.position > 2]
    assert webhooks.count_after(connection, wish, 2, NOW) == len(wanted)
    webhooks.replay(connection, "s", after=2)
    assert webhooks.due(connection, NOW) == ("s",)
    while subscriptions.get(connection, "s").replay_until is not None:  # type: ignore[union-attr]  # it is there
        assert busy or len(queued(connection, "s")) <= len(wanted)
        found_now = claim(connection, "s")
        if busy:
            assert found_now == [], "what is under way ends first"
            delivered(connection, busy)
            busy = []
        else:
            delivered(connection, found_now)
            got = found_now
    got += drained(connection, "s")
    order: dict[str, list[int]] = {}
    for each in got:
        order.setdefault(each.case, []).append(each.position)
    assert all(each == sorted(each) for each in order.values())
    assert positions(got) == [each.position for each in wanted]


def test_a_replay_beyond_the_feed_is_none(connection: Connection) -> None:
    wish = subscribed(connection, "s")
    found = happened(connection, 1, 2)
    drained(connection, "s")
    assert webhooks.count_after(connection, wish, found[-1].position, NOW) == 0
    webhooks.replay(connection, "s", after=found[-1].position)
    assert webhooks.due(connection, NOW) == ()


def test_a_removed_subscription_takes_its_queue_along(connection: Connection) -> None:
    subscribed(connection, "s")
    subscribed(connection, "t")
    happened(connection, 1, 2)
    late = claim(connection, "s")
    subscriptions.remove(connection, "s")
    delivered(connection, late)
    assert connection.execute(select(subscription.c.id)).scalars().all() == ["t"]
    assert len(queued(connection, "t")) == 2


def test_pages_of_deliveries(connection: Connection) -> None:
    subscribed(connection, "s")
    found = happened(connection, 1, 5)
    first = webhooks.list_deliveries(connection, "s", State.WAITING, cursor=None, limit=3)
    second = webhooks.list_deliveries(connection, "s", State.WAITING, cursor=first.next, limit=3)
    shown = [each.position for each in [*first.items, *second.items]]
    assert shown == [each.position for each in found][::-1]
    assert second.next is None
    assert webhooks.list_deliveries(connection, "s", State.DEAD, cursor=None, limit=3).items == ()


def test_two_senders_never_claim_the_same(postgresql_url: str) -> None:
    with Database(postgresql_url) as database:
        with database.write() as connection:
            prepare(connection)
            subscribed(connection, "s")
            happened(connection, 1, *[1] * 6)
        with database.write() as one, database.write() as other:
            mine = claim(one, "s", room=3)
            assert claim(other, "s", room=3) == [], "neither waits for the other, nor takes what it has"
            assert len(mine) == 3
        with database.write() as connection:
            assert len(claim(connection, "s")) == 3


def test_a_long_queue_is_found_by_indexes(sqlite_url: str) -> None:
    """Otherwise one subscriber that is away would slow the transactions for all."""
    with Database(sqlite_url) as database, database.read() as connection:
        for statement in (webhooks._DUE, webhooks._PROMOTE, webhooks._DEMOTE, webhooks._ENQUEUE):  # noqa: SLF001 - plans are of statements
            plan = plan_of(connection, statement)
            assert not [line for line in plan if line.startswith("SCAN") and "subscription" not in line], plan
            assert not [line for line in plan if "delivery" in line and "PRIMARY" in line and "<" in line], plan


def plan_of(connection: Connection, statement: Executable) -> list[str]:
    compiled = str(statement.compile(connection))  # type: ignore[attr-defined]  # every statement has it; Executable does not say so
    rows = connection.execute(text("EXPLAIN QUERY PLAN " + compiled.replace("?", "'1'")))
    return [row.detail for row in rows]
