"""What figures of a past day need: where a case was opened, and when an event is said to have occurred."""

from alembic import op
from sqlalchemy import Column, String, text

revision = "0006"
down_revision = "0005"

PATH = String(40).with_variant(String(40, collation="C"), "postgresql")
_OCCURRED = {
    "sqlite": "json_extract(CAST(entry AS TEXT), '$.occurred_at')",
    "postgresql": "convert_from(entry, 'UTF8')::json ->> 'occurred_at'",
}
_UNGUARD = {
    "sqlite": "DROP TRIGGER event_no_update",
    "postgresql": "ALTER TABLE event DISABLE TRIGGER event_no_change",
}
_GUARD = {
    "sqlite": (
        "CREATE TRIGGER event_no_update BEFORE UPDATE ON event "
        "BEGIN SELECT RAISE(ABORT, 'append-only: UPDATE on event is refused'); END"
    ),
    "postgresql": "ALTER TABLE event ENABLE ALWAYS TRIGGER event_no_change",
}


def upgrade() -> None:
    op.add_column("cases", Column("opened_path", PATH, comment="of the unit that it was opened in"))
    op.execute("UPDATE cases SET opened_path = unit_path")
    op.add_column("event", Column("occurred_at", String(27), comment="null: when it was recorded"))
    _take_in_occurrences()
    op.create_index("ix_count_entry_key", "count_entry", ["key", "unit", "as_of", "recorded_at", "value"])


def _take_in_occurrences() -> None:
    """The column is a projection of the entry, as the others are; the guard is off within this transaction alone."""
    name = op.get_bind().dialect.name
    occurred = _OCCURRED[name]
    op.execute(_UNGUARD[name])
    op.execute(text(f"UPDATE event SET occurred_at = {occurred} WHERE {occurred} <> recorded_at"))  # noqa: S608 - constants
    op.execute(_GUARD[name])
