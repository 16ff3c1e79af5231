"""Subscriptions: who wants to be told of which events, where, and signed with what.

Owns their rows and the question which events one matches, asked of a value and of the database. Who may make or
change one is decided before; what is queued for them is `webhooks`'s.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Select, delete, false, insert, or_, select, update

from workflows.core.authority import may_see
from workflows.core.case import Actor
from workflows.core.civil import format_instant, parse_instant
from workflows.store import rows
from workflows.store.feed import Sequenced
from workflows.store.happened import happened
from workflows.store.paging import Page, ordered, page
from workflows.store.tables import api_key, delivery, subscription, unit
from workflows.store.visibility import below, visible

REQUESTED: Final = "requested"
GONE: Final = "gone"
"""The subscriber answered 410."""
GRANT_ENDED: Final = "grant_ended"
"""The key that the subscription acts for is revoked or out of force."""

_KEY: Final = "key_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Where events go. Of each filter, nothing means all."""

    id: str
    name: str
    url: str
    secret: str = field(repr=False)
    old_secret: str | None = field(repr=False)
    old_secret_until: datetime | None
    """Exclusive."""
    workflows: tuple[str, ...]
    triggers: tuple[str, ...]
    units: tuple[str, ...]
    unit_paths: tuple[str, ...]
    """Of the units in all their periods; what lies below belongs to them."""
    grant_id: str
    person: str
    unit_path: str
    active: bool
    paused_because: str | None
    created_at: datetime
    replay_after: int | None = None
    replay_until: int | None = None

    def secrets(self, now: datetime) -> tuple[str, ...]:
        """Those to sign with, the newest first."""
        if self.old_secret is None or self.old_secret_until is None or self.old_secret_until <= now:
            return (self.secret,)
        return self.secret, self.old_secret


def wants(found: Subscription, owner: Actor, happened: Sequenced, today: date) -> bool:
    """Whether the event is for this subscriber, whose owner may see it."""
    return (
        (not found.workflows or happened.workflow in found.workflows)
        and (not found.triggers or happened.trigger in found.triggers)
        and (not found.unit_paths or _lies_below(happened.unit_path, found.unit_paths))
        and may_see(owner, happened.unit_path, today)
    )


def _lies_below(path: str, tops: Iterable[str]) -> bool:
    return any(path == top or path.startswith(f"{top}/") for top in tops)


def wanted(found: Subscription, owner: Actor, today: date) -> list[ColumnElement[bool]]:
    """The same as conditions on what happened."""
    conditions = [visible(owner, happened("unit_path"), today)]
    if found.workflows:
        conditions.append(happened("workflow").in_(found.workflows))
    if found.triggers:
        conditions.append(happened("trigger").in_(found.triggers))
    if found.unit_paths:
        conditions.append(below(happened("unit_path"), found.unit_paths))
    return conditions


def create(connection: Connection, made: Subscription) -> None:
    connection.execute(insert(subscription), row_of(made))


def get(connection: Connection, subscription_id: str, *, lock: bool = False) -> Subscription | None:
    """With `lock`, nobody else changes it or what is queued for it until the transaction ends."""
    statement = select(subscription).where(subscription.c.id == subscription_id)
    row = connection.execute(locking(statement) if lock else statement).mappings().first()
    return of_row(row) if row else None


def list_subscriptions(
    connection: Connection, *, person: str | None, top: str | None, cursor: str | None, limit: int
) -> Page[Subscription]:
    """Newest first; those of a person, and those of grants at or below the unit of a path.

    Raises:
        BadCursorError: the cursor is none that this list gave.
    """
    mine = [subscription.c.person == person] if person is not None else []
    theirs = [below(subscription.c.unit_path, (top,))] if top is not None else []
    statement = select(subscription).where(or_(false(), *mine, *theirs))
    stream = ordered(statement, (subscription.c.id,), of_row, lambda row: (row["id"],))
    return page(connection, [stream], cursor=cursor, limit=limit)


def replace(connection: Connection, changed: Subscription) -> None:
    """The whole row; to be read with `lock` before."""
    connection.execute(update(subscription).where(subscription.c.id == changed.id), row_of(changed))


def remove(connection: Connection, subscription_id: str) -> None:
    """With everything that is queued for it; what is under way may still arrive."""
    get(connection, subscription_id, lock=True)
    connection.execute(delete(delivery).where(delivery.c.subscription_id == subscription_id))
    connection.execute(delete(subscription).where(subscription.c.id == subscription_id))


def pause(connection: Connection, subscription_id: str, because: str) -> None:
    statement = update(subscription).where(subscription.c.id == subscription_id, subscription.c.active)
    connection.execute(statement.values(active=False, paused_because=because))


def paths_of(connection: Connection, codes: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """By code, for those that exist: its paths in all periods."""
    found: dict[str, tuple[str, ...]] = {}
    for row in connection.execute(select(unit.c.code, unit.c.path).where(unit.c.code.in_(sorted(set(codes))))):
        if row.path not in found.get(row.code, ()):
            found[row.code] = (*found.get(row.code, ()), row.path)
    return found


def unit_codes(connection: Connection) -> list[str]:
    """Of all periods."""
    return list(connection.execute(select(unit.c.code).distinct()).scalars())


def owner_of(connection: Connection, found: Subscription) -> Actor:
    """The holder of the key that the subscription acts for, whether in force or not."""
    row = connection.execute(select(api_key).where(api_key.c.id == found.grant_id)).mappings().one()
    return rows.actor_of(row)


def owned() -> Select[Any]:
    """Subscriptions with the keys that they act for; for `of_row` and `owner_of_row`."""
    keys = [column.label(f"{_KEY}{column.name}") for column in api_key.c]
    return select(subscription, *keys).join_from(subscription, api_key)


def locking(statement: Select[Any], *, skip_locked: bool = False) -> Select[Any]:
    """The same rows in the order of ids, nobody else changing them; on SQLite the turn sees to that.

    Queues and cursors of a subscription are written only under this lock: who puts an event behind another one of
    its case must not miss that the other has just been delivered.
    """
    ordered = statement.order_by(subscription.c.id)
    return ordered.with_for_update(of=subscription, key_share=True, skip_locked=skip_locked)


def owner_of_row(row: rows.Row) -> Actor:
    return rows.actor_of({column.name: row[f"{_KEY}{column.name}"] for column in api_key.c})


def of_row(row: rows.Row) -> Subscription:
    until = row["old_secret_until"]
    return Subscription(
        id=row["id"],
        name=row["name"],
        url=row["url"],
        secret=row["secret"],
        old_secret=row["old_secret"],
        old_secret_until=parse_instant(until) if until else None,
        workflows=tuple(row["workflows"].split()),
        triggers=tuple(row["triggers"].split()),
        units=tuple(row["units"].split()),
        unit_paths=tuple(row["unit_paths"].split()),
        grant_id=row["grant_id"],
        person=row["person"],
        unit_path=row["unit_path"],
        active=row["active"],
        paused_because=row["paused_because"],
        created_at=parse_instant(row["created_at"]),
        replay_after=row["replay_after"],
        replay_until=row["replay_until"],
    )


def row_of(found: Subscription) -> dict[str, object]:
    return {
        "id": found.id,
        "name": found.name,
        "url": found.url,
        "secret": found.secret,
        "old_secret": found.old_secret,
        "old_secret_until": format_instant(found.old_secret_until) if found.old_secret_until else None,
        "workflows": " ".join(found.workflows),
        "triggers": " ".join(found.triggers),
        "units": " ".join(found.units),
        "unit_paths": " ".join(found.unit_paths),
        "grant_id": found.grant_id,
        "person": found.person,
        "unit_path": found.unit_path,
        "active": found.active,
        "paused_because": found.paused_because,
        "created_at": format_instant(found.created_at),
        "replay_after": found.replay_after,
        "replay_until": found.replay_until,
    }
