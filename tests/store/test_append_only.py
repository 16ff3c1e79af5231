"""Every way known to us of changing an append-only table is refused, and succeeds where our guard is missing."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, create_engine, insert, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from tests.conftest import Run, copied
from tests.store import samples
from workflows.store import schema
from workflows.store.database import Database, DatabaseError, driver, sqlite_path
from workflows.store.feed import sequence
from workflows.store.tables import APPEND_ONLY, attempt, count_entry, plan_opening

KEYS = {
    "event": "id",
    "attempt": "id",
    "count_entry": "id",
    "event_text": "event_id",
    "definition": "hash",
    "feed": "position",
    "plan_opening": "id",
    "notice": "id",
}
COLUMNS = {
    "event": "person",
    "attempt": "person",
    "count_entry": "source",
    "event_text": "salt",
    "definition": "stored_at",
    "feed": "event_id",
    "plan_opening": "person",
    "notice": "state",
}
CONTROL = "control"
"""A copy of the table under attack, without our guard."""

UPDATE = "UPDATE {table} SET {column} = 'forged'"
DELETE = "DELETE FROM {table}"
REPLACE = "INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
UPDATE_OR_REPLACE = "UPDATE OR REPLACE {table} SET {column} = 'forged'"
UPSERT = "INSERT INTO {table} SELECT * FROM {table} WHERE true ON CONFLICT ({key}) DO UPDATE SET {column} = 'forged'"
MERGE = (
    "MERGE INTO {table} USING {table} AS other ON {table}.{key} = other.{key}"
    " WHEN MATCHED THEN UPDATE SET {column} = 'forged'"
)
TRUNCATE = "TRUNCATE {table} CASCADE"
AS_REPLICA = "SET LOCAL session_replication_role = replica\n"

SQLITE = (UPDATE, DELETE, REPLACE, UPDATE_OR_REPLACE, UPSERT)
POSTGRESQL = (UPDATE, DELETE, UPSERT, MERGE, TRUNCATE)
BY_THE_OWNER = (*POSTGRESQL, AS_REPLICA + UPDATE, AS_REPLICA + DELETE, AS_REPLICA + TRUNCATE)
ON_THE_GUARD = (
    "ALTER TABLE {table} DISABLE TRIGGER USER",
    "DROP TRIGGER {table}_no_change ON {table}",
    "DROP TABLE {table} CASCADE",
    "ALTER TABLE {table} RENAME TO other",
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "SET LOCAL session_replication_role = replica",
)


def attacks(kinds: tuple[str, ...]) -> list[tuple[str, str]]:
    """The text of an event may be removed by the owner: that is how it is erased."""
    return [(table, kind) for table in KEYS for kind in kinds if table != "event_text" or "DELETE" not in kind]


@pytest.mark.parametrize(("table", "attack"), attacks(SQLITE))
def test_sqlite_refuses(sqlite_held: str, table: str, attack: str) -> None:
    with careless_sqlite(sqlite_held).connect() as connection:
        before = content(connection, table)
        assert refused(connection, statement(attack, table))
        assert content(connection, table) == before != []
        copy(connection, table)
        assert not refused(connection, statement(attack, table, CONTROL)), "the control must succeed"


@pytest.mark.parametrize(("table", "attack"), attacks(BY_THE_OWNER))
def test_postgresql_refuses_its_owner(postgresql_held: str, table: str, attack: str) -> None:
    with create_engine(postgresql_held, poolclass=NullPool).connect() as connection:
        before = content(connection, table)
        assert refused(connection, statement(attack, table))
        assert content(connection, table) == before != []
        copy(connection, table)
        assert not refused(connection, statement(attack, table, CONTROL)), "the control must succeed"


@pytest.mark.parametrize("attack", POSTGRESQL)
@pytest.mark.parametrize("table", KEYS)
def test_the_server_has_no_right_to_change_rows(postgresql_held: str, held_role: str, table: str, attack: str) -> None:
    with create_engine(postgresql_held, poolclass=NullPool).connect() as connection:
        copy(connection, table)
        connection.execute(text(f"GRANT ALL ON {CONTROL} TO {held_role}"))
        connection.execute(text(f"SET SESSION AUTHORIZATION {held_role}"))
        connection.commit()
        assert refused(connection, statement(attack, table), because="permission denied")
        assert not refused(connection, statement(attack, table, CONTROL)), "the control must succeed"


@pytest.mark.parametrize("attack", ON_THE_GUARD)
@pytest.mark.parametrize("table", KEYS)
def test_the_server_cannot_remove_the_guard(postgresql_held: str, held_role: str, table: str, attack: str) -> None:
    with create_engine(postgresql_held, poolclass=NullPool).connect() as connection:
        assert not refused(connection, statement(attack, table), undo=True), "the control must succeed"
        connection.execute(text(f"SET SESSION AUTHORIZATION {held_role}"))
        connection.commit()
        assert refused(connection, statement(attack, table), because="permission denied|must be (owner|member)")


def test_the_server_can_do_its_work(postgresql_url: str, server_role: str) -> None:
    with Database(postgresql_url) as database, database.write() as connection:
        connection.execute(text(f"SET LOCAL SESSION AUTHORIZATION {server_role}"))
        samples.store(connection, samples.histories(1, 3))
        assert sequence(connection)
        connection.execute(text("SELECT code FROM unit_lock LIMIT 1 FOR NO KEY UPDATE"))
        connection.execute(text("UPDATE cases SET state = state"))
        connection.execute(text("DELETE FROM case_link"))
        connection.execute(text("UPDATE api_key SET revoked_at = created_at"))


def test_rights_are_not_given_to_the_owner(postgresql_url: str, sqlite_url: str) -> None:
    with pytest.raises(DatabaseError, match="make another role"):
        schema.grant(postgresql_url, make_url(postgresql_url).username or "")
    with pytest.raises(DatabaseError, match="cannot be given rights"):
        schema.grant(postgresql_url, "no_such_role")
    with pytest.raises(DatabaseError, match="PostgreSQL only"):
        schema.grant(sqlite_url, "server")


def test_the_text_of_an_event_can_be_removed(database_url: str) -> None:
    fill(database_url)
    with Database(database_url) as database, database.write() as connection:
        connection.execute(text("DELETE FROM event_text"))
        assert content(connection, "event_text") == []


def test_a_definition_can_be_replaced_until_a_case_uses_it(database_url: str) -> None:
    with Database(database_url) as database, database.write() as connection:
        changed = connection.execute(text("UPDATE definition SET stored_at = 'later'"))
        assert changed.rowcount > 0
        connection.execute(text("DELETE FROM definition"))
        assert content(connection, "definition") == []


def test_the_list_of_append_only_tables_is_the_tested_one() -> None:
    assert {table.name for table in APPEND_ONLY} < set(KEYS)


@pytest.fixture(scope="module")
def sqlite_held(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Shared by the attacks, as each of them leaves it as it was."""
    database = tmp_path_factory.mktemp("held") / "workflows.sqlite"
    shutil.copyfile(sqlite_template, database)
    url = f"sqlite:///{database}"
    fill(url)
    return url


@pytest.fixture(scope="module")
def postgresql_held(postgresql_template: str, run: Run) -> Iterator[str]:
    """The same on PostgreSQL."""
    with copied(postgresql_template, run) as url:
        fill(url)
        yield url


@pytest.fixture(scope="module")
def held_role(postgresql_held: str) -> Iterator[str]:
    yield from role_of_a_server(postgresql_held)


@pytest.fixture
def server_role(postgresql_url: str) -> Iterator[str]:
    yield from role_of_a_server(postgresql_url)


def role_of_a_server(postgresql_url: str) -> Iterator[str]:
    role = f"server_{uuid4().hex}"
    engine = create_engine(postgresql_url, poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {role}"))
    schema.grant(postgresql_url, role)
    yield role
    with engine.begin() as connection:
        connection.execute(text(f"DROP OWNED BY {role}"))
        connection.execute(text(f"DROP ROLE {role}"))


def fill(url: str) -> None:
    """Rows in every table under attack, with a definition that cases use."""
    with Database(url) as database, database.write() as connection:
        samples.store_definitions(connection)
        found = samples.histories(1, 3)
        samples.store(connection, found)
        samples.store_notices(connection, [case for case, _ in found])
        sequence(connection)
        connection.execute(
            insert(attempt),
            {
                "id": "1",
                "same": "1",
                "workflow": "hotspot",
                "trigger": "open",
                "unit_path": "VN",
                "person": "an",
                "entry": "{}",
                "recorded_at": samples.instant(),
            },
        )
        connection.execute(
            insert(count_entry),
            {
                "id": "1",
                "unit": "84",
                "key": "population",
                "value": 1,
                "as_of": "2025-01-01",
                "source": "s",
                "person": "an",
                "grant_id": "g",
                "recorded_at": samples.instant(),
            },
        )
        connection.execute(
            insert(plan_opening),
            {
                "id": "1",
                "plan": "tra-vinh-2025",
                "year": 2025,
                "number": 1,
                "hash": "0" * 64,
                "document": b"{}",
                "person": "an",
                "grant_id": "g",
                "opened_at": samples.instant(),
            },
        )


def careless_sqlite(url: str) -> Engine:
    """Another program's connection: neither foreign keys nor recursive triggers are switched on."""
    path = sqlite_path(make_url(url))
    return create_engine(f"sqlite:///{path}", module=driver, poolclass=NullPool)


def copy(connection: Connection, table: str) -> None:
    """In place of the copy that the attack before was tried on."""
    connection.execute(text(f"DROP TABLE IF EXISTS {CONTROL}"))
    connection.execute(text(f"CREATE TABLE {CONTROL} AS SELECT * FROM {table}"))
    connection.execute(text(f"CREATE UNIQUE INDEX {CONTROL}_key ON {CONTROL} ({KEYS[table]})"))
    connection.commit()


def statement(attack: str, table: str, target: str | None = None) -> str:
    return attack.format(table=target or table, key=KEYS[table], column=COLUMNS[table])


def content(connection: Connection, table: str) -> list[tuple[object, ...]]:
    return [tuple(row) for row in connection.execute(text(f"SELECT * FROM {table} ORDER BY {KEYS[table]}"))]


def refused(connection: Connection, attack: str, *, because: str = "append-only", undo: bool = False) -> bool:
    """Whether the database refuses for that reason; any other error is the test's own and is raised."""
    try:
        for part in attack.splitlines():
            connection.execute(text(part))
    except DBAPIError as error:
        connection.rollback()
        if not re.search(because, str(error.orig)):
            raise
        return True
    if undo:
        connection.rollback()
    else:
        connection.commit()
    return False
