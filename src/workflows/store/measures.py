"""The figures of a plan's measures for one unit, as known at the end of a civil day.

A few statements serve all measures together: entered figures are summed by key, cases are counted by state, what
happened by measure. What becomes of the figures is the indicators' affair.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from sqlalchemy import Connection

from workflows.core.catalogue_documents import CountKind
from workflows.core.documents import Level
from workflows.core.indicators import (
    NAMED,
    Figure,
    Unknown,
    day_of,
    days_of,
    first_day,
    missing,
    not_entered_for,
    still_to_come,
    together,
)
from workflows.core.plan_documents import (
    ActsMeasure,
    CasesMeasure,
    CountMeasure,
    Having,
    Measure,
    PlanDocument,
    UnitsMeasure,
)
from workflows.store.counts import LARGEST
from workflows.store.entered import Asked, Entered, Figures
from workflows.store.newest import Bounds
from workflows.store.plan_cases import Cell, PlanCases
from workflows.store.standing import end_of_day
from workflows.store.territory import Ground, Period

Simple: TypeAlias = CountMeasure | CasesMeasure | ActsMeasure
_DOWNWARDS = (Level.COUNTRY, Level.PROVINCE, Level.DISTRICT, Level.COMMUNE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What a plan's figures are asked for."""

    plan: PlanDocument
    counts: Mapping[str, CountKind]
    """The catalogue's."""
    day: date
    """That figures are of."""
    known: date
    """What was recorded by the end of this day counts; not before `day`."""


class Measures:
    """Figures for one unit; those of `wanted` are found together when the first of them is asked for."""

    def __init__(self, connection: Connection, ground: Ground, question: Question, wanted: Iterable[Measure]) -> None:
        self._ground = ground
        self._question = question
        self._cases = PlanCases(connection, ground, question.known)
        self._entered = Entered(connection, ground, end_of_day(question.known))
        self._wanted = list(wanted)
        self._totals: dict[Asked, dict[str, Figure]] = {}
        self._figures: dict[Asked, dict[str, Figures]] = {}
        self._cells: dict[tuple[str, date], list[Cell]] = {}
        self._acts: dict[str, Mapping[str | None, int]] = {}
        self._holds: dict[str, Mapping[str, bool | Unknown]] = {}

    def figure(self, measure: Measure) -> Figure:
        """Of the whole unit."""
        match measure:
            case CountMeasure():
                return self._counted(measure)
            case UnitsMeasure():
                return self._units(measure, self._ground.parts(Level(measure.units)))
            case CasesMeasure():
                day = self.day(measure)
                return still_to_come(day) if day > self._question.known else self._stock(measure, day)
            case ActsMeasure():
                return self._flow(measure, by_unit=False)[None]

    def figure_within(self, measure: Measure, part: Ground) -> Figure:
        """Of a part of the unit."""
        match measure:
            case UnitsMeasure():
                return self._units(measure, part.parts(Level(measure.units)))
            case _:
                return self.by_unit(measure, part.area.level)[part.area.code]

    def by_unit(self, measure: Simple, level: Level) -> Mapping[str, Figure]:
        """Of each unit of a level within the unit; 0 where cases are counted and there are none."""
        units = self._ground.parts(level)
        if isinstance(measure, CountMeasure):
            return self._counted_by_unit(measure, level)
        if isinstance(measure, CasesMeasure) and self.day(measure) > self._question.known:
            return {each.code: still_to_come(self.day(measure)) for each in units}
        numbers = dict.fromkeys((each.code for each in units), 0)
        for path, number in self._by_path(measure).items():
            code = self._ground.place(path, level)
            if code in numbers:
                numbers[code] += number
        return dict(numbers)

    def holds(self, having: Having, level: Level) -> Mapping[str, bool | Unknown]:
        """By unit of a level: whether the condition is fulfilled."""
        key = f"{level}{having.model_dump_json()}"
        if key not in self._holds:
            figures = self.by_unit(having.measure, level)
            self._holds[key] = {code: _holds(having, figure) for code, figure in figures.items()}
        return self._holds[key]

    def asked(self, measure: CountMeasure) -> Asked | Unknown:
        """The entries that a measure sums."""
        day = self.day(measure)
        if day > self._question.known:
            return still_to_come(day)
        level = Level(measure.level)
        if _DOWNWARDS.index(level) < _DOWNWARDS.index(self._ground.area.level):
            return not_entered_for(self._question.counts[measure.count].title, level, self._ground.area.level)
        first = first_day(measure.since, self._question.plan, self._question.day)
        return Asked(level=level, latest=day, first=first)

    @property
    def cases(self) -> PlanCases:
        """What cases are counted from."""
        return self._cases

    @property
    def units_on(self) -> date:
        """The day whose units are counted."""
        return self._ground.territory.on

    def codes(self, level: Level) -> list[str]:
        """Of the units of a level, ascending."""
        return [each.code for each in self._ground.parts(level)]

    def entries(self, measure: CountMeasure) -> list[str]:
        """Ids of the entries that a figure is the sum of; those that are there where others are missing."""
        asked = self.asked(measure)
        if isinstance(asked, Unknown):
            return []
        found = self._entered.by_unit(asked, {measure.count})[measure.count]
        return found.ids_of(self._ground.parts(asked.level))

    def day(self, measure: Measure) -> date:
        """The day of a stock; for anything else, the one asked about."""
        at = measure.at if isinstance(measure, CountMeasure | CasesMeasure) else "as_of"
        return day_of(at, self._question.plan, self._question.day)

    def days(self, measure: ActsMeasure) -> tuple[date | None, date]:
        """First and last day of a flow."""
        return days_of(measure.during, self._question.plan, self._question.day)

    def _units(self, measure: UnitsMeasure, units: Sequence[Period]) -> Figure:
        if measure.having is None:
            return len(units)
        number = self._number_within(measure.having, units)
        if number is not None:
            return number
        holds = self.holds(measure.having, Level(measure.units))
        found = {each.code: holds[each.code] for each in units}
        unknown = {code: truth for code, truth in found.items() if isinstance(truth, Unknown)}
        if unknown:
            return self._unknown(measure.having.measure, Level(measure.units), unknown)
        return sum(truth is True for truth in found.values())

    def _number_within(self, having: Having, units: Sequence[Period]) -> int | None:
        """Told by the store where every unit of the whole ground has a figure of its own."""
        inner = having.measure
        asked = self.asked(inner) if isinstance(inner, CountMeasure) else None
        if not isinstance(inner, CountMeasure) or not isinstance(asked, Asked):
            return None
        if units != self._ground.parts(asked.level):
            return None
        most = LARGEST if having.at_most is None else having.at_most
        return self._entered.number_within(asked, inner.count, Bounds(least=having.at_least or 0, most=most))

    def _unknown(self, measure: Simple, level: Level, unknown: Mapping[str, Unknown]) -> Unknown:
        """Told of all units together where it is their own figure that is missing."""
        own = isinstance(measure, CountMeasure) and measure.level == level
        if isinstance(measure, CountMeasure) and own and isinstance(self.asked(measure), Asked):
            return self._missing(measure.count, level, list(unknown))
        return together(list(unknown.values())[:NAMED])

    def _counted(self, measure: CountMeasure) -> Figure:
        asked = self.asked(measure)
        if isinstance(asked, Unknown):
            return asked
        if asked not in self._totals:
            sums = self._entered.totals(asked, {each.count for each in self._counts(asked)} | {measure.count})
            self._totals[asked] = {
                key: self._missing(key, asked.level, found.lacking) if found.lacking else found.value
                for key, found in sums.items()
            }
        return self._totals[asked][measure.count]

    def _counts(self, asked: Asked) -> list[CountMeasure]:
        return [each for each in self._wanted if isinstance(each, CountMeasure) and self.asked(each) == asked]

    def _counted_by_unit(self, measure: CountMeasure, level: Level) -> Mapping[str, Figure]:
        asked = self.asked(measure)
        units = self._ground.parts(level)
        if not isinstance(asked, Unknown) and _DOWNWARDS.index(asked.level) < _DOWNWARDS.index(level):
            asked = not_entered_for(self._question.counts[measure.count].title, asked.level, level)
        if isinstance(asked, Unknown):
            return {each.code: asked for each in units}
        found, key = self._figures_of(asked, measure.count), measure.count
        if asked.level is level and not found.merged:
            own = found.own
            codes = [each.code for each in units]
            return {code: own[code].value if code in own else self._missing(key, level, [code]) for code in codes}
        return {each.code: self._sum(found, key, asked.level, each) for each in units}

    def _sum(self, found: Figures, key: str, level: Level, unit: Period) -> Figure:
        parts = (unit,) if unit.level is level else self._ground.territory.parts(unit.code, level)
        summed = found.sum_of(parts)
        return self._missing(key, level, summed.lacking) if summed.lacking else summed.value

    def _figures_of(self, asked: Asked, key: str) -> Figures:
        known = self._figures.setdefault(asked, {})
        if key not in known:
            known.update(self._entered.by_unit(asked, {key, *self._conditions(asked)}))
        return known[key]

    def _conditions(self, asked: Asked) -> Iterator[str]:
        """Figures that conditions on units look at."""
        for each in self._wanted:
            inner = each.having.measure if isinstance(each, UnitsMeasure) and each.having else None
            if isinstance(inner, CountMeasure) and self.asked(inner) == asked:
                yield inner.count

    def _missing(self, key: str, level: Level, codes: Sequence[str]) -> Unknown:
        names = [self._ground.territory.units[code].name for code in codes[:NAMED]]
        return missing(self._question.counts[key].title, level, names, len(codes))

    def _stock(self, measure: CasesMeasure, day: date) -> int:
        cells = self._matching(measure, self._cells_of(measure, day))
        if measure.of == "communes":
            return len({cell.path for cell in cells})
        return sum(cell.number for cell in cells)

    def _matching(self, measure: CasesMeasure, cells: Iterable[Cell]) -> list[Cell]:
        return [
            cell
            for cell in cells
            if cell.state in measure.states
            and all(cell.fields[name] in values for name, values in measure.where.items())
        ]

    def _cells_of(self, measure: CasesMeasure, day: date) -> list[Cell]:
        key = measure.cases, day
        if key not in self._cells:
            alike = [measure, *(each for each in self._stocks() if each.cases == measure.cases)]
            fields = {name for each in alike for name in each.where}
            by_unit = any(each.of == "communes" for each in alike)
            self._cells[key] = self._cases.cells(measure.cases, fields, day, by_unit=by_unit)
        return self._cells[key]

    def _stocks(self) -> list[CasesMeasure]:
        return [each for each in self._wanted if isinstance(each, CasesMeasure)]

    def _by_path(self, measure: CasesMeasure | ActsMeasure) -> Mapping[str, int]:
        if isinstance(measure, ActsMeasure):
            return {path: number for path, number in self._flow(measure, by_unit=True).items() if path is not None}
        cells = self._cases.cells(measure.cases, measure.where, self.day(measure), by_unit=True)
        found: dict[str, int] = defaultdict(int)
        for cell in self._matching(measure, cells):
            if cell.path is not None:
                found[cell.path] += cell.number
        return {path: min(number, 1) if measure.of == "communes" else number for path, number in found.items()}

    def _flow(self, measure: ActsMeasure, *, by_unit: bool) -> Mapping[str | None, int]:
        key = f"{by_unit}{measure.model_dump_json()}"
        if key not in self._acts:
            days = self.days(measure)
            self._acts[key] = self._cases.count_acts(measure, days, self._question.day, by_unit=by_unit)
        return self._acts[key]


def _holds(having: Having, figure: Figure) -> bool | Unknown:
    if isinstance(figure, Unknown):
        return figure
    if having.at_least is not None:
        return figure >= having.at_least
    return having.at_most is not None and figure <= having.at_most
