"""The public holidays of Việt Nam by year, from the library that this module alone knows.

Only those of every year, with their days in lieu: swapped working days are data of ours, each with the document that
it was issued by, so that a newer library moves no deadline on its own authority.
"""

from collections.abc import Mapping
from datetime import date
from functools import cache

from workflows.core.documents import Words


@cache
def public_holidays(year: int) -> Mapping[date, Words]:
    """Days off by law, weekends among them; none after the year 2100, of which the library does not know."""
    vi, en = _named(year, "vi"), _named(year, "en_US")
    return {day: Words(vi=vi[day], en=en[day]) for day in sorted(vi)}


def _named(year: int, language: str) -> Mapping[date, str]:
    from holidays.countries.vietnam import Vietnam  # noqa: PLC0415 - slow to load, and seldom needed

    found = Vietnam(language=language)  # type: ignore[no-untyped-call]  # typed but for its constructor
    found.has_special_holidays = False  # the swaps that the library knows of
    found.get(date(year, 1, 1))  # it fills a year when first asked about one of its days
    return {day: name for day, name in found.items() if day.year == year}
