"""What units were made of, filled with the units themselves; cases that moved, by where they were opened."""

from alembic import op
from sqlalchemy import Boolean, Column, PrimaryKeyConstraint, String, text

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "unit_origin",
        Column("code", String(5), nullable=False, comment="of a unit that was made of others"),
        Column("day", String(10), nullable=False, comment="from which on it has its area"),
        Column("source", String(5), nullable=False, comment="code of one of them until that day; empty: not known"),
        Column("whole", Boolean(), nullable=False, comment="false: the source was divided among several"),
        PrimaryKeyConstraint("code", "day", "source", name="pk_unit_origin"),
    )
    moved = text("opened_path <> unit_path")
    rest = ["opened_path", "unit_path", "workflow", "plan", "state", "final", "due"]
    op.create_index(
        "ix_cases_moved",
        "cases",
        [text("substr(opened_path, 1, 5)"), "id", *rest],
        sqlite_where=moved,
        postgresql_where=moved,
    )
