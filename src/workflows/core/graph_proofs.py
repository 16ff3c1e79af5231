"""Proofs over the states and transitions of one document: reachability, ends, deadlines, four-eyes rules.

Guards are not weighed: a path counts as possible when its transitions exist, whatever they require.
"""

from collections.abc import Iterable, Iterator

from workflows.core.documents import OPEN, Catalogue, State, Transition, WorkflowDocument
from workflows.core.problems import ANY_WORKFLOW, Finding, Path
from workflows.core.relations import fired, openers, related, resolved, triggers


def prove_graph(document: WorkflowDocument, catalogue: Catalogue) -> Iterator[Finding]:
    """Each thing wrong with the states, the transitions between them, and who may fire them."""
    named = [*_initial(document), *_ends(document)]
    yield from named
    for name, state in document.states.items():
        yield from _state(("states", name), state)
    if not named:  # a misspelt state would leave others unreachable, which is no news
        yield from _unreachable(document)
        yield from _endless(document)
        yield from _four_eyes(document, catalogue)
    yield from _unfired(document, catalogue)


def _initial(document: WorkflowDocument) -> Iterator[Finding]:
    state = document.states.get(document.initial)
    if state is None:
        yield Finding.unknown(("initial",), document.initial, "a state", document.states)
    elif state.final:
        yield Finding(path=("initial",), message=f'"{document.initial}" is final: nothing could ever happen')


def _ends(document: WorkflowDocument) -> Iterator[Finding]:
    for name, transition in document.transitions.items():
        path = "transitions", name
        yield from _sources((*path, "from"), transition, document)
        if isinstance(transition.to, str):
            yield from _state_name((*path, "to"), transition.to, document)
        else:
            yield from _map((*path, "to"), transition, transition.to, document)


def _sources(path: Path, transition: Transition, document: WorkflowDocument) -> Iterator[Finding]:
    for index, source in enumerate(transition.sources):
        place = path if isinstance(transition.from_, str) else (*path, index)
        yield from _state_name(place, source, document)
        if source in document.states and document.states[source].final:
            message = f'"{source}" is final: no transition leads out of it'
            yield Finding(path=place, message=message, given=source)


def _state_name(path: Path, name: str, document: WorkflowDocument) -> Iterator[Finding]:
    if name not in document.states:
        yield Finding.unknown(path, name, "a state", document.states)


def _map(path: Path, transition: Transition, to: dict[str, str], document: WorkflowDocument) -> Iterator[Finding]:
    for source, target in to.items():
        yield from _state_name((*path, source), target, document)
        if source not in transition.sources:
            yield Finding.unknown((*path, source), source, "a state of from", transition.sources)
    for source in transition.sources:
        if source not in to:
            yield Finding(path=path, message=f'the state "{source}" of from has no target')


def _state(path: Path, state: State) -> Iterator[Finding]:
    if state.final and state.lasting:
        yield Finding(path=path, message="a state is final or lasting, not both")
    if state.final and state.due is not None:
        yield Finding(path=(*path, "due"), message="a final state has no deadline: nothing is left to be done")
    if state.due is not None and state.owner is None:
        yield Finding(path=(*path, "due"), message="a deadline needs an owner: the roles that answer for it")
    if state.owner is not None and state.due is None:
        yield Finding(path=(*path, "owner"), message="an owner answers for a deadline, and there is no due")


def _edges(document: WorkflowDocument) -> Iterator[tuple[str, str]]:
    for transition in document.transitions.values():
        for source in transition.sources:
            yield source, transition.target(source)


def _closure(start: Iterable[str], edges: Iterable[tuple[str, str]]) -> frozenset[str]:
    """All that can be reached along the edges, with the start itself."""
    onward: dict[str, list[str]] = {}
    for source, target in edges:
        onward.setdefault(source, []).append(target)
    reached: set[str] = set()
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += onward.get(name, ())
    return frozenset(reached)


def _unreachable(document: WorkflowDocument) -> Iterator[Finding]:
    reached = _closure([document.initial], _edges(document))
    for name in document.states:
        if name not in reached:
            message = f'no path of transitions leads here from "{document.initial}"'
            yield Finding(path=("states", name), message=message)


def _endless(document: WorkflowDocument) -> Iterator[Finding]:
    rests = [name for name, state in document.states.items() if state.final or state.lasting]
    ending = _closure(rests, ((target, source) for source, target in _edges(document)))
    for name in document.states:
        if name not in ending:
            message = "reaches no end: make it final or lasting, or lead it to a state that is"
            yield Finding(path=("states", name), message=message)


def _unfired(document: WorkflowDocument, catalogue: Catalogue) -> Iterator[Finding]:
    """Openings and transitions that neither a person nor another case can cause."""
    if not resolved(catalogue):  # the misspelt name, told where it stands, may mean this workflow
        return
    if not document.open.roles and not openers(document.workflow, catalogue):
        message = "nobody can open a case: there are no roles, and no workflow opens it"
        yield Finding(path=("open",), message=message, about=ANY_WORKFLOW)
    by_effect = fired(catalogue)
    for name, transition in document.transitions.items():
        if not transition.roles and (document.workflow, name) not in by_effect:
            message = "nobody can fire it: there are no roles, and no effect fires it"
            yield Finding(path=("transitions", name), message=message, about=ANY_WORKFLOW)


def _four_eyes(document: WorkflowDocument, catalogue: Catalogue) -> Iterator[Finding]:
    for name, transition in document.transitions.items():
        for index, given in enumerate(transition.separate_from):
            path = "transitions", name, "separate_from", index
            workflow, _, trigger = given.rpartition(".")
            if workflow:
                yield from _elsewhere(path, workflow, trigger, document, catalogue)
            else:
                yield from _here(path, trigger, name, transition, document)


def _elsewhere(
    path: Path, workflow: str, trigger: str, document: WorkflowDocument, catalogue: Catalogue
) -> Iterator[Finding]:
    if workflow not in catalogue.workflows:
        yield Finding.unknown(path, workflow, "a workflow", catalogue.workflows, about=workflow)
        return
    near = sorted(related(document, catalogue))
    if workflow not in near:
        what = "the workflow of a parent, child, list member or list of this one"
        yield Finding.unknown(path, workflow, what, near, about=ANY_WORKFLOW)
    known = (OPEN, *triggers(workflow, catalogue))
    if trigger not in known:
        yield Finding.unknown(path, trigger, f"a trigger of {workflow}", known, about=workflow)


def _here(path: Path, trigger: str, name: str, transition: Transition, document: WorkflowDocument) -> Iterator[Finding]:
    known = (OPEN, *document.transitions)
    if trigger not in known:
        yield Finding.unknown(path, trigger, "a trigger of this workflow", known)
    elif not _can_precede(trigger, transition, document):
        span = "in the same episode" if transition.separate_over == "episode" else "in the same case"
        message = f'"{trigger}" can never have been fired before "{name}" {span}: the rule would have no effect'
        yield Finding(path=path, message=message, given=trigger)


def _can_precede(trigger: str, transition: Transition, document: WorkflowDocument) -> bool:
    """Whether a path leads from where `trigger` ends to where `transition` begins, within its span."""
    starts = (document.initial,) if trigger == OPEN else document.transitions[trigger].targets
    edges = _edges(document)
    if transition.separate_over == "episode":
        # Entering such a state begins a new episode; the act that enters it belongs to the new one.
        edges = ((source, target) for source, target in edges if not document.states[target].new_episode)
    return not _closure(starts, edges).isdisjoint(transition.sources)
