"""The tables, the same on SQLite and PostgreSQL.

Instants are RFC 3339 texts with six fraction digits and `Z` (their text order is time order, and no database rounds
them); civil dates are ISO texts; JSON is canonical text. `event.entry` holds the bytes that are hashed; every other
column of `event`, and all of `cases`, are projections of them.
"""

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

INSTANT = String(27)
DAY = String(10)
ID = String(36)
HASH = String(64)
PATH = String(40).with_variant(String(40, collation="C"), "postgresql")
"""Compared by ranges (`store.visibility`), which need byte order; SQLite has no other."""

definition = Table(
    "definition",
    metadata,
    Column("key", String(60), nullable=False),
    Column("version", Integer, nullable=False),
    Column("hash", HASH, nullable=False, unique=True),
    Column("document", LargeBinary, nullable=False, comment="canonical bytes; their SHA-256 is hash"),
    Column("valid_from", DAY, nullable=False),
    Column("valid_to", DAY, comment="exclusive"),
    Column("stored_at", INSTANT, nullable=False),
    PrimaryKeyConstraint("key", "version"),
)

unit = Table(
    "unit",
    metadata,
    Column("code", String(5), nullable=False),
    Column("level", String(8), nullable=False),
    Column("name", String(120), nullable=False),
    Column("fold", String(120), nullable=False, comment="name without diacritics, lower case, đ as d"),
    Column("parent", String(5)),
    Column("path", PATH, nullable=False, comment="codes from the country down, joined by /"),
    Column("valid_from", DAY, nullable=False),
    Column("valid_to", DAY, comment="exclusive"),
    Column("successors", Text, nullable=False, comment="codes separated by a space"),
    PrimaryKeyConstraint("code", "valid_from"),
    Index(None, "parent"),
    Index(None, "path"),
)

unit_lock = Table(
    "unit_lock",
    metadata,
    Column("code", String(5), primary_key=True, comment="locked by whoever decides on facts of the unit"),
)

count_entry = Table(
    "count_entry",
    metadata,
    Column("id", ID, primary_key=True),
    Column("unit", String(5), nullable=False),
    Column("key", String(60), nullable=False),
    Column("value", Integer, nullable=False),
    Column("as_of", DAY, nullable=False),
    Column("source", String(300), nullable=False),
    Column("person", String(100), nullable=False),
    Column("grant_id", ID, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    Index(None, "unit", "key", "as_of", "recorded_at"),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", ID, primary_key=True, comment="also the id of the grant that the key carries"),
    Column("secret_hash", HASH, nullable=False, unique=True),
    Column("name", String(200), nullable=False),
    Column("person", String(100), nullable=False),
    Column("role", String(24), nullable=False),
    Column("unit", String(5), nullable=False),
    Column("unit_path", PATH, nullable=False),
    Column("agency", String(60)),
    Column("scope", Text, nullable=False, comment="workflow.trigger items separated by a space"),
    Column("valid_from", DAY),
    Column("valid_to", DAY, comment="exclusive"),
    Column("created_at", INSTANT, nullable=False),
    Column("revoked_at", INSTANT),
)

cases = Table(
    "cases",
    metadata,
    Column("id", ID, primary_key=True),
    Column("workflow", String(60), nullable=False),
    Column("workflow_version", Integer, nullable=False),
    Column("definition", HASH, nullable=False),
    Column("state", String(60), nullable=False),
    Column("version", Integer, nullable=False),
    Column("unit", String(5), nullable=False),
    Column("unit_path", PATH, nullable=False),
    Column("plan", String(60)),
    Column("parent", ID),
    Column("title", Text, nullable=False),
    Column("fold", Text, nullable=False, comment="title without diacritics, lower case, đ as d"),
    Column("data", Text, nullable=False),
    Column("links", Text, nullable=False),
    Column("sheets", Text, nullable=False),
    Column("entered", Text, nullable=False),
    Column("acts", Text, nullable=False),
    Column("episode", Integer, nullable=False),
    Column("opened_at", INSTANT, nullable=False),
    Column("state_since", INSTANT, nullable=False),
    Column("due", DAY, comment="the last day that is in time"),
    Column("final", Boolean, nullable=False),
    Column("occurred_at", INSTANT, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    Column("head", HASH, nullable=False),
    Index(None, "unit", "workflow", "state"),
    Index(None, "parent"),
    Index(None, "workflow", "state", "id"),
    Index(None, "unit_path", "id"),
)

case_link = Table(
    "case_link",
    metadata,
    Column("case_id", ID, ForeignKey("cases.id"), nullable=False),
    Column("field", String(60), nullable=False),
    Column("other_id", ID, nullable=False),
    PrimaryKeyConstraint("case_id", "field", "other_id"),
    Index(None, "other_id"),
)

event = Table(
    "event",
    metadata,
    Column("id", ID, primary_key=True),
    Column("case_id", ID, ForeignKey("cases.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("prev_hash", HASH),
    Column("hash", HASH, nullable=False, unique=True),
    Column("entry", LargeBinary, nullable=False),
    Column("kind", String(24), nullable=False),
    Column("workflow", String(60), nullable=False),
    Column("trigger", String(60), nullable=False),
    Column("unit_path", PATH, nullable=False),
    Column("person", String(100), nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    UniqueConstraint("case_id", "seq"),
    UniqueConstraint("case_id", "prev_hash"),
    Index(None, "recorded_at", "id"),
)

event_text = Table(
    "event_text",
    metadata,
    Column("event_id", ID, ForeignKey("event.id"), primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False, comment="canonical bytes that the entry commits to"),
)

attempt = Table(
    "attempt",
    metadata,
    Column("id", ID, primary_key=True),
    Column("same", HASH, nullable=False, unique=True, comment="case, version, person, trigger, codes, input"),
    Column("case_id", ID, comment="null: an opening was refused"),
    Column("workflow", String(60), nullable=False),
    Column("trigger", String(60), nullable=False),
    Column("unit_path", PATH, nullable=False),
    Column("person", String(100), nullable=False),
    Column("entry", Text, nullable=False, comment="what was tried, by whom, and the blockers, as JSON"),
    Column("recorded_at", INSTANT, nullable=False),
    Index(None, "case_id", "recorded_at"),
    Index(None, "person", "recorded_at"),
)

attempt_overflow = Table(
    "attempt_overflow",
    metadata,
    Column("person", String(100), nullable=False),
    Column("hour", String(13), nullable=False, comment="UTC, yyyy-mm-ddThh"),
    Column("uncounted", Integer, nullable=False, comment="refused attempts of that hour beyond the limit"),
    PrimaryKeyConstraint("person", "hour"),
)

result = Table(
    "result",
    metadata,
    Column("client", ID, nullable=False, comment="the API key that sent the command"),
    Column("key_hash", HASH, nullable=False),
    Column("fingerprint", HASH, nullable=False, comment="of the request that used the key first"),
    Column("status", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("headers", Text, nullable=False, comment="JSON object of the reply's headers that are replayed"),
    Column("recorded_at", INSTANT, nullable=False),
    PrimaryKeyConstraint("client", "key_hash"),
)

setting = Table(
    "setting",
    metadata,
    Column("key", String(60), primary_key=True),
    Column("value", Text, nullable=False),
)
APPEND_ONLY = (event, attempt, count_entry)
"""Rows of these are never changed or removed; the migrations put triggers on them.

A `definition` may be replaced until a case uses it, and an `event_text` removed but never changed.
"""
