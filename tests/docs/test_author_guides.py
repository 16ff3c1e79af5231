"""The guide on plans: its example is proved and runs without a program, its reference has every key of a plan.

The blocks of one file, one after the other, are that file. The commands are run as written, with the ids of cases in
the place of capital words.
"""

import json
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest
from pydantic import ValidationError
from sqlalchemy import insert

from tests.cli import conftest
from tests.cli.conftest import Run
from tests.docs.document_keys import Model, keys, models, used
from tests.faults.stage import catalogue
from workflows.core import plan_documents as plans
from workflows.core.civil import format_instant
from workflows.core.documents import Cited, Role, Words
from workflows.core.plan_documents import PlanDocument
from workflows.plan_files import PlanFile
from workflows.services.demo_clock import DEMO_CLOCK
from workflows.services.settings import DATABASE_VARIABLE, DEFINITIONS_VARIABLE
from workflows.store import keys as api_keys
from workflows.store.database import Database
from workflows.store.tables import setting
from workflows.yaml_tree import read_tree

run_program = conftest.run_program
"""The fixture, which pytest finds by its name here."""
ROOT: Final = Path(__file__).parents[2]
AUTHORS: Final = ROOT / "docs/authors"
GUIDE: Final = (AUTHORS / "plans.md").read_text(encoding="utf-8")
NOW: Final = datetime(2026, 2, 10, 2, tzinfo=UTC)
ALL: Final = 4 + 203 + 99
"""Cases of 2026 as the guide counts them: tasks, reports, transformations."""
SECTIONS: Final[Mapping[str, tuple[Model, ...]]] = {
    "The plan": (PlanDocument,),
    "The period": (plans.Period,),
    "Everywhere": (plans.Noted, Cited),
    "Words": (Words,),
    "A legal basis": (plans.LegalBasis,),
    "A span of the calendar": (plans.Span,),
    "A parameter": (plans.Parameter,),
    "An indicator": (plans.Indicator,),
    "A share": (plans.Share,),
    "A growth": (plans.Growth,),
    "A figure that is entered": (plans.CountMeasure,),
    "A number of units": (plans.UnitsMeasure,),
    "A condition on one unit": (plans.Having,),
    "Cases that stand somewhere": (plans.CasesMeasure,),
    "What happened to cases": (plans.ActsMeasure,),
    "A target": (plans.Target,),
    "A table of targets": (plans.TargetTable,),
    "A column": (plans.Column,),
    "A row": (plans.Row,),
    "An obligation": (plans.Obligation,),
    "When it is due": (plans.Due,),
    "A day": (plans.Day,),
    "A day of every year": (plans.DayOfYear,),
    "A task": (plans.Task,),
    "A process": (plans.Process,),
}
"""By section of the reference: the kind of part, with what it has in common with others where that is told there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the reference says of one key."""

    key: str
    needed: bool
    example: str


def reference(guide: str) -> dict[str, list[Row]]:
    """By section."""
    _, _, text = guide.partition("\n## Every key\n")
    sections = re.findall(r"^### (.+?)\n(.*?)(?=^### |\Z)", text, re.MULTILINE | re.DOTALL)
    return {title: list(_rows(body)) for title, body in sections}


def _rows(section: str) -> Iterator[Row]:
    for line in section.splitlines():
        if line.startswith("| `"):
            key, needed, _, _, shown = (cell.strip(" `") for cell in line.strip("|").split("|"))
            yield Row(key=key, needed=needed == "yes", example=shown)


def documented(guide: str) -> set[tuple[Model, str]]:
    return {
        (model, row.key)
        for title, rows in reference(guide).items()
        for row in rows
        for model in SECTIONS[title]
        if row.key in keys(model)
    }


def every_key() -> set[tuple[Model, str]]:
    return {(model, key) for model in models(PlanDocument) for key in keys(model)}


def example() -> tuple[str, str]:
    """Path and text of the file that the guide builds up."""
    blocks = re.findall(r"^```yaml (\S+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    ((name),) = {name for name, _ in blocks}
    return name, "".join(text for _, text in blocks)


@pytest.fixture
def definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped ones, with the plan of the guide in them."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "definitions", "definitions")
    name, text = example()
    (Path("definitions") / name).write_text(text, encoding="utf-8")
    return Path("definitions")


def test_every_key_of_a_plan_has_an_entry() -> None:
    assert every_key() - documented(GUIDE) == set()
    assert SECTIONS.keys() == reference(GUIDE).keys()


def test_a_key_without_an_entry_is_noticed() -> None:
    lines = [line for line in GUIDE.splitlines(keepends=True) if line.startswith("| `consolidates` |")]
    assert len(lines) == 1
    assert every_key() - documented(GUIDE.replace(lines[0], "")) == {(plans.Obligation, "consolidates")}


@pytest.mark.parametrize("title", SECTIONS)
def test_entries_are_of_keys_that_there_are(title: str) -> None:
    """Each with whether it is needed, and with an example that could stand there."""
    (model, *_) = SECTIONS[title]
    fields = {info.alias or name: info for name, info in model.model_fields.items()}
    for row in reference(GUIDE)[title]:
        info = fields[row.key]
        assert row.needed == info.is_required(), row.key
        assert refusals(model, row.key, row.example) == []
        assert refusals(model, row.key, "[{}]") != []  # suits no key


def refusals(model: Model, key: str, text: str) -> list[str]:
    """What is wrong with a value, whatever else the part lacks."""
    tree = read_tree(f"{key}: {text}\n".encode())
    assert tree.faults == (), text
    try:
        model.model_validate_json(json.dumps(tree.data))
    except ValidationError as error:
        return [str(found) for found in error.errors() if found["loc"][:1] == (key,)]
    return []


def test_every_kind_of_part_stands_in_the_example(definitions: Path) -> None:
    """Each in a place of its own, so that nobody has to put one together from the reference alone."""
    plan = PlanFile(definitions / example()[0]).source.document
    shown = set(used([plan]))
    chosen = {plans.Target, plans.Indicator, plans.Due, plans.Day, plans.Span, plans.CountMeasure}
    assert {model for model, _ in shown} == set(models(PlanDocument))
    assert {(model, key) for model, key in every_key() - shown if model in chosen} == set()


def test_a_mistake_in_the_example_would_be_told(definitions: Path) -> None:
    file = definitions / example()[0]
    text = file.read_text(encoding="utf-8").replace("indicator: relapses", "indicator: relapse")
    file.write_text(text, encoding="utf-8")
    (problem,) = PlanFile(file).problems(catalogue())
    assert 'did you mean "relapses"?' in str(problem)


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


@dataclass(slots=True, kw_only=True)
class Reader:
    """Somebody of the province who follows the guide on the day `NOW`."""

    run: Run
    ids: dict[str, str]
    """By capital word."""

    def follow(self, line: str) -> str:
        """What the command prints."""
        program, *arguments = shlex.split(line)
        assert program == "workflows"
        ended = self.run(*(self.ids.get(argument, argument) for argument in arguments))
        assert ended.code == 0, ended
        if arguments[:2] == ["case", "list"]:
            word = "TASK" if "plan_task" in arguments else "REPORT"
            _, found = ended.out.splitlines()
            self.ids[word] = found.split()[0]
        return ended.out


@pytest.fixture
def reader(run_program: Run, definitions: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Reader:
    grant = api_keys.Grant(role=Role.PROVINCIAL_POLICE, unit="15", person="guide", name="guide")
    with Database(sqlite_url) as database:
        with database.write() as connection:
            connection.execute(insert(setting), {"key": DEMO_CLOCK, "value": format_instant(NOW)})
        monkeypatch.setenv("WORKFLOWS_KEY", api_keys.create(database, grant, now=NOW).secret)
    monkeypatch.setenv(DATABASE_VARIABLE, sqlite_url)
    monkeypatch.setenv(DEFINITIONS_VARIABLE, str(definitions))
    return Reader(run=run_program, ids={})


def test_the_example_runs(reader: Reader) -> None:
    """The plan is opened, a task is begun and a report is sent in, all by the commands of the guide."""
    printed = {line: reader.follow(line) for line in commands()}
    assert printed["workflows check definitions/plans/lao-cai-2026.yaml"] == "1 document, no problem\n"
    before = printed["workflows plan open lao-cai-2026 --year 2026"]
    assert before.splitlines()[0] == f"lao-cai-2026, 2026: {ALL} asked for, {ALL} new"
    assert before.endswith("nothing was written; repeat with --apply to open and amend\n")
    applied = printed["workflows plan open lao-cai-2026 --year 2026 --apply"]
    assert applied.splitlines()[-1].startswith(f"lao-cai-2026, 2026: {ALL} opened")
    assert "Đã giao → Đang thực hiện" in printed["workflows case fire TASK start"]
    (submitted,) = (told for line, told in printed.items() if " REPORT submit " in line)
    assert "Phải báo cáo → Đã gửi" in submitted
    targets = printed["workflows plan targets lao-cai-2026 --language en"].split("\n\n")
    (transformed,) = (each for each in targets if "[communes_transformed]" in each)
    assert transformed.splitlines()[1] == "  0.0% (0/99); at least 20 %: not met"
    filled = printed["workflows plan report lao-cai-2026 provincial_report --language en"].splitlines()
    assert filled[:2] == [
        "Yearly report of the province – Provincial police",
        "01/01/2026–14/12/2026; due 14/12/2026; as known at the end of 10/02/2026",
    ]
    assert filled[-2:] == ["", "Late: 0"]
