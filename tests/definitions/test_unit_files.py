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
COMPOSED = "must be in composed form (NFC), without blanks around it"
DATE = "a date of the years 1900 to 9998; write yyyy-mm-dd"


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
    assert told_by_init(definitions) == problems
    return problems


def told_by_init(definitions: Path) -> list[str]:
    try:
        read_units(definitions / "units")
    except DefinitionError as error:
        return [str(problem) for problem in error.problems]
    return []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "00009,comune,xã,Xã Hai,01,2021-01-01,,",
            'level: "comune" is not a level; allowed: country, province, district, commune; did you mean "commune"?',
        ),
        (",commune,xã,Xã Hai,01,2021-01-01,,", "code: is missing"),
        ("00009,commune,xã, ,01,2021-01-01,,", "name: is missing"),
        (f"00009,commune,xã,{'Xã' * 61},01,2021-01-01,,", "name: has 122 characters; allowed: 120"),
        ("00009,commune,xã,Xã\xa0Hai,01,2021-01-01,,", "name: 'Xã\\xa0Hai' holds a character that cannot be shown"),
        ("00009,commune,xã, Xã Hai,01,2021-01-01,,", f"name: ' X\\xe3 Hai' {COMPOSED}"),
        ("00009,commune,xã,Xa\u0303 Hai,01,2021-01-01,,", f"name: 'Xa\\u0303 Hai' {COMPOSED}"),
        (f"00009,commune,xã,{'각' * 60},01,2021-01-01,,", "name: has 180 characters; allowed: 120"),
        ("9,commune,xã,Xã Hai,01,2021-01-01,,", 'code: "9" is not the code of a commune, which has 5 digits'),
        (" 09,district,huyện,Huyện,01,2021-01-01,,", 'code: " 09" is not the code of a district, which has 3 digits'),
        ("٠٩,province,tỉnh,Tỉnh,VN,2021-01-01,,", 'code: "٠٩" is not the code of a province, which has 2 digits'),
        ("LA,country,quốc gia,Lào,,2021-01-01,,", 'code: "LA" is not that of the country, VN'),
        ("00009,commune,xã,Xã Hai,01,01/01/2021,,", f'valid_from: "01/01/2021" is not {DATE}'),
        ("00009,commune,xã,Xã Hai,01,,,", f'valid_from: "" is not {DATE}'),
        ("00009,commune,xã,Xã Hai,01,2021-01-01,20250701,", f'valid_to: "20250701" is not {DATE}'),
        ("00009,commune,xã,Xã Hai,01,2021-01-01,9999-12-31,", f'valid_to: "9999-12-31" is not {DATE}'),
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
        ("00009,commune,xã,Xã Hai,01,2020-12-31,,", 'parent: "01" is no unit in force on 2020-12-31'),
        ("009,district,huyện,Huyện,001,2021-01-01,,", 'parent: "001" is a district, which is not above a district'),
        ("09,province,tỉnh,Tỉnh,09,2021-01-01,,", 'parent: "09" is a province, which is not above a province'),
        (
            "00009,commune,xã,Xã Hai,001,2021-01-01,2025-07-02,",
            'parent: "001" ends or comes below another on 2025-07-01; the period must end there, too',
        ),
        (
            "00009,commune,xã,Xã Hai,001,2021-01-01,2025-07-01,00004 00001",
            'successors: "00001" is no unit in force on 2025-07-01',
        ),
        (
            "00009,commune,xã,Xã Hai,001,2021-01-01,2025-07-01,00004 00004",
            'successors: "00004" is given 2 times',
        ),
        (
            "00009,commune,xã,Xã Hai,001,2021-01-01,2025-07-01,01",
            'successors: "01" is a province, which is above a commune',
        ),
        (
            "00009,commune,xã,Xã Hai,01,2021-01-01,,00004 00001",
            "successors: valid_to is missing; only a unit that ends has successors",
        ),
    ],
)
def test_a_broken_line_is_told_alone(definitions: Path, line: str, problem: str) -> None:
    """However many plans and acts count on the units; a blank line counts as one, too."""
    put("", after=2)
    put(line, after=3)
    assert told(definitions) == [f"{FILE}:4: {problem}"]


def test_periods_of_a_code_do_not_overlap(definitions: Path) -> None:
    """Nor with one that began long before, and not only with the one before."""
    put("02,province,tỉnh,Tỉnh,VN,2023-01-01,2024-01-01,", after=1)
    put("02,province,tỉnh,Tỉnh,VN,2025-01-01,,", after=1)
    problem = "valid_from: unit 02: begins before its period from 2021-01-01 ends"
    assert told(definitions) == [f"{FILE}:{number}: {problem}" for number in (2, 3)]


@pytest.mark.parametrize(("below", "told_of"), [("01", 0), ("02", 2)])
def test_a_period_spans_those_of_its_parent_only_while_that_stays(definitions: Path, below: str, told_of: int) -> None:
    """Two communes of one district, which gets another name, or comes below another province as well."""
    file = Path(FILE)
    begun, ended = ("001,district,huyện,Huyện Trên,01,2021-01-01,", "2025-07-01,")
    renamed = f"{begun}2024-01-01,001\n001,district,quận,Quận Trên,{below},2024-01-01,{ended}"
    file.write_text(file.read_text(encoding="utf-8").replace(begun + ended, renamed), encoding="utf-8")
    problem = 'parent: "001" ends or comes below another on 2024-01-01; the period must end there, too'
    assert told(definitions) == [f"{FILE}:{number}: {problem}" for number in (2, 3)[:told_of]]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('00009,commune,xã,"Xã Hai,01,2021-01-01,,', "is not CSV: "),
        ("00009,commune,xã,Xã Hai,01,2021-01-01,,".encode("latin-1"), "not UTF-8: byte 0xe3"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_where_it_breaks(definitions: Path, line: str | bytes, problem: str) -> None:
    put('00008,commune,"xã\n",Xã Một,01,2025-07-01,,', after=1)
    put(line, after=4)
    (only,) = told(definitions)
    assert only.startswith(f"{FILE}:5: {problem}")


def test_a_missing_column_is_told(definitions: Path) -> None:
    file = Path(FILE)
    file.write_text(file.read_text(encoding="utf-8").replace("valid_to", "until", 1), encoding="utf-8")
    needed = "code, level, name, parent, valid_from, valid_to, successors"
    assert told(definitions) == [f"{FILE}:1: no column valid_to; needed: {needed}"]


def test_a_column_that_is_there_twice_is_told(definitions: Path) -> None:
    """Of two cells, one would be taken without a word."""
    lines = Path(FILE).read_text(encoding="utf-8").splitlines()
    Path(FILE).write_text("\n".join([f"{lines[0]},valid_to", *(f"{line}," for line in lines[1:])]), encoding="utf-8")
    assert told(definitions) == [f"{FILE}:1: column valid_to is there twice"]


def test_a_list_that_holds_nothing_is_told(definitions: Path) -> None:
    Path(FILE).write_text(Path(FILE).read_text(encoding="utf-8").splitlines()[0], encoding="utf-8")
    assert told(definitions) == [f"{FILE}:1: holds no unit"]


def test_a_list_that_is_none_is_told_beside_the_others(definitions: Path) -> None:
    (definitions / "units" / "a.csv").mkdir()
    put("00009,commune", after=2)
    first, second = told(definitions)
    assert first == "definitions/units/a.csv:1: cannot be read: Is a directory"
    assert second.startswith(f"{FILE}:3: ")


def test_a_mark_of_the_byte_order_is_no_part_of_the_header(definitions: Path) -> None:
    Path(FILE).write_bytes(b"\xef\xbb\xbf" + Path(FILE).read_bytes())
    assert told(definitions) == []


def test_a_wrong_byte_behind_such_a_mark_is_told_where_it_is(definitions: Path) -> None:
    put(b"\xe3", after=4)
    Path(FILE).write_bytes(b"\xef\xbb\xbf" + Path(FILE).read_bytes())
    assert told(definitions) == [f"{FILE}:5: not UTF-8: byte 0xe3"]


@pytest.mark.parametrize(
    ("within", "asked"),
    [
        (".", "definitions/units"),
        (".", FILE),
        ("definitions/plans", "../units"),
        ("definitions", "units"),
        ("definitions/units", "."),
        ("definitions/units", "units.csv"),
    ],
)
@pytest.mark.usefixtures("definitions")
def test_the_lists_can_be_checked_by_themselves(within: str, asked: str, monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path(FILE).absolute()
    put("00009,commune", after=2)
    monkeypatch.chdir(within)
    assert [(Path(each.file).resolve(), each.line) for each in check([Path(asked)])] == [(file, 3)]


@pytest.mark.usefixtures("definitions")
def test_acts_can_be_checked_from_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    acts = Path("definitions/units/acts")
    acts.mkdir(exist_ok=True)
    (acts / "mau-2025.yaml").write_text("act: mau-2025\n", encoding="utf-8")
    monkeypatch.chdir("definitions/units")
    for asked in ("acts", "acts/mau-2025.yaml"):
        assert {each.file for each in check([Path(asked)])} == {"../units/acts/mau-2025.yaml"}


@pytest.mark.parametrize(
    ("stray", "ending"), [("UNITS.CSV", ".csv"), ("2026/units.csv", ".csv"), ("acts/a.yml", ".yaml")]
)
def test_a_file_that_nobody_reads_is_told(definitions: Path, stray: str, ending: str) -> None:
    file = definitions / "units" / stray
    file.parent.mkdir(exist_ok=True)
    file.touch()
    for asked in (definitions, definitions / "units"):
        (problem,) = check([asked])
        assert problem.file == file.as_posix()
        assert problem.message.endswith(f"ends in {ending}")


def test_a_directory_of_definitions_may_have_any_name(definitions: Path) -> None:
    for name in ("units", "acts", "plans"):
        root = definitions.rename(name)
        assert check([root]) == []
        (root / "workflows" / "a.yaml").write_text("a: [", encoding="utf-8")
        assert {each.file for each in check([root])} == {f"{name}/workflows/a.yaml"}
        (root / "workflows" / "a.yaml").unlink()
        definitions = root


def test_a_plan_asked_for_alone_tells_only_that_the_lists_are_broken(definitions: Path) -> None:
    plan = next((definitions / "plans").glob("*.yaml"))
    put("00009,commune", after=2)
    put("00009,commune", after=2)
    (problem,) = check([plan])
    assert str(problem).startswith("definitions/units:1: the lists of units have mistakes")


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
