"""Which keys of a part of a workflow go together: what its validators refuse beyond the types.

Takes the parts as they are; their shape is `documents`'s, and whether names resolve is proved elsewhere.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the parts are checked here
    from workflows.core.documents import Condition, Due, Frozen, WhenPassed

_CONDITIONS = ("that", "share", "attested", "all_of", "any_of", "at_least")
_ACTIONS = ("notify", "escalate", "fire")


def check_condition(condition: "Condition") -> "Condition":
    """One kind, and no more asked than there is."""
    _require_one(condition, "a condition", _CONDITIONS)
    if (condition.at_least is None) != (condition.of is None):
        raise ValueError("at_least and of go together")
    if condition.of is not None and condition.at_least is not None and condition.at_least > len(condition.of):
        raise ValueError(f"at_least is {condition.at_least} but of lists {len(condition.of)}")
    return condition


def check_due(due: "Due") -> "Due":
    """Counted from a day, or a day of the case."""
    given = _given(due, ("within", "unit", "on"))
    if given not in (["within", "unit"], ["on"]):
        raise ValueError(f"a deadline is within and unit, or on; this one has {', '.join(given) or 'none'}")
    if due.rolls and due.unit not in {"days", "months"}:
        raise ValueError("only days and months roll: working days end on one, and a named day stays")
    return due


def check_when_passed(action: "WhenPassed") -> "WhenPassed":
    """One thing to do; input is for a trigger."""
    _require_one(action, "what happens", _ACTIONS)
    if action.with_ and action.fire is None:
        raise ValueError("with is the input of the trigger that fire names")
    return action


def _given(part: "Frozen", names: Sequence[str]) -> list[str]:
    return [name for name in names if getattr(part, name) is not None]


def _require_one(part: "Frozen", what: str, kinds: Sequence[str]) -> None:
    given = _given(part, kinds)
    if len(given) != 1:
        raise ValueError(f"{what} has exactly one of {', '.join(kinds)}; this one has {', '.join(given) or 'none'}")
