"""Units as the files of a directory of definitions give them: what is wrong with them, and who was in force on a day.

What the database holds of them is `store.unit_rows`'.
"""

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Final, TypeAlias
from unicodedata import normalize

from workflows.core.civil import YEARS
from workflows.core.documents import Level
from workflows.core.folding import fold
from workflows.core.nearest import nearest
from workflows.core.plan_units import UnitsThen, UnitThen
from workflows.core.problems import Finding, Problem, sorted_problems
from workflows.yaml_tree import UnreadableError, decoded

COLUMNS: Final = ("code", "level", "name", "parent", "valid_from", "valid_to", "successors")
OPEN_END: Final = "9999-12-31"
"""The day after the last of what is still in force; later than any."""
DIGITS: Final[Mapping[Level, int]] = {Level.PROVINCE: 2, Level.DISTRICT: 3, Level.COMMUNE: 5}
"""Of a code, by the level of its unit; that of the country has none."""
_COUNTRY: Final = "VN"
_LEVELS: Final = tuple(Level)
"""From the top."""
_LONGEST_NAME: Final = 120
"""Characters."""

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
        self._like: dict[str, str | None] = {}

    def __bool__(self) -> bool:
        """Whether anything can be proved by them: a file is there, and nothing is wrong."""
        return bool(self._files) and not self.problems

    @cached_property
    def problems(self) -> Sequence[Problem]:
        """All that is wrong with single lines; where there is nothing, all that is wrong with them together."""
        return sorted_problems(self._read[1] or self._problems_together())

    @property
    def lines(self) -> Sequence[UnitLine]:
        """Those with nothing wrong in themselves, by code and first day."""
        return self._read[0]

    def above(self, line: UnitLine) -> UnitLine | None:
        """The parent, as it was on the first day of the period."""
        return self._in_force(line.parent, line.first)

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
            yield from (_placed(line, finding) for line, finding in _overlapping(periods))
        for line in self.lines:
            for finding in (*self._misplaced(line), *self._ill_succeeded(line)):
                yield _placed(line, finding)

    def _misplaced(self, line: UnitLine) -> Iterator[Finding]:
        """A unit stands below one of a higher level, which also means that none is above itself."""
        if line.parent is None:
            if line.level is not _LEVELS[0]:
                yield Finding(path=("parent",), message=f"is missing; only a {_LEVELS[0]} has none")
            return
        above = self.above(line)
        if above is None:
            message = f'"{line.parent}" is no unit in force on {line.first}'
            yield Finding(path=("parent",), message=message, given=line.parent, nearest=self._nearest(line.parent))
        elif _LEVELS.index(above.level) >= _LEVELS.index(line.level):
            message = f'"{line.parent}" is a {above.level}, which is not above a {line.level}'
            yield Finding(path=("parent",), message=message, given=line.parent)
        elif (moved := self._moves(above)) < line.end:
            message = f'"{line.parent}" ends or comes below another on {moved}; the period must end there, too'
            yield Finding(path=("parent",), message=message, given=line.parent)

    def _moves(self, line: UnitLine) -> str:
        """The first day on which the unit is below another, or no more."""
        end = line.end
        while (after := self._in_force(line.code, end)) and (after.level, after.parent) == (line.level, line.parent):
            end = after.end
        return end

    def _nearest(self, parent: str) -> str | None:
        """What was likely meant; none where the code is right and the day is wrong."""
        if parent in self._by_code:
            return None
        if parent not in self._like:
            self._like[parent] = nearest(parent, self._parents)
        return self._like[parent]

    def _ill_succeeded(self, line: UnitLine) -> Iterator[Finding]:
        """Who takes a unit over is there when it ends, is named once, and is not above it."""
        codes = line.successors.split()
        if codes and line.end == OPEN_END:
            message = "valid_to is missing; only a unit that ends has successors"
            yield Finding(path=("successors",), message=message, given=line.successors)
            return
        for code, times in Counter(codes).items():
            after = self._in_force(code, line.end)
            if times > 1:
                yield Finding(path=("successors",), message=f'"{code}" is given {times} times', given=code)
            elif after is None:
                message = f'"{code}" is no unit in force on {line.end}'
                yield Finding(path=("successors",), message=message, given=code)
            elif _LEVELS.index(after.level) < _LEVELS.index(line.level):
                message = f'"{code}" is a {after.level}, which is above a {line.level}'
                yield Finding(path=("successors",), message=message, given=code)

    def _in_force(self, code: str | None, day: str) -> UnitLine | None:
        periods = self._by_code.get(code or "", ())
        return next((each for each in periods if each.first <= day < each.end), None)


def _overlapping(periods: Sequence[UnitLine]) -> Iterator[tuple[UnitLine, Finding]]:
    """Of one code, by first day."""
    last = periods[0]
    for line in periods[1:]:
        if line.first < last.end:
            message = f"unit {line.code}: begins before its period from {last.first} ends"
            yield line, Finding(path=("valid_from",), message=message)
        last = max(last, line, key=lambda each: each.end)


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
        number = 0
        for number, record in records:
            cells = dict(zip(header, record, strict=False))
            yield number, cells, list(_findings(cells) if len(record) == len(header) else _torn(header, record))
        if not number:
            yield 1, {}, [Finding(path=(), message="holds no unit")]
    except UnreadableError as error:
        yield error.line, {}, [Finding(path=(), message=str(error))]
    except OSError as error:
        yield 1, {}, [Finding(path=(), message=f"cannot be read: {error.strerror}")]


def _header(records: Iterator[tuple[int, list[str]]]) -> list[str]:
    """The columns; raises UnreadableError where one is missing or there twice."""
    number, header = next(records, (1, []))
    missing = [column for column in COLUMNS if column not in header]
    if missing:
        raise UnreadableError(number, f"no column {', '.join(missing)}; needed: {', '.join(COLUMNS)}")
    twice = [column for column, times in Counter(header).items() if times > 1]
    if twice:
        raise UnreadableError(number, f"column {', '.join(twice)} is there twice")
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
    elif cells["code"]:
        yield from _miscoded(cells["code"], Level(cells["level"]))
    yield from _misnamed(cells["name"])
    days = [column for column in ("valid_from", "valid_to") if cells[column] or column == "valid_from"]
    wrong = [column for column in days if not _is_date(cells[column])]
    for column in wrong:
        message = f'"{cells[column]}" is not a date of the years {YEARS[0]} to {YEARS[-1]}; write yyyy-mm-dd'
        yield Finding(path=(column,), message=message, given=cells[column])
    if not wrong and cells["valid_to"] and cells["valid_from"] >= cells["valid_to"]:
        message = f'"{cells["valid_to"]}" must be after the first day, {cells["valid_from"]}'
        yield Finding(path=("valid_to",), message=message)


def _miscoded(code: str, level: Level) -> Iterator[Finding]:
    digits = DIGITS.get(level)
    if digits is None and code != _COUNTRY:
        yield Finding(path=("code",), message=f'"{code}" is not that of the {level}, {_COUNTRY}', given=code)
    elif digits is not None and not re.fullmatch(rf"[0-9]{{{digits}}}", code):
        message = f'"{code}" is not the code of a {level}, which has {digits} digits'
        yield Finding(path=("code",), message=message, given=code)


def _misnamed(name: str) -> Iterator[Finding]:
    if not name.strip():
        yield Finding(path=("name",), message="is missing")
    elif (length := max(len(name), len(fold(name)))) > _LONGEST_NAME:
        yield Finding(path=("name",), message=f"has {length} characters; allowed: {_LONGEST_NAME}")
    elif not name.isprintable():
        yield Finding(path=("name",), message=f"{name!r} holds a character that cannot be shown", given=name)
    elif name != normalize("NFC", name.strip()):
        message = f"{name!a} must be in composed form (NFC), without blanks around it"
        yield Finding(path=("name",), message=message, given=name)


def _is_date(text: str) -> bool:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return False
    return day.isoformat() == text and day.year in YEARS
