"""Indicators: exact arithmetic on figures that may be unknown, held against the bounds of targets.

A figure is a whole number, or unknown together with what is missing; shares and growth are fractions. Nothing is
rounded but what is shown. Where figures come from is the store's affair, which targets there are the plan's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from math import ceil, floor
from typing import Final, Literal, TypeAlias

from workflows.core.documents import Level, Words
from workflows.core.plan_documents import At, During, Indicator, Number, PlanDocument, Share, Target

NAMED: Final = 3
"""Of the units whose figures are missing, as many are named."""
_HUNDRED: Final = 100
_LEVELS: Final = {
    Level.COUNTRY: Words(vi="quốc gia", en="country"),
    Level.PROVINCE: Words(vi="tỉnh", en="province"),
    Level.DISTRICT: Words(vi="huyện", en="district"),
    Level.COMMUNE: Words(vi="xã", en="commune"),
}
_PLURALS: Final = {Level.COUNTRY: "countries", Level.PROVINCE: "provinces"}
_NOTHING: Final = Words(vi="không có gì để tính: mẫu số bằng 0", en="nothing to count: the whole is 0")
_NO_BASE: Final = Words(vi="không có gì để so sánh: kỳ gốc bằng 0", en="nothing to compare with: the base is 0")


@dataclass(frozen=True, slots=True)
class Unknown:
    """Not known; never 0."""

    because: tuple[Words, ...]
    """What is missing, or why there is nothing to compute; at least one reason."""


Figure: TypeAlias = int | Unknown
Value: TypeAlias = Fraction | Unknown
"""Of an indicator: a number, or a ratio where it is shown in per cent."""
Comparison: TypeAlias = Literal["at_least", "more_than", "at_most", "less_than"]
_COMPARISONS: Final[tuple[Comparison, ...]] = ("at_least", "more_than", "at_most", "less_than")


@dataclass(frozen=True, slots=True)
class Bound:
    """What a value is held against."""

    comparison: Comparison
    limit: Fraction
    """In per cent for shares and growth."""


def missing(title: Words, level: Level, names: Sequence[str], number: int) -> Unknown:
    """A figure that `number` units of a level have not entered; at most `NAMED` of the names given are told."""
    told = ", ".join(names[:NAMED]) + (", …" if number > min(len(names), NAMED) else "")
    word = _LEVELS[level]
    many = word.en if number == 1 else _PLURALS.get(level, f"{word.en}s")
    vi = f"thiếu “{title.vi}” của {number} {word.vi}: {told}"
    return Unknown((Words(vi=vi[:500], en=f"missing “{title.en}” of {number} {many}: {told}"[:500]),))


def not_entered_for(title: Words, entered: Level, level: Level) -> Unknown:
    """A figure of higher units, asked for one below them."""
    entered_at, asked = _LEVELS[entered], _LEVELS[level]
    return Unknown((
        Words(
            vi=f"“{title.vi}” được nhập cho cấp {entered_at.vi}, không có cho riêng một {asked.vi}"[:500],
            en=f"“{title.en}” is entered per {entered_at.en}: there is none for a single {asked.en}"[:500],
        ),
    ))  # fmt: skip


def still_to_come(day: date) -> Unknown:
    """A stock of a day that lies ahead of the day asked about."""
    shown = f"{day:%d/%m/%Y}"
    return Unknown((Words(vi=f"chưa đến ngày {shown}", en=f"{shown} is still to come"),))


def total(figures: Iterable[Figure]) -> Figure:
    """The sum; unknown as soon as one is, with all that is missing."""
    found = list(figures)
    unknown = [each for each in found if isinstance(each, Unknown)]
    return together(unknown) if unknown else sum(each for each in found if isinstance(each, int))


def together(unknown: Iterable[Unknown]) -> Unknown:
    """All reasons, each once."""
    return Unknown(tuple(dict.fromkeys(reason for each in unknown for reason in each.because)))


def value_of(figure: Figure) -> Value:
    """A number as it is."""
    return figure if isinstance(figure, Unknown) else Fraction(figure)


def share(of: Figure, over: Figure) -> Value:
    """The part that `of` is of `over`, as a ratio; over 0 there is none."""
    return _ratio(of, over, _NOTHING)


def growth(of: Figure, base: Figure) -> Value:
    """How much more `of` is than `base`, as a ratio of it, negative where less; on 0 there is none."""
    found = _ratio(of, base, _NO_BASE)
    return found if isinstance(found, Unknown) else found - 1


def _ratio(of: Figure, over: Figure, nothing: Words) -> Value:
    if isinstance(of, Unknown) or isinstance(over, Unknown):
        return together([each for each in (of, over) if isinstance(each, Unknown)])
    return Unknown((nothing,)) if over == 0 else Fraction(of, over)


def computed(indicator: Indicator, of: Figure, other: Figure | None) -> Value:
    """The value of an indicator from its figures; `other` is the whole of a share, the base of a growth."""
    if other is None:
        return value_of(of)
    return share(of, other) if indicator.share is not None else growth(of, other)


def in_per_cent(indicator: Indicator) -> bool:
    """Whether values are ratios that are shown in per cent."""
    return indicator.value is None


def exact(number: Number) -> Fraction:
    """The number that a document writes, with no digit lost."""
    return Fraction(number)


def bound_of(target: Target) -> Bound | None:
    """The one bound of a target; None where a table has one per unit and day."""
    given = ((each, getattr(target, each)) for each in _COMPARISONS)
    return next((Bound(each, exact(limit)) for each, limit in given if limit is not None), None)


def is_met(value: Value, bound: Bound, *, per_cent: bool) -> bool | None:
    """Whether a value keeps to a bound, compared exactly; None: unknown."""
    if isinstance(value, Unknown):
        return None
    number = value * _HUNDRED if per_cent else value
    match bound.comparison:
        case "at_least":
            return number >= bound.limit
        case "more_than":
            return number > bound.limit
        case "at_most":
            return number <= bound.limit
        case "less_than":
            return number < bound.limit


def needed(indicator: Indicator, bound: Bound, other: Figure | None) -> int | None:
    """The whole number nearest to the bound that still keeps to it: the least, or the greatest where less is wanted.

    It is the number of what a share is a part with, or of what has grown. 20 % of 104 asks for 21. None where the
    whole is unknown, or where no number from 0 up does.
    """
    if isinstance(other, Unknown):
        return None
    limit = bound.limit if other is None else _part(indicator, bound.limit / _HUNDRED, other)
    found = {
        "at_least": max(ceil(limit), 0),
        "more_than": max(floor(limit) + 1, 0),
        "at_most": floor(limit),
        "less_than": ceil(limit) - 1,
    }[bound.comparison]
    if other is not None and indicator.share is not None and found > other:
        return None if bound.comparison in {"at_least", "more_than"} else other
    return None if found < 0 else found


def _part(indicator: Indicator, ratio: Fraction, other: int) -> Fraction:
    return ratio * other if isinstance(indicator.share, Share) else (1 + ratio) * other


def rounded(number: Fraction, digits: int) -> str:
    """With so many decimals after a point; a half goes away from zero, and 0 has no sign."""
    scaled = floor(abs(number) * 10**digits + Fraction(1, 2))
    whole, part = divmod(scaled, 10**digits)
    sign = "-" if number < 0 and scaled else ""
    return f"{sign}{whole}.{part:0{digits}}" if digits else f"{sign}{whole}"


def shown(value: Fraction, digits: int, *, per_cent: bool) -> Words:
    """As people read it: a comma in Vietnamese, a point in English. A whole number of things has no decimals."""
    if not per_cent and value.denominator == 1:
        return Words(vi=str(value), en=str(value))
    text = rounded(value * _HUNDRED if per_cent else value, digits)
    comma = text.replace(".", ",")
    return Words(vi=f"{comma} %", en=f"{text}%") if per_cent else Words(vi=comma, en=text)


def written(value: Fraction) -> str:
    """Numerator and denominator, without loss; the denominator is left out where it is 1."""
    return str(value)


def last_day(plan: PlanDocument, target: Target) -> date:
    """The day by which a target is to be reached, inclusive."""
    return target.by or plan.period.to - timedelta(days=1)


def day_of(at: At, plan: PlanDocument, day: date) -> date:
    """The day of a stock, asked about on `day`."""
    if isinstance(at, date):
        return at
    return {"as_of": day, "plan_start": plan.period.from_, "year_before": date(day.year - 1, 12, 31)}[at]


def days_of(during: During, plan: PlanDocument, day: date) -> tuple[date | None, date]:
    """First and last day of a flow, both inclusive, asked about on `day`; the first is None for all time."""
    match during:
        case "year":
            return date(day.year, 1, 1), day
        case "year_before":
            return date(day.year - 1, 1, 1), date(day.year - 1, 12, 31)
        case "plan":
            return plan.period.from_, min(day, plan.period.to - timedelta(days=1))
        case "ever":
            return None, day


def first_day(since: Literal["year", "year_before", "plan"] | None, plan: PlanDocument, day: date) -> date | None:
    """The first as-of day that counts, asked about on `day`; None: all do."""
    if since is None:
        return None
    found, _ = days_of(since, plan, day)
    return found
