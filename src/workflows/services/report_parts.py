"""What a filled report holds: the figures of its period against the targets, tasks, cases, what is late and why.

Plain values, as things stood at the end of one civil day; `reports` finds them, `report_json`, `report_sheets` and
`report_print` show them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypeAlias

from workflows.core.case import CaseId
from workflows.core.documents import Words
from workflows.core.plan_documents import Obligation, PlanDocument
from workflows.services.targets import Reading, TargetState
from workflows.store.territory import Period as Unit

CauseKind: TypeAlias = Literal["recorded", "returned", "not_begun", "waiting"]
"""Written down by whoever answers for it; sent back for something that is missing; nobody has begun; waits in a state
since a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetLine:
    """A target at the end of the period, and where it stood when the period began."""

    state: TargetState
    before: Reading | None
    """At the end of the day before the period; None: the plan had not begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseLine:
    """The cases of one workflow in the area, of whatever plan, as the plan's measures count them."""

    workflow: str
    title: Words
    opened: int
    """In the period."""
    happened: Mapping[Words, int]
    """In the period: by title of the trigger, how often, in the workflow's order; the opening is not among them."""
    standing: Mapping[Words, int]
    """At the end: by title of the state, how many cases, in the workflow's order; without those that none is in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLine:
    """A task of the plan at the end of the period."""

    case: CaseId
    title: str
    lead: tuple[Words, ...]
    """Names of agencies; who implements where nobody leads."""
    state: Words
    since: date
    """In the state."""
    deadline: date | None
    """The last day in time."""
    late: int
    """Days by which it is, or was, late; 0: in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedLine:
    """A report of the second tier, owed within the period, that goes into this one."""

    case: CaseId
    title: str
    body: Words
    """Who owes it."""
    state: Words
    due: date
    sent: date | None
    """When it was sent in last; None: not yet."""
    late: int
    """Days between its deadline and when it was first sent in, or the report's day; 0: in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Why something is late."""

    kind: CauseKind
    text: Words
    on: date | None
    """When it was said or began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LateItem:
    """A case of the plan, or of none, whose deadline passed: still open, or done too late within the period."""

    case: CaseId
    workflow: Words
    title: str
    unit: str
    """Name."""
    bodies: tuple[Words, ...]
    """Names of the agencies that answer for it: the one that it asks, those of a task; else the state's owners."""
    state: Words
    """That was to be left in time."""
    due: date
    days: int
    """By which it is, or was, late."""
    done: date | None
    """When it was left too late; None: still open."""
    causes: tuple[Cause, ...]
    """At least one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One report that one body owes for one period."""

    plan: PlanDocument
    key: str
    """Of the obligation."""
    obligation: Obligation
    agency: str
    """Key of the kind of body that owes it."""
    body: Words
    """Name of the body that owes it: `Ủy ban nhân dân huyện Càng Long`."""
    recipient: Words
    through: Words | None
    unit: Unit
    """Whose figures it tells, on the plan's own day."""
    case: CaseId | None
    """Of the report owed, if the plan was opened and whoever asks may see it."""
    due: date
    """The last day in time."""
    first: date
    last: date
    """Of the period, both inclusive."""
    as_of: date
    """At whose end everything is told: the last day of the period, or the day asked about if that is earlier."""
    known: date
    """The day asked about: figures of the period that were entered by its end are among those of targets and cases."""
    partial: bool
    """Whether whoever asks may not see all of the province, so that cases elsewhere in it are left out."""
    made_at: datetime
    """UTC."""
    targets: tuple[TargetLine, ...]
    cases: tuple[CaseLine, ...]
    tasks: tuple[TaskLine, ...]
    """Those that the body takes part in; all of the plan where the body reports for the whole province."""
    received: tuple[ReceivedLine, ...]
    late: tuple[LateItem, ...]
    """Longest first; of tasks and reports, those of the body alone unless it reports for all."""
