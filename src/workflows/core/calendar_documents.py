"""The calendar document: which days an authority declared free or worked, each with the document that says so.

Shape only. The holidays of every year come from `public_holidays`, what they mean for a deadline is `calendars`';
whether the days fit one another is proved in `calendar_proofs`.
"""

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Self, TypeAlias

from pydantic import Field, StringConstraints, model_validator

from workflows.core.documents import Cited, Frozen, Name, Validity, Words

CivilDay: TypeAlias = Annotated[date, Field(ge=date(1995, 1, 1), le=date(2099, 12, 31))]
"""A day in Việt Nam, written yyyy-mm-dd; within the years for which the holidays are known."""
Days: TypeAlias = Annotated[tuple[CivilDay, ...], Field(strict=False)]
LONGEST = timedelta(days=31)
"""More than any holiday takes: a longer one, or days swapped over a longer time, is a slip of the pen."""


class Weekday(StrEnum):
    """Days of the week, as ISO numbers them: Monday first."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


class IssuedDocument(Frozen):
    """A document of an authority, cited as issued."""

    number: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    date: CivilDay
    """Of issue."""
    issuer: Words
    says: Words
    """What it is about, in our own words."""


class Holiday(Frozen):
    """Consecutive days off, weekends included."""

    first: CivilDay
    """Inclusive."""
    last: CivilDay
    """Inclusive."""
    title: Words

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.first <= self.last < self.first + LONGEST:
            message = f"from {self.first} to {self.last}, both included, are not 1 to {LONGEST.days} days"
            raise ValueError(message)
        return self


class Swap(Frozen):
    """A working day that is off, and the day of rest on which it is made up for."""

    off: CivilDay
    worked: CivilDay

    @model_validator(mode="after")
    def _near(self) -> Self:
        if not timedelta() < abs(self.off - self.worked) < LONGEST:
            message = (
                f"{self.worked} is worked instead of {self.off}: the two are not 1 to {LONGEST.days - 1} days apart"
            )
            raise ValueError(message)
        return self


class Notice(IssuedDocument):
    """What one document declares."""

    holidays: Annotated[tuple[Holiday, ...], Field(strict=False)] = ()
    """Which days a holiday takes in a year, where an authority chooses them."""
    swaps: Annotated[tuple[Swap, ...], Field(strict=False)] = ()
    not_off: Days = ()
    """Working days that the usual reckoning holds for a holiday and the document does not."""

    @model_validator(mode="after")
    def _declares(self) -> Self:
        if not (self.holidays or self.swaps or self.not_off):
            message = "declares nothing: give holidays, swaps or not_off"
            raise ValueError(message)
        return self


class Settled(Validity):
    """The days for which all is known; they end, because what will be issued later is not."""

    to: date
    """Day after the last, exclusive."""


class CalendarDocument(Cited):
    """The working days of the public bodies of a country."""

    calendar: Name
    title: Words
    weekend: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=6, strict=False)]
    law: Annotated[tuple[IssuedDocument, ...], Field(min_length=1, strict=False)]
    """Documents by which the holidays of every year are off."""
    settled: Settled
    """The days for which all that was issued stands here; later days may still be swapped."""
    notices: Annotated[tuple[Notice, ...], Field(strict=False)] = ()
