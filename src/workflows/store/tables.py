"""The tables, the same on SQLite and PostgreSQL.

Instants are RFC 3339 texts with six fraction digits and `Z` (their text order is time order, and no database rounds
them); civil dates are ISO texts; JSON is canonical text. `event.entry` holds the bytes that are hashed; every other
column of `event`, and all of `cases`, are projections of them.
"""

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Double,
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
    and_,
    func,
    literal_column,
    text,
    true,
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
POSITION = BigInteger().with_variant(Integer, "sqlite")
PATH = String(40).with_variant(String(40, collation="C"), "postgresql")
"""Compared by ranges (`store.visibility`), which need byte order; SQLite has no other."""
WORD = Text().with_variant(Text(collation="C"), "postgresql")
PROVINCE: Final = 5
"""Length of the path of a province: `VN/84`."""


def province(path: ColumnElement[str]) -> ColumnElement[str]:
    """The beginning of a unit's path, as indexes hold it; written out, because a parameter would not match them."""
    return func.substr(path, literal_column("1"), literal_column(str(PROVINCE)))


def tallied(workflow: ColumnElement[str]) -> ColumnElement[str]:
    """The workflow as the index holds it that cases are counted from: no list takes that index for one of its own."""
    return workflow.op("||")(literal_column("''"))


LISTED: Final = ("unit_path", "workflow", "plan", "state", "final", "due")
"""Columns of `cases` by which lists are filtered, and which therefore stand in the indexes that lists are read by."""
LISTED_STILL: Final = ("unit_path", "workflow", "plan")
"""Those of them that hardly an event changes: in an index where the others would be written too often."""
HAPPENED: Final = ("unit_path", "person", "trigger", "workflow")
"""The same, of `event` and `attempt`."""


def _in_order(
    name: str,
    order: Sequence[Column[Any]],
    held: Sequence[str],
    first: ColumnElement[Any] | None = None,
    *,
    only: ColumnElement[bool] | None = None,
) -> None:
    """An index in the order of a list.

    Args:
        name: Of the index; of its first column, if that is one.
        order: Columns of the list's order.
        held: Names of those that filters look at.
        first: What the index finds; by default the column of that name.
        only: Which rows it has; all by default.
    """
    table = order[0].table
    rest = [table.c[each] for each in held if each != name]
    leading = table.c[name] if first is None else first
    Index(f"ix_{table.name}_{name}", leading, *order, *rest, sqlite_where=only, postgresql_where=only)


def _of_what_happened(table: Table) -> None:
    order = [table.c.recorded_at, table.c.id]
    _in_order("recorded_at", order[1:], HAPPENED)
    _in_order("province", order, HAPPENED, province(table.c.unit_path))
    for name in ("unit_path", "person", "trigger"):
        _in_order(name, order, HAPPENED)


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

unit_origin = Table(
    "unit_origin",
    metadata,
    Column("code", String(5), nullable=False, comment="of a unit that was made of others"),
    Column("day", DAY, nullable=False, comment="from which on it has its area"),
    Column("source", String(5), nullable=False, comment="code of one of them until that day; empty: not known"),
    Column("whole", Boolean, nullable=False, comment="false: the source was divided among several"),
    PrimaryKeyConstraint("code", "day", "source"),
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
    Index("ix_count_entry_key", "key", "unit", "as_of", "recorded_at", "value"),
)

count_newest = Table(
    "count_newest",
    metadata,
    Column("key", String(60), nullable=False),
    Column("unit", String(5), nullable=False),
    Column("as_of", DAY, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    Column("value", Integer, nullable=False),
    Column("id", ID, nullable=False, comment="of the entry; a trigger puts the newest by as_of and recorded_at here"),
    PrimaryKeyConstraint("key", "unit"),
    sqlite_with_rowid=False,
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
    Column("opened_path", PATH, comment="of the unit that it was opened in"),
    Column("choices", Text, nullable=False, server_default="{}", comment="of data, what is spelt like a name"),
    Index(None, "unit", "workflow", "state"),
)
Index("ix_cases_choices", tallied(cases.c.workflow), cases.c.state, cases.c.choices, cases.c.opened_path)
_RUNNING: Final = and_(~cases.c.final, cases.c.due.is_not(None))
_PLANNED: Final = cases.c.plan.is_not(None)
_in_order("province", [cases.c.id], LISTED, province(cases.c.unit_path))
_in_order("unit_path", [cases.c.id], LISTED)
_in_order("state", [cases.c.id], LISTED)
_in_order("parent", [cases.c.id], LISTED_STILL)
_in_order("workflow", [cases.c.id], LISTED_STILL)
_in_order("plan", [cases.c.id], LISTED_STILL, only=_PLANNED)
_in_order("final", [cases.c.id], LISTED, only=_RUNNING)
RUNNING_BY_DAY: Final = and_(cases.c.final.is_not(true()), cases.c.due.is_not(None))
"""The same in other words: with those SQLite would take the index above, and sort all that runs by day."""
Index("ix_cases_due", cases.c.due, cases.c.id, sqlite_where=RUNNING_BY_DAY, postgresql_where=RUNNING_BY_DAY)
MOVED: Final = cases.c.opened_path != cases.c.unit_path
"""Of cases that went to a successor of the unit in which they were opened."""
_in_order("moved", [cases.c.id], ("opened_path", *LISTED), province(cases.c.opened_path), only=MOVED)

case_word = Table(
    "case_word",
    metadata,
    Column("word", WORD, nullable=False, comment="of the title, folded"),
    Column("case_id", ID, nullable=False),
    Column("unit_path", PATH, nullable=False),
    Column("workflow", String(60), nullable=False),
    PrimaryKeyConstraint("word", "case_id"),
    sqlite_with_rowid=False,
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
    Column("occurred_at", INSTANT, comment="null: when it was recorded"),
    UniqueConstraint("case_id", "seq"),
    UniqueConstraint("case_id", "prev_hash"),
)
_of_what_happened(event)

event_text = Table(
    "event_text",
    metadata,
    Column("event_id", ID, ForeignKey("event.id"), primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("payload", LargeBinary, nullable=False, comment="canonical bytes that the entry commits to"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("event_id", ID, primary_key=True, comment="an event that has no place in the feed yet"),
)

feed = Table(
    "feed",
    metadata,
    Column("position", POSITION, primary_key=True, autoincrement=False, comment="from 1, without a gap"),
    Column("event_id", ID, nullable=False, unique=True),
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
    Index("ix_attempt_case_id", "case_id", "recorded_at", "id"),
)
_of_what_happened(attempt)

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

subscription = Table(
    "subscription",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("url", String(2000), nullable=False),
    Column("secret", String(100), nullable=False, comment="signs, so that its text must be kept"),
    Column("old_secret", String(100)),
    Column("old_secret_until", INSTANT, comment="exclusive"),
    Column("workflows", Text, nullable=False, comment="keys separated by a space; empty: all"),
    Column("triggers", Text, nullable=False, comment="names separated by a space; empty: all"),
    Column("units", Text, nullable=False, comment="codes separated by a space; empty: all"),
    Column("unit_paths", Text, nullable=False, comment="of those codes in all their periods"),
    Column("grant_id", ID, ForeignKey("api_key.id"), nullable=False, comment="decides which events may be told"),
    Column("person", String(100), nullable=False),
    Column("unit_path", PATH, nullable=False, comment="of the grant"),
    Column("active", Boolean, nullable=False),
    Column("paused_because", String(40), comment="requested, gone, grant_ended; null while active"),
    Column("created_at", INSTANT, nullable=False),
    Column("replay_after", POSITION, comment="positions above are still to be queued again"),
    Column("replay_until", POSITION, comment="the last of them; null: no replay is under way"),
    Index(None, "person", "id"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("subscription_id", ID, ForeignKey("subscription.id"), nullable=False),
    Column("position", POSITION, nullable=False),
    Column("event_id", ID, nullable=False),
    Column("case_id", ID, nullable=False),
    Column("state", String(8), nullable=False, comment="waiting or dead; what is delivered has no row"),
    Column("attempts", Integer, nullable=False),
    Column("next_at", INSTANT, comment="null: dead, or behind an earlier one of its case"),
    Column("claimed_until", INSTANT, comment="the sender that set it may settle the delivery; others wait until then"),
    Column("last_status", Integer),
    Column("last_error", String(200)),
    Column("created_at", INSTANT, nullable=False),
    PrimaryKeyConstraint("subscription_id", "position"),
    Index(
        "ix_delivery_due",
        "subscription_id",
        "next_at",
        "position",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
    Index(
        "ix_delivery_waiting",
        "subscription_id",
        "case_id",
        "position",
        sqlite_where=text("state = 'waiting'"),
        postgresql_where=text("state = 'waiting'"),
    ),
    Index(
        "ix_delivery_head",
        "subscription_id",
        "case_id",
        sqlite_where=text("next_at IS NOT NULL"),
        postgresql_where=text("next_at IS NOT NULL"),
    ),
    Index(
        "ix_delivery_dead",
        "subscription_id",
        "position",
        sqlite_where=text("state = 'dead'"),
        postgresql_where=text("state = 'dead'"),
    ),
)

setting = Table(
    "setting",
    metadata,
    Column("key", String(60), primary_key=True),
    Column("value", Text, nullable=False),
)

notice = Table(
    "notice",
    metadata,
    Column("id", ID, primary_key=True),
    Column("case_id", ID, ForeignKey("cases.id"), nullable=False),
    Column("state", String(60), nullable=False),
    Column("state_since", INSTANT, nullable=False),
    Column("due", DAY, nullable=False, comment="the day that has passed"),
    Column("action", Integer, nullable=False, comment="its number among those of the deadline, from 0"),
    Column("seq", Integer, nullable=False, comment="version of the case after what was done"),
    Column("hash", HASH, nullable=False, unique=True),
    Column("entry", LargeBinary, nullable=False, comment="canonical bytes; the other columns are projections of them"),
    Column("workflow", String(60), nullable=False),
    Column("unit_path", PATH, nullable=False),
    Column("recorded_at", INSTANT, nullable=False),
    UniqueConstraint("case_id", "state", "state_since", "due", "action"),
    Index(None, "unit_path", "id"),
)

firing = Table(
    "firing",
    metadata,
    Column("case_id", ID, ForeignKey("cases.id"), nullable=False, comment="a trigger is to be fired as the system"),
    Column("state", String(60), nullable=False),
    Column("state_since", INSTANT, nullable=False),
    Column("due", DAY, nullable=False),
    Column("action", Integer, nullable=False),
    Column("version", Integer, nullable=False, comment="of the case; at another one nothing is fired"),
    Column("claimed_until", INSTANT, nullable=False, comment="until then left to the worker that wrote it"),
    PrimaryKeyConstraint("case_id", "state", "state_since", "due", "action"),
)

rate_limit = Table(
    "rate_limit",
    metadata,
    Column("client", ID, primary_key=True, comment="id of an API key"),
    Column("until", Double, nullable=False, comment="seconds of the epoch until which its rate is spent"),
    Column("taken", Integer, nullable=False, comment="requests that were given last"),
)

plan_opening = Table(
    "plan_opening",
    metadata,
    Column("id", ID, primary_key=True),
    Column("plan", String(60), nullable=False),
    Column("year", Integer, nullable=False),
    Column("number", Integer, nullable=False, comment="of the application, from 1"),
    Column("hash", HASH, nullable=False),
    Column("document", LargeBinary, nullable=False, comment="canonical bytes; their SHA-256 is hash"),
    Column("person", String(100), nullable=False),
    Column("grant_id", ID, nullable=False),
    Column("opened_at", INSTANT, nullable=False),
    UniqueConstraint("plan", "year", "number"),
)

APPEND_ONLY = (event, attempt, count_entry, feed, plan_opening, notice)
"""Rows of these are never changed or removed; the migrations put triggers on them.

A `definition` may be replaced until a case uses it, and an `event_text` removed but never changed.
"""
