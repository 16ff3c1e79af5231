"""`check`, `schema` and `diagram` tell authors what they need, and their exit codes tell programs."""

import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.cli.conftest import Run
from workflows.services.settings import DEFINITIONS_VARIABLE

DEFINITIONS: Final = Path(__file__).parents[1] / "definitions"
GOOD: Final = DEFINITIONS / "good"
BAD: Final = DEFINITIONS / "bad" / "dossier" / "name_set_field.yaml"


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Definitions of the test's own, in use by the program."""
    root = tmp_path / "own"
    shutil.copytree(GOOD, root)
    monkeypatch.setenv(DEFINITIONS_VARIABLE, str(root))
    return root


def test_check_counts_what_it_proved(run_program: Run) -> None:
    ended = run_program("check", str(GOOD))
    assert (ended.code, ended.out) == (0, "7 documents, no problem\n")


def test_check_without_a_path_takes_the_definitions_in_use(run_program: Run, copied: Path) -> None:
    assert run_program("check").out == "7 documents, no problem\n"
    shutil.copy(BAD, copied / "workflows" / "dossier.yaml")
    assert run_program("check").code == 1


def test_check_tells_each_problem_on_its_line(run_program: Run, copied: Path) -> None:
    for name in ("dossier", "review"):
        document = copied / "workflows" / f"{name}.yaml"
        document.write_text(document.read_text(encoding="utf-8") + "surprise: 1\n", encoding="utf-8")
    ended = run_program("check", str(copied))
    lines = ended.out.splitlines()
    assert ended.code == 1
    assert [line.partition(":")[0].rpartition("/")[2] for line in lines] == ["dossier.yaml", "review.yaml"]
    assert all("surprise" in line for line in lines)


def test_check_names_a_path_that_is_not_there(run_program: Run) -> None:
    ended = run_program("check", "nowhere.yaml")
    assert ended.code == 1
    assert "nowhere.yaml:1: there is no such file" in ended.out


def test_schema_is_stale_until_it_is_written(run_program: Run, copied: Path) -> None:
    stale = run_program("schema", "--check")
    assert stale.code == 1
    assert "workflow.schema.json" in stale.err
    assert not (copied / "workflow.schema.json").exists()
    assert run_program("schema").code == 0
    assert run_program("schema", "--check").code == 0
    (copied / "workflow.schema.json").write_text("{}\n", encoding="utf-8")
    assert run_program("schema", "--check").code == 1


def test_diagram_of_a_key_and_of_its_file_are_the_same(run_program: Run, copied: Path) -> None:
    by_key = run_program("diagram", "dossier", "--language", "en")
    by_file = run_program("diagram", str(copied / "workflows" / "dossier.yaml"), "--language", "en")
    assert by_key.code == by_file.code == 0
    assert by_key.out == by_file.out
    assert by_key.out.startswith("stateDiagram-v2\n")
    assert run_program("diagram", "dossier").out != by_key.out


def test_diagram_of_an_unknown_key_names_the_nearest(run_program: Run, copied: Path) -> None:
    assert copied.is_dir()
    ended = run_program("diagram", "dosier")
    assert ended.code == 2
    assert 'did you mean "dossier"?' in ended.err
    assert ended.err.count("\n") == 1


def test_diagram_of_a_bad_file_tells_its_problems(run_program: Run) -> None:
    ended = run_program("diagram", str(BAD))
    assert ended.code == 1
    assert ended.err.startswith(BAD.as_posix())
    assert ended.out == ""


def test_diagram_of_another_document_is_refused(run_program: Run) -> None:
    ended = run_program("diagram", str(GOOD / "counts.yaml"))
    assert ended.code == 2
    assert "is not a workflow" in ended.err
