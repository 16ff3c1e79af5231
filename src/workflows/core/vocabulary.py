"""The variables that the guards of a document may read, with their types.

One place decides what a name means; the proofs type-check guards against it and the decision binds values by it.
"""

from collections.abc import Iterator, Mapping

from workflows.core.documents import (
    AgenciesField,
    AgencyField,
    BooleanField,
    Catalogue,
    ChoiceField,
    DateField,
    DocumentField,
    FieldSpec,
    IntegerField,
    ItemsField,
    KeyField,
    TextField,
    WorkflowDocument,
)
from workflows.core.guards import ValueType

_TYPES: Mapping[type, ValueType] = {
    TextField: ValueType.TEXT,
    ChoiceField: ValueType.TEXT,
    KeyField: ValueType.TEXT,
    AgencyField: ValueType.TEXT,
    IntegerField: ValueType.INTEGER,
    BooleanField: ValueType.BOOLEAN,
    DateField: ValueType.DATE,
    ItemsField: ValueType.TEXTS,
    AgenciesField: ValueType.TEXTS,
    DocumentField: ValueType.TEXT,
}
"""A document is seen as its number. Links are seen as `<field>.total`, attestations through their sheet."""

_ACTOR = ("person", "role", "unit", "agency")


def field_type(spec: FieldSpec) -> ValueType | None:
    """The type under which guards see a field; None for links and attestations."""
    return _TYPES.get(type(spec))


def case_variables(document: WorkflowDocument, catalogue: Catalogue) -> dict[str, ValueType]:
    """What every guard of the document may read."""
    variables = {"today": ValueType.DATE, "case.state": ValueType.TEXT, "case.unit": ValueType.TEXT}
    variables |= {f"actor.{name}": ValueType.TEXT for name in _ACTOR}
    variables |= {f"entered.{state}": ValueType.DATE for state in document.states}
    variables |= {f"facts.{name}": ValueType.INTEGER for name in document.facts}
    variables |= dict(_fields("case", document.fields))
    for workflow in sorted(child_workflows(document)):
        variables |= dict(_children(workflow, catalogue))
    return variables


def input_variables(fields: Mapping[str, FieldSpec]) -> dict[str, ValueType]:
    """What the guards of one transition read of its input."""
    return dict(_fields("input", fields))


def child_workflows(document: WorkflowDocument) -> frozenset[str]:
    """Workflows whose cases are opened as children of this one's."""
    return frozenset(opening.workflow for step in document.transitions.values() for opening in step.opens)


def _fields(prefix: str, fields: Mapping[str, FieldSpec]) -> Iterator[tuple[str, ValueType]]:
    for name, spec in fields.items():
        kind = field_type(spec)
        if kind is not None:
            yield f"{prefix}.{name}", kind
        elif spec.type == "cases":
            yield f"{prefix}.{name}.total", ValueType.INTEGER


def _children(workflow: str, catalogue: Catalogue) -> Iterator[tuple[str, ValueType]]:
    """`total`; `awaited`: not ended and in time; `overdue`: not ended and late; and one per state."""
    yield f"children.{workflow}.total", ValueType.INTEGER
    yield f"children.{workflow}.awaited", ValueType.INTEGER
    yield f"children.{workflow}.overdue", ValueType.INTEGER
    for document in catalogue.workflows.get(workflow, ()):
        for state in document.states:
            yield f"children.{workflow}.{state}", ValueType.INTEGER
