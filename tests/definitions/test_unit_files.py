"""What is wrong with the lists of units is told by `check` with file and line, and `init` refuses just that."""

import shutil
from pathlib import Path

import pytest

from workflows.core.problems import DefinitionError
from workflows.loader import check
from workflows.store.unit_rows import read_units
from workflows.unit_act_files import read_act

GOOD = Path(__file__).parent / "good"
FILE = "definitions/units/units.csv"


@pytest.fixture
def definitions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(GOOD, "definitions"))


def put(line: str | bytes, *, after: int) -> None:
    """Another line behind so many."""
    lines = Path(FILE).read_bytes().splitlines(keepends=True)
    more = line if isinstance(line, bytes) else line.encode()
    Path(FILE).write_bytes(b"".join([*lines[:after], more + b"\n", *lines[after:]]))


def told(definitions: Path) -> list[str]:
    """By `check`; and by what `init` reads, the same."""
    problems = [str(problem) for problem in check([definitions])]
    if problems:
        with pytest.raises(DefinitionError) as refused:
            read_units(definitions / "units")
        assert [str(problem) for problem in refused.value.problems] == problems
    return problems


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "00009,comune,xã,Xã Hai,01,2021-01-01,,",
            'level: "comune" is not a level; allowed: country, province, district, commune; did you mean "commune"?',
        ),
        (",commune,xã,Xã Hai,01,2021-01-01,,", "code: is missing"),
        ("00009,commune,xã,Xã Hai,01,01/01/2021,,", 'valid_from: "01/01/2021" is not a date; write yyyy-mm-dd'),
        ("00009,commune,xã,Xã Hai,01,,,", 'valid_from: "" is not a date; write yyyy-mm-dd'),
        ("00009,commune,xã,Xã Hai,01,2021-01-01,20250701,", 'valid_to: "20250701" is not a date; write yyyy-mm-dd'),
        (
            "00009,commune,xã,Xã Hai,01,2021-01-01,2021-01-01,",
            'valid_to: "2021-01-01" must be after the first day, 2021-01-01',
        ),
        ("00009,commune", "2 cells, where there are 8 columns"),
        ("00009,commune,xã,Xã Hai,,2021-01-01,,", "parent: is missing; only a country has none"),
        (
            "00009,commune,xã,Xã Hai,0001,2021-01-01,,",
            'parent: "0001" is no unit in force on 2021-01-01; did you mean "001"?',
        ),
        ("009,district,huyện,Huyện,001,2021-01-01,,", 'parent: "001" is a district, which is not above a district'),
        ("09,province,tỉnh,Tỉnh,09,2021-01-01,,", 'parent: "09" is a province, which is not above a province'),
    ],
)
def test_a_broken_line_is_told_alone(definitions: Path, line: str, problem: str) -> None:
    """However many plans and acts count on the units; a blank line counts as one, too."""
    put("", after=2)
    put(line, after=3)
    assert told(definitions) == [f"{FILE}:4: {problem}"]


def test_periods_of_a_code_do_not_overlap(definitions: Path) -> None:
    put("02,province,tỉnh,Tỉnh,VN,2024-01-01,,", after=1)
    (problem,) = told(definitions)
    assert problem == f"{FILE}:2: valid_from: unit 02: begins before its period from 2021-01-01 ends"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('00009,commune,xã,"Xã Hai,01,2021-01-01,,', "is not CSV: "),
        ("00009,commune,xã,Xã Hai,01,2021-01-01,,".encode("latin-1"), "not UTF-8: byte 0xe3"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_where_it_breaks(definitions: Path, line: str | bytes, problem: str) -> None:
    put('00008,commune,xã,"Xã\nMột",01,2025-07-01,,', after=1)
    put(line, after=4)
    (only,) = told(definitions)
    assert only.startswith(f"{FILE}:5: {problem}")


def test_a_missing_column_is_told(definitions: Path) -> None:
    file = Path(FILE)
    file.write_text(file.read_text(encoding="utf-8").replace("valid_to", "until", 1), encoding="utf-8")
    needed = "code, level, name, parent, valid_from, valid_to, successors"
    assert told(definitions) == [f"{FILE}:1: no column valid_to; needed: {needed}"]


def test_a_mark_of_the_byte_order_is_no_part_of_the_header(definitions: Path) -> None:
    Path(FILE).write_bytes(b"\xef\xbb\xbf" + Path(FILE).read_bytes())
    assert told(definitions) == []


def test_the_lists_are_checked_where_nothing_counts_on_them(definitions: Path) -> None:
    shutil.rmtree(definitions / "plans")
    put("00009,commune", after=2)
    assert [str(problem) for problem in check([definitions])] == [f"{FILE}:3: 2 cells, where there are 8 columns"]


def test_an_act_is_not_read_beside_broken_lists(definitions: Path) -> None:
    acts = definitions / "units" / "acts"
    acts.mkdir(exist_ok=True)
    text = 'act: mau-2025\ntitle: {vi: Mẫu, en: Sample}\nday: 2025-07-01\nchanges:\n  - abolish: ["001"]\n'
    (acts / "mau-2025.yaml").write_text(text, encoding="utf-8")
    assert read_act(definitions, "mau-2025").act == "mau-2025"
    put("00009,commune", after=2)
    with pytest.raises(DefinitionError, match=r"units\.csv:3: 2 cells") as refused:
        read_act(definitions, "mau-2025")
    assert len(refused.value.problems) == 1
