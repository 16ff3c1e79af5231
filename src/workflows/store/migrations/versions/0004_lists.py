"""What pages of lists and histories need to stay quick however much there is: indexes in the order of each list.

The words of the titles that are there already are taken in, too.
"""

from alembic import op
from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table, Text, bindparam, select, text

from workflows.core.folding import words

revision = "0004"
down_revision = "0003"

BATCH = 1_000
WORD = Text().with_variant(Text(collation="C"), "postgresql")
PROVINCE = text("substr(unit_path, 1, 5)")
RUNNING = {"sqlite": "final = 0 AND due IS NOT NULL", "postgresql": "NOT final AND due IS NOT NULL"}
_KNOWN = MetaData()
_CASES = Table("cases", _KNOWN, Column("id", String(36)), Column("title", Text()), Column("fold", Text()))


def upgrade() -> None:
    word = op.create_table(
        "case_word",
        Column("word", WORD, nullable=False, comment="of the title, folded"),
        Column("case_id", String(36), nullable=False),
        PrimaryKeyConstraint("word", "case_id", name="pk_case_word"),
        sqlite_with_rowid=False,
    )
    _take_in_titles(word)
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column("cases", "fold", comment="words of the title without diacritics, lower case, đ as d")
    _index_cases()
    _index_what_happened("event")
    op.drop_index("ix_attempt_case_id_recorded_at", "attempt")
    op.drop_index("ix_attempt_person_recorded_at", "attempt")
    op.create_index("ix_attempt_recorded_at_id", "attempt", ["recorded_at", "id"])
    op.create_index("ix_attempt_case_id_recorded_at_id", "attempt", ["case_id", "recorded_at", "id"])
    _index_what_happened("attempt")


def _take_in_titles(word: Table) -> None:
    connection = op.get_bind()
    change = _CASES.update().where(_CASES.c.id == bindparam("case_id")).values(fold=bindparam("words"))
    page = select(_CASES.c.id, _CASES.c.title).order_by(_CASES.c.id).limit(BATCH)
    found = connection.execute(page).all()
    while found:
        connection.execute(change, [{"case_id": row.id, "words": " ".join(words(row.title))} for row in found])
        rows = [{"word": each, "case_id": row.id} for row in found for each in set(words(row.title))]
        if rows:
            connection.execute(word.insert(), rows)
        found = connection.execute(page.where(_CASES.c.id > found[-1].id)).all()


def _index_cases() -> None:
    running, planned = text(RUNNING[op.get_bind().dialect.name]), text("plan IS NOT NULL")
    op.drop_index("ix_cases_parent", "cases")
    op.drop_index("ix_cases_workflow_state_id", "cases")
    op.create_index("ix_cases_parent_id", "cases", ["parent", "id"])
    op.create_index("ix_cases_workflow_id", "cases", ["workflow", "id"])
    op.create_index("ix_cases_state_id", "cases", ["state", "id"])
    op.create_index("ix_cases_plan_id", "cases", ["plan", "id"], sqlite_where=planned, postgresql_where=planned)
    op.create_index("ix_cases_province", "cases", [PROVINCE, "id", "unit_path"])
    op.create_index("ix_cases_running", "cases", ["final", "id"], sqlite_where=running, postgresql_where=running)


def _index_what_happened(table: str) -> None:
    for column in ("unit_path", "person", "trigger"):
        op.create_index(f"ix_{table}_{column}_recorded_at_id", table, [column, "recorded_at", "id"])
    op.create_index(f"ix_{table}_province", table, [PROVINCE, "recorded_at", "id", "unit_path"])
