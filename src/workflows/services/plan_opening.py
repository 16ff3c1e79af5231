"""Opening a plan: the cases that its document asks for in one year, opened once, and amended when it changes.

First shows the difference, then carries out what is new or changed; nothing is ever closed. Every case has an
idempotency key of its own, shared by all who apply plans, so that a run that was ended or that races another one
opens nothing twice.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, TypeAlias

from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError

from workflows.core.authority import covers, has_role, in_force
from workflows.core.case import (
    Accepted,
    Actor,
    Blocker,
    Case,
    Decision,
    Fire,
    InputError,
    Invalid,
    Open,
    Refused,
    Stale,
)
from workflows.core.civil import format_instant, start_of_day
from workflows.core.document_bytes import canonical_document, plan_hash
from workflows.core.documents import AMEND, ANNULLED, OPEN
from workflows.core.ids import uuid7
from workflows.core.plan_documents import PlanDocument
from workflows.core.wording import wrong_role, wrong_unit
from workflows.services.engine import Engine
from workflows.services.filtering import wrong_case_filter
from workflows.services.plan_cases import REPORT, TASK, Wanted, YearError, agencies_of, wanted
from workflows.services.plan_difference import TITLE, Amendable, Changed, Difference, Found, differences, opening_key
from workflows.services.reading import InvalidError, Slice, today
from workflows.services.targets import plan as plan_of
from workflows.store import plan_openings
from workflows.store.paging import Page
from workflows.store.plan_openings import Applied, OwedFilter, Standing
from workflows.store.queries import CaseFilter
from workflows.store.submissions import Idempotency, KeyReused, Outcome, Reply, Submission, WriteError
from workflows.store.tables import result
from workflows.store.territory import Territory, territory
from workflows.store.writing import result_row, stored

REASON: Final = "Kế hoạch thay đổi / The plan changed"
WINDOW: Final = 256
"""Commands that wait for the writer at once."""
CLIENT: Final = "plan-openings"
"""Whose idempotency keys they are: nobody's alone, so that two people open nothing twice either."""
Advance: TypeAlias = Callable[[int], object]
"""Told how many more cases are through."""
Instant: TypeAlias = datetime | None
_PATIENCE_SECONDS: Final = 600.0
_REFUSED: Final = 400


class OpeningRefusedError(Exception):
    """The actor may not open this plan."""

    def __init__(self, blockers: Sequence[Blocker]) -> None:
        self.blockers = tuple(blockers)
        super().__init__("; ".join(blocker.message.en for blocker in blockers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A plan, and what it asks for in a year as against what is there."""

    plan: PlanDocument
    hash: str
    year: int
    difference: Difference
    opened: Collection[str]
    """Each `opening_key` of a first attempt under which there is a case."""
    attempts: Mapping[str, int]
    """By `opening_key` of the first attempt: how many attempts were refused."""
    applied: bool
    """Whether the plan, as it is now, was applied to this year before."""
    occurred_at: Instant
    """When what is new is said to be opened; None: now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What became of one case."""

    result: Literal["opened", "amended", "already", "failed"]
    """`already`: another run has just opened it."""
    case: str | None = None
    message: str | None = None
    """Why it failed."""
    error: WriteError | None = None
    """Where nothing was decided: another run goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOut:
    """What became of all that was new or changed, in the order of the difference."""

    new: Sequence[Done]
    changed: Sequence[Done | None]
    """None: no amendment could bring the change about."""

    @property
    def each(self) -> Sequence[Done]:
        """Of all cases for which something was tried."""
        return [*self.new, *(done for done in self.changed if done is not None)]

    def number(self, result: str) -> int:
        """Of cases that this became of."""
        return sum(done.result == result for done in self.each)


def survey(engine: Engine, actor: Actor, key: str, year: int) -> Survey:
    """Compare a plan with what is there of it.

    Raises:
        MissingError: there is no such plan.
        InvalidError: it has no such year.
        OpeningRefusedError: the actor may not open it.
    """
    plan = plan_of(engine, key)
    with engine.database.read() as connection:
        units = territory(connection, plan.province, plan.units_as_of)
        asked = _asked(engine, plan, year, units)
        _require_allowed(engine, actor, units.units[plan.province].path, plan.province, asked)
        last = plan_openings.last_applied(connection, key, year)
        before = _before(engine, connection, last, year)
        opened, attempts = _opened(connection, key, (*asked, *before))
        workflows = {TASK, REPORT, *(each.workflow for each in (*asked, *before))}
        cases = plan_openings.standing(connection, key, workflows)
    found = Found(cases=cases, opened=opened, before=before, amendable=_amendable(engine, cases))
    difference, hash_now = differences(plan, year, asked, found), plan_hash(plan)
    # The first time all begin on one day, also where an earlier run was ended halfway.
    beginning = difference.new if last else asked
    return Survey(
        plan=plan,
        hash=hash_now,
        year=year,
        difference=difference,
        opened=opened.keys(),
        attempts=attempts,
        applied=last is not None and last.hash == hash_now,
        occurred_at=_opening_instant(engine, plan, year, units, beginning),
    )


def _asked(engine: Engine, plan: PlanDocument, year: int, units: Territory) -> tuple[Wanted, ...]:
    try:
        return wanted(plan, year, units, engine.catalogue.agencies)
    except YearError as error:
        raise InvalidError([InputError(path="/year", message=str(error))]) from error


def _before(engine: Engine, connection: Connection, last: Applied | None, year: int) -> tuple[Wanted, ...]:
    """What the plan asked for when it was applied last."""
    if last is None:
        return ()
    plan = PlanDocument.model_validate_json(last.document)
    units = territory(connection, plan.province, plan.units_as_of)
    return _asked(engine, plan, year, units)


def _require_allowed(engine: Engine, actor: Actor, path: str, province: str, asked: Sequence[Wanted]) -> None:
    blockers = []
    if not covers(actor, path) or not in_force(actor, today(engine)):
        blockers.append(wrong_unit(actor.unit, province))
    lacking = {
        tuple(sorted(roles)): None
        for workflow in sorted({each.workflow for each in asked})
        if not has_role(actor, roles := engine.definitions.versions(workflow)[-1].opening.roles, workflow, OPEN)
    }
    blockers += [wrong_role(actor.role, roles) for roles in lacking]
    if blockers:
        raise OpeningRefusedError(blockers)


def _opened(connection: Connection, plan: str, asked: Sequence[Wanted]) -> tuple[dict[str, str], dict[str, int]]:
    """By first key: the case that was opened under it or a later one; and how many attempts were refused."""
    opened: dict[str, str] = {}
    attempts: dict[str, int] = {}
    waiting = {opening_key(plan, each): each for each in asked}
    while waiting:
        keys = {opening_key(plan, each, attempts.get(first, 0)): first for first, each in waiting.items()}
        found = stored(connection, [Idempotency(client=CLIENT, key_hash=key, fingerprint="") for key in keys])
        replies = {keys[key]: kept.replies[0] for (_, key), kept in found.items()}
        opened |= {first: _case_in(reply.body) for first, reply in replies.items() if reply.status < _REFUSED}
        refused = [first for first, reply in replies.items() if reply.status >= _REFUSED]
        attempts |= {first: attempts.get(first, 0) + 1 for first in refused}
        waiting = {first: waiting[first] for first in refused}
    return opened, attempts


def _case_in(body: bytes) -> str:
    return str(json.loads(body)["case"]["id"])


def _amendable(engine: Engine, cases: Sequence[Standing]) -> dict[str, Amendable]:
    found = {}
    for key in {case.definition for case in cases}:
        document = engine.definitions.by_hash(key).document
        states = document.amend.from_ or tuple(document.states)
        found[key] = Amendable(fields={TITLE, *document.amend.fields}, states=set(states) - {ANNULLED})
    return found


async def carry_out(engine: Engine, actor: Actor, found: Survey, advance: Advance) -> CarriedOut:
    """Open what is new and amend what changed; kept as an application of the plan when all of it came about.

    A run that ends before leaves what it did; the next one goes on.
    """
    opened = engine.carry_out_all(
        (_opening(engine, actor, found, each) for each in found.difference.new), window=WINDOW
    )
    new = [done async for done in _told(opened, "opened", advance)]
    amendments = (each for each in found.difference.changed if each.amendment)
    amended = engine.carry_out_all((_amending(engine, actor, found, each) for each in amendments), window=WINDOW)
    told = iter([done async for done in _told(amended, "amended", advance)])
    changed = [next(told) if each.amendment else None for each in found.difference.changed]
    done = CarriedOut(new=new, changed=changed)
    if not done.number("failed") and (done.each or not found.applied):
        await asyncio.to_thread(_record, engine, actor, found)
    return done


def _record(engine: Engine, actor: Actor, found: Survey) -> None:
    try:
        _record_next(engine, actor, found)
    except IntegrityError:
        # Another run took the number meanwhile; it has committed, so that the next one is seen now.
        _record_next(engine, actor, found)


def _record_next(engine: Engine, actor: Actor, found: Survey) -> None:
    now, plan, year = engine.clock(), found.plan.plan, found.year
    opening = uuid7(now, os.urandom(10))
    with engine.database.write() as connection:
        last = plan_openings.last_applied(connection, plan, year)
        number = last.number + 1 if last else 1
        applied = Applied(number=number, hash=found.hash, document=canonical_document(found.plan))
        plan_openings.record(connection, actor, opening=opening, plan=plan, year=year, applied=applied, now=now)


def _opening(engine: Engine, actor: Actor, found: Survey, asked: Wanted) -> Submission:
    key = _key(found, asked)
    command = engine.command(
        grant=actor.grant,
        act=Open(workflow=asked.workflow, unit=asked.unit, title=asked.title, data=asked.data, plan=found.plan.plan),
        occurred_at=found.occurred_at,
        idempotency=key.key_hash,
    )
    return Submission(commands=(command,), idempotency=key, deadline_seconds=_PATIENCE_SECONDS)


def _key(found: Survey, asked: Wanted) -> Idempotency:
    first = opening_key(found.plan.plan, asked)
    key = opening_key(found.plan.plan, asked, found.attempts.get(first, 0))
    return Idempotency(client=CLIENT, key_hash=key, fingerprint=first)


def _opening_instant(
    engine: Engine, plan: PlanDocument, year: int, units: Territory, asked: Sequence[Wanted]
) -> Instant:
    """When cases are said to be opened; None: now.

    A plan may be taken in after bodies or units that it names have ended. Its cases begin on the newest day on which
    all of them were there: today, the first of the year, or the plan's own day.
    """
    now, own = today(engine), plan.units_as_of
    agencies = {agency for each in asked for agency in each.agencies}
    places = [units.units[code] for code in {each.unit for each in asked}]
    for day in (now, *(day for day in (date(year, 1, 1), own) if own <= day < now)):
        there = all(each.valid_from <= day.isoformat() < each.valid_to for each in places)
        if there and _in_force(engine, agencies, day):
            return None if day == now else start_of_day(day)
    return None


def _in_force(engine: Engine, agencies: Iterable[str], day: date) -> bool:
    return all(engine.catalogue.agencies[each].valid.covers(day) for each in agencies)


def _amending(engine: Engine, actor: Actor, found: Survey, changed: Changed) -> Submission:
    """An amendment that names a body which has ended is one of the day of the case's last event.

    A report whose day was changed is known from then on as the one of its new day, too.
    """
    key = None if opening_key(found.plan.plan, changed.wanted) in found.opened else _key(found, changed.wanted)
    given, case = changed.amendment, changed.case
    ended = not _in_force(engine, agencies_of(given), today(engine))
    command = engine.command(
        grant=actor.grant,
        act=Fire(case=case.id, trigger=AMEND, input=given, expected_version=case.version),
        reason=REASON,
        occurred_at=case.occurred_at if ended else None,
        idempotency=key.key_hash if key else None,
    )
    return Submission(commands=(command,), idempotency=key, deadline_seconds=_PATIENCE_SECONDS)


async def _told(
    answers: AsyncIterator[tuple[Outcome, ...] | WriteError], result: Literal["opened", "amended"], advance: Advance
) -> AsyncIterator[Done]:
    async for answer in answers:
        advance(1)
        if isinstance(answer, WriteError):
            yield Done(result="failed", message=str(answer), error=answer)
        else:
            yield _done(answer[0], result)


def _done(outcome: Outcome, result: Literal["opened", "amended"]) -> Done:
    if isinstance(outcome.decision, Accepted):
        return Done(result=result, case=outcome.decision.events[0].case)
    if outcome.decision is not None:
        return Done(result="failed", message=_why(outcome.decision))
    if outcome.reply.status < _REFUSED:
        return Done(result="already", case=_case_in(outcome.reply.body))
    return Done(result="failed", message="another run was just refused the same case")


def _why(decision: Decision) -> str:
    if isinstance(decision, Invalid):
        return "; ".join(f"{error.path}: {error.message}" for error in decision.errors)
    if isinstance(decision, Refused):
        return "; ".join(f"{each.code}: {each.message.en} / {each.message.vi}" for each in decision.blockers)
    if isinstance(decision, Stale):
        return "the case has moved meanwhile"
    return f"came to {type(decision).__name__.lower()}"


def owed(
    engine: Engine, actor: Actor, key: str, part: Slice, *, year: int | None, state: str | None, overdue: bool | None
) -> Page[Case]:
    """Reports owed under a plan that the actor may see, newest first.

    Raises:
        MissingError: there is no such plan.
        InvalidError: no report has such a state.
        BadCursorError: the cursor is none of this list.
    """
    plan_of(engine, key)
    wanted_reports = OwedFilter(plan=key, workflow=REPORT, year=year, state=state, overdue=overdue)
    with engine.database.read() as connection:
        wrong = wrong_case_filter(connection, engine.definitions, CaseFilter(workflow=REPORT, state=state))
        if wrong:
            raise InvalidError(wrong)
        return plan_openings.list_owed(
            connection, actor, today(engine), wanted_reports, cursor=part.cursor, limit=part.limit
        )


def kept_reply(engine: Engine, key: Idempotency) -> Reply | None:
    """The reply that a request got before; raises KeyReused where it was another request."""
    with engine.database.read() as connection:
        return _kept(connection, key)


def keep_reply(engine: Engine, key: Idempotency, reply: Reply) -> Reply:
    """Keep a reply, and give the one that is kept: that of a twin of the request which was quicker, if there is one."""
    try:
        with engine.database.write() as connection:
            connection.execute(insert(result), result_row(key, [reply], format_instant(engine.clock())))
    except IntegrityError:
        with engine.database.read() as connection:
            return _kept(connection, key) or reply
    return reply


def _kept(connection: Connection, key: Idempotency) -> Reply | None:
    found = stored(connection, [key]).get((key.client, key.key_hash))
    if found and found.fingerprint != key.fingerprint:
        raise KeyReused("the idempotency key was used with another request")
    return found.replies[0] if found else None
