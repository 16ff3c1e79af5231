"""Deadlines of cases: why one is as it is, and moving those that a newly issued calendar changes.

Which deadline is right is the core's to say; here cases are read, commands are submitted and the answer is laid out
as JSON.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Final, cast

from workflows.core.calendar_documents import IssuedDocument
from workflows.core.calendars import Calendar, Reckoning, Skipped, Worked
from workflows.core.case import Actor, Case, Decision, MoveDeadline
from workflows.core.deadline_moves import moved
from workflows.core.deadline_words import told
from workflows.core.deadlines import Deadline, deadline_of
from workflows.core.definition import Definition
from workflows.core.documents import Words
from workflows.services import reading
from workflows.services.engine import Engine
from workflows.services.rendering import Object, is_overdue, words_json
from workflows.store.running import running_in
from workflows.store.submissions import Submission

_TOGETHER: Final = 200
"""Commands that are queued at once: the rest of the queue is for others."""
_PATIENCE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """A case with its deadline, and what that rests on."""

    case: Case
    definition: Definition
    deadline: Deadline | None

    @property
    def words(self) -> Words:
        """In one paragraph."""
        return told(self.definition, self.case, self.deadline)

    @property
    def calendar(self) -> Calendar | None:
        """None where the deadline does not depend on one."""
        by_calendar = self.deadline is not None and self.deadline.spec.by_calendar
        return self.definition.calendar if by_calendar else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A running case whose deadline the calendar now has on another day."""

    case: Case
    last: date
    """The new one."""
    notices: tuple[IssuedDocument, ...]
    """Those about the days that were counted."""


def explained(engine: Engine, actor: Actor, case_id: str) -> Explained:
    """Raises MissingError."""
    return _explained(engine, reading.case(engine, actor, case_id))


def _explained(engine: Engine, case: Case) -> Explained:
    definition = engine.definitions.by_hash(case.definition)
    return Explained(case=case, definition=definition, deadline=deadline_of(definition, case))


def moves(engine: Engine, actor: Actor) -> Iterator[Move]:
    """Running cases that the actor may see, and whose deadlines are to be moved; by id."""
    with engine.database.read() as connection:
        for case in running_in(connection, actor, reading.today(engine), _by_calendar(engine)):
            found = moved(engine.definitions.by_hash(case.definition), case)
            if found is not None:
                yield Move(case=case, last=found.last, notices=found.notices)


def _by_calendar(engine: Engine) -> frozenset[tuple[str, str]]:
    """The definitions, by their hashes, and states whose deadlines depend on a calendar."""
    versions = (each for key in engine.definitions.keys for each in engine.definitions.versions(key))
    return frozenset(
        (version.hash, name)
        for version in versions
        for name, state in version.document.states.items()
        if state.due is not None and state.due.by_calendar
    )


def apply(engine: Engine, actor: Actor, found: Iterable[Move], reason: str | None) -> Iterator[tuple[Move, Decision]]:
    """Record the moves, each for itself and in their order; one that was made meanwhile is refused.

    Raises:
        WriteError: the writer could not; what was told is done, and another run goes on.
    """
    left = iter(found)
    while batch := list(islice(left, _TOGETHER)):
        acts = [MoveDeadline(case=move.case.id) for move in batch]
        commands = [engine.command(grant=actor.grant, act=act, reason=reason) for act in acts]
        futures = [engine.submit(Submission(commands=(each,), deadline_seconds=_PATIENCE_SECONDS)) for each in commands]
        for move, future in zip(batch, futures, strict=True):
            # Without a key nothing is replayed, so that it was decided now.
            yield move, cast("Decision", future.result()[0].decision)


def deadline_json(found: Explained, today: date) -> Object:
    """Why a case has the deadline that it has; what does not apply is null or empty."""
    case, deadline = found.case, found.deadline
    due = deadline.due if deadline else None
    reckoned = deadline.last if deadline else None
    return {
        "case": case.id,
        "state": case.state,
        "due": _iso(due),
        "overdue": is_overdue(case, today),
        "moves_to": _iso(reckoned) if reckoned != due else None,
        "explanation": words_json(found.words),
        "named_by": deadline.spec.field if deadline else None,
        "within": deadline.spec.within if deadline else None,
        "unit": deadline.spec.unit if deadline else None,
        "rolls": bool(deadline and deadline.spec.rolls),
        **_reckoning_json(deadline.reckoning if deadline else None),
        "calendar": _calendar_json(found.calendar, reckoned) if found.calendar else None,
        "basis": _basis(deadline),
        "law": [_issued_json(each) for each in found.calendar.document.law] if found.calendar else [],
    }


def _reckoning_json(found: Reckoning | None) -> Object:
    return {
        "start": _iso(found.start) if found else None,
        "last": _iso(found.last) if found else None,
        "counted": found.counted if found else None,
        "skipped": [_skipped_json(each) for each in found.skipped] if found else [],
        "worked": [_worked_json(each) for each in found.worked] if found else [],
    }


def _skipped_json(each: Skipped) -> Object:
    return {
        "day": each.day.isoformat(),
        "reason": each.reason.value,
        "name": words_json(each.name),
        "document": _issued_json(each.document) if each.document else None,
        "worked": _iso(each.worked),
    }


def _worked_json(each: Worked) -> Object:
    return {
        "day": each.day.isoformat(),
        "instead_of": each.instead_of.isoformat(),
        "document": _issued_json(each.document),
    }


def _issued_json(document: IssuedDocument) -> Object:
    return {
        "number": document.number,
        "date": document.date.isoformat(),
        "issuer": words_json(document.issuer),
        "says": words_json(document.says),
    }


def _calendar_json(calendar: Calendar, last: date | None) -> Object:
    document = calendar.document
    return {
        "key": document.calendar,
        "title": words_json(document.title),
        "version": calendar.version,
        "settled_to": _iso(document.settled.to),
        "provisional": last is not None and not calendar.settles(last),
    }


def _basis(deadline: Deadline | None) -> Sequence[str]:
    if deadline is None:
        return ()
    basis = deadline.spec.basis
    return (basis,) if isinstance(basis, str) else basis


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
