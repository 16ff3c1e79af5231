"""The canonical bytes of a document: they read back equal, and only what decides changes them."""

import json
from pathlib import Path

import pytest
import rfc8785

from workflows.core.document_bytes import canonical_document, definition_hash
from workflows.core.documents import WorkflowDocument
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
