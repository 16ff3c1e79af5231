"""Civil dates of Việt Nam and UTC instants."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.core.civil import add_months, civil_date, format_instant, parse_instant, start_of_day

INSTANTS = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(9998, 12, 31, 23, 59, 59, 999_999),  # noqa: DTZ001 - the zone is added by `timezones`
    timezones=st.just(UTC),
)


@given(INSTANTS)
def test_an_instant_survives_its_text(instant: datetime) -> None:
    assert parse_instant(format_instant(instant)) == instant


@given(INSTANTS, INSTANTS)
def test_order_of_texts_is_order_of_instants(one: datetime, other: datetime) -> None:
    assert (format_instant(one) < format_instant(other)) == (one < other)


@given(st.integers(-14 * 60, 14 * 60), INSTANTS)
def test_what_is_parsed_can_be_read_back(offset: int, instant: datetime) -> None:
    sign = "-" if offset < 0 else "+"
    text = f"{instant:%Y-%m-%dT%H:%M:%S}{sign}{abs(offset) // 60:02}:{abs(offset) % 60:02}"
    try:
        parsed = parse_instant(text)
    except ValueError:
        return  # refused at the edge of the years; what must not be is accepted now and refused when read
    assert parse_instant(format_instant(parsed)) == parsed


@pytest.mark.parametrize(
    "text",
    [
        "1900-01-01T00:00:00+07:00",
        "0001-01-01T00:00:00+07:00",
        "9998-12-31T23:00:00-07:00",
        "9999-12-31T23:59:59-14:00",
        "2025-03-05T00:00:00",
        "2025-03-05",
        "",
        "x",
    ],
)
def test_texts_that_are_no_instant_of_ours(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_instant(text)


@given(INSTANTS)
def test_a_day_begins_at_seventeen_the_evening_before_in_utc(instant: datetime) -> None:
    day = civil_date(instant)
    assert start_of_day(day) <= instant < start_of_day(day) + timedelta(days=1)
    assert start_of_day(day).hour == 17


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2900, 1, 1)), st.integers(0, 600))
def test_months_later_is_the_same_day_or_the_last_of_the_month(day: date, months: int) -> None:
    later = add_months(day, months)
    assert (later.year * 12 + later.month) - (day.year * 12 + day.month) == months
    assert later.day == day.day or (later.day < day.day and (later + timedelta(days=1)).day == 1)
