"""Which workflows open, fire and list which others: lookups over a catalogue, without any judgement.

Every version of a workflow counts, because cases of old versions go on beside those of new ones.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workflows.core.documents import (
    OPEN,
    CasesField,
    Catalogue,
    Effect,
    FieldSpec,
    Opening,
    Requirement,
    Transition,
    WorkflowDocument,
)
from workflows.core.problems import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """An opening or a transition, seen alike."""

    path: Path
    trigger: str
    input: Mapping[str, FieldSpec]
    requires: tuple[Requirement, ...]
    opens: tuple[Opening, ...]
    effects: tuple[Effect, ...]


def steps(document: WorkflowDocument) -> Iterator[Step]:
    """The opening first, then the transitions as written."""
    yield Step(
        path=(OPEN,),
        trigger=OPEN,
        input={},
        requires=document.open.requires,
        opens=(),
        effects=document.open.effects,
    )
    for name, transition in document.transitions.items():
        yield Step(
            path=("transitions", name),
            trigger=name,
            input=transition.input,
            requires=transition.requires,
            opens=transition.opens,
            effects=transition.effects,
        )


def versions(workflow: str, catalogue: Catalogue) -> tuple[WorkflowDocument, ...]:
    return catalogue.workflows.get(workflow, ())


def states(workflow: str, catalogue: Catalogue) -> tuple[str, ...]:
    """Names of the states in any version."""
    return tuple(dict.fromkeys(name for document in versions(workflow, catalogue) for name in document.states))


def triggers(workflow: str, catalogue: Catalogue) -> tuple[str, ...]:
    """Names of the transitions in any version."""
    return tuple(dict.fromkeys(name for document in versions(workflow, catalogue) for name in document.transitions))


def transitions(workflow: str, trigger: str, catalogue: Catalogue) -> tuple[Transition, ...]:
    """What a trigger does, in every version that has it."""
    found = (document.transitions.get(trigger) for document in versions(workflow, catalogue))
    return tuple(transition for transition in found if transition is not None)


def documents(catalogue: Catalogue) -> Iterator[WorkflowDocument]:
    for found in catalogue.workflows.values():
        yield from found


def opened(document: WorkflowDocument) -> frozenset[str]:
    """Workflows of the cases that it opens as children."""
    return frozenset(opening.workflow for step in steps(document) for opening in step.opens)


def openers(workflow: str, catalogue: Catalogue) -> frozenset[str]:
    """Workflows whose cases can be parents."""
    return frozenset(document.workflow for document in documents(catalogue) if workflow in opened(document))


def fired(catalogue: Catalogue) -> frozenset[tuple[str, str]]:
    """Every workflow and trigger that some effect fires."""
    return frozenset(
        (effect.workflow, effect.fire)
        for document in documents(catalogue)
        for step in steps(document)
        for effect in step.effects
    )


def resolved(catalogue: Catalogue) -> bool:
    """Whether every effect and opening names a workflow and a trigger that exist."""
    found = {workflow for document in documents(catalogue) for workflow in opened(document)}
    return found <= catalogue.workflows.keys() and all(
        trigger in triggers(workflow, catalogue) for workflow, trigger in fired(catalogue)
    )


def listed(document: WorkflowDocument) -> frozenset[str]:
    """Workflows whose cases its fields link."""
    fields = (spec for spec in document.fields.values() if isinstance(spec, CasesField))
    return frozenset(workflow for spec in fields for workflow in spec.workflows)


def related(document: WorkflowDocument, catalogue: Catalogue) -> frozenset[str]:
    """Workflows of possible parents, children, list members and lists."""
    lists = {other.workflow for other in documents(catalogue) if document.workflow in listed(other)}
    return opened(document) | openers(document.workflow, catalogue) | listed(document) | lists


def causes(catalogue: Catalogue) -> Mapping[tuple[str, str], frozenset[tuple[str, str]]]:
    """By workflow and trigger: what it fires or opens in the same transaction."""
    found: dict[tuple[str, str], frozenset[tuple[str, str]]] = {}
    for document in documents(catalogue):
        for step in steps(document):
            node = document.workflow, step.trigger
            caused = {(effect.workflow, effect.fire) for effect in step.effects}
            caused |= {(opening.workflow, OPEN) for opening in step.opens}
            found[node] = found.get(node, frozenset()) | caused
    return found
