"""Rows of one import between reading, checking and writing: kept in a private temporary file, however many they are.

The file is SQLite's own and vanishes with the process. Equal rows are told apart by counting them, so that a row is
the same row in every run of the import.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

_BUFFER: Final = 1_000
_COLUMNS: Final = "number, unit, digest, content, occurrence, tries"
_SEAL: Final = """
CREATE TABLE kept AS SELECT number, unit, digest, content,
  row_number() OVER (PARTITION BY digest ORDER BY number) AS occurrence,
  row_number() OVER (PARTITION BY unit ORDER BY number) AS turn,
  0 AS tries, 0 AS done
FROM given;
DROP TABLE given;
CREATE UNIQUE INDEX by_number ON kept (number);
CREATE UNIQUE INDEX by_unit ON kept (unit, number);
CREATE INDEX by_turn ON kept (turn, unit);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the table, read."""

    number: int
    """As the spreadsheet shows it."""
    unit: str
    content: bytes
    """JSON."""
    digest: str
    """Of the content."""
    occurrence: int
    """Among equal rows of the table, from 1."""
    tries: int = 0
    """How often it was refused by earlier runs."""


class Spool:
    """Filled row by row, then sealed, then read in any order."""

    def __init__(self) -> None:
        self._file = sqlite3.connect("", isolation_level=None)
        for statement in ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF"):
            self._file.execute(statement)
        self._file.execute("CREATE TABLE given (number INTEGER, unit TEXT, digest TEXT, content BLOB)")
        self._buffer: list[tuple[int, str, str, bytes]] = []
        self.length = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, number: int, unit: str, digest: str, content: bytes) -> None:
        """Keep a row."""
        self._buffer.append((number, unit, digest, content))
        self.length += 1
        if len(self._buffer) >= _BUFFER:
            self._flush()

    def seal(self) -> None:
        """No row comes after this."""
        self._flush()
        self._file.executescript(_SEAL)

    def _flush(self) -> None:
        self._file.execute("BEGIN")
        self._file.executemany("INSERT INTO given VALUES (?, ?, ?, ?)", self._buffer)
        self._file.execute("COMMIT")
        self._buffer.clear()

    def by_unit(self, size: int) -> Iterator[list[Row]]:
        """All rows, those of one unit together and in their order; between two parts marks may be set."""
        unit, number = "", 0
        statement = f"SELECT {_COLUMNS} FROM kept WHERE (unit, number) > (?, ?) ORDER BY unit, number LIMIT ?"  # noqa: S608 - a constant
        while rows := self._rows(statement, (unit, number, size)):
            yield rows
            unit, number = rows[-1].unit, rows[-1].number

    def by_number(self, size: int) -> Iterator[list[Row]]:
        """All rows that are not done, in the table's order; between two parts marks may be set."""
        number = 0
        statement = f"SELECT {_COLUMNS} FROM kept WHERE number > ? AND NOT done ORDER BY number LIMIT ?"  # noqa: S608 - a constant
        while rows := self._rows(statement, (number, size)):
            yield rows
            number = rows[-1].number

    def by_turn(self) -> Iterator[Row]:
        """All rows that are not done, each unit's in their order but as far apart as can be; no marks meanwhile.

        Rows of different units can be written together, those of one unit only one after the other.
        """
        cursor = self._file.execute(f"SELECT {_COLUMNS} FROM kept WHERE NOT done ORDER BY turn, unit")  # noqa: S608 - a constant
        for values in cursor:
            yield _row(values)

    def mark_done(self, numbers: Sequence[int]) -> None:
        """Rows that earlier runs have written."""
        self._file.executemany("UPDATE kept SET done = 1 WHERE number = ?", [(number,) for number in numbers])

    def mark_tries(self, tries: Sequence[tuple[int, int]]) -> None:
        """Pairs of row number and how often the row was refused."""
        self._file.executemany("UPDATE kept SET tries = ?2 WHERE number = ?1", tries)

    def _rows(self, statement: str, values: tuple[object, ...]) -> list[Row]:
        return [_row(found) for found in self._file.execute(statement, values)]


def _row(values: tuple[int, str, str, bytes, int, int]) -> Row:
    number, unit, digest, content, occurrence, tries = values
    return Row(number=number, unit=unit, digest=digest, content=content, occurrence=occurrence, tries=tries)
