"""Units as the files of a directory of definitions give them: what is wrong with a row, and who was in force on a day.

What the database holds of them is `store.unit_rows`'.
"""

import csv
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Final, TypeAlias

from workflows.core.documents import Level
from workflows.core.plan_units import UnitsThen, UnitThen
from workflows.core.problems import Finding, Problem

COLUMNS: Final = ("code", "level", "name", "parent", "valid_from", "valid_to", "successors")
_LEVELS: Final = tuple(Level)
_OPEN_END: Final = "9999-12-31"

Line: TypeAlias = Mapping[str, str]
"""Cells by column."""


class UnitFiles:
    """The CSV files of one directory, read when first asked for."""

    def __init__(self, directory: Path) -> None:
        self._files = sorted(directory.glob("*.csv"))
        self._days: dict[date, UnitsThen] = {}

    def __bool__(self) -> bool:
        return bool(self._files)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Of each file without the columns that are needed, of which nothing is read, and of each line that is none."""
        return self._read[1]

    @property
    def lines(self) -> tuple[Line, ...]:
        """Those with nothing wrong in them, as they stand."""
        return self._read[0]

    def on(self, day: date) -> UnitsThen:
        """Those in force on a civil date, by code; many a proof asks for the same few days."""
        if day not in self._days:
            text = day.isoformat()
            self._days[day] = {code: unit for code, unit, first, end in self._periods if first <= text < end}
        return self._days[day]

    @cached_property
    def _periods(self) -> list[tuple[str, UnitThen, str, str]]:
        """Each with its code, its first day and the day after its last."""
        return [
            (
                line["code"],
                UnitThen(level=Level(line["level"]), parent=line["parent"] or None),
                line["valid_from"],
                line["valid_to"] or _OPEN_END,
            )
            for line in self.lines
        ]

    @cached_property
    def _read(self) -> tuple[tuple[Line, ...], tuple[Problem, ...]]:
        lines: list[Line] = []
        problems: list[Problem] = []
        for file in self._files:
            for number, line, findings in _lines(file):
                if findings:
                    problems += (Problem.at(file.as_posix(), number, finding) for finding in findings)
                else:
                    lines.append(line)
        return tuple(lines), tuple(problems)


def _lines(file: Path) -> Iterator[tuple[int, Line, list[Finding]]]:
    """Each line that is not blank, with its number and what is wrong with it."""
    with file.open(encoding="utf-8", newline="") as opened:
        reader = csv.reader(opened)
        try:
            header = next(reader, [])
            missing = [column for column in COLUMNS if column not in header]
            if missing:
                message = f"no column {', '.join(missing)}; needed: {', '.join(COLUMNS)}"
                yield 1, {}, [Finding(path=(), message=message)]
                return
            for cells in filter(None, reader):
                line = dict(zip(header, cells, strict=False))
                yield (
                    reader.line_num,
                    line,
                    list(_findings(line) if len(cells) == len(header) else _torn(header, cells)),
                )
        except (UnicodeDecodeError, csv.Error) as error:
            yield reader.line_num + 1, {}, [Finding(path=(), message=f"cannot be read as CSV in UTF-8: {error}")]


def _torn(header: list[str], cells: list[str]) -> Iterator[Finding]:
    yield Finding(path=(), message=f"{len(cells)} cells, where there are {len(header)} columns")


def _findings(line: Line) -> Iterator[Finding]:
    if not line["code"]:
        yield Finding(path=("code",), message="is missing")
    if line["level"] not in _LEVELS:
        yield Finding.unknown(("level",), line["level"], "a level", _LEVELS)
    days = [column for column in ("valid_from", "valid_to") if line[column] or column == "valid_from"]
    wrong = [column for column in days if not _is_date(line[column])]
    for column in wrong:
        yield Finding(path=(column,), message=f'"{line[column]}" is not a date; write yyyy-mm-dd')
    if not wrong and line["valid_from"] >= (line["valid_to"] or _OPEN_END):
        message = f'"{line["valid_to"]}" must be after the first day, {line["valid_from"]}'
        yield Finding(path=("valid_to",), message=message)


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
