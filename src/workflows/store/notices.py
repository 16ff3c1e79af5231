"""Deadlines that have passed: which are to be acted upon, what was done, and what is to be fired.

An action is claimed under the lock of its case, so that a deadline that is moved, or a state that is left, meanwhile
is not acted upon; the key of its row sees to it that it is done once. A trigger is noted as a firing before it is
fired, and becomes a notice when it is known what came of it. What fires it, and when, is the worker's affair.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    false,
    func,
    insert,
    or_,
    select,
    union_all,
    update,
)

from workflows.core.canonical import digest
from workflows.core.case import Actor, Case, CaseId
from workflows.core.civil import civil_date, format_instant, parse_instant
from workflows.core.overdue import Deadline, Does, Notice, Rule, Rules, deadline_of, read_notice
from workflows.store.among import among, listed
from workflows.store.paging import Page, ordered, page
from workflows.store.rows import Row, case_of
from workflows.store.tables import RUNNING_BY_DAY, cases, firing, notice, outbox, unit
from workflows.store.visibility import below, visible

SWEPT: Final = 5_000
"""Cases that one look for late ones finds at the most."""
_KEY: Final = ("case_id", "state", "state_since", "due", "action")
_LATE: Final = (
    select(cases)
    .where(among(cases.c.id, "ids"), ~cases.c.final, cases.c.due < bindparam("today"))
    .order_by(cases.c.due, cases.c.id)
    .with_for_update(key_share=True, skip_locked=True)
)
_DONE: Final = union_all(
    *(select(*(table.c[name] for name in _KEY)).where(among(table.c.case_id, "ids")) for table in (notice, firing))
)
_ENQUEUE: Final = outbox.insert().from_select(["event_id"], select(listed("ids").c.value))
_ONE: Final = tuple(firing.c[name] == bindparam(f"of_{name}") for name in _KEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """A trigger that is to be fired, and the case as it was read last."""

    deadline: Deadline
    rule: Rule
    case: Case
    version: int
    """Of the case when it was decided upon."""

    @property
    def trigger(self) -> str:
        """The one of its rule: no other than a rule that fires becomes a firing."""
        return cast("str", self.rule.action.fire)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFilter:
    """Which notices; None does not restrict."""

    workflow: str | None = None
    unit: str | None = None
    """Code of a unit, in any period: notices of its cases and of those of all units below it."""
    case: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What is to be done about one late case now, in the order of the document."""

    case: Case
    told: tuple[Rule, ...]
    firings: tuple[Firing, ...]


def waiting(connection: Connection, rules: Iterable[Rule], today: date, *, limit: int = SWEPT) -> list[CaseId]:
    """Cases with an action that is to be done by a civil date and is not: by deadline, then by id."""
    statement = select(cases.c.id).where(*_unattended(rules, today)).order_by(cases.c.due, cases.c.id).limit(limit)
    return [CaseId(found) for found in connection.execute(statement).scalars()]


def count_waiting(connection: Connection, rules: Iterable[Rule], today: date) -> int:
    """Cases with such an action; what is being fired, too."""
    late = connection.execute(select(func.count()).select_from(cases).where(*_unattended(rules, today))).scalar_one()
    fired: int = connection.execute(select(func.count()).select_from(firing)).scalar_one()
    return int(late) + fired


def _unattended(rules: Iterable[Rule], today: date) -> tuple[ColumnElement[bool], ...]:
    of_rules = [
        and_(
            cases.c.definition == rule.definition,
            cases.c.state == rule.state,
            cases.c.due <= rule.last_due(today).isoformat(),
            *(_undone(table, rule.index) for table in ((notice, firing) if rule.does is Does.FIRE else (notice,))),
        )
        for rule in rules
    ]
    return RUNNING_BY_DAY, cases.c.due < today.isoformat(), or_(false(), *of_rules)


def _undone(table: Table, index: int) -> ColumnElement[bool]:
    """Whether the action has no row for the deadline of the case as it stands.

    As a value, which planners look up for each late case: where they see what it means, they read the whole table.
    """
    same = [table.c[name] == cases.c[name] for name in ("state", "state_since", "due")]
    found = select(table.c.case_id).where(table.c.case_id == cases.c.id, *same, table.c.action == index)
    return found.correlate(cases).scalar_subquery().is_(None)


def claim(
    connection: Connection, rules: Rules, ids: Sequence[CaseId], now: datetime, *, lease: timedelta, fires: bool
) -> list[Claimed]:
    """What is to be done about the cases, unless somebody else is at them; firings are noted for whoever calls.

    Args:
        connection: Within a write transaction; the cases stay as they are until it ends.
        rules: All that there are.
        ids: Of the cases.
        now: The present.
        lease: How long nobody else may take up the firings.
        fires: Whether triggers are fired at all.
    """
    today = civil_date(now)
    rows = connection.execute(_LATE, {"ids": list(ids), "today": today.isoformat()}).mappings().all()
    late = [case_of(row) for row in rows]
    # A statement of its own, which sees what was committed before the cases were locked; and one for both tables, as
    # a firing may become a notice at any time.
    done = {_deadline(row) for row in connection.execute(_DONE, {"ids": [case.id for case in late]}).mappings()}
    found = [_claimed(case, rules, today, done, fires=fires) for case in late]
    noted = [_noted(each, now + lease) for one in found for each in one.firings]
    if noted:
        connection.execute(insert(firing), noted)
    return found


def _claimed(case: Case, rules: Rules, today: date, done: Collection[Deadline], *, fires: bool) -> Claimed:
    due = [
        rule
        for rule in rules.get((case.definition, case.state), ())
        if case.due is not None and case.due <= rule.last_due(today) and deadline_of(case, rule.index) not in done
    ]
    firings = [
        Firing(deadline=deadline_of(case, rule.index), rule=rule, case=case, version=case.version)
        for rule in due
        if rule.does is Does.FIRE and fires
    ]
    return Claimed(
        case=case,
        told=tuple(rule for rule in due if rule.does is not Does.FIRE),
        firings=tuple(firings[:1]),  # a second one finds another version, and perhaps another state
    )


def _deadline(row: Row) -> Deadline:
    return Deadline(
        due=date.fromisoformat(row["due"]),
        case=CaseId(row["case_id"]),
        state=row["state"],
        state_since=parse_instant(row["state_since"]),
        action=row["action"],
    )


def _noted(found: Firing, until: datetime) -> dict[str, object]:
    return {**_key(found.deadline), "version": found.version, "claimed_until": format_instant(until)}


def _key(found: Deadline) -> dict[str, object]:
    return {
        "case_id": found.case,
        "state": found.state,
        "state_since": format_instant(found.state_since),
        "due": found.due.isoformat(),
        "action": found.action,
    }


def record(connection: Connection, notices: Sequence[Notice]) -> None:
    """Writes notices down and leaves them for the feed; each action can have one."""
    if notices:
        connection.execute(insert(notice), [notice_row(each) for each in notices])
        connection.execute(_ENQUEUE, {"ids": [each.id for each in notices]})


def notice_row(found: Notice) -> dict[str, object]:
    """The whole row."""
    entry = found.entry
    return {
        **_key(found.deadline),
        "id": found.id,
        "seq": found.seq,
        "hash": digest(entry),
        "entry": entry,
        "workflow": found.workflow,
        "unit_path": found.unit_path,
        "recorded_at": format_instant(found.recorded_at),
    }


def any_left_behind(connection: Connection, now: datetime) -> bool:
    """Whether `left_behind` would find something."""
    statement = select(firing.c.case_id).where(firing.c.claimed_until <= format_instant(now)).limit(1)
    return connection.execute(statement).first() is not None


def left_behind(connection: Connection, rules: Rules, now: datetime, *, lease: timedelta, limit: int) -> list[Firing]:
    """Firings whose worker has not said in time what came of them, for whoever calls until the lease ends."""
    statement = (
        select(firing)
        .where(firing.c.claimed_until <= format_instant(now))
        .order_by(firing.c.due, firing.c.case_id, firing.c.action)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = connection.execute(statement).mappings().all()
    if not rows:
        return []
    until = format_instant(now + lease)
    again = [{f"of_{name}": row[name] for name in _KEY} | {"until": until} for row in rows]
    connection.execute(update(firing).where(*_ONE).values(claimed_until=bindparam("until")), again)
    ids = {"ids": [row["case_id"] for row in rows]}
    found = {
        case.id: case
        for case in map(case_of, connection.execute(select(cases).where(among(cases.c.id, "ids")), ids).mappings())
    }
    return [_firing(row, found, rules) for row in rows]


def _firing(row: Row, found: Mapping[CaseId, Case], rules: Rules) -> Firing:
    deadline = _deadline(row)
    case = found[deadline.case]
    rule = next(each for each in rules[case.definition, deadline.state] if each.index == deadline.action)
    return Firing(deadline=deadline, rule=rule, case=case, version=row["version"])


def settle(connection: Connection, notices: Sequence[Notice], dropped: Sequence[Deadline]) -> list[Notice]:
    """Turns firings into notices, and drops others; of those that somebody else has settled, nothing is written.

    Returns what was written.
    """
    ended = [*(each.deadline for each in notices), *dropped]
    held = select(*(firing.c[name] for name in _KEY)).where(among(firing.c.case_id, "ids"))
    rows = connection.execute(held.order_by(*_order()).with_for_update(), {"ids": [each.case for each in ended]})
    open_ = {_deadline(row) for row in rows.mappings()}
    written = [each for each in notices if each.deadline in open_]
    record(connection, written)
    keys = [{f"of_{name}": value for name, value in _key(each).items()} for each in ended if each in open_]
    if keys:
        connection.execute(delete(firing).where(*_ONE), keys)
    return written


def list_notices(
    connection: Connection, actor: Actor, today: date, wanted: NoticeFilter, *, cursor: str | None, limit: int
) -> Page[Notice]:
    """Of the cases that the actor may see, newest first; raises BadCursorError."""
    equal = ((notice.c.workflow, wanted.workflow), (notice.c.case_id, wanted.case))
    statement = select(notice.c.id, notice.c.entry).where(visible(actor, notice.c.unit_path, today))
    statement = statement.where(*(column == value for column, value in equal if value is not None))
    if wanted.unit is not None:
        paths = connection.execute(select(unit.c.path).where(unit.c.code == wanted.unit)).scalars()
        statement = statement.where(below(notice.c.unit_path, paths))
    stream = ordered(statement, (notice.c.id,), lambda row: read_notice(row["entry"]), lambda row: (row["id"],))
    return page(connection, [stream], cursor=cursor, limit=limit)


def _order() -> tuple[ColumnElement[Any], ...]:
    """So that two who settle the same wait for one another, and do not embrace."""
    return tuple(firing.c[name] for name in _KEY)
