"""Proofs over the days of a plan: that they can have been meant."""

from collections.abc import Iterator
from datetime import date, timedelta

from workflows.core.plan_documents import Day, DayOfYear, Due, PlanDocument, Span
from workflows.core.problems import Finding, Path

_MARGIN = timedelta(days=366)
"""Plans are issued, prepared and reported on shortly before and after their period."""


def prove_days(plan: PlanDocument) -> Iterator[Finding]:
    """Days far outside the period, and days that come every year but are not in every calendar."""
    first, last = plan.period.from_ - _MARGIN, plan.period.to + _MARGIN
    for path, day in _days(plan):
        if not first <= day < last:
            message = (
                f"{day.isoformat()} is more than a year outside the period of the plan, "
                f"[{plan.period.from_.isoformat()}, {plan.period.to.isoformat()})"
            )
            yield Finding(path=path, message=message, given=day.isoformat())
    for path, due in _dues(plan):
        for index, each in enumerate(due.each_year or ()):
            yield from _of_every_year((*path, "each_year", index), each, plan.period.years)


def _days(plan: PlanDocument) -> Iterator[tuple[Path, date]]:
    if plan.issued is not None:
        yield ("issued",), plan.issued
    yield ("units_as_of",), plan.units_as_of
    for name, span in plan.calendar.items():
        if span.from_ is not None:
            yield ("calendar", name, "from"), span.from_
        yield ("calendar", name, _end(span)), span.by or span.before or span.last
    for path, due in _dues(plan):
        for index, day in enumerate(due.on or ()):
            yield (*path, "on", index, _end(day)), day.by or day.before or day.last
    yield from _target_days(plan)


def _target_days(plan: PlanDocument) -> Iterator[tuple[Path, date]]:
    for name, target in plan.targets.items():
        if target.by is not None:
            yield ("targets", name, "by"), target.by
        for key, column in target.table.columns.items() if target.table else ():
            yield ("targets", name, "table", "columns", key, "by"), column.by


def _dues(plan: PlanDocument) -> Iterator[tuple[Path, Due]]:
    for name, obligation in plan.obligations.items():
        yield ("obligations", name, "due"), obligation.due
    for name, task in plan.tasks.items():
        if task.due is not None:
            yield ("tasks", name, "due"), task.due


def _of_every_year(path: Path, day: DayOfYear, years: range) -> Iterator[Finding]:
    for year in years:
        try:
            day.in_year(year)
        except ValueError:
            given = day.by or day.before
            yield Finding(path=(*path, _end(day)), message=f"there is no {given} in {year}", given=given)
            return


def _end(day: Day | DayOfYear | Span) -> str:
    return "before" if day.by is None else "by"
