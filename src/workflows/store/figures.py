"""How much waits in the database: figures for whoever watches over the server, counted when they are asked for."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from workflows.core.civil import parse_instant
from workflows.store.tables import delivery, event, outbox

_OUTBOX: Final = select(func.count(), func.min(event.c.recorded_at)).join_from(
    outbox, event, event.c.id == outbox.c.event_id
)

_DELIVERIES: Final = select(delivery.c.state, func.count().label("number")).group_by(delivery.c.state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What waits."""

    outbox: int
    """Accepted events that have no place in the feed yet."""
    oldest_waiting: datetime | None
    """When the oldest of them was recorded."""
    deliveries_waiting: int
    """Events that a subscriber has not got yet."""
    deliveries_dead: int
    """Events that were given up for a subscriber, until they are replayed or removed."""


def figures(connection: Connection) -> Figures:
    """What waits now."""
    length, oldest = connection.execute(_OUTBOX).one()
    deliveries = {row.state: row.number for row in connection.execute(_DELIVERIES)}
    return Figures(
        outbox=length,
        oldest_waiting=parse_instant(oldest) if oldest else None,
        deliveries_waiting=deliveries.get("waiting", 0),
        deliveries_dead=deliveries.get("dead", 0),
    )
