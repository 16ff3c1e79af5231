"""Proofs over what a step requires: guards, conditions, criteria sheets and who attests them.

Guards are compiled in the language of their place, so that a misspelt name or a wrong type is found before
any case runs. What a guard may read is decided in `vocabulary`.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from workflows.core.documents import (
    AttestationsField,
    Catalogue,
    Condition,
    Requirement,
    Sheet,
    SheetRequirement,
    WorkflowDocument,
)
from workflows.core.fields import attested_codes
from workflows.core.guards import GuardError, Language, ValueType
from workflows.core.problems import Finding, Path
from workflows.core.relations import Step, steps
from workflows.core.vocabulary import case_variables, input_variables

BUILT_IN_CODES = frozenset(
    {"state", "role", "unit", "four_eyes", "unknown", "too_early", "not_in_force", "guard_error"}
)
_Variables: TypeAlias = Mapping[str, ValueType]
_PLACE_OF_WORKFLOW = 1
"""In `children.<workflow>.<state>`."""


def prove_conditions(document: WorkflowDocument, catalogue: Catalogue) -> Iterator[Finding]:
    """Each thing wrong with the guards, requirements and sheets of a document."""
    variables = case_variables(document, catalogue)
    yield from _guards(document, variables)
    for step in steps(document):
        yield from _requirements(step, document)
        yield from _attestations(step, document)
    for name, sheet in document.sheets.items():
        yield from _sheet(("sheets", name), name, sheet, document)


def _guards(document: WorkflowDocument, variables: _Variables) -> Iterator[Finding]:
    for name, sheet in document.sheets.items():
        yield from _typed(list(_criteria(("sheets", name, "criteria"), sheet.criteria)), variables)
    for step in steps(document):
        yield from _typed(list(_texts(step, document)), {**variables, **input_variables(step.input)})


_Text: TypeAlias = tuple[Path, str, ValueType]


def _texts(step: Step, document: WorkflowDocument) -> Iterator[_Text]:
    """Every expression of a step with the type that it must yield."""
    transition = document.transitions.get(step.trigger)
    if transition is not None and transition.not_before is not None:
        yield (*step.path, "not_before"), transition.not_before, ValueType.DATE
    conditions = tuple(_conditions(step.requires))
    for path, condition in conditions:
        yield from _criteria((*step.path, "requires", *path), (condition,), single=True)
    for index, effect in enumerate(step.effects):
        if effect.when is not None:
            yield (*step.path, "effects", index, "when"), effect.when, ValueType.BOOLEAN
    for index, opening in enumerate(step.opens):
        if opening.when is not None:
            yield (*step.path, "opens", index, "when"), opening.when, ValueType.BOOLEAN


def _conditions(requires: tuple[Requirement, ...]) -> Iterator[tuple[Path, Condition]]:
    for index, requirement in enumerate(requires):
        if isinstance(requirement, Condition):
            yield (index,), requirement


def _criteria(path: Path, conditions: tuple[Condition, ...], *, single: bool = False) -> Iterator[_Text]:
    for index, condition in enumerate(conditions):
        place = path if single else (*path, index)
        for below, leaf in walk(condition):
            if leaf.that is not None:
                yield (*place, *below, "that"), leaf.that, ValueType.BOOLEAN


def walk(condition: Condition) -> Iterator[tuple[Path, Condition]]:
    """A condition and all below it, each with its path."""
    yield (), condition
    kind = next((kind for kind in ("all_of", "any_of", "of") if getattr(condition, kind)), "")
    for index, part in enumerate(condition.parts):
        for below, leaf in walk(part):
            yield (kind, index, *below), leaf


def _typed(texts: list[_Text], variables: _Variables) -> Iterator[Finding]:
    if not texts:
        return
    try:
        language = Language.of(variables)
    except ValueError:  # a name that guards cannot read, which `proofs` tells where it stands
        return
    for path, text, result in texts:
        try:
            language.compile(text, result=result)
        except GuardError as problem:
            yield _guard_finding(path, problem, variables)


def _guard_finding(path: Path, problem: GuardError, variables: _Variables) -> Finding:
    place = "" if problem.column is None else f" (column {problem.column})"
    if problem.given is None:
        return Finding(path=path, message=f"{problem.message}{place}", given=problem.text)
    root = problem.given.split(".")[0]
    return Finding(
        path=path,
        message=f'"{problem.given}" is not a variable here{place}',
        given=problem.given,
        allowed=tuple(name for name in variables if name.split(".")[0] == root),
        nearest=problem.nearest,
        about=_child(problem.given),
    )


def _child(name: str) -> str | None:
    parts = name.removeprefix("known.").split(".")
    return parts[_PLACE_OF_WORKFLOW] if parts[0] == "children" and len(parts) > _PLACE_OF_WORKFLOW else None


def _requirements(step: Step, document: WorkflowDocument) -> Iterator[Finding]:
    seen: set[str] = set()
    for index, requirement in enumerate(step.requires):
        path = (*step.path, "requires", index)
        if isinstance(requirement, SheetRequirement):
            yield from _required_sheet(path, requirement, document, seen)
        else:
            yield from _requirement(path, requirement, document, seen)


def _required_sheet(
    path: Path, requirement: SheetRequirement, document: WorkflowDocument, seen: set[str]
) -> Iterator[Finding]:
    sheet = document.sheets.get(requirement.sheet)
    if sheet is None:
        yield Finding.unknown((*path, "sheet"), requirement.sheet, "a sheet", document.sheets)
        return
    codes = dict.fromkeys(leaf.code for criterion in sheet.criteria for leaf in criterion.walk())
    for code in codes:
        if code in seen:
            message = f'the sheet has the code "{code}", which another requirement of the transition has too'
            yield Finding(path=(*path, "sheet"), message=message, given=code)
    seen.update(codes)


def _requirement(path: Path, condition: Condition, document: WorkflowDocument, seen: set[str]) -> Iterator[Finding]:
    if condition.message is None:
        yield Finding(path=path, message='"else" is missing: what the person reads when it does not hold')
    if condition.basis is None:
        yield Finding(path=path, message='"basis" is missing: the plan and section, or design')
    yield from _parts(path, condition, document, seen)
    for below, leaf in walk(condition):
        if leaf.attested:
            message = "a condition can be attested only on a sheet, which keeps the evidence"
            yield Finding(path=(*path, *below, "attested"), message=message)


def _parts(path: Path, condition: Condition, document: WorkflowDocument, seen: set[str]) -> Iterator[Finding]:
    """Codes and shares, the same in requirements and sheets."""
    for below, leaf in walk(condition):
        place = (*path, *below)
        if leaf.code in BUILT_IN_CODES:
            message = f'"{leaf.code}" is the code of a built-in blocker: choose another one'
            yield Finding(path=(*place, "code"), message=message, given=leaf.code)
        elif leaf.code in seen:
            message = f'the code "{leaf.code}" stands twice, and programs could not tell which one blocks'
            yield Finding(path=(*place, "code"), message=message, given=leaf.code)
        seen.add(leaf.code)
        if leaf.share is not None:
            for key, fact in (("of", leaf.share.of), ("over", leaf.share.over)):
                if fact not in document.facts:
                    yield Finding.unknown((*place, "share", key), fact, "a fact", document.facts)


def _sheet(path: Path, name: str, sheet: Sheet, document: WorkflowDocument) -> Iterator[Finding]:
    if sheet.at_least is not None and sheet.at_least > len(sheet.criteria):
        message = f"at_least is {sheet.at_least} but there are {len(sheet.criteria)} criteria"
        yield Finding(path=(*path, "at_least"), message=message)
    seen: set[str] = set()
    for index, criterion in enumerate(sheet.criteria):
        place = (*path, "criteria", index)
        if criterion.title is None:
            yield Finding(path=place, message='"title" is missing: how the sheet shows the criterion')
        if criterion.basis is None:
            yield Finding(path=place, message='"basis" is missing: the plan and section, or design')
        yield from _parts(place, criterion, document, seen)
    attested = _attested_sheets(document)
    if attested_codes(sheet) and name not in attested and attested <= document.sheets.keys():
        message = "nobody can attest it: no transition has an input of type attestations for this sheet"
        yield Finding(path=path, message=message)


def _attested_sheets(document: WorkflowDocument) -> frozenset[str]:
    specs = (spec for step in steps(document) for spec in step.input.values())
    return frozenset(spec.sheet for spec in specs if isinstance(spec, AttestationsField))


def _attestations(step: Step, document: WorkflowDocument) -> Iterator[Finding]:
    for name, spec in step.input.items():
        if not isinstance(spec, AttestationsField):
            continue
        path = (*step.path, "input", name, "sheet")
        sheet = document.sheets.get(spec.sheet)
        if sheet is None:
            yield Finding.unknown(path, spec.sheet, "a sheet", document.sheets)
        elif not attested_codes(sheet):
            message = f'the sheet "{spec.sheet}" has no attested condition'
            yield Finding(path=path, message=message, given=spec.sheet)
