"""The feed: every accepted event, and every notice, at one position, in an order that never changes and has no gaps.

Whoever writes one leaves its id in the outbox; `sequence` gives what waits there its positions, one process at a
time. Neither ids nor instants could be followed: of two overlapping transactions the later one may commit first, and
a reader that has gone past it would never see what the other brings. When to sequence is the services' affair.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import BigInteger, ColumnElement, Connection, Integer, bindparam, func, select, text

from workflows.core.case import Actor, Event
from workflows.store import rows
from workflows.store.among import among, listed
from workflows.store.happened import happened, with_happened
from workflows.store.tables import event, event_text, feed, notice, outbox, unit
from workflows.store.visibility import below, visible

BATCH: Final = 2_000
"""Events that one transaction gives their positions."""
SCANNED: Final = 5_000
"""Positions that one page looks at, whoever reads."""

# Expressions, which no index serves: SQLite would else go through events, all that there ever were or all of a trigger,
# and look each of them up, where few wait or stand on a page.
_WAITING_EVENT: Final = func.coalesce(outbox.c.event_id, "")
_PLACED_EVENT: Final = func.coalesce(feed.c.event_id, "")

_ONE_AT_A_TIME: Final = text("SELECT pg_try_advisory_xact_lock(hashtext('workflows.feed'))")
_LAST: Final = select(func.coalesce(func.max(feed.c.position), 0))
_ANY: Final = select(outbox.c.event_id).limit(1)
_WAITING: Final = (
    select(
        outbox.c.event_id.label("id"),
        *(happened(name).label(name) for name in ("case_id", "workflow", "trigger", "unit_path")),
    )
    .select_from(with_happened(outbox, _WAITING_EVENT))
    .order_by(happened("recorded_at"), happened("case_id"), happened("seq"), func.coalesce(notice.c.action, -1))
    .limit(bindparam("limit", type_=Integer))
)
_PLACES: Final = listed("ids")
_PLACE: Final = feed.insert().from_select(
    ["position", "event_id"],
    select(bindparam("last", type_=BigInteger) + _PLACES.c.place, _PLACES.c.value),
)
_CLEAR: Final = outbox.delete().where(among(outbox.c.event_id, "ids"))
_PAGE: Final = (
    select(feed.c.position, event, event_text.c.salt, event_text.c.payload)
    .join_from(feed, event, event.c.id == _PLACED_EVENT)
    .outerjoin(event_text, event_text.c.event_id == event.c.id)
    .order_by(feed.c.position)
)


class BeyondFeedError(ValueError):
    """A position that the feed has not reached, so that no page of it gave it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequenced:
    """An event, or a notice, at its position."""

    position: int
    event: str
    case: str
    workflow: str
    trigger: str
    unit_path: str
    """Of the case after the event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFilter:
    """Which events; None does not restrict."""

    workflow: str | None = None
    trigger: str | None = None
    unit: str | None = None
    """Code of a unit, in any period: events of its cases and of those of all units below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    items: tuple[tuple[int, Event], ...]
    """With their positions, ascending."""
    next: int
    """Everything up to here, inclusive, has been looked at; where the next page goes on."""
    more: bool
    """Whether positions beyond `next` are taken already."""


def is_waiting(connection: Connection) -> bool:
    """Whether an event is without a position."""
    return connection.execute(_ANY).first() is not None


def last_position(connection: Connection) -> int:
    """Where the feed ends now; 0 while it is empty."""
    last: int = connection.execute(_LAST).scalar_one()
    return last


def sequence(connection: Connection, *, limit: int = BATCH) -> list[Sequenced]:
    """Gives what waits the next positions, and tells which; nothing while another transaction does the same.

    Events of one case keep their order, and a notice comes after those that it follows from. A later event
    is decided on the earlier one, hence after its commit, so that
    no statement sees it without the earlier one, or the earlier one's position; and of those seen together, the
    earlier one was recorded no later and has the lower `seq`, so that it comes first and is not cut off alone.

    Positions are gap-free because they continue the last one committed: who gets the lock, which is held beyond
    the commit, reads it afterwards. That takes a transaction in which each statement sees what was committed
    before it, as those of `Database.write` do.

    Args:
        connection: Within a write transaction.
        limit: The most events that are given a position.
    """
    if connection.dialect.name != "sqlite" and not connection.execute(_ONE_AT_A_TIME).scalar_one():
        return []
    waiting = connection.execute(_WAITING, {"limit": limit}).all()
    if not waiting:
        return []
    last = connection.execute(_LAST).scalar_one()
    ids = [row.id for row in waiting]
    connection.execute(_PLACE, {"last": last, "ids": ids})
    connection.execute(_CLEAR, {"ids": ids})
    return [
        Sequenced(
            position=position,
            event=row.id,
            case=row.case_id,
            workflow=row.workflow,
            trigger=row.trigger,
            unit_path=row.unit_path,
        )
        for position, row in enumerate(waiting, start=last + 1)
    ]


def read_feed(
    connection: Connection, actor: Actor, today: date, wanted: FeedFilter, *, after: int, limit: int
) -> FeedPage:
    """The events after a position that the actor may see, `SCANNED` positions at most looked at.

    Raises:
        BeyondFeedError: the feed does not reach `after`.
    """
    last = connection.execute(_LAST).scalar_one()
    if after > last:
        raise BeyondFeedError(f"the feed ends at position {last}; it never gave {after}")
    end = min(last, after + SCANNED)
    statement = _PAGE.where(feed.c.position > after, feed.c.position <= end)
    statement = statement.where(visible(actor, event.c.unit_path, today), *_conditions(connection, wanted))
    found = connection.execute(statement.limit(limit + 1)).mappings().all()
    if len(found) > limit:
        end = found[limit - 1]["position"]
    items = tuple((row["position"], rows.event_of(row)) for row in found[:limit])
    return FeedPage(items=items, next=end, more=end < last)


def _conditions(connection: Connection, wanted: FeedFilter) -> list[ColumnElement[bool]]:
    equal = ((event.c.workflow, wanted.workflow), (event.c.trigger, wanted.trigger))
    conditions: list[ColumnElement[bool]] = [column == value for column, value in equal if value is not None]
    if wanted.unit is not None:
        paths = connection.execute(select(unit.c.path).where(unit.c.code == wanted.unit)).scalars()
        conditions.append(below(event.c.unit_path, paths))
    return conditions
