"""Indicators: exact, three-valued, compared before anything is rounded."""

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from math import ceil
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.core.documents import Level, Words
from workflows.core.indicators import (
    Bound,
    Comparison,
    Unknown,
    computed,
    exact,
    growth,
    is_met,
    missing,
    needed,
    not_entered_for,
    rounded,
    share,
    shown,
    total,
    value_of,
)
from workflows.core.plan_documents import Indicator

MISSING: Final = missing(Words(vi="Số người nghiện", en="Addicts"), Level.COMMUNE, ["Xã A", "Xã B", "Xã C"], 5)
_HEAD: Final = {"title": {"vi": "x", "en": "x"}, "basis": "design"}
_ONE: Final = {"count": "addicts"}
VALUE: Final = Indicator.model_validate({**_HEAD, "value": _ONE})
SHARE: Final = Indicator.model_validate({**_HEAD, "share": {"of": _ONE, "over": _ONE}})
GROWTH: Final = Indicator.model_validate({**_HEAD, "growth": {"of": _ONE, "base": _ONE}})
COMPARISONS: Final[tuple[Comparison, ...]] = ("at_least", "more_than", "at_most", "less_than")

whole = st.integers(0, 10**6)
limits = st.builds(Fraction, st.integers(-300, 30_000), st.integers(1, 100))


def test_a_missing_figure_names_who_lacks_it() -> None:
    (reason,) = MISSING.because
    assert reason.en == "missing “Addicts” of 5 communes: Xã A, Xã B, Xã C, …"
    assert reason.vi == "thiếu “Số người nghiện” của 5 xã: Xã A, Xã B, Xã C, …"
    one = missing(Words(vi="x", en="Addicts"), Level.DISTRICT, ["Cô Tô"], 1)
    assert one.because[0].en == "missing “Addicts” of 1 district: Cô Tô"


@given(whole)
def test_what_is_unknown_is_never_a_number(number: int) -> None:
    for of, over in ((MISSING, number), (number, MISSING), (MISSING, MISSING)):
        for value in (share(of, over), growth(of, over), total([of, over])):
            assert value == MISSING
            assert is_met(value_of(MISSING), Bound("at_least", Fraction(0)), per_cent=False) is None
    assert value_of(MISSING) == MISSING


@given(whole)
def test_a_share_of_nothing_is_unknown_and_says_so(number: int) -> None:
    for value, told in ((share(number, 0), "nothing to count"), (growth(number, 0), "nothing to compare with")):
        assert isinstance(value, Unknown)
        assert told in value.because[0].en
        assert is_met(value, Bound("at_most", Fraction(10**9)), per_cent=True) is None


def test_reasons_are_told_once_each() -> None:
    other = not_entered_for(Words(vi="x", en="Addicts"), Level.PROVINCE, Level.COMMUNE)
    found = total([MISSING, 3, other, MISSING])
    assert found == Unknown((*MISSING.because, *other.because))


@given(whole, st.integers(1, 10**6))
def test_shares_and_growth_are_exact(of: int, over: int) -> None:
    part, more = share(of, over), growth(of, over)
    assert isinstance(part, Fraction)
    assert isinstance(more, Fraction)
    assert part * over == of
    assert over + more * over == of


@given(whole, st.integers(1, 10**6), st.sampled_from(COMPARISONS), limits)
def test_bounds_are_compared_without_rounding(of: int, over: int, comparison: Comparison, limit: Fraction) -> None:
    """By cross-multiplication of whole numbers."""
    left, right = of * 100 * limit.denominator, limit.numerator * over
    expected = {
        "at_least": left >= right,
        "more_than": left > right,
        "at_most": left <= right,
        "less_than": left < right,
    }
    assert is_met(share(of, over), Bound(comparison, limit), per_cent=True) is expected[comparison]


@given(st.sampled_from([SHARE, GROWTH, VALUE]), st.integers(1, 3000), st.sampled_from(COMPARISONS), limits)
def test_what_is_needed_is_just_enough(
    indicator: Indicator, other: int, comparison: Comparison, limit: Fraction
) -> None:
    bound = Bound(comparison, limit)
    base = None if indicator is VALUE else other

    def meets(number: int) -> bool:
        per_cent = indicator is not VALUE
        return is_met(computed(indicator, number, base), bound, per_cent=per_cent) is True

    found = needed(indicator, bound, base)
    beyond = indicator is SHARE and comparison in {"at_least", "more_than"} and not meets(other)
    if found is None:
        assert beyond or not meets(0)
        return
    assert meets(found)
    step = -1 if comparison in {"at_least", "more_than"} else 1
    further = found + step
    assert further < 0 or (indicator is SHARE and further > other) or not meets(further) or beyond


def test_a_fifth_of_104_is_21() -> None:
    bound = Bound("at_least", exact(20))
    assert needed(SHARE, bound, 104) == 21
    assert is_met(share(20, 104), bound, per_cent=True) is False
    assert is_met(share(21, 104), bound, per_cent=True) is True
    assert needed(SHARE, bound, MISSING) is None


@given(st.integers(-(10**9), 10**9), st.integers(1, 10**6), st.integers(0, 6))
def test_a_half_goes_away_from_zero(numerator: int, denominator: int, digits: int) -> None:
    number = Fraction(numerator, denominator)
    text = rounded(number, digits)
    step = Fraction(1, 10**digits)
    assert abs(Fraction(text) - number) <= step / 2
    assert (text != "-0" and not text.startswith("-0.")) or Fraction(text) != 0
    half = Fraction(numerator) * step + step / 2
    assert Fraction(rounded(half, digits)) == (half + step / 2 if half > 0 else half - step / 2)


@given(st.decimals(-1000, 1000, places=4, allow_nan=False))
def test_it_rounds_as_decimal_does(number: Decimal) -> None:
    expected = number.quantize(Decimal("0.1"), ROUND_HALF_UP)
    assert Decimal(rounded(Fraction(number), 1)) == expected


def test_percentages_are_shown_as_the_plan_prints_them() -> None:
    """Half-even, or a float, would make 31,2 of the first."""
    assert shown(Fraction(5, 16), 1, per_cent=True) == Words(vi="31,3 %", en="31.3%")
    assert shown(Fraction(2, 33), 0, per_cent=True) == Words(vi="6 %", en="6%")
    assert shown(Fraction(-1, 20), 1, per_cent=True) == Words(vi="-5,0 %", en="-5.0%")
    assert shown(Fraction(-1, 10_000), 1, per_cent=True) == Words(vi="0,0 %", en="0.0%")
    assert shown(Fraction(21), 1, per_cent=False) == Words(vi="21", en="21")


@given(st.integers(1, 500), st.integers(1, 100))
def test_the_least_number_of_a_share_is_the_ceiling(over: int, per_cent: int) -> None:
    assert needed(SHARE, Bound("at_least", exact(per_cent)), over) == ceil(Fraction(over * per_cent, 100))


@pytest.mark.parametrize(("written", "found"), [("42.9", Fraction(429, 10)), (20, Fraction(20)), ("-5", Fraction(-5))])
def test_decimals_of_documents_are_exact(written: str | int, found: Fraction) -> None:
    assert exact(written) == found
