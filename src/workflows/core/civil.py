"""Civil dates of Việt Nam and UTC instants: the two kinds of time the engine knows.

An instant is an aware `datetime` in UTC with microseconds. A civil date is a `date` in Asia/Ho_Chi_Minh. Nothing
here reads a clock: whoever needs the present is given it.
"""

import calendar
from datetime import UTC, date, datetime, timedelta, timezone
from functools import lru_cache

INDOCHINA = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")
"""Asia/Ho_Chi_Minh, a fixed offset: Việt Nam has kept +07:00 without summer time since 1975, and no plan is older."""

YEARS = range(1900, 9999)
"""Of civil dates and instants: those that every supported database can hold, with a year before and after."""


def civil_date(instant: datetime) -> date:
    """The date on the wall calendar in Việt Nam at `instant`."""
    return instant.astimezone(INDOCHINA).date()


def start_of_day(day: date) -> datetime:
    """The first instant of a civil date."""
    return datetime(day.year, day.month, day.day, tzinfo=INDOCHINA).astimezone(UTC)


@lru_cache(maxsize=4096)  # the same few instants stand in every row, entry and reply of a batch
def format_instant(instant: datetime) -> str:
    """RFC 3339 in UTC with exactly six fraction digits and `Z`, so that text order is time order."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def parse_instant(text: str) -> datetime:
    """The UTC instant of an RFC 3339 text with any offset.

    Raises:
        ValueError: the text is no date-time, has no offset, or leaves the years 1900 to 9998, in UTC as written.
    """
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        message = f"{text!r} has no UTC offset; write it with Z or +07:00"
        raise ValueError(message)
    if instant.year not in YEARS or (found := _utc(instant)).year not in YEARS:
        message = f"{text!r} is outside the years 1900 to 9998"
        raise ValueError(message)
    return found


def _utc(instant: datetime) -> datetime:
    # What is stored is in UTC already, and is parsed again and again.
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)


def add_months(day: date, months: int) -> date:
    """The same day `months` later, or the last day of that month where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def show_date(day: date) -> str:
    """dd/mm/yyyy, as dates are written in Việt Nam."""
    return day.strftime("%d/%m/%Y")


def show_instant(instant: datetime) -> str:
    """dd/mm/yyyy HH:MM on the wall clock of Việt Nam."""
    return f"{show_date(civil_date(instant))} {instant.astimezone(INDOCHINA):%H:%M}"
