"""The class of a unit on the command line: told to people in two languages, and as the API answers."""

from collections.abc import Sequence

import pytest

from tests.cli.conftest import Run
from tests.cli.office import Office, office
from tests.factories import COMMUNE

WRONG: Sequence[tuple[Sequence[str], int, str]] = [
    ([COMMUNE, "--table=communes"], 2, "--table: unknown table 'communes'; allowed: commune_classification"),
    ([COMMUNE, "--as-of=hôm qua"], 2, '--as-of: "hôm qua" is not a date'),
    ([COMMUNE, "--as-of=2099-01-01"], 2, "--as-of: 01/01/2099 is in the future"),
    (["00000"], 1, "there is no unit '00000' that this key may see"),
]


@pytest.fixture
def desk(run_program: Run, sqlite_url: str) -> Office:
    return office(run_program, sqlite_url)


def test_what_is_missing_is_told(desk: Office) -> None:
    desk.open()
    told = desk("police", "classify", COMMUNE)
    assert (told.code, told.err) == (0, "")
    assert "29401 Xã Hòa Lợi, 05/03/2025\n" in told.out
    assert "Phân loại xã, phường, thị trấn về ma túy (Trà Vinh) (commune_classification 1)" in told.out
    assert "Chưa xác định; có thể là: Trọng điểm loại I (key_type_1), Trọng điểm loại II (key_type_2)" in told.out
    assert "Chưa có thông tin: Số người nghiện ma túy có hồ sơ quản lý; " in told.out
    english = desk("auditor", "classify", COMMUNE, "--language", "en", "--as-of", "05/03/2025")
    assert "Undetermined; it could be: Key commune of type I (key_type_1)" in english.out
    assert "Cannot be compared with “Certification as drug-free” yet: the class is undetermined" in english.out
    assert any(line.split()[-4:] == ["unknown", "addicts_on_file", ">=", "100"] for line in english.out.splitlines())


def test_the_answer_is_that_of_the_api(desk: Office) -> None:
    found = desk.json("auditor", "classify", COMMUNE, "--table", "commune_classification")
    assert (found["unit"], found["class"], len(found["possible"])) == (COMMUNE, None, 5)


@pytest.mark.parametrize(("arguments", "code", "error"), WRONG, ids=[error[:40] for _, _, error in WRONG])
def test_what_cannot_be_asked(arguments: Sequence[str], code: int, error: str, desk: Office) -> None:
    told = desk("auditor", "classify", *arguments)
    assert (told.code, told.out) == (code, "")
    assert error in told.err
