"""Working days of the years with a shipped notice, checked against a calendar on paper, and the rules for all others.

The weekdays that were off and the days of rest that were worked are listed year by year as the Labour Code and the
notices have them; everything else about single days follows from the week.
"""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.errands import SWAP, calendar_with
from workflows.core.calendars import Calendar, Reason, Reckoning, Unit, days, reckon
from workflows.core.civil import add_months, civil_date
from workflows.core.plan_documents import Day
from workflows.core.public_holidays import public_holidays

PAPER = """
2021-01-01 2021-02-10 2021-02-11 2021-02-12 2021-02-15 2021-02-16 2021-04-21 2021-04-30 2021-05-03 2021-09-02
2021-09-03
2022-01-03 2022-01-31 2022-02-01 2022-02-02 2022-02-03 2022-02-04 2022-04-11 2022-05-02 2022-05-03 2022-09-01
2022-09-02
2023-01-02 2023-01-20 2023-01-23 2023-01-24 2023-01-25 2023-01-26 2023-05-01 2023-05-02 2023-05-03 2023-09-01
2023-09-04
2024-01-01 2024-02-08 2024-02-09 2024-02-12 2024-02-13 2024-02-14 2024-04-18 2024-04-29 2024-04-30 2024-05-01
2024-09-02 2024-09-03
2025-01-01 2025-01-27 2025-01-28 2025-01-29 2025-01-30 2025-01-31 2025-04-07 2025-04-30 2025-05-01 2025-05-02
2025-09-01 2025-09-02
2026-01-01 2026-01-02 2026-02-16 2026-02-17 2026-02-18 2026-02-19 2026-02-20 2026-04-27 2026-04-30 2026-05-01
2026-08-31 2026-09-01 2026-09-02 2026-11-24
"""
WEEKDAYS_OFF = PAPER.split()
WORKED = ["2024-05-04", "2025-04-26", "2026-01-10", "2026-08-22"]
YEARS = range(2021, 2027)

# start, working days, last day: counted by hand on a calendar with the days above crossed out
BY_HAND = """
2025-01-24 1 2025-02-03
2025-01-24 5 2025-02-07
2025-01-20 5 2025-02-03
2025-01-17 10 2025-02-07
2025-01-23 1 2025-01-24
2025-01-23 2 2025-02-03
2025-01-25 1 2025-02-03
2025-02-01 1 2025-02-03
2025-02-02 5 2025-02-07
2025-01-28 3 2025-02-05
2024-12-31 1 2025-01-02
2024-12-30 2 2025-01-02
2024-12-31 20 2025-02-05
2025-04-04 1 2025-04-08
2025-04-04 5 2025-04-14
2025-04-25 1 2025-04-26
2025-04-25 2 2025-04-28
2025-04-25 3 2025-04-29
2025-04-25 4 2025-05-05
2025-04-26 1 2025-04-28
2025-04-24 2 2025-04-26
2025-04-21 5 2025-04-26
2025-04-21 6 2025-04-28
2025-04-27 1 2025-04-28
2025-04-29 1 2025-05-05
2025-05-02 1 2025-05-05
2025-08-29 1 2025-09-03
2025-08-25 5 2025-09-03
2025-08-25 10 2025-09-10
2025-08-30 3 2025-09-05
2025-12-31 1 2026-01-05
2025-12-31 5 2026-01-09
2025-12-31 6 2026-01-10
2025-12-31 7 2026-01-12
2025-12-26 5 2026-01-06
2026-01-09 1 2026-01-10
2026-01-09 2 2026-01-12
2026-01-10 1 2026-01-12
2026-02-13 1 2026-02-23
2026-02-13 5 2026-02-27
2026-02-09 5 2026-02-23
2026-02-10 10 2026-03-03
2026-02-17 1 2026-02-23
2026-02-22 1 2026-02-23
2026-04-24 1 2026-04-28
2026-04-24 2 2026-04-29
2026-04-24 3 2026-05-04
2026-04-29 1 2026-05-04
2026-08-21 1 2026-08-22
2026-08-21 2 2026-08-24
2026-08-21 6 2026-08-28
2026-08-21 7 2026-09-03
2026-08-28 1 2026-09-03
2026-08-28 3 2026-09-07
2026-11-23 1 2026-11-25
2026-11-20 2 2026-11-25
2024-02-07 1 2024-02-15
2024-02-07 3 2024-02-19
2024-02-28 1 2024-02-29
2024-02-28 2 2024-03-01
2024-02-29 1 2024-03-01
2024-04-17 1 2024-04-19
2024-04-26 1 2024-05-02
2024-04-26 2 2024-05-03
2024-04-26 3 2024-05-04
2024-04-26 4 2024-05-06
2024-05-03 1 2024-05-04
2024-05-04 1 2024-05-06
2024-08-30 1 2024-09-04
2023-01-19 1 2023-01-27
2023-01-19 3 2023-01-31
2023-04-28 1 2023-05-04
2023-08-31 1 2023-09-05
2022-01-28 1 2022-02-07
2022-04-29 1 2022-05-04
2022-08-31 1 2022-09-05
2021-02-09 1 2021-02-17
2021-04-29 1 2021-05-04
2021-09-01 1 2021-09-06
""".strip().splitlines()

# start, amount, unit, last day
RUNNING = """
2025-03-05 1 days 2025-03-06
2025-03-05 30 days 2025-04-04
2025-01-24 5 days 2025-01-29
2025-12-31 1 days 2026-01-01
2024-02-28 1 days 2024-02-29
2024-02-28 2 days 2024-03-01
2023-02-28 1 days 2023-03-01
2024-02-29 365 days 2025-02-28
2024-02-29 366 days 2025-03-01
2025-02-28 365 days 2026-02-28
2025-01-31 1 months 2025-02-28
2024-01-31 1 months 2024-02-29
2024-01-30 1 months 2024-02-29
2024-01-29 1 months 2024-02-29
2025-01-29 1 months 2025-02-28
2025-01-28 1 months 2025-02-28
2025-03-31 1 months 2025-04-30
2025-05-31 1 months 2025-06-30
2025-08-31 1 months 2025-09-30
2025-08-31 6 months 2026-02-28
2023-08-31 6 months 2024-02-29
2024-02-29 12 months 2025-02-28
2024-02-29 48 months 2028-02-29
2025-02-28 1 months 2025-03-28
2025-12-31 2 months 2026-02-28
2025-12-15 1 months 2026-01-15
2025-10-31 4 months 2026-02-28
2025-06-30 12 months 2026-06-30
""".strip().splitlines()

# start, amount, unit, last day where an end on a day off rolls
ROLLING = """
2025-03-05 3 days 2025-03-10
2025-03-05 2 days 2025-03-07
2025-03-05 4 days 2025-03-10
2025-01-24 5 days 2025-02-03
2025-04-25 1 days 2025-04-26
2025-04-25 7 days 2025-05-05
2025-08-29 3 days 2025-09-03
2025-12-31 1 days 2026-01-05
2025-12-31 10 days 2026-01-10
2026-02-10 5 days 2026-02-23
2026-08-20 2 days 2026-08-22
2025-01-31 1 months 2025-02-28
2025-01-01 1 months 2025-02-03
2025-03-30 1 months 2025-05-05
2025-08-01 1 months 2025-09-03
2025-10-31 4 months 2026-03-02
2025-12-02 1 months 2026-01-05
""".strip().splitlines()


ON_PAPER = [
    each
    for each in days(date(2021, 1, 1), date(2026, 12, 31))
    if (each.weekday() < 5 and each.isoformat() not in WEEKDAYS_OFF) or each.isoformat() in WORKED
]
"""Every working day of the six years."""


@cache
def shipped() -> Calendar:
    return calendar_with()


def day(text: str) -> date:
    return date.fromisoformat(text)


def read(line: str) -> tuple[date, int, Unit, date]:
    start, amount, unit, last = line.split()
    assert unit in {"days", "months", "working_days"}
    return day(start), int(amount), unit, day(last)  # type: ignore[return-value]  # looked at in the line above


def of_year(year: int) -> Iterator[date]:
    return days(date(year, 1, 1), date(year, 12, 31))


def adds_up(found: Reckoning) -> None:
    """Every day after the start is counted or skipped, once; the last one is counted."""
    skipped = [each.day for each in found.skipped]
    assert (found.last - found.start).days == found.counted + len(skipped)
    assert skipped == sorted(set(skipped))
    assert all(found.start < each < found.last for each in skipped)
    assert {each.day for each in found.worked}.isdisjoint(skipped)


class TestDays:
    @pytest.mark.parametrize("year", YEARS)
    def test_weekdays_off_are_those_of_the_law_and_the_notices(self, year: int) -> None:
        off = [each for each in of_year(year) if each.weekday() < 5 and not shipped().is_working_day(each)]
        assert [each.isoformat() for each in off] == [each for each in WEEKDAYS_OFF if each.startswith(str(year))]

    @pytest.mark.parametrize("year", YEARS)
    def test_days_of_rest_are_worked_only_by_a_swap(self, year: int) -> None:
        worked = [each for each in of_year(year) if each.weekday() >= 5 and shipped().is_working_day(each)]
        assert [each.isoformat() for each in worked] == [each for each in WORKED if each.startswith(str(year))]

    def test_each_kind_of_day_off_tells_its_reason(self) -> None:
        found = [shipped().skipped(day(text)) for text in ("2025-05-01", "2025-05-02", "2025-05-03", "2025-05-05")]
        assert [each and each.reason for each in found] == [Reason.HOLIDAY, Reason.SWAPPED, Reason.WEEKEND, None]
        swapped = found[1]
        assert swapped is not None
        assert swapped.document is not None
        assert (swapped.document.number, swapped.worked) == ("6150/TB-BLĐTBXH", day("2025-04-26"))

    def test_a_chosen_holiday_tells_the_document_and_a_yearly_one_does_not(self) -> None:
        chosen, yearly = shipped().skipped(day("2025-01-27")), shipped().skipped(day("2025-04-07"))
        assert chosen is not None
        assert yearly is not None
        assert chosen.document is not None
        assert (chosen.document.number, chosen.name.vi) == ("6150/TB-BLĐTBXH", "Tết Nguyên đán")
        assert (yearly.document, yearly.name.vi) == (None, "Ngày Giỗ Tổ Hùng Vương")

    def test_a_day_of_rest_that_is_worked_tells_what_for(self) -> None:
        worked = shipped().worked(day("2026-01-10"))
        assert worked is not None
        assert (worked.instead_of, worked.document.number) == (day("2026-01-02"), "12729/VPCP-KGVX")
        assert shipped().worked(day("2026-01-17")) is None

    def test_a_notice_overrules_the_usual_reckoning(self) -> None:
        """Control: without it the usual reckoning holds."""
        notice = (
            "\n  - {number: 9/TB, date: 2026-09-30, issuer: {vi: Bộ, en: Ministry}, says: {vi: Lễ, en: Day},"
            " not_off: [2026-11-24]}\n"
        )
        assert not shipped().is_working_day(day("2026-11-24"))
        assert calendar_with(notice).is_working_day(day("2026-11-24"))

    def test_swaps_come_from_notices_alone(self) -> None:
        """The library knows of this one, too; what it knows of swaps is left out."""
        assert day("2025-05-02") not in public_holidays(2025)
        assert {each.year for each in public_holidays(2025)} == {2025}

    def test_days_after_the_settled_ones_are_not_settled(self) -> None:
        assert [shipped().settles(day(text)) for text in ("2020-12-31", "2021-01-01", "2026-12-31", "2027-01-01")] == [
            False,
            True,
            True,
            False,
        ]

    def test_the_version_is_of_what_the_calendar_says(self) -> None:
        assert shipped().version == calendar_with().version
        assert shipped().version != calendar_with(SWAP).version


class TestWorkingDays:
    @pytest.mark.parametrize("line", BY_HAND)
    def test_counted_by_hand(self, line: str) -> None:
        start, amount, last = line.split()
        found = reckon(day(start), int(amount), "working_days", calendar=shipped())
        assert found.last == day(last)
        adds_up(found)

    @pytest.mark.parametrize("year", YEARS)
    def test_every_start_of_a_year_by_the_calendar_on_paper(self, year: int) -> None:
        """Some 1,400 deadlines a year, against the working days that the lists above leave."""
        found = [
            reckon(start, amount, "working_days", calendar=shipped())
            for start in of_year(year)
            for amount in (1, 3, 5, 10)
            if start.year < 2026 or start.month < 12  # what follows is not on the paper
        ]
        assert len(found) >= 1300
        for each in found:
            assert each.last == ON_PAPER[bisect_right(ON_PAPER, each.start) + each.amount - 1]
            adds_up(each)

    def test_a_swapped_day_is_skipped_and_its_saturday_counted(self) -> None:
        found = reckon(day("2025-04-25"), 4, "working_days", calendar=shipped())
        assert [each.day.isoformat() for each in found.skipped] == [
            "2025-04-27",
            "2025-04-30",
            "2025-05-01",
            "2025-05-02",
            "2025-05-03",
            "2025-05-04",
        ]
        assert [each.day.isoformat() for each in found.worked] == ["2025-04-26"]

    def test_a_newly_issued_swap_moves_a_deadline(self) -> None:
        start = day("2025-03-05")
        before = reckon(start, 5, "working_days", calendar=shipped())
        after = reckon(start, 5, "working_days", calendar=calendar_with(SWAP))
        assert (before.last, after.last) == (day("2025-03-12"), day("2025-03-13"))
        later = reckon(start, 8, "working_days", calendar=calendar_with(SWAP))
        assert later.last == reckon(start, 8, "working_days", calendar=shipped()).last == day("2025-03-17")
        assert [each.day for each in later.worked] == [day("2025-03-15")]

    @given(st.dates(date(2015, 1, 1), date(2040, 12, 31)), st.integers(1, 300))
    def test_the_explanation_adds_up(self, start: date, amount: int) -> None:
        calendar = shipped()
        found = reckon(start, amount, "working_days", calendar=calendar)
        adds_up(found)
        assert found.counted == amount
        span = list(days(start + timedelta(days=1), found.last))
        assert [each for each in span if calendar.is_working_day(each)][-1] == found.last
        assert {each.day for each in found.skipped} == {each for each in span if not calendar.is_working_day(each)}
        assert all(each.day.weekday() >= 5 for each in found.worked)

    @given(st.dates(date(2015, 1, 1), date(2040, 12, 31)), st.integers(1, 60), st.integers(1, 60))
    def test_counting_on_from_a_deadline_is_counting_on(self, start: date, first: int, then: int) -> None:
        calendar = shipped()
        assert calendar.add_working_days(start, first + then) == calendar.add_working_days(
            calendar.add_working_days(start, first), then
        )


class TestRunningDays:
    @pytest.mark.parametrize("line", RUNNING)
    def test_days_and_months_run_through(self, line: str) -> None:
        start, amount, unit, last = read(line)
        found = reckon(start, amount, unit)
        assert found.last == last
        assert found.skipped == ()
        adds_up(found)

    @pytest.mark.parametrize("line", ROLLING)
    def test_an_end_that_rolls_is_worked(self, line: str) -> None:
        start, amount, unit, last = read(line)
        found = reckon(start, amount, unit, calendar=shipped(), rolls=True)
        assert found.last == last
        adds_up(found)

    @given(st.dates(date(2015, 1, 1), date(2040, 12, 31)), st.integers(1, 120), st.sampled_from(["days", "months"]))
    def test_the_explanation_adds_up(self, start: date, amount: int, unit: Unit) -> None:
        plain, rolled = reckon(start, amount, unit), reckon(start, amount, unit, calendar=shipped(), rolls=True)
        adds_up(plain)
        adds_up(rolled)
        assert plain.last == (add_months(start, amount) if unit == "months" else start + timedelta(days=amount))
        assert rolled.counted == plain.counted
        assert [each.day for each in rolled.skipped] == list(days(plain.last, rolled.last - timedelta(days=1)))
        assert shipped().is_working_day(rolled.last)


class TestEnds:
    """The two ways in which plans name a last day, and the day on which an instant falls in Việt Nam."""

    @pytest.mark.parametrize(
        ("end", "last"),
        [
            (Day(by=date(2025, 4, 30)), "2025-04-30"),
            (Day(before=date(2025, 4, 30)), "2025-04-29"),
            (Day(before=date(2025, 3, 1)), "2025-02-28"),
            (Day(before=date(2024, 3, 1)), "2024-02-29"),
            (Day(before=date(2026, 1, 1)), "2025-12-31"),
            (Day(by=date(2025, 5, 1)), "2025-05-01"),
            (Day(before=date(2025, 5, 5)), "2025-05-04"),
        ],
    )
    def test_a_named_day_is_in_time_or_the_one_before_it_is(self, end: Day, last: str) -> None:
        """Neither moves for a holiday: 30 April, 1 May and 4 May 2025 were off."""
        assert end.last == day(last)

    @pytest.mark.parametrize(
        ("instant", "last"),
        [
            (datetime(2025, 4, 24, 16, 59, 59, 999999, tzinfo=UTC), "2025-04-25"),
            (datetime(2025, 4, 24, 17, 0, tzinfo=UTC), "2025-04-26"),
            (datetime(2025, 4, 24, 23, 30, tzinfo=UTC), "2025-04-26"),
            (datetime(2025, 4, 25, 16, 59, tzinfo=UTC), "2025-04-26"),
            (datetime(2025, 4, 25, 17, 0, tzinfo=UTC), "2025-04-28"),
            (datetime(2025, 1, 23, 23, 30, tzinfo=UTC), "2025-02-03"),
            (datetime(2024, 12, 31, 16, 30, tzinfo=UTC), "2025-01-02"),
            (datetime(2024, 12, 31, 17, 30, tzinfo=UTC), "2025-01-02"),
            (datetime(2024, 2, 28, 17, 0, tzinfo=UTC), "2024-03-01"),
        ],
    )
    def test_the_day_of_an_event_is_that_of_viet_nam(self, instant: datetime, last: str) -> None:
        assert shipped().add_working_days(civil_date(instant), 1) == day(last)


def test_the_corpus_has_not_shrunk() -> None:
    assert len(BY_HAND) + len(RUNNING) + len(ROLLING) >= 120
