"""What answers about plans and their targets look like; see `api.shapes`."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from api.shapes import ABSENT, Day, Id, Shape, Words


class PlanPeriod(Shape):
    """Civil dates."""

    from_: Day = Field(alias="from")
    to: Day
    """Exclusive."""


class PlanHead(Shape):
    """A plan in a list."""

    key: str
    title: Words
    number: str | None
    """As printed; null where the copy has none."""
    issued: Day | None
    issuer: str
    """Key of an agency."""
    province: str
    """Code of a unit."""
    period: PlanPeriod


class PlanList(Shape):
    """Plans, by key."""

    items: list[PlanHead]
    next: None


class PlanPart(Shape):
    """A part of a plan."""

    title: Words
    note: Words | None
    """How a word was read, a slip of the source, what is our own."""
    basis: list[str]
    """Plan key and section, or `design`."""


class LegalBasis(Shape):
    """A document that the plan rests on."""

    citation: str
    """As printed."""
    title: Words
    note: Words | None
    basis: list[str]


class CalendarSpan(PlanPart):
    """A named part of the calendar."""

    from_: Day | None = Field(alias="from")
    last: Day
    """Inclusive."""
    in_source: bool
    """False: the plan gives no day, this one is ours."""


class PlanParameter(PlanPart):
    """A value that another plan may set otherwise."""

    value: bool | int | str
    in_source: bool


class PlanTarget(PlanPart):
    """What is to be reached."""

    indicator: Words
    printed: str | None
    each_year: bool


class PlanDue(Shape):
    """When something falls due."""

    days: list[Day]
    """Last days that are in time."""
    on_request: bool
    in_source: bool


class PlanObligation(PlanPart):
    """A report that is owed; bodies are keys of agencies."""

    kind: Literal["plan", "phase", "six_month", "annual", "interim_review", "final_review", "ad_hoc"]
    owed_by: list[str]
    to: str
    through: str | None
    requested: list[str]
    """Who of them is asked, not ordered."""
    consolidates: list[str]
    """Obligations whose reports go into this one."""
    due: PlanDue


class PlanTask(PlanPart):
    """Something that the plan assigns; bodies are keys of agencies."""

    kind: Literal["one_off", "recurring", "continuous"]
    lead: list[str]
    implementing: list[str]
    coordinating: list[str]
    requested: list[str]
    """Who of all these is asked, not ordered."""
    every: Literal["week", "month", "quarter", "half_year", "year"] | None
    due: PlanDue | None
    duty: bool
    """A standing duty of one body or level."""


class Plan(PlanHead):
    """A whole plan."""

    note: Words | None
    units_as_of: Day
    """The day whose units the plan counts."""
    legal_bases: list[LegalBasis]
    calendar: Mapping[str, CalendarSpan]
    parameters: Mapping[str, PlanParameter]
    targets: Mapping[str, PlanTarget]
    obligations: Mapping[str, PlanObligation]
    tasks: Mapping[str, PlanTask]


class CountedUnit(Shape):
    """A unit as it was on the plan's own day."""

    code: str
    level: Literal["country", "province", "district", "commune"]
    name: str


class IndicatorHead(PlanPart):
    """What a target is measured by."""

    key: str


class TargetBound(Shape):
    """What the value is held against."""

    comparison: Literal["at_least", "more_than", "at_most", "less_than"]
    limit: str
    """Exact: a whole number or a fraction."""
    per_cent: bool


class Reading(Shape):
    """An indicator on one day."""

    day: Day
    of: int | None
    base: int | None
    """What `of` is a share of or has grown from; null, too, for a plain number."""
    exact: str | None
    """The value as a fraction, a share of all being 1; null: unknown."""
    shown: Words | None
    """As people read it."""
    met: bool | None
    """Null: unknown, or the bound is not for this unit."""
    needed: int | None
    """The whole number in place of `of` that just keeps to the bound."""
    unknown: list[Words]
    """What is missing."""


class YearReading(Reading):
    """An indicator in one year of the plan, on its last day or the day asked about."""

    year: int


class TableColumn(Shape):
    """A day for which a table gives levels."""

    key: str
    title: Words
    by: Day
    """Inclusive."""
    baseline: bool


class TargetCell(Shape):
    """What a unit is to have reached by a day."""

    level: int
    printed: Words | None
    """The share of the total, rounded as the plan prints it."""
    figure: int | None
    met: bool | None
    unknown: list[Words]


class TargetRow(Shape):
    """One unit of a table, or all together."""

    unit: CountedUnit | None
    total: int
    cells: Mapping[str, TargetCell]
    """By column."""


class TargetTable(Shape):
    """Levels per unit and day."""

    columns: list[TableColumn]
    rows: list[TargetRow]
    """Those within the unit asked about."""
    together: TargetRow | None
    """Their sums; null where not all rows are within the unit."""


class Target(PlanPart):
    """One target for one unit."""

    key: str
    indicator: IndicatorHead
    printed: str | None
    bound: TargetBound | None
    """Null: a table has one per unit and day."""
    applies: bool
    """Whether the bound is for this unit, and not for the whole province alone."""
    by: Day
    """Inclusive."""
    each_year: bool
    now: Reading
    years: list[YearReading]
    """Of a target for each year."""
    table: TargetTable | None


class TargetList(Shape):
    """All targets of a plan for one unit."""

    plan: str
    as_of: Day
    unit: CountedUnit
    units_as_of: Day
    """The day whose units are counted."""
    items: list[Target]
    next: None


class BehindItem(Shape):
    """A case or what happened to one, an entered figure, or a unit; `kind` tells which members there are."""

    case: Id = ABSENT
    title: str = ABSENT
    unit: str
    """To which the case belongs now; for which the figure was entered; which is counted."""
    state: str = ABSENT
    """Of the case, as it was known on the day."""
    trigger: str = ABSENT
    occurred_on: Day = ABSENT
    id: Id = ABSENT
    """Of the entry."""
    key: str = ABSENT
    value: int = ABSENT
    as_of: Day = ABSENT
    source: str = ABSENT
    name: str = ABSENT


class BehindList(Shape):
    """A page of what stands behind a figure."""

    kind: Literal["cases", "acts", "counts", "units"]
    items: list[BehindItem]
    next: str | None
    """Cursor of the next page; null at the end."""
