"""Tables and their cells: what is written reads back unchanged, and what could be two things is refused."""

import csv
import io
from collections.abc import Sequence
from datetime import date, datetime, time
from functools import partial
from pathlib import Path
from typing import Final, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook

from workflows.core.civil import format_instant, start_of_day
from workflows.core.documents import Words
from workflows.services import cells
from workflows.services.cells import CellError
from workflows.services.columns import Column, find, placed
from workflows.services.export_files import Format, write
from workflows.services.exporting import Line, Value
from workflows.services.tabular import Cell, TableError, Unusable, neutral, original, records

MORNING: Final = datetime.combine(date(2025, 6, 30), time(8, 15))
"""As a spreadsheet has it, which knows no zone."""
DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r")
TEXTS: Final = st.text(
    st.one_of(st.sampled_from("=+-@\t\r\n',;\"_x000D_0A1#N/đ "), st.characters(exclude_categories=["Cs"])), max_size=12
)


def written(kind: Format, rows: Sequence[Sequence[Value]]) -> bytes:
    file = io.BytesIO()
    heads = [f"c{place}" for place in range(len(rows[0]))]
    write(kind, file, heads, [Line(object={}, cells=partial(tuple, row)) for row in rows])
    return file.getvalue()


def read_back(content: bytes, directory: Path, name: str) -> list[tuple[Cell, ...]]:
    path = directory / name
    path.write_bytes(content)
    with records(path) as found:
        return [record.cells for record in found]


def csv_cells(directory: Path, text: str | bytes) -> list[tuple[int, tuple[Cell, ...]]]:
    path = directory / "table.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with records(path) as found:
        return [(record.row, record.cells) for record in found]


@given(TEXTS)
def test_no_text_begins_as_a_formula_and_none_is_lost(text: str) -> None:
    assert not neutral(text).startswith(DANGEROUS)
    assert original(neutral(text)) == text


@pytest.mark.parametrize("kind", [Format.CSV, Format.XLSX])
@given(st.lists(TEXTS.filter(lambda text: bool(text.strip()) and "\x00" not in text), min_size=1, max_size=4))
def test_written_texts_read_back_unchanged(
    tmp_path_factory: pytest.TempPathFactory, kind: Format, texts: list[str]
) -> None:
    content = written(kind, [texts])
    directory = tmp_path_factory.getbasetemp()
    assert read_back(content, directory, f"back.{kind}")[1] == tuple(texts)


@pytest.mark.parametrize("text", ["=1+1", "'=1+1", "''=x", "+84 1234", "-", "@SUM(A1)", "\tx", "'x", "a=b"])
def test_a_text_that_a_spreadsheet_would_run_is_marked(text: str) -> None:
    shown = next(csv.reader(io.StringIO(written(Format.CSV, [[text]]).decode("utf-8-sig").split("\n", 1)[1])))[0]
    assert shown.startswith(DANGEROUS) is False
    assert (shown == text) is not text.lstrip("'").startswith(DANGEROUS)


def test_numbers_dates_and_truths_keep_their_kind(tmp_path: Path) -> None:
    row: Sequence[Value] = (-5, date(2025, 6, 30), date(1900, 1, 5), True, None, "#N/A", "0012")
    in_workbook = read_back(written(Format.XLSX, [row]), tmp_path, "kinds.xlsx")[1]
    assert in_workbook == (-5, date(2025, 6, 30), "1900-01-05", True, None, "#N/A", "0012")
    in_csv = read_back(written(Format.CSV, [row]), tmp_path, "kinds.csv")[1]
    assert in_csv == ("-5", "2025-06-30", "1900-01-05", "true", None, "#N/A", "0012")


@pytest.mark.parametrize("head", ["\ufeffunit;title\n", "unit;title\n"])
def test_csv_with_semicolons_quotes_and_empty_rows(tmp_path: Path, head: str) -> None:
    found = csv_cells(tmp_path, head + '29239;"Chợ; ""mới"", nhà\nlồng"\n\n ;\n00001;x\n')
    assert found == [(1, ("unit", "title")), (2, ("29239", 'Chợ; "mới", nhà\nlồng')), (5, ("00001", "x"))]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("tiêu đề\nXã\n".encode("utf-16"), "not UTF-8"),
        (b"unit\n\xe1\n", "save it as CSV UTF-8"),
        (b'unit\n"x"y\n', "row 2 is not CSV"),
    ],
)
def test_what_is_no_csv_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(TableError, match=told):
        csv_cells(tmp_path, content)


def test_a_workbook_tells_formulas_and_errors_and_gives_its_numbers(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.append(["a", "b", "c", "d", "e"])
    sheet.append([])
    sheet.append(["=1+1", "#REF!", 7, date(2025, 6, 30), MORNING])
    path = tmp_path / "table.xlsx"
    book.save(path)
    with records(path) as rows:
        (_, found) = rows
    assert found.row == 3
    assert [cast("Unusable", cell).why[:7] for cell in found.cells[:2]] == ["holds a", "holds t"]
    assert found.cells[2:] == (7, date(2025, 6, 30), MORNING)


def test_a_sheet_is_found_by_name(tmp_path: Path) -> None:
    book = Workbook()
    book.create_sheet("Số liệu").append(["unit"])
    path = tmp_path / "table.xlsx"
    book.save(path)
    with records(path, "Số liệu") as rows:
        assert next(rows).cells == ("unit",)
    with pytest.raises(TableError, match="Số liệu"), records(path, "Số liệụ"):
        pass


def test_what_is_no_workbook_is_told(tmp_path: Path) -> None:
    path = tmp_path / "table.xlsx"
    path.write_text("unit,title\n")
    with pytest.raises(TableError, match="no workbook"), records(path):
        pass
    with pytest.raises(TableError, match="has no sheets"), records(tmp_path / "x.csv", "a"):
        pass


@given(st.dates(min_value=date(1900, 1, 1)))
def test_a_day_is_read_in_every_way_it_is_written(day: date) -> None:
    shown = f"{day.day:02d}/{day.month:02d}/{day.year:04d}"
    for cell in (day, day.isoformat(), shown, f" {shown} ", f"{day.day}/{day.month}/{day.year:04d}"):
        assert cells.day(cell) == day


@given(st.dates(min_value=date(1900, 1, 2), max_value=date(9998, 12, 31)))
def test_a_mere_day_begins_in_vietnam(day: date) -> None:
    assert cells.instant(day) == format_instant(start_of_day(day))


@pytest.mark.parametrize(
    "cell", [date(1, 1, 1), date(1900, 1, 1), date(9999, 12, 31), "2025-06-30T08:00:00", "9999-12-31T23:59:59-07:00"]
)
def test_what_is_no_instant_is_refused(cell: Cell) -> None:
    with pytest.raises(CellError):
        cells.instant(cell)


def test_a_time_of_the_spreadsheet_is_one_of_vietnam() -> None:
    assert cells.instant(MORNING) == "2025-06-30T01:15:00.000000Z"
    assert cells.instant("2025-06-30T08:15:00+07:00") == "2025-06-30T01:15:00.000000Z"
    assert cells.instant("30/06/2025") == "2025-06-29T17:00:00.000000Z"


@pytest.mark.parametrize("cell", ["31/02/2025", "2025-13-01", "06/30/2025", "30.06.2025", "hôm qua", 45838, 1.5, True])
def test_what_is_no_day_is_refused(cell: Cell) -> None:
    with pytest.raises(CellError):
        cells.day(cell)


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_an_integer_is_read_from_digits_and_from_numbers(number: int) -> None:
    assert cells.integer(str(number)) == cells.integer(number) == number
    assert abs(number) >= 2**53 or cells.integer(float(number)) == number


@pytest.mark.parametrize(
    "cell", ["1.000", "1,5", "12a", "", "١٢", 1.5, True, date(2025, 1, 1), Unusable(why="formula")]
)
def test_what_is_no_integer_is_refused(cell: Cell) -> None:
    with pytest.raises(CellError):
        cells.integer(cell)


@pytest.mark.parametrize(
    ("cell", "truth"), [("có", True), ("CÓ", True), ("khong", False), ("False", False), (True, True)]
)
def test_truths_in_both_languages(cell: Cell, truth: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert cells.truth(cell) is truth


@pytest.mark.parametrize("cell", [0, 2, "1", "x", "đúng"])
def test_what_is_neither_true_nor_false_is_refused(cell: Cell) -> None:
    with pytest.raises(CellError):
        cells.truth(cell)


def test_a_choice_by_key_or_title_without_marks() -> None:
    options = {"point": Words(vi="Điểm", en="Point"), "retail_point": Words(vi="Điểm bán lẻ", en="Retail point")}
    read = cells.choice(options, "choice")
    assert {read(text) for text in ("point", "Điểm", "diem", " ĐIỂM ", "Point")} == {"point"}
    with pytest.raises(CellError, match=r"nearest retail_point"):
        read("Điểm bán lể nhỏ")


def test_a_choice_that_could_be_two_is_refused() -> None:
    read = cells.choice({"a": Words(vi="Bán", en="Sale"), "b": Words(vi="Bàn", en="Table")}, "choice")
    assert read("a") == "a"
    with pytest.raises(CellError, match="a or b"):
        read("ban")


COLUMNS: Final = (
    Column(name="unit", title=Words(vi="Mã đơn vị", en="Unit code"), read=cells.text, holds=Words(vi="-", en="-")),
    Column(
        name="found_by", title=Words(vi="Phát hiện qua", en="Found by"), read=cells.text, holds=Words(vi="-", en="-")
    ),
)


@pytest.mark.parametrize("head", ["unit", " UNIT ", "Mã đơn vị", "ma don vi", "Unit code", "Mã đơn vị / Unit code"])
def test_heads_are_found_in_both_languages(head: str) -> None:
    found = find([head], COLUMNS)
    assert found.problems == []
    assert [column and column.name for column in found.columns] == ["unit"]


def test_unknown_and_doubled_heads_are_told_with_the_nearest() -> None:
    found = find(["unit", "Ma đơn vị", "fuond_by", "state"], COLUMNS, ["state"])
    assert len(found.problems) == 2
    assert "is there twice" in found.problems[0]
    assert "nearest 'found_by'" in found.problems[1]
    assert list(found.unused) == ["state"]


def test_parts_of_a_document_become_one_value() -> None:
    assert placed({"a": 1, "decision.number": "1", "decision.date": "2025-01-01"}) == {
        "a": 1,
        "decision": {"number": "1", "date": "2025-01-01"},
    }
