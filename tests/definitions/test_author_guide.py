"""Every YAML block of the guide for authors is one that the loader accepts.

A block with a file name is a whole file of one set of definitions. One without shows some keys of its first file:
put in their place, they keep its shape.
"""

import re
from pathlib import Path

import pytest

from workflows.core.documents import Transition, WorkflowDocument
from workflows.core.shape import read_shape
from workflows.loader import check
from workflows.yaml_tree import read_tree

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/authors/workflow-format.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml ?(\S*)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
FILES = {name: text for name, text in BLOCKS if name}
SNIPPETS = [text for name, text in BLOCKS if not name]


def problems(root: Path, files: dict[str, str]) -> list[str]:
    (root / "workflows").mkdir()
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
    return [str(problem) for problem in check([root])]


def test_the_complete_example_has_no_problem(tmp_path: Path) -> None:
    assert len(FILES) == 4
    assert problems(tmp_path, FILES) == []


def test_a_mistake_in_the_complete_example_would_be_told(tmp_path: Path) -> None:
    wrong = FILES["workflows/inspection.yaml"].replace("initial: planned", "initial: planed")
    assert len(problems(tmp_path, FILES | {"workflows/inspection.yaml": wrong})) == 1


@pytest.mark.parametrize("snippet", SNIPPETS, ids=lambda text: text.split(":")[0])
def test_a_snippet_keeps_the_shape(snippet: str) -> None:
    whole = read_tree(FILES["workflows/inspection.yaml"].encode()).data
    part = read_tree(snippet.encode())
    assert isinstance(whole, dict)
    assert isinstance(part.data, dict)
    assert part.faults == ()
    assert part.data.keys() <= whole.keys()
    assert read_shape(WorkflowDocument, {**whole, **part.data})[1] == ()


def test_there_are_snippets() -> None:
    assert len(SNIPPETS) >= 4


@pytest.mark.parametrize("model", [WorkflowDocument, Transition], ids=lambda model: model.__name__)
def test_every_key_is_explained(model: type[WorkflowDocument | Transition]) -> None:
    keys = {field.alias or name for name, field in model.model_fields.items()}
    assert {key for key in keys if f"`{key}`" not in GUIDE and f"`{key}:" not in GUIDE} == set()
