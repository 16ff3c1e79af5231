"""How far a plan is from its targets: for its province or a part of it, as known at the end of any day.

Every target is read on the day asked about, or on the day by which it was to be reached once that is past. Figures
come from the store, arithmetic from the indicators; how an answer is written as JSON is `plan_json`'s.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Literal, TypeAlias

from sqlalchemy import Connection

from workflows.core.authority import covers
from workflows.core.case import Actor
from workflows.core.indicators import (
    NAMED,
    Bound,
    Figure,
    Unknown,
    Value,
    bound_of,
    computed,
    in_per_cent,
    is_met,
    last_day,
    needed,
    total,
)
from workflows.core.nearest import nearest
from workflows.core.plan_documents import Indicator, Measure, PlanDocument, Target, TargetTable
from workflows.services.engine import Engine
from workflows.services.reading import MissingError, Slice, today
from workflows.store import behind
from workflows.store.measures import Measures, Question
from workflows.store.paging import Page
from workflows.store.queries import UnknownUnitError
from workflows.store.territory import Ground, Period, Territory, territory

Part: TypeAlias = Literal["of", "base"]
"""The figure itself, or that which it is a share of or has grown from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """An indicator on one day."""

    day: date
    of: Figure
    base: Figure | None
    """The whole of a share, the base of a growth; None for a plain number."""
    value: Value
    met: bool | None
    """None: unknown, or the bound is not for this unit."""
    needed: int | None
    """Nearest whole number in place of `of` that keeps to the bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCell:
    """What a unit, or all together, is to reach by a day, and where it stands."""

    level: int
    printed: Value
    """The share of the whole that the level is."""
    figure: Figure
    met: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRow:
    unit: Period | None
    """None: all rows together."""
    total: int
    cells: Mapping[str, TableCell]
    """By column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """One target for one unit."""

    key: str
    target: Target
    indicator: Indicator
    bound: Bound | None
    applies: bool
    """Whether the bound is for this unit; a number of communes is for the whole province alone."""
    last_day: date
    now: Reading
    years: Mapping[int, Reading]
    """Of a target for each year: every year that has begun, on its last day or the day asked about."""
    table: tuple[TableRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanState:
    """All targets of a plan for one unit."""

    plan: PlanDocument
    unit: Period
    as_of: date
    targets: tuple[TargetState, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A unit of a plan, as it was on the plan's own day."""

    plan: PlanDocument
    territory: Territory
    area: Period


def plan(engine: Engine, key: str) -> PlanDocument:
    """Raises MissingError."""
    if key not in engine.catalogue.plans:
        raise MissingError("plan", key, nearest(key, engine.catalogue.plans))
    return engine.catalogue.plans[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What of a plan is asked for."""

    key: str
    """Of the plan."""
    as_of: date | None
    """Figures as they were known at the end of this day; None: today."""
    unit: str | None
    """Code of a unit on the plan's own day; None: the plan's province, or what the actor may see of it."""


def targets(engine: Engine, actor: Actor, view: View) -> PlanState:
    """All targets of a plan.

    Raises:
        MissingError: there is no such plan, no such unit on the plan's own day, or the actor may not see its figures.
    """
    document, day = plan(engine, view.key), view.as_of or today(engine)
    with engine.database.read() as connection:
        here = place(connection, document, actor, view.unit)
        found = states(engine, connection, here, day, known=day)
    return PlanState(plan=document, unit=here.area, as_of=day, targets=found)


def place(connection: Connection, document: PlanDocument, actor: Actor, code: str | None) -> Place:
    """The unit named, else the widest that the actor may see; raises MissingError."""
    found = _territory(connection, document)
    return Place(plan=document, territory=found, area=_area(found, actor, code))


def states(engine: Engine, connection: Connection, here: Place, day: date, *, known: date) -> tuple[TargetState, ...]:
    """All targets of a plan for one unit on a day, as known at the end of that one or a later."""
    asking = _Asking(engine, connection, here, day, known)
    return tuple(asking.state(each) for each in here.plan.targets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behind:
    """What stands behind one figure."""

    kind: behind.Kind
    page: Page[behind.Behind]


def behind_target(engine: Engine, actor: Actor, view: View, target: str, part: Part, page: Slice) -> Behind:
    """What a target's figure counts now; raises MissingError, and BadCursorError."""
    document, day = plan(engine, view.key), view.as_of or today(engine)
    if target not in document.targets:
        raise MissingError("target", target, nearest(target, document.targets))
    with engine.database.read() as connection:
        found = _territory(connection, document)
        here = Place(plan=document, territory=found, area=_area(found, actor, view.unit))
        asking = _Asking(engine, connection, here, day, day)
        measure = _part(asking.indicator(target), part)
        look = behind.Look(actor=actor, today=today(engine), cursor=page.cursor, limit=page.limit)
        if measure is None:
            raise MissingError("base of the figure of target", target)
        measures = asking.measures(asking.day(target))
        return Behind(kind=behind.kind_of(measure), page=behind.behind(connection, measures, measure, look))


def _part(indicator: Indicator, part: Part) -> Measure | None:
    found = list(indicator.measures())
    return found[0] if part == "of" else found[1] if len(found) > 1 else None


def _territory(connection: Connection, document: PlanDocument) -> Territory:
    try:
        return territory(connection, document.province, document.units_as_of)
    except UnknownUnitError as error:
        raise MissingError("unit", error.code, error.nearest) from error


def _area(found: Territory, actor: Actor, code: str | None) -> Period:
    """The unit named, else the widest that the actor may see: the province, or the actor's own unit."""
    if code is None:
        top = found.units[found.top]
        code = found.top if covers(actor, top.path) else actor.unit
    area = found.units.get(code)
    if area is None:
        raise MissingError("unit", code, nearest(code, found.units))
    if not covers(actor, area.path):
        raise MissingError("unit", code)
    return area


class _Asking:
    """Reads the targets of one plan for one unit; figures of one day are found together."""

    def __init__(self, engine: Engine, connection: Connection, here: Place, day: date, known: date) -> None:
        self._counts = engine.catalogue.counts
        self._connection = connection
        self._plan = here.plan
        self._territory = here.territory
        self._area = here.area
        self._ground = Ground(connection, here.territory, here.area.code)
        self._day = day
        self._known = known
        self._measures: dict[date, Measures] = {}

    def indicator(self, key: str) -> Indicator:
        return self._plan.indicators[self._plan.targets[key].indicator]

    def day(self, key: str) -> date:
        """The day on which a target is read."""
        return min(self._day, last_day(self._plan, self._plan.targets[key]))

    def measures(self, day: date) -> Measures:
        if day not in self._measures:
            question = Question(plan=self._plan, counts=self._counts, day=day, known=self._known)
            wanted = [measure for key in self._read_on(day) for measure in self.indicator(key).measures()]
            self._measures[day] = Measures(self._connection, self._ground, question, wanted)
        return self._measures[day]

    def _read_on(self, day: date) -> Iterable[str]:
        for key, target in self._plan.targets.items():
            if self.day(key) == day or (target.each_year and day in self._days(target).values()):
                yield key

    def state(self, key: str) -> TargetState:
        target, indicator = self._plan.targets[key], self.indicator(key)
        bound = bound_of(target)
        applies = bound is not None and self._applies(indicator, bound)
        held = bound if applies else None
        years = self._days(target) if target.each_year else {}
        return TargetState(
            key=key,
            target=target,
            indicator=indicator,
            bound=bound,
            applies=applies,
            last_day=last_day(self._plan, target),
            now=self._reading(indicator, held, self.day(key)),
            years={year: self._reading(indicator, held, day) for year, day in years.items()},
            table=self._table(target.table, indicator) if target.table else (),
        )

    def _applies(self, indicator: Indicator, bound: Bound) -> bool:
        """A ratio is asked of every part, and so is that there be none; a number is of the whole."""
        whole = self._area.code == self._territory.top
        return whole or in_per_cent(indicator) or (bound.comparison == "at_most" and bound.limit == 0)

    def _days(self, target: Target) -> dict[int, date]:
        end = min(self._day, last_day(self._plan, target))
        years = (year for year in self._plan.period.years if year <= end.year)
        return {year: min(end, date(year, 12, 31)) for year in years if self._plan.period.from_ <= end}

    def _reading(self, indicator: Indicator, bound: Bound | None, day: date) -> Reading:
        figures = [self.measures(day).figure(measure) for measure in indicator.measures()]
        of, base = figures[0], figures[1] if len(figures) > 1 else None
        value = computed(indicator, of, base)
        return Reading(
            day=day,
            of=of,
            base=base,
            value=value,
            met=is_met(value, bound, per_cent=in_per_cent(indicator)) if bound else None,
            needed=needed(indicator, bound, base) if bound else None,
        )

    def _table(self, table: TargetTable, indicator: Indicator) -> tuple[TableRow, ...]:
        """The rows of units within the area, and last all of them together where they are all there."""
        inside = self._area.path
        units = [self._territory.units.get(row.unit) for row in table.rows]
        rows = [
            TableRow(
                unit=unit,
                total=row.total,
                cells={
                    name: _cell(level, row.total, self._figure(indicator, unit, table.columns[name].by))
                    for name, level in row.levels.items()
                },
            )
            for row, unit in zip(table.rows, units, strict=True)
            if unit is not None and f"{unit.path}/".startswith(f"{inside}/")
        ]
        return (*rows, _together(rows)) if len(rows) == len(table.rows) else tuple(rows)

    def _figure(self, indicator: Indicator, unit: Period, by: date) -> Figure:
        measure = next(iter(indicator.measures()))
        measures = self.measures(min(self._day, by))
        return measures.figure_within(measure, Ground(self._connection, self._territory, unit.code))


def _cell(level: int, whole: int, figure: Figure) -> TableCell:
    printed: Value = Fraction(level, whole) if whole else Unknown(())
    met = None if isinstance(figure, Unknown) else figure >= level
    return TableCell(level=level, printed=printed, figure=figure, met=met)


def _together(rows: Iterable[TableRow]) -> TableRow:
    rows = list(rows)
    whole = sum(row.total for row in rows)
    cells = {
        name: _cell(sum(row.cells[name].level for row in rows), whole, _sum(row.cells[name].figure for row in rows))
        for name in rows[0].cells
    }
    return TableRow(unit=None, total=whole, cells=cells)


def _sum(figures: Iterable[Figure]) -> Figure:
    """What is missing is told in the rows; here, the first few of it."""
    found = total(figures)
    return Unknown(found.because[:NAMED]) if isinstance(found, Unknown) else found
