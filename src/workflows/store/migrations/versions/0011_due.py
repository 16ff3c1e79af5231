"""What is overdue, soonest first: where it is little, lists and the worker need not walk through all that runs."""

from alembic import op
from sqlalchemy import text

revision = "0011"
down_revision = "0010"

_RUNNING = {"sqlite": "final IS NOT 1 AND due IS NOT NULL", "postgresql": "final IS NOT true AND due IS NOT NULL"}


def upgrade() -> None:
    running = text(_RUNNING[op.get_bind().dialect.name])
    op.create_index("ix_cases_due", "cases", ["due", "id"], sqlite_where=running, postgresql_where=running)
