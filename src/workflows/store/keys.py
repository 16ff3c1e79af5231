"""API keys: made, listed, revoked, and found again by their secret.

A secret is 256 random bits, so that a plain SHA-256 of it can be kept; it is shown once and cannot be had again.
Whether a grant is in force on a day is decided by `core.authority`, which roles there are by the documents.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from secrets import token_bytes, token_urlsafe
from typing import Final

from sqlalchemy import Connection, insert, select, update

from workflows.core.case import Actor
from workflows.core.civil import civil_date, format_instant
from workflows.core.documents import Role
from workflows.core.ids import uuid7
from workflows.store import queries, rows
from workflows.store.database import Database
from workflows.store.tables import api_key

PREFIX: Final = "wfk_"
_SECRET_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What a new key allows its holder; see Actor."""

    role: Role
    unit: str
    person: str
    name: str
    agency: str | None = None
    scope: Collection[str] = frozenset()
    valid_from: date | None = None
    valid_to: date | None = None
    """Exclusive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    id: str
    secret: str
    """To be shown once; only its hash is kept."""


def create(database: Database, grant: Grant, *, now: datetime) -> NewKey:
    """Raises UnknownUnitError when there is no such unit on the day of `now`."""
    key = NewKey(id=uuid7(now, token_bytes(10)), secret=PREFIX + token_urlsafe(_SECRET_BYTES))
    with database.write() as connection:
        unit = queries.known_unit(connection, grant.unit, civil_date(now))
        connection.execute(insert(api_key), _row(key, grant, unit.path, now))
    return key


def revoke(database: Database, key_id: str, *, now: datetime) -> bool:
    """From now on the key opens nothing; False when there is no such key that is not revoked yet."""
    statement = update(api_key).where(api_key.c.id == key_id, api_key.c.revoked_at.is_(None))
    with database.write() as connection:
        return connection.execute(statement.values(revoked_at=format_instant(now))).rowcount == 1


def find(connection: Connection, secret: str) -> Actor | None:
    """The holder of a key, revoked ones and those out of force included; None for any other text."""
    statement = select(api_key).where(api_key.c.secret_hash == _hash(secret))
    row = connection.execute(statement).mappings().first()
    return rows.actor_of(row) if row else None


def _row(key: NewKey, grant: Grant, unit_path: str, now: datetime) -> dict[str, object]:
    return {
        "id": key.id,
        "secret_hash": _hash(key.secret),
        "name": grant.name,
        "person": grant.person,
        "role": grant.role.value,
        "unit": grant.unit,
        "unit_path": unit_path,
        "agency": grant.agency,
        "scope": " ".join(sorted(grant.scope)),
        "valid_from": grant.valid_from.isoformat() if grant.valid_from else None,
        "valid_to": grant.valid_to.isoformat() if grant.valid_to else None,
        "created_at": format_instant(now),
        "revoked_at": None,
    }


def _hash(secret: str) -> str:
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
