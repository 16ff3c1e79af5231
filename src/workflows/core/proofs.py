"""Everything that a document must fulfil beyond its shape, as one stream of findings.

Owns the names of states, fields and facts; the proofs of the graph, of conditions and of effects have their
own modules. Files and lines are the loader's.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from workflows.core.condition_proofs import prove_conditions
from workflows.core.documents import (
    ANNULLED,
    RESERVED_TRIGGERS,
    UNFIRED_TRIGGERS,
    AttestationsField,
    CasesFact,
    CasesField,
    Catalogue,
    ChoiceField,
    CountFact,
    DateField,
    FieldSpec,
    IntegerField,
    WorkflowDocument,
)
from workflows.core.effect_proofs import prove_effects
from workflows.core.graph_proofs import prove_graph
from workflows.core.overdue import DEADLINE_PASSED
from workflows.core.overdue_proofs import prove_when_passed
from workflows.core.problems import Finding, Path
from workflows.core.relations import states, steps, versions

COUNTS_FILE = "counts.yaml"
CALENDARS = "calendars"
_CEL_KEYWORDS = frozenset({"in", "true", "false", "null"})
_RESERVED_FIELDS = frozenset({"state", "unit"})
"""Guards read the state and the unit of the case under these names."""
_RESERVED_STATES = frozenset({ANNULLED, "total", "awaited", "overdue"})
"""The built-in end, and what guards read of children beside their states."""


def prove(document: WorkflowDocument, catalogue: Catalogue) -> Iterator[Finding]:
    """Each thing wrong with a document among all of the catalogue, which holds the document itself."""
    yield from _reserved_names(document)
    yield from _repeated(document)
    yield from _fields(document, catalogue)
    yield from _facts(document, catalogue)
    yield from _deadlines(document, catalogue)
    yield from _named_states(document)
    yield from _named_fields(document)
    yield from _validity(document, catalogue)
    yield from prove_graph(document, catalogue)
    yield from prove_conditions(document, catalogue)
    yield from prove_effects(document, catalogue)
    yield from prove_when_passed(document, catalogue)


def _reserved_names(document: WorkflowDocument) -> Iterator[Finding]:
    names: list[tuple[Path, Iterable[str], frozenset[str]]] = [
        (("fields",), document.fields, _RESERVED_FIELDS | _CEL_KEYWORDS),
        (("facts",), document.facts, _CEL_KEYWORDS),
        (("states",), document.states, _RESERVED_STATES | _CEL_KEYWORDS),
        (("transitions",), document.transitions, RESERVED_TRIGGERS | UNFIRED_TRIGGERS | {DEADLINE_PASSED}),
    ]
    names += [((*step.path, "input"), step.input, _CEL_KEYWORDS) for step in steps(document)]
    for path, given, reserved in names:
        for name in given:
            if name in reserved:
                yield Finding(path=(*path, name), message=f'"{name}" is reserved: choose another name', given=name)


def _repeated(document: WorkflowDocument) -> Iterator[Finding]:
    for path, names in _lists(document):
        yield from repeated(path, names)


def repeated(path: Path, names: Sequence[str]) -> Iterator[Finding]:
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Finding(path=(*path, index), message=f'"{name}" stands twice in the list', given=name)


def _lists(document: WorkflowDocument) -> Iterator[tuple[Path, tuple[str, ...]]]:
    yield ("subject",), document.levels
    yield ("open", "roles"), document.open.roles
    yield ("open", "asks"), document.open.asks
    for name, transition in document.transitions.items():
        path = "transitions", name
        yield (*path, "from"), transition.sources
        yield (*path, "roles"), transition.roles
        yield (*path, "separate_from"), transition.separate_from
    for step in steps(document):
        for index, effect in enumerate(step.effects):
            yield (*step.path, "effects", index, "states"), effect.states or ()
    for name, fact in document.facts.items():
        if isinstance(fact, CasesFact):
            yield ("facts", name, "states"), fact.states
    yield ("amend", "roles"), document.amend.roles
    yield ("amend", "fields"), document.amend.fields
    yield ("amend", "from"), document.amend.from_ or ()
    yield ("annul", "roles"), document.annul.roles
    yield ("annul", "from"), document.annul.from_


def _fields(document: WorkflowDocument, catalogue: Catalogue) -> Iterator[Finding]:
    given = _given_fields(document)
    for name, spec in document.fields.items():
        path = "fields", name
        yield from _field(path, spec, catalogue)
        if isinstance(spec, AttestationsField):
            message = "attestations are given to a transition: they stand only in its input"
            yield Finding(path=(*path, "type"), message=message)
        elif name not in given:
            message = "never gets a value: no open.asks, set of a transition or amend.fields names it"
            yield Finding(path=path, message=message)
    for step in steps(document):
        for name, spec in step.input.items():
            yield from _field((*step.path, "input", name), spec, catalogue)


def _given_fields(document: WorkflowDocument) -> frozenset[str]:
    changed = {name for transition in document.transitions.values() for name in transition.set}
    return frozenset(changed | {*document.open.asks, *document.amend.fields})


def _field(path: Path, spec: FieldSpec, catalogue: Catalogue) -> Iterator[Finding]:
    if isinstance(spec, IntegerField) and spec.minimum > spec.maximum:
        yield Finding(path=(*path, "maximum"), message=f"maximum {spec.maximum} is below minimum {spec.minimum}")
    if isinstance(spec, CasesField):
        for index, workflow in enumerate(spec.workflows):
            yield from unknown_workflow((*path, "workflows", index), workflow, catalogue)


def unknown_workflow(path: Path, workflow: str, catalogue: Catalogue) -> Iterator[Finding]:
    if workflow not in catalogue.workflows:
        yield Finding.unknown(path, workflow, "a workflow", catalogue.workflows, about=workflow)


def _facts(document: WorkflowDocument, catalogue: Catalogue) -> Iterator[Finding]:
    for name, fact in document.facts.items():
        path = "facts", name
        if isinstance(fact, CountFact):
            yield from _count_fact(path, fact, document, catalogue)
        else:
            yield from _cases_fact(path, fact, document, catalogue)


def _count_fact(path: Path, fact: CountFact, document: WorkflowDocument, catalogue: Catalogue) -> Iterator[Finding]:
    if fact.count not in catalogue.counts:
        yield Finding.unknown(
            (*path, "count"), fact.count, "a count of the catalogue", catalogue.counts, about=COUNTS_FILE
        )
    days = ("today", *(f"entered.{state}" for state in document.states), *_dates(document))
    if fact.as_of not in days:
        yield Finding.unknown((*path, "as_of"), fact.as_of, "a day that a count can be taken on", days)


def _dates(document: WorkflowDocument) -> tuple[str, ...]:
    return tuple(f"case.{name}" for name, spec in document.fields.items() if isinstance(spec, DateField))


def _deadlines(document: WorkflowDocument, catalogue: Catalogue) -> Iterator[Finding]:
    dates = _dates(document)
    for name, state in document.states.items():
        path = "states", name, "due"
        if state.due is not None and state.due.on is not None and state.due.on not in dates:
            yield Finding.unknown((*path, "on"), state.due.on, "a date field of the case", dates)
        if state.due is not None and state.due.by_calendar and catalogue.calendar is None:
            message = "there is no calendar to tell which days are worked: no file calendars/*.yaml"
            yield Finding(path=path, message=message, about=CALENDARS)


def _cases_fact(path: Path, fact: CasesFact, document: WorkflowDocument, catalogue: Catalogue) -> Iterator[Finding]:
    yield from unknown_workflow((*path, "cases"), fact.cases, catalogue)
    counted = versions(fact.cases, catalogue)
    if not counted:
        return
    if all(set(other.levels).isdisjoint(document.levels) for other in counted):
        message = f"{fact.cases} is about another level of units, so that no case of the same unit can count"
        yield Finding(path=(*path, "cases"), message=message, given=fact.cases, about=fact.cases)
    yield from known_states((*path, "states"), fact.states, fact.cases, catalogue)
    yield from known_choices((*path, "where"), fact.where, fact.cases, catalogue)


def known_states(path: Path, given: Iterable[str], workflow: str, catalogue: Catalogue) -> Iterator[Finding]:
    """Names that are no state in any version of a workflow."""
    yield from known(path, given, f"a state of {workflow}", states(workflow, catalogue), about=workflow)


def known_choices(
    path: Path, where: Mapping[str, Iterable[str]], workflow: str, catalogue: Catalogue
) -> Iterator[Finding]:
    """Names that are no choice field, and values that are no option of it, in any version of a workflow."""
    options = _options(versions(workflow, catalogue))
    for field, values in where.items():
        place = (*path, field)
        if field not in options:
            yield Finding.unknown(place, field, f"a choice field of {workflow}", options, about=workflow)
        else:
            yield from known(place, values, f"an option of {field}", options[field], about=workflow)


def _options(counted: tuple[WorkflowDocument, ...]) -> Mapping[str, tuple[str, ...]]:
    options: dict[str, tuple[str, ...]] = {}
    for document in counted:
        for name, spec in document.fields.items():
            if isinstance(spec, ChoiceField):
                options[name] = (*options.get(name, ()), *spec.options)
    return options


def known(
    path: Path, given: Iterable[str], what: str, allowed: Iterable[str], *, about: str | None = None
) -> Iterator[Finding]:
    names = tuple(allowed)
    for index, name in enumerate(given):
        if name not in names:
            yield Finding.unknown((*path, index), name, what, names, about=about)


def _named_states(document: WorkflowDocument) -> Iterator[Finding]:
    """Names of states outside the transitions, which the graph owns."""
    yield from known(("amend", "from"), document.amend.from_ or (), "a state", document.states)
    yield from known(("annul", "from"), document.annul.from_, "a state", document.states)


def _named_fields(document: WorkflowDocument) -> Iterator[Finding]:
    yield from known(("open", "asks"), document.open.asks, "a field", document.fields)
    yield from known(("amend", "fields"), document.amend.fields, "a field", document.fields)


def _validity(document: WorkflowDocument, catalogue: Catalogue) -> Iterator[Finding]:
    """A version takes over from the earlier ones on its first day, because those cannot be edited to end."""
    for other in versions(document.workflow, catalogue):
        if other.version < document.version and document.valid.from_ <= other.valid.from_:
            message = (
                f"begins on {document.valid.from_.isoformat()}, version {other.version} on "
                f"{other.valid.from_.isoformat()}: a later version begins later"
            )
            yield Finding(path=("valid",), message=message)
