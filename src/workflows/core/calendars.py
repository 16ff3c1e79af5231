"""Working days, and reckoning a deadline so that it can be explained day by day.

The day of the event is not counted: "within 5 days" of a Monday ends on the Saturday, that day included. Days and
months run through weekends and holidays, and so does their end unless it is said to roll. What is counted where is
`deadlines`' affair.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from functools import cached_property
from typing import Final, Literal, TypeAlias

from workflows.core.calendar_documents import CalendarDocument, IssuedDocument, Notice, Weekday
from workflows.core.canonical import Json, canonical_bytes, digest
from workflows.core.civil import add_months, show_date
from workflows.core.documents import Words
from workflows.core.public_holidays import public_holidays

Unit: TypeAlias = Literal["days", "months", "working_days"]
_DAY: Final = timedelta(days=1)
_WEEKDAYS: Final = tuple(Weekday)
_NAMES: Final = (
    Words(vi="Thứ Hai", en="Monday"),
    Words(vi="Thứ Ba", en="Tuesday"),
    Words(vi="Thứ Tư", en="Wednesday"),
    Words(vi="Thứ Năm", en="Thursday"),
    Words(vi="Thứ Sáu", en="Friday"),
    Words(vi="Thứ Bảy", en="Saturday"),
    Words(vi="Chủ nhật", en="Sunday"),
)


class Reason(StrEnum):
    """Why a day is not counted."""

    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    SWAPPED = "swapped"
    """Off by a swap of working days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """A day that is not counted."""

    day: date
    reason: Reason
    name: Words
    document: IssuedDocument | None = None
    """Which says so; None: it is off by law, or by the week."""
    worked: date | None = None
    """The day on which it is made up for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """A day of rest that is worked, and counted."""

    day: date
    instead_of: date
    document: IssuedDocument


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoning:
    """A deadline with all that led to it: `last - start` is `counted` and the days skipped, each day once."""

    start: date
    """The day of the event, not counted."""
    amount: int
    unit: Unit
    counted: int
    """Days counted, `last` among them; of months as many as they have."""
    skipped: tuple[Skipped, ...] = ()
    worked: tuple[Worked, ...] = ()
    last: date
    """The last day in time, inclusive."""


class Calendar:
    """Which days are worked: the weekends, the holidays of every year, and what was issued."""

    def __init__(self, document: CalendarDocument) -> None:
        self.document = document
        self._weekend = frozenset(_WEEKDAYS.index(day) for day in document.weekend)
        chosen = {day.day: day for notice in document.notices for day in _chosen(notice)}
        self._off = chosen | {day.day: day for notice in document.notices for day in _swapped(notice)}
        self._worked = {day.day: day for notice in document.notices for day in _declared_worked(notice)}
        self._not_off = frozenset(day for notice in document.notices for day in notice.not_off)

    @cached_property
    def version(self) -> str:
        """SHA-256, in hexadecimal, of all that it says up to the end of the year after the settled days."""
        settled = self.document.settled
        years = range(settled.from_.year, settled.to.year + 2)
        public: Mapping[str, Json] = {
            day.isoformat(): name.vi for year in years for day, name in public_holidays(year).items()
        }
        document = self.document.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return digest(canonical_bytes({"document": document, "public": public}))

    def settles(self, day: date) -> bool:
        """Whether nothing more will be issued about the day."""
        return self.document.settled.covers(day)

    def is_working_day(self, day: date) -> bool:
        """Whether public bodies work."""
        return self.skipped(day) is None

    def skipped(self, day: date) -> Skipped | None:
        """Why the day is not worked; None: it is."""
        if day in self._worked or day in self._not_off:
            return None
        return self._by_notice(day) or self._by_law(day) or self._by_week(day)

    def worked(self, day: date) -> Worked | None:
        """What a day of rest is worked instead of; None for any other day."""
        return self._worked.get(day)

    def notices(self, first: date, last: date) -> tuple[Notice, ...]:
        """Those that declare something about the days from `first` to `last`, both included."""
        return tuple(each for each in self.document.notices if any(first <= day <= last for day in _named_days(each)))

    def next_working_day(self, day: date) -> date:
        """The day itself if it is worked, else the first that is."""
        while not self.is_working_day(day):
            day += _DAY
        return day

    def add_working_days(self, start: date, amount: int) -> date:
        """The day that is worked as the `amount`th after `start`, which is not counted."""
        last = start
        for _ in range(amount):
            last = self.next_working_day(last + _DAY)
        return last

    def _by_notice(self, day: date) -> Skipped | None:
        """Of a weekend within a holiday the week is reason enough."""
        return None if self._is_weekend(day) else self._off.get(day)

    def _by_law(self, day: date) -> Skipped | None:
        name = None if self._is_weekend(day) else public_holidays(day.year).get(day)
        return Skipped(day=day, reason=Reason.HOLIDAY, name=name) if name else None

    def _by_week(self, day: date) -> Skipped | None:
        if not self._is_weekend(day):
            return None
        return Skipped(day=day, reason=Reason.WEEKEND, name=_NAMES[day.weekday()])

    def _is_weekend(self, day: date) -> bool:
        return day.weekday() in self._weekend


def _chosen(notice: Notice) -> Iterator[Skipped]:
    for holiday in notice.holidays:
        for day in days(holiday.first, holiday.last):
            yield Skipped(day=day, reason=Reason.HOLIDAY, name=holiday.title, document=notice)


def _swapped(notice: Notice) -> Iterator[Skipped]:
    for swap in notice.swaps:
        day = show_date(swap.worked)
        name = Words(vi=f"Hoán đổi, làm bù ngày {day}", en=f"Swapped, worked on {day} instead")
        yield Skipped(day=swap.off, reason=Reason.SWAPPED, name=name, document=notice, worked=swap.worked)


def _declared_worked(notice: Notice) -> Iterator[Worked]:
    for swap in notice.swaps:
        yield Worked(day=swap.worked, instead_of=swap.off, document=notice)


def _named_days(notice: Notice) -> Iterator[date]:
    for holiday in notice.holidays:
        yield from days(holiday.first, holiday.last)
    for swap in notice.swaps:
        yield from (swap.off, swap.worked)
    yield from notice.not_off


def days(first: date, last: date) -> Iterator[date]:
    """Every day from `first` to `last`, both included."""
    return (first + timedelta(days=number) for number in range((last - first).days + 1))


def reckon(start: date, amount: int, unit: Unit, *, calendar: Calendar | None = None, rolls: bool = False) -> Reckoning:
    """The last day of "within `amount` `unit`" of an event on `start`.

    Args:
        start: The civil date of the event.
        amount: At least 1.
        unit: Of months, the same day of a later month, or its last where it has no such day.
        calendar: Needed for working days and where the end rolls.
        rolls: Days and months that end on a day that is not worked end on the next one that is.

    Raises:
        ValueError: a calendar is needed, and there is none.
    """
    if unit == "working_days" or rolls:
        if calendar is None:
            message = f"{amount} {unit} from {start} cannot be reckoned without a calendar"
            raise ValueError(message)
        return _rolled(start, amount, unit, calendar) if rolls else _of_working_days(start, amount, calendar)
    last = _end(start, amount, unit)
    return Reckoning(start=start, amount=amount, unit=unit, counted=(last - start).days, last=last)


def _end(start: date, amount: int, unit: Unit) -> date:
    return add_months(start, amount) if unit == "months" else start + timedelta(days=amount)


def _of_working_days(start: date, amount: int, calendar: Calendar) -> Reckoning:
    last = calendar.add_working_days(start, amount)
    skipped = tuple(why for day in days(start + _DAY, last) if (why := calendar.skipped(day)))
    worked = tuple(found for day in days(start + _DAY, last) if (found := calendar.worked(day)))
    return Reckoning(
        start=start, amount=amount, unit="working_days", counted=amount, skipped=skipped, worked=worked, last=last
    )


def _rolled(start: date, amount: int, unit: Unit, calendar: Calendar) -> Reckoning:
    """The days from its end to the next one that is worked are skipped; that one stands for the end."""
    end = _end(start, amount, unit)
    last = calendar.next_working_day(end)
    skipped = tuple(why for day in days(end, last - _DAY) if (why := calendar.skipped(day)))
    return Reckoning(start=start, amount=amount, unit=unit, counted=(end - start).days, skipped=skipped, last=last)
