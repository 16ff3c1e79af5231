"""Commands on plans: what documents say without a database, and figures on the authority of a key."""

import pytest

from tests.cli.conftest import Run
from tests.cli.office import Office, office

KEY = "tra-vinh-2025"


@pytest.fixture
def desk(run_program: Run, sqlite_url: str) -> Office:
    return office(run_program, sqlite_url)


def test_plans_are_listed_and_shown(run_program: Run) -> None:
    listed = run_program("plan", "list", "--language", "en")
    line = next(line.split() for line in listed.out.splitlines() if line.startswith(KEY))
    assert (listed.code, line[:3]) == (0, [KEY, "16/KH-UBND", "17/02/2025"])
    shown = run_program("plan", "show", KEY)
    assert shown.code == 0
    assert all(title in shown.out for title in ("Lịch (", "Chỉ tiêu (", "Báo cáo (", "Nhiệm vụ ("))
    wrong = run_program("plan", "show", "tra-vinh-2026")
    assert (wrong.code, KEY in wrong.err) == (2, True)


def test_targets_are_read_as_of_a_day(desk: Office) -> None:
    desk.open()
    english = desk("police", "plan", "targets", KEY, "--language", "en").out
    assert "No new hotspots" in english
    assert "1; at most 0: not met" in english
    before = desk("police", "plan", "targets", KEY, "--as-of", "2025-03-04", "--language", "en").out
    assert "0; at most 0: met" in before
    found = desk.json("police", "plan", "targets", KEY)
    assert (found["plan"], found["unit"]["code"]) == (KEY, "29401")
    whole = desk("province", "plan", "targets", KEY).out
    assert "thiếu “" in whole
    assert "0,0 % (0/104); ≥ 20 %: chưa đạt" in whole


def test_the_table_of_a_plan_is_printed(desk: Office) -> None:
    shown = desk("auditor", "plan", "targets", "quang-ninh-2023").out
    assert "? / 5 (31,3 %)" in shown


def test_what_the_key_may_not_see_is_refused(desk: Office) -> None:
    for arguments in ((KEY, "--unit", "842"), ("quang-ninh-2023",), ("nothing-2025",)):
        assert desk("police", "plan", "targets", *arguments).code == 1
    assert desk("police", "plan", "targets", KEY, "--as-of", "31/13/2025").code == 2
