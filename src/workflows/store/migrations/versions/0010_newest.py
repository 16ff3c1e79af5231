"""What figures of a plan are read from: the newest entry per unit and key, and the choices of cases in an index."""

import json
import re

from alembic import op
from sqlalchemy import Column, Integer, PrimaryKeyConstraint, String, Text, text

revision = "0010"
down_revision = "0009"

_NAME = re.compile(r"(?=.{1,60}\Z)[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_BATCH = 1_000
_COLUMNS = "key, unit, as_of, recorded_at, value, id"
_NEWER = """
ON CONFLICT (key, unit) DO UPDATE
SET as_of = excluded.as_of, recorded_at = excluded.recorded_at, value = excluded.value, id = excluded.id
WHERE (excluded.as_of, excluded.recorded_at) > (count_newest.as_of, count_newest.recorded_at)
"""
_TAKEN_IN = (
    f"INSERT INTO count_newest ({_COLUMNS}) "  # noqa: S608 - constants
    f"VALUES (NEW.key, NEW.unit, NEW.as_of, NEW.recorded_at, NEW.value, NEW.id) {_NEWER}"
)
_KEEP = {
    "sqlite": (f"CREATE TRIGGER count_entry_newest AFTER INSERT ON count_entry BEGIN {_TAKEN_IN}; END",),
    "postgresql": (
        f"""
        CREATE FUNCTION keep_newest_count() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            {_TAKEN_IN};
            RETURN NULL;
        END $$
        """,
        """
        CREATE TRIGGER count_entry_newest AFTER INSERT ON count_entry FOR EACH ROW
        EXECUTE FUNCTION keep_newest_count()
        """,
        "ALTER TABLE count_entry ENABLE ALWAYS TRIGGER count_entry_newest",
    ),
}
_FILL = f"""
INSERT INTO count_newest ({_COLUMNS})
SELECT {_COLUMNS} FROM count_entry WHERE NOT EXISTS (
    SELECT 1 FROM count_entry other WHERE other.unit = count_entry.unit AND other.key = count_entry.key
    AND (other.as_of, other.recorded_at) > (count_entry.as_of, count_entry.recorded_at)
)
"""  # noqa: S608 - constants


def upgrade() -> None:
    _count_newest()
    op.add_column(
        "cases",
        Column("choices", Text(), nullable=False, server_default="{}", comment="of data, what is spelt like a name"),
    )
    _take_in_choices()
    op.create_index("ix_cases_choices", "cases", [text("(workflow || '')"), "state", "choices", "opened_path"])


def _count_newest() -> None:
    op.create_table(
        "count_newest",
        Column("key", String(60), nullable=False),
        Column("unit", String(5), nullable=False),
        Column("as_of", String(10), nullable=False),
        Column("recorded_at", String(27), nullable=False),
        Column("value", Integer(), nullable=False),
        Column(
            "id",
            String(36),
            nullable=False,
            comment="of the entry; a trigger puts the newest by as_of and recorded_at here",
        ),
        PrimaryKeyConstraint("key", "unit", name="pk_count_newest"),
        sqlite_with_rowid=False,
    )
    op.execute(_FILL)
    for statement in _KEEP[op.get_bind().dialect.name]:
        op.execute(statement)


def _take_in_choices() -> None:
    connection = op.get_bind()
    some = text("SELECT id, data FROM cases WHERE id > :after ORDER BY id LIMIT :number")
    change = text("UPDATE cases SET choices = :choices WHERE id = :id")
    rows = connection.execute(some, {"after": "", "number": _BATCH}).all()
    while rows:
        connection.execute(change, [{"id": row.id, "choices": _choices(row.data)} for row in rows])
        rows = connection.execute(some, {"after": rows[-1].id, "number": _BATCH}).all()


def _choices(data: str) -> str:
    names = {field: value for field, value in json.loads(data).items() if isinstance(value, str) and _NAME.match(value)}
    return json.dumps(names, sort_keys=True, separators=(",", ":"))
