"""`workflows plan open`: the difference first, nothing written without --apply, nothing opened twice."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from tests.cli.conftest import Ended, Run
from workflows.cli.acting import KEY_VARIABLE
from workflows.store.database import Database
from workflows.store.tables import cases

Open = Callable[..., Ended]


@pytest.fixture
def open_plan(run_program: Run, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Open:
    """As the provincial police; the province itself has ended since, so that the key is one of the country."""
    made = run_program("key", "create", "--role", "provincial_police", "--unit", "VN", "--database", sqlite_url)
    monkeypatch.setenv(KEY_VARIABLE, made.out.strip())
    return lambda key, *more: run_program("plan", "open", key, *more, "--database", sqlite_url)


def number_of_cases(url: str) -> int:
    with Database(url) as database, database.read() as connection:
        return connection.execute(select(func.count()).select_from(cases)).scalar_one()


def test_the_difference_is_shown_and_then_applied_once(open_plan: Open, sqlite_url: str) -> None:
    shown = open_plan("tra-vinh-2025", "--year", "2025")
    lines = shown.out.splitlines()
    assert shown.code == 0
    assert lines[0] == "tra-vinh-2025, 2025: 243 asked for, 243 new"
    assert [line[0] for line in lines[1:42]] == ["+"] * 41
    assert lines[41:] == ["+ … and 203 more", "nothing was written; repeat with --apply to open and amend"]
    assert number_of_cases(sqlite_url) == 0
    assert open_plan("tra-vinh-2025", "--year", "2025", "--apply").out.splitlines()[-1] == (
        "tra-vinh-2025, 2025: 243 opened, 0 amended, 0 already, 0 failed"
    )
    again = open_plan("tra-vinh-2025", "--year", "2025", "--apply", "--json")
    told = json.loads(again.out)
    assert (told["counts"]["same"], told["done"]["opened"], told["items"]) == (243, 0, [])
    assert number_of_cases(sqlite_url) == 243


def test_what_cannot_be_opened_is_said(open_plan: Open, run_program: Run, sqlite_url: str) -> None:
    assert (open_plan("tra-vinh-2025", "--year", "2024").code, open_plan("tra-vinh-2026", "--year", "2026").code) == (
        2,
        1,
    )
    assert "did you mean" in open_plan("tra-vinh-2026", "--year", "2026").err
    made = run_program("key", "create", "--role", "commune_police", "--unit", "VN", "--database", sqlite_url)
    refused = open_plan("tra-vinh-2025", "--year", "2025", "--key", made.out.strip())
    assert refused.code == 1
    assert "Only for" in refused.err
