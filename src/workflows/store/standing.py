"""How one unit stood as known at the end of a civil day: its figures, and the cases that were in it.

Nothing that was recorded later counts, so that the answer for a past day is the one of that day. Sums over the units
of a plan are in `entered`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import reduce
from typing import Final

from sqlalchemy import Connection, bindparam, select

from workflows.core.case import Case, CaseId, Event, apply
from workflows.core.civil import format_instant, start_of_day
from workflows.core.lineage import Count, Figure, figure
from workflows.store import origins, rows
from workflows.store.among import among
from workflows.store.tables import cases, count_entry, event, event_text, unit

_PATHS: Final = select(unit.c.path).where(unit.c.code == bindparam("code"))
_TOUCHED: Final = (
    select(event.c.case_id)
    .where(
        among(event.c.unit_path, "paths"),
        among(event.c.workflow, "workflows"),
        event.c.recorded_at < bindparam("known"),
    )
    .distinct()
)
_CASES: Final = select(cases).where(among(cases.c.id, "ids"))
_EVENTS: Final = (
    select(event.c.case_id, event.c.entry, event_text.c.salt, event_text.c.payload)
    .outerjoin_from(event, event_text)
    .where(among(event.c.case_id, "ids"), event.c.recorded_at < bindparam("known"))
    .order_by(event.c.case_id, event.c.seq)
)
_COUNTS: Final = select(count_entry).where(
    among(count_entry.c.unit, "units"),
    among(count_entry.c.key, "keys"),
    count_entry.c.as_of <= bindparam("as_of"),
    count_entry.c.recorded_at < bindparam("known"),
)


def end_of_day(day: date) -> str:
    """The first instant that is no longer of the day, as the tables hold instants."""
    return format_instant(start_of_day(day + timedelta(days=1)))


def unit_figures(connection: Connection, code: str, keys: Collection[str], as_of: date) -> Mapping[str, Figure]:
    """By key: the figure of a unit; of one that was made of others theirs, until there is one of its own."""
    lineage = origins.of(connection, {code})
    values = {
        "units": sorted({code, *origins.sources(lineage)}),
        "keys": sorted(keys),
        "as_of": as_of.isoformat(),
        "known": end_of_day(as_of),
    }
    entries: dict[tuple[str, str], list[Count]] = defaultdict(list)
    for row in connection.execute(_COUNTS, values).mappings():
        entries[row["key"], row["unit"]].append(_count(row))

    def of(key: str) -> Figure:
        return figure(lineage, lambda unit_code: entries[key, unit_code], code, area_on=as_of, as_of=as_of)

    return {key: of(key) for key in keys}


def _count(row: rows.Row) -> Count:
    return Count(
        id=row["id"],
        value=row["value"],
        as_of=date.fromisoformat(row["as_of"]),
        source=row["source"],
        recorded_at=row["recorded_at"],
    )


def unit_cases(connection: Connection, code: str, workflows: Collection[str], as_of: date) -> tuple[Case, ...]:
    """The cases of some workflows that belonged to a unit, each as it was then; oldest first."""
    known = end_of_day(as_of)
    paths = list(connection.execute(_PATHS, {"code": code}).scalars())
    values = {"paths": paths, "workflows": sorted(workflows), "known": known}
    ids = list(connection.execute(_TOUCHED, values).scalars())
    found = [rows.case_of(row) for row in connection.execute(_CASES, {"ids": ids}).mappings()] if ids else []
    return tuple(case for case in then(connection, found, known) if case.unit == code)


def then(connection: Connection, found: Iterable[Case], known: str) -> list[Case]:
    """Cases, read from their rows, as they were before an instant; oldest first, without those that were not there."""
    found = list(found)
    moved = {case.id for case in found if format_instant(case.recorded_at) >= known}
    folded = (reduce(apply, events, None) for events in histories(connection, moved, known).values())
    before = [case for case in found if case.id not in moved] + [case for case in folded if case is not None]
    return sorted(before, key=lambda case: case.id)


def histories(connection: Connection, ids: Collection[CaseId], known: str) -> Mapping[CaseId, Sequence[Event]]:
    """By case: what was recorded of it before an instant, in its order; without cases that were not there."""
    found: dict[CaseId, list[Event]] = defaultdict(list)
    for row in connection.execute(_EVENTS, {"ids": sorted(ids), "known": known}).mappings() if ids else ():
        found[CaseId(row["case_id"])].append(rows.event_of(row))
    return found
