"""What a wave writes: events, cases, links, replies and refused attempts, each table in one call."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

import msgspec
from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite

from workflows.core.canonical import Json, canonical_bytes, digest
from workflows.core.case import (
    Accepted,
    Case,
    CaseId,
    Command,
    Decision,
    Event,
    Fire,
    MoveDeadline,
    MoveUnit,
    Open,
    Refused,
)
from workflows.core.civil import civil_date, format_instant
from workflows.core.fields import present, split
from workflows.core.ids import derived
from workflows.core.world import Draft, World
from workflows.store.among import among, listed
from workflows.store.many import execute_many, insert_many
from workflows.store.rows import MOVING, case_row, event_rows, link_rows, moving_columns, word_rows
from workflows.store.submissions import Idempotency, Reply, Stored
from workflows.store.tables import (
    attempt,
    attempt_overflow,
    case_link,
    case_word,
    cases,
    event,
    event_text,
    outbox,
    result,
)

ATTEMPTS_PER_HOUR = 100
"""Refused attempts of one person that are recorded singly; more are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Refusal:
    command: Command
    refused: Refused
    cause: str | None


@dataclass(slots=True, kw_only=True)
class Writing:
    """What the submissions of one wave leave behind."""

    now: datetime
    events: list[Event] = field(default_factory=list)
    cases: dict[CaseId, Case] = field(default_factory=dict)
    results: list[dict[str, object]] = field(default_factory=list)
    refusals: list[_Refusal] = field(default_factory=list)

    def add(
        self,
        commands: Sequence[Command],
        decisions: Sequence[Decision],
        replies: Sequence[Reply],
        idempotency: Idempotency | None,
        draft: Draft,
    ) -> None:
        """Take in a decided submission; malformed requests leave nothing, not even their key."""
        self.cases |= draft.cases
        for command, decision in zip(commands, decisions, strict=True):
            if isinstance(decision, Accepted):
                self.events += decision.events
                cause = decision.events[0].id
                self.refusals += [_Refusal(command=command, refused=each, cause=cause) for each in decision.skipped]
            elif isinstance(decision, Refused):
                self.refusals.append(_Refusal(command=command, refused=decision, cause=None))
        if idempotency and any(isinstance(decision, Accepted | Refused) for decision in decisions):
            self.results.append(result_row(idempotency, replies, format_instant(self.now)))


def result_row(idempotency: Idempotency, replies: Sequence[Reply], recorded_at: str) -> dict[str, object]:
    """One reply is stored as its bytes; those of a group one after the other, lengths in the headers."""
    return {
        "client": idempotency.client,
        "key_hash": idempotency.key_hash,
        "fingerprint": idempotency.fingerprint,
        "status": replies[0].status,
        "body": b"".join(reply.body for reply in replies),
        "headers": _encode([(reply.status, len(reply.body), dict(reply.headers)) for reply in replies]).decode(),
        "recorded_at": recorded_at,
    }


_encode: Final = msgspec.json.Encoder().encode


def together(writings: Sequence[Writing]) -> Writing:
    """What all of them leave behind; none of them has a case in common with another."""
    whole = Writing(now=writings[0].now)
    for each in writings:
        whole.events += each.events
        whole.cases |= each.cases
        whole.results += each.results
        whole.refusals += each.refusals
    return whole


class LostUpdateError(RuntimeError):
    """A case moved although its unit was locked: somebody wrote around the writer."""


_UPDATE: Final = (
    cases.update()
    .where(cases.c.id == bindparam("case_id"), cases.c.version == bindparam("expected"))
    .values({name: bindparam(name) for name in MOVING})
)
_UPDATE_UNIT: Final = (
    cases.update()
    .where(cases.c.id == bindparam("case_id"))
    .values(unit=bindparam("new_unit"), unit_path=bindparam("new_path"))
)
_INSERT_CASES: Final = cases.insert()
_INSERT_EVENTS: Final = event.insert()
_INSERT_TEXTS: Final = event_text.insert()
_INSERT_OUTBOX: Final = outbox.insert().from_select(["event_id"], select(listed("ids").c.value))
_INSERT_LINKS: Final = case_link.insert()
_DELETE_LINKS: Final = case_link.delete().where(case_link.c.case_id == bindparam("of_case"))
_INSERT_WORDS: Final = case_word.insert()
_DELETE_WORDS: Final = case_word.delete().where(
    case_word.c.word == bindparam("old"), case_word.c.case_id == bindparam("of_case")
)
_INSERT_RESULTS: Final = result.insert()
_RESULTS: Final = select(result).where(among(result.c.client, "clients"), among(result.c.key_hash, "keys"))
_SAME: Final = select(attempt.c.same).where(among(attempt.c.same, "same"))
_PERSONS: Final = (
    select(attempt.c.person, func.count())
    .where(among(attempt.c.person, "persons"), attempt.c.recorded_at >= bindparam("since"))
    .group_by(attempt.c.person)
)


def stored(connection: Connection, keys: Iterable[Idempotency]) -> dict[tuple[str, str], Stored]:
    """Replies that idempotency keys got before, by client and key."""
    wanted = [(each.client, each.key_hash) for each in keys]
    if not wanted:
        return {}
    clients, hashes = zip(*wanted, strict=True)
    rows = connection.execute(_RESULTS, {"clients": sorted({*clients}), "keys": hashes})
    return {(row.client, row.key_hash): Stored(fingerprint=row.fingerprint, replies=_replies(row)) for row in rows}


def _replies(row: Any) -> tuple[Reply, ...]:  # noqa: ANN401 - a row has no narrower type
    replies, start = [], 0
    for status, length, headers in json.loads(row.headers):
        body = bytes(row.body[start : start + length])
        replies.append(Reply(status=status, body=body, headers=headers, replayed=True))
        start += length
    return tuple(replies)


def write(connection: Connection, world: World, writing: Writing) -> None:
    """Write a wave.

    Args:
        connection: Within the writer's transaction.
        world: As the wave was decided on: tells which cases are new, and their versions.
        writing: What to write.

    Raises:
        LostUpdateError: a case is not at the version it was decided at.
    """
    _write_cases(connection, world, writing.cases)
    _write_events(connection, writing)
    if writing.results:
        insert_many(connection, _INSERT_RESULTS, writing.results)
    if writing.refusals:
        _write_attempts(connection, world, writing)


def _write_cases(connection: Connection, world: World, changed: Mapping[CaseId, Case]) -> None:
    new = [case_row(case) for case in changed.values() if world.case(case.id) is None]
    moved = [_moved(case, before) for case in changed.values() if (before := world.case(case.id))]
    if new:
        insert_many(connection, _INSERT_CASES, new)
    if moved:
        found = execute_many(connection, _UPDATE, moved).rowcount
        if found != len(moved):
            raise LostUpdateError(f"{len(moved) - found} of {len(moved)} cases were not at the version decided on")
    _write_units(connection, world, changed)
    _write_links(connection, world, changed)
    _write_words(connection, world, changed)


def _moved(case: Case, before: Case) -> dict[str, object]:
    return {**moving_columns(case), "case_id": case.id, "expected": before.version}


def _write_units(connection: Connection, world: World, changed: Mapping[CaseId, Case]) -> None:
    rows = [
        {"case_id": case.id, "new_unit": case.unit, "new_path": case.unit_path}
        for case in changed.values()
        if (before := world.case(case.id)) and before.unit_path != case.unit_path
    ]
    if rows:
        connection.execute(_UPDATE_UNIT, rows)


def _write_links(connection: Connection, world: World, changed: Mapping[CaseId, Case]) -> None:
    relinked = []
    for case in changed.values():
        before = world.case(case.id)
        if case.links != (before.links if before else {}):
            relinked.append(case)
    if not relinked:
        return
    connection.execute(_DELETE_LINKS, [{"of_case": case.id} for case in relinked])
    rows = [row for case in relinked for row in link_rows(case)]
    if rows:
        connection.execute(_INSERT_LINKS, rows)


def _write_words(connection: Connection, world: World, changed: Mapping[CaseId, Case]) -> None:
    retitled = [
        (case, before)
        for case in changed.values()
        if (before := world.case(case.id)) is None or before.title != case.title or before.unit_path != case.unit_path
    ]
    old = [row for _, before in retitled if before for row in word_rows(before)]
    if old:
        connection.execute(_DELETE_WORDS, [{"old": row["word"], "of_case": row["case_id"]} for row in old])
    rows = [row for case, _ in retitled for row in word_rows(case)]
    if rows:
        insert_many(connection, _INSERT_WORDS, rows)


def _write_events(connection: Connection, writing: Writing) -> None:
    if not writing.events:
        return
    pairs = [event_rows(each, writing.cases[each.case].unit_path) for each in writing.events]
    insert_many(connection, _INSERT_EVENTS, [row for row, _ in pairs])
    connection.execute(_INSERT_OUTBOX, {"ids": [each.id for each in writing.events]})
    texts = [text for _, text in pairs if text]
    if texts:
        insert_many(connection, _INSERT_TEXTS, texts)


def _write_attempts(connection: Connection, world: World, writing: Writing) -> None:
    rows = {str(row["same"]): row for row in (_attempt(each, world, writing) for each in writing.refusals)}
    known = set(connection.execute(_SAME, {"same": list(rows)}).scalars())
    fresh = [row for same, row in rows.items() if same not in known]
    kept, beyond = _within_limit(connection, fresh, writing.now)
    if kept:
        connection.execute(attempt.insert(), kept)
    for person, uncounted in beyond.items():
        _count_beyond(connection, person, uncounted, writing.now)


def _attempt(refusal: _Refusal, world: World, writing: Writing) -> dict[str, object]:
    command, refused = refusal.command, refusal.refused
    actor = world.grants[command.grant]
    case = world.case(refused.case) or writing.cases.get(refused.case) if refused.case else None
    given = _without_free_text(command, case, world, writing.now) if refusal.cause is None else None
    codes = sorted({blocker.code for blocker in refused.blockers})
    workflow, path = (case.workflow, case.unit_path) if case else _opening_of(command, world)
    where: Json = refused.case or [workflow, path]
    what: list[Json] = [where, refused.version, actor.person, refused.trigger, codes, given]
    entry: dict[str, Json] = {
        "case": refused.case,
        "case_version": refused.version,
        "trigger": refused.trigger,
        "command": command.id,
        "cause": refusal.cause,
        "actor": {"person": actor.person, "role": actor.role.value, "unit": actor.unit, "grant": actor.grant},
        "source": case.state if case else None,
        "input": given,
        "blockers": [
            {
                "code": each.code,
                "message": {"vi": each.message.vi, "en": each.message.en},
                "found": each.found,
                "needed": each.needed,
                "case": each.case,
            }
            for each in refused.blockers
        ],
    }
    same = digest(canonical_bytes(what))
    return {
        "id": derived(command.id, f"attempt/{same}", 0),
        "same": same,
        "case_id": refused.case,
        "workflow": workflow,
        "trigger": refused.trigger,
        "unit_path": path,
        "person": actor.person,
        "entry": canonical_bytes(entry).decode(),
        "recorded_at": format_instant(writing.now),
    }


def _without_free_text(command: Command, case: Case | None, world: World, now: datetime) -> dict[str, Json]:
    """The values of a refused command as they may be kept for good; texts and reasons are not."""
    act = command.act
    if isinstance(act, MoveUnit):
        return {"to": act.to, "act": act.change.act}
    if isinstance(act, MoveDeadline):
        return {}
    if isinstance(act, Fire):
        definition = world.definitions.by_hash(cast("Case", case).definition)  # a trigger is refused on a case
        public, _ = split(definition.step(act.trigger).fields, present(act.input))
    else:
        definition = world.definitions.for_opening(act.workflow, civil_date(command.occurred_at or now))
        public, _ = split(definition.opening.fields, present(act.data))
    return public


def _opening_of(command: Command, world: World) -> tuple[str, str]:
    """Workflow and unit path of a refused opening: nothing else is refused without a case."""
    act = cast("Open", command.act)
    return act.workflow, world.units[act.unit][-1].path


def _within_limit(
    connection: Connection, rows: Sequence[dict[str, object]], now: datetime
) -> tuple[list[dict[str, object]], dict[str, int]]:
    """The attempts to record, and how many more each person made in this clock hour (UTC)."""
    persons = sorted({str(row["person"]) for row in rows})
    if not persons:
        return [], {}
    hour = now.replace(minute=0, second=0, microsecond=0)
    counted = connection.execute(_PERSONS, {"persons": persons, "since": format_instant(hour)})
    recorded: dict[str, int] = {row[0]: row[1] for row in counted}
    kept: list[dict[str, object]] = []
    beyond: dict[str, int] = {}
    for row in rows:
        person = str(row["person"])
        if recorded.get(person, 0) < ATTEMPTS_PER_HOUR:
            recorded[person] = recorded.get(person, 0) + 1
            kept.append(row)
        else:
            beyond[person] = beyond.get(person, 0) + 1
    return kept, beyond


def _count_beyond(connection: Connection, person: str, uncounted: int, now: datetime) -> None:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    row = {"person": person, "hour": format_instant(now)[:13], "uncounted": uncounted}
    connection.execute(
        insert(attempt_overflow)
        .values(row)
        .on_conflict_do_update(
            index_elements=["person", "hour"], set_={"uncounted": attempt_overflow.c.uncounted + uncounted}
        )
    )
