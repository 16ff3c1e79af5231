"""Units as the files of a directory of definitions give them: what is wrong with them, and who was in force on a day.

What the database holds of them is `store.unit_rows`'.
"""

import csv
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from io import StringIO
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

from workflows.core.documents import Level
from workflows.core.nearest import nearest
from workflows.core.plan_units import UnitsThen, UnitThen
from workflows.core.problems import Finding, Problem
from workflows.yaml_tree import UnreadableError, decoded

COLUMNS: Final = ("code", "level", "name", "parent", "valid_from", "valid_to", "successors")
OPEN_END: Final = "9999-12-31"
"""The day after the last of what is still in force; later than any."""
_LEVELS: Final = tuple(Level)
"""From the top."""

_Cells: TypeAlias = Mapping[str, str]
"""Of one line, by column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitLine:
    """One unit, unchanged over one period."""

    file: Path
    number: int
    """Of the line in the file, from 1."""
    code: str
    level: Level
    name: str
    parent: str | None
    first: str
    """Day, inclusive."""
    end: str
    """Day, exclusive; `OPEN_END` where it is still in force."""
    successors: str


class UnitFiles:
    """The CSV files of one directory, read when first asked for."""

    def __init__(self, directory: Path) -> None:
        self._files = sorted(directory.glob("*.csv"))
        self._days: dict[date, UnitsThen] = {}

    def __bool__(self) -> bool:
        """Whether anything can be proved by them: a file is there, and nothing is wrong."""
        return bool(self._files) and not self.problems

    @cached_property
    def problems(self) -> tuple[Problem, ...]:
        """All that is wrong with single lines; where there is nothing, all that is wrong with them together."""
        return self._read[1] or tuple(self._problems_together())

    @property
    def lines(self) -> Sequence[UnitLine]:
        """Those with nothing wrong in them, by code and first day."""
        return self._read[0]

    def above(self, line: UnitLine) -> UnitLine | None:
        """The parent, as it was on the first day of the period."""
        periods = self._by_code.get(line.parent or "", ())
        return next((each for each in periods if each.first <= line.first < each.end), None)

    def on(self, day: date) -> UnitsThen:
        """Those in force on a civil date, by code; many a proof asks for the same few days."""
        if day not in self._days:
            text = day.isoformat()
            self._days[day] = {code: unit for code, unit, first, end in self._periods if first <= text < end}
        return self._days[day]

    @cached_property
    def _periods(self) -> list[tuple[str, UnitThen, str, str]]:
        return [
            (each.code, UnitThen(level=each.level, parent=each.parent), each.first, each.end) for each in self.lines
        ]

    @cached_property
    def _by_code(self) -> Mapping[str, Sequence[UnitLine]]:
        found: dict[str, list[UnitLine]] = defaultdict(list)
        for line in self.lines:
            found[line.code].append(line)
        return found

    @cached_property
    def _parents(self) -> set[str]:
        """Codes of units above others."""
        return {each.parent for each in self.lines if each.parent and each.parent in self._by_code}

    @cached_property
    def _read(self) -> tuple[Sequence[UnitLine], tuple[Problem, ...]]:
        lines: list[UnitLine] = []
        problems: list[Problem] = []
        for file in self._files:
            for number, cells, findings in _lines(file):
                if findings:
                    problems += (Problem.at(file.as_posix(), number, finding) for finding in findings)
                else:
                    lines.append(_line(file, number, cells))
        return sorted(lines, key=lambda line: (line.code, line.first)), tuple(problems)

    def _problems_together(self) -> Iterator[Problem]:
        for periods in self._by_code.values():
            for earlier, later in pairwise(periods):
                if earlier.end > later.first:
                    message = f"unit {later.code}: begins before its period from {earlier.first} ends"
                    yield _placed(later, Finding(path=("valid_from",), message=message))
        for line in self.lines:
            yield from (_placed(line, finding) for finding in self._misplaced(line))

    def _misplaced(self, line: UnitLine) -> Iterator[Finding]:
        """A unit stands below one of a higher level, which also means that none is above itself."""
        if line.parent is None:
            if line.level is not _LEVELS[0]:
                yield Finding(path=("parent",), message=f"is missing; only a {_LEVELS[0]} has none")
            return
        above = self.above(line)
        if above is None:
            message = f'"{line.parent}" is no unit in force on {line.first}'
            near = nearest(line.parent, self._parents)
            yield Finding(path=("parent",), message=message, given=line.parent, nearest=near)
        elif _LEVELS.index(above.level) >= _LEVELS.index(line.level):
            message = f'"{line.parent}" is a {above.level}, which is not above a {line.level}'
            yield Finding(path=("parent",), message=message, given=line.parent)


def _placed(line: UnitLine, finding: Finding) -> Problem:
    return Problem.at(line.file.as_posix(), line.number, finding)


def _line(file: Path, number: int, cells: _Cells) -> UnitLine:
    return UnitLine(
        file=file,
        number=number,
        code=cells["code"],
        level=Level(cells["level"]),
        name=cells["name"],
        parent=cells["parent"] or None,
        first=cells["valid_from"],
        end=cells["valid_to"] or OPEN_END,
        successors=cells["successors"],
    )


def _lines(file: Path) -> Iterator[tuple[int, _Cells, list[Finding]]]:
    """Each line that is not blank, with its number and what is wrong with it."""
    try:
        records = _records(decoded(file.read_bytes()))
        header = _header(records)
        for number, record in records:
            cells = dict(zip(header, record, strict=False))
            yield number, cells, list(_findings(cells) if len(record) == len(header) else _torn(header, record))
    except UnreadableError as error:
        yield error.line, {}, [Finding(path=(), message=str(error))]


def _header(records: Iterator[tuple[int, list[str]]]) -> list[str]:
    """The columns; raises UnreadableError where one is missing."""
    number, header = next(records, (1, []))
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise UnreadableError(number, f"no column {', '.join(missing)}; needed: {', '.join(COLUMNS)}")
    return header


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each with the number of its first line; raises UnreadableError."""
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UnreadableError(number, f"is not CSV: {error}") from None
        if record:
            yield number, record


def _torn(header: Sequence[str], record: Sequence[str]) -> Iterator[Finding]:
    yield Finding(path=(), message=f"{len(record)} cells, where there are {len(header)} columns")


def _findings(cells: _Cells) -> Iterator[Finding]:
    if not cells["code"]:
        yield Finding(path=("code",), message="is missing")
    if cells["level"] not in _LEVELS:
        yield Finding.unknown(("level",), cells["level"], "a level", _LEVELS)
    days = [column for column in ("valid_from", "valid_to") if cells[column] or column == "valid_from"]
    wrong = [column for column in days if not _is_date(cells[column])]
    for column in wrong:
        yield Finding(path=(column,), message=f'"{cells[column]}" is not a date; write yyyy-mm-dd')
    if not wrong and cells["valid_to"] and cells["valid_from"] >= cells["valid_to"]:
        message = f'"{cells["valid_to"]}" must be after the first day, {cells["valid_from"]}'
        yield Finding(path=("valid_to",), message=message)


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
