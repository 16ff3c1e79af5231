"""The grant on which deadlines fire triggers: role `system` over the whole country, with just those triggers.

Made with the schema where a document fires something. Nobody holds its secret; it is revoked like any other key, and
then nothing is fired. Who may make other keys is no affair of this module.
"""

from collections.abc import Iterator
from datetime import date
from hashlib import sha256
from secrets import token_bytes
from typing import Final

from sqlalchemy import Connection, insert, select, update

from workflows.core.authority import in_force
from workflows.core.case import Actor
from workflows.core.documents import Role, WorkflowDocument
from workflows.store.rows import actor_of
from workflows.store.tables import api_key, definition, unit

WORKER: Final = "00000000-0000-7000-8000-0000000d0e00"
"""Its id, the same in every database, so that what it has done is known by it."""
PERSON: Final = "system"


def store_worker_key(connection: Connection, now: str) -> None:
    """Makes the grant, or gives it the triggers that the stored definitions fire now; repeatable."""
    scope = " ".join(sorted(set(_fired(connection))))
    stored = connection.execute(select(api_key.c.scope).where(api_key.c.id == WORKER)).scalar()
    top = connection.execute(select(unit).where(unit.c.parent.is_(None)).order_by(unit.c.valid_from)).mappings().first()
    if stored is None and scope and top is not None:
        connection.execute(insert(api_key), _row(scope, top["code"], top["path"], now))
    elif stored is not None and stored != scope:
        connection.execute(update(api_key).where(api_key.c.id == WORKER).values(scope=scope))


def worker(connection: Connection, today: date) -> Actor | None:
    """The grant; None where there is none, or it is revoked."""
    row = connection.execute(select(api_key).where(api_key.c.id == WORKER)).mappings().first()
    actor = actor_of(row) if row else None
    return actor if actor is not None and in_force(actor, today) else None


def _fired(connection: Connection) -> Iterator[str]:
    for text in connection.execute(select(definition.c.document)).scalars():
        document = WorkflowDocument.model_validate_json(text)
        for state in document.states.values():
            for action in state.due.when_passed if state.due else ():
                if action.fire is not None:
                    yield f"{document.workflow}.{action.fire}"


def _row(scope: str, code: str, path: str, now: str) -> dict[str, object]:
    return {
        "id": WORKER,
        "secret_hash": sha256(token_bytes(32)).hexdigest(),
        "name": "deadlines",
        "person": PERSON,
        "role": Role.SYSTEM.value,
        "unit": code,
        "unit_path": path,
        "agency": None,
        "scope": scope,
        "valid_from": None,
        "valid_to": None,
        "created_at": now,
        "revoked_at": None,
    }
