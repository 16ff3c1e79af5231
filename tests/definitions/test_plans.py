"""How plans are found, when they are read, what they are proved against, and rules whose permissive side must hold.

What one bad plan gives is told by the corpus in `bad/plan`.
"""

import shutil
from pathlib import Path

import pytest

from workflows.core.plan_references import resolved
from workflows.core.problems import DefinitionError
from workflows.loader import check, load

GOOD = Path(__file__).parent / "good"
SHIPPED = Path(__file__).parents[2] / "definitions"
PLAN = "plans/mau-2025.yaml"


@pytest.fixture
def definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(GOOD, "definitions")
    return Path("definitions")


def messages(*paths: Path) -> list[str]:
    return [str(problem).removeprefix(f"definitions/{PLAN}:") for problem in check(paths)]


def edit(file: Path, *replacements: tuple[str, str]) -> None:
    text = file.read_text(encoding="utf-8")
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")


def test_the_shipped_plans_are_proved_one_by_one() -> None:
    plans = load(SHIPPED).plans
    assert [plan.plan for plan in plans.values()] == list(plans)


def test_plans_are_there_by_key(definitions: Path) -> None:
    plans = load(definitions).plans
    assert list(plans) == ["mau-2025"]
    assert "mau-2025" in plans
    assert "mau-2026" not in plans
    assert plans["mau-2025"] is plans["mau-2025"]
    assert plans.get("mau-2026") is None
    assert list(plans["mau-2025"].tasks) == ["survey", "list", "watch"]


def test_a_directory_without_plans_has_none(definitions: Path) -> None:
    shutil.rmtree(definitions / "plans")
    assert messages(definitions) == []
    assert dict(load(definitions).plans) == {}


def test_a_wrong_plan_is_told_when_it_is_asked_for(definitions: Path) -> None:
    edit(
        definitions / PLAN,
        ("issuer: committee", "issuer: comittee"),
        ("consolidates: [local]", "consolidates: [lokal]"),
    )
    plans = load(definitions).plans
    for _ in range(2):
        with pytest.raises(DefinitionError) as raised:
            plans["mau-2025"]
        assert [(problem.path, problem.nearest) for problem in raised.value.problems] == [
            ("issuer", "committee"),
            ("obligations.whole.consolidates[0]", "local"),
        ]


def test_a_plan_is_that_of_the_moment_of_loading(definitions: Path) -> None:
    plans = load(definitions).plans
    edit(definitions / PLAN, ("number: 12/KH-UBND", "number: 13/KH-UBND"))
    assert plans["mau-2025"].number == "12/KH-UBND"
    assert load(definitions).plans["mau-2025"].number == "13/KH-UBND"


def test_a_plan_is_proved_among_its_neighbours_and_tells_only_its_own(definitions: Path) -> None:
    edit(definitions / "workflows/review.yaml", ("initial: asked", "initial: ask"))
    edit(definitions / PLAN, ("to: health", "to: helth"))
    wrong_agency = 'obligations.local.to: "helth" is not an agency'
    (problem,) = messages(definitions / PLAN)
    assert wrong_agency in problem
    (problem,) = messages(definitions / "workflows/review.yaml")
    assert "initial" in problem
    assert len(messages(definitions / "plans")) == 2
    assert len(messages(definitions / "workflows")) == 2


def test_a_plan_elsewhere_is_proved_with_the_files_given(definitions: Path) -> None:
    plan = Path(shutil.move(definitions / PLAN, "mau-2025.yaml"))
    workflows = [Path(shutil.copy(file, file.name)) for file in (definitions / "workflows").glob("*.yaml")]
    assert 'mau-2025.yaml:17: processes.dossiers.workflow: "dossier" is not a workflow' in messages(plan)
    assert not any("is not a workflow" in problem for problem in messages(plan, *workflows))


def test_a_broken_file_adds_no_problems_to_a_plan(definitions: Path) -> None:
    edit(definitions / "workflows/dossier.yaml", ("version: 1\n", ""))
    (definitions / "counts.yaml").write_text("counts: 5\n", encoding="utf-8")
    (definitions / "agencies.yaml").write_text("agencies: 5\n", encoding="utf-8")
    assert messages(definitions / "plans") == [
        "definitions/agencies.yaml:1: agencies: must be a mapping, not 5",
        "definitions/counts.yaml:1: counts: must be a mapping, not 5",
        'definitions/workflows/dossier.yaml:1: "version" is missing',
    ]


def test_plans_that_would_not_be_read_are_problems(definitions: Path) -> None:
    shutil.copy(definitions / PLAN, definitions / "plans/mau-2026.yml")
    assert messages(definitions) == [
        "definitions/plans/mau-2026.yml:1: is not read: a plan stands directly in definitions/plans and ends in .yaml"
    ]


def test_without_units_what_needs_them_is_not_proved(definitions: Path) -> None:
    edit(definitions / PLAN, ('unit: "00002"', 'unit: "00009"'))
    assert len(messages(definitions)) == 1
    shutil.rmtree(definitions / "units")
    assert messages(definitions) == []


def test_units_count_as_they_were_on_the_day_of_the_plan(definitions: Path) -> None:
    """On the day before the reform there are districts, on its day there are none, and other communes."""
    edit(definitions / PLAN, ("units_as_of: 2025-02-20", "units_as_of: 2025-06-30"))
    assert messages(definitions) == []
    edit(
        definitions / PLAN,
        ("units_as_of: 2025-06-30", "units_as_of: 2025-07-01"),
        ("value: {units: commune,", "value: {units: district,"),
    )
    assert messages(definitions) == [
        "32: indicators.communes.value.units: 01 has no district on 2025-07-01",
        '46: targets.closed.table.rows[0].unit: "001" is not a district or commune of 01 on 2025-07-01',
        (
            '47: targets.closed.table.rows[1].unit: "00002" is not a district or commune of 01 on 2025-07-01; '
            'allowed: 00004; did you mean "00004"?'
        ),
    ]


def test_bodies_are_those_of_the_first_day_where_no_day_of_issue_is_known(definitions: Path) -> None:
    edit(definitions / PLAN, ("lead: [health], implementing", "lead: [labour], implementing"))
    assert len(messages(definitions)) == 1
    edit(definitions / PLAN, ("issued: 2025-02-20\n", ""))
    assert messages(definitions) == []


def test_a_figure_of_lower_units_tells_of_a_higher_one(definitions: Path) -> None:
    edit(definitions / PLAN, ("value: {units: commune,", "value: {units: district,"))
    assert messages(definitions) == []


def test_cases_of_a_province_lie_in_no_commune(definitions: Path) -> None:
    edit(definitions / PLAN, ("during: year_before}", "during: year_before, of: communes}"))
    assert messages(definitions) == []
    for name in ("review", "dossier"):
        edit(definitions / f"workflows/{name}.yaml", ("subject: commune", "subject: province"))
    assert messages(definitions) == [
        "17: processes.dossiers.for_each: cases of dossier belong to units of level province",
        (
            "24: indicators.closed.value.of: dossier is not about communes: "
            "its cases belong to none that could be counted"
        ),
        (
            "28: indicators.growth.growth.base.of: review is not about communes: "
            "its cases belong to none that could be counted"
        ),
        "40: targets.closed.indicator: is a figure of units of level province: there is none for a single commune",
    ]


@pytest.mark.parametrize(
    ("day", "problems"), [("2023-12-31", 1), ("2024-01-01", 0), ("2028-01-01", 0), ("2028-01-02", 1)]
)
def test_a_day_may_lie_a_year_outside_the_period(definitions: Path, day: str, problems: int) -> None:
    edit(definitions / PLAN, ("by: 2026-06-30", f"by: {day}"))
    assert len(messages(definitions)) == problems


def test_leap_days_stand_in_plans_of_leap_years(definitions: Path) -> None:
    edit(definitions / PLAN, ('{before: "06-15"}', '{before: "02-29"}'))
    assert messages(definitions) == [
        "51: obligations.local.due.each_year[1].before: there is no 02-29 in 2025",
    ]
    edit(
        definitions / PLAN,
        ("period: {from: 2025-01-01, to: 2027-01-01}", "period: {from: 2024-01-01, to: 2025-01-01}"),
        ("by: 2026-06-30, ", ""),
    )
    assert messages(definitions) == []


def test_the_data_of_a_process_has_the_values_of_the_plan(definitions: Path) -> None:
    fields = "".join(f"  {name}: {{type: date, title: {{vi: A, en: A}}, basis: design}}\n" for name in ("begin", "end"))
    edit(
        definitions / "workflows/dossier.yaml",
        ("facts:\n", f"{fields}facts:\n"),
        ("asks: [kind, size]", "asks: [kind, size, begin, end]"),
    )
    data = "kind: parameters.kind, size: 12, begin: calendar.review.from, end: calendar.visits.last"
    edit(
        definitions / PLAN,
        ("data: {kind: parameters.kind}", f"data: {{{data}}}"),
        ("visits: {by: 2025-09-30", "visits: {before: 2025-10-01"),
    )
    plan = load(definitions).plans["mau-2025"]
    expected = {"kind": "large", "size": 12, "begin": "2025-05-15", "end": "2025-09-30"}
    assert resolved(plan, plan.processes["dossiers"]) == expected
