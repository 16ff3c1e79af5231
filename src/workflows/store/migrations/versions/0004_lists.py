"""What pages of lists and histories need to stay quick however much there is: indexes in the order of each list.

Cases are found by the words of their titles, those that are there already, too, and no longer by a part of the title.
"""

from alembic import op
from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table, Text, select, text

from workflows.core.folding import words

revision = "0004"
down_revision = "0003"

BATCH = 1_000
PATH = String(40).with_variant(String(40, collation="C"), "postgresql")
WORD = Text().with_variant(Text(collation="C"), "postgresql")
PROVINCE = text("substr(unit_path, 1, 5)")
RUNNING = {"sqlite": "final = 0 AND due IS NOT NULL", "postgresql": "NOT final AND due IS NOT NULL"}
_KNOWN = MetaData()
_CASES = Table(
    "cases",
    _KNOWN,
    Column("id", String(36)),
    Column("unit_path", PATH),
    Column("workflow", String(60)),
    Column("title", Text()),
)


def upgrade() -> None:
    word = op.create_table(
        "case_word",
        Column("word", WORD, nullable=False, comment="of the title, folded"),
        Column("case_id", String(36), nullable=False),
        Column("unit_path", PATH, nullable=False),
        Column("workflow", String(60), nullable=False),
        PrimaryKeyConstraint("word", "case_id", name="pk_case_word"),
        sqlite_with_rowid=False,
    )
    _take_in_titles(word)
    op.drop_column("cases", "fold")
    _index_cases()
    op.drop_index("ix_event_recorded_at_id", "event")
    _index_what_happened("event")
    op.drop_index("ix_attempt_case_id_recorded_at", "attempt")
    op.drop_index("ix_attempt_person_recorded_at", "attempt")
    op.create_index("ix_attempt_case_id", "attempt", ["case_id", "recorded_at", "id"])
    _index_what_happened("attempt")


def _take_in_titles(word: Table) -> None:
    connection = op.get_bind()
    page = select(_CASES.c.id, _CASES.c.unit_path, _CASES.c.workflow, _CASES.c.title).order_by(_CASES.c.id).limit(BATCH)
    found = connection.execute(page).all()
    while found:
        rows = [
            {"word": each, "case_id": row.id, "unit_path": row.unit_path, "workflow": row.workflow}
            for row in found
            for each in set(words(row.title))
        ]
        if rows:
            connection.execute(word.insert(), rows)
        found = connection.execute(page.where(_CASES.c.id > found[-1].id)).all()


def _index_cases() -> None:
    running = text(RUNNING[op.get_bind().dialect.name])
    planned = text("plan IS NOT NULL")
    for name in ("parent", "workflow_state_id", "unit_path_id"):
        op.drop_index(f"ix_cases_{name}", "cases")
    rest = ["workflow", "plan", "state", "final", "due"]
    op.create_index("ix_cases_parent", "cases", ["parent", "id", "unit_path", "workflow", "plan"])
    op.create_index("ix_cases_province", "cases", [PROVINCE, "id", "unit_path", *rest])
    op.create_index("ix_cases_unit_path", "cases", ["unit_path", "id", *rest])
    op.create_index("ix_cases_state", "cases", ["state", "id", "unit_path", "workflow", "plan", "final", "due"])
    op.create_index("ix_cases_workflow", "cases", ["workflow", "id", "unit_path", "plan"])
    op.create_index(
        "ix_cases_plan",
        "cases",
        ["plan", "id", "unit_path", "workflow"],
        sqlite_where=planned,
        postgresql_where=planned,
    )
    op.create_index(
        "ix_cases_final",
        "cases",
        ["final", "id", "unit_path", "workflow", "plan", "state", "due"],
        sqlite_where=running,
        postgresql_where=running,
    )


def _index_what_happened(table: str) -> None:
    rest = ["unit_path", "person", "trigger", "workflow"]
    op.create_index(f"ix_{table}_recorded_at", table, ["recorded_at", "id", *rest])
    op.create_index(f"ix_{table}_province", table, [PROVINCE, "recorded_at", "id", *rest])
    for column in ("unit_path", "person", "trigger"):
        others = [each for each in rest if each != column]
        op.create_index(f"ix_{table}_{column}", table, [column, "recorded_at", "id", *others])
