"""Proofs over what happens when a deadline has passed: that the trigger can be fired there, by the system, as written.

Guards are not weighed: the system may be refused like anybody else.
"""

from collections.abc import Iterator, Mapping

from workflows.core.documents import Catalogue, Due, Role, Transition, WhenPassed, WorkflowDocument
from workflows.core.problems import Finding, Path
from workflows.core.source_proofs import Scope, prove_source


def prove_when_passed(document: WorkflowDocument, catalogue: Catalogue) -> Iterator[Finding]:
    """Each thing wrong with `when_passed` of the states' deadlines."""
    for state, due, path in _deadlines(document):
        for index, action in enumerate(due.when_passed):
            place = (*path, index)
            yield from _told_twice(place, action)
            if action.fire is not None:
                yield from _fired((*place, "fire"), action.fire, state, document)
                yield from _input((*place, "with"), action, state, document, catalogue)
    yield from _circles(document)


def _deadlines(document: WorkflowDocument) -> Iterator[tuple[str, Due, Path]]:
    for name, state in document.states.items():
        if state.due is not None:
            yield name, state.due, ("states", name, "due", "when_passed")


def _told_twice(path: Path, action: WhenPassed) -> Iterator[Finding]:
    for key, given in (("notify", action.notify), ("escalate", action.escalate)):
        roles = given if isinstance(given, tuple) else ()
        for index, role in enumerate(roles):
            if role in roles[:index]:
                yield Finding(path=(*path, key, index), message=f'"{role}" stands twice in the list', given=role)


def _fired(path: Path, trigger: str, state: str, document: WorkflowDocument) -> Iterator[Finding]:
    transition = document.transitions.get(trigger)
    if transition is None:
        yield Finding.unknown(path, trigger, "a trigger of this workflow", document.transitions)
    elif state not in transition.sources:
        leading = [name for name, each in document.transitions.items() if state in each.sources]
        yield Finding.unknown(path, trigger, f"a trigger that leads from {state}", leading)
    elif Role.SYSTEM not in transition.roles:
        message = f'"{trigger}" is not fired by the system: its roles do not name {Role.SYSTEM}'
        yield Finding(path=path, message=message, given=trigger)


def _input(
    path: Path, action: WhenPassed, state: str, document: WorkflowDocument, catalogue: Catalogue
) -> Iterator[Finding]:
    transition = document.transitions.get(action.fire or "")
    if transition is None or state not in transition.sources:
        return
    scope = Scope(input={}, fields=document.fields)
    for name, source in action.with_.items():
        if name not in transition.input:
            yield Finding.unknown((*path, name), name, f"an input of {action.fire}", transition.input)
        else:
            yield from prove_source((*path, name), source, transition.input[name], scope, catalogue)
    for name, spec in transition.input.items():
        if spec.required and name not in action.with_:
            message = f'"{name}" is missing: {action.fire} requires it'
            yield Finding(path=path if action.with_ else path[:-1], message=message, given=name)


def _circles(document: WorkflowDocument) -> Iterator[Finding]:
    """A day that the case names stays past wherever the case goes, so that it would go round without an end."""
    onward = {
        name: [_target(document.transitions.get(action.fire or ""), name) for action in due.when_passed]
        for name, due, _ in _deadlines(document)
        if due.on is not None
    }
    told: set[str] = set()
    for name in onward:
        way = _way_back(name, onward)
        if way and told.isdisjoint(way):
            told |= set(way)
            message = f"the deadlines go round in a circle: {' → '.join((*way, name))}"
            yield Finding(path=("states", name, "due", "when_passed"), message=message)


def _target(transition: Transition | None, state: str) -> str:
    """Where it leads; the state itself where it keeps it, or leads nowhere."""
    return transition.target(state) if transition is not None and state in transition.sources else state


def _way_back(start: str, onward: Mapping[str, list[str]]) -> tuple[str, ...]:
    """The states from one back to itself, the shortest way; empty where there is none."""
    waiting: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    for way in waiting:
        for target in onward.get(way[-1], ()):
            if target == way[-1]:
                continue
            if target == start:
                return way
            if target not in seen:
                seen.add(target)
                waiting.append((*way, target))
    return ()
