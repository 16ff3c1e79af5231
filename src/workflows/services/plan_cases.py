"""The cases that a plan asks for in one year, worked out from its document alone: tasks, reports owed, processes.

Pure: reads nothing, opens nothing. Which of the cases are there already is `plan_difference`'s to find out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal, TypeAlias

from workflows.core.canonical import Json
from workflows.core.catalogue_documents import Agency
from workflows.core.civil import show_date
from workflows.core.documents import Level, Words
from workflows.core.fields import TITLE_LIMIT
from workflows.core.plan_documents import Due, Obligation, PlanDocument, Process, Task
from workflows.core.plan_references import resolved
from workflows.store.territory import Period as Unit
from workflows.store.territory import Territory

TASK: Final = "plan_task"
REPORT: Final = "periodic_report"
"""The workflows of a plan's tasks and of the reports that it has owed."""
Part: TypeAlias = Literal["task", "report", "process"]
Group: TypeAlias = tuple[str, ...]
Days: TypeAlias = tuple[date, date]
"""First and last day, both inclusive."""
_ONE_EACH: Final[Mapping[Level, str]] = {Level.DISTRICT: " cấp huyện", Level.COMMUNE: " cấp xã"}
"""Levels of which every unit has a body of its own, and how the title of the kind ends."""
_REVIEWED_TOGETHER: Final = "six_month"
"""A report that a yearly one of the same bodies stands beside: each begins where the other one ended."""


class YearError(ValueError):
    """The plan asks for nothing in that year, and `allowed` are the years in which it does."""

    def __init__(self, plan: str, year: int, allowed: Sequence[int]) -> None:
        super().__init__(f"plan {plan} has no year {year}; allowed: {', '.join(map(str, allowed))}")
        self.allowed = tuple(allowed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One case that should be there."""

    part: Part
    element: str
    """Key of the task, obligation or process in the plan."""
    workflow: str
    unit: str
    group: Group
    """What no edit of titles, days or bodies beside the one that owes it changes."""
    occasion: str
    """Tells the members of a group apart: the last day of a report (ISO), else empty."""
    title: str
    data: Mapping[str, Json]

    @property
    def agencies(self) -> tuple[str, ...]:
        """Every agency that the data name."""
        return agencies_of(self.data)

    @property
    def deadline(self) -> str | None:
        """The last day in time, ISO."""
        return _text(self.data.get("deadline"))


def agencies_of(data: Mapping[str, Json]) -> tuple[str, ...]:
    """Every agency that data of a task or report name."""
    named = [data.get(name) for name in ("agency", "recipient", "through")]
    lists = [data.get(name) for name in ("lead", "implementing", "coordinating", "requested")]
    return tuple(
        str(each) for each in (*named, *(item for found in lists for item in _items(found))) if isinstance(each, str)
    )


def _items(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list | tuple) else ()


def _text(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def group_of(workflow: str, unit: str, data: Mapping[str, Json]) -> Group:
    """The group of a case that runs, from what it holds."""
    if workflow == TASK:
        once = data.get("kind") == "one_off"
        return (TASK, str(data.get("task")), "" if once else str(data.get("year")))
    if workflow == REPORT:
        return (REPORT, str(data.get("obligation")), str(data.get("agency")), unit)
    return (workflow, unit)


def occasion_of(workflow: str, data: Mapping[str, Json]) -> str:
    """The occasion of a case that runs, within its group."""
    return str(data.get("deadline") or "") if workflow == REPORT else ""


def years(plan: PlanDocument) -> tuple[int, ...]:
    """Those in which the plan asks for something: its period's, and those of single days outside it."""
    dues = [*(each.due for each in plan.obligations.values()), *(each.due for each in plan.tasks.values() if each.due)]
    return tuple(sorted({*plan.period.years, *(day.last.year for due in dues for day in due.on or ())}))


def wanted(plan: PlanDocument, year: int, units: Territory, agencies: Mapping[str, Agency]) -> tuple[Wanted, ...]:
    """All cases that should be there for one year of a plan, always in the same order.

    A task that is done once belongs to the year of its day, without one to the plan's first year; any other task to
    every year, but a recurring one with dates of its own to their years only. Reports on request are not opened.

    Args:
        plan: Proved.
        year: A calendar year.
        units: Of the plan's province on the plan's own day.
        agencies: The catalogue, by key.

    Raises:
        YearError: the plan has nothing to do with the year.
    """
    if year not in years(plan):
        raise YearError(plan.plan, year, years(plan))
    making = _Making(plan, year, units, agencies)
    return (*making.tasks(), *making.reports(), *making.processes())


class _Making:
    """The cases of one plan and year."""

    def __init__(self, plan: PlanDocument, year: int, units: Territory, agencies: Mapping[str, Agency]) -> None:
        self._plan = plan
        self._year = year
        self._units = units
        self._agencies = agencies

    def tasks(self) -> Iterator[Wanted]:
        for key, task in self._plan.tasks.items():
            found, last = task_year(self._plan, task, self._year)
            if found:
                yield self._task(key, task, last)

    def _task(self, key: str, task: Task, last: date | None) -> Wanted:
        data: dict[str, Json] = {"task": key, "kind": task.kind, "year": self._year, "every": task.every}
        for name in ("lead", "implementing", "coordinating", "requested"):
            data[name] = list(getattr(task, name)) or None
        data["deadline"] = last.isoformat() if last else None
        once = task.kind == "one_off"
        return Wanted(
            part="task",
            element=key,
            workflow=TASK,
            unit=self._plan.province,
            group=group_of(TASK, self._plan.province, data),
            occasion="",
            title=_title(task.title.vi, "" if once else f"năm {self._year}"),
            data=_given(data),
        )

    def reports(self) -> Iterator[Wanted]:
        for key, obligation in self._plan.obligations.items():
            days = [day for day in owed_days(self._plan, obligation.due) if day.year == self._year]
            for agency in obligation.owed_by:
                for unit in self._bodies(agency):
                    yield from (self._report(key, obligation, agency, unit, day) for day in days)

    def _bodies(self, agency: str) -> Sequence[Unit]:
        """The units in each of which there is such a body; a plan of old may name one that the catalogue lost."""
        return self._units.parts(self._plan.province, level_of(self._agencies, agency))

    def _report(self, key: str, obligation: Obligation, agency: str, unit: Unit, day: date) -> Wanted:
        period = reported(self._plan, key, day)
        shown = f"kỳ {show_date(period[0])}–{show_date(period[1])}" if period else f"năm {day.year}"
        data: dict[str, Json] = {
            "obligation": key,
            "kind": obligation.kind,
            "agency": agency,
            "recipient": obligation.to,
            "through": obligation.through,
            "requested": agency in obligation.requested,
            "period_from": period[0].isoformat() if period else None,
            "period_to": period[1].isoformat() if period else None,
            "deadline": day.isoformat(),
        }
        return Wanted(
            part="report",
            element=key,
            workflow=REPORT,
            unit=unit.code,
            group=group_of(REPORT, unit.code, data),
            occasion=occasion_of(REPORT, data),
            title=_title(obligation.title.vi, body_name(self._agencies, agency, unit.name).vi, shown),
            data=_given(data),
        )

    def processes(self) -> Iterator[Wanted]:
        if self._year != self._plan.period.years[0]:
            return
        for key, process in self._plan.processes.items():
            for unit in self._units.parts(self._plan.province, process.for_each):
                yield self._process(key, process, unit)

    def _process(self, key: str, process: Process, unit: Unit) -> Wanted:
        above = self._units.by_path.get(unit.path.rpartition("/")[0])
        district = above.name if above and above.level is Level.DISTRICT else ""
        data = dict(resolved(self._plan, process))
        return Wanted(
            part="process",
            element=key,
            workflow=process.workflow,
            unit=unit.code,
            group=group_of(process.workflow, unit.code, data),
            occasion="",
            title=_title(process.title.vi, ", ".join(filter(None, (unit.name, _within_sentence(district))))),
            data=data,
        )


def level_of(agencies: Mapping[str, Agency], agency: str) -> Level:
    """Of the units in each of which there is such a body; that of the province where the catalogue lost it."""
    known = agencies.get(agency)
    return known.level if known and known.level in _ONE_EACH else Level.PROVINCE


def body_name(agencies: Mapping[str, Agency], agency: str, unit: str) -> Words:
    """The name of a body: `Ủy ban nhân dân huyện Càng Long` for that district's of the kind.

    Args:
        agencies: The catalogue, by key.
        agency: Key of the kind; of one that the catalogue lost, it stands for the name.
        unit: Name of the unit whose body it is.
    """
    kind = agencies.get(agency)
    ending = _ONE_EACH.get(kind.level) if kind else None
    if kind is None or ending is None:
        return kind.title if kind else Words(vi=agency, en=agency)
    title, name = kind.title.vi, _within_sentence(unit)
    vi = f"{title.removesuffix(ending)} {name}" if title.endswith(ending) else f"{title}, {name}"
    return Words(vi=vi, en=f"{kind.title.en}, {unit}")


def task_year(plan: PlanDocument, task: Task, year: int) -> tuple[bool, date | None]:
    """Whether a task belongs to a year, and its last day there, if it has one.

    Of several days within a year what is done once has the last, and anything else the first: it is started again for
    the others.
    """
    days = owed_days(plan, task.due) if task.due else ()
    here = [day for day in days if day.year == year]
    if task.kind == "one_off":
        return year == (days[0].year if days else plan.period.years[0]), here[-1] if here else None
    dated = task.kind == "recurring" and task.due is not None and task.due.on is not None
    within = year in plan.period.years and not dated
    return bool(here) or within, here[0] if here else None


def owed_days(plan: PlanDocument, due: Due) -> tuple[date, ...]:
    """All last days in time, in their order. Days of every year count within the plan's period only."""
    if due.each_year is None:
        return tuple(sorted(day.last for day in due.on or ()))
    found = (day.last for year in plan.period.years for day in due.days(year))
    return tuple(sorted(day for day in found if plan.period.from_ <= day < plan.period.to))


def reported(plan: PlanDocument, key: str, day: date) -> Days | None:
    """What the report of an obligation that is owed on a day reports on; None: on no period.

    An implementation plan looks ahead. A report whose key is that of a span of the calendar, or begins with it
    (`phase_1_report` for `phase_1`), is on this span. Any other is on the time since the report before it; one on six
    months since the yearly report of the same bodies, too. The first one begins with the plan, none goes beyond it.
    """
    obligation = plan.obligations[key]
    if obligation.kind == "plan":
        return None
    spans = [name for name in plan.calendar if key == name or key.startswith(f"{name}_")]
    if spans:
        span = plan.calendar[max(spans, key=len)]
        first, last = span.from_ or plan.period.from_, span.last
    else:
        first = _day_after([each for each in _days_before(plan, obligation) if each < day], plan.period.from_)
        last = min(day, plan.period.to - timedelta(days=1))
    return (first, last) if first <= last else None


def _days_before(plan: PlanDocument, obligation: Obligation) -> Iterator[date]:
    yield from owed_days(plan, obligation.due)
    for other in plan.obligations.values() if obligation.kind == _REVIEWED_TOGETHER else ():
        if other.kind == "annual" and other.to == obligation.to and set(other.owed_by) == set(obligation.owed_by):
            yield from owed_days(plan, other.due)


def _day_after(days: Sequence[date], otherwise: date) -> date:
    return max(max(days) + timedelta(days=1), otherwise) if days else otherwise


def _given(data: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in data.items() if value is not None}


def _within_sentence(name: str) -> str:
    return name[:1].lower() + name[1:]


def _title(title: str, *more: str) -> str:
    """The title of an element with what tells its cases apart; the former is cut where both are too long."""
    rest = "".join(f" – {each}" for each in more if each)
    room = TITLE_LIMIT - len(rest)
    return (title if len(title) <= room else f"{title[: room - 1].rstrip()}…") + rest
