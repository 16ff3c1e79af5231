"""What reports read beside the figures of targets: cases of a plan as they were, what happened to them, late ones.

Everything as known at the end of one day, and only what the actor may see, but for numbers of cases, which are figures
as those of targets are. What a report makes of it is the services' affair.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select

from workflows.core.case import Actor, Case, CaseId
from workflows.core.civil import format_instant, start_of_day
from workflows.core.plan_documents import ActsMeasure
from workflows.store import rows
from workflows.store.among import among
from workflows.store.members import entry_member
from workflows.store.plan_cases import PlanCases
from workflows.store.standing import end_of_day
from workflows.store.tables import cases, event, unit
from workflows.store.territory import Ground
from workflows.store.visibility import visible

_NAMES: Final = (
    select(unit.c.path, unit.c.name, unit.c.valid_from)
    .where(among(unit.c.path, "paths"))
    .order_by(unit.c.path, unit.c.valid_from)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which cases a report may tell of."""

    actor: Actor
    today: date
    """On which the actor's grant is asked for."""
    plan: str
    ground: Ground
    """Cases that were opened in it."""
    as_of: date
    """At whose end everything was known."""

    @property
    def known(self) -> str:
        """The first instant of which nothing is known."""
        return end_of_day(self.as_of)


def of_plan(connection: Connection, scope: Scope, workflow: str) -> list[Case]:
    """The plan's cases of a workflow as they are now, in all units, oldest first; annulled ones, too."""
    statement = select(cases).where(cases.c.plan == scope.plan, cases.c.workflow == workflow, _seen(scope))
    return [rows.case_of(row) for row in connection.execute(statement.order_by(cases.c.id)).mappings()]


def maybe_late(connection: Connection, scope: Scope, first: date, anywhere: Collection[str]) -> list[CaseId]:
    """All cases that were late on some day from `first` on, and some more.

    Those of the plan or of none within the unit; of the workflows `anywhere`, those of the plan in all units.
    """
    planned, elsewhere = cases.c.plan == scope.plan, cases.c.workflow.in_(sorted(anywhere))
    within = and_(or_(planned, cases.c.plan.is_(None)), ~elsewhere, scope.ground.within(cases.c.opened_path))
    day = scope.as_of.isoformat()
    passed = exists().where(
        event.c.case_id == cases.c.id,
        event.c.recorded_at < scope.known,
        entry_member(event.c.entry, "changes", "due") < day,
    )
    standing = and_(~cases.c.final, cases.c.due < day)
    since = and_(cases.c.recorded_at >= format_instant(start_of_day(first)), passed)
    statement = select(cases.c.id).where(or_(and_(planned, elsewhere), within), or_(standing, since), _seen(scope))
    return [CaseId(each) for each in connection.execute(statement).scalars()]


def _seen(scope: Scope) -> ColumnElement[bool]:
    return visible(scope.actor, cases.c.unit_path, scope.today)


def happened(
    connection: Connection, counted: PlanCases, workflow: str, triggers: Sequence[str], days: tuple[date, date]
) -> Mapping[str, int]:
    """By trigger: how often it was fired within the days, both inclusive, as the measures of plans count it."""
    acts = ActsMeasure(acts=workflow, triggers=tuple(triggers))
    standing = counted.selected(acts, days[1])
    statement = (
        select(event.c.trigger, func.count())
        .select_from(event, standing)
        .where(*counted.acts(acts, days, standing))
        .group_by(event.c.trigger)
    )
    return {row[0]: row[1] for row in connection.execute(statement)}


def unit_names(connection: Connection, paths: Collection[str], on: date) -> Mapping[str, str]:
    """By path: the name of a unit as it was called on a day, or else first or last."""
    found: dict[str, str] = {}
    for row in connection.execute(_NAMES, {"paths": sorted(paths)}) if paths else ():
        if row.path not in found or row.valid_from <= on.isoformat():
            found[row.path] = row.name
    return found
