"""Entering figures of units: who may, and once only under an idempotency key.

What makes a figure possible at all is `store.counts`'s to check; here are the rights, and the reply that is kept in the
transaction of the entry.
"""

from datetime import date
from typing import Final

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from workflows.core.authority import covers, has_role, in_force
from workflows.core.case import Actor, Blocker, InputError
from workflows.core.civil import civil_date, format_instant
from workflows.core.documents import Role
from workflows.core.fields import unknown_name
from workflows.core.wording import wrong_role, wrong_unit
from workflows.services.describing import count_json
from workflows.services.engine import Engine
from workflows.services.rendering import JSON, encoded, refused
from workflows.store import counts, queries, rows
from workflows.store.queries import Unit
from workflows.store.submissions import Idempotency, KeyReused, Reply
from workflows.store.tables import api_key, result
from workflows.store.writing import result_row, stored

SCOPE: Final = ("counts", "record")
"""What a `system` key names in its scope, as `counts.record`, to enter figures."""
ROLES: Final = frozenset(
    {
        Role.COMMUNE_OFFICER,
        Role.COMMUNE_POLICE,
        Role.DISTRICT_COMMITTEE,
        Role.DISTRICT_POLICE,
        Role.PROVINCIAL_POLICE,
        Role.PROVINCIAL_COMMITTEE,
    }
)


def enter(engine: Engine, actor: Actor, figure: counts.Figure, *, key: Idempotency | None, request_id: str) -> Reply:
    """Enter a figure, or say that the actor may not; under a key that was used before, the reply of then.

    Raises:
        CountError: with everything that is wrong with the figure; nothing is kept.
        KeyReused: the key was used with another request.
    """
    try:
        return _enter(engine, actor, figure, key, request_id)
    except IntegrityError:
        # Somebody took the same key meanwhile; asked again, the database tells what that one got.
        return _enter(engine, actor, figure, key, request_id)


def _enter(engine: Engine, actor: Actor, figure: counts.Figure, key: Idempotency | None, request_id: str) -> Reply:
    now = engine.clock()
    with engine.database.write() as connection:
        before = stored(connection, [key]).get((key.client, key.key_hash)) if key else None
        if before and key and before.fingerprint != key.fingerprint:
            raise KeyReused("the idempotency key was used with another request")
        if before:
            return before.replies[0]
        check_key(engine, figure.key)
        found = counted_unit(connection, figure.unit, figure.as_of)
        blockers = counting_blockers(as_it_stands(connection, actor), found, civil_date(now))
        if blockers:
            reply = refused(blockers, request_id)
        else:
            entered = counts.add(connection, actor, figure, now=now)
            reply = Reply(status=201, body=encoded(count_json(entered)), headers={"content-type": JSON})
        if key:
            connection.execute(insert(result), result_row(key, [reply], format_instant(now)))
    return reply


def as_it_stands(connection: Connection, actor: Actor) -> Actor:
    """The grant as it is within this transaction: it may have been revoked since the request began."""
    row = connection.execute(select(api_key).where(api_key.c.id == actor.grant)).mappings().one()
    return rows.actor_of(row)


def check_key(engine: Engine, key: str) -> None:
    """Raises CountError for a figure that no catalogue has."""
    if key not in engine.catalogue.counts:
        raise counts.CountError((unknown_name("/key", "figure", key, engine.catalogue.counts),))


def counted_unit(connection: Connection, code: str, as_of: date) -> Unit:
    """The unit as it was on the day that a figure is about; raises CountError."""
    try:
        return queries.known_unit(connection, code, as_of)
    except queries.UnknownUnitError as error:
        raise counts.CountError((InputError(path="/unit", message=str(error)),)) from error


def counting_blockers(actor: Actor, where: Unit, today: date) -> list[Blocker]:
    """What keeps an actor from entering figures of a unit."""
    blockers = []
    if not has_role(actor, ROLES, *SCOPE):
        blockers.append(wrong_role(actor.role, sorted(ROLES)))
    if not covers(actor, where.path) or not in_force(actor, today):
        blockers.append(wrong_unit(actor.unit, where.code))
    return blockers
