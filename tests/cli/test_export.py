"""`export`: what an extract holds, for whom, and that a file is there whole or not at all."""

import csv
import io
import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import select

from tests.cli.conftest import Run
from tests.cli.extracts import HEADS, communes, openings, secret, write_csv
from workflows.cli.acting import KEY_VARIABLE
from workflows.core.documents import Role
from workflows.services import exporting
from workflows.services.export_files import ExportError, Format, whole_file, write
from workflows.services.exporting import CASE_HEADS, EVENT_HEADS, Line
from workflows.services.rendering import event_json
from workflows.services.settings import definitions_directory
from workflows.store import rows
from workflows.store.database import Database
from workflows.store.schema import create
from workflows.store.tables import event, event_text

TITLES: Final = ("=1+1", "@SUM(A1)", "'=x", "-", "+84", "\tTab", ' Chợ \n; "mới", _x0041_ \x0b', "Bình thường")


@pytest.fixture
def filled(run_program: Run, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database with cases whose titles are hard to carry."""
    monkeypatch.setenv(KEY_VARIABLE, secret(sqlite_url))
    units = communes(sqlite_url, 3)
    given = [
        (units[n % 3], f"'{title}" if title.strip("'")[:1] in "=@-+\t" else title, "point", "survey", "có", "", "", "")
        for n, title in enumerate(TITLES)
    ]
    given.append((units[0], "Ngày", "Tụ điểm", "other", "", "tra-vinh-2025", "2025-08-01T08:15:30.123456+07:00", "=vì"))
    table = write_csv(tmp_path / "given.csv", [HEADS, *given])
    ended = run_program("import", "cases", table, "--workflow", "hotspot", "--database", sqlite_url)
    assert ended.code == 0, ended.err
    assert {row["title"] for row in openings(sqlite_url)} == {*TITLES, "Ngày"}
    return sqlite_url


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_exported_cases_are_opened_the_same_in_a_fresh_database(
    run_program: Run, filled: str, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, fresh = str(tmp_path / f"cases.{kind}"), f"sqlite:///{tmp_path}/fresh.sqlite"
    assert run_program("export", "cases", "--workflow", "hotspot", "--output", file, "--database", filled).code == 0
    again = run_program("import", "cases", file, "--workflow", "hotspot", "--database", filled)
    assert "0 opened, 9 were already" in again.out, "its cases are there"
    create(fresh, definitions=definitions_directory())
    monkeypatch.setenv(KEY_VARIABLE, secret(fresh))
    ended = run_program("import", "cases", file, "--workflow", "hotspot", "--database", fresh)
    assert ended.code == 0, ended.err
    assert "not used: workflow_version, state" in ended.err
    dated = [row for row in openings(filled) if row["title"] == "Ngày"]
    assert dated[0]["opened_at"] == "2025-08-01T01:15:30.123456Z"
    assert openings(fresh) == openings(filled)
    assert reasons(fresh) == reasons(filled) == {"=vì"}


def reasons(url: str) -> set[str | None]:
    statement = select(event, event_text.c.salt, event_text.c.payload).outerjoin_from(event, event_text)
    with Database(url) as database, database.read() as connection:
        found = [rows.event_of(row).reason for row in connection.execute(statement).mappings()]
    return {reason for reason in found if reason}


def test_the_control_line_names_what_was_extracted_and_the_hash_of_the_file(
    run_program: Run, filled: str, tmp_path: Path
) -> None:
    file = tmp_path / "out.csv"
    ended = run_program("export", "cases", "--workflow", "hotspot", "--output", str(file), "--database", filled)
    assert ended.out == ""
    (line,) = ended.err.splitlines()
    assert line.startswith("exported 9 cases, newest first; filters: workflow=hotspot; seen by lan (provincial_police")
    assert line.endswith(f"sha256 {sha256(file.read_bytes()).hexdigest()}")
    assert file.read_bytes().startswith(b"\xef\xbb\xbfid,")
    assert file.stat().st_mode & 0o077 == 0
    for row in csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


def test_a_file_is_replaced_only_if_asked_and_never_by_half(
    run_program: Run, filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "out.jsonl"
    file.write_text("mine")
    options = ("export", "cases", "--output", str(file), "--database", filled)
    refused = run_program(*options)
    assert (refused.code, file.read_text()) == (1, "mine")
    assert "--force" in refused.err
    with monkeypatch.context() as patch:
        patch.setattr(exporting, "case_json", broken)
        assert run_program(*options, "--force").code == 1
    assert file.read_text() == "mine"
    assert run_program(*options, "--force").code == 0
    assert len(file.read_text().splitlines()) == 9
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")] == []


def broken(*_: object) -> Mapping[str, object]:
    raise OSError("no space left on device")


def test_a_key_sees_no_more_than_over_http(run_program: Run, filled: str, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = communes(filled, 1)[0]
    monkeypatch.setenv(KEY_VARIABLE, secret(filled, Role.COMMUNE_POLICE, unit, "hoa"))
    for what, number in (("cases", 4), ("events", 4)):
        ended = run_program("export", what, "--format", "jsonl", "--database", filled)
        assert {json.loads(line)["unit"] for line in ended.out.splitlines()} == {unit}
        assert f"exported {number} {what}" in ended.err


def test_events_are_as_the_api_shows_them(run_program: Run, filled: str) -> None:
    ended = run_program("export", "events", "--format", "jsonl", "--trigger", "open", "--database", filled)
    statement = select(event, event_text.c.salt, event_text.c.payload).outerjoin_from(event, event_text)
    with Database(filled) as database, database.read() as connection:
        found = [event_json(rows.event_of(row)) for row in connection.execute(statement).mappings()]
    shown = [json.loads(line) for line in ended.out.splitlines()]
    assert sorted(shown, key=lambda each: str(each["id"])) == sorted(
        json.loads(json.dumps(found, default=dict)), key=lambda each: str(each["id"])
    )
    heads = [head for head in EVENT_HEADS if not head.startswith("actor.")]
    assert {*heads, "actor"} == {*shown[0]}, "a table leaves nothing out"


def test_no_column_of_a_case_is_left_out(run_program: Run, filled: str) -> None:
    ended = run_program("export", "cases", "--format", "jsonl", "--database", filled)
    assert {*json.loads(ended.out.splitlines()[0])} - {"links", "data", "opened_at"} <= {*CASE_HEADS}


def test_figures_can_be_imported_again(
    run_program: Run, filled: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = communes(filled, 1)[0]
    heads = ("unit", "key", "value", "as_of", "source")
    given = [heads, *((unit, "addicts", value, "2025-08-01", "=Sổ") for value in (7, 8))]
    given[1] = (unit, "addicts", 7, "2025-08-01", "'=Sổ")
    given[2] = (unit, "addicts", 8, "2025-08-01", "'=Sổ")
    table = write_csv(tmp_path / "counts.csv", given)
    assert run_program("import", "counts", table, "--database", filled).code == 0
    file = str(tmp_path / "out.xlsx")
    ended = run_program("export", "counts", "--unit", unit, "--output", file, "--database", filled)
    assert "exported 2 counts, oldest first" in ended.err
    monkeypatch.setenv(KEY_VARIABLE, secret(filled, person="hoa"))
    assert "2 entered" in run_program("import", "counts", file, "--database", filled).out
    told = run_program("export", "counts", "--figure", "addicts", "--database", filled)
    shown = list(csv.DictReader(io.StringIO(told.out.removeprefix("\ufeff"))))
    assert [(row["value"], row["source"], row["person"]) for row in shown] == [
        (value, "'=Sổ", person) for person in ("lan", "hoa") for value in ("7", "8")
    ]


MISSPELT: Final = [
    (["cases", "--workflow", "hotspots"], "--workflow: "),
    (["cases", "--state", "supressed"], "--state: "),
    (["cases", "--unit", "99999"], "--unit: there never was a unit"),
    (["cases", "--parent", "1"], "--parent: "),
    (["counts", "--figure", "addict"], "--figure: "),
    (["counts", "--unit", "99999"], "--unit: there never was a unit"),
    (["events", "--trigger", "supress"], "--trigger: "),
    (["events", "--from", "x"], '--from: "x" is not a date'),
    (["events", "--from", "0001-01-01"], '--from: "0001-01-01" is outside the years 1900 to 9998'),
    (["events", "--from", "02/01/2025", "--to", "02/01/2025"], "--to: must be after from"),
]


def test_misspelt_filters_do_not_pass_for_an_empty_extract(run_program: Run, filled: str) -> None:
    for options, told in MISSPELT:
        ended = run_program("export", *options, "--database", filled)
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
        assert told in ended.err


def test_what_a_workbook_cannot_hold_is_refused(tmp_path: Path) -> None:
    line = Line(object={}, cells=lambda: ["x" * 32_768])
    with (
        pytest.raises(ExportError, match="row 2: a text of 32768"),
        whole_file(tmp_path / "a.xlsx", force=False) as file,
    ):
        write(Format.XLSX, file, ["a"], [line])
    assert list(tmp_path.iterdir()) == []
