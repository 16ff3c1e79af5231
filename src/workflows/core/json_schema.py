"""The JSON Schemas by which editors complete and check definitions, generated from the documents themselves.

They describe shape only: what needs more, such as whether a state exists, is proved by the loader.
"""

import json
from collections.abc import Mapping

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaValue

from workflows.core.documents import AgenciesDocument, CountsDocument, WorkflowDocument

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_KINDS = ("that", "share", "attested", "all_of", "any_of", "at_least")
_DOCUMENTS: Mapping[str, type[BaseModel]] = {
    "workflow.schema.json": WorkflowDocument,
    "counts.schema.json": CountsDocument,
    "agencies.schema.json": AgenciesDocument,
}


def document_schema() -> JsonSchemaValue:
    """The schema of one version of one workflow."""
    return _schema(WorkflowDocument)


def schema_files() -> Mapping[str, str]:
    """By file name in the directory of definitions: the text of the published schema."""
    return {name: json.dumps(_schema(model), ensure_ascii=False, indent=2) + "\n" for name, model in _DOCUMENTS.items()}


def _schema(model: type[BaseModel]) -> JsonSchemaValue:
    schema = model.model_json_schema(by_alias=True)
    condition = schema.get("$defs", {}).get("Condition")
    if condition is not None:  # the rule of its validator, which pydantic cannot see into
        condition["oneOf"] = [{"required": [kind]} for kind in _KINDS]
        condition["dependentRequired"] = {"at_least": ["of"], "of": ["at_least"]}
    _close(schema)
    return {"$schema": DIALECT, **schema}


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
