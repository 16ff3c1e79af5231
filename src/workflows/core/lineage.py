"""What a unit was made of, and the figure of a unit that others were merged into.

A figure that was entered for the unit itself counts; until there is one, those of all its parts together, and where
one of them is not known, none. What a divided unit handed over is never guessed.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """One figure entered for a unit."""

    id: str
    value: int
    as_of: date
    source: str
    recorded_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """A unit of which another was made."""

    source: str | None
    """Its code until that day; the successor's own where it went on and others joined it; None: not known."""
    whole: bool
    """False: it was divided among several."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Formation:
    """A day on which a unit took on the area that it has had since."""

    day: date
    origins: tuple[Origin, ...]


Lineage: TypeAlias = Mapping[str, tuple[Formation, ...]]
"""By code, by day; a unit that is not there has always been what it is."""
Entries: TypeAlias = Callable[[str], Iterable[Count]]
"""Every figure of one kind that was ever entered for a code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A figure as it was entered, and for which unit."""

    unit: str
    count: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """What is known of one figure of a unit."""

    parts: tuple[Part, ...] = ()
    """One where the unit has a figure of its own; else those that add up."""
    missing: tuple[str, ...] = ()
    """Codes of the units whose figure would be needed; then the figure is unknown."""

    @property
    def value(self) -> int | None:
        """Their sum; None: unknown."""
        return None if self.missing or not self.parts else sum(part.count.value for part in self.parts)

    @property
    def as_of(self) -> date | None:
        """The day that all parts are at least as new as; None: unknown."""
        return None if self.value is None else min(part.count.as_of for part in self.parts)

    @property
    def source(self) -> str | None:
        """Where it is from; the sources of all parts, each once; None: unknown."""
        return None if self.value is None else "; ".join(dict.fromkeys(part.count.source for part in self.parts))


def figure(lineage: Lineage, entries: Entries, code: str, *, area_on: date, as_of: date) -> Figure:
    """The figure of a unit.

    Args:
        lineage: Of the unit and all that it was made of.
        entries: Of the same units.
        code: Of the unit.
        area_on: A civil date on which the unit had the area that is meant.
        as_of: Entries for later civil dates do not count.
    """
    formed = max((each for each in lineage.get(code, ()) if each.day <= area_on), key=_day, default=None)
    newest = _newest(entries(code), formed.day if formed else date.min, min(as_of, area_on))
    if newest is not None:
        return Figure(parts=(Part(unit=code, count=newest),))
    if formed is None:
        return Figure(missing=(code,))
    before = formed.day - timedelta(days=1)
    found = [
        figure(lineage, entries, origin.source, area_on=before, as_of=min(as_of, before))
        if origin.source and origin.whole
        else Figure(missing=(origin.source or code,))
        for origin in formed.origins
    ]
    missing = dict.fromkeys(each for part in found for each in part.missing)
    return Figure(parts=tuple(part for each in found for part in each.parts), missing=tuple(missing))


def _day(formation: Formation) -> date:
    return formation.day


def _newest(entries: Iterable[Count], first: date, last: date) -> Count | None:
    """Of the latest date; of one date, the one recorded last."""
    usable = [each for each in entries if first <= each.as_of <= last]
    return max(usable, key=lambda each: (each.as_of, each.recorded_at, each.id), default=None)
