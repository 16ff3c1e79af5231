"""Entered figures summed over the units of a plan, as known at the end of a day.

A unit's figure is its newest one; that of a unit made of others is the sum of theirs as long as it has none of its
own, and the figure of a unit made of the plan's units stands for theirs. Whatever is still missing is named.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, exists, func, literal, select, tuple_
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from workflows.core.documents import Level
from workflows.store.among import among
from workflows.store.tables import count_entry
from workflows.store.territory import Ground, Period


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


def newest(asked: Asked, period: Period, known: str) -> Select[Any]:
    """The newest entry per unit and key, of parameters `units` and `keys`; two of them are never of one instant.

    Args:
        asked: The days.
        period: One that all the units have: an entry of another day is of another unit with the same code.
        known: Instant before which an entry was recorded.
    """
    entry, other = count_entry.c, count_entry.alias().c
    first = max(period.valid_from, asked.first.isoformat()) if asked.first else period.valid_from
    newer = exists().where(
        other.unit == entry.unit,
        other.key == entry.key,
        tuple_(other.as_of, other.recorded_at) > tuple_(entry.as_of, entry.recorded_at),
        *_until(other, asked, period, known),
    )
    return (
        select()
        .where(among(entry.unit, "units"), among(entry.key, "keys"), entry.as_of >= first, ~newer)
        .where(*_until(entry, asked, period, known))
    )


def _until(
    entry: ReadOnlyColumnCollection[str, Any], asked: Asked, period: Period, known: str
) -> Iterable[ColumnElement[bool]]:
    last = (entry.as_of <= asked.latest.isoformat(), entry.as_of < period.valid_to)
    return (*last, entry.recorded_at < known)


class Entered:
    """Entries as known before one instant."""

    def __init__(self, connection: Connection, ground: Ground, known: str) -> None:
        self._connection = connection
        self._ground = ground
        self._known = known
        self._named = False

    def totals(self, asked: Asked, keys: Collection[str]) -> Mapping[str, Sum]:
        """By key: the sum over all units of the level."""
        units = self._ground.parts(asked.level)
        if any(each.valid_to <= asked.latest.isoformat() for each in units):
            return {key: found.sum_of(units) for key, found in self.by_unit(asked, keys).items()}
        sums = self._sums(asked, units, keys)
        partly = [key for key in keys if sums.get(key, (0, 0))[1] < len(units)]
        told = self.by_unit(asked, partly) if partly else {}
        return {key: told[key].sum_of(units) if key in told else Sum(value=sums[key][0], lacking=()) for key in keys}

    def _sums(self, asked: Asked, units: Sequence[Period], keys: Collection[str]) -> dict[str, tuple[int, int]]:
        """By key: the sum of the units' own figures, and how many there are."""
        sums: dict[str, tuple[int, int]] = {}
        for alike in _alike(units):
            entry = count_entry.c
            columns = (entry.key, func.sum(entry.value), func.count())
            statement = newest(asked, alike[0], self._known).add_columns(*columns).group_by(entry.key)
            values = {"units": [each.code for each in alike], "keys": list(keys)}
            for key, total, number in self._connection.execute(statement, values):
                before = sums.get(key, (0, 0))
                sums[key] = (before[0] + int(total), before[1] + number)
        return sums

    def by_unit(self, asked: Asked, keys: Collection[str], *, named: bool = False) -> Mapping[str, "Figures"]:
        """By key: the figure of each unit of the level; with the ids of its entries if they are to be named."""
        self._named = named
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
        entry = count_entry.c
        for alike in _alike(units):
            of_code = {each.code: each for each in alike}
            # Which entry it is stands in no index: left out where nobody asks.
            own_id = entry.id if self._named else literal("")
            found = newest(asked, alike[0], self._known).add_columns(entry.unit, entry.key, entry.value, own_id)
            values = {"units": list(of_code), "keys": list(keys)}
            for code, key, value, own in self._connection.execute(found, values).all():
                figures[key][of_code[code]] = Entry(value, (own,))
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


def _alike(units: Iterable[Period]) -> list[list[Period]]:
    """The units apart by the days on which they were in force."""
    alike: dict[tuple[str, str], list[Period]] = {}
    for each in units:
        alike.setdefault((each.valid_from, each.valid_to), []).append(each)
    return list(alike.values())


def _place(period: Period) -> tuple[str, str]:
    return period.code, period.valid_from
