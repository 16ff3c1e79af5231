"""The order of events for readers outside: the outbox and the feed.

What happened before stands in the feed from the start, in the order in which it was recorded.
"""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, PrimaryKeyConstraint, String, UniqueConstraint

from workflows.store.migrations import triggers

revision = "0002"
down_revision = "0001"

GUARDED = triggers.Guarded(table="feed", keys=(("position",), ("event_id",)))
# At once, not by way of the outbox: its reader sorts all that waits for every few thousand events.
_HISTORY = (
    "INSERT INTO feed (position, event_id) SELECT row_number() OVER (ORDER BY recorded_at, case_id, seq), id FROM event"
)


def upgrade() -> None:
    op.create_table(
        "outbox",
        Column("event_id", String(36), nullable=False, comment="an event that has no place in the feed yet"),
        PrimaryKeyConstraint("event_id", name="pk_outbox"),
    )
    op.create_table(
        "feed",
        Column(
            "position",
            BigInteger().with_variant(Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
            comment="from 1, without a gap",
        ),
        Column("event_id", String(36), nullable=False),
        PrimaryKeyConstraint("position", name="pk_feed"),
        UniqueConstraint("event_id", name="uq_feed_event_id"),
    )
    op.execute(_HISTORY)
    for statement in GUARDED.statements(op.get_bind().dialect.name):
        op.execute(statement)
