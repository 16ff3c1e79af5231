"""A report as a workbook: a sheet that says what it is, then a sheet for every table.

Figures are numbers and days are days, so that an office can go on reckoning with them; nothing is a formula. The same
report gives the same bytes.
"""

import io
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Final
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.cell.cell import Cell as SheetCell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.header_footer import HeaderFooterItem
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet
from openpyxl.writer.excel import ExcelWriter

from workflows.services.report_parts import Report
from workflows.services.report_tables import Column, Table, parts
from workflows.services.report_words import Amount, Cell, heading, remarks, summary
from workflows.services.tabular import neutral, xml_text

FRONT: Final = "Báo cáo"
_HEADS: Final = 2
"""Row of the heads of columns; the title stands above."""
_LABEL_WIDTH: Final = 28
_TEXT_WIDTH: Final = 100
_NOTE_WIDTH: Final = 80
_BOLD: Final = Font(bold=True)
_TITLE: Final = Font(bold=True, size=14)
_FILL: Final = PatternFill(fill_type="solid", fgColor="DDE6EE")
_LINE: Final = Side(style="thin", color="999999")
_BOX: Final = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
_HEAD: Final = Alignment(horizontal="center", vertical="center", wrap_text=True)
_TEXT: Final = Alignment(vertical="top", wrap_text=True)
_FIGURE: Final = Alignment(horizontal="right", vertical="top")


def workbook(report: Report) -> bytes:
    """The bytes of an XLSX file; created and changed when the report was made."""
    book = Workbook()
    book.remove(book.worksheets[0])
    made_at = report.made_at.astimezone(UTC).replace(tzinfo=None)  # a workbook's times are UTC without saying so
    book.properties.created = book.properties.modified = made_at
    book.properties.creator = xml_text(report.body.vi)
    book.properties.title = xml_text(report.obligation.title.vi)
    book.properties.language = "vi"
    _front(book.create_sheet(FRONT), report)
    for _, tables in parts(report):
        for table in tables:
            _fill(book.create_sheet(table.name), table)
    for sheet in book.worksheets:
        _set_up(sheet, report)
    return _written(book, made_at)


def _front(sheet: Worksheet, report: Report) -> None:
    _put(sheet, 1, 1, f"BÁO CÁO: {report.obligation.title.vi}").font = _TITLE
    told = [*(("Tóm tắt", line) for line in summary(report)), *(("Lưu ý", line) for line in remarks(report))]
    rows: list[tuple[str, Cell]] = [*heading(report), *told]
    for row, (label, value) in enumerate(rows, _HEADS + 1):
        _put(sheet, row, 1, label).font = _BOLD
        cell = _put(sheet, row, 2, value)
        cell.alignment = Alignment(horizontal="left", vertical="top", wrap_text=True)
    sheet.column_dimensions["A"].width = _LABEL_WIDTH
    sheet.column_dimensions["B"].width = _TEXT_WIDTH


def _fill(sheet: Worksheet, table: Table) -> None:
    _put(sheet, 1, 1, table.title).font = _TITLE
    columns = [*table.columns, *([Column(title=table.notes, width=_NOTE_WIDTH)] if table.notes else [])]
    for place, column in enumerate(columns, 1):
        _head(_put(sheet, _HEADS, place, f"{column.over}: {column.title}" if column.over else column.title))
        sheet.column_dimensions[get_column_letter(place)].width = column.width
    for number, row in enumerate(table.rows, _HEADS + 1):
        notes = ("\n".join(row.notes),) if table.notes else ()
        _fill_row(sheet, number, zip(columns, (*row.cells, *notes), strict=True), total=row.total)
    if not table.rows:
        _put(sheet, _HEADS + 1, 1, table.none)
    sheet.freeze_panes = f"A{_HEADS + 1}"
    sheet.print_title_rows = f"1:{_HEADS}"


def _head(cell: SheetCell) -> None:
    cell.font, cell.fill, cell.border, cell.alignment = _BOLD, _FILL, _BOX, _HEAD


def _fill_row(sheet: Worksheet, number: int, cells: Iterable[tuple[Column, Cell]], *, total: bool) -> None:
    for place, (column, value) in enumerate(cells, 1):
        cell = _put(sheet, number, place, value)
        cell.border = _BOX
        cell.alignment = _FIGURE if column.figures else _TEXT
        if total:
            cell.font = _BOLD


def _put(sheet: Worksheet, row: int, place: int, value: Cell) -> SheetCell:
    cell = sheet.cell(row=row, column=place)
    if not isinstance(cell, SheetCell):
        raise TypeError(f"{cell.coordinate} is part of a merged cell, which cannot be written")
    match value:
        case None | "":
            pass
        case str():
            cell.value = xml_text(neutral(value))
            cell.data_type = "s"  # nothing that looks like an error value or a formula is one
        case int():
            cell.value, cell.number_format = value, "#,##0"
        case date():
            cell.value, cell.number_format = value, "dd/mm/yyyy"
        case Amount():
            cell.value, cell.number_format = float(value.value), _format(value)
    return cell


def _format(amount: Amount) -> str:
    decimals = f".{'0' * amount.digits}" if amount.digits else ""
    return f"0{decimals}%" if amount.per_cent else f"#,##0{decimals}"


def _set_up(sheet: Worksheet, report: Report) -> None:
    """A4 across, as wide as the paper, with the plan, the report and the page at the foot."""
    sheet.page_setup.paperSize = 9  # A4, of the numbers that the format gives sizes
    sheet.page_setup.orientation = "landscape"
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
    foot = HeaderFooterItem()
    foot.left.text, foot.right.text = f"{report.plan.plan} / {report.key}", "&P/&N"
    sheet.HeaderFooter.oddFooter = foot


def _written(book: Workbook, made_at: datetime) -> bytes:
    """Every part of the file is dated when the report was made, not when it is written."""
    first, packed = io.BytesIO(), io.BytesIO()
    ExcelWriter(book, ZipFile(first, "w")).save()
    with ZipFile(first) as parts_now, ZipFile(packed, "w") as archive:
        for part in parts_now.infolist():
            dated = ZipInfo(part.filename, date_time=made_at.timetuple()[:6])
            archive.writestr(dated, parts_now.read(part), compress_type=ZIP_DEFLATED)
    return packed.getvalue()
