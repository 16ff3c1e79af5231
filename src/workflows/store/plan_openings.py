"""What stands in the database of a plan: the cases that bear its key, and each time that it was applied to them.

Which cases should be there is told by the plan's document, which this knows only as bytes.
"""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import Connection, and_, func, insert, or_, select

from workflows.core.case import Actor, Case, CaseId, Data
from workflows.core.civil import format_instant, parse_instant
from workflows.store import rows
from workflows.store.among import among
from workflows.store.paging import Page, ordered, page
from workflows.store.tables import cases, plan_opening
from workflows.store.visibility import visible

_STANDING: Final = select(
    cases.c.id,
    cases.c.workflow,
    cases.c.definition,
    cases.c.state,
    cases.c.version,
    func.coalesce(cases.c.opened_path, cases.c.unit_path).label("opened_path"),
    cases.c.title,
    cases.c.data,
    cases.c.final,
    cases.c.occurred_at,
).order_by(cases.c.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A case of a plan as it stands."""

    id: CaseId
    workflow: str
    definition: str
    """Hash."""
    state: str
    version: int
    unit: str
    """Code of the unit that it was opened in, wherever it has moved since."""
    title: str
    data: Data
    final: bool
    occurred_at: datetime
    """Of the newest event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A plan as it was applied to the cases of one of its years."""

    number: int
    """Of the application, from 1."""
    hash: str
    document: bytes
    """Canonical."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwedFilter:
    """Which reports that are owed under a plan; None does not restrict."""

    plan: str
    workflow: str
    year: int | None = None
    """Of the deadline, as the case tells it."""
    state: str | None = None
    overdue: bool | None = None


def standing(connection: Connection, plan: str, workflows: Collection[str]) -> list[Standing]:
    """The cases of a plan in some workflows, oldest first, without those that other cases opened."""
    statement = _STANDING.where(cases.c.plan == plan, among(cases.c.workflow, "workflows"), cases.c.parent.is_(None))
    found = connection.execute(statement, {"workflows": sorted(workflows)}).mappings()
    return [_standing(row) for row in found]


def by_id(connection: Connection, ids: Collection[str]) -> list[Standing]:
    """Cases by their ids, oldest first."""
    found = connection.execute(_STANDING.where(among(cases.c.id, "ids")), {"ids": sorted(ids)}).mappings()
    return [_standing(row) for row in found]


def _standing(row: rows.Row) -> Standing:
    return Standing(
        id=CaseId(row["id"]),
        workflow=row["workflow"],
        definition=row["definition"],
        state=row["state"],
        version=row["version"],
        unit=row["opened_path"].rpartition("/")[2],
        title=row["title"],
        data=json.loads(row["data"]),
        final=row["final"],
        occurred_at=parse_instant(row["occurred_at"]),
    )


def last_applied(connection: Connection, plan: str, year: int) -> Applied | None:
    """The newest application of a plan to the cases of a year; None before the first."""
    statement = (
        select(plan_opening)
        .where(plan_opening.c.plan == plan, plan_opening.c.year == year)
        .order_by(plan_opening.c.number.desc())
        .limit(1)
    )
    row = connection.execute(statement).mappings().first()
    return Applied(number=row["number"], hash=row["hash"], document=bytes(row["document"])) if row else None


def record(
    connection: Connection, actor: Actor, *, opening: str, plan: str, year: int, applied: Applied, now: datetime
) -> None:
    """Keep that a plan was applied; raises IntegrityError where an application of that number is kept already.

    `opening` is the UUIDv7 of the application.
    """
    connection.execute(
        insert(plan_opening),
        {
            "id": opening,
            "plan": plan,
            "year": year,
            "number": applied.number,
            "hash": applied.hash,
            "document": applied.document,
            "person": actor.person,
            "grant_id": actor.grant,
            "opened_at": format_instant(now),
        },
    )


def list_owed(
    connection: Connection, actor: Actor, today: date, found: OwedFilter, *, cursor: str | None, limit: int
) -> Page[Case]:
    """Reports owed under a plan that the actor may see, newest first; raises BadCursorError."""
    statement = select(cases).where(
        cases.c.plan == found.plan, cases.c.workflow == found.workflow, visible(actor, cases.c.unit_path, today)
    )
    if found.year is not None:
        # The data are canonical JSON: a quotation mark within a text is escaped, so that this can only be the member.
        statement = statement.where(cases.c.data.like(f'%"deadline":"{found.year:04d}-%'))
    if found.state is not None:
        statement = statement.where(cases.c.state == found.state)
    if found.overdue is not None:
        late = and_(cases.c.due < today.isoformat(), ~cases.c.final)
        in_time = or_(cases.c.due.is_(None), cases.c.due >= today.isoformat(), cases.c.final)
        statement = statement.where(late if found.overdue else in_time)
    stream = ordered(statement, (cases.c.id,), rows.case_of, lambda row: (row["id"],))
    return page(connection, [stream], cursor=cursor, limit=limit)
