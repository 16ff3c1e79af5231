"""`workflows plan report`: into a file that is whole or not there, or in short for a person."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.office import Office, office

REPORT = ("plan", "report", "tra-vinh-2025", "consolidated_report")


@pytest.fixture
def desk(run_program: Run, sqlite_url: str) -> Office:
    return office(run_program, sqlite_url)


def test_a_report_is_written_to_a_file(desk: Office, tmp_path: Path) -> None:
    desk.open()
    for ending, begin in (("pdf", b"%PDF-"), ("json", b"{")):
        file = tmp_path / f"report.{ending}"
        written = desk("province", *REPORT, "--output", str(file))
        assert (written.code, written.out) == (0, ""), written.err
        assert "tra-vinh-2025 consolidated_report, 84, 2025-01-01 to 2025-12-31" in written.err
        assert file.read_bytes().startswith(begin)
    kept = (tmp_path / "report.json").read_bytes()
    told = json.loads(kept)
    assert told == {**desk.json("province", *REPORT), "made_at": told["made_at"]}
    assert desk("province", *REPORT, "--output", str(file)).code == 1, "the file is there"
    assert desk("province", *REPORT, "--output", str(tmp_path / "report.docx")).code == 2
    assert file.read_bytes() == kept
    assert {each.name for each in tmp_path.glob("*.docx")} == set()


def test_a_report_is_told_in_short_in_both_languages(desk: Office) -> None:
    desk.open()
    vietnamese, english = desk("province", *REPORT).out, desk("province", *REPORT, "--language", "en").out
    assert vietnamese.startswith("Báo cáo tổng hợp")
    assert "hạn gửi 31/12/2025; số liệu nhập đến hết ngày 05/03/2025" in vietnamese
    assert "Drug hotspot: opened in the period 1; Identified: 1" in english
    assert "\nLate: 0\n" in english
    early = desk("province", *REPORT, "--as-of", "04/03/2025", "--language", "en").out
    assert "Drug hotspot: opened in the period 0\n" in early
    for wrong in (("--as-of", "31/13/2025"), ("--due", "30/12/2025")):
        refused = desk("province", *REPORT, *wrong)
        assert (refused.code, wrong[0] in refused.err) == (2, True), refused
    assert desk("police", *REPORT).code == 1
