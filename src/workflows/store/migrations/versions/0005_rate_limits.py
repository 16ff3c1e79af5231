"""Rate limits that several processes share."""

from alembic import op
from sqlalchemy import Column, Double, Integer, PrimaryKeyConstraint, String

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    # Written often and worth nothing after a crash: PostgreSQL need not write it ahead.
    unlogged = ["UNLOGGED"] if op.get_bind().dialect.name == "postgresql" else []
    op.create_table(
        "rate_limit",
        Column("client", String(36), nullable=False, comment="id of an API key"),
        Column("until", Double(), nullable=False, comment="seconds of the epoch until which its rate is spent"),
        Column("taken", Integer(), nullable=False, comment="requests that were given last"),
        PrimaryKeyConstraint("client", name="pk_rate_limit"),
        prefixes=unlogged,
    )
