"""The state machine of one definition version, on `transitions`: compiled once, shared, never holding a case.

A transition is fired on a throw-away token. The machine is flat and not queued: that form alone is safe when
threads share it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import cast

from transitions import Machine as _Machine
from transitions import State as _State
from transitions.core import EventData


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One way from a state; `target` None keeps the state."""

    trigger: str
    source: str
    target: str | None


class _Token:
    __slots__ = ("allow", "state")

    def __init__(self, state: str, allow: Callable[[], bool]) -> None:
        self.state = state
        self.allow = allow


def _allowed(event: EventData) -> bool:
    return cast("_Token", event.model).allow()


class Machine:
    """Which trigger leads from which state to which."""

    def __init__(self, states: Iterable[str], edges: Iterable[Edge]) -> None:
        self._machine = _Machine(
            model=None,
            states=[_State(name) for name in states],
            transitions=[
                {
                    "trigger": edge.trigger,
                    "source": edge.source,
                    "dest": edge.target,
                    "conditions": [_allowed],
                }
                for edge in edges
            ],
            initial=None,
            auto_transitions=False,
            send_event=True,
            queued=False,
        )

    def leads(self, trigger: str, source: str) -> bool:
        """Whether the trigger is defined in the state."""
        return source in self._machine.events[trigger].transitions

    def step(self, trigger: str, source: str, allow: Callable[[], bool]) -> str | None:
        """The state that the trigger leads to, or None when `allow` says no.

        `allow` is called once, and only where the trigger is defined in `source` (`leads`).
        """
        token = _Token(source, allow)
        fired = self._machine.events[trigger].trigger(token)
        return token.state if fired else None
