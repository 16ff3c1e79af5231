"""What an administrative act concerns: running cases of the units that ended, and grants on them.

Ends and moves grants; cases are moved by the writer alone.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, bindparam, select, update

from workflows.core.case import CaseId
from workflows.core.civil import civil_date, format_instant, parse_instant
from workflows.core.documents import Role
from workflows.core.world import Unit
from workflows.store.among import among
from workflows.store.tables import api_key, cases, subscription


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A running case, and where it stands."""

    id: CaseId
    workflow: str
    definition: str
    unit: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A grant that is not revoked."""

    id: str
    name: str
    person: str
    role: Role
    unit: str
    path: str
    created_on: date
    valid_to: date | None
    """Exclusive."""


_STANDING: Final = (
    select(cases.c.id, cases.c.workflow, cases.c.definition, cases.c.unit, cases.c.unit_path)
    .where(among(cases.c.unit_path, "paths"), ~cases.c.final)
    .order_by(cases.c.unit_path, cases.c.id)
)
_HELD: Final = (
    select(api_key)
    .where(among(api_key.c.unit, "codes"), api_key.c.revoked_at.is_(None))
    .order_by(api_key.c.unit_path, api_key.c.created_at, api_key.c.id)
)
_END: Final = (
    update(api_key)
    .where(api_key.c.id == bindparam("grant"), api_key.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
)
_FOLLOW: Final = (
    update(api_key)
    .where(api_key.c.id == bindparam("grant"), api_key.c.unit_path == bindparam("old"))
    .values(unit=bindparam("new_unit"), unit_path=bindparam("new_path"))
)
_SUBSCRIBED: Final = (
    update(subscription)
    .where(subscription.c.grant_id == bindparam("grant"), subscription.c.unit_path == bindparam("old"))
    .values(unit_path=bindparam("new_path"))
)


def standing(connection: Connection, paths: Collection[str]) -> list[Standing]:
    """Running cases of the units of some paths, by path and id."""
    return [
        Standing(id=CaseId(row.id), workflow=row.workflow, definition=row.definition, unit=row.unit, path=row.unit_path)
        for row in connection.execute(_STANDING, {"paths": sorted(paths)})
    ]


def held(connection: Connection, codes: Collection[str]) -> list[Held]:
    """Grants on some units that are not revoked, by path."""
    return [
        Held(
            id=row.id,
            name=row.name,
            person=row.person,
            role=Role(row.role),
            unit=row.unit,
            path=row.unit_path,
            created_on=civil_date(parse_instant(row.created_at)),
            valid_to=date.fromisoformat(row.valid_to) if row.valid_to else None,
        )
        for row in connection.execute(_HELD, {"codes": sorted(codes)})
    ]


def end_grants(connection: Connection, ids: Iterable[str], now: datetime) -> None:
    """From now on these open nothing."""
    rows = [{"grant": each, "at": format_instant(now)} for each in ids]
    if rows:
        connection.execute(_END, rows)


def move_grants(connection: Connection, moved: Mapping[str, tuple[str, Unit]]) -> None:
    """By grant: the path that it covers, and the unit that it covers from now on; its webhooks go with it."""
    rows = [
        {"grant": grant, "old": old, "new_unit": target.code, "new_path": target.path}
        for grant, (old, target) in moved.items()
    ]
    if rows:
        connection.execute(_FOLLOW, rows)
        connection.execute(_SUBSCRIBED, [{name: row[name] for name in ("grant", "old", "new_path")} for row in rows])
