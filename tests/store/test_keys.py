"""Keys: shown once, found by their secret, revoked; made beside a busy server without waiting long."""

import hashlib
import re
import time
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from tests.sizes import size
from tests.store import samples
from tests.store.test_database import busy_writers
from workflows.core.authority import in_force
from workflows.core.documents import Role
from workflows.store import keys, queries
from workflows.store.database import Database
from workflows.store.queries import UnknownUnitError
from workflows.store.tables import api_key

NOW = samples.START
GRANT = keys.Grant(role=Role.PROVINCIAL_POLICE, unit="84", person="an", name="Máy của An")


def test_a_key_is_found_by_its_secret_alone(database_url: str) -> None:
    with Database(database_url) as database:
        made = keys.create(database, GRANT, now=NOW)
        other = keys.create(database, GRANT, now=NOW)
        with database.read() as connection:
            actor = keys.find(connection, made.secret)
            assert keys.find(connection, made.secret[:-1]) is None
            assert keys.find(connection, "wfk_\ud800") is None
            stored = connection.execute(select(api_key).where(api_key.c.id == made.id)).one()
    assert actor is not None
    assert (actor.grant, actor.person, actor.role, actor.unit_path) == (made.id, "an", GRANT.role, "VN/84")
    assert re.fullmatch(r"wfk_[A-Za-z0-9_-]{43}", made.secret)
    assert other.secret != made.secret
    assert made.secret not in str(stored)
    assert stored.secret_hash == hashlib.sha256(made.secret.encode()).hexdigest()


def test_a_revoked_key_is_told(database_url: str) -> None:
    with Database(database_url) as database:
        made = keys.create(database, GRANT, now=NOW)
        assert keys.revoke(database, made.id, now=NOW + timedelta(days=1))
        assert not keys.revoke(database, made.id, now=NOW + timedelta(days=2))
        assert not keys.revoke(database, "no such key", now=NOW)
        with database.read() as connection:
            actor = keys.find(connection, made.secret)
            (listed,) = queries.list_keys(connection)
    assert actor is not None
    assert not in_force(actor, date(2025, 6, 1))
    assert (listed.actor, listed.revoked_at) == (actor, NOW + timedelta(days=1))


def test_a_key_needs_a_unit_of_its_day(database_url: str) -> None:
    grant = keys.Grant(role=Role.AUDITOR, unit="8x", person="an", name="n")
    with Database(database_url) as database, pytest.raises(UnknownUnitError, match=r"no unit '8x' on 01/03/2025"):
        keys.create(database, grant, now=NOW)


def test_keys_are_made_beside_a_busy_server(sqlite_url: str) -> None:
    took = []
    with busy_writers(Database, sqlite_url), Database(sqlite_url) as database:
        for _ in range(size(50, 500)):
            begun = time.perf_counter()
            keys.create(database, GRANT, now=NOW)
            took.append(time.perf_counter() - begun)
        with database.read() as connection:
            assert len(queries.list_keys(connection)) == len(took)
    assert max(took) < 1
