"""What a filled report looks like as JSON; see `api.shapes`."""

from typing import Literal

from api.shapes import Day, Id, Instant, Shape, Words
from api.shapes_plans import CountedUnit, Reading, Target


class ReportPeriod(Shape):
    """Civil dates, both inclusive."""

    first: Day
    last: Day


class ReportTarget(Target):
    """A target at the end of the period, or on the day asked about."""

    before: Reading | None
    """At the end of the day before the period; null: the plan had not begun."""


class ReportNumber(Shape):
    """How many, or how often."""

    title: Words
    number: int


class ReportCases(Shape):
    """The cases of one workflow in the unit, whatever plan they belong to."""

    workflow: str
    title: Words
    opened: int
    """In the period."""
    happened: list[ReportNumber]
    """In the period, by trigger."""
    standing: list[ReportNumber]
    """At the end, by state."""


class ReportTask(Shape):
    """A task of the plan that the body takes part in; of one that reports for all, every task."""

    case: Id
    title: str
    lead: list[Words]
    """Who leads; who implements where nobody leads."""
    state: Words
    since: Day
    deadline: Day | None
    late: int
    """Days; 0: in time."""


class ReportReceived(Shape):
    """A report that goes into this one."""

    case: Id
    title: str
    body: Words
    state: Words
    due: Day
    sent: Day | None
    """When it was sent in last."""
    late: int
    """Days by which it was first sent in too late, or has not come; 0: in time."""


class ReportCause(Shape):
    """Why something is late: written down, sent back, not begun, or how long it has been waiting."""

    kind: Literal["recorded", "returned", "not_begun", "waiting"]
    text: Words
    on: Day | None


class ReportLate(Shape):
    """A case whose deadline passed: open, or done too late within the period."""

    case: Id
    workflow: Words
    title: str
    unit: str
    """Name."""
    bodies: list[Words]
    """Who answers for it."""
    state: Words
    """That was to be left in time."""
    due: Day
    days: int
    done: Day | None
    """When it was left too late; null: still open."""
    causes: list[ReportCause]


class Report(Shape):
    """What one body reports on one period."""

    plan: str
    obligation: str
    """Key in the plan."""
    kind: Literal["plan", "phase", "six_month", "annual", "interim_review", "final_review", "ad_hoc"]
    title: Words
    agency: str
    """Key of the kind of body that owes it."""
    body: Words
    recipient: Words
    through: Words | None
    unit: CountedUnit
    """Whose figures it tells."""
    units_as_of: Day
    case: Id | None
    """Of the report owed; null: none is open that you may see."""
    due: Day
    """The last day that is in time."""
    period: ReportPeriod
    as_of: Day
    """At whose end everything is told."""
    known: Day
    """Figures of targets and cases that were entered by its end are told: the day asked about."""
    partial: bool
    """Whether cases of the province that you may not see are left out."""
    made_at: Instant
    targets: list[ReportTarget]
    cases: list[ReportCases]
    tasks: list[ReportTask]
    received: list[ReportReceived]
    late: list[ReportLate]
    """Longest first."""
