"""The deadline of a case: the last day in time, how it comes about, and where the calendar now gives another one.

Pure: the calendar is the definition's. Days that a case names itself never roll.
"""

from dataclasses import dataclass
from datetime import date
from typing import cast

from workflows.core.bindings import entered, of_case
from workflows.core.calendars import Calendar, Reckoning, reckon
from workflows.core.case import NOTHING, Case, Changes, Data
from workflows.core.definition import Definition
from workflows.core.documents import Due
from workflows.core.guards import Guard, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """Why a case has the deadline that it has."""

    spec: Due
    start: date
    """The civil date on which the state was entered."""
    reckoning: Reckoning | None
    """By the calendar as it is now; None: the case names the day itself."""
    last: date | None
    """The last day in time as it is reckoned now; None while the field that names it is unknown."""
    due: date | None
    """As it stands in the case: differs from `last` where the calendar has changed and the case was not moved yet."""


def last_day(definition: Definition, due: Due | None, start: date, data: Data) -> date | None:
    """The last day in time of a state entered on a civil date; None without a deadline, or while it is unknown."""
    if due is None:
        return None
    if due.field is not None:
        day = data.get(due.field)
        return date.fromisoformat(cast("str", day)) if day else None
    reckoning = _reckoned(definition, due, start)
    return reckoning.last if reckoning else None


def deadline_of(definition: Definition, case: Case) -> Deadline | None:
    """None where the state that the case is in has no deadline."""
    due = definition.state(case.state).due
    if due is None:
        return None
    start = date.fromisoformat(case.entered[case.state])
    return Deadline(
        spec=due,
        start=start,
        reckoning=_reckoned(definition, due, start),
        last=last_day(definition, due, start, case.data),
        due=case.due,
    )


def last_in_time(definition: Definition, case: Case) -> date | None:
    """The last day on which leaving its state is in time: the deadline, or the first day of the next step if later.

    A phase of a plan ends on one day, and the next one cannot begin before the day after.
    """
    steps = (step for step in definition.steps.values() if step.targets.get(case.state, case.state) != case.state)
    first_days = (_first_day(definition, case, step.not_before) for step in steps if step.not_before)
    return max([case.due, *(day for day in first_days if day is not None)]) if case.due else None


def _first_day(definition: Definition, case: Case, guard: Guard) -> date | None:
    """None where it hangs on more than the case itself."""
    values: dict[str, Value | None] = {}
    for name in guard.variables | guard.known:
        kind, _, rest = name.partition(".")
        if kind not in {"case", "entered"}:
            return None
        values[name] = of_case(definition, case, rest) if kind == "case" else entered(case, rest)
    found = guard.evaluate(values)
    return found if isinstance(found, date) else None


def reckoned_by(definition: Definition, state: str, changes: Changes, today: date) -> Data:
    """The calendar, among the facts of an event that gives the case a deadline by it; else nothing."""
    due = definition.state(state).due
    if due is None or not due.by_calendar or not changes.get("due") or definition.calendar is None:
        return NOTHING
    return calendar_fact(definition.calendar, today)


def calendar_fact(calendar: Calendar, today: date) -> Data:
    """Which calendar it was, under a name that no fact of a document can have."""
    key = calendar.document.calendar
    return {f"calendar.{key}": {"value": calendar.version, "source": key, "as_of": today.isoformat()}}


def _reckoned(definition: Definition, due: Due, start: date) -> Reckoning | None:
    """None: the case names the day itself."""
    if due.within is None or due.unit is None:
        return None
    return reckon(start, due.within, due.unit, calendar=definition.calendar, rolls=due.rolls)
