"""Proofs over what a step changes: its own case's fields, effects on related cases, and children it opens."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain

from workflows.core.documents import (
    OPEN,
    AgenciesField,
    CasesField,
    Catalogue,
    Effect,
    FieldSpec,
    ItemsField,
    Opening,
    Source,
    Transition,
    WorkflowDocument,
)
from workflows.core.problems import Finding, Path
from workflows.core.relations import (
    Step,
    causes,
    opened,
    openers,
    states,
    steps,
    transitions,
    triggers,
    versions,
)
from workflows.core.source_proofs import Scope, named_field, prove_source

_ASKED_ABOUT = re.compile(r"\bknown\.(input\.[a-z][a-z0-9_]*)")
_RELATIONS = ("parent", "children", "same_unit")


def prove_effects(document: WorkflowDocument, catalogue: Catalogue) -> Iterator[Finding]:
    """Each thing wrong with set, effects and opens, and cycles that begin in this document."""
    for step in steps(document):
        scope = Scope(input=step.input, fields=document.fields)
        yield from _set(step, document, scope, catalogue)
        for index, effect in enumerate(step.effects):
            yield from _effect((*step.path, "effects", index), effect, scope, document, catalogue)
            if step.trigger == OPEN and effect.on not in _RELATIONS:
                message = "opening cannot act on linked cases; let a transition do it"
                yield Finding(path=(*step.path, "effects", index, "on"), message=message, given=effect.on)
        for index, opening in enumerate(step.opens):
            yield from _opening((*step.path, "opens", index), opening, scope, document, catalogue)
        yield from _cycle(step, document, catalogue)


def _set(step: Step, document: WorkflowDocument, scope: Scope, catalogue: Catalogue) -> Iterator[Finding]:
    transition = document.transitions.get(step.trigger)
    for name, source in transition.set.items() if transition else ():
        path = (*step.path, "set", name)
        if name not in document.fields:
            yield Finding.unknown(path, name, "a field", document.fields)
        else:
            yield from prove_source(path, source, document.fields[name], scope, catalogue)
            if transition is not None:
                yield from _linked_before(path, name, transition)


def _linked_before(path: Path, name: str, transition: Transition) -> Iterator[Finding]:
    """What the commanded case links is locked before it is decided: links given now would come too late."""
    if any(effect.on == name for effect in transition.effects):
        message = "effects of this transition act on the cases linked here: link them in an earlier one"
        yield Finding(path=path, message=message)


def _effect(
    path: Path, effect: Effect, scope: Scope, document: WorkflowDocument, catalogue: Catalogue
) -> Iterator[Finding]:
    if effect.workflow not in catalogue.workflows:
        yield _no_workflow(path, effect.workflow, catalogue)
        return
    yield from _relation(path, effect, document, catalogue)
    fired = transitions(effect.workflow, effect.fire, catalogue)
    if not fired:
        what, known = f"a trigger of {effect.workflow}", triggers(effect.workflow, catalogue)
        yield Finding.unknown((*path, "fire"), effect.fire, what, known, about=effect.workflow)
        return
    yield from _addressed(path, effect, catalogue)
    yield from _links_once(path, effect, fired)
    asked = dict(chain.from_iterable(transition.input.items() for transition in fired))
    yield from _with((*path, "with"), effect.with_, asked, scope, catalogue)


def _no_workflow(path: Path, workflow: str, catalogue: Catalogue) -> Finding:
    return Finding.unknown((*path, "workflow"), workflow, "a workflow", catalogue.workflows, about=workflow)


def _relation(path: Path, effect: Effect, document: WorkflowDocument, catalogue: Catalogue) -> Iterator[Finding]:
    workflow = effect.workflow
    match effect.on:
        case "parent":
            yield from _one_of(path, workflow, "a workflow that opens this one", openers(document.workflow, catalogue))
        case "children":
            yield from _one_of(path, workflow, "a workflow that this one opens", opened(document))
        case "same_unit":
            yield from _same_unit(path, effect, document, catalogue)
        case name:
            yield from _linked(path, name, workflow, document)


def _links_once(path: Path, effect: Effect, fired: Iterable[Transition]) -> Iterator[Finding]:
    """Links are followed from the commanded case only: its scope is all that is locked before deciding."""
    further = sorted({each.on for step in fired for each in step.effects} - {*_RELATIONS})
    if further:
        message = f"{effect.workflow}.{effect.fire} acts on the cases linked by {', '.join(further)}; an effect cannot"
        yield Finding(path=(*path, "fire"), message=f"{message} fire it", given=effect.fire)


def _one_of(path: Path, workflow: str, what: str, allowed: Iterable[str]) -> Iterator[Finding]:
    names = sorted(allowed)
    if workflow not in names:
        yield Finding.unknown((*path, "workflow"), workflow, what, names, about=workflow)


def _same_unit(path: Path, effect: Effect, document: WorkflowDocument, catalogue: Catalogue) -> Iterator[Finding]:
    if effect.states is None:
        message = '"states" is missing: same_unit addresses only cases in the states named'
        yield Finding(path=path, message=message)
    yield from same_level((*path, "workflow"), effect.workflow, document, catalogue)


def same_level(
    path: Path, workflow: str, document: WorkflowDocument, catalogue: Catalogue, *, child: bool = False
) -> Iterator[Finding]:
    """Cases of workflows about different levels are never of the same unit; a child is always of its parent's."""
    others, levels = versions(workflow, catalogue), set(document.levels)
    fitting = (levels.issubset(other.levels) if child else levels.intersection(other.levels) for other in others)
    if others and not any(fitting):
        theirs, ours = " or ".join(others[-1].levels), " or ".join(document.levels)
        message = f"{workflow} is about units of level {theirs}, this workflow of {ours}"
        yield Finding(path=path, message=message, given=workflow)


def _linked(path: Path, name: str, workflow: str, document: WorkflowDocument) -> Iterator[Finding]:
    links = [field for field, spec in document.fields.items() if isinstance(spec, CasesField)]
    spec = document.fields.get(name)
    if not isinstance(spec, CasesField):
        what = "a relation or a field of type cases"
        yield Finding.unknown((*path, "on"), name, what, (*_RELATIONS, *links))
    elif workflow not in spec.workflows:
        yield Finding.unknown((*path, "workflow"), workflow, f"a workflow that {name} links", spec.workflows)


def _addressed(path: Path, effect: Effect, catalogue: Catalogue) -> Iterator[Finding]:
    known = states(effect.workflow, catalogue)
    fired = transitions(effect.workflow, effect.fire, catalogue)
    sources = {source for transition in fired for source in transition.sources}
    for index, state in enumerate(effect.states or ()):
        place = (*path, "states", index)
        if state not in known:
            yield Finding.unknown(place, state, f"a state of {effect.workflow}", known, about=effect.workflow)
        elif state not in sources:
            what = f"a state from which {effect.fire} leads"
            yield Finding.unknown(place, state, what, sorted(sources), about=effect.workflow)


def _opening(
    path: Path, opening: Opening, scope: Scope, document: WorkflowDocument, catalogue: Catalogue
) -> Iterator[Finding]:
    scope, findings = _each(path, opening, scope)
    yield from findings
    if opening.workflow not in catalogue.workflows:
        yield _no_workflow(path, opening.workflow, catalogue)
        return
    yield from same_level((*path, "workflow"), opening.workflow, document, catalogue, child=True)
    children = versions(opening.workflow, catalogue)
    asked = {name: child.fields[name] for child in children for name in child.open.asks if name in child.fields}
    assured = frozenset(_ASKED_ABOUT.findall(opening.when or ""))
    yield from _with((*path, "with"), opening.with_, asked, replace(scope, assured=assured), catalogue)


def _each(path: Path, opening: Opening, scope: Scope) -> tuple[Scope, tuple[Finding, ...]]:
    """The scope with the item of the list that the opening goes through."""
    if opening.for_each is None:
        return scope, ()
    place = (*path, "for_each")
    spec, findings = named_field(place, opening.for_each, scope)
    if spec is not None and not isinstance(spec, AgenciesField | ItemsField | CasesField):
        message = f'"{opening.for_each}" is of type {spec.type}, not a list'
        findings = (Finding(path=place, message=message, given=opening.for_each),)
    return Scope(input=scope.input, fields=scope.fields, item=spec), findings


def _with(
    path: Path,
    given: Mapping[str, Source],
    asked: Mapping[str, FieldSpec],
    scope: Scope,
    catalogue: Catalogue,
) -> Iterator[Finding]:
    for name, source in given.items():
        if name not in asked:
            yield Finding.unknown((*path, name), name, "asked for there", asked)
        else:
            yield from prove_source((*path, name), source, asked[name], scope, catalogue)
    for name, spec in asked.items():
        if spec.required and name not in given:
            yield Finding(path=path, message=f'"{name}" is missing: it is required there', given=name)


def _cycle(step: Step, document: WorkflowDocument, catalogue: Catalogue) -> Iterator[Finding]:
    """Told once for each cycle: at the first of its steps by workflow and trigger."""
    start = document.workflow, step.trigger
    way = _way_back(start, causes(catalogue))
    if way and start == min(way) and document.version == versions(document.workflow, catalogue)[0].version:
        shown = " → ".join(".".join(node) for node in (*way, start))
        kind = "effects" if step.effects else "opens"
        yield Finding(path=(*step.path, kind), message=f"the effects go round in a circle: {shown}")


def _way_back(
    start: tuple[str, str], caused: Mapping[tuple[str, str], frozenset[tuple[str, str]]]
) -> tuple[tuple[str, str], ...]:
    """The shortest way from `start` that leads back to it; empty when there is none."""
    waiting: list[tuple[tuple[str, str], ...]] = [(start,)]
    seen = {start}
    for way in waiting:
        for node in sorted(caused.get(way[-1], ())):
            if node == start:
                return way
            if node not in seen:
                seen.add(node)
                waiting.append((*way, node))
    return ()
