"""What is still to be handed to subscribers: queued with an event's position, claimed, settled, queued again.

Of each subscription and case one delivery at a time is the head: it alone has a `next_at` and can be claimed, so that
order within a case is kept and a long queue costs no more than a short one. Sends nothing, and leaves who subscribes
to what to `subscriptions`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    null,
    or_,
    select,
    update,
)

from workflows.core.authority import in_force
from workflows.core.civil import civil_date, format_instant, parse_instant
from workflows.store.among import among
from workflows.store.feed import Sequenced
from workflows.store.happened import happened, with_happened
from workflows.store.paging import Page, ordered, page
from workflows.store.rows import Row
from workflows.store.subscriptions import (
    GONE,
    GRANT_ENDED,
    Subscription,
    get,
    locking,
    of_row,
    owned,
    owner_of,
    owner_of_row,
    pause,
    wanted,
    wants,
)
from workflows.store.tables import delivery, event, feed, notice, subscription
from workflows.store.visibility import visible

WINDOW: Final = 2_000
"""Positions of the feed that one transaction queues again."""

REVIVED: Final = 10_000
"""Given-up deliveries that one transaction queues again."""

_head: Final = delivery.alias("head")
_lane: Final = delivery.alias("lane")
_SUBSCRIPTION: Final = bindparam("of", type_=String)
_CASE: Final = bindparam("lane", type_=String)
_POSITION: Final = bindparam("place", type_=delivery.c.position.type)
_CLAIM: Final = bindparam("claim", type_=String)
_NOW: Final = bindparam("now", type_=String)
# Written out, because an index on part of a table serves only statements whose text says that they stay in that part.
_WAITING: Final[ColumnElement[str]] = literal_column("'waiting'")
_DEAD: Final[ColumnElement[str]] = literal_column("'dead'")
_FIRST: Final = (
    select(func.min(_lane.c.position))
    .where(_lane.c.subscription_id == _SUBSCRIPTION, _lane.c.case_id == _CASE, _lane.c.state == _WAITING)
    .scalar_subquery()
)
_ANY_WAITING: Final = (
    select(_lane.c.position)
    .where(_lane.c.subscription_id == _SUBSCRIPTION, _lane.c.case_id == _CASE, _lane.c.state == _WAITING)
    .exists()
)
_ANY_HEAD: Final = (
    select(_head.c.position)
    .where(_head.c.subscription_id == _SUBSCRIPTION, _head.c.case_id == _CASE, _head.c.next_at.is_not(None))
    .exists()
)
_ENQUEUE: Final = insert(delivery).values(
    subscription_id=_SUBSCRIPTION,
    position=_POSITION,
    event_id=bindparam("happened", type_=String),
    case_id=_CASE,
    state="waiting",
    attempts=0,
    next_at=case((_ANY_WAITING, null()), else_=_NOW),
    created_at=_NOW,
)
_DEMOTE: Final = (
    update(delivery)
    .where(delivery.c.subscription_id == _SUBSCRIPTION, delivery.c.case_id == _CASE, delivery.c.next_at.is_not(None))
    .where(or_(delivery.c.claimed_until.is_(None), delivery.c.claimed_until <= _NOW), delivery.c.position > _FIRST)
    .values(next_at=None)
)
_PROMOTE: Final = (
    update(delivery)
    .where(delivery.c.subscription_id == _SUBSCRIPTION, delivery.c.position == _FIRST, ~_ANY_HEAD)
    .values(next_at=_NOW)
)
_ONE: Final = (delivery.c.subscription_id == _SUBSCRIPTION, delivery.c.position == _POSITION)
_MINE: Final = (*_ONE, delivery.c.claimed_until == _CLAIM)
_FORGET: Final = delete(delivery).where(*_ONE)
_DELIVERED: Final = delete(delivery).where(*_MINE)
_SETTLED: Final = (
    update(delivery)
    .where(*_MINE)
    .values(
        state=bindparam("to", type_=String),
        attempts=bindparam("tried"),
        next_at=bindparam("again", type_=String),
        claimed_until=None,
        last_status=bindparam("status"),
        last_error=bindparam("error", type_=String),
    )
)
_REVIVED: Final = update(delivery).where(*_ONE).values(state="waiting", attempts=0)
_CLAIMED: Final = update(delivery).where(*_ONE).values(next_at=_CLAIM, claimed_until=_CLAIM)
_DUE: Final = (
    owned()
    .add_columns(
        select(func.min(delivery.c.next_at))
        .where(delivery.c.subscription_id == subscription.c.id, delivery.c.next_at.is_not(None))
        .correlate(subscription)
        .scalar_subquery()
        .label("next_at")
    )
    .where(subscription.c.active)
)


class State(StrEnum):
    """Of a delivery that is not done."""

    WAITING = "waiting"
    DEAD = "dead"
    """Given up; delivered only when replayed."""


class Verdict(StrEnum):
    """What came of a claimed delivery."""

    DELIVERED = "delivered"
    RETRY = "retry"
    DEAD = "dead"
    RELEASED = "released"
    """Not tried; somebody else may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A row, as it is shown."""

    position: int
    event: str
    case: str
    state: State
    attempts: int
    next_at: datetime | None
    """None: dead, or behind an earlier one of its case."""
    last_status: int | None
    last_error: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A delivery that this sender alone may try until `until`."""

    subscription: Subscription
    position: int
    event: str
    case: str
    attempts: int
    """Before this one."""
    until: datetime
    entry: bytes
    hash: str
    """Of the entry, as the ledger's row has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    claimed: Claimed
    verdict: Verdict
    next_at: datetime | None = None
    """For a retry: not before."""
    status: int | None = None
    error: str | None = None
    gone: bool = False
    """The subscriber wants no more."""


def fan_out(connection: Connection, sequenced: Sequence[Sequenced], now: datetime) -> None:
    """Queues events for every active subscription that wants them and whose key may see them.

    To be called in the transaction that gives the events their positions.
    """
    today = civil_date(now)
    found = connection.execute(locking(owned().where(subscription.c.active))).mappings().all()
    pairs = [(of_row(row), owner_of_row(row)) for row in found]
    queued = [
        _queued(each.id, (happened.position, happened.event, happened.case), now)
        for each, owner in pairs
        for happened in sequenced
        if wants(each, owner, happened, today)
    ]
    if queued:
        connection.execute(_ENQUEUE, queued)


def _queued(subscription_id: str, happened: tuple[int, str, str], now: datetime) -> dict[str, object]:
    position, event_id, case_id = happened
    return {
        "of": subscription_id,
        "place": position,
        "happened": event_id,
        "lane": case_id,
        "now": format_instant(now),
    }


def due(connection: Connection, now: datetime) -> tuple[str, ...]:
    """Active subscriptions for which `claim` would find something to do."""
    present, today = format_instant(now), civil_date(now)
    return tuple(
        row["id"]
        for row in connection.execute(_DUE).mappings()
        if (row["next_at"] is not None and row["next_at"] <= present)
        or row["replay_until"] is not None
        or not in_force(owner_of_row(row), today)
    )


def claim(connection: Connection, room: Mapping[str, int], now: datetime, lease: timedelta) -> list[Claimed]:
    """Heads that are due, for whoever calls alone until the lease ends.

    Where a replay waits, some of it is queued first; a subscription whose key has ended is paused.

    Args:
        connection: Within a write transaction.
        room: By subscription: how many at most.
        now: The present.
        lease: How long nobody else may claim them.
    """
    statement = owned().where(subscription.c.active, among(subscription.c.id, "ids"))
    found = connection.execute(locking(statement, skip_locked=True), {"ids": list(room)}).mappings().all()
    claimed: list[Claimed] = []
    for row in found:
        each = of_row(row)
        if not in_force(owner_of_row(row), civil_date(now)):
            pause(connection, each.id, GRANT_ENDED)
        elif each.replay_until is None or _refilled(connection, each, now):
            claimed += _heads(connection, each, room[each.id], now, now + lease)
    if claimed:
        keys = [{"of": each.subscription.id, "place": each.position} for each in claimed]
        connection.execute(_CLAIMED, [{**key, "claim": format_instant(now + lease)} for key in keys])
    return claimed


def _heads(connection: Connection, found: Subscription, room: int, now: datetime, until: datetime) -> Iterator[Claimed]:
    statement = (
        select(delivery, happened("entry").label("entry"), happened("hash").label("hash"))
        .select_from(with_happened(delivery, delivery.c.event_id))
        .where(delivery.c.subscription_id == found.id, delivery.c.next_at <= format_instant(now))
        .order_by(delivery.c.next_at, delivery.c.position)
        .limit(room)
        .with_for_update(of=delivery, skip_locked=True)
    )
    for row in connection.execute(statement).mappings():
        yield Claimed(
            subscription=found,
            position=row["position"],
            event=row["event_id"],
            case=row["case_id"],
            attempts=row["attempts"],
            until=until,
            entry=row["entry"],
            hash=row["hash"],
        )


def settle(connection: Connection, results: Sequence[Result], now: datetime) -> None:
    """Writes down what came of claimed deliveries, and lets the next of each case go.

    One whose lease has ended and that somebody else has claimed since is left to them.
    """
    ids = {each.claimed.subscription.id for each in results}
    statement = locking(select(subscription.c.id).where(among(subscription.c.id, "ids")))
    connection.execute(statement, {"ids": sorted(ids)})
    delivered = [_claim_of(each) for each in results if each.verdict is Verdict.DELIVERED]
    others = [_settled(each, now) for each in results if each.verdict is not Verdict.DELIVERED]
    if delivered:
        connection.execute(_DELIVERED, delivered)
    if others:
        connection.execute(_SETTLED, others)
    _put_heads_right(connection, {(each.claimed.subscription.id, each.claimed.case) for each in results}, now)
    for gone in {each.claimed.subscription.id for each in results if each.gone}:
        pause(connection, gone, GONE)


def _claim_of(result: Result) -> dict[str, object]:
    found = result.claimed
    return {"of": found.subscription.id, "place": found.position, "claim": format_instant(found.until)}


def _settled(result: Result, now: datetime) -> dict[str, object]:
    dead = result.verdict is Verdict.DEAD
    again = None if dead else format_instant(result.next_at or now)
    tried = result.claimed.attempts + (result.verdict is not Verdict.RELEASED)
    outcome = {"to": State.DEAD.value if dead else State.WAITING.value, "tried": tried, "again": again}
    return {**_claim_of(result), **outcome, "status": result.status, "error": result.error}


def _put_heads_right(connection: Connection, lanes: Iterable[tuple[str, str]], now: datetime) -> None:
    """The earliest waiting delivery of each subscription and case becomes its head, unless one is under way."""
    rows = [{"of": of, "lane": lane, "now": format_instant(now)} for of, lane in sorted(lanes)]
    if rows:
        connection.execute(_DEMOTE, rows)
        connection.execute(_PROMOTE, rows)


def revive(connection: Connection, subscription_id: str, now: datetime) -> int:
    """Has what was given up delivered again, the oldest `REVIVED` of it; returns how many."""
    get(connection, subscription_id, lock=True)
    dead = select(delivery.c.position, delivery.c.case_id).where(
        delivery.c.subscription_id == subscription_id, delivery.c.state == _DEAD
    )
    found = connection.execute(dead.order_by(delivery.c.position).limit(REVIVED)).all()
    if found:
        connection.execute(_REVIVED, [{"of": subscription_id, "place": row.position} for row in found])
        _put_heads_right(connection, {(subscription_id, row.case_id) for row in found}, now)
    return len(found)


def forget_hidden(connection: Connection, found: Subscription, now: datetime) -> None:
    """Drops what its key may not see: queued while it acted for another one. To be read with `lock` before."""
    owner, today = owner_of(connection, found), civil_date(now)
    hidden = [
        select(table.c.id).where(table.c.id == delivery.c.event_id, ~visible(owner, table.c.unit_path, today)).exists()
        for table in (event, notice)
    ]
    here = (delivery.c.subscription_id == found.id, or_(*hidden))
    lanes = {(found.id, lane) for lane in connection.execute(select(delivery.c.case_id).where(*here)).scalars()}
    connection.execute(delete(delivery).where(*here))
    _put_heads_right(connection, lanes, now)


def count_after(connection: Connection, found: Subscription, after: int, now: datetime) -> int:
    """How many events after a position of the feed the subscription wants and its key may see."""
    conditions = wanted(found, owner_of(connection, found), civil_date(now))
    statement = select(func.count()).select_from(with_happened(feed, feed.c.event_id))
    count: int = connection.execute(statement.where(feed.c.position > after, *conditions)).scalar_one()
    return count


def replay(connection: Connection, subscription_id: str, *, after: int) -> None:
    """Has all events after a position that the subscription wants delivered, again or for the first time.

    Only noted here, and done by `claim`: queueing a long feed at once would keep everybody else from writing.
    """
    found = get(connection, subscription_id, lock=True)
    last = connection.execute(select(func.max(feed.c.position))).scalar()
    if found is not None and last is not None and last > after:
        earlier = after if found.replay_after is None else min(after, found.replay_after)
        _note_replay(connection, found.id, earlier, last)


def _note_replay(connection: Connection, subscription_id: str, after: int | None, until: int | None) -> None:
    statement = update(subscription).where(subscription.c.id == subscription_id)
    connection.execute(statement.values(replay_after=after, replay_until=until))


def _refilled(connection: Connection, found: Subscription, now: datetime) -> bool:
    """Queues the next window of a replay; whether that was all of it.

    Nothing is claimed until all is queued, and nothing is queued while something is under way: a case's events would
    arrive out of order.
    """
    statement = select(delivery.c.position).where(
        delivery.c.subscription_id == found.id,
        delivery.c.next_at.is_not(None),
        delivery.c.claimed_until > format_instant(now),
    )
    if found.replay_after is None or found.replay_until is None or connection.execute(statement.limit(1)).first():
        return False
    end = min(found.replay_until, found.replay_after + WINDOW)
    _requeue(connection, found, found.replay_after, end, now)
    done = end == found.replay_until
    _note_replay(connection, found.id, None if done else end, None if done else found.replay_until)
    return done


def _requeue(connection: Connection, found: Subscription, after: int, until: int, now: datetime) -> None:
    statement = (
        select(feed.c.position, feed.c.event_id, happened("case_id").label("case_id"))
        .select_from(with_happened(feed, feed.c.event_id))
        .where(feed.c.position > after, feed.c.position <= until)
        .where(*wanted(found, owner_of(connection, found), civil_date(now)))
        .order_by(feed.c.position)
    )
    rows = [_queued(found.id, tuple(row), now) for row in connection.execute(statement)]
    if rows:
        connection.execute(_FORGET, [{"of": row["of"], "place": row["place"]} for row in rows])
        connection.execute(_ENQUEUE, rows)
        _put_heads_right(connection, {(found.id, str(row["lane"])) for row in rows}, now)


def list_deliveries(
    connection: Connection, subscription_id: str, state: State | None, *, cursor: str | None, limit: int
) -> Page[Delivery]:
    """What is not delivered, the newest first; raises BadCursorError."""
    statement = select(delivery).where(delivery.c.subscription_id == subscription_id)
    if state is not None:
        statement = statement.where(delivery.c.state == (_DEAD if state is State.DEAD else _WAITING))
    stream = ordered(statement, (delivery.c.position,), _delivery, lambda row: (row["position"],))
    return page(connection, [stream], cursor=cursor, limit=limit)


def _delivery(row: Row) -> Delivery:
    return Delivery(
        position=row["position"],
        event=row["event_id"],
        case=row["case_id"],
        state=State(row["state"]),
        attempts=row["attempts"],
        next_at=parse_instant(row["next_at"]) if row["next_at"] else None,
        last_status=row["last_status"],
        last_error=row["last_error"],
        created_at=parse_instant(row["created_at"]),
    )
