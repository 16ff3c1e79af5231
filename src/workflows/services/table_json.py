"""The JSON of decision tables and of what they say of a unit."""

from collections.abc import Sequence
from datetime import date

from workflows.core.case import Case
from workflows.core.document_bytes import table_hash
from workflows.core.documents import Validity, Words
from workflows.core.plan_documents import Noted, Parameter
from workflows.core.table_documents import CasesInput, CountInput, TableClass, TableDocument
from workflows.core.tables import Table, compile_table, count_of, told
from workflows.core.wording import compared, missing
from workflows.services.classifying import Classified, Comparison, Found
from workflows.services.engine import Engine
from workflows.services.rendering import Object, words_json


def table_head(table: TableDocument) -> Object:
    """A table in a list."""
    return {
        "key": table.table,
        "version": table.version,
        **_noted(table),
        "subject": table.subject,
        "valid": _validity(table.valid),
        "hash": table_hash(table),
    }


def table_json(table: TableDocument) -> Object:
    """A whole table; criteria and classes stand in the order of the document, conditions are told as text."""
    compiled = compile_table(table)
    beside = table.beside
    return {
        **table_head(table),
        "parameters": [_parameter_json(name, parameter) for name, parameter in table.parameters.items()],
        "inputs": [_input_json(name, given, table) for name, given in table.inputs.items()],
        "criteria": [_criterion_json(name, compiled) for name in table.criteria],
        "classes": [_class_json(each, compiled) for each in table.classes],
        "beside": {**_noted(beside), **beside.model_dump(include={"cases", "states", "classes"})} if beside else None,
    }


def _noted(part: Noted) -> Object:
    basis = [part.basis] if isinstance(part.basis, str) else list(part.basis)
    return {"title": words_json(part.title), "note": words_json(part.note) if part.note else None, "basis": basis}


def _validity(valid: Validity) -> Object:
    return {"from": valid.from_.isoformat(), "to": valid.to.isoformat() if valid.to else None}


def _parameter_json(name: str, parameter: Parameter) -> Object:
    return {"name": name, **_noted(parameter), "value": parameter.value, "in_source": parameter.in_source}


def _input_json(name: str, given: CountInput | CasesInput, table: TableDocument) -> Object:
    if isinstance(given, CountInput):
        return {"name": name, **_noted(given), "count": count_of(given, table)}
    selected = {"cases": given.cases, "states": list(given.states), "where": {**given.where}}
    return {"name": name, **_noted(given), **selected}


def _criterion_json(name: str, table: Table) -> Object:
    node = table.criteria[name]
    reads = list(table.inputs(node))
    return {"name": name, **_noted(table.document.criteria[name]), "needed": told(node), "reads": reads}


def _class_json(each: TableClass, table: Table) -> Object:
    return {"class": each.class_, **_noted(each), "needed": told(dict(table.classes)[each.class_])}


def classification_json(engine: Engine, found: Classified) -> Object:
    """The class of a unit, or those that it could still be of and what is missing; and why."""
    document, result = found.table.document, found.result
    titles = {each.class_: each.title for each in document.classes}
    lacking = [document.inputs[name].title for name in result.missing]
    return {
        "unit": found.unit.code,
        "as_of": found.as_of.isoformat(),
        "table": table_head(document),
        "class": _named(result.found, titles[result.found]) if result.found else None,
        "possible": [_named(name, titles[name]) for name in result.possible],
        "missing": list(result.missing),
        "message": words_json(missing(lacking) if lacking else titles[result.possible[0]]),
        "inputs": [_found_json(name, each, document) for name, each in found.found.items()],
        "criteria": [_judged_json(name, found) for name in document.criteria],
        "classes": [
            {**_class_json(each, found.table), "met": result.classes[each.class_]} for each in document.classes
        ],
        "beside": _beside_json(engine, found.beside, found) if found.beside else None,
    }


def _named(name: str, title: Words) -> Object:
    return {"class": name, "title": words_json(title)}


def _judged_json(name: str, found: Classified) -> Object:
    """A criterion with the figures that it was judged by."""
    figures = {each: found.found[each].value for each in found.table.inputs(found.table.criteria[name])}
    return {**_criterion_json(name, found.table), "met": found.result.criteria[name], "found": figures}


def _found_json(name: str, found: Found, document: TableDocument) -> Object:
    head = {"name": name, "title": words_json(document.inputs[name].title), "value": found.value}
    figure = found.figure
    if figure is None:
        return {**head, "cases": [case.id for case in found.cases]}
    return {
        **head,
        "count": found.count,
        "as_of": _day(figure.as_of),
        "source": figure.source,
        "entries": [part.count.id for part in figure.parts],
        "missing_units": list(figure.missing),
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _beside_json(engine: Engine, found: Comparison, classified: Classified) -> Object:
    names: Sequence[str] = found.document.classes
    titles = [each.title for each in classified.table.document.classes if each.class_ in names]
    return {
        **_noted(found.document),
        "workflow": found.document.cases,
        "states": list(found.document.states),
        "classes": list(names),
        "holds": found.holds,
        "agrees": found.agrees,
        "message": words_json(compared(found.document.title, list(titles), holds=found.holds, agrees=found.agrees)),
        "cases": [_case_json(engine, case) for case in found.cases],
    }


def _case_json(engine: Engine, case: Case) -> Object:
    state = engine.definitions.by_hash(case.definition).state(case.state)
    return {"id": case.id, "state": case.state, "state_title": words_json(state.title), "final": case.final}
