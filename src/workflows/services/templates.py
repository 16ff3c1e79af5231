"""Empty workbooks to be filled in and imported: the columns, what they may hold, and lists to choose from.

The heads are titles in both languages, which an import knows. What a cell may hold stands in the note on its head and
on a second sheet.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from openpyxl import Workbook
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from workflows.core.definition import compile_definition
from workflows.core.documents import Catalogue, Words
from workflows.services import cells
from workflows.services.columns import ORIGIN, WORKFLOW, Column, case_columns, count_columns

DATA_SHEET: Final = "Dữ liệu - Data"
GUIDE_SHEET: Final = "Hướng dẫn - Guide"
LISTS_SHEET: Final = "Danh mục - Lists"
_GUIDE: Final = (
    Words(vi="Cột", en="Column"),
    Words(vi="Tên trong hệ thống", en="Name"),
    Words(vi="Bắt buộc", en="Required"),
    Words(vi="Nội dung (tiếng Việt)", en="Content (Vietnamese)"),
    Words(vi="Nội dung (tiếng Anh)", en="Content (English)"),
)
_REQUIRED: Final = Words(vi="bắt buộc", en="required")
_NOT_LISTED: Final = Words(vi="Hãy chọn một giá trị trong danh sách.", en="Choose a value from the list.")
_ROWS: Final = 1_048_576
_WIDTH: Final = 24


def for_cases(catalogue: Catalogue, workflow: str, target: Path) -> None:
    """A workbook for cases of a workflow of the catalogue."""
    versions = [compile_definition(document, catalogue) for document in catalogue.workflows[workflow]]
    columns = case_columns(versions, catalogue, cells.text)
    _save([column for column in columns if column.name not in (WORKFLOW, ORIGIN)], target)


def for_counts(catalogue: Catalogue, target: Path) -> None:
    """A workbook for figures."""
    _save(count_columns(catalogue, cells.text), target)


def _save(columns: Sequence[Column], target: Path) -> None:
    book = Workbook()
    book.remove(book.worksheets[0])
    data, guide, lists = (book.create_sheet(title) for title in (DATA_SHEET, GUIDE_SHEET, LISTS_SHEET))
    _write_row(guide, 1, [f"{words.vi} / {words.en}" for words in _GUIDE], bold=True)
    for place, column in enumerate(columns, start=1):
        _head(data, place, column)
        _write_row(guide, place + 1, _guided(column), bold=False)
        if column.options:
            _offer(data, lists, place, column)
    data.freeze_panes = "A2"
    book.save(target)


def _head(data: Worksheet, place: int, column: Column) -> None:
    letter = get_column_letter(place)
    cell = data.cell(row=1, column=place, value=column.head)
    cell.font = Font(bold=column.required)
    note = f"{column.name}\n{column.holds.vi} / {column.holds.en}"
    if column.required:
        note += f"\n{_REQUIRED.vi} / {_REQUIRED.en}"
    cell.comment = Comment(note, "workflows", width=320, height=120)
    data.column_dimensions[letter].width = _WIDTH
    # As text, so that codes keep their zeros and nothing is taken for a number or date that is none.
    data.column_dimensions[letter].number_format = _format(column)


def _format(column: Column) -> str:
    if column.date:
        return "dd/mm/yyyy"
    return "0" if column.integer else "@"


def _guided(column: Column) -> list[str]:
    required = f"{_REQUIRED.vi} / {_REQUIRED.en}" if column.required else ""
    return [column.head, column.name, required, column.holds.vi, column.holds.en]


def _offer(data: Worksheet, lists: Worksheet, place: int, column: Column) -> None:
    """The choices stand on a sheet of their own: a list within the rule may hold neither commas nor much text."""
    offered = lists.max_column + 1 if lists.cell(row=1, column=1).value else 1
    for row, text in enumerate([column.head, *(words.vi for words in column.options.values())], start=1):
        lists.cell(row=row, column=offered, value=text)
    letter, source = get_column_letter(place), get_column_letter(offered)
    rule = DataValidation(
        type="list",
        formula1=f"'{LISTS_SHEET}'!${source}$2:${source}${len(column.options) + 1}",
        allow_blank=True,
        showErrorMessage=True,
        errorTitle=column.name,
        error=f"{_NOT_LISTED.vi} / {_NOT_LISTED.en}",
    )
    rule.add(f"{letter}2:{letter}{_ROWS}")
    data.add_data_validation(rule)


def _write_row(sheet: Worksheet, row: int, texts: Sequence[str], *, bold: bool) -> None:
    for place, text in enumerate(texts, start=1):
        sheet.cell(row=row, column=place, value=text).font = Font(bold=bold)
        sheet.column_dimensions[get_column_letter(place)].width = 2 * _WIDTH
