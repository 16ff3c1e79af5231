"""The units that a plan counts, as they were on the plan's own day, and how others through time relate to them.

What was opened or entered for a unit that came before or after belongs to those units of the plan that it overlaps.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select, true

from workflows.core.documents import Level
from workflows.store.among import among
from workflows.store.queries import UnknownUnitError, known_unit
from workflows.store.tables import unit, unit_origin
from workflows.store.visibility import below
from workflows.unit_files import OPEN_END

_LEVELS: Final = {each.value: each for each in Level}
Overlap: TypeAlias = frozenset[str] | None
"""Codes of the plan's units that a unit shares ground with; None: it reaches beyond them, or nobody knows."""


class Period(NamedTuple):
    """A unit in one period of its code."""

    code: str
    level: Level
    name: str
    path: str
    valid_from: str
    valid_to: str
    """Exclusive; far ahead while in force."""
    successors: tuple[str, ...]

    def __hash__(self) -> int:
        return hash(self.path)


_PERIOD: Final = select(
    unit.c.code, unit.c.level, unit.c.name, unit.c.path, unit.c.valid_from, unit.c.valid_to, unit.c.successors
)


def _period(row: Row[Any, Any, Any, Any, Any, Any, Any]) -> Period:
    code, level, name, path, valid_from, valid_to, successors = row
    return Period(code, _LEVELS[level], name, path, valid_from, valid_to or OPEN_END, tuple(successors.split()))


class Territory:
    """A province, or the country, with its districts and communes on one day."""

    def __init__(self, top: str, on: date, units: Mapping[str, Period]) -> None:
        self.top = top
        self.on = on
        self.units = units
        self._lineage: Lineage | None = None

    def lineage(self, connection: Connection) -> "Lineage":
        """Of its communes; read when first asked for."""
        if self._lineage is None:
            self._lineage = _lineage(connection, self)
        return self._lineage

    def parts(self, area: str, level: Level) -> tuple[Period, ...]:
        """Units of a level within the unit `area`, itself among those of its own level; by code."""
        path = self.units[area].path
        return tuple(each for each in self._of_level[level] if each.path == path or each.path.startswith(f"{path}/"))

    @cached_property
    def _of_level(self) -> Mapping[Level, Sequence[Period]]:
        found: dict[Level, list[Period]] = {level: [] for level in Level}
        for each in self.units.values():
            found[each.level].append(each)
        return found

    @cached_property
    def by_path(self) -> Mapping[str, Period]:
        return {each.path: each for each in self.units.values()}

    def holds(self, path: str, level: Level) -> str | None:
        """Code of the unit of a level that a path of the same day is, or lies below; None: there is none."""
        while path:
            found = self.by_path.get(path)
            if found is not None and found.level is level:
                return found.code
            path = path.rpartition("/")[0]
        return None


def territory(connection: Connection, code: str, on: date) -> Territory:
    """The units of a province, or of the country, on a civil date; raises UnknownUnitError."""
    top = known_unit(connection, code, on)
    if top.level not in {Level.COUNTRY, Level.PROVINCE}:
        raise UnknownUnitError(code, on, top.path.split("/")[1])
    day = on.isoformat()
    in_force = and_(unit.c.valid_from <= day, or_(unit.c.valid_to.is_(None), unit.c.valid_to > day))
    statement = _PERIOD.where(in_force, below(unit.c.path, (top.path,))).order_by(unit.c.code)
    found = map(_period, connection.execute(statement))
    return Territory(code, on, {each.code: each for each in found})


class Lineage:
    """Communes of all times, and which communes of a territory each of them overlaps."""

    def __init__(self, found: Territory, periods: Iterable[Period]) -> None:
        self._territory = found
        self._periods: dict[str, list[Period]] = defaultdict(list)
        for each in sorted(periods, key=lambda period: (period.code, period.valid_from)):
            self._periods[each.code].append(each)
        self._overlaps: dict[Period, Overlap] = {}
        self._before: dict[Period, list[Period]] = defaultdict(list)
        self._trace()

    def before(self, period: Period) -> Sequence[Period]:
        """What the unit was made of, where that is known."""
        return self._before[period]

    @cached_property
    def kin(self) -> Mapping[Period, frozenset[str]]:
        """Units of other days with the territory's units that they lie within."""
        own = set(self._territory.units.values())
        return {each: codes for each, codes in self._overlaps.items() if codes and each not in own}

    def _trace(self) -> None:
        day = self._territory.on.isoformat()
        every = [each for periods in self._periods.values() for each in periods]
        for each in every:
            for follower in self._followers(each):
                if follower.valid_from == each.valid_to:
                    self._before[follower].append(each)
            if each.valid_from <= day < each.valid_to:
                own = each.code in self._territory.units
                self._overlaps[each] = frozenset({each.code}) if own else None
        for each in sorted((each for each in every if each.valid_to <= day), key=_end, reverse=True):
            self._overlaps[each] = self._union(self._followers(each))
        for each in sorted((each for each in every if each.valid_from > day), key=_begin):
            self._overlaps[each] = self._union(self._before[each])

    def _followers(self, period: Period) -> list[Period]:
        found = [self._on(code, period.valid_to) for code in period.successors]
        return [each for each in found if each is not None]

    def _on(self, code: str, day: str) -> Period | None:
        periods = self._periods.get(code, [])
        index = bisect_right([each.valid_from for each in periods], day) - 1
        return periods[index] if index >= 0 and day < periods[index].valid_to else None

    def _union(self, periods: Sequence[Period]) -> Overlap:
        parts = [self._overlaps.get(each) for each in periods]
        known = [each for each in parts if each is not None]
        return frozenset[str]().union(*known) if known and len(known) == len(parts) else None


def _begin(period: Period) -> str:
    return period.valid_from


def _end(period: Period) -> str:
    return period.valid_to


def _lineage(connection: Connection, found: Territory) -> Lineage:
    codes = {each.code for each in found.parts(found.top, Level.COMMUNE)}
    statement = _PERIOD.where(unit.c.level == Level.COMMUNE, among(unit.c.code, "codes"))
    rows = connection.execute(statement, {"codes": sorted(_related(connection, codes))})
    return Lineage(found, map(_period, rows))


_RELATED: Final = select(unit_origin.c.code, unit_origin.c.source).where(
    or_(among(unit_origin.c.code, "codes"), among(unit_origin.c.source, "codes"))
)


def _related(connection: Connection, codes: Iterable[str]) -> set[str]:
    """The codes themselves and all that units of these codes were made of, or had a part in."""
    known, new = set[str](), set(codes)
    while new:
        known |= new
        rows = connection.execute(_RELATED, {"codes": sorted(new)})
        new = {code for row in rows for code in row if code} - known
    return known


def alike(units: Iterable[Period]) -> tuple[tuple[Period, ...], ...]:
    """The units apart by the days on which they were in force."""
    found: dict[tuple[str, str], list[Period]] = {}
    for each in units:
        found.setdefault((each.valid_from, each.valid_to), []).append(each)
    return tuple(map(tuple, found.values()))


class Ground:
    """One unit of a territory, and how statements find what belongs to it."""

    def __init__(self, connection: Connection, found: Territory, area: str) -> None:
        self._connection = connection
        self.territory = found
        self.area = found.units[area]
        self._parts: dict[Level, tuple[Period, ...]] = {}
        self._alike: dict[Level, tuple[tuple[Period, ...], ...]] = {}

    @property
    def lineage(self) -> Lineage:
        return self.territory.lineage(self._connection)

    def parts(self, level: Level) -> tuple[Period, ...]:
        """Its units of a level, by code."""
        if level not in self._parts:
            self._parts[level] = self.territory.parts(self.area.code, level)
        return self._parts[level]

    def alike(self, level: Level) -> tuple[tuple[Period, ...], ...]:
        """The same, apart by the days on which they were in force."""
        if level not in self._alike:
            self._alike[level] = alike(self.parts(level))
        return self._alike[level]

    def within(self, path: ColumnElement[str]) -> ColumnElement[bool]:
        """Whether a path is of the unit, a part of it, or a unit of another day that lies within it."""
        if self.area.level is Level.COUNTRY:
            return true()
        inside = below(path, (self.area.path,))
        return or_(inside, path.in_(self._relatives)) if self._relatives else inside

    @cached_property
    def _relatives(self) -> Sequence[str]:
        own = {each.code for each in self.parts(Level.COMMUNE)}
        top = f"{self.area.path}/"
        return sorted({
            each.path for each, codes in self.lineage.kin.items() if codes <= own and not each.path.startswith(top)
        })  # fmt: skip

    def place(self, path: str, level: Level) -> str | None:
        """Code of the unit of a level to which what has this path belongs; None where that cannot be told."""
        found = self.territory.holds(path, level)
        return found if found is not None else self._adopted.get((path, level))

    @cached_property
    def _adopted(self) -> Mapping[tuple[str, Level], str]:
        found: dict[tuple[str, Level], str] = {}
        for each, codes in self.lineage.kin.items():
            for level in (Level.COMMUNE, Level.DISTRICT):
                holders = {self.territory.holds(self.territory.units[code].path, level) for code in codes}
                holder = holders.pop()
                if not holders and holder is not None:
                    found[each.path, level] = holder
        return found
