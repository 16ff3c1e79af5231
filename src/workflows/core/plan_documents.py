"""The plan document: what an author writes of a plan, as frozen values.

Shape only. Whether agencies, counts, workflows and units are there, and whether the dates can be, is proved in
`plan_proofs`; cases are opened by the services, figures are computed by `indicators`.
"""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from workflows.core.documents import Cited, Frozen, Level, Name, Words

PlanKey: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z]+)*-[0-9]{4}$")]
"""Province and year of issue: `tra-vinh-2025`."""
CivilDay: TypeAlias = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]
"""A day in Việt Nam, written yyyy-mm-dd."""
MonthDay: TypeAlias = Annotated[str, StringConstraints(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
"""A day of every year: `11-20` is 20 November."""
Decimal: TypeAlias = Annotated[str, StringConstraints(pattern=r"^-?[0-9]{1,9}(\.[0-9]{1,6})?$")]
"""An exact decimal number, written as text: `"42.9"`."""
Number: TypeAlias = int | Decimal
UnitCode: TypeAlias = Annotated[str, StringConstraints(pattern=r"^(VN|[0-9]{2,5})$")]
Agencies: TypeAlias = Annotated[tuple[Name, ...], Field(strict=False)]
"""Keys of the agencies catalogue. One of the level of districts or communes stands for as many bodies as units."""
Names: TypeAlias = Annotated[tuple[Name, ...], Field(min_length=1, strict=False)]


class Noted(Cited):
    title: Words
    note: Words | None = None
    """What a reader must know: how a word was read, a slip of the source, what is our own."""


class LegalBasis(Cited):
    """A document that the plan rests on, cited as printed."""

    citation: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """Number as printed, with the date if one is printed: `16/KH-UBND, 17/02/2025`."""
    title: Words
    note: Words | None = None


class Day(Frozen):
    """The last day of something, in one of the two ways in which plans say it."""

    by: CivilDay | None = None
    """Inclusive: the day itself is still in time ("chậm nhất", "đến hết", "đến ngày")."""
    before: CivilDay | None = None
    """Exclusive: the day before is the last in time ("trước ngày")."""

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        _require_one(self, "by", "before")
        return self

    @property
    def last(self) -> date:
        """The last civil day in time, inclusive."""
        return self.by or _day_before(self.before)


class DayOfYear(Frozen):
    """The last day of something that comes back every year."""

    by: MonthDay | None = None
    """Inclusive."""
    before: MonthDay | None = None
    """Exclusive."""

    @model_validator(mode="after")
    def _one_end(self) -> Self:
        _require_one(self, "by", "before")
        return self

    def in_year(self, year: int) -> Day:
        """The same day of one year."""
        return Day(by=_of_year(year, self.by), before=_of_year(year, self.before))


class Span(Noted):
    """A named part of the plan's calendar: from its first day, if it has one, to its last."""

    from_: CivilDay | None = Field(default=None, alias="from")
    """First day, inclusive."""
    by: CivilDay | None = None
    """Last day, inclusive."""
    before: CivilDay | None = None
    """The day after the last one."""
    in_source: bool = True
    """False: the plan gives no day, this one is ours."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _require_one(self, "by", "before")
        if self.from_ is not None and self.from_ > self.last:
            message = f"from {self.from_} is after the last day, {self.last}"
            raise ValueError(message)
        return self

    @property
    def last(self) -> date:
        """The last civil day, inclusive."""
        return self.by or _day_before(self.before)


class Parameter(Noted):
    """A value that guards and computations read; another plan may set another."""

    value: bool | int | str
    in_source: bool = True
    """False: the plan does not give it, this one is ours."""


class Due(Frozen):
    """When something falls due: on fixed days, on the same days of every year, or when somebody asks."""

    on: Annotated[tuple[Day, ...], Field(min_length=1, strict=False)] | None = None
    each_year: Annotated[tuple[DayOfYear, ...], Field(min_length=1, strict=False)] | None = None
    """In every year of the plan's period."""
    on_request: Literal[True] | None = None
    in_source: bool = True
    """False: the plan gives no day, these are ours."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        _require_one(self, "on", "each_year", "on_request")
        return self

    def days(self, year: int) -> tuple[Day, ...]:
        """Those that lie in a calendar year, in their order; none on request."""
        if self.each_year:
            return tuple(day.in_year(year) for day in self.each_year)
        return tuple(day for day in self.on or () if day.last.year == year)


class Obligation(Noted):
    """A report that is owed, once or again and again."""

    kind: Literal["plan", "phase", "six_month", "annual", "interim_review", "final_review", "ad_hoc"]
    owed_by: Annotated[tuple[Name, ...], Field(min_length=1, strict=False)]
    to: Name
    """The agency that it goes to."""
    through: Name | None = None
    """The agency that takes it in for the addressee."""
    requested: Agencies = ()
    """Of those who owe it, the ones whom the plan asks and does not order ("đề nghị")."""
    consolidates: Agencies = ()
    """Obligations of this plan whose reports go into this one: the second tier."""
    due: Due


class Task(Noted):
    """Something that the plan assigns."""

    kind: Literal["one_off", "recurring", "continuous"]
    lead: Agencies = ()
    """Cơ quan chủ trì; may be absent."""
    implementing: Agencies = ()
    """Cơ quan thực hiện."""
    coordinating: Agencies = ()
    """Cơ quan phối hợp."""
    requested: Agencies = ()
    """Of all these, the ones whom the plan asks and does not order ("đề nghị")."""
    every: Literal["week", "month", "quarter", "half_year", "year"] | None = None
    """How often, for a recurring task."""
    due: Due | None = None
    duty: bool = False
    """True: a standing duty of one body or level, from the part on responsibilities."""

    @property
    def bodies(self) -> tuple[str, ...]:
        """All who take part, lead first."""
        return (*self.lead, *self.implementing, *self.coordinating)

    @model_validator(mode="after")
    def _shared_out(self) -> Self:
        if not self.bodies:
            message = "a task names at least one of lead, implementing, coordinating"
            raise ValueError(message)
        if self.kind == "recurring" and self.every is None and self.due is None:
            message = "a recurring task says how often (every) or when (due)"
            raise ValueError(message)
        return self


At: TypeAlias = Literal["as_of", "plan_start", "year_before"] | CivilDay
"""The day of a stock: that asked about, the plan's first day, the last day of the year before that asked about, or a
date. Inclusive: what was known at the end of that day."""
During: TypeAlias = Literal["year", "year_before", "plan", "ever"]
"""The period of a flow, up to the day asked about: its calendar year, the whole calendar year before, the plan's
period, or all time."""


class CountMeasure(Frozen):
    """A figure that is entered: the newest of each unit on or before a day, summed over the units."""

    count: Name
    level: Literal["province", "district", "commune"] = "commune"
    """Whose figures are summed; unknown as long as one of them is missing."""
    at: At = "as_of"
    since: Literal["year", "year_before", "plan"] | None = None
    """Only figures of this period count; an older one is as good as none."""


class UnitsMeasure(Frozen):
    """The number of units of the plan, as they were on the plan's own day."""

    units: Literal["district", "commune"]
    having: "Having | None" = None
    """Only those of which this holds."""


class CasesMeasure(Frozen):
    """Cases as they stood at the end of a day."""

    cases: Name
    states: Names
    where: dict[Name, Names] = Field(default={})
    """Choice fields and the values that count; all of them must match."""
    of: Literal["cases", "communes"] = "cases"
    at: At = "as_of"


class ActsMeasure(Frozen):
    """What happened to cases, by the civil date on which it is said to have occurred."""

    acts: Name
    """The workflow."""
    triggers: Names
    """`open` is the opening."""
    where: dict[Name, Names] = Field(default={})
    of: Literal["acts", "cases", "communes"] = "acts"
    """Each time, each case once, or each commune once."""
    during: During = "year"
    now_in: Names | None = None
    """Only cases that stand in these states at the end of the day asked about."""


Measure: TypeAlias = CountMeasure | UnitsMeasure | CasesMeasure | ActsMeasure


class Having(Frozen):
    """A condition on the figure of one unit."""

    measure: CountMeasure | CasesMeasure | ActsMeasure
    at_least: int | None = None
    at_most: int | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        _require_one(self, "at_least", "at_most")
        return self


class Share(Frozen):
    """A part of a whole; unknown where there is no whole."""

    of: Measure
    over: Measure


class Growth(Frozen):
    """How much more, or less where negative, than the base; unknown where the base is 0."""

    of: Measure
    base: Measure


class Indicator(Noted):
    """How a figure is computed; exactly one of `value`, `share` and `growth`."""

    value: Measure | None = None
    share: Share | None = None
    """Shown in per cent."""
    growth: Growth | None = None
    """Shown in per cent."""
    digits: Annotated[int, Field(ge=0, le=6)] = 1
    """Decimals that are shown, rounded half up. Never rounded before comparing."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        _require_one(self, "value", "share", "growth")
        return self

    def measures(self) -> Iterator[Measure]:
        """What it is computed from."""
        for part in (self.share, self.growth):
            if isinstance(part, Share):
                yield from (part.of, part.over)
            elif part is not None:
                yield from (part.of, part.base)
        if self.value is not None:
            yield self.value


class Row(Frozen):
    """What one unit is to reach."""

    unit: UnitCode
    total: int
    """The whole, as printed."""
    levels: Annotated[dict[Name, int], Field(min_length=1)]
    """By column."""


class Column(Frozen):
    """A day for which the table gives a level."""

    title: Words
    by: CivilDay
    """Inclusive."""
    baseline: bool = False
    """True: what was there at the beginning, no target."""
    digits: Annotated[int, Field(ge=0, le=3)] = 1
    """Decimals of the printed share of the whole, rounded half up."""


class TargetTable(Frozen):
    """Targets per unit, as a table of the plan gives them."""

    columns: Annotated[dict[Name, Column], Field(min_length=1)]
    rows: Annotated[tuple[Row, ...], Field(min_length=1, strict=False)]

    @model_validator(mode="after")
    def _full(self) -> Self:
        for row in self.rows:
            if row.levels.keys() != self.columns.keys():
                message = f"unit {row.unit} has levels for {', '.join(row.levels)}, not for {', '.join(self.columns)}"
                raise ValueError(message)
        return self


class Target(Noted):
    """What an indicator is to reach: one bound, or a table with one per unit and day."""

    indicator: Name
    at_least: Number | None = None
    more_than: Number | None = None
    at_most: Number | None = None
    less_than: Number | None = None
    table: TargetTable | None = None
    """Levels that are read as `at_least`."""
    each_year: bool = False
    """Whether it is to be reached in every year of the period, and not only at its end."""
    by: CivilDay | None = None
    """Inclusive; the last day of the plan when absent."""
    printed: Annotated[str, StringConstraints(min_length=1, max_length=80)] | None = None
    """The figure with its comparison word as printed, where it was read as something else: `80 %`, read as at least."""

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        _require_one(self, "at_least", "more_than", "at_most", "less_than", "table")
        return self


class Process(Noted):
    """Cases that opening the plan brings about."""

    workflow: Name
    for_each: Level = Level.COMMUNE
    """One case for each unit of this level within the plan."""
    data: dict[Name, bool | int | str] = Field(default={})
    """What they are opened with; `calendar.<name>` and `parameters.<name>` are replaced by the value."""


class Period(Frozen):
    from_: CivilDay = Field(alias="from")
    """First day, inclusive."""
    to: CivilDay
    """The day after the last one."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.to <= self.from_:
            message = f"period.to {self.to} must be after period.from {self.from_}"
            raise ValueError(message)
        return self

    @property
    def years(self) -> range:
        """The calendar years that it touches."""
        return range(self.from_.year, _day_before(self.to).year + 1)


class PlanDocument(Frozen):
    """One plan of one province."""

    plan: PlanKey
    title: Words
    number: Annotated[str, StringConstraints(min_length=1, max_length=60)] | None = None
    """As printed; absent where the copy has none."""
    issued: CivilDay | None = None
    """Absent where the copy gives no day."""
    issuer: Name
    """Key of the agencies catalogue."""
    note: Words | None = None
    province: UnitCode
    units_as_of: CivilDay
    """The day whose districts and communes the plan counts: denominators stay what they were then."""
    period: Period
    legal_bases: Annotated[tuple[LegalBasis, ...], Field(strict=False)] = ()
    calendar: dict[Name, Span] = Field(default={})
    parameters: dict[Name, Parameter] = Field(default={})
    processes: dict[Name, Process] = Field(default={})
    indicators: dict[Name, Indicator] = Field(default={})
    targets: dict[Name, Target] = Field(default={})
    obligations: dict[Name, Obligation] = Field(default={})
    tasks: dict[Name, Task] = Field(default={})


def _require_one(model: Frozen, *names: str) -> None:
    given = [name for name in names if getattr(model, name) is not None]
    if len(given) != 1:
        message = f"exactly one of {', '.join(names)} is needed; there is {', '.join(given) or 'none'}"
        raise ValueError(message)


def _day_before(day: date | None) -> date:
    if day is None:
        message = "there is no day"
        raise ValueError(message)
    return day - timedelta(days=1)


def _of_year(year: int, day: str | None) -> date | None:
    return None if day is None else date.fromisoformat(f"{year}-{day}")
