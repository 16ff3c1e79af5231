"""Which files make a catalogue, what a broken file means for the others, and where definitions are found."""

import shutil
from pathlib import Path

import pytest

from workflows.core.problems import DefinitionError
from workflows.loader import check, find_definitions, load
from workflows.yaml_tree import SIZE_LIMIT, read_tree

GOOD = Path(__file__).parent / "good"
SHIPPED = Path(__file__).parents[2] / "definitions"


@pytest.fixture
def definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(GOOD, "definitions")
    return Path("definitions")


def messages(*paths: Path) -> list[str]:
    return [str(problem) for problem in check(paths)]


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


def next_version(definitions: Path, valid: str) -> Path:
    """A second version of the dossier, in its own file."""
    file = definitions / "workflows/dossier.v2.yaml"
    shutil.copyfile(definitions / "workflows/dossier.yaml", file)
    edit(file, "version: 1\n", "version: 2\n")
    edit(file, "valid: {from: 2024-01-01}", f"valid: {valid}")
    return file


def test_the_shipped_definitions_have_no_problem() -> None:
    assert check([SHIPPED]) == []
    assert set(load(SHIPPED).workflows) == {
        *("certification", "commune_transformation", "hotspot", "list_decision", "opinion"),
        *("periodic_report", "plan_task", "selection_decision", "tip_off"),
    }


def test_a_catalogue_keeps_the_order_of_the_author(definitions: Path) -> None:
    (dossier,) = load(definitions).workflows["dossier"]
    assert list(dossier.states) == ["drafted", "checked", "closed"]
    assert list(dossier.fields) == ["kind", "size", "closed_on"]


def test_loading_raises_all_problems(definitions: Path) -> None:
    edit(definitions / "workflows/dossier.yaml", "initial: drafted", "initial: draft")
    edit(definitions / "workflows/review.yaml", "initial: asked", "initial: ask")
    with pytest.raises(DefinitionError) as raised:
        load(definitions)
    assert [(problem.file, problem.path, problem.nearest) for problem in raised.value.problems] == [
        ("definitions/workflows/dossier.yaml", "initial", "drafted"),
        ("definitions/workflows/review.yaml", "initial", "asked"),
    ]


def test_a_broken_file_adds_no_problems_to_those_that_refer_to_it(definitions: Path) -> None:
    edit(definitions / "workflows/review.yaml", "version: 1\n", "")
    (definitions / "counts.yaml").write_text("counts: 5\n", encoding="utf-8")
    assert messages(definitions) == [
        "definitions/counts.yaml:1: counts: must be a mapping, not 5",
        'definitions/workflows/review.yaml:1: "version" is missing',
    ]


def test_a_missing_file_is_a_problem_of_those_that_refer_to_it(definitions: Path) -> None:
    (definitions / "counts.yaml").unlink()
    assert messages(definitions / "workflows/dossier.yaml") == [
        'definitions/workflows/dossier.yaml:12: facts.households.count: "households" is not a count of the catalogue',
        (
            "definitions/workflows/dossier.yaml:13: facts.committed.count: "
            '"households_committed" is not a count of the catalogue'
        ),
    ]


def test_a_later_version_that_begins_later_is_accepted(definitions: Path) -> None:
    next_version(definitions, "{from: 2024-01-02}")
    assert messages(definitions) == []
    assert [document.version for document in load(definitions).workflows["dossier"]] == [1, 2]


def test_a_later_version_that_begins_on_the_same_day_is_a_problem(definitions: Path) -> None:
    next_version(definitions, "{from: 2024-01-01}")
    assert messages(definitions) == [
        (
            "definitions/workflows/dossier.v2.yaml:3: valid: begins on 2024-01-01, version 1 on 2024-01-01: "
            "a later version begins later"
        )
    ]


def test_one_version_in_two_files_is_a_problem(definitions: Path) -> None:
    shutil.copyfile(definitions / "workflows/dossier.yaml", definitions / "workflows/dossier.v1.yaml")
    assert messages(definitions) == [
        (
            "definitions/workflows/dossier.yaml:2: version: "
            "version 1 of dossier stands in definitions/workflows/dossier.v1.yaml too"
        )
    ]


def test_files_that_would_not_be_read_are_problems(definitions: Path) -> None:
    (definitions / "workflows/other.yml").write_text("workflow: other\n", encoding="utf-8")
    assert messages(definitions) == [
        (
            "definitions/workflows/other.yml:1: is not read: "
            "a workflow stands directly in definitions/workflows and ends in .yaml"
        )
    ]


def test_a_directory_without_workflows_and_a_path_to_nothing_are_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    assert messages(Path("empty"), Path("none.yaml")) == [
        "empty/workflows:1: there is no workflow here: no file *.yaml",
        "none.yaml:1: there is no such file or directory",
    ]


def test_a_single_file_is_proved_among_its_neighbours_and_tells_only_its_own(definitions: Path) -> None:
    edit(definitions / "workflows/dossier.yaml", "initial: drafted", "initial: draft")
    assert messages(definitions / "workflows/review.yaml") == []
    assert len(messages(definitions / "workflows/dossier.yaml")) == 1
    assert messages(definitions / "counts.yaml") == []


def test_a_byte_that_is_not_utf_8_is_told_with_its_line(definitions: Path) -> None:
    file = definitions / "workflows/dossier.yaml"
    file.write_bytes(file.read_bytes().replace("Hồ sơ".encode(), b"H\xf4 so"))
    assert messages(definitions) == ["definitions/workflows/dossier.yaml:4: not UTF-8: byte 0xf4"]


def test_a_file_beyond_the_limit_is_not_read(definitions: Path) -> None:
    file = definitions / "workflows/dossier.yaml"
    padding = SIZE_LIMIT - len(file.read_bytes())
    file.write_bytes(file.read_bytes() + b"#" * padding)
    assert messages(definitions) == []
    file.write_bytes(file.read_bytes() + b"#")
    assert messages(definitions) == [
        "definitions/workflows/dossier.yaml:1: the file has 1,000,001 bytes; at most 1,000,000 are read"
    ]


def test_only_true_and_false_are_booleans_and_only_whole_numbers_numbers() -> None:
    tree = read_tree(b"on: yes\nno: off\nfirst: true\nsecond: 12\nthird: 084\nfourth: 1.5\nfifth: 2024-01-01\n")
    assert tree.data == {
        "on": "yes",
        "no": "off",
        "first": True,
        "second": 12,
        "third": "084",
        "fourth": "1.5",
        "fifth": "2024-01-01",
    }


def test_definitions_are_found_by_setting_else_beside_the_package(definitions: Path) -> None:
    assert find_definitions(str(definitions)) == definitions
    assert find_definitions(None) == SHIPPED
    with pytest.raises(FileNotFoundError, match="no directory nowhere/workflows"):
        find_definitions("nowhere")
