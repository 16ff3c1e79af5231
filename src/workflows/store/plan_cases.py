"""Cases as they stood at the end of a day, and what happened to them up to a day, as relations of SQL.

Nothing recorded later is seen: the row of a case that was written to since is put aside, and its state and fields are
taken from the entries of its ledger. An annulled case is in no relation from the day on which it was annulled.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, FromClause, Select, String, and_, cast, exists, func, select

from workflows.core.civil import format_instant, start_of_day
from workflows.core.documents import ANNULLED, Name
from workflows.core.plan_documents import ActsMeasure, CasesMeasure
from workflows.store.members import entry_member, member
from workflows.store.standing import end_of_day
from workflows.store.tables import cases, event, tallied
from workflows.store.territory import Ground

_parse: Final = lru_cache(1024)(msgspec.json.Decoder(dict[str, str]).decode)
_SEQ_BASE: Final = 10**9
"""Added to the number of an event, so that all of them have ten digits and their texts are in their order."""
_SEQ_DIGITS: Final = 10
_FIELD: Final = "field_"
"""Begins the names of columns that hold fields of cases, which could have any name."""


@dataclass(frozen=True, slots=True)
class Cell:
    """So many cases are alike."""

    state: str
    fields: Mapping[str, str | None]
    path: str | None
    """Of the unit that they were opened in; None where cases of all units are counted together."""
    number: int


class PlanCases:
    """What was known at the end of one day of the cases of a unit of a plan."""

    def __init__(self, connection: Connection, ground: Ground, known: date) -> None:
        self._connection = connection
        self._ground = ground
        self._known = end_of_day(known)
        self._still: dict[str, bool] = {}

    def cases(
        self, workflow: str, fields: Collection[Name], day: date | None, *, more: Sequence[ColumnElement[Any]] = ()
    ) -> FromClause:
        """Cases of a workflow as was known of them at the end of a day: id, opened_path, state, fields.

        Args:
            workflow: Its key.
            fields: Choice fields that are wanted.
            day: An earlier one than that of what is known; None: that one.
            more: Further columns of `cases`, as they are now.
        """
        cutoff = self._known if day is None else min(end_of_day(day), self._known)
        now = self._rows(workflow, fields, more)
        if self._is_still(cutoff):
            return now.subquery()
        before = now.where(cases.c.recorded_at < cutoff)
        return before.union_all(self._folded(workflow, fields, cutoff, more)).subquery()

    def _is_still(self, cutoff: str) -> bool:
        """Whether nothing was recorded since, so that the rows of cases are as they were."""
        if cutoff not in self._still:
            later = select(event.c.id).where(event.c.recorded_at >= cutoff)
            self._still[cutoff] = not self._connection.execute(select(exists(later))).scalar_one()
        return self._still[cutoff]

    def _rows(self, workflow: str, fields: Collection[Name], more: Sequence[ColumnElement[Any]]) -> Select[Any]:
        values = [member(cases.c.choices, name).label(_FIELD + name) for name in sorted(fields)]
        columns = (cases.c.id, cases.c.opened_path, cases.c.state, *values, *more)
        return select(*columns).where(
            tallied(cases.c.workflow) == workflow, cases.c.state != ANNULLED, self._ground.within(cases.c.opened_path)
        )

    def _folded(
        self, workflow: str, fields: Collection[Name], cutoff: str, more: Sequence[ColumnElement[Any]]
    ) -> Select[Any]:
        """Cases that were written to later, from what was recorded of them before."""
        values = [
            _newest(entry_member(event.c.entry, "changes", "set", name)).label(_FIELD + name) for name in sorted(fields)
        ]
        state = _newest(entry_member(event.c.entry, "target")).label("state")
        annulled = and_(cases.c.state == ANNULLED, cases.c.recorded_at < self._known)
        return (
            select(cases.c.id, cases.c.opened_path, state, *values, *more)
            .join(event, event.c.case_id == cases.c.id)
            .where(cases.c.workflow == workflow, cases.c.recorded_at >= cutoff, ~annulled)
            .where(event.c.recorded_at < cutoff, self._ground.within(cases.c.opened_path))
            .group_by(cases.c.id, cases.c.opened_path, *more)
        )

    def cells(self, workflow: str, fields: Collection[Name], day: date, *, by_unit: bool) -> list[Cell]:
        """How many cases of a workflow were alike at the end of a day."""
        if self._is_still(min(end_of_day(day), self._known)):
            return self._cells_now(workflow, fields, by_unit=by_unit)
        found = self.cases(workflow, fields, day)
        names = sorted(fields)
        alike = [found.c.state, *(found.c[_FIELD + name] for name in names)]
        if by_unit:
            alike.append(found.c.opened_path)
        statement = select(func.count(), *alike).group_by(*alike)
        return [
            Cell(
                state=row[1],
                fields=dict(zip(names, row[2:], strict=False)),
                path=row[-1] if by_unit else None,
                number=row[0],
            )
            for row in self._connection.execute(statement)
        ]

    def _cells_now(self, workflow: str, fields: Collection[Name], *, by_unit: bool) -> list[Cell]:
        """Read from one index, in its order; cells that differ in other fields only are told apart here."""
        alike = [cases.c.state, cases.c.choices, *([cases.c.opened_path] if by_unit else [])]
        within = self._ground.within(cases.c.opened_path)
        statement = select(func.count(), *alike).where(
            tallied(cases.c.workflow) == workflow, cases.c.state != ANNULLED, within
        )
        return [
            Cell(
                state=row[1],
                fields={name: choices.get(name) for name in fields},
                path=row[3] if by_unit else None,
                number=row[0],
            )
            for row in self._connection.execute(statement.group_by(*alike))
            for choices in (_parse(row[2]),)
        ]

    def acts(
        self, measure: ActsMeasure, days: tuple[date | None, date], standing: FromClause
    ) -> tuple[ColumnElement[bool], ...]:
        """What an event must fulfil to be counted; `standing` are the cases that it may be of."""
        first, last = days
        occurred = func.coalesce(event.c.occurred_at, event.c.recorded_at)
        conditions = [
            event.c.workflow == measure.acts,
            event.c.trigger.in_(measure.triggers),
            event.c.case_id == standing.c.id,
            event.c.recorded_at < self._known,
            occurred < end_of_day(last),
        ]
        if first is not None:
            begin = format_instant(start_of_day(first))
            # Nothing is recorded before it occurred: implied by the other, and what an index finds.
            conditions += [event.c.recorded_at >= begin, occurred >= begin]
        return tuple(conditions)

    def count_acts(
        self, measure: ActsMeasure, days: tuple[date | None, date], day: date, *, by_unit: bool
    ) -> Mapping[str | None, int]:
        """The acts, cases or communes that a measure counts; by path of opening, or under None."""
        standing = self.selected(measure, day)
        counted: ColumnElement[int] = {
            "acts": func.count(),
            "cases": func.count(event.c.case_id.distinct()),
            "communes": func.count(standing.c.opened_path.distinct()),
        }[measure.of]
        statement = select(counted).select_from(event, standing).where(*self.acts(measure, days, standing))
        if not by_unit:
            return {None: self._connection.execute(statement).scalar_one()}
        path = standing.c.opened_path
        rows = self._connection.execute(statement.add_columns(path).group_by(path))
        return {row[1]: row[0] for row in rows}

    def selected(
        self, measure: CasesMeasure | ActsMeasure, day: date, *, more: Sequence[ColumnElement[Any]] = ()
    ) -> FromClause:
        """The cases that a measure is about: those in its states and with its values at the end of the day."""
        if isinstance(measure, CasesMeasure):
            workflow, states = measure.cases, tuple(measure.states)
        else:
            workflow, states = measure.acts, tuple(measure.now_in or ())
        found = self.cases(workflow, measure.where, day if states else None, more=more)
        wanted = [found.c[_FIELD + name].in_(values) for name, values in measure.where.items()]
        if states:
            wanted.append(found.c.state.in_(states))
        return select(found).where(*wanted).subquery()


def _newest(value: ColumnElement[str]) -> ColumnElement[str]:
    """Of the events of a case, the value of the last that has one."""
    numbered = cast(event.c.seq + _SEQ_BASE, String) + value  # null where there is none
    return func.substr(func.max(numbered), _SEQ_DIGITS + 1)
