"""The JSON Schemas by which editors complete and check definitions, generated from the documents themselves.

They describe shape only: what needs more, such as whether a state exists, is proved by the loader.
"""

import json
from collections.abc import Mapping

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaValue

from workflows.core.calendar_documents import CalendarDocument
from workflows.core.catalogue_documents import AgenciesDocument, CountsDocument
from workflows.core.documents import WorkflowDocument
from workflows.core.plan_documents import PlanDocument
from workflows.core.table_documents import BOUNDS, TableDocument
from workflows.core.unit_acts import UnitActDocument

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_KINDS = ("that", "share", "attested", "all_of", "any_of", "at_least")
_DOCUMENTS: Mapping[str, type[BaseModel]] = {
    "workflow.schema.json": WorkflowDocument,
    "counts.schema.json": CountsDocument,
    "agencies.schema.json": AgenciesDocument,
    "plan.schema.json": PlanDocument,
    "calendar.schema.json": CalendarDocument,
    "table.schema.json": TableDocument,
    "unit_act.schema.json": UnitActDocument,
}
_ONE_OF: Mapping[str, tuple[str, ...]] = {
    "Day": ("by", "before"),
    "DayOfYear": ("by", "before"),
    "Span": ("by", "before"),
    "Due": ("on", "each_year", "on_request"),
    "Having": ("at_least", "at_most"),
    "Indicator": ("value", "share", "growth"),
    "Target": ("at_least", "more_than", "at_most", "less_than", "table"),
}
"""Of the parts of a plan: the keys of which exactly one is given."""


def document_schema() -> JsonSchemaValue:
    """The schema of one version of one workflow."""
    return _schema(WorkflowDocument)


def plan_schema() -> JsonSchemaValue:
    """The schema of a plan."""
    return _schema(PlanDocument)


def table_schema() -> JsonSchemaValue:
    """The schema of one version of one decision table."""
    return _schema(TableDocument)


def schema_files() -> Mapping[str, str]:
    """By file name in the directory of definitions: the text of the published schema."""
    return {name: json.dumps(_schema(model), ensure_ascii=False, indent=2) + "\n" for name, model in _DOCUMENTS.items()}


def _schema(model: type[BaseModel]) -> JsonSchemaValue:
    schema = model.model_json_schema(by_alias=True)
    condition = schema.get("$defs", {}).get("Condition")
    if condition is not None:  # the rule of its validator, which pydantic cannot see into
        condition["oneOf"] = [{"required": [kind]} for kind in _KINDS]
        condition["dependentRequired"] = {"at_least": ["of"], "of": ["at_least"]}
    passed = schema.get("$defs", {}).get("WhenPassed")
    if passed is not None:
        passed["oneOf"] = [{"required": [kind]} for kind in ("notify", "escalate", "fire")]
        passed["dependentRequired"] = {"with": ["fire"]}
    due = schema.get("$defs", {}).get("Due", {})
    if "within" in due.get("properties", {}):  # the workflow's, not the plan's of the same name
        due["oneOf"] = [{"required": ["within"]}, {"required": ["on"]}]
        due["dependentRequired"] = {"within": ["unit"], "unit": ["within"]}
        due["if"] = {"required": ["rolls"], "properties": {"rolls": {"const": True}}}
        due["then"] = {"required": ["unit"], "properties": {"unit": {"enum": ["days", "months"]}}}
    if model is UnitActDocument:
        schema["$defs"]["Change"]["oneOf"] = [{"required": [kind]} for kind in ("merge", "rename", "split", "abolish")]
    if model is PlanDocument:
        _add_plan_rules(schema["$defs"])
    if model is TableDocument:
        _add_table_rules(schema["$defs"])
    _close(schema)
    return {"$schema": DIALECT, **schema}


def _add_plan_rules(parts: dict[str, JsonSchemaValue]) -> None:
    """What the validators of a plan refuse, as far as a schema can say it."""
    for name, keys in _ONE_OF.items():
        parts[name]["oneOf"] = [{"required": [key]} for key in keys]
    parts["Task"]["anyOf"] = [
        {"required": [key], "properties": {key: {"minItems": 1}}} for key in ("lead", "implementing", "coordinating")
    ]
    parts["Task"]["if"] = {"properties": {"kind": {"const": "recurring"}}}
    parts["Task"]["then"] = {"anyOf": [{"required": ["every"]}, {"required": ["due"]}]}


def _add_table_rules(parts: dict[str, JsonSchemaValue]) -> None:
    """What the validators of a decision table refuse, as far as a schema can say it."""
    parts["TableClass"]["oneOf"] = [{"required": [key]} for key in ("when", "otherwise")]
    for name in ("NumberTest", "ShareTest"):
        parts[name]["anyOf"] = [{"required": [bound]} for bound in BOUNDS]
        parts[name]["not"] = {"anyOf": [{"required": list(BOUNDS[:2])}, {"required": list(BOUNDS[2:])}]}


def _close(node: object) -> None:
    """Refuse the keys of a mapping of names that are no names, which pydantic leaves open."""
    if isinstance(node, dict):
        if "patternProperties" in node:
            node.setdefault("additionalProperties", False)
        for member in node.values():
            _close(member)
    elif isinstance(node, list):
        for member in node:
            _close(member)
