"""The long lists: cases, events and refused attempts, as one key may see them, with their filters and indexes.

Every list of cases or of what happened across cases begins at `_tops`, which is where visibility is decided. What a
page is and how an index is walked is `paging`'s and `walking`'s affair.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, TypeAlias

import msgspec
from sqlalchemy import ColumnElement, Connection, FromClause, Select, Table, and_, func, literal, select

from workflows.core.authority import covers, in_force
from workflows.core.case import Actor, Case, Event
from workflows.core.civil import format_instant, parse_instant, start_of_day
from workflows.core.folding import words
from workflows.store import rows
from workflows.store.paging import Order, Page, Place, Stream, ordered, page
from workflows.store.queries import Attempt, CaseFilter
from workflows.store.tables import (
    HAPPENED,
    LISTED,
    LISTED_STILL,
    MOVED,
    PROVINCE,
    RUNNING_BY_DAY,
    attempt,
    case_word,
    cases,
    event,
    event_text,
    province,
    unit,
)
from workflows.store.visibility import below
from workflows.store.walking import Filter, Series, Span, Walk

Outcome: TypeAlias = Literal["accepted", "refused", "all"]
Entry: TypeAlias = Event | Attempt

_RARE_WORDS: Final = 4
"""Of the words searched for, as many are looked up; the longest, which are the rarest."""
_TEXTED: Final = event.outerjoin(event_text)
_CASES: Final = Series(source=cases, where=(), order=(cases.c.id,), holds=(), rows=cases)
_MOVED: Final = Series(source=cases, where=(MOVED,), order=_CASES.order, holds=("opened_path", *LISTED), rows=cases)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events and refused attempts; None does not restrict."""

    outcome: Outcome = "accepted"
    person: str | None = None
    unit: str | None = None
    """Code of a unit, in any period: what happened there and in all units below it."""
    workflow: str | None = None
    trigger: str | None = None
    first_day: date | None = None
    """Civil date of recording, inclusive."""
    end_day: date | None = None
    """Exclusive."""


def list_cases(
    connection: Connection, actor: Actor, today: date, found: CaseFilter, *, cursor: str | None, limit: int
) -> Page[Case]:
    """Newest first, by id; raises BadCursorError."""
    # In the order in which they are tried: those first that are at their end soon.
    parent = _equal(_CASES, "parent", found.parent, ("parent", *LISTED_STILL))
    filters = _case_filters(found, today)
    tops = _tops(connection, actor, found.unit, today)
    streams = [
        Walk(
            table=cases,
            fetched=cases,
            columns=(cases,),
            all=_CASES,
            filters=[*parent, _within(connection, _CASES, LISTED, top), *filters],
        ).stream(rows.case_of)
        for top in tops
    ]
    for path in _ended(connection, actor, found.unit, today):
        moved = [_moved_from(path, actor, tops), *parent, *filters]
        streams.append(
            Walk(table=cases, fetched=cases, columns=(cases,), all=_MOVED, filters=moved).stream(rows.case_of)
        )
    return page(connection, streams, cursor=cursor, limit=limit)


def list_events(
    connection: Connection, actor: Actor, today: date, found: EventFilter, *, cursor: str | None, limit: int
) -> Page[Entry]:
    """Of all cases that the actor may see, newest first by recording; raises BadCursorError."""
    tops = _tops(connection, actor, found.unit, today)
    streams: list[Stream[Entry]] = []
    for top in tops if found.outcome != "refused" else ():
        happened = _happened(connection, event, _TEXTED, top, found)
        streams.append(happened.stream(rows.event_of))
    for top in tops if found.outcome != "accepted" else ():
        tried = _happened(connection, attempt, attempt, top, found)
        streams.append(tried.stream(_attempt))
    return page(connection, streams, cursor=cursor, limit=limit)


def case_history(
    connection: Connection, case_id: str, outcome: Outcome, *, cursor: str | None, limit: int
) -> Page[Entry]:
    """Of one case, newest first. Whether it may be seen has been asked before; raises BadCursorError."""
    events: Stream[Entry] = ordered(
        _events().where(event.c.case_id == case_id), (event.c.seq,), rows.event_of, lambda row: (row["recorded_at"], 1)
    )
    attempts: Stream[Entry] = ordered(
        select(attempt).where(attempt.c.case_id == case_id),
        (attempt.c.recorded_at, attempt.c.id),
        _attempt,
        lambda row: (row["recorded_at"], 0),
    )
    streams = {"accepted": [events], "refused": [attempts], "all": [events, attempts]}
    return page(connection, streams[outcome], cursor=cursor, limit=limit)


def _events() -> Select[Any]:
    return select(event, event_text.c.salt, event_text.c.payload).select_from(_TEXTED)


def _tops(connection: Connection, actor: Actor, code: str | None, today: date) -> Sequence[str]:
    """Paths at or below which everything is that the actor may see, and that is of the unit if one is named."""
    if not in_force(actor, today):
        return ()
    if code is None:
        return (actor.unit_path,)
    paths = set(connection.execute(select(unit.c.path).where(unit.c.code == code)).scalars())
    seen = {path for path in paths if covers(actor, path)}
    above = {actor.unit_path for path in paths if actor.unit_path.startswith(f"{path}/")}
    return sorted(seen | above)


def _ended(connection: Connection, actor: Actor, code: str | None, today: date) -> Sequence[str]:
    """Paths of the unit in periods that have ended: cases that were opened there may have moved to a successor."""
    if code is None or not in_force(actor, today):
        return ()
    paths = select(unit.c.path).where(unit.c.code == code, unit.c.valid_to.is_not(None))
    return sorted(set(connection.execute(paths).scalars()))


def _moved_from(path: str, actor: Actor, tops: Sequence[str]) -> Filter:
    """Cases opened at or below the path that the actor sees elsewhere, and that no other stream has."""

    def condition(columns: FromClause, _: ColumnElement[str]) -> ColumnElement[bool]:
        elsewhere = and_(below(columns.c.unit_path, (actor.unit_path,)), ~below(columns.c.unit_path, tops))
        return and_(below(columns.c.opened_path, (path,)), elsewhere)

    there = province(cases.c.opened_path) == path[:PROVINCE]
    series = _where(_MOVED, MOVED, there, holds=_MOVED.holds, exact=False)
    return Filter(condition=condition, reads=frozenset({"unit_path", "opened_path"}), series=series)


def _within(connection: Connection, all_rows: Series, holds: Sequence[str], top: str) -> Filter:
    """What lies at or below a path."""
    path = all_rows.source.c.unit_path
    series: Series | None = None
    if len(top) > PROVINCE and _is_leaf(connection, top):
        series = _where(all_rows, path == top, holds=holds)
    elif len(top) >= PROVINCE:
        series = _where(all_rows, province(path) == top[:PROVINCE], holds=holds, exact=len(top) == PROVINCE)
    return Filter(
        condition=lambda columns, _: below(columns.c.unit_path, (top,)),
        reads=frozenset({"unit_path"}),
        series=series,
        narrows=series is not None,
    )


def _is_leaf(connection: Connection, path: str) -> bool:
    inside = select(unit.c.path).where(below(unit.c.path, (path,)), unit.c.path != path).limit(1)
    return connection.execute(inside).first() is None


def _where(all_rows: Series, *where: ColumnElement[bool], holds: Sequence[str], exact: bool = True) -> Series:
    return Series(
        source=all_rows.source, where=where, order=all_rows.order, holds=holds, rows=all_rows.rows, exact=exact
    )


def _equal(all_rows: Series, name: str, value: str | None, holds: Sequence[str] = ()) -> list[Filter]:
    """`holds`: of the index that finds the value; nothing: there is none."""
    if value is None:
        return []
    series = _where(all_rows, all_rows.source.c[name] == value, holds=holds) if holds else None
    return [Filter(condition=lambda columns, _: columns.c[name] == value, reads=frozenset({name}), series=series)]


def _case_filters(found: CaseFilter, today: date) -> list[Filter]:
    return [
        *_titled(found.q),
        *_equal(_CASES, "state", found.state, LISTED),
        *_equal(_CASES, "plan", found.plan, LISTED_STILL),
        *_overdue(found, today),
        *_equal(_CASES, "workflow", found.workflow, LISTED_STILL),
    ]


def _overdue(found: CaseFilter, today: date) -> list[Filter]:
    if found.overdue is None:
        return []
    reads = frozenset({"final", "due"})
    if not found.overdue:
        return [Filter(condition=lambda columns, _: ~func.coalesce(_late(columns, today), False), reads=reads)]
    running = _where(_CASES, ~cases.c.final, cases.c.due.is_not(None), holds=LISTED, exact=False)
    soonest = select(cases.c.id).where(RUNNING_BY_DAY, cases.c.due < today.isoformat()).order_by(cases.c.due)
    return [Filter(condition=lambda columns, _: _late(columns, today), reads=reads, series=running, few=soonest)]


def _late(columns: FromClause, today: date) -> ColumnElement[bool]:
    return and_(~columns.c.final, columns.c.due.is_not(None), columns.c.due < today.isoformat())


def _titled(q: str | None) -> list[Filter]:
    """A case whose title has all words; one without a word, such as `%`, stands in no title."""
    if not q or q.isspace():
        return []
    wanted = sorted(set(words(q)), key=lambda word: (-len(word), word))
    if not wanted:
        return [Filter(condition=lambda *_: literal("") != "")]
    return [_with_word(word, named=rank < _RARE_WORDS) for rank, word in enumerate(wanted)]


def _with_word(word: str, *, named: bool) -> Filter:
    """By its words a case is looked up one by one: a subquery that no planner turns into reading all of them."""
    other = case_word.alias()
    series = Series(
        source=case_word,
        where=(case_word.c.word == word,),
        order=(case_word.c.case_id,),
        holds=("unit_path", "workflow"),
        rows=case_word.join(cases, cases.c.id == case_word.c.case_id),
    )
    found = select(other.c.word).where(other.c.word == word)
    return Filter(
        condition=lambda _, case_id: found.where(other.c.case_id == case_id).scalar_subquery().is_not(None),
        series=series if named else None,
        probes=True,
    )


def _happened(connection: Connection, table: Table, fetched: FromClause, top: str, found: EventFilter) -> Walk:
    order: Order = (table.c.recorded_at, table.c.id)
    all_rows = Series(source=table, where=(), order=order, holds=HAPPENED, rows=table)
    filters = [
        *_equal(all_rows, "person", found.person, HAPPENED),
        _within(connection, all_rows, HAPPENED, top),
        *_equal(all_rows, "trigger", found.trigger, HAPPENED),
        *_equal(all_rows, "workflow", found.workflow),
    ]
    return Walk(
        table=table,
        fetched=fetched,
        columns=(event, event_text.c.salt, event_text.c.payload) if table is event else (attempt,),
        all=all_rows,
        filters=filters,
        span=Span(least=_instant(found.first_day), below=_instant(found.end_day)),
    )


def _instant(day: date | None) -> Place | None:
    """Where the civil date begins in the order of events."""
    return None if day is None else (format_instant(start_of_day(day)), "")


def _attempt(row: rows.Row) -> Attempt:
    return Attempt(
        id=row["id"],
        case=row["case_id"],
        workflow=row["workflow"],
        trigger=row["trigger"],
        person=row["person"],
        entry=msgspec.json.decode(row["entry"]),
        recorded_at=parse_instant(row["recorded_at"]),
    )
