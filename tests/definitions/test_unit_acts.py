"""Administrative acts: the shipped ones agree with the units, and a wrong one is told with file and line."""

from datetime import date, timedelta
from pathlib import Path
from typing import Final

import pytest

from workflows.loader import check, find_definitions
from workflows.unit_act_files import UnknownActError, act_files, read_act, read_acts
from workflows.unit_files import UnitFiles

ROOT: Final = find_definitions(None)
UNITS: Final = """\
code,level,name,parent,valid_from,valid_to,successors
VN,country,x,,2021-01-01,,
22,province,x,VN,2021-01-01,,
193,district,x,22,2021-01-01,2025-07-01,
06652,commune,x,193,2021-01-01,2025-07-01,
06652,commune,x,22,2025-07-01,,
06655,commune,x,193,2021-01-01,2025-07-01,
06661,commune,x,22,2025-07-01,,
"""
HEAD: Final = "act: mau-2025\ntitle: {vi: Mẫu, en: Sample}\nday: 2025-07-01\nchanges:\n"
GOOD: Final = (
    '  - {rename: "06652", into: "06652"}\n  - {split: "06655", into: ["06652", "06661"]}\n  - abolish: ["193"]\n'
)


def written(folder: Path, changes: str, *, name: str = "mau-2025.yaml", tail: str = "") -> Path:
    acts = folder / "units" / "acts"
    acts.mkdir(parents=True)
    (folder / "units" / "units.csv").write_text(UNITS, encoding="utf-8")
    file = acts / name
    file.write_text(HEAD + changes + tail, encoding="utf-8")
    return file


def problems(file: Path) -> list[tuple[int, str]]:
    return [(problem.line, problem.message) for problem in check([file])]


def test_a_good_act_has_no_problem(tmp_path: Path) -> None:
    file = written(tmp_path, GOOD, tail='cases: {0199c2b0-7100-7f7f-8d73-659c8effa05d: "06661"}\n')
    assert problems(file) == []
    assert read_act(tmp_path, "mau-2025") == read_act(tmp_path, str(file))


@pytest.mark.parametrize(
    ("changes", "line", "message"),
    [
        ('  - {rename: "06653", into: "06652"}\n', 5, '"06653" is not a unit on the day before'),
        ('  - {rename: "06652", into: "06655"}\n', 5, '"06655" is not a unit on the day of the act'),
        ('  - {rename: "06652", into: "06652"}\n  - abolish: ["06652"]\n', 6, '"06652" ends twice in this act'),
        ('  - {rename: "06652"}\n', 5, "into: one code after merge"),
        ('  - {merge: ["06652"], into: ["06652", "06661"]}\n', 5, "into: one code after merge"),
        ('  - {split: "06655", into: "06661"}\n', 5, "into: one code after merge"),
        ('  - {abolish: ["193"], into: "06661"}\n', 5, "into: one code after merge"),
        ('  - {merge: ["06652"], abolish: ["193"]}\n', 5, "give exactly one of merge"),
    ],
)
def test_a_wrong_change_is_told(tmp_path: Path, changes: str, line: int, message: str) -> None:
    ((found, told),) = problems(written(tmp_path, changes))
    assert (found, message in told) == (line, True), told


def test_a_case_named_for_a_unit_that_was_not_divided(tmp_path: Path) -> None:
    tail = 'cases: {0199c2b0-7100-7f7f-8d73-659c8effa05d: "22"}\n'
    ((line, told),) = problems(written(tmp_path, GOOD, tail=tail))
    assert (line, told) == (8, '"22" is not a successor of a divided unit')


def test_a_file_of_another_name(tmp_path: Path) -> None:
    ((_, told),) = problems(written(tmp_path, GOOD, name="mau.yaml"))
    assert told == '"mau.yaml" is not the name of a file for mau-2025'


def test_an_act_that_is_not_there() -> None:
    with pytest.raises(UnknownActError, match='did you mean "nghe-an-2025"'):
        read_act(ROOT, "nghe-an-2026")


def test_shipped_acts_and_units_are_the_same_from_both_sides() -> None:
    """Every unit of the five provinces that ended has its place in one act, and in no other one."""
    units = UnitFiles(ROOT / "units")
    day = date(2025, 7, 1)
    acts = [act for act in read_acts(ROOT) if act.day == day]
    before = units.on(day - timedelta(days=1))
    sources = [code for act in acts for change in act.changes for code in change.sources]
    assert len(act_files(ROOT)) == 10
    assert len(sources) == len(set(sources))
    provinces = {"37", "35", "36", "22", "84", "83", "86", "40", "56", "58"}
    below = {code for code, unit in before.items() if _province(code, before) in provinces and len(code) > 2}
    assert below <= set(sources)
    assert {code for code in sources if len(code) > 2} == below


def _province(code: str, units: object) -> str | None:
    above: str | None = code
    while above is not None and len(above) != 2:
        above = units[above].parent  # type: ignore[index]  # by code
    return above
