"""What is to happen once a deadline has passed, and the notice that it has: pure values, no clock.

A deadline is that of one stay in one state: it is told apart by the case, the state, the instant of entering and the
day. When it is acted upon, and that this happens once, is the worker's affair.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, TypeAlias, cast

from workflows.core.canonical import Json, canonical_bytes, digest
from workflows.core.case import Case, CaseId, Data
from workflows.core.civil import format_instant, parse_instant
from workflows.core.definition import Definitions
from workflows.core.documents import Role, WhenPassed
from workflows.core.drafting import resolve
from workflows.core.fields import present

DEADLINE_PASSED: Final = "deadline_passed"
"""What notices go by where events go by their triggers; no trigger may be called so."""
_PROVINCE: Final = 2
"""Codes in the path of a province."""


class Does(StrEnum):
    """What an action does."""

    NOTIFY = "notify"
    ESCALATE = "escalate"
    FIRE = "fire"


class Outcome(StrEnum):
    """What came of an action."""

    TOLD = "told"
    FIRED = "fired"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One action of the deadline of one state of one definition."""

    definition: str
    """Hash."""
    state: str
    index: int
    """Among the actions of the deadline."""
    action: WhenPassed
    owner: tuple[Role, ...]

    def last_due(self, today: date) -> date:
        """The latest deadline on which the action is to be done by a civil date, inclusive."""
        return today - timedelta(days=1 + self.action.after)

    @property
    def does(self) -> Does:
        if self.action.fire is not None:
            return Does.FIRE
        return Does.NOTIFY if self.action.escalate is None else Does.ESCALATE

    @property
    def roles(self) -> tuple[Role, ...]:
        """Who is told; nobody, where a trigger is fired."""
        notified = self.owner if isinstance(self.action.notify, str) else self.action.notify
        return self.action.escalate or notified or ()


Rules: TypeAlias = Mapping[tuple[str, str], Sequence[Rule]]
"""By definition and state, in the order of the document; only what has any."""


def rules_of(definitions: Definitions) -> Rules:
    """Every action that a document knows."""
    found: dict[tuple[str, str], list[Rule]] = {}
    for each in (version for key in definitions.keys for version in definitions.versions(key)):
        for name, state in each.document.states.items():
            for index, action in enumerate(state.due.when_passed if state.due else ()):
                rule = Rule(definition=each.hash, state=name, index=index, action=action, owner=state.owner or ())
                found.setdefault((each.hash, name), []).append(rule)
    return found


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Deadline:
    """A deadline of a case, and one of its actions: done once."""

    due: date
    case: CaseId
    state: str
    state_since: datetime
    action: int

    @property
    def key(self) -> str:
        """Tells it apart from all others, in 64 hexadecimal digits."""
        named: list[Json] = [self.case, self.state, format_instant(self.state_since), self.due.isoformat(), self.action]
        return digest(canonical_bytes(named))


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """That a deadline has passed, and what was done about it."""

    id: str
    deadline: Deadline
    workflow: str
    version: int
    """Of the workflow."""
    definition: str
    unit: str
    unit_path: str
    seq: int
    """The version of the case after what was done."""
    does: Does
    to_roles: tuple[str, ...]
    to_unit: str
    """Code of the unit at which these roles are told."""
    trigger: str | None
    outcome: Outcome
    event: str | None
    """What was fired."""
    codes: tuple[str, ...]
    """Of what stood against it."""
    recorded_at: datetime

    @property
    def entry(self) -> bytes:
        """The canonical bytes of the whole."""
        return canonical_bytes(
            {
                "v": 1,
                "id": self.id,
                "kind": DEADLINE_PASSED,
                "case": self.deadline.case,
                "seq": self.seq,
                "workflow": self.workflow,
                "version": self.version,
                "definition": self.definition,
                "unit": self.unit,
                "unit_path": self.unit_path,
                "state": self.deadline.state,
                "state_since": format_instant(self.deadline.state_since),
                "due": self.deadline.due.isoformat(),
                "action": self.deadline.action,
                "does": self.does.value,
                "to": {"roles": list(self.to_roles), "unit": self.to_unit},
                "fired": self.trigger,
                "outcome": self.outcome.value,
                "event": self.event,
                "codes": list(self.codes),
                "recorded_at": format_instant(self.recorded_at),
            }
        )


def read_notice(entry: bytes) -> Notice:
    """What `Notice.entry` was made of; raises ValueError, KeyError or TypeError for other bytes."""
    found = json.loads(entry)
    deadline = Deadline(
        due=date.fromisoformat(found["due"]),
        case=CaseId(found["case"]),
        state=found["state"],
        state_since=parse_instant(found["state_since"]),
        action=found["action"],
    )
    return Notice(
        id=found["id"],
        deadline=deadline,
        **{name: found[name] for name in ("workflow", "version", "definition", "unit", "unit_path", "seq", "event")},
        does=Does(found["does"]),
        to_roles=tuple(found["to"]["roles"]),
        to_unit=found["to"]["unit"],
        trigger=found["fired"],
        outcome=Outcome(found["outcome"]),
        codes=tuple(found["codes"]),
        recorded_at=parse_instant(found["recorded_at"]),
    )


def deadline_of(case: Case, action: int) -> Deadline:
    """Raises ValueError where the case has no deadline."""
    if case.due is None:
        message = f"case {case.id} has no deadline"
        raise ValueError(message)
    return Deadline(due=case.due, case=case.id, state=case.state, state_since=case.state_since, action=action)


def told(rule: Rule, case: Case, *, notice_id: str, now: datetime) -> Notice:
    """The notice for those whom the rule names."""
    return _notice(rule, case, deadline_of(case, rule.index), notice_id, now)


def fired(  # noqa: PLR0913 - what came of it has that many parts
    rule: Rule,
    case: Case,
    deadline: Deadline,
    *,
    notice_id: str,
    now: datetime,
    seq: int,
    event: str | None,
    codes: tuple[str, ...],
) -> Notice:
    """The notice of a trigger that was fired, or refused with some codes; the case as it is after it."""
    outcome = Outcome.REFUSED if event is None else Outcome.FIRED
    notice = _notice(rule, case, deadline, notice_id, now)
    return replace(notice, seq=seq, outcome=outcome, event=event, codes=codes)


def _notice(rule: Rule, case: Case, deadline: Deadline, notice_id: str, now: datetime) -> Notice:
    """One that only tells."""
    path = superior(case.unit_path) if rule.does is Does.ESCALATE else case.unit_path
    return Notice(
        id=notice_id,
        deadline=deadline,
        workflow=case.workflow,
        version=case.workflow_version,
        definition=case.definition,
        unit=case.unit,
        unit_path=case.unit_path,
        seq=case.version,
        does=rule.does,
        to_roles=tuple(role.value for role in rule.roles),
        to_unit=path.rpartition("/")[2],
        trigger=rule.action.fire,
        outcome=Outcome.TOLD,
        event=None,
        codes=(),
        recorded_at=max(now, case.recorded_at),
    )


def superior(unit_path: str) -> str:
    """The path of the unit above, but never above the province: nobody beyond answers for its plans."""
    codes = unit_path.split("/")
    return "/".join(codes[:-1]) if len(codes) > _PROVINCE else unit_path


def given(rule: Rule, case: Case, today: date) -> Data:
    """The input with which a rule fires its trigger."""
    values = {name: resolve(source, given={}, case=case, today=today) for name, source in rule.action.with_.items()}
    return cast("Data", present(values))
