"""Walking a list through one of several indexes, with a bound on what one page looks at.

A filter may name a series: entries that lie together in an index, in the order of the list. All that is wanted lies in
every series named, so that the one is walked whose next entries reach back furthest, of those whose index holds all
that the other filters look at: a row is fetched only when it is wanted. Where an index in another order shows that
hardly a row is wanted, those are looked at instead. Which indexes there are is the lists' affair.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from sqlalchemy import ColumnElement, Connection, FromClause, Select, Table, case, false, select, true

from workflows.store.among import among
from workflows.store.paging import Found, Item, Order, Part, Place, Stream, at, bounds
from workflows.store.rows import Row

WALK: Final = 800
"""Most entries of an index that one page looks at, where filters leave some out."""
ROWS: Final = 250
"""Most rows, where no index holds what the filters look at: each may lie on a page of its own."""
FEW: Final = 100
"""Most rows that are looked at all together instead, whatever their order."""

Condition: TypeAlias = Callable[[FromClause, ColumnElement[str]], ColumnElement[bool]]
"""What is wanted of a row, given where its columns are, and the column of its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Entries of an index in the order of the list."""

    source: FromClause
    """Has the index."""
    where: tuple[ColumnElement[bool], ...]
    """By which the index finds them."""
    order: Order
    """The columns of the list's order in the index; the last is the id."""
    holds: Sequence[str]
    """Names of other columns that stand in the index."""
    rows: FromClause
    """The source with the whole rows of the list's table."""
    exact: bool = True
    """Whether they are just the rows that the filter wants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is wanted of a row."""

    condition: Condition
    reads: frozenset[str] = frozenset()
    """Names of the columns that it looks at."""
    series: Series | None = None
    """An index that finds the wanted rows, perhaps among others; None: there is none."""
    narrows: bool = True
    """Whether it leaves out enough to be noticed."""
    probes: bool = False
    """Whether it looks each row up in another index, unless its own series is walked."""
    few: Select[Any] | None = None
    """Ids of the rows that it wants, by an index in another order; None: there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of the list's order: from `least`, inclusive, to `below`, exclusive."""

    least: Place | None = None
    below: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """A series, and how much of it one page looks at."""

    series: Series
    filters: Sequence[Filter]
    """Those that are left to look at."""
    covered: bool
    horizon: Place | None = None
    """Where to stop; None: it ends before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A list and its filters, all of which must hold."""

    table: Table
    fetched: FromClause
    """The table with what its rows need besides."""
    columns: tuple[Any, ...]
    """What is selected of a row."""
    all: Series
    """The list without filters."""
    filters: Sequence[Filter]
    span: Span = Span()

    @property
    def order(self) -> Order:
        return self.all.order

    def stream(self, item: Callable[[Row], Item]) -> Stream[Item]:
        """Its rows, newest first."""

        def read(connection: Connection, place: Place | None, limit: int) -> Part[Item]:
            return self._part(connection, place, limit, item)

        return Stream(order=self.order, read=read)

    def _part(self, connection: Connection, place: Place | None, limit: int, item: Callable[[Row], Item]) -> Part[Item]:
        below = min((each for each in (place, self.span.below) if each is not None), default=None)
        few = self._few(connection)
        if few is None:
            way = self._choose(connection, below)
            places, horizon = self._places(connection, way, below, limit + 1), way.horizon
        else:
            places, horizon = self._places_of(connection, few, below), None
        shown = places[:limit]
        rows = self._rows(connection, shown)
        found = [Found(key=here, place=here, row=rows[here], item=item) for here in shown]
        end = shown[-1] if len(places) > limit else horizon
        return Part(found=found, end=(end, end) if end else None)

    def _few(self, connection: Connection) -> Sequence[str] | None:
        """Ids that hold all that is wanted, if they are known and few."""
        statement = next((each.few for each in self.filters if each.few is not None), None)
        if statement is None:
            return None
        ids = connection.execute(statement.limit(FEW + 1)).scalars().all()
        return ids if len(ids) <= FEW else None

    def _places_of(self, connection: Connection, ids: Sequence[str], below: Place | None) -> list[Place]:
        """Of those that are wanted, all."""
        if not ids:
            return []
        statement = select(*self.order).where(among(self.table.c.id, "ids"), *self.all.where)
        statement = statement.where(*(_one_by_one(each.condition(self.table, self.order[-1])) for each in self.filters))
        statement = statement.where(*bounds(self.order, below=below, least=self.span.least))
        return sorted((tuple(row) for row in connection.execute(statement, {"ids": list(ids)})), reverse=True)

    def _choose(self, connection: Connection, below: Place | None) -> _Way:
        """The series that passes over the most of the list in a page."""
        ways = self._ways()
        narrowing = [each for each in self.filters if each.narrows]
        if not narrowing or (len(narrowing) == 1 and narrowing[0].series and ways[0].series.exact):
            return ways[0]
        reach: list[tuple[Place, _Way]] = []
        for way in ways:
            horizon = self._horizon(connection, way, below)
            if horizon is None:
                return way
            reach.append((horizon, way))
        horizon, way = min(reach, key=lambda each: each[0])
        return _Way(series=way.series, filters=way.filters, covered=way.covered, horizon=horizon)

    def _ways(self) -> list[_Way]:
        """Those whose index holds all that the filters look at; where there is none, all."""
        named = [each for each in self.filters if each.narrows and each.series]
        reads = frozenset[str]().union(*(each.reads for each in self.filters))
        ways = [
            _Way(
                series=series,
                filters=[each for each in self.filters if each.series is not series or not each.probes],
                covered=reads.issubset(series.holds),
            )
            for series in ([each.series for each in named if each.series] or [self.all])
        ]
        return [way for way in ways if way.covered] or ways

    def _horizon(self, connection: Connection, way: _Way, below: Place | None) -> Place | None:
        """The place at which a page stops looking; None when the series ends before."""
        series = way.series
        probes = sum(each.probes for each in way.filters)
        bound = max(1, WALK // (1 + 2 * probes)) if way.covered else ROWS
        statement = select(*series.order).select_from(series.source).where(*series.where)
        statement = statement.where(*bounds(series.order, below=below, least=self.span.least))
        statement = statement.order_by(*(column.desc() for column in series.order)).offset(bound - 1).limit(1)
        row = connection.execute(statement).first()
        return tuple(row) if row else None

    def _places(self, connection: Connection, way: _Way, below: Place | None, limit: int) -> list[Place]:
        series = way.series
        columns, source = (series.source, series.source) if way.covered else (self.table, series.rows)
        least = max((each for each in (way.horizon, self.span.least) if each is not None), default=None)
        statement = select(*series.order).select_from(source).where(*series.where)
        statement = statement.where(*(_one_by_one(each.condition(columns, series.order[-1])) for each in way.filters))
        statement = statement.where(*bounds(series.order, below=below, least=least))
        statement = statement.order_by(*(column.desc() for column in series.order)).limit(limit)
        return [tuple(row) for row in connection.execute(statement)]

    def _rows(self, connection: Connection, places: Sequence[Place]) -> dict[Place, Row]:
        if not places:
            return {}
        statement = select(*self.columns).select_from(self.fetched).where(among(self.table.c.id, "ids"))
        found = connection.execute(statement, {"ids": [place[-1] for place in places]}).mappings()
        return {at(row, self.order): row for row in found}


def _one_by_one(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition in a form that no planner looks up in an index, nor takes for one that hardly a row fulfils."""
    return case((condition, true()), else_=false())
