"""The canonical bytes of a document: they read back equal, and only what decides changes them."""

import json
from pathlib import Path

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sizes import size
from workflows.core.canonical import Json
from workflows.core.document_bytes import canonical_document, definition_hash, plan_hash
from workflows.core.documents import WorkflowDocument
from workflows.core.plan_documents import PlanDocument
from workflows.core.shape import read_shape
from workflows.yaml_tree import read_tree

ROOT = Path(__file__).parents[2]
FILES = sorted(
    [*(ROOT / "definitions/workflows").glob("*.yaml"), *(ROOT / "tests/definitions/good/workflows").glob("*.yaml")]
)


def read(text: str) -> WorkflowDocument:
    document, findings = read_shape(WorkflowDocument, read_tree(text.encode()).data)
    assert document is not None, findings
    return document


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_the_bytes_read_back_to_an_equal_document(file: Path) -> None:
    document = read(file.read_text(encoding="utf-8"))
    data = canonical_document(document)
    again = WorkflowDocument.model_validate_json(data)
    assert again == document
    assert canonical_document(again) == data
    assert rfc8785.dumps(json.loads(data)) == data


def test_comments_order_and_spelled_out_defaults_change_nothing() -> None:
    text = (ROOT / "tests/definitions/good/workflows/review.yaml").read_text(encoding="utf-8")
    lines = text.splitlines(keepends=True)
    assert lines[4:6] == ["basis: design\n", "subject: commune\n"]
    turned = "# a comment\n" + "".join([*lines[:4], lines[5], lines[4], *lines[6:]]) + "facts: {}\n"
    assert definition_hash(read(turned)) == definition_hash(read(text))


@pytest.mark.parametrize(
    ("old", "new"),
    [("en: Answered", "en: Replied"), ("roles: [department], from", "roles: [administrator], from")],
)
def test_what_decides_or_is_read_changes_the_hash(old: str, new: str) -> None:
    text = (ROOT / "tests/definitions/good/workflows/review.yaml").read_text(encoding="utf-8")
    assert old in text
    assert definition_hash(read(text.replace(old, new))) != definition_hash(read(text))


PLAN = ROOT / "tests/definitions/good/plans/mau-2025.yaml"
PLANS = [*sorted((ROOT / "definitions/plans").glob("*.yaml")), PLAN]


def read_plan(data: Json) -> PlanDocument:
    plan, findings = read_shape(PlanDocument, data)
    assert plan is not None, findings
    return plan


def plan_data() -> Json:
    return read_tree(PLAN.read_bytes()).data


@pytest.mark.parametrize("file", PLANS, ids=lambda file: file.name)
def test_the_bytes_of_a_plan_read_back_to_an_equal_one(file: Path) -> None:
    plan = read_plan(read_tree(file.read_bytes()).data)
    data = canonical_document(plan)
    again = PlanDocument.model_validate_json(data)
    assert again == plan
    assert canonical_document(again) == data
    assert rfc8785.dumps(json.loads(data)) == data


def reordered(node: Json, draw: st.DrawFn) -> Json:
    """The same values with the keys of every mapping in a drawn order; lists stay as they are."""
    if isinstance(node, dict):
        return {key: reordered(node[key], draw) for key in draw(st.permutations(list(node)))}
    return [reordered(item, draw) for item in node] if isinstance(node, list) else node


@st.composite
def reordered_plans(draw: st.DrawFn) -> Json:
    return reordered(plan_data(), draw)


@settings(max_examples=size(20, 1_000), deadline=None)
@given(reordered_plans())
def test_the_order_of_keys_does_not_change_the_hash_of_a_plan(data: Json) -> None:
    assert plan_hash(read_plan(data)) == plan_hash(read_plan(plan_data()))


def test_spelled_out_defaults_do_not_change_the_hash_of_a_plan() -> None:
    text = PLAN.read_text(encoding="utf-8")
    spelled = text.replace("{workflow: dossier,", "{workflow: dossier, for_each: commune,") + "# a comment\n"
    assert spelled.count("for_each") == 1
    assert plan_hash(read_plan(read_tree(spelled.encode()).data)) == plan_hash(read_plan(plan_data()))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('more_than: "42.9"', 'more_than: "42.90"'),
        ("{before: 2025-05-15}", "{by: 2025-05-15}"),
        ("owed_by: [districts, health]", "owed_by: [health, districts]"),
    ],
)
def test_what_is_said_otherwise_changes_the_hash_of_a_plan(old: str, new: str) -> None:
    text = PLAN.read_text(encoding="utf-8")
    assert text.count(old) == 1
    assert plan_hash(read_plan(read_tree(text.replace(old, new).encode()).data)) != plan_hash(read_plan(plan_data()))
