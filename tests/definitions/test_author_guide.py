"""Every YAML block of the guide on workflows is one that the loader accepts, and together they use every key.

A block with a file name is a whole file of one set of definitions. One without shows some keys of its first file:
put in their place, they leave it without a problem.
"""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pytest

from tests.docs.document_keys import Model, keys, models, used
from workflows.core import documents
from workflows.core.canonical import Json
from workflows.core.catalogue_documents import AgenciesDocument, Agency, CountKind, CountsDocument
from workflows.core.documents import WorkflowDocument
from workflows.core.shape import read_shape
from workflows.loader import check
from workflows.yaml_tree import read_tree

ROOT: Final = Path(__file__).parents[2]
GUIDE: Final = (ROOT / "docs/authors/workflow-format.md").read_text(encoding="utf-8")
BLOCKS: Final = re.findall(r"^```yaml ?(\S*)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
FILES: Final = {name: text for name, text in BLOCKS if name}
SNIPPETS: Final = [text for name, text in BLOCKS if not name]
WORKFLOW: Final = "workflows/inspection.yaml"
COLLECTIONS: Final = frozenset({"fields", "facts", "sheets", "states", "transitions"})
"""A snippet adds to these, or replaces some of them; of other keys it has the whole."""
FIELDS: Final = "`fields` and `input`"
EXPLAINED: Final[Mapping[str, tuple[Model, ...]]] = {
    "Everywhere": (documents.Cited, documents.Words),
    "The head": (WorkflowDocument, documents.Validity),
    FIELDS: (
        documents._Field,  # noqa: SLF001 - what all kinds of fields have in common
        documents.TextField,
        documents.ItemsField,
        documents.IntegerField,
        documents.BooleanField,
        documents.DateField,
        documents.ChoiceField,
        documents.KeyField,
        documents.DocumentField,
        documents.AgencyField,
        documents.AgenciesField,
        documents.CasesField,
        documents.AttestationsField,
    ),
    "`facts`": (documents.CountFact, documents.CasesFact),
    "`sheets` and conditions": (
        documents.Sheet,
        documents.SheetRequirement,
        documents.Condition,
        documents.Share,
    ),
    "`open`": (documents.Opens,),
    "`states`": (documents.State, documents.Due, documents.WhenPassed),
    "`transitions`": (documents.Transition, documents.Literally),
    "`effects` and `opens`": (documents.Effect, documents.Opening),
    "`amend` and `annul`": (documents.Amendment, documents.Annulment),
    "Counts and agencies": (CountsDocument, CountKind, AgenciesDocument, Agency),
}
"""By section: the kinds of parts whose keys it explains."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "workflows").mkdir()
    shutil.copytree(ROOT / "definitions/calendars", tmp_path / "calendars")
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def problems(root: Path, **edits: str) -> list[str]:
    """With the complete example, its workflow replaced by another text where one is given."""
    if edits:
        (root / WORKFLOW).write_text(edits["workflow"], encoding="utf-8")
    return [str(problem) for problem in check([root])]


def mapping(text: str) -> dict[str, Json]:
    tree = read_tree(text.encode())
    assert tree.faults == ()
    assert isinstance(tree.data, dict)
    return tree.data


def with_snippet(snippet: str) -> dict[str, Json]:
    whole = mapping(FILES[WORKFLOW])
    for key, part in mapping(snippet).items():
        before = whole.get(key)
        if key in COLLECTIONS and isinstance(before, dict) and isinstance(part, dict):
            whole[key] = {**before, **part}
        else:
            whole[key] = part
    return whole


def test_the_complete_example_has_no_problem(root: Path) -> None:
    assert len(FILES) == 4
    assert problems(root) == []


def test_a_mistake_in_the_complete_example_would_be_told(root: Path) -> None:
    wrong = FILES[WORKFLOW].replace("initial: planned", "initial: planed")
    assert len(problems(root, workflow=wrong)) == 1


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_a_snippet_has_no_problem_in_its_place(root: Path, snippet: str) -> None:
    assert mapping(snippet).keys() <= mapping(FILES[WORKFLOW]).keys()
    assert problems(root, workflow=json.dumps(with_snippet(snippet), ensure_ascii=False)) == []


def test_a_mistake_in_a_snippet_would_be_told(root: Path) -> None:
    (snippet,) = (text for text in SNIPPETS if "fire: expire" in text)
    wrong = with_snippet(snippet.replace("fire: expire", "fire: expired"))
    assert len(problems(root, workflow=json.dumps(wrong, ensure_ascii=False))) == 1


def every_key() -> set[tuple[Model, str]]:
    found = models(WorkflowDocument, CountsDocument, AgenciesDocument)
    return {(model, key) for model in found for key in keys(model)}


def shown_keys(files: Mapping[str, str], snippets: list[str]) -> set[tuple[Model, str]]:
    """Those that stand in an example, or in one that is of the same shape."""
    kinds: Mapping[str, Model] = {"counts.yaml": CountsDocument, "agencies.yaml": AgenciesDocument}
    data = [(kinds.get(name, WorkflowDocument), mapping(text)) for name, text in files.items()]
    data += [(WorkflowDocument, with_snippet(snippet)) for snippet in snippets]
    return set(used(read_shape(model, each)[0] for model, each in data))


def explained_keys(guide: str) -> set[tuple[Model, str]]:
    """Those that stand as code in the words of the section for them."""
    words = re.sub(r"^```.*?^```$", "", guide, flags=re.MULTILINE | re.DOTALL)
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", words, re.MULTILINE | re.DOTALL))
    return {
        (model, key)
        for title, found in EXPLAINED.items()
        for model in found
        for key in _codes(f"{title}\n{sections[title]}") & keys(model).keys()
    }


def _codes(words: str) -> set[str]:
    return set(re.findall(r"\w+", " ".join(re.findall(r"`([^`\n]+)`", words))))


def test_every_key_is_shown_in_an_example() -> None:
    assert every_key() - shown_keys(FILES, SNIPPETS) == set()


def test_every_key_is_explained() -> None:
    assert every_key() - explained_keys(GUIDE) == set()


def test_a_key_that_is_not_shown_or_not_explained_is_noticed() -> None:
    without = [snippet for snippet in SNIPPETS if "escalate" not in snippet]
    assert (documents.WhenPassed, "escalate") in every_key() - shown_keys(FILES, without)
    assert every_key() - explained_keys(GUIDE.replace("| `escalate` |", "| |")) == {(documents.WhenPassed, "escalate")}
