"""The published JSON Schemas: fresh, valid, and telling good shapes from bad ones."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from workflows.core.documents import WorkflowDocument
from workflows.core.json_schema import document_schema, plan_schema
from workflows.core.plan_documents import PlanDocument
from workflows.core.shape import read_shape
from workflows.schema_files import stale_schemas, write_schemas
from workflows.yaml_tree import read_tree

HERE = Path(__file__).parent
SHIPPED = HERE.parents[1] / "definitions"
GOOD = sorted([*(HERE / "good/workflows").glob("*.yaml"), *(SHIPPED / "workflows").glob("*.yaml")])
NOT_IN_SCHEMA = {"shape_validity_reversed", "shape_bad_date"}
"""Rules over two values, and dates, which a validator checks only when it is told to."""
GOOD_PLANS = sorted([*(HERE / "good/plans").glob("*.yaml"), *(SHIPPED / "plans").glob("*.yaml")])
NOT_IN_PLAN_SCHEMA = {
    "shape_at",
    "shape_period_reversed",
    "shape_row_without_column",
    "shape_span_reversed",
    "shape_year_of_a_misprint",
}


def misshapen(kind: str, model: type[WorkflowDocument | PlanDocument]) -> list[Path]:
    """The bad documents that can be read but whose shape is wrong."""
    files = sorted((HERE / "bad" / kind).glob("*.yaml"))
    trees = {file: read_tree(file.read_bytes()) for file in files}
    return [file for file, tree in trees.items() if not tree.faults and read_shape(model, tree.data)[0] is None]


def test_the_published_schemas_are_fresh() -> None:
    assert stale_schemas(SHIPPED) == []


def test_a_changed_schema_is_told_and_written_again(tmp_path: Path) -> None:
    assert len(write_schemas(tmp_path)) == 7
    (tmp_path / "counts.schema.json").write_text("{}", encoding="utf-8")
    assert stale_schemas(tmp_path) == [tmp_path / "counts.schema.json"]
    assert write_schemas(tmp_path) == [tmp_path / "counts.schema.json"]
    assert stale_schemas(tmp_path) == []


def test_the_schema_is_a_valid_one_with_words_for_the_editor() -> None:
    schema = document_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$defs"]["Due"]["description"].startswith("A deadline")
    assert schema["$defs"]["Effect"]["properties"]["on"]["description"].startswith("`parent`")


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.name)
def test_good_documents_fulfil_the_schema(file: Path) -> None:
    assert list(Draft202012Validator(document_schema()).iter_errors(read_tree(file.read_bytes()).data)) == []


@pytest.mark.parametrize("file", GOOD_PLANS, ids=lambda file: file.name)
def test_good_plans_fulfil_the_schema(file: Path) -> None:
    assert list(Draft202012Validator(plan_schema()).iter_errors(read_tree(file.read_bytes()).data)) == []


def test_documents_of_a_bad_shape_break_the_schema() -> None:
    bad = misshapen("dossier", WorkflowDocument)
    validator = Draft202012Validator(document_schema())
    assert len(bad) >= 25
    assert {file.stem for file in bad if validator.is_valid(read_tree(file.read_bytes()).data)} == NOT_IN_SCHEMA


def test_plans_of_a_bad_shape_break_the_schema() -> None:
    bad = misshapen("plan", PlanDocument)
    validator = Draft202012Validator(plan_schema())
    assert len(bad) >= 20
    assert {file.stem for file in bad if validator.is_valid(read_tree(file.read_bytes()).data)} == NOT_IN_PLAN_SCHEMA
