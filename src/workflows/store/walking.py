"""Walking a list through one of several indexes, with a bound on the rows that one page looks at.

Every filter of a list either names a series, which is rows that lie together in an index in the order of the list, or
is looked at row by row. All that is wanted lies in every series, so that the one whose next `WALK` rows reach back
furthest is walked: it passes over the most of the list in a page. Which series there are is the lists' affair.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, FromClause, case, false, select, true

from workflows.store.paging import Found, Item, Order, Part, Place, Stream, at, bounds
from workflows.store.rows import Row

WALK: Final = 1_000
"""Most rows that one page looks at, where filters leave some out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Rows that an index gives in the order of the list."""

    source: FromClause
    """Has the index."""
    where: tuple[ColumnElement[bool], ...]
    """By which the index finds them."""
    order: Order
    """The columns of the list's order in the index."""
    whole: FromClause | None = None
    """The source with what a row needs besides; None: nothing."""
    exact: bool = True
    """Whether they are just the rows that the filter wants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is wanted of a row."""

    condition: ColumnElement[bool]
    series: Series | None = None
    """An index that finds the wanted rows, perhaps among others; None: there is none."""
    narrows: bool = True
    """Whether it leaves out enough to be noticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A part of the list's order: from `least`, inclusive, to `below`, exclusive."""

    least: Place | None = None
    below: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """A list and its filters, all of which must hold."""

    columns: tuple[Any, ...]
    """What is selected: tables and columns, those of `order` among them."""
    order: Order
    all: Series
    """The list without filters."""
    filters: Sequence[Filter]
    span: Span = Span()

    def stream(self, item: Callable[[Row], Item]) -> Stream[Item]:
        """Its rows, newest first."""

        def read(connection: Connection, place: Place | None, limit: int) -> Part[Item]:
            return self._part(connection, place, limit, item)

        return Stream(order=self.order, read=read)

    def _part(self, connection: Connection, place: Place | None, limit: int, item: Callable[[Row], Item]) -> Part[Item]:
        below = min((each for each in (place, self.span.below) if each is not None), default=None)
        series, horizon = self._choose(connection, below)
        rows = self._rows(connection, series, below, horizon, limit + 1)
        found = [Found(key=(here := at(row, self.order)), place=here, row=row, item=item) for row in rows[:limit]]
        end = found[-1].place if len(rows) > limit else horizon
        return Part(found=found, end=(end, end) if end else None)

    def _choose(self, connection: Connection, below: Place | None) -> tuple[Series, Place | None]:
        """The series to walk, and the place at which to stop; None: it ends before."""
        filters = [each for each in self.filters if each.narrows]
        known = [each.series for each in filters if each.series] or [self.all]
        if not filters or (len(filters) == 1 and filters[0].series and known[0].exact):
            return known[0], None
        reach: list[tuple[Place, Series]] = []
        for series in known:
            horizon = self._horizon(connection, series, below)
            if horizon is None:
                return series, None
            reach.append((horizon, series))
        horizon, series = min(reach, key=lambda each: each[0])
        return series, horizon

    def _horizon(self, connection: Connection, series: Series, below: Place | None) -> Place | None:
        """The place of the row at which a walk of `WALK` rows ends; None when there are fewer."""
        statement = select(*series.order).select_from(series.source).where(*series.where)
        statement = statement.where(*bounds(series.order, below=below, least=self.span.least))
        statement = statement.order_by(*(column.desc() for column in series.order)).offset(WALK - 1).limit(1)
        row = connection.execute(statement).first()
        return tuple(row) if row else None

    def _rows(
        self, connection: Connection, series: Series, below: Place | None, horizon: Place | None, limit: int
    ) -> Sequence[Row]:
        least = max((each for each in (horizon, self.span.least) if each is not None), default=None)
        whole = series.source if series.whole is None else series.whole
        statement = select(*self.columns).select_from(whole).where(*series.where)
        statement = statement.where(*(_row_by_row(each.condition) for each in self.filters))
        statement = statement.where(*bounds(series.order, below=below, least=least))
        statement = statement.order_by(*(column.desc() for column in series.order)).limit(limit)
        return connection.execute(statement).mappings().all()


def _row_by_row(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition in a form that no planner looks up in an index, nor takes for one that hardly a row fulfils."""
    return case((condition, true()), else_=false())
