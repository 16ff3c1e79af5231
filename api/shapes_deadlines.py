"""What the explanation of a deadline looks like, for the document that describes the interface."""

from typing import Literal

from api.shapes import Day, Hash, Id, Shape, Words


class Issued(Shape):
    """A document of an authority, cited as issued."""

    number: str
    date: Day
    """Of issue."""
    issuer: Words
    says: Words
    """What it is about."""


class SkippedDay(Shape):
    """A day that was not counted."""

    day: Day
    reason: Literal["weekend", "holiday", "swapped"]
    name: Words
    document: Issued | None
    """Which says so; null: it is off by the week or by law."""
    worked: Day | None
    """Of a swapped day: the day on which it is made up for."""


class WorkedDay(Shape):
    """A day of rest that is worked, and was counted."""

    day: Day
    instead_of: Day
    document: Issued


class WorkingCalendar(Shape):
    """The calendar by which the days were reckoned."""

    key: str
    title: Words
    version: Hash
    """Of all that it says: another hash, another calendar."""
    settled_to: Day
    """What was issued about the days before this one, exclusive, is all there."""
    provisional: bool
    """The deadline lies beyond: it may still move."""


class CaseDeadline(Shape):
    """Why a case has the deadline that it has; all null or empty where it has none."""

    case: Id
    state: str
    due: Day | None
    """The last day in time, as it stands in the case."""
    overdue: bool
    moves_to: Day | None
    """Where the calendar now has it, while the case has not been moved there."""
    explanation: Words
    named_by: str | None
    """The field of the case that names the day, if it is not counted."""
    within: int | None
    unit: Literal["days", "months", "working_days"] | None
    rolls: bool
    """Whether an end on a day that is not worked becomes the next one that is."""
    start: Day | None
    """The day of entering the state, which is not counted."""
    last: Day | None
    """The last day counted: `last` less `start` is `counted` and the days skipped, each once."""
    counted: int | None
    skipped: list[SkippedDay]
    """In their order."""
    worked: list[WorkedDay]
    calendar: WorkingCalendar | None
    """Null where the deadline does not depend on which days are worked."""
    basis: list[str]
    """Where the deadline comes from: `design`, or a plan and its section."""
    law: list[Issued]
    """By which the holidays of every year are off."""
