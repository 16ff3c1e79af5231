"""Files of extracts: CSV, XLSX or JSON lines, written whole or not at all.

Text that a spreadsheet would run is neutralised as `tabular` says, which an import undoes. What an extract holds is
`exporting`'s affair.
"""

import csv
import hashlib
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import IO, Final, cast

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell

from workflows.services.exporting import Line, Value
from workflows.services.rendering import encoded
from workflows.services.tabular import neutral, xml_text

_LONGEST_CELL: Final = 32_767
_MOST_ROWS: Final = 1_048_575
_FIRST_SERIAL: Final = date(1900, 3, 1)
"""Spreadsheets do not agree on the days before."""


class ExportError(Exception):
    """An extract that cannot be written as asked; nothing is left of it."""


class Format(StrEnum):
    CSV = "csv"
    XLSX = "xlsx"
    JSONL = "jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A finished extract."""

    rows: int
    sha256: str
    """Of its bytes, in hexadecimal."""


@contextmanager
def whole_file(target: Path, *, force: bool) -> Iterator[IO[bytes]]:
    """A file that takes its name only when everything is written and on disk; readable by its owner alone.

    Raises:
        ExportError: there is such a file, and it is not to be replaced.
    """
    if target.exists() and not force:
        raise ExportError(f"{target} is there already; --force replaces it")
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise
    _settle(target.parent)


def _settle(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class _Hashed(io.RawIOBase):
    """Passes bytes on and knows their SHA-256."""

    def __init__(self, target: IO[bytes]) -> None:
        super().__init__()
        self._target = target
        self._hash = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        given = bytes(data)  # type: ignore[call-overload]  # the base class takes any buffer
        self._hash.update(given)
        self._target.write(given)
        return len(given)

    @property
    def sha256(self) -> str:
        """Of all bytes so far, in hexadecimal."""
        return self._hash.hexdigest()


def write(kind: Format, target: IO[bytes], heads: Sequence[str], lines: Iterable[Line]) -> Written:
    """Write all lines.

    Args:
        kind: Of the file.
        target: Takes bytes; need not be a file.
        heads: Of the columns.
        lines: What to write.

    Raises:
        ExportError: a workbook cannot hold that many rows, or that long a text.
    """
    tally, counted = _Tally(lines), _Hashed(target)
    _WRITERS[kind](cast("IO[bytes]", counted), heads, tally)
    return Written(rows=tally.number, sha256=counted.sha256)


class _Tally:
    """Lines, counted as they pass."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = lines
        self.number = 0

    def __iter__(self) -> Iterator[Line]:
        for line in self._lines:
            self.number += 1
            yield line


def _write_jsonl(target: IO[bytes], _heads: Sequence[str], lines: _Tally) -> None:
    for line in lines:
        target.write(encoded(line.object) + b"\n")


def _write_csv(target: IO[bytes], heads: Sequence[str], lines: _Tally) -> None:
    # The mark at the beginning tells spreadsheets that the text is UTF-8.
    text = io.TextIOWrapper(target, encoding="utf-8-sig", newline="")
    try:
        table = csv.writer(text)
        table.writerow(heads)
        for line in lines:
            table.writerow([_csv_cell(value) for value in line.cells()])
    finally:
        text.detach()


def _csv_cell(value: Value) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    return neutral(value) if isinstance(value, str) else value


def _write_xlsx(target: IO[bytes], heads: Sequence[str], lines: _Tally) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Data")
    try:
        sheet.append(heads)
        for line in lines:
            if lines.number > _MOST_ROWS:
                raise ExportError(f"a workbook holds {_MOST_ROWS} rows at most; write CSV, or narrow the filters")
            sheet.append([_xlsx_cell(sheet, value, lines.number) for value in line.cells()])
    finally:
        sheet.close()  # it writes to a temporary file, which must not stay open
    book.save(target)


def _xlsx_cell(sheet: object, value: Value, row: int) -> object:
    if isinstance(value, date) and value >= _FIRST_SERIAL:
        cell = WriteOnlyCell(sheet, value)  # type: ignore[arg-type]  # the stubs do not know write-only sheets
        cell.number_format = "yyyy-mm-dd"
        return cell
    if isinstance(value, date):
        return value.isoformat()
    if not isinstance(value, str):
        return value
    text = xml_text(neutral(value))
    if len(text) > _LONGEST_CELL:
        raise ExportError(f"row {row + 1}: a text of {len(text)} characters does not fit in a workbook; write CSV")
    cell = WriteOnlyCell(sheet, text)  # type: ignore[arg-type]  # the stubs do not know write-only sheets
    cell.data_type = "s"  # nothing that looks like an error value or a formula is one
    return cell


_WRITERS: Final[Mapping[Format, Callable[[IO[bytes], Sequence[str], _Tally], None]]] = {
    Format.CSV: _write_csv,
    Format.XLSX: _write_xlsx,
    Format.JSONL: _write_jsonl,
}
