"""Every document of the corpus differs in one respect from a good one, and gives exactly the problem it names.

The first lines of a bad document, as comments, are the problems in the words of the loader. It replaces the good
file that its directory is called after.
"""

import shutil
from pathlib import Path

import pytest

from workflows.loader import check

HERE = Path(__file__).parent
BAD = sorted((HERE / "bad").glob("*/*.yaml"))
PLACES = {
    "counts": "counts.yaml",
    "agencies": "agencies.yaml",
    "plan": "plans/mau-2025.yaml",
    "calendar": "calendars/mau.yaml",
}


@pytest.fixture
def definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the good definitions, named as problems name it."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(HERE / "good", "definitions")
    return Path("definitions")


def replaced(definitions: Path, bad: Path) -> Path:
    stem = bad.parent.name
    return definitions / PLACES.get(stem, f"workflows/{stem}.yaml")


def expected(bad: Path) -> list[str]:
    lines = bad.read_text(encoding="utf-8").split("\n")
    return [line.removeprefix("# ") for line in lines if line.startswith("# definitions/")]


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad.parent.name}/{bad.stem}")
def test_a_bad_document_gives_exactly_its_problem(bad: Path, definitions: Path) -> None:
    shutil.copyfile(bad, replaced(definitions, bad))
    assert len(expected(bad)) == 1
    assert [str(problem) for problem in check([definitions])] == expected(bad)


def test_the_good_documents_have_no_problem(definitions: Path) -> None:
    assert check([definitions]) == []


def test_the_corpus_has_not_shrunk() -> None:
    assert len(BAD) >= 220


def test_all_problems_of_all_files_are_told_at_once(definitions: Path) -> None:
    """Three files, each with its own problem; none of them hides another or adds to it."""
    names = ("dossier/name_count", "review/child_final_initial", "agencies/agencies_validity")
    bad = [HERE / "bad" / f"{name}.yaml" for name in names]
    for file in bad:
        shutil.copyfile(file, replaced(definitions, file))
    wanted = sorted(line for file in bad for line in expected(file))
    assert sorted(str(problem) for problem in check([definitions])) == wanted
