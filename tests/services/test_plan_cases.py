"""What a plan asks for in a year, counted by hand from the documents; and how it is named, dated and told apart."""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from workflows.core.documents import Catalogue
from workflows.core.fields import TITLE_LIMIT
from workflows.core.plan_documents import PlanDocument
from workflows.loader import find_definitions, load
from workflows.plan_files import PlanFile
from workflows.services.plan_cases import Wanted, YearError, reported, wanted, years
from workflows.store.database import Database
from workflows.store.territory import territory

OWN: Final = Path(__file__).parents[1] / "definitions/plans/ca-mau-2025.yaml"
EXPECTED: Final[Mapping[tuple[str, int], tuple[int, int, int]]] = {
    # Of 66 tasks none belongs to another year. 9 bodies of the province and 9 districts owe four reports each, the
    # police one; all 104 communes are reviewed.
    ("tra-vinh-2025", 2025): (66, 4 * (9 + 9) + 1, 104),
    # 25 bodies of the province, 9 People's Committees and 9 Steering Committees of districts owe two reports each;
    # the police report to three addressees twice. Nothing is transformed.
    ("khanh-hoa-2025", 2025): (39, 2 * (25 + 9 + 9) + 3 * 2, 0),
    ("ninh-binh-2022", 2022): (82, 2 * (14 + 8) + 1, 143),
    ("ninh-binh-2022", 2023): (79, 14 + 8 + 1, 0),
    ("ninh-binh-2022", 2025): (79, 2 * (14 + 8) + 2, 0),
    # The action month is one of June, after which this plan begins.
    ("quang-ninh-2023", 2023): (96, 16 + 13 + 1, 177),
    ("quang-ninh-2023", 2024): (94, 2 * (16 + 13) + 2, 0),
    ("nghe-an-2021", 2021): (93, 3 * (22 + 21) + 2, 460),
    ("ca-mau-2025", 2025): (3, 3 * (1 + 9) + 1, 100),
    ("ca-mau-2025", 2026): (4, 2 * (1 + 9) + 1, 0),
}
"""Tasks, reports, processes."""


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load(find_definitions(None))


@pytest.fixture(scope="module")
def database(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    file = tmp_path_factory.mktemp("plans") / "workflows.sqlite"
    shutil.copyfile(sqlite_template, file)
    with Database(f"sqlite:///{file}") as opened:
        yield opened


def plan_of(catalogue: Catalogue, key: str) -> PlanDocument:
    if key in catalogue.plans:
        return catalogue.plans[key]
    found = PlanFile(OWN).source.document
    assert found is not None
    return found


def asked(database: Database, catalogue: Catalogue, key: str, year: int) -> tuple[Wanted, ...]:
    plan = plan_of(catalogue, key)
    with database.read() as connection:
        units = territory(connection, plan.province, plan.units_as_of)
    return wanted(plan, year, units, catalogue.agencies)


@pytest.mark.parametrize(("key", "year"), EXPECTED)
def test_the_numbers_are_those_counted_by_hand(database: Database, catalogue: Catalogue, key: str, year: int) -> None:
    found = asked(database, catalogue, key, year)
    parts = Counter(each.part for each in found)
    assert (parts["task"], parts["report"], parts["process"]) == EXPECTED[key, year]
    assert len({(each.group, each.occasion) for each in found}) == len(found), "two cases cannot be told apart"
    assert max(len(each.title) for each in found) <= TITLE_LIMIT
    assert found == asked(database, catalogue, key, year)


def test_a_year_without_anything_is_refused(database: Database, catalogue: Catalogue) -> None:
    assert years(plan_of(catalogue, "ninh-binh-2022")) == (2022, 2023, 2024, 2025)
    with pytest.raises(YearError, match="has no year 2026; allowed: 2022, 2023, 2024, 2025"):
        asked(database, catalogue, "ninh-binh-2022", 2026)


def test_deadlines_are_the_last_days_in_time(database: Database, catalogue: Catalogue) -> None:
    found = {each.element: each.deadline for each in asked(database, catalogue, "tra-vinh-2025", 2025)}
    assert found["review_communes"] == "2025-02-26"  # by that day
    assert found["implementation_plans"] == "2025-03-30"  # before the 31st
    assert found["phase_3_review"] == "2025-12-13"
    assert found["communication_with_unions"] is None
    assert {
        each.deadline for each in asked(database, catalogue, "ninh-binh-2022", 2024) if each.element == "annual_report"
    } == {"2024-11-19"}


def test_a_case_says_what_the_plan_says(database: Database, catalogue: Catalogue) -> None:
    found = asked(database, catalogue, "ca-mau-2025", 2025)
    report = next(each for each in found if each.element == "measures_report" and each.unit == "966")
    assert report.title == ("Báo cáo thực hiện biện pháp – Ủy ban nhân dân huyện U Minh – kỳ 16/04/2025–15/10/2025")
    assert report.data == {
        "obligation": "measures_report",
        "kind": "phase",
        "agency": "district_peoples_committees",
        "recipient": "provincial_police",
        "requested": False,
        "period_from": "2025-04-16",
        "period_to": "2025-10-15",
        "deadline": "2025-10-20",
    }
    task = next(each for each in found if each.element == "school_sessions")
    assert (task.title, task.unit) == ("Tuyên truyền trong trường học – năm 2025", "96")
    assert task.data == {
        "task": "school_sessions",
        "kind": "recurring",
        "year": 2025,
        "every": "quarter",
        "implementing": ["department_of_education"],
    }
    survey = next(each for each in found if each.element == "survey")
    assert survey.title == "Rà soát địa bàn trọng điểm"  # done once: no year tells it from another one
    process = next(each for each in found if each.part == "process" and each.unit == "32047")
    assert process.title.startswith("Chuyển hóa địa bàn – ")
    assert process.title.endswith(", huyện U Minh")
    assert process.data == {
        "approver": "steering_committee",
        "phase_1_ends": "2025-04-15",
        "phase_2_begins": "2025-04-16",
        "phase_2_ends": "2025-10-15",
        "phase_3_begins": "2025-10-16",
        "phase_3_ends": "2025-11-30",
    }


def test_a_title_that_is_too_long_is_cut_where_nothing_is_told_apart(database: Database, catalogue: Catalogue) -> None:
    plan = plan_of(catalogue, "ca-mau-2025")
    report = plan.obligations["year_report"]
    long = report.title.model_copy(update={"vi": "Báo cáo " * 60})
    changed = plan.model_copy(update={"obligations": {"year_report": report.model_copy(update={"title": long})}})
    with database.read() as connection:
        units = territory(connection, plan.province, plan.units_as_of)
    found = [each for each in wanted(changed, 2025, units, catalogue.agencies) if each.part == "report"]
    assert {len(each.title) for each in found} <= set(range(TITLE_LIMIT - 2, TITLE_LIMIT + 1))
    assert all(each.title.endswith(" – kỳ 01/01/2025–15/12/2025") for each in found)
    assert len({each.title for each in found}) == len(found)


@pytest.mark.parametrize(
    ("plan", "obligation", "day", "period"),
    [
        # Named for a span of the calendar, whose first day may be the plan's.
        ("tra-vinh-2025", "phase_1_report", "2025-05-07", ("2025-01-01", "2025-04-30")),
        ("tra-vinh-2025", "phase_2_report", "2025-11-07", ("2025-05-01", "2025-10-31")),
        ("tra-vinh-2025", "phase_3_report", "2025-12-20", ("2025-11-01", "2025-12-13")),
        ("tra-vinh-2025", "implementation_plans", "2025-03-30", None),
        ("tra-vinh-2025", "consolidated_report", "2025-12-31", ("2025-01-01", "2025-12-31")),
        # Since the report before it, without a gap; the first since the plan began.
        ("ninh-binh-2022", "annual_report", "2022-11-19", ("2022-01-01", "2022-11-19")),
        ("ninh-binh-2022", "annual_report", "2023-11-19", ("2022-11-20", "2023-11-19")),
        ("ninh-binh-2022", "final_report", "2025-12-19", ("2022-01-01", "2025-12-19")),
        # Six months begin after the annual report of the same bodies, and a year does not begin after six months.
        ("quang-ninh-2023", "annual_report", "2023-12-15", ("2023-07-07", "2023-12-15")),
        ("quang-ninh-2023", "six_month_report", "2024-06-15", ("2023-12-16", "2024-06-15")),
        ("quang-ninh-2023", "annual_report", "2024-12-15", ("2023-12-16", "2024-12-15")),
        ("quang-ninh-2023", "consolidated_six_month_report", "2025-06-30", ("2025-01-01", "2025-06-30")),
        ("ca-mau-2025", "half_year_report", "2025-06-15", ("2025-01-01", "2025-06-15")),
        ("ca-mau-2025", "half_year_report", "2026-06-15", ("2025-12-16", "2026-06-15")),
    ],
)
def test_periods_reported_on(
    catalogue: Catalogue, plan: str, obligation: str, day: str, period: tuple[str, str] | None
) -> None:
    found = reported(plan_of(catalogue, plan), obligation, date.fromisoformat(day))
    assert (found and (found[0].isoformat(), found[1].isoformat())) == period
