"""Every table of the first release, and what keeps the append-only ones so."""

from alembic import op
from sqlalchemy import (
    Boolean,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Text,
    UniqueConstraint,
)

from workflows.store.migrations import triggers

revision = "0001"
down_revision = None

GUARDED = (
    triggers.Guarded(table="event", keys=(("id",), ("hash",), ("case_id", "seq"), ("case_id", "prev_hash"))),
    triggers.Guarded(table="attempt", keys=(("id",), ("same",))),
    triggers.Guarded(table="count_entry", keys=(("id",),)),
    triggers.Guarded(table="event_text", keys=(("event_id",),), delete=False),
    triggers.Guarded(
        table="definition",
        keys=(("key", "version"), ("hash",)),
        only_if="EXISTS (SELECT 1 FROM cases WHERE cases.definition = OLD.hash)",
    ),
)
PATH = String(40).with_variant(String(40, collation="C"), "postgresql")


def upgrade() -> None:
    _definition()
    _unit()
    _unit_lock()
    _count_entry()
    _api_key()
    _setting()
    _cases()
    _case_link()
    _event()
    _event_text()
    _attempt()
    _attempt_overflow()
    _result()
    dialect = op.get_bind().dialect.name
    statements = [statement for guarded in GUARDED for statement in guarded.statements(dialect)]
    for statement in (*triggers.prelude(dialect), *statements):
        op.execute(statement)


def _definition() -> None:
    op.create_table(
        "definition",
        Column("key", String(60), nullable=False),
        Column("version", Integer(), nullable=False),
        Column("hash", String(64), nullable=False),
        Column("document", LargeBinary(), nullable=False, comment="canonical bytes; their SHA-256 is hash"),
        Column("valid_from", String(10), nullable=False),
        Column("valid_to", String(10), comment="exclusive"),
        Column("stored_at", String(27), nullable=False),
        PrimaryKeyConstraint("key", "version", name="pk_definition"),
        UniqueConstraint("hash", name="uq_definition_hash"),
    )


def _unit() -> None:
    op.create_table(
        "unit",
        Column("code", String(5), nullable=False),
        Column("level", String(8), nullable=False),
        Column("name", String(120), nullable=False),
        Column("fold", String(120), nullable=False, comment="name without diacritics, lower case, đ as d"),
        Column("parent", String(5)),
        Column("path", PATH, nullable=False, comment="codes from the country down, joined by /"),
        Column("valid_from", String(10), nullable=False),
        Column("valid_to", String(10), comment="exclusive"),
        Column("successors", Text(), nullable=False, comment="codes separated by a space"),
        PrimaryKeyConstraint("code", "valid_from", name="pk_unit"),
    )
    op.create_index("ix_unit_parent", "unit", ["parent"])
    op.create_index("ix_unit_path", "unit", ["path"])


def _unit_lock() -> None:
    op.create_table(
        "unit_lock",
        Column("code", String(5), nullable=False, comment="locked by whoever decides on facts of the unit"),
        PrimaryKeyConstraint("code", name="pk_unit_lock"),
    )


def _count_entry() -> None:
    op.create_table(
        "count_entry",
        Column("id", String(36), nullable=False),
        Column("unit", String(5), nullable=False),
        Column("key", String(60), nullable=False),
        Column("value", Integer(), nullable=False),
        Column("as_of", String(10), nullable=False),
        Column("source", String(300), nullable=False),
        Column("person", String(100), nullable=False),
        Column("grant_id", String(36), nullable=False),
        Column("recorded_at", String(27), nullable=False),
        PrimaryKeyConstraint("id", name="pk_count_entry"),
    )
    op.create_index("ix_count_entry_unit_key_as_of_recorded_at", "count_entry", ["unit", "key", "as_of", "recorded_at"])


def _api_key() -> None:
    op.create_table(
        "api_key",
        Column("id", String(36), nullable=False, comment="also the id of the grant that the key carries"),
        Column("secret_hash", String(64), nullable=False),
        Column("name", String(200), nullable=False),
        Column("person", String(100), nullable=False),
        Column("role", String(24), nullable=False),
        Column("unit", String(5), nullable=False),
        Column("unit_path", PATH, nullable=False),
        Column("agency", String(60)),
        Column("scope", Text(), nullable=False, comment="workflow.trigger items separated by a space"),
        Column("valid_from", String(10)),
        Column("valid_to", String(10), comment="exclusive"),
        Column("created_at", String(27), nullable=False),
        Column("revoked_at", String(27)),
        PrimaryKeyConstraint("id", name="pk_api_key"),
        UniqueConstraint("secret_hash", name="uq_api_key_secret_hash"),
    )


def _setting() -> None:
    op.create_table(
        "setting",
        Column("key", String(60), nullable=False),
        Column("value", Text(), nullable=False),
        PrimaryKeyConstraint("key", name="pk_setting"),
    )


def _cases() -> None:
    op.create_table(
        "cases",
        Column("id", String(36), nullable=False),
        Column("workflow", String(60), nullable=False),
        Column("workflow_version", Integer(), nullable=False),
        Column("definition", String(64), nullable=False),
        Column("state", String(60), nullable=False),
        Column("version", Integer(), nullable=False),
        Column("unit", String(5), nullable=False),
        Column("unit_path", PATH, nullable=False),
        Column("plan", String(60)),
        Column("parent", String(36)),
        Column("title", Text(), nullable=False),
        Column("fold", Text(), nullable=False, comment="title without diacritics, lower case, đ as d"),
        Column("data", Text(), nullable=False),
        Column("links", Text(), nullable=False),
        Column("sheets", Text(), nullable=False),
        Column("entered", Text(), nullable=False),
        Column("acts", Text(), nullable=False),
        Column("episode", Integer(), nullable=False),
        Column("opened_at", String(27), nullable=False),
        Column("state_since", String(27), nullable=False),
        Column("due", String(10), comment="the last day that is in time"),
        Column("final", Boolean(), nullable=False),
        Column("occurred_at", String(27), nullable=False),
        Column("recorded_at", String(27), nullable=False),
        Column("head", String(64), nullable=False),
        PrimaryKeyConstraint("id", name="pk_cases"),
    )
    op.create_index("ix_cases_parent", "cases", ["parent"])
    op.create_index("ix_cases_unit_path_id", "cases", ["unit_path", "id"])
    op.create_index("ix_cases_unit_workflow_state", "cases", ["unit", "workflow", "state"])
    op.create_index("ix_cases_workflow_state_id", "cases", ["workflow", "state", "id"])


def _case_link() -> None:
    op.create_table(
        "case_link",
        Column("case_id", String(36), nullable=False),
        Column("field", String(60), nullable=False),
        Column("other_id", String(36), nullable=False),
        ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_link_case_id"),
        PrimaryKeyConstraint("case_id", "field", "other_id", name="pk_case_link"),
    )
    op.create_index("ix_case_link_other_id", "case_link", ["other_id"])


def _event() -> None:
    op.create_table(
        "event",
        Column("id", String(36), nullable=False),
        Column("case_id", String(36), nullable=False),
        Column("seq", Integer(), nullable=False),
        Column("prev_hash", String(64)),
        Column("hash", String(64), nullable=False),
        Column("entry", LargeBinary(), nullable=False),
        Column("kind", String(24), nullable=False),
        Column("workflow", String(60), nullable=False),
        Column("trigger", String(60), nullable=False),
        Column("unit_path", PATH, nullable=False),
        Column("person", String(100), nullable=False),
        Column("recorded_at", String(27), nullable=False),
        ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_event_case_id"),
        PrimaryKeyConstraint("id", name="pk_event"),
        UniqueConstraint("case_id", "prev_hash", name="uq_event_case_id_prev_hash"),
        UniqueConstraint("case_id", "seq", name="uq_event_case_id_seq"),
        UniqueConstraint("hash", name="uq_event_hash"),
    )
    op.create_index("ix_event_recorded_at_id", "event", ["recorded_at", "id"])


def _event_text() -> None:
    op.create_table(
        "event_text",
        Column("event_id", String(36), nullable=False),
        Column("salt", LargeBinary(), nullable=False),
        Column("payload", LargeBinary(), nullable=False, comment="canonical bytes that the entry commits to"),
        ForeignKeyConstraint(["event_id"], ["event.id"], name="fk_event_text_event_id"),
        PrimaryKeyConstraint("event_id", name="pk_event_text"),
    )


def _attempt() -> None:
    op.create_table(
        "attempt",
        Column("id", String(36), nullable=False),
        Column("same", String(64), nullable=False, comment="case, version, person, trigger, codes, input"),
        Column("case_id", String(36), comment="null: an opening was refused"),
        Column("workflow", String(60), nullable=False),
        Column("trigger", String(60), nullable=False),
        Column("unit_path", PATH, nullable=False),
        Column("person", String(100), nullable=False),
        Column("entry", Text(), nullable=False, comment="what was tried, by whom, and the blockers, as JSON"),
        Column("recorded_at", String(27), nullable=False),
        PrimaryKeyConstraint("id", name="pk_attempt"),
        UniqueConstraint("same", name="uq_attempt_same"),
    )
    op.create_index("ix_attempt_case_id_recorded_at", "attempt", ["case_id", "recorded_at"])
    op.create_index("ix_attempt_person_recorded_at", "attempt", ["person", "recorded_at"])


def _attempt_overflow() -> None:
    op.create_table(
        "attempt_overflow",
        Column("person", String(100), nullable=False),
        Column("hour", String(13), nullable=False, comment="UTC, yyyy-mm-ddThh"),
        Column("uncounted", Integer(), nullable=False, comment="refused attempts of that hour beyond the limit"),
        PrimaryKeyConstraint("person", "hour", name="pk_attempt_overflow"),
    )


def _result() -> None:
    op.create_table(
        "result",
        Column("client", String(36), nullable=False, comment="the API key that sent the command"),
        Column("key_hash", String(64), nullable=False),
        Column("fingerprint", String(64), nullable=False, comment="of the request that used the key first"),
        Column("status", Integer(), nullable=False),
        Column("body", LargeBinary(), nullable=False),
        Column("headers", Text(), nullable=False, comment="JSON object of the reply's headers that are replayed"),
        Column("recorded_at", String(27), nullable=False),
        PrimaryKeyConstraint("client", "key_hash", name="pk_result"),
    )
