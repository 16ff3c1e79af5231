"""Proofs over where values come from: that a source exists and fits the field that it fills."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workflows.core.documents import (
    NAME_LENGTH,
    NAME_PATTERN,
    AgenciesField,
    AgencyField,
    AttestationsField,
    BooleanField,
    CasesField,
    Catalogue,
    ChoiceField,
    DateField,
    FieldSpec,
    IntegerField,
    ItemsField,
    KeyField,
    Literally,
    Source,
    TextField,
)
from workflows.core.problems import Finding, Path

AGENCIES_FILE = "agencies.yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What sources may name at one place."""

    input: Mapping[str, FieldSpec]
    fields: Mapping[str, FieldSpec]
    item: FieldSpec | None = None
    """The list that `for_each` goes through."""
    assured: frozenset[str] = frozenset()
    """Sources that may be left out, but whose presence a `when` asks for."""


def prove_source(
    path: Path, source: Source, target: FieldSpec, scope: Scope, catalogue: Catalogue
) -> Iterator[Finding]:
    """What is wrong with filling `target` from `source`."""
    if isinstance(target, AttestationsField):
        yield Finding(path=path, message="attestations are given by a person: nothing else can fill them")
    elif isinstance(source, Literally):
        yield from _literal((*path, "literal"), source, target, catalogue)
    elif source == "today":
        if not isinstance(target, DateField):
            yield _misfit(path, source, "date", target)
    elif source == "item":
        yield from _item(path, target, scope)
    else:
        yield from _named(path, source, target, scope)


def named_field(path: Path, source: str, scope: Scope) -> tuple[FieldSpec | None, tuple[Finding, ...]]:
    """The field that `input.<name>` or `case.<field>` means."""
    where, _, name = source.partition(".")
    specs = scope.input if where == "input" else scope.fields
    spec = specs.get(name)
    if spec is None:
        allowed = (*(f"input.{known}" for known in scope.input), *(f"case.{known}" for known in scope.fields))
        return None, (Finding.unknown(path, source, "a value known here", allowed),)
    return spec, ()


def _named(path: Path, source: str, target: FieldSpec, scope: Scope) -> Iterator[Finding]:
    spec, findings = named_field(path, source, scope)
    yield from findings
    if spec is None:
        return
    if spec.type != target.type:
        yield _misfit(path, source, spec.type, target)
        return
    reason = _excess(spec, target)
    if reason is not None:
        yield Finding(path=path, message=f'"{source}" does not fit: {reason}', given=source)
    elif target.required and not spec.required and source.startswith("input.") and source not in scope.assured:
        yield Finding(path=path, message=f'"{source}" may be left out, but a value is required', given=source)


def _item(path: Path, target: FieldSpec, scope: Scope) -> Iterator[Finding]:
    match scope.item, target:
        case None, _:
            yield Finding(path=path, message='"item" stands only where there is for_each', given="item")
        case (AgenciesField(), AgencyField()) | (ItemsField(), TextField()):
            return
        case CasesField() as listed, CasesField() as linking if set(listed.workflows) <= set(linking.workflows):
            return
        case listed, _:
            yield _misfit(path, "item", f"one of {listed.type}", target)


def _misfit(path: Path, source: str, given: str, target: FieldSpec) -> Finding:
    return Finding(path=path, message=f'"{source}" is of type {given}, not {target.type}', given=source)


def _excess(spec: FieldSpec, target: FieldSpec) -> str | None:
    """Why some value of `spec` is none of `target`, which has the same type."""
    match spec, target:
        case ChoiceField(), ChoiceField():
            more = [option for option in spec.options if option not in target.options]
            return f"it has the options {', '.join(more)} too" if more else None
        case CasesField(), CasesField():
            more = [workflow for workflow in spec.workflows if workflow not in target.workflows]
            return f"it links cases of {', '.join(more)} too" if more else None
        case IntegerField(), IntegerField():
            within = target.minimum <= spec.minimum and spec.maximum <= target.maximum
            return None if within else f"it ranges from {spec.minimum} to {spec.maximum}"
        case TextField(), TextField():
            return None if spec.max_length <= target.max_length else f"it may have {spec.max_length} characters"
        case ItemsField(), ItemsField():
            return None if spec.max_items <= target.max_items else f"it may have {spec.max_items} items"
    return None


def _literal(path: Path, literal: Literally, target: FieldSpec, catalogue: Catalogue) -> Iterator[Finding]:
    value = literal.literal
    match target, value:
        case ChoiceField(), str() if value not in target.options:
            yield Finding.unknown(path, value, "an option", target.options)
        case AgencyField(), str() if value not in catalogue.agencies:
            yield Finding.unknown(path, value, "an agency", catalogue.agencies, about=AGENCIES_FILE)
        case KeyField(), str() if not (len(value) <= NAME_LENGTH and re.fullmatch(NAME_PATTERN, value)):
            yield Finding(path=path, message=f'"{value}" is not a key: lower-case ASCII words joined by _')
        case (ChoiceField() | AgencyField() | KeyField() | TextField(), str()) | (BooleanField(), bool()):
            return
        case IntegerField(), int() if not isinstance(value, bool):
            if not target.minimum <= value <= target.maximum:
                message = f"{value} is outside {target.minimum} to {target.maximum}"
                yield Finding(path=path, message=message)
        case _:
            shown = str(value).lower() if isinstance(value, bool) else f'"{value}"'
            yield Finding(path=path, message=f"{shown} is not a value of type {target.type}")
