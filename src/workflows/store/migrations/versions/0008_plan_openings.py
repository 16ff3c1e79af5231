"""Each time that a plan was applied to the cases of one of its years, with the plan as it was then."""

from alembic import op
from sqlalchemy import Column, Integer, LargeBinary, PrimaryKeyConstraint, String, UniqueConstraint

from workflows.store.migrations import triggers

revision = "0008"
down_revision = "0007"

GUARDED = triggers.Guarded(table="plan_opening", keys=(("id",), ("plan", "year", "number")))


def upgrade() -> None:
    op.create_table(
        "plan_opening",
        Column("id", String(36), nullable=False),
        Column("plan", String(60), nullable=False),
        Column("year", Integer(), nullable=False),
        Column("number", Integer(), nullable=False, comment="of the application, from 1"),
        Column("hash", String(64), nullable=False),
        Column("document", LargeBinary(), nullable=False, comment="canonical bytes; their SHA-256 is hash"),
        Column("person", String(100), nullable=False),
        Column("grant_id", String(36), nullable=False),
        Column("opened_at", String(27), nullable=False),
        PrimaryKeyConstraint("id", name="pk_plan_opening"),
        UniqueConstraint("plan", "year", "number", name="uq_plan_opening_plan_year_number"),
    )
    for statement in GUARDED.statements(op.get_bind().dialect.name):
        op.execute(statement)
