"""What stands behind a figure of a plan, page by page: cases, acts, entered figures, or units."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

from sqlalchemy import Connection, and_, or_, select

from workflows.core.case import Actor
from workflows.core.civil import civil_date, parse_instant
from workflows.core.documents import Level
from workflows.core.indicators import Unknown
from workflows.core.plan_documents import ActsMeasure, CasesMeasure, CountMeasure, Measure, UnitsMeasure
from workflows.store.among import among
from workflows.store.measures import Measures
from workflows.store.paging import Page, Stream, ascending, ordered, page
from workflows.store.rows import Row
from workflows.store.tables import cases, count_entry, event, unit
from workflows.store.visibility import visible


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseBehind:
    """A case, or something that happened to one."""

    id: str
    title: str
    unit: str
    """To which it belongs now."""
    state: str
    """Then."""
    trigger: str | None = None
    """What happened; None: the case itself is counted."""
    occurred_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryBehind:
    """An entered figure."""

    id: str
    key: str
    unit: str
    value: int
    as_of: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitBehind:
    """A unit that is counted."""

    code: str
    name: str


Behind: TypeAlias = CaseBehind | EntryBehind | UnitBehind
Kind: TypeAlias = Literal["cases", "acts", "counts", "units"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Who looks at which page."""

    actor: Actor
    today: date
    cursor: str | None
    limit: int


def kind_of(measure: Measure) -> Kind:
    """What stands behind figures of this kind."""
    match measure:
        case CountMeasure():
            return "counts"
        case UnitsMeasure():
            return "units"
        case CasesMeasure():
            return "cases"
        case ActsMeasure():
            return "acts"


def behind(connection: Connection, measures: Measures, measure: Measure, look: Look) -> Page[Behind]:
    """A page of it, newest first, units by code; cases that the actor may not see are left out.

    Raises:
        BadCursorError: the cursor is none of this list.
    """
    match measure:
        case CountMeasure():
            return page(connection, [_entries(measures, measure)], cursor=look.cursor, limit=look.limit)
        case UnitsMeasure():
            return _units(connection, measures, measure, look)
        case CasesMeasure():
            return page(connection, [_cases(measures, measure, look)], cursor=look.cursor, limit=look.limit)
        case ActsMeasure():
            return page(connection, [_acts(measures, measure, look)], cursor=look.cursor, limit=look.limit)


_SHOWN = (cases.c.title, cases.c.unit, cases.c.unit_path)


def _cases(measures: Measures, measure: CasesMeasure, look: Look) -> Stream[Behind]:
    found = measures.cases.selected(measure, measures.day(measure), more=_SHOWN)
    statement = select(found).where(visible(look.actor, found.c.unit_path, look.today))
    return ordered(statement, (found.c.id,), _case, lambda row: (row["id"],))


def _case(row: Row) -> Behind:
    return CaseBehind(id=row["id"], title=row["title"], unit=row["unit"], state=row["state"])


def _acts(measures: Measures, measure: ActsMeasure, look: Look) -> Stream[Behind]:
    found = measures.cases.selected(measure, measures.day(measure), more=_SHOWN)
    own = (event.c.id, event.c.trigger, event.c.recorded_at, event.c.occurred_at)
    of_case = (found.c.id.label("case_id"), found.c.title, found.c.unit, found.c.state)
    statement = (
        select(*own, *of_case)
        .select_from(event)
        .join(found, found.c.id == event.c.case_id)
        .where(*measures.cases.acts(measure, measures.days(measure), found))
        .where(visible(look.actor, found.c.unit_path, look.today))
    )
    return ordered(statement, (event.c.recorded_at, event.c.id), _act, lambda row: (row["recorded_at"], row["id"]))


def _act(row: Row) -> Behind:
    occurred = parse_instant(row["occurred_at"] or row["recorded_at"])
    return CaseBehind(
        id=row["case_id"],
        title=row["title"],
        unit=row["unit"],
        state=row["state"],
        trigger=row["trigger"],
        occurred_on=civil_date(occurred),
    )


def _entries(measures: Measures, measure: CountMeasure) -> Stream[Behind]:
    statement = select(count_entry).where(among(count_entry.c.id, "ids")).params(ids=measures.entries(measure))
    order = (count_entry.c.recorded_at, count_entry.c.id)
    return ordered(statement, order, _entry, lambda row: (row["recorded_at"], row["id"]))


def _entry(row: Row) -> Behind:
    return EntryBehind(
        id=row["id"],
        key=row["key"],
        unit=row["unit"],
        value=row["value"],
        as_of=date.fromisoformat(row["as_of"]),
        source=row["source"],
    )


def _units(connection: Connection, measures: Measures, measure: UnitsMeasure, look: Look) -> Page[Behind]:
    day = measures.units_on.isoformat()
    in_force = and_(unit.c.valid_from <= day, or_(unit.c.valid_to.is_(None), unit.c.valid_to > day))
    statement = select(unit.c.code, unit.c.name).where(among(unit.c.code, "codes"), in_force)
    statement = statement.params(codes=_codes(measures, measure))
    return ascending(connection, statement, (unit.c.code,), _unit, cursor=look.cursor, limit=look.limit)


def _unit(row: Row) -> Behind:
    return UnitBehind(code=row["code"], name=row["name"])


def _codes(measures: Measures, measure: UnitsMeasure) -> Sequence[str]:
    level = Level(measure.units)
    if measure.having is None:
        return measures.codes(level)
    holds = measures.holds(measure.having, level)
    return [code for code in measures.codes(level) if not isinstance(holds[code], Unknown) and holds[code]]
