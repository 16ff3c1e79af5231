"""Webhooks: subscriptions, and what is still to be delivered to each."""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Integer,
    PrimaryKeyConstraint,
    String,
    Text,
    text,
)

revision = "0003"
down_revision = "0002"

POSITION = BigInteger().with_variant(Integer, "sqlite")
PATH = String(40).with_variant(String(40, collation="C"), "postgresql")


def upgrade() -> None:
    _subscription()
    _delivery()
    _index("ix_delivery_due", ["subscription_id", "next_at", "position"], "next_at IS NOT NULL")
    _index("ix_delivery_waiting", ["subscription_id", "case_id", "position"], "state = 'waiting'")
    _index("ix_delivery_head", ["subscription_id", "case_id"], "next_at IS NOT NULL")
    _index("ix_delivery_dead", ["subscription_id", "position"], "state = 'dead'")


def _subscription() -> None:
    op.create_table(
        "subscription",
        Column("id", String(36), nullable=False),
        Column("name", String(200), nullable=False),
        Column("url", String(2000), nullable=False),
        Column("secret", String(100), nullable=False, comment="signs, so that its text must be kept"),
        Column("old_secret", String(100)),
        Column("old_secret_until", String(27), comment="exclusive"),
        Column("workflows", Text(), nullable=False, comment="keys separated by a space; empty: all"),
        Column("triggers", Text(), nullable=False, comment="names separated by a space; empty: all"),
        Column("units", Text(), nullable=False, comment="codes separated by a space; empty: all"),
        Column("unit_paths", Text(), nullable=False, comment="of those codes in all their periods"),
        Column("grant_id", String(36), nullable=False, comment="decides which events may be told"),
        Column("person", String(100), nullable=False),
        Column("unit_path", PATH, nullable=False, comment="of the grant"),
        Column("active", Boolean(), nullable=False),
        Column("paused_because", String(40), comment="requested, gone, grant_ended; null while active"),
        Column("created_at", String(27), nullable=False),
        Column("replay_after", POSITION, comment="positions above are still to be queued again"),
        Column("replay_until", POSITION, comment="the last of them; null: no replay is under way"),
        ForeignKeyConstraint(["grant_id"], ["api_key.id"], name="fk_subscription_grant_id"),
        PrimaryKeyConstraint("id", name="pk_subscription"),
    )
    op.create_index("ix_subscription_person_id", "subscription", ["person", "id"])


def _delivery() -> None:
    op.create_table(
        "delivery",
        Column("subscription_id", String(36), nullable=False),
        Column("position", POSITION, nullable=False),
        Column("event_id", String(36), nullable=False),
        Column("case_id", String(36), nullable=False),
        Column("state", String(8), nullable=False, comment="waiting or dead; what is delivered has no row"),
        Column("attempts", Integer(), nullable=False),
        Column("next_at", String(27), comment="null: dead, or behind an earlier one of its case"),
        Column(
            "claimed_until",
            String(27),
            comment="the sender that set it may settle the delivery; others wait until then",
        ),
        Column("last_status", Integer()),
        Column("last_error", String(200)),
        Column("created_at", String(27), nullable=False),
        ForeignKeyConstraint(["subscription_id"], ["subscription.id"], name="fk_delivery_subscription_id"),
        PrimaryKeyConstraint("subscription_id", "position", name="pk_delivery"),
    )


def _index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "delivery", columns, sqlite_where=text(where), postgresql_where=text(where))
