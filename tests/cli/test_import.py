"""`import`: what is asked of the user, what is told, and that a killed import loses no row and writes none twice."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from openpyxl import load_workbook
from openpyxl.utils import get_column_letter
from sqlalchemy import func, insert, select

from tests.cli.conftest import Run
from tests.cli.extracts import communes, hotspots, openings, secret, write_csv
from tests.faults import stage
from tests.sizes import size
from workflows.cli.acting import KEY_VARIABLE
from workflows.services.demo_clock import DEMO_CLOCK
from workflows.services.spool import Row, Spool
from workflows.services.templates import DATA_SHEET
from workflows.store.database import Database
from workflows.store.tables import cases, count_entry, setting

PROGRAM: Final = [sys.executable, "-c", "from workflows.cli import main; main()"]
ROWS: Final = size(1_000, 100_000)
KILLS: Final = size(1, 4)
PATIENCE: Final = size(100.0, 1_800.0)


@pytest.fixture(autouse=True)
def _no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(KEY_VARIABLE, raising=False)


@pytest.fixture
def key(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    made = secret(sqlite_url)
    monkeypatch.setenv(KEY_VARIABLE, made)
    return made


def test_a_table_is_checked_and_imported_and_the_key_never_shown(
    run_program: Run, sqlite_url: str, key: str, tmp_path: Path
) -> None:
    table = write_csv(tmp_path / "cases.csv", hotspots(communes(sqlite_url, 2), 3), ";")
    options = ("import", "cases", table, "--workflow", "hotspot", "--database", sqlite_url)
    checked = run_program(*options, "--check")
    assert (checked.code, openings(sqlite_url)) == (0, [])
    assert "3 rows can be imported" in checked.out
    done = run_program(*options)
    assert done.code == 0
    assert "3 rows: 3 opened, 0 were already, 0 failed" in done.out
    assert [row["title"] for row in openings(sqlite_url)].count("Tụ điểm 0") == 1
    write_csv(tmp_path / "cases.csv", [*hotspots(communes(sqlite_url, 2), 3), ("1", "a", "x", "survey")])
    refused = run_program(*options)
    assert refused.code == 1
    assert refused.err.splitlines()[0].startswith('row 5, column "unit": ')
    assert refused.err.splitlines()[-1] == "workflows: 2 problems; nothing was written"
    for ended in (checked, done, refused):
        assert key not in ended.out + ended.err


def test_misuse_and_failure_are_told_in_one_line(run_program: Run, sqlite_url: str, tmp_path: Path) -> None:
    table = write_csv(tmp_path / "cases.csv", hotspots(["x"], 1))
    known = secret(sqlite_url)
    for options, code, told in (
        ([table, "--workflow", "hotspot"], 2, "no API key"),
        ([table, "--workflow", "hotspot", "--key", "wfk_nobodys"], 1, "not known, or not in force"),
        ([table, "--workflow", "hotspots", "--key", known], 2, 'did you mean "hotspot"'),
        (["there/is/none.csv", "--workflow", "hotspot", "--key", known], 2, "there is no file"),
    ):
        ended = run_program("import", "cases", *options, "--database", sqlite_url)
        assert (ended.code, ended.err.count("\n")) == (code, 1), ended.err
        assert told in ended.err
        assert "wfk_" not in ended.err


def test_figures_are_imported_once(run_program: Run, sqlite_url: str, key: str, tmp_path: Path) -> None:
    assert key
    unit = communes(sqlite_url, 1)[0]
    heads = ("Mã đơn vị", "Chỉ tiêu", "Số lượng", "Tính đến ngày", "Nguồn số liệu")
    table = write_csv(tmp_path / "counts.csv", [heads, (unit, "addicts", 7, "01/08/2025", "Báo cáo")])
    options = ("import", "counts", table, "--database", sqlite_url)
    assert "1 rows: 1 entered, 0 were already" in run_program(*options).out
    assert "1 rows: 0 entered, 1 were already" in run_program(*options).out
    with Database(sqlite_url) as database, database.read() as connection:
        assert connection.execute(select(count_entry.c.value)).scalars().all() == [7]


@pytest.mark.parametrize("kind", ["--workflow=hotspot", "--counts"])
def test_a_template_is_filled_in_and_imported(
    run_program: Run, sqlite_url: str, key: str, tmp_path: Path, kind: str
) -> None:
    assert key
    file = str(tmp_path / "template.xlsx")
    assert run_program("import", "template", file, kind).code == 0
    assert "is there already" in run_program("import", "template", file, kind).err
    book = load_workbook(file)
    sheet = book[DATA_SHEET]
    columns = {str(cell.value).partition(" / ")[2]: place for place, cell in enumerate(sheet[1], start=1)}
    assert all(cell.comment for cell in sheet[1])
    chosen = get_column_letter(columns["Figure" if kind == "--counts" else "Kind"])
    (rule,) = [rule for rule in sheet.data_validations.dataValidation if f"{chosen}2" in str(rule.sqref)]
    offered = book[str(rule.formula1).split("'")[1]]["A"][1:]
    unit = communes(sqlite_url, 1)[0]
    values = {"Unit code": unit, "Title": "Chợ", "Kind": offered[0].value, "Found by": "survey"}
    if kind == "--counts":
        values = {"Unit code": unit, "Figure": offered[0].value, "Value": 3, "As of": "01/08/2025", "Source": "Sổ"}
    for head, value in values.items():
        sheet.cell(row=2, column=columns[head], value=value)
    book.save(file)
    what = ("counts",) if kind == "--counts" else ("cases", "--workflow", "hotspot")
    ended = run_program("import", what[0], file, *what[1:], "--database", sqlite_url)
    assert ended.code == 0, ended.err
    assert "1 rows: 1 " in ended.out


def test_in_a_database_of_the_demo_its_clock_goes_on(
    run_program: Run, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its communes ended with the reform of July 2025, and its keys are of its own days."""
    stage.populate(sqlite_url)
    old = stage.communes(sqlite_url, 1)[0]
    table = write_csv(tmp_path / "cases.csv", hotspots([old], 1))
    options = ("import", "cases", table, "--workflow", "hotspot", "--database", sqlite_url)
    monkeypatch.setenv(KEY_VARIABLE, secret(sqlite_url))
    assert "there is no unit" in run_program(*options).err
    with Database(sqlite_url) as database, database.write() as connection:
        connection.execute(insert(setting), {"key": DEMO_CLOCK, "value": "2025-05-02T03:04:05.000000Z"})
    assert run_program(*options).code == 0
    with Database(sqlite_url) as database, database.read() as connection:
        assert connection.execute(select(cases.c.opened_at)).scalar_one().startswith("2025-05-02T03:04")


def test_ctrl_c_says_how_to_go_on(
    run_program: Run, sqlite_url: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert key
    table = write_csv(tmp_path / "cases.csv", hotspots(communes(sqlite_url, 2), 5))
    options = ("import", "cases", table, "--workflow", "hotspot", "--database", sqlite_url)
    with monkeypatch.context() as patch:
        patch.setattr(Spool, "by_turn", interrupted_after_two)
        stopped = run_program(*options)
    assert stopped.code == 1
    assert "5 rows: 2 opened" in stopped.out
    assert stopped.err.startswith("workflows: interrupted; run the same command again to go on")
    assert stopped.err.count("\n") == 1
    assert "5 rows: 3 opened, 2 were already" in run_program(*options).out


def interrupted_after_two(spool: Spool) -> Iterator[Row]:
    (rows,) = spool.by_number(10)
    yield from rows[:2]
    raise KeyboardInterrupt


@pytest.mark.parametrize("kind", size(["sqlite"], ["sqlite", "postgresql"]))
@pytest.mark.timeout(size(120, 7_200))
def test_a_killed_import_is_taken_up_and_every_row_is_there_once(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    """That rows would be there twice without their keys is shown in the tests of the service."""
    database_url = str(request.getfixturevalue(f"{kind}_url"))
    table = write_csv(tmp_path / "cases.csv", hotspots(communes(database_url, 50), ROWS))
    command = [*PROGRAM, "import", "cases", table, "--workflow", "hotspot", "--database", database_url]
    environment = {**os.environ, KEY_VARIABLE: secret(database_url)}
    for number in range(KILLS):
        with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
            try:
                await_cases(database_url, 1 + number * ROWS // (KILLS + 1))
            finally:
                process.kill()
    before = len(openings(database_url))
    assert 0 < before < ROWS, "it was killed in the middle"
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert f"{ROWS} rows: {ROWS - before} opened, {before} were already, 0 failed" in done.stdout
    assert set(stage.titles(database_url).values()) == {1}
    assert len(openings(database_url)) == ROWS == stage.intact(database_url)


def await_cases(url: str, wanted: int) -> None:
    deadline = time.monotonic() + PATIENCE
    with Database(url) as database:
        while time.monotonic() < deadline:
            with database.read() as connection:
                if connection.execute(select(func.count()).select_from(cases)).scalar_one() >= wanted:
                    return
            time.sleep(0.005)
    pytest.fail(f"fewer than {wanted} cases after {PATIENCE} s")
