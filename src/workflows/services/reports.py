"""Filled reports: which body reports, for which unit and period, and everything that belongs into it.

One read transaction finds all of it, as it stood at the end of the period. Figures of a period are entered after it has
ended, so that those of targets and cases are the ones known on the day asked about. How a report is shown is the affair
of `report_json`, `report_sheets` and `report_print`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import Connection

from workflows.core.authority import covers
from workflows.core.case import Actor, InputError
from workflows.core.catalogue_documents import Agency
from workflows.core.civil import civil_date, show_date
from workflows.core.documents import Level
from workflows.core.fields import unknown_name
from workflows.core.nearest import nearest
from workflows.core.plan_documents import Obligation, PlanDocument
from workflows.services import targets
from workflows.services.engine import Engine
from workflows.services.plan_cases import body_name, level_of, owed_days, reported
from workflows.services.reading import InvalidError, MissingError
from workflows.services.report_contents import Body, Contents, agency_title
from workflows.services.report_lateness import late_items
from workflows.services.report_parts import Report, TargetLine
from workflows.services.targets import Place
from workflows.store.report_rows import Scope
from workflows.store.territory import Ground

_LISTED: Final = 20
"""Allowed values that a message tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which report is asked for."""

    plan: str
    obligation: str
    unit: str | None = None
    """Code of the unit whose body reports; None: the province, or that of the actor for bodies below it."""
    agency: str | None = None
    """Key of the body; None: the only one that owes it."""
    due: date | None = None
    """The last day in time; None: of the period that runs on the day asked about, else of the last before."""
    as_of: date | None = None
    """As known at the end of this day; None: today. After the period, of its last day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Term:
    due: date
    first: date
    last: date
    as_of: date
    known: date


@dataclass(frozen=True, slots=True, kw_only=True)
class _Owed:
    """Which report it is."""

    plan: PlanDocument
    key: str
    obligation: Obligation
    agency: str
    term: _Term
    now: datetime

    @property
    def is_of_all(self) -> bool:
        """Whether it tells of everybody within the unit: it takes in the reports of others, or is the issuer's own."""
        return bool(self.obligation.consolidates) or self.agency == self.plan.issuer


def report(engine: Engine, actor: Actor, wish: Wish) -> Report:
    """A report, filled with what the actor may see.

    On request, it falls due on the day asked about. An implementation plan looks ahead: it tells of the calendar year
    in which it falls due, as far as the plan's period has part in it.

    Raises:
        MissingError: there is no such plan, obligation or unit, or the actor may not see its figures.
        InvalidError: the body does not owe it, is none of that unit, or there is no such day or period.
    """
    now = engine.clock()
    document = targets.plan(engine, wish.plan)
    obligation = _obligation(document, wish.obligation)
    owed = _Owed(
        plan=document,
        key=wish.obligation,
        obligation=obligation,
        agency=_agency(wish, obligation),
        term=_term(document, wish, civil_date(now)),
        now=now,
    )
    with engine.database.read() as connection:
        here = _place(connection, engine.catalogue.agencies, actor, owed, wish.unit)
        return _filled(engine, connection, actor, owed, here)


def _filled(engine: Engine, connection: Connection, actor: Actor, owed: _Owed, here: Place) -> Report:
    agencies, obligation, term = engine.catalogue.agencies, owed.obligation, owed.term
    scope = _scope(connection, actor, owed, here)
    body = Body(agency=owed.agency, unit=here.area.code, whole=owed.is_of_all)
    contents = Contents(engine, connection, scope, body, (term.first, term.last))
    tasks = contents.tasks()
    concerned = contents.concerned(each.case for each in tasks)
    return Report(
        plan=owed.plan,
        key=owed.key,
        obligation=obligation,
        agency=owed.agency,
        body=body_name(agencies, owed.agency, here.area.name),
        recipient=agency_title(agencies, obligation.to),
        through=agency_title(agencies, obligation.through) if obligation.through else None,
        unit=here.area,
        case=contents.own_case(owed.key, term.due),
        due=term.due,
        first=term.first,
        last=term.last,
        as_of=term.as_of,
        known=term.known,
        partial=not covers(actor, here.territory.units[here.territory.top].path),
        made_at=owed.now,
        targets=_targets(engine, connection, here, term),
        cases=contents.case_lines(term.known),
        tasks=tasks,
        received=contents.received(obligation.consolidates),
        late=late_items(engine, connection, scope, term.first, concerned),
    )


def _scope(connection: Connection, actor: Actor, owed: _Owed, here: Place) -> Scope:
    return Scope(
        actor=actor,
        today=civil_date(owed.now),
        plan=owed.plan.plan,
        ground=Ground(connection, here.territory, here.area.code),
        as_of=owed.term.as_of,
    )


def _obligation(document: PlanDocument, key: str) -> Obligation:
    if key not in document.obligations:
        raise MissingError("obligation", key, nearest(key, document.obligations))
    return document.obligations[key]


def _agency(wish: Wish, obligation: Obligation) -> str:
    allowed = obligation.owed_by
    if wish.agency is None and len(allowed) == 1:
        return allowed[0]
    if wish.agency is None:
        raise _invalid("/agency", f"several bodies owe {wish.obligation}; name one of: {', '.join(allowed)}")
    if wish.agency not in allowed:
        raise InvalidError([unknown_name("/agency", "body that owes it", wish.agency, allowed)])
    return wish.agency


def _place(
    connection: Connection, agencies: Mapping[str, Agency], actor: Actor, owed: _Owed, code: str | None
) -> Place:
    """The unit of the body: the one named, else the province, or the actor's own."""
    level = level_of(agencies, owed.agency)
    here = targets.place(connection, owed.plan, actor, owed.plan.province if _is_top(code, level) else code)
    if here.area.level is not level:
        units = here.territory.parts(here.territory.top, level)
        seen = [each.code for each in units if covers(actor, each.path)]
        raise _invalid(
            "/unit",
            f"{owed.agency} is a body of a {level}, and {here.area.code} is a {here.area.level}; "
            f"name one of: {_listed(seen) or 'none that you may see'}",
        )
    return here


def _is_top(code: str | None, level: Level) -> bool:
    return code is None and level is Level.PROVINCE


def _term(document: PlanDocument, wish: Wish, today: date) -> _Term:
    if wish.as_of is not None and wish.as_of > today:
        raise _invalid("/as_of", f"{show_date(wish.as_of)} is still to come; today is {show_date(today)}")
    day = wish.as_of or today
    due = _due(document, wish, day)
    period = _period(document, wish.obligation, due)
    if period is None:
        raise _invalid("/due", f"what falls due on {show_date(due)} reports on no day of the plan's period")
    first, last = period
    if day < first:
        raise _invalid(
            "/as_of", f"the period, {show_date(first)} to {show_date(last)}, had not begun on {show_date(day)}"
        )
    return _Term(due=due, first=first, last=last, as_of=min(day, last), known=day)


def _due(document: PlanDocument, wish: Wish, day: date) -> date:
    due = document.obligations[wish.obligation].due
    if due.on_request:
        return wish.due or day
    days = owed_days(document, due)
    if not days:
        raise _invalid("/obligation", f"{wish.obligation} is owed on no day of the plan's period")
    if wish.due is not None and wish.due not in days:
        shown = _listed([each.isoformat() for each in days])
        raise _invalid("/due", f"{wish.obligation} is not owed on {wish.due}; its days: {shown}")
    if wish.due is not None:
        return wish.due
    periods = {each: _period(document, wish.obligation, each) for each in days}
    begun = {each: period for each, period in periods.items() if period and period[0] <= day}
    return next((each for each, period in begun.items() if day <= period[1]), max(begun, default=days[0]))


def _period(document: PlanDocument, key: str, due: date) -> tuple[date, date] | None:
    """First and last day, both inclusive."""
    if document.obligations[key].kind != "plan":
        return reported(document, key, due)
    years, period = document.period.years, document.period
    year = min(max(due.year, years[0]), years[-1])
    return max(date(year, 1, 1), period.from_), min(date(year, 12, 31), period.to - timedelta(days=1))


def _targets(engine: Engine, connection: Connection, here: Place, term: _Term) -> tuple[TargetLine, ...]:
    states = targets.states(engine, connection, here, term.as_of, known=term.known)
    if term.first <= here.plan.period.from_:
        return tuple(TargetLine(state=state, before=None) for state in states)
    before = targets.states(engine, connection, here, term.first - timedelta(days=1), known=term.known)
    return tuple(TargetLine(state=state, before=then.now) for state, then in zip(states, before, strict=True))


def _listed(values: Sequence[str]) -> str:
    return ", ".join(values[:_LISTED]) + (", …" if len(values) > _LISTED else "")


def _invalid(path: str, message: str) -> InvalidError:
    return InvalidError([InputError(path=path, message=message)])
