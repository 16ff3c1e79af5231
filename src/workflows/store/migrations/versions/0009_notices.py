"""What was done about deadlines that have passed, and triggers that are to be fired because of them."""

from alembic import op
from sqlalchemy import (
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    UniqueConstraint,
)

from workflows.store.migrations import triggers

revision = "0009"
down_revision = "0008"

PATH = String(40).with_variant(String(40, collation="C"), "postgresql")
DEADLINE = ("case_id", "state", "state_since", "due", "action")
GUARDED = triggers.Guarded(table="notice", keys=(("id",), ("hash",), DEADLINE))


def upgrade() -> None:
    _notice()
    _firing()
    for statement in GUARDED.statements(op.get_bind().dialect.name):
        op.execute(statement)


def _notice() -> None:
    op.create_table(
        "notice",
        Column("id", String(36), nullable=False),
        Column("case_id", String(36), nullable=False),
        Column("state", String(60), nullable=False),
        Column("state_since", String(27), nullable=False),
        Column("due", String(10), nullable=False, comment="the day that has passed"),
        Column("action", Integer(), nullable=False, comment="its number among those of the deadline, from 0"),
        Column("seq", Integer(), nullable=False, comment="version of the case after what was done"),
        Column("hash", String(64), nullable=False),
        Column(
            "entry",
            LargeBinary(),
            nullable=False,
            comment="canonical bytes; the other columns are projections of them",
        ),
        Column("workflow", String(60), nullable=False),
        Column("unit_path", PATH, nullable=False),
        Column("recorded_at", String(27), nullable=False),
        ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_notice_case_id"),
        PrimaryKeyConstraint("id", name="pk_notice"),
        UniqueConstraint("hash", name="uq_notice_hash"),
        UniqueConstraint(*DEADLINE, name="uq_notice_case_id_state_state_since_due_action"),
    )
    op.create_index("ix_notice_unit_path_id", "notice", ["unit_path", "id"])


def _firing() -> None:
    op.create_table(
        "firing",
        Column("case_id", String(36), nullable=False, comment="a trigger is to be fired as the system"),
        Column("state", String(60), nullable=False),
        Column("state_since", String(27), nullable=False),
        Column("due", String(10), nullable=False),
        Column("action", Integer(), nullable=False),
        Column("version", Integer(), nullable=False, comment="of the case; at another one nothing is fired"),
        Column("claimed_until", String(27), nullable=False, comment="until then left to the worker that wrote it"),
        ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_firing_case_id"),
        PrimaryKeyConstraint(*DEADLINE, name="pk_firing"),
    )
