"""Whether the triggers that make tables append-only are there and switched on.

The revisions put them there; this only looks, because whoever owns a table can remove them.
"""

from collections.abc import Iterator
from typing import Final

from sqlalchemy import Connection, text

from workflows.store.tables import APPEND_ONLY, definition, event_text

_SQLITE: Final = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND sql LIKE '%RAISE(ABORT%'")
# 'A' (always) also holds where `session_replication_role` switches ordinary triggers off.
_POSTGRESQL: Final = text("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'A'")


def missing_guards(connection: Connection) -> list[str]:
    """Names of the triggers that are missing or switched off; empty when every guard stands."""
    sqlite = connection.dialect.name == "sqlite"
    found = set(connection.execute(_SQLITE if sqlite else _POSTGRESQL).scalars())
    return [name for name in (_sqlite_names() if sqlite else _postgresql_names()) if name not in found]


def _sqlite_names() -> Iterator[str]:
    for table in (*APPEND_ONLY, definition, event_text):
        changes = ("update", "replace") if table is event_text else ("update", "delete", "replace")
        yield from (f"{table.name}_no_{change}" for change in changes)


def _postgresql_names() -> Iterator[str]:
    for table in (*APPEND_ONLY, definition, event_text):
        yield from (f"{table.name}_no_{change}" for change in ("change", "truncate"))
