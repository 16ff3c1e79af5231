"""Entered figures summed over the units of a plan, as known at the end of a day.

A unit's figure is its newest one; that of a unit made of others is the sum of theirs as long as it has none of its
own, and the figure of a unit made of the plan's units stands for theirs. Whatever is still missing is named.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from sqlalchemy import Connection

from workflows.core.documents import Level
from workflows.store import newest
from workflows.store.newest import Bounds, Window
from workflows.store.territory import Ground, Period, alike


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which figures: newest of the days from `first` to `latest`, both inclusive."""

    level: Level
    latest: date
    first: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Of the figures of some units."""

    value: int
    """Of those that have one."""
    lacking: tuple[str, ...]
    """Codes of the others."""


class Entry(NamedTuple):
    """A figure that was entered, or the sum of several."""

    value: int
    ids: tuple[str, ...]
    """Of the entries."""


class Entered:
    """Entries as known before one instant."""

    def __init__(self, connection: Connection, ground: Ground, known: str) -> None:
        self._connection = connection
        self._ground = ground
        self._known = known

    def totals(self, asked: Asked, keys: Collection[str]) -> Mapping[str, Sum]:
        """By key: the sum over all units of the level."""
        units = self._ground.parts(asked.level)
        if any(each.valid_to <= asked.latest.isoformat() for each in units):
            return {key: found.sum_of(units) for key, found in self.by_unit(asked, keys).items()}
        sums = self._sums(asked, keys)
        partly = [key for key in keys if sums.get(key, (0, 0))[1] < len(units)]
        told = self.by_unit(asked, partly) if partly else {}
        return {key: told[key].sum_of(units) if key in told else Sum(value=sums[key][0], lacking=()) for key in keys}

    def _sums(self, asked: Asked, keys: Collection[str]) -> dict[str, tuple[int, int]]:
        """By key: the sum of the units' own figures, and how many there are."""
        sums: dict[str, tuple[int, int]] = {}
        for group in self._ground.alike(asked.level):
            codes = [each.code for each in group]
            for key, found in newest.sums(self._connection, self._window(asked, group[0]), codes, keys).items():
                before = sums.get(key, (0, 0))
                sums[key] = (before[0] + found.value, before[1] + found.number)
        return sums

    def number_within(self, asked: Asked, key: str, bounds: Bounds) -> int | None:
        """Of how many units of the level the figure is within bounds; None where it takes `by_unit` to tell."""
        groups = self._ground.alike(asked.level)
        if len(groups) != 1 or groups[0][0].valid_to <= asked.latest.isoformat():
            return None
        codes = [each.code for each in groups[0]]
        return newest.number_within(self._connection, self._window(asked, groups[0][0]), codes, key, bounds)

    def _window(self, asked: Asked, period: Period) -> Window:
        """An entry of a day on which the period was not in force is of another unit with the same code."""
        first = max(period.valid_from, asked.first.isoformat()) if asked.first else period.valid_from
        before = min(period.valid_to, (asked.latest + timedelta(days=1)).isoformat())
        return Window(first=first, before=before, known=self._known)

    def by_unit(self, asked: Asked, keys: Collection[str]) -> Mapping[str, "Figures"]:
        """By key: the figure of each unit of the level."""
        units = self._ground.parts(asked.level)
        found = self._own(asked, units, keys)
        if asked.level is not Level.COMMUNE:
            return {key: Figures({each.code: entry for each, entry in found[key].items()}, ()) for key in keys}
        before = self._before(asked, [each for each in units if any(each not in found[key] for key in keys)], keys)
        after = self._after(asked, units, keys)
        return {
            key: Figures({each.code: entry for each, entry in (before[key] | found[key]).items()}, after.get(key, ()))
            for key in keys
        }

    def _own(self, asked: Asked, units: Iterable[Period], keys: Collection[str]) -> dict[str, dict[Period, Entry]]:
        figures: dict[str, dict[Period, Entry]] = {key: {} for key in keys}
        for group in alike(units):
            of_code = {each.code: each for each in group}
            for unit, key, value, own in newest.entries(
                self._connection, self._window(asked, group[0]), list(of_code), keys
            ):
                figures[key][of_code[unit]] = Entry(value, (own,))
        return figures

    def _before(self, asked: Asked, units: Sequence[Period], keys: Collection[str]) -> dict[str, dict[Period, Entry]]:
        """Of units without a figure of their own: the sum of those that they were made of, where all have one."""
        sums: dict[str, dict[Period, Entry]] = {key: {} for key in keys}
        made_of = {each: self._ground.lineage.before(each) for each in units} if units else {}
        parts = {part for whole in made_of.values() for part in whole if len(part.successors) == 1}
        own = self._own(asked, sorted(parts, key=_place), keys)
        for key in (key for key in keys if own[key]):
            for unit, whole in made_of.items():
                entries = [own[key][part] for part in whole if part in own[key]]
                if whole and len(entries) == len(whole):
                    ids = tuple(each for entry in entries for each in entry.ids)
                    sums[key][unit] = Entry(sum(entry.value for entry in entries), ids)
        return sums

    def _after(
        self, asked: Asked, units: Sequence[Period], keys: Collection[str]
    ) -> dict[str, tuple[tuple[frozenset[str], Entry], ...]]:
        """Figures of units that were made of whole units of the plan: their codes and the figure."""
        latest = asked.latest.isoformat()
        if all(each.valid_to > latest for each in units):
            return {}
        of = {each.code: each for each in units}
        heirs = {
            each: codes
            for each, codes in self._ground.lineage.kin.items()
            if codes <= of.keys()
            and all(of[code].successors == (each.code,) and of[code].valid_to == each.valid_from for code in codes)
        }
        own = self._own(asked, sorted(heirs, key=_place), keys)
        return {key: tuple((heirs[heir], entry) for heir, entry in found.items()) for key, found in own.items()}


@dataclass(frozen=True, slots=True)
class Figures:
    """One figure of many units."""

    own: Mapping[str, Entry]
    """By code; one that is missing has none."""
    merged: tuple[tuple[frozenset[str], Entry], ...]
    """What several units have together since they were merged, which is newer than their own."""

    def sum_of(self, units: Iterable[Period]) -> Sum:
        """Over some of the units."""
        entries, lacking = self._of(units)
        return Sum(value=sum(each.value for each in entries), lacking=lacking)

    def ids_of(self, units: Iterable[Period]) -> list[str]:
        """The entries that the sum is made of."""
        return [own for entry in self._of(units)[0] for own in entry.ids]

    def _of(self, units: Iterable[Period]) -> tuple[list[Entry], tuple[str, ...]]:
        left = {each.code for each in units}
        entries: list[Entry] = []
        for codes, together in self.merged:
            if codes <= left:
                left -= codes
                entries.append(together)
        entries += [self.own[code] for code in left if code in self.own]
        return entries, tuple(sorted(code for code in left if code not in self.own))


def _place(period: Period) -> tuple[str, str]:
    return period.code, period.valid_from
