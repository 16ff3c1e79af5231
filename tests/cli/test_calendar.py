"""Deadlines from the command line: why one is as it is, and moving those that a newly issued swap changes."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.office import Office, office
from tests.errands import SWAP, definitions_with, issue, store_errand
from tests.factories import COMMUNE, START
from workflows.core.documents import Role
from workflows.services.settings import DEFINITIONS_VARIABLE
from workflows.store import keys
from workflows.store.database import Database


@pytest.fixture
def definitions(tmp_path: Path) -> Path:
    return definitions_with(tmp_path / "definitions")


@pytest.fixture
def desk(run_program: Run, sqlite_url: str, definitions: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv(DEFINITIONS_VARIABLE, str(definitions))
    found = office(run_program, sqlite_url)
    with Database(sqlite_url) as database:
        store_errand(database)
        grant = keys.Grant(role=Role.ADMINISTRATOR, unit="VN", person="chủ", name="chủ")
        secret = keys.create(database, grant, now=START).secret
    return replace(found, secrets={**found.secrets, "administrator": secret})


def test_a_swap_is_shown_first_and_moved_when_asked(desk: Office, definitions: Path) -> None:
    given = ("--workflow", "errand", "--unit", COMMUNE, "--title", "Việc ở chợ")
    case = desk.json("police", "case", "open", *given)["case"]["id"]
    told = desk("police", "case", "deadline", case, "--language", "en")
    assert "the last day in time is 12/03/2025" in told.out
    assert "08/03/2025  weekend  Saturday" in told.out
    assert "45/2019/QH14, 20/11/2019" in told.out

    issue(definitions, SWAP)
    shown = desk("administrator", "calendar", "moved")
    assert shown.code == 0
    assert [text in shown.out for text in (case, "12/03/2025", "13/03/2025", "77/TB-BNV", "--apply")] == [True] * 5
    refused = desk("police", "calendar", "moved", "--apply")
    assert (refused.code, "only role administrator" in refused.err) == (1, True)

    moved = desk("administrator", "calendar", "moved", "--apply", "--reason", "Theo 77/TB-BNV", "--language", "en")
    assert (moved.code, "1 deadlines moved." in moved.out) == (0, True)
    again = desk("administrator", "calendar", "moved", "--apply")
    assert (again.code, again.out.strip()) == (0, "Không có hạn nào phải dời.")
    assert desk.json("police", "case", "deadline", case)["due"] == "2025-03-13"


def test_what_is_no_id_is_misuse(desk: Office) -> None:
    ended = desk("police", "case", "deadline", "7")
    assert (ended.code, "is not the id of a case" in ended.err) == (2, True)
