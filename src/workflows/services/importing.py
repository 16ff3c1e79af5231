"""Importing a table: what both kinds of import share, and how what is wrong with a table is told.

Problems are collected without end but kept only as far as they are shown; a row is read by its columns into values,
or into what is wrong with its cells.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from workflows.core.canonical import Json, violations
from workflows.core.case import Blocker, InputError
from workflows.services.cells import CellError
from workflows.services.columns import Column, Found, find
from workflows.services.tabular import Record, TableError

SHOWN: Final = 200
"""Problems that are told; of more, their number."""
Advance: TypeAlias = Callable[[int], object]
"""Told how many more rows are through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with one row."""

    row: int
    """As the spreadsheet shows it."""
    column: str | None
    """Its head; None: the row as a whole."""
    message: str

    def __str__(self) -> str:
        place = f'row {self.row}, column "{self.column}"' if self.column else f"row {self.row}"
        return f"{place}: {self.message}"


@dataclass(slots=True)
class Problems:
    """All problems of a table, counted; the first rows' kept."""

    total: int = 0
    _kept: list[Problem] = field(default_factory=list)

    def add(self, row: int, column: str | None, message: str) -> None:
        """One more."""
        self.total += 1
        self._kept.append(Problem(row=row, column=column, message=message))
        if len(self._kept) >= 2 * SHOWN:
            self._kept = self.shown

    @property
    def shown(self) -> list[Problem]:
        """The first in the table's order."""
        return sorted(self._kept, key=lambda problem: problem.row)[:SHOWN]


@dataclass(slots=True, kw_only=True)
class Written:
    """What an import did."""

    new: int = 0
    done: int = 0
    """Rows that earlier runs had written."""
    problems: Problems = field(default_factory=Problems)
    """Rows that could not be written although the check had found nothing."""
    notes: Problems = field(default_factory=Problems)
    """What deserves a look although nothing is wrong with it."""
    interrupted: bool = False
    """Stopped before the end; what was written is complete."""


class Reader:
    """Reads the rows of one table by its heads."""

    def __init__(
        self,
        records: Iterator[Record],
        columns: Sequence[Column],
        unused: Mapping[str, Sequence[str]],
        problems: Problems,
    ) -> None:
        """`unused` are names that may be there without being used, by a name that must be there with them."""
        head = next(records, None)
        if head is None:
            raise TableError("the table is empty; `workflows import template` makes one with its columns")
        self._records = records
        self._problems = problems
        self.found = self._find(head, columns, unused)
        self._required = [column.name for column in columns if column.required and column.name in self.found.heads]
        for message in self.found.problems:
            problems.add(head.row, None, message)

    @staticmethod
    def _find(head: Record, columns: Sequence[Column], unused: Mapping[str, Sequence[str]]) -> Found:
        there = {str(cell).strip().lower() for cell in head.cells}
        return find(head.cells, columns, [name for sign, names in unused.items() if sign in there for name in names])

    def rows(self) -> Iterator[tuple[int, dict[str, Json] | None]]:
        """Row number and values by column name; None where something is wrong with it."""
        for record in self._records:
            before = self._problems.total
            values = self._values(record)
            yield record.row, values if self._problems.total == before else None

    def _values(self, record: Record) -> dict[str, Json]:
        values: dict[str, Json] = {}
        bad = set()
        for place, cell in enumerate(record.cells):
            column = self.found.columns[place] if place < len(self.found.columns) else None
            if cell is None or column is None:
                self._require_head(record, place)
                continue
            try:
                values[column.name] = column.read(cell)
            except CellError as error:
                bad.add(column.name)
                self._problems.add(record.row, self.found.heads[column.name], str(error))
        for name in self._required:
            if values.get(name) is None and name not in bad:
                self._problems.add(record.row, self.found.heads[name], "is required")
        for path, message in violations(values):
            head = self.head_of(InputError(path=path, message=message))
            self._problems.add(record.row, head, message)
        return values

    def _require_head(self, record: Record, place: int) -> None:
        if place >= len(self.found.columns) and record.cells[place] is not None:
            self._problems.add(record.row, None, f"there is a value in column {place + 1}, which has no head")

    def head_of(self, error: InputError) -> str | None:
        """The head of the column that an error of the engine is about; None: the row as a whole."""
        name = _column_name(error.path)
        return self.found.heads.get(name, name) or None


def _column_name(path: str) -> str:
    """The column of a JSON Pointer: `/data/decision/number` is `decision.number`, `/data/members/3` is `members`."""
    parts = [part for part in path.split("/") if part and part != "data"]
    return ".".join(part for part in parts[:2] if not part.isdigit())


def blocked(blocker: Blocker) -> str:
    """A blocker in one line, in both languages."""
    return f"{blocker.code}: {blocker.message.en} / {blocker.message.vi}"
