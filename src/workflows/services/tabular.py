"""Tables in files: the rows of a CSV or XLSX file as they stand there, and the marks that keep text from being run.

Yields cells without knowing what they mean; a cell that cannot be taken as it stands (a formula, an error of the
spreadsheet) says so itself. Rows are streamed, so that the size of a file does not matter.
"""

import csv
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import IO, Any, Final, TypeAlias
from zipfile import BadZipFile, ZipFile

from openpyxl import load_workbook
from openpyxl.cell.read_only import EmptyCell, ReadOnlyCell
from openpyxl.workbook.workbook import Workbook

from workflows.core.nearest import nearest

UNPACKED_LIMIT: Final = 2**30
"""Bytes that a workbook may unpack to."""
_RUN: Final = re.compile(r"'*[=+\-@\t\r]")
_NOT_XML: Final = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_ESCAPED: Final = re.compile(r"_x([0-9A-Fa-f]{4})_")


class TableError(Exception):
    """A file that holds no table that can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusable:
    """A cell that has no value of its own."""

    why: str


Cell: TypeAlias = str | int | float | date | datetime | Unusable | None
"""None: empty. Booleans are integers of their own type; a `datetime` is never a mere day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One row that is not empty."""

    row: int
    """As the spreadsheet shows it, from 1."""
    cells: tuple[Cell, ...]


def neutral(text: str) -> str:
    """The text behind an apostrophe where a spreadsheet would run it as a formula."""
    return f"'{text}" if _RUN.match(text) else text


def original(text: str) -> str:
    """The text that `neutral` was given."""
    return text[1:] if text.startswith("'") and _RUN.match(text) else text


def xml_text(text: str) -> str:
    """The text as a workbook holds it, which has no control characters."""
    return _NOT_XML.sub(lambda found: f"_x{ord(found[0]):04X}_", text)


@contextmanager
def records(path: Path, sheet: str | None = None) -> Iterator[Iterator[Record]]:
    """The rows of a file, its heads first; empty rows are left out.

    Args:
        path: Named `.xlsx` for a workbook; anything else is read as CSV in UTF-8, with commas or semicolons.
        sheet: Of a workbook; its first one by default.

    Raises:
        TableError: while opening or reading; the file is not what its name says.
    """
    if path.suffix.lower() == ".xlsx":
        with _workbook(path) as book:
            yield _sheet_records(book, sheet)
    elif sheet is not None:
        raise TableError(f"{path.name} has no sheets; --sheet is for .xlsx files")
    else:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield _csv_records(file, path.name)


def _csv_records(file: IO[str], name: str) -> Iterator[Record]:
    row = 0
    try:
        head = file.readline()
        file.seek(0)
        delimiter = ";" if head.count(";") > head.count(",") else ","
        for row, texts in enumerate(csv.reader(file, delimiter=delimiter, strict=True), start=1):
            cells = tuple(original(text) if text.strip() else None for text in texts)
            if any(cell is not None for cell in cells):
                yield Record(row=row, cells=cells)
    except UnicodeDecodeError as error:
        raise TableError(f"{name}: not UTF-8 after row {row}; save it as CSV UTF-8, or as .xlsx") from error
    except csv.Error as error:
        raise TableError(f"{name}: row {row + 1} is not CSV: {error}") from error


@contextmanager
def _workbook(path: Path) -> Iterator[Workbook]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about parts that hold no values, such as extensions
        try:
            with ZipFile(path) as archive:
                size = sum(part.file_size for part in archive.infolist())
            if size > UNPACKED_LIMIT:
                raise TableError(f"{path.name} unpacks to {size} bytes; at most {UNPACKED_LIMIT} are read")
            book = load_workbook(path, read_only=True, keep_links=False)
        except (BadZipFile, KeyError, ValueError, SyntaxError) as error:
            raise TableError(f"{path.name} is no workbook that can be read: {error}") from error
        try:
            yield book
        finally:
            book.close()


def _sheet_records(book: Workbook, name: str | None) -> Iterator[Record]:
    names = [sheet.title for sheet in book.worksheets]
    if not names or (name is not None and name not in names):
        near = nearest(name or "", names)
        hint = f"; did you mean {near!r}?" if near else ""
        raise TableError(f"there is no sheet {name!r}; sheets: {', '.join(names) or 'none'}{hint}")
    return _rows_of(book[name or names[0]])


def _rows_of(sheet: Any) -> Iterator[Record]:  # noqa: ANN401 - the stubs do not know read-only sheets
    sheet.reset_dimensions()  # some programs write wrong ones, and rows would be left out
    row = 0
    try:
        for row, found in enumerate(sheet.iter_rows(), start=1):
            cells = tuple(map(_cell, found))
            if any(cell is not None for cell in cells):
                yield Record(row=row, cells=cells)
    except (BadZipFile, KeyError, IndexError, ValueError, SyntaxError) as error:
        raise TableError(f"the workbook cannot be read after row {row}: {error}") from error


def _cell(cell: ReadOnlyCell | EmptyCell) -> Cell:
    value = cell.value
    if value is None:
        return None
    if cell.data_type == "f":
        return Unusable(why="holds a formula; put its value there (copy, paste values only)")
    if cell.data_type == "e":
        return Unusable(why=f"holds the error {value}")
    if isinstance(value, str):
        text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), value)
        return original(text) if text.strip() else None
    if isinstance(value, datetime):
        return value.date() if value.time() == time() else value
    return value if isinstance(value, int | float | date) else Unusable(why=f"holds {value!r}, a time of day")
