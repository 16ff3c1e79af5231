"""Decision tables: how they are found and proved, the guide for their authors, and a rule set written from it."""

import re
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from workflows.core import table_documents as documents
from workflows.core.documents import Catalogue
from workflows.core.json_schema import table_schema
from workflows.core.plan_documents import Parameter
from workflows.core.problems import DefinitionError
from workflows.core.shape import read_shape
from workflows.core.table_documents import TableDocument
from workflows.loader import check, load
from workflows.table_files import TableFiles, Tables
from workflows.yaml_tree import read_tree

ROOT: Final = Path(__file__).parents[2]
SHIPPED: Final = ROOT / "definitions"
NAME: Final = "commune_classification.yaml"
TABLE: Final = f"tables/{NAME}"
THREE: Final = Path(__file__).parent / "tables/at_least_three.yaml"
GUIDE: Final = (ROOT / "docs/authors/tables.md").read_text(encoding="utf-8")
BLOCKS: Final = re.findall(r"^```yaml ?(\S*)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
((EXAMPLE, EXAMPLE_TEXT),) = [(name, text) for name, text in BLOCKS if name]
SNIPPETS: Final = [text for name, text in BLOCKS if not name]


@cache
def catalogue() -> Catalogue:
    return load(SHIPPED)


def problems(*files: Path) -> list[str]:
    """Of tables among the shipped definitions, without the directory and lists of what is allowed."""
    found = TableFiles(files).problems(catalogue())
    return [re.sub(r"; allowed: [^;]*", "", str(each)).removeprefix(f"{files[0].parent.as_posix()}/") for each in found]


def write(file: Path, *replacements: tuple[str, str]) -> Path:
    """The shipped table with some of its text replaced."""
    text = (SHIPPED / TABLE).read_text(encoding="utf-8")
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    return file


WRONG: Final[Sequence[tuple[str, str, str]]] = [
    (
        "value: drug_offenders_12_months",
        "value: drug_offender_12_months",
        (
            'inputs.offenders.count: "drug_offender_12_months" is not a count of the catalogue; '
            'did you mean "drug_offenders_12_months"?'
        ),
    ),
    (
        "count: parameters.offenders_counted",
        "count: parameters.offenders_count",
        (
            'inputs.offenders.count: "parameters.offenders_count" is not a parameter of this table; '
            'did you mean "parameters.offenders_counted"?'
        ),
    ),
    (
        "count: addicts_on_file",
        "count: Addicts",
        'inputs.addicts_on_file.count: "Addicts" is not a count, or a parameter of the table: parameters.<name>',
    ),
    ("cases: hotspot", "cases: hotspots", 'inputs.places.cases: "hotspots" is not a workflow; did you mean "hotspot"?'),
    (
        "states: [identified, relapsed]",
        "states: [identified, relapse]",
        'inputs.places.states[1]: "relapse" is not a state of hotspot; did you mean "relapsed"?',
    ),
    (
        "states: [identified, relapsed]",
        "states: [relapsed, relapsed]",
        'inputs.places.states[1]: "relapsed" stands twice in the list',
    ),
    (
        "[gathering_place, retail_point]",
        "[gathering_place, retail]",
        'inputs.places.where.kind[1]: "retail" is not an option of kind; did you mean "retail_point"?',
    ),
    (
        "{any_of: [addicts_2, places_2,",
        "{any_of: [addicts_2, measured_3, places_2,",
        'criteria.measured_2.when.any_of[1]: "measured_3" is not a criterion that stands above',
    ),
    (
        "{any_of: [addicts_3, places_3,",
        "{any_of: [addict_3, places_3,",
        'criteria.measured_3.when.any_of[0]: "addict_3" is not a criterion; did you mean "addicts_3"?',
    ),
    (
        "addicts_on_file, at_least: 60, less_than: 100",
        "addicts_on_file, more_than: 60, less_than: 61",
        "criteria.addicts_2.when: no figure fulfils it: the lower bound leaves nothing below the upper one",
    ),
    (
        "at_least: 0.3 %, less_than: 0.5 %",
        "at_least: 0.5 %, less_than: 0.50 %",
        "criteria.offenders_2.when: no figure fulfils it: the lower bound leaves nothing below the upper one",
    ),
    (
        "{is_yes: key_route}",
        "{number: key_route, at_least: 1}",
        'criteria.on_route.when: "key_route" is a yes or no: write {is_yes: key_route}',
    ),
    (
        "{number: addicts_on_file, at_least: 100}",
        "{is_yes: addicts_on_file}",
        'criteria.addicts_1.when: "addicts_on_file" is no yes or no',
    ),
    (
        "at_least: 100}",
        "at_least: parameters.offenders_counted}",
        (
            "criteria.addicts_1.when.at_least: parameters.offenders_counted is 'drug_offenders_12_months', "
            "must be a whole number"
        ),
    ),
    (
        "population}, at_least: 0.5 %}",
        "population}, at_least: parameters.offenders_counted}",
        (
            "criteria.offenders_1.when.at_least: parameters.offenders_counted is 'drug_offenders_12_months', "
            'must be a share such as "0.5 %"'
        ),
    ),
    (
        "population}, at_least: 0.5 %}",
        "population}, at_least: 0.5}",
        (
            'criteria.offenders_1.when.at_least: "0.5" is not a share such as "0.5 %", '
            "or a parameter of the table: parameters.<name>"
        ),
    ),
    (
        "{of: offenders, over: population}, at_least: 0.1 %",
        "{of: [offenders, population], over: population}, at_least: 0.1 %",
        'criteria.offenders_3.when: "population" stands twice in one comparison',
    ),
    (
        "at_least: 100}",
        "at_least: 100, more_than: 5}",
        "criteria.addicts_1.when: at_least and more_than are two bounds of one side: give one of them",
    ),
    (
        "{number: addicts_on_file, at_least: 100}",
        "{number: addicts_on_file}",
        "criteria.addicts_1.when: at least one of at_least, more_than, at_most, less_than is needed",
    ),
    (
        "{is_yes: key_route}",
        "{ja: key_route}",
        (
            "criteria.on_route.when: a condition has exactly one of number, share, is_yes, all_of, any_of, none_of, "
            "of; this one has ja"
        ),
    ),
    (
        "when: {all_of: [no_addicts, no_crimes, no_other_acts]}",
        "when: {at_least: 4, of: [no_addicts, no_crimes, no_other_acts]}",
        "classes[3].when: at_least is 4 but of lists 3",
    ),
    (
        "when: {all_of: [no_addicts, no_crimes, no_other_acts]}",
        "when: {all_of: [measured_3, no_addicts, no_crimes, no_other_acts]}",
        "classes[3]: no figures lead here: the classes above take them all, or the condition never holds",
    ),
    (
        "otherwise: true",
        "when: no_crimes",
        "classes[4].when: the last class takes all the rest: otherwise: true",
    ),
    (
        "    when: measured_3\n",
        "    otherwise: true\n",
        "classes[2].otherwise: leaves nothing for the classes below: it is the last one's",
    ),
    ("class: less_complex", "class: drug_free", 'classes[4].class: "drug_free" is the name of a class above'),
    (
        "states: [certified]",
        "states: [certifed]",
        'beside.states[0]: "certifed" is not a state of certification; did you mean "certified"?',
    ),
    (
        "classes: [drug_free]",
        "classes: [drugfree]",
        'beside.classes[0]: "drugfree" is not a class; did you mean "drug_free"?',
    ),
    (
        "subject: commune",
        "subject: province",
        "inputs.places.cases: hotspot is about another level of units, so that no case of a province can count",
    ),
    (
        "        - addicts_1\n",
        "",
        "criteria.addicts_1: nothing reads it",
    ),
    (
        "table: commune_classification",
        "table: communes",
        'table: "commune_classification.yaml" is not the name of a file for version 1 of communes',
    ),
]


@pytest.mark.parametrize(("old", "new", "problem"), WRONG, ids=[problem[:60] for _, _, problem in WRONG])
def test_one_mistake_is_one_problem(old: str, new: str, problem: str, tmp_path: Path) -> None:
    (told,) = problems(write(tmp_path / NAME, (old, new)))
    name, line, message = told.split(":", 2)
    assert (name, message.strip()) == (NAME, problem)
    assert int(line) > 1


def test_the_shipped_tables_are_proved(tmp_path: Path) -> None:
    tables = catalogue().tables
    assert list(tables) == ["commune_classification"]
    assert [table.version for table in tables["commune_classification"]] == [1]
    assert tables.get("commune_clasification") is None
    assert problems(write(tmp_path / NAME)) == []


def test_a_wrong_table_is_told_when_it_is_asked_for(tmp_path: Path) -> None:
    file = write(tmp_path / NAME, ("states: [certified]", "states: [certifed]"))
    tables = Tables(TableFiles([file]), catalogue())
    for _ in range(2):
        with pytest.raises(DefinitionError, match="certifed"):
            tables["commune_classification"]


def test_versions_follow_one_another(tmp_path: Path) -> None:
    first, second = write(tmp_path / NAME), tmp_path / "commune_classification.v2.yaml"
    write(second, ("version: 1", "version: 2"), ("2025-02-17", "2025-09-01"))
    assert problems(first, second) == []
    found = Tables(TableFiles([second, first]), catalogue())["commune_classification"]
    assert [table.version for table in found] == [1, 2]
    write(second, ("version: 1", "version: 2"))
    wanted = "begins on 2025-02-17, version 1 on 2025-02-17: a later version begins later"
    assert problems(first, second) == [f"{second.name}:7: valid: {wanted}"]
    write(second)
    assert [told.split(": ", 2)[1] for told in problems(first, second)] == ["table", "version"]


def test_tables_are_checked_with_the_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken file adds no problem to a table; a table that would not be read is one."""
    monkeypatch.chdir(tmp_path)
    for name in ("workflows", "tables"):
        shutil.copytree(SHIPPED / name, Path("definitions") / name)
    shutil.copy(SHIPPED / "agencies.yaml", "definitions")
    Path("definitions/counts.yaml").write_text("counts: 5\n", encoding="utf-8")
    Path("definitions/workflows/hotspot.yaml").write_text("workflow: hotspot\n", encoding="utf-8")
    Path("definitions/tables/more.yml").write_text("table: more\n", encoding="utf-8")
    told = [str(problem) for problem in check([Path("definitions")])]
    assert [each for each in told if "definitions/tables" in each] == [
        "definitions/tables/more.yml:1: is not read: a table stands directly in definitions/tables and ends in .yaml"
    ]
    assert check([Path("definitions") / TABLE]) == []


def test_a_table_elsewhere_is_proved_with_the_files_given(tmp_path: Path) -> None:
    table = write(tmp_path / NAME)
    assert 'inputs.places.cases: "hotspot" is not a workflow' in "\n".join(map(str, check([table])))
    files = [Path(shutil.copy(file, tmp_path)) for file in (SHIPPED / "workflows").glob("*.yaml")]
    assert not any("is not a workflow" in str(problem) for problem in check([table, *files]))


def test_the_schema_tells_good_from_bad() -> None:
    Draft202012Validator.check_schema(table_schema())
    validator = Draft202012Validator(table_schema())
    for file in (SHIPPED / TABLE, THREE):
        assert validator.is_valid(read_tree(file.read_bytes()).data)
    text = (SHIPPED / TABLE).read_text(encoding="utf-8")
    for old, new in (
        ("{number: addicts_on_file, at_least: 100}", "{number: addicts_on_file}"),
        ("at_least: 100}", "at_least: 100, more_than: 5}"),
        ("{is_yes: key_route}", "{ja: key_route}"),
        ("otherwise: true", "otherwise: true\n    when: no_crimes"),
        ("population}, at_least: 0.5 %}", "population}, at_least: 0.5}"),
    ):
        assert not validator.is_valid(read_tree(text.replace(old, new).encode()).data), new


def test_the_example_of_the_guide_has_no_problem(tmp_path: Path) -> None:
    file = tmp_path / Path(EXAMPLE).name
    file.write_text(EXAMPLE_TEXT, encoding="utf-8")
    assert problems(file) == []
    file.write_text(EXAMPLE_TEXT.replace("over: population", "over: people", 1), encoding="utf-8")
    assert len(problems(file)) == 1


def test_a_rule_set_written_from_the_guide_has_no_problem() -> None:
    assert problems(THREE) == []


@pytest.mark.parametrize("snippet", SNIPPETS, ids=range(len(SNIPPETS)))
def test_a_snippet_of_the_guide_keeps_the_shape(snippet: str) -> None:
    whole, part = (read_tree(text.encode()) for text in (EXAMPLE_TEXT, snippet))
    assert isinstance(whole.data, dict)
    assert isinstance(part.data, dict)
    assert part.faults == ()
    assert read_shape(TableDocument, {**whole.data, **part.data})[1] == ()


def test_the_guide_has_snippets() -> None:
    assert len(SNIPPETS) >= 4


@pytest.mark.parametrize(
    "model",
    [
        documents.TableDocument,
        documents.CountInput,
        documents.CasesInput,
        Parameter,
        documents.Criterion,
        documents.TableClass,
        documents.Beside,
        documents.Ratio,
        documents.NumberTest,
        documents.ShareTest,
        documents.YesTest,
        documents.AllOf,
        documents.AnyOf,
        documents.NoneOf,
        documents.AtLeast,
    ],
    ids=lambda model: model.__name__,
)
def test_every_key_is_explained(model: type[BaseModel]) -> None:
    keys = {field.alias or name for name, field in model.model_fields.items()}
    assert {key for key in keys if not re.search(rf"`[^`\n]*\b{key}\b", GUIDE)} == set()
