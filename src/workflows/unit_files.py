"""Units as the files of a directory of definitions give them, for proofs that look at one day.

What the database holds of them is `store.unit_rows`'.
"""

import csv
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from pathlib import Path

from workflows.core.documents import Level
from workflows.core.plan_units import UnitThen
from workflows.core.problems import Problem

COLUMNS = ("code", "level", "parent", "valid_from", "valid_to")
_OPEN_END = "9999-12-31"


class UnitFiles:
    """The CSV files of one directory, read when first asked for."""

    def __init__(self, directory: Path) -> None:
        self._files = sorted(directory.glob("*.csv"))

    def __bool__(self) -> bool:
        return bool(self._files)

    def problems(self) -> Iterator[Problem]:
        """One for each file without the columns that are needed; nothing of such a file is read."""
        for file, lines in self._tables.items():
            missing = [column for column in COLUMNS if column not in (lines[0] if lines else ())]
            if missing:
                message = f"no column {', '.join(missing)}; needed: {', '.join(COLUMNS)}"
                yield Problem(file=file.as_posix(), line=1, path="", message=message)

    def on(self, day: date) -> Mapping[str, UnitThen]:
        """Those in force on a civil date, by code."""
        text = day.isoformat()
        return {
            code: UnitThen(level=Level(level), parent=parent or None)
            for code, level, parent, valid_from, valid_to in self._rows
            if valid_from <= text < (valid_to or _OPEN_END)
        }

    @cached_property
    def _tables(self) -> Mapping[Path, list[list[str]]]:
        return {file: _lines(file) for file in self._files}

    @cached_property
    def _rows(self) -> list[tuple[str, ...]]:
        return [row for lines in self._tables.values() for row in _cells(lines)]


def _lines(file: Path) -> list[list[str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.reader(opened))


def _cells(lines: list[list[str]]) -> Iterator[tuple[str, ...]]:
    """The cells of the columns needed, of every line below the first."""
    if not lines or not set(COLUMNS) <= set(lines[0]):
        return
    places = [lines[0].index(column) for column in COLUMNS]
    for line in lines[1:]:
        yield tuple(line[place] for place in places)
