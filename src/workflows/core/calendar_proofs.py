"""Proofs over the calendar: that no day is declared twice, and that only working days are off, and days of rest worked.

Whether the holidays of every year agree with what was issued is no matter of proof: what was issued counts.
"""

from collections.abc import Iterator
from datetime import date

from workflows.core.calendar_documents import CalendarDocument, Weekday
from workflows.core.calendars import days
from workflows.core.civil import show_date
from workflows.core.problems import Finding, Path


def prove_calendar(document: CalendarDocument) -> Iterator[Finding]:
    """Each thing wrong with a calendar."""
    yield from _cited_twice(document)
    yield from _declared_twice(document)
    yield from _weekdays(document)


def _cited_twice(document: CalendarDocument) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, notice in enumerate(document.notices):
        if notice.number in seen:
            message = f'"{notice.number}" stands twice: a document is one notice'
            yield Finding(path=("notices", index, "number"), message=message, given=notice.number)
        seen.add(notice.number)


def _declared_twice(document: CalendarDocument) -> Iterator[Finding]:
    """A swapped day may lie within a holiday that it makes longer; a day that is worked may not."""
    off = {day for _, first, last in _holidays(document) for day in days(first, last)}
    seen = set()
    for path, day, worked in _single_days(document):
        if day in seen:
            yield Finding(path=path, message=f"{show_date(day)} is declared twice", given=day.isoformat())
        elif worked and day in off:
            message = f"{show_date(day)} lies within a holiday that a notice declares"
            yield Finding(path=path, message=message, given=day.isoformat())
        seen.add(day)
    taken: set[date] = set()
    for path, first, last in _holidays(document):
        if not taken.isdisjoint(days(first, last)):
            yield Finding(path=path, message="has days that another holiday has, too")
        taken.update(days(first, last))


def _weekdays(document: CalendarDocument) -> Iterator[Finding]:
    names = tuple(Weekday)
    for path, day, _ in _single_days(document):
        rest = names[day.weekday()] in document.weekend
        if rest != (path[-1] == "worked"):
            what = "is a day of rest already" if rest else "is a working day already"
            yield Finding(
                path=path, message=f"{show_date(day)}, a {names[day.weekday()].title()}, {what}", given=day.isoformat()
            )


def _holidays(document: CalendarDocument) -> Iterator[tuple[Path, date, date]]:
    for index, notice in enumerate(document.notices):
        for place, holiday in enumerate(notice.holidays):
            yield ("notices", index, "holidays", place), holiday.first, holiday.last


def _single_days(document: CalendarDocument) -> Iterator[tuple[Path, date, bool]]:
    """Place, day, and whether it is worked."""
    for index, notice in enumerate(document.notices):
        path = "notices", index
        for place, swap in enumerate(notice.swaps):
            yield (*path, "swaps", place, "off"), swap.off, False
            yield (*path, "swaps", place, "worked"), swap.worked, True
        for place, day in enumerate(notice.not_off):
            yield (*path, "not_off", place), day, True
