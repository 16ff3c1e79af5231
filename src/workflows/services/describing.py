"""The JSON of definitions, units and figures: what is the same for everybody who may ask."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from workflows.core.case import Actor
from workflows.core.civil import format_instant
from workflows.core.definition import Definition, Rule, SheetRules, Step
from workflows.core.documents import AMEND, ANNUL, ANNULLED, OPEN, Cited, State
from workflows.core.lineage import Part
from workflows.core.wording import ROLES
from workflows.services.reading import Known
from workflows.services.rendering import Object, form_json, words_json
from workflows.store.queries import Count, Unit


def definition_head(definition: Definition) -> Object:
    """A definition in a list."""
    document = definition.document
    valid = document.valid
    return {
        "key": definition.key,
        "version": definition.version,
        "title": words_json(document.title),
        "subject": document.levels,
        "valid": {"from": valid.from_.isoformat(), "to": valid.to.isoformat() if valid.to else None},
        "hash": definition.hash,
        "basis": _sources(document.basis),
    }


def definition_json(definition: Definition) -> Object:
    """A whole definition; `states` and `transitions` stand in the order of the document, built-in ones at the end."""
    document = definition.document
    states = [*document.states, ANNULLED]
    return {
        **definition_head(definition),
        "initial": document.initial,
        "fields": {name: _cited_json(spec) for name, spec in document.fields.items()},
        "facts": {name: _cited_json(fact) for name, fact in document.facts.items()},
        "open": {**_step_json(definition.opening, definition, document.open.basis), "to": document.initial},
        "states": [_state_json(name, definition.state(name)) for name in states],
        "transitions": [_step_json(step, definition, _basis(definition, step)) for step in definition.steps.values()],
    }


def _cited_json(part: Cited) -> Object:
    """A part of a document as it was written, all defaults included."""
    return {**part.model_dump(mode="json"), "basis": _sources(part.basis)}


def _sources(basis: str | Sequence[str]) -> list[str]:
    """Always a list, though a document may give a single source as text."""
    return [basis] if isinstance(basis, str) else list(basis)


def _basis(definition: Definition, step: Step) -> str | Sequence[str]:
    document = definition.document
    builtin = {AMEND: document.amend.basis, ANNUL: document.annul.basis}
    return builtin[step.trigger] if step.trigger in builtin else document.transitions[step.trigger].basis


def _state_json(name: str, state: State) -> Object:
    due = {name: getattr(state.due, name) for name in ("within", "unit", "rolls", "on")} if state.due else None
    return {
        "name": name,
        "title": words_json(state.title),
        "final": state.final,
        "lasting": state.lasting,
        "due": due,
        "owner": state.owner or (),
        "basis": _sources(state.basis),
    }


def _step_json(step: Step, definition: Definition, basis: str | Sequence[str]) -> Object:
    return {
        "trigger": step.trigger,
        "title": words_json(step.title),
        "builtin": step.trigger in {OPEN, AMEND, ANNUL},
        "from": list(step.targets),
        "to": _target(step.targets),
        "roles": sorted(step.roles),
        **form_json(step, definition),
        "separate_from": [
            f"{each.workflow}.{each.trigger}" if each.workflow else each.trigger for each in step.separate
        ],
        "separate_over": "case" if step.over_case else "episode",
        "requires": _requirements(step.rules),
        "basis": _sources(basis),
    }


def _target(targets: Mapping[str, str]) -> object:
    """One state where all sources lead to it, else a map by source."""
    found = sorted(set(targets.values()))
    return found[0] if len(found) == 1 else dict(targets)


def _requirements(rules: Iterable[Rule | SheetRules]) -> list[Object]:
    return [_sheet_json(rule) if isinstance(rule, SheetRules) else _rule_json(rule) for rule in rules]


def _rule_json(rule: Rule) -> Object:
    return {"code": rule.code, "message": words_json(rule.message)}


def _sheet_json(sheet: SheetRules) -> Object:
    criteria = [_rule_json(rule) for rule in sheet.criteria]
    return {"code": sheet.key, "message": words_json(sheet.title), "at_least": sheet.at_least, "criteria": criteria}


def actor_json(actor: Actor) -> Object:
    """Who a key stands for."""
    return {
        "key": actor.grant,
        "person": actor.person,
        "role": actor.role,
        "role_title": words_json(ROLES[actor.role]),
        "unit": actor.unit,
        "unit_path": actor.unit_path,
        "agency": actor.agency,
        "scope": sorted(actor.scope),
        "valid_from": actor.valid_from.isoformat() if actor.valid_from else None,
        "valid_to": actor.valid_to.isoformat() if actor.valid_to else None,
    }


def unit_json(unit: Unit) -> Object:
    return {
        "code": unit.code,
        "level": unit.level,
        "name": unit.name,
        "parent": unit.parent,
        "path": unit.path,
        "valid_from": unit.valid_from.isoformat(),
        "valid_to": unit.valid_to.isoformat() if unit.valid_to else None,
        "successors": unit.successors,
    }


def count_json(count: Count) -> Object:
    return {
        "id": count.id,
        "unit": count.unit,
        "key": count.key,
        "value": count.value,
        "as_of": count.as_of.isoformat(),
        "source": count.source,
        "person": count.person,
        "recorded_at": format_instant(count.recorded_at),
    }


def facts_json(code: str, as_of: date, known: Sequence[Known]) -> Object:
    """All figures of a unit; one that nobody entered is null, never 0."""
    return {"unit": code, "as_of": as_of.isoformat(), "items": [_fact_json(each) for each in known], "next": None}


def _fact_json(known: Known) -> Object:
    figure, parts = known.figure, known.figure.parts
    return {
        "key": known.key,
        "title": words_json(known.kind.title),
        "value": figure.value,
        "as_of": figure.as_of.isoformat() if figure.as_of else None,
        "source": figure.source,
        "recorded_at": max(part.count.recorded_at for part in parts) if figure.value is not None else None,
        "parts": [_part_json(part) for part in parts] if len(parts) > 1 or figure.missing else [],
        "missing": figure.missing,
    }


def _part_json(part: Part) -> Object:
    count = part.count
    return {"unit": part.unit, "value": count.value, "as_of": count.as_of.isoformat(), "source": count.source}
