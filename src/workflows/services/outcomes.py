"""The word for what came of a command, the same in logs, metrics and traces."""

import re
from dataclasses import dataclass
from typing import Final

from workflows.core.case import (
    Accepted,
    Act,
    Blocker,
    Command,
    Decision,
    Dropped,
    Invalid,
    MoveDeadline,
    MoveUnit,
    NotFound,
    Open,
    Refused,
    Stale,
)
from workflows.core.documents import MOVE_DEADLINE, MOVE_UNIT, OPEN
from workflows.store.submissions import (
    Answer,
    CommandFailed,
    Expired,
    KeyReused,
    Outcome,
    OutcomeUnknown,
    QueueFull,
    Unwritable,
    WriteError,
    WriterStopped,
)

_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,59}")
REPLAYED: Final = "replayed"
QUEUE_FULL: Final = "queue_full"
_DECIDED: Final[dict[type[Decision], str]] = {
    Accepted: "accepted",
    Refused: "refused",
    Invalid: "invalid",
    NotFound: "not_found",
    Stale: "stale",
    Dropped: "dropped",
}
_NOT_CARRIED_OUT: Final[dict[type[WriteError], str]] = {
    CommandFailed: "failed",
    Expired: "expired",
    KeyReused: "key_reused",
    OutcomeUnknown: "outcome_unknown",
    QueueFull: QUEUE_FULL,
    Unwritable: "unwritable",
    WriterStopped: "stopped",
}
OUTCOMES: Final = (*_DECIDED.values(), *_NOT_CARRIED_OUT.values(), REPLAYED)


def outcome_code(answer: Outcome | WriteError) -> str:
    """What came of one command; `dropped` for a member of a group of which another could not be."""
    if isinstance(answer, WriteError):
        return _NOT_CARRIED_OUT.get(type(answer), "failed")
    return _DECIDED[type(answer.decision)] if answer.decision is not None else REPLAYED


def answers(answer: Answer, commands: int) -> tuple[Outcome | WriteError, ...]:
    """The answer to a submission, once for each of its commands."""
    return (answer,) * commands if isinstance(answer, WriteError) else answer


def blockers(answer: Outcome | WriteError) -> tuple[Blocker, ...]:
    """What stands against a refused command; nothing for any other."""
    decision = None if isinstance(answer, WriteError) else answer.decision
    return decision.blockers if isinstance(decision, Refused) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What may be said of a command where many read: ids, names and codes, nothing that a person wrote."""

    command: str
    case: str | None
    """None while no case was opened."""
    workflow: str | None
    """None where only the case would tell: of a firing that was not accepted."""
    trigger: str | None
    outcome: str
    codes: tuple[str, ...]
    """Of the blockers, each once."""


def told(command: Command, answer: Outcome | WriteError) -> Told:
    """A command and what came of it."""
    case, workflow, trigger = _named(command.act)
    decision = None if isinstance(answer, WriteError) else answer.decision
    if isinstance(decision, Accepted):
        case, workflow = decision.events[0].case, decision.events[0].workflow
    return Told(
        command=command.id,
        case=case,
        workflow=workflow,
        trigger=trigger,
        outcome=outcome_code(answer),
        codes=tuple(dict.fromkeys(blocker.code for blocker in blockers(answer))),
    )


def _named(act: Act) -> tuple[str | None, str | None, str | None]:
    """Case, workflow and trigger, as far as the command tells them."""
    if isinstance(act, Open):
        return None, _name(act.workflow), OPEN
    if isinstance(act, MoveUnit):
        return act.case, None, MOVE_UNIT
    if isinstance(act, MoveDeadline):
        return act.case, None, MOVE_DEADLINE
    return act.case, None, _name(act.trigger)


def _name(given: str) -> str | None:
    """What was sent as a name, unless it could be anything."""
    return given if _NAME.fullmatch(given) else None
