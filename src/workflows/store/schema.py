"""Making a database and keeping it up to date: revisions, the shipped definitions and units, rights of a role.

`create` may be repeated at any time and changes nothing the second time. What stands in the tables is the
revisions' affair, where definitions and units come from that of `loader` and `unit_rows`.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Table, delete, insert, select, text, update
from sqlalchemy.engine import RowMapping
from sqlalchemy.exc import DBAPIError

from workflows.core.civil import format_instant
from workflows.core.document_bytes import canonical_document, definition_hash
from workflows.core.documents import Catalogue, WorkflowDocument
from workflows.loader import find_definitions, load
from workflows.store.database import Database, DatabaseError, parse_url, sqlite_path
from workflows.store.origins import origin_rows
from workflows.store.tables import cases, definition, metadata, unit, unit_lock, unit_origin
from workflows.store.unit_rows import read_units
from workflows.store.worker_key import store_worker_key

_ONE_AT_A_TIME: Final = text("SELECT pg_advisory_xact_lock(hashtext('workflows.schema'))")
_CHANGED_BY_SERVER: Final = frozenset(
    {"api_key", "cases", "count_newest", "attempt_overflow", "subscription", "delivery", "rate_limit", "firing"}
)
_REMOVED_BY_SERVER: Final = frozenset({"case_link", "case_word", "outbox", "subscription", "delivery", "firing"})
_NEVER_BY_SERVER: Final = frozenset({"definition", "unit", "unit_lock", "unit_origin"})


class DefinitionInUseError(DatabaseError):
    """A version that cases run on would be replaced by another text."""


def create(url: str, *, definitions: Path | None = None, now: datetime | None = None) -> None:
    """Brings the schema to its newest revision and stores definitions and units; repeatable.

    Args:
        url: An SQLite file is made, with its directory; a PostgreSQL database must be there.
        definitions: Directory of definitions; None: the shipped ones.
        now: When new definitions count as stored; None: the present.

    Raises:
        DefinitionError: a definition is wrong.
        DefinitionInUseError: a definition differs from the stored one of its version, and a case uses that.
    """
    root = definitions or find_definitions(None)
    catalogue = load(root)
    units = read_units(root / "units")
    upgrade(url)
    with Database(url) as database, database.write() as connection:
        stored_at = format_instant(now or datetime.now(UTC))
        _store_definitions(connection, catalogue, stored_at)
        _store_units(connection, units)
        store_worker_key(connection, stored_at)


def upgrade(url: str) -> None:
    """Brings the schema to its newest revision, all or nothing; does nothing when it is there."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        path = sqlite_path(parsed)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    with Database(parsed) as database, database.write() as connection:
        if not database.is_sqlite:
            connection.execute(_ONE_AT_A_TIME)
        configuration = _configuration()
        configuration.attributes["connection"] = connection
        command.upgrade(configuration, "head")


def is_initialised(url: str) -> bool:
    """Whether the schema is there in its newest revision; False, too, when an SQLite file is not there."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite" and not sqlite_path(parsed).exists():
        return False
    with Database(parsed) as database, database.read() as connection:
        return revision_of(connection) == newest_revision()


def revision_of(connection: Connection) -> str | None:
    """The revision that the schema has; None: there is none."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def newest_revision() -> str | None:
    """The revision that this program needs."""
    return ScriptDirectory.from_config(_configuration()).get_current_head()


def revisions() -> tuple[str, ...]:
    """Every revision that this program knows, oldest first."""
    walked = ScriptDirectory.from_config(_configuration()).walk_revisions()
    return tuple(reversed([each.revision for each in walked]))


def grant(url: str, role: str) -> None:
    """Gives a PostgreSQL role exactly what the server needs; whoever calls must own the tables.

    Append-only tables can be read and added to, nothing else, so that even a server that was taken over cannot
    switch their triggers off. Run it again after each upgrade. Definitions and units are stored by the owner.

    Raises:
        DatabaseError: not PostgreSQL, or the role may act as the owner, which would void every guard.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        raise DatabaseError("rights of roles exist on PostgreSQL only; on SQLite whoever has the file has all")
    with Database(parsed) as database, database.write() as connection:
        _refuse_owner(connection, role)
        quoted = connection.dialect.identifier_preparer.quote(role)
        connection.execute(text(f"GRANT SELECT ON alembic_version TO {quoted}"))
        for table in metadata.sorted_tables:
            connection.execute(text(f"REVOKE ALL ON {table.name} FROM {quoted}"))
            connection.execute(text(f"GRANT {_rights(table)} ON {table.name} TO {quoted}"))


def missing_rights(connection: Connection) -> list[str]:
    """What `grant` gives on PostgreSQL and the role of this connection does not have, as `UPDATE on cases`."""
    asked = text("SELECT has_table_privilege(CAST(:table AS text), :right)")
    wanted = [(table.name, right) for table in metadata.sorted_tables for right in _rights(table).split(", ")]
    return [
        f"{right} on {table}"
        for table, right in wanted
        if not connection.execute(asked, {"table": table, "right": right}).scalar_one()
    ]


def _configuration() -> Config:
    configuration = Config()
    configuration.set_main_option("script_location", "workflows.store:migrations")
    configuration.set_main_option("path_separator", "os")
    return configuration


def _refuse_owner(connection: Connection, role: str) -> None:
    statement = text("SELECT pg_has_role(:role, relowner, 'MEMBER') FROM pg_class WHERE oid = 'event'::regclass")
    try:
        owner = connection.execute(statement, {"role": role}).scalar_one()
    except DBAPIError as error:
        raise DatabaseError(f"role {role!r} cannot be given rights: {error.orig}") from error
    if owner:
        message = f"role {role!r} owns the tables or may act as their owner: make another role for the server"
        raise DatabaseError(message)


def _rights(table: Table) -> str:
    if table.name == "unit_lock":
        return "SELECT, UPDATE"  # PostgreSQL asks for UPDATE from whoever locks a row
    if table.name in _NEVER_BY_SERVER:
        return "SELECT"
    changed = ", UPDATE" if table.name in _CHANGED_BY_SERVER else ""
    removed = ", DELETE" if table.name in _REMOVED_BY_SERVER else ""
    return f"SELECT, INSERT{changed}{removed}"


def _store_definitions(connection: Connection, catalogue: Catalogue, now: str) -> None:
    stored = {(row.key, row.version): row.hash for row in connection.execute(select(definition))}
    for document in (version for versions in catalogue.workflows.values() for version in versions):
        row = _definition_row(document, now)
        found = stored.get((document.workflow, document.version))
        if found is None:
            connection.execute(insert(definition), row)
        elif found != row["hash"]:
            _replace_definition(connection, document, found, row)


def _definition_row(document: WorkflowDocument, now: str) -> dict[str, object]:
    return {
        "key": document.workflow,
        "version": document.version,
        "hash": definition_hash(document),
        "document": canonical_document(document),
        "valid_from": document.valid.from_.isoformat(),
        "valid_to": document.valid.to.isoformat() if document.valid.to else None,
        "stored_at": now,
    }


def _replace_definition(
    connection: Connection, document: WorkflowDocument, found: str, row: Mapping[str, object]
) -> None:
    if connection.execute(select(cases.c.id).where(cases.c.definition == found).limit(1)).first():
        message = (
            f"workflow {document.workflow!r} version {document.version} is in use by cases with another text "
            f"(stored {found[:12]}…, given {str(row['hash'])[:12]}…): give the changed text the next version"
        )
        raise DefinitionInUseError(message)
    connection.execute(update(definition).where(definition.c.hash == found), row)


def _store_units(connection: Connection, wanted: list[dict[str, object]]) -> None:
    stored = connection.execute(select(unit).order_by(unit.c.code, unit.c.valid_from)).mappings()
    if list(_plain(stored)) != wanted:
        connection.execute(delete(unit))
        connection.execute(insert(unit), wanted)
    _store_origins(connection, origin_rows(wanted))
    locks = set(connection.execute(select(unit_lock.c.code)).scalars())
    missing = sorted({str(row["code"]) for row in wanted} - locks)
    if missing:
        connection.execute(insert(unit_lock), [{"code": code} for code in missing])


def _store_origins(connection: Connection, wanted: list[dict[str, object]]) -> None:
    order = (unit_origin.c.code, unit_origin.c.day, unit_origin.c.source)
    stored = connection.execute(select(unit_origin).order_by(*order)).mappings()
    if list(_plain(stored)) != wanted:
        connection.execute(delete(unit_origin))
        if wanted:
            connection.execute(insert(unit_origin), wanted)


def _plain(rows: Iterator[RowMapping]) -> Iterator[dict[str, object]]:
    return (dict(row) for row in rows)
