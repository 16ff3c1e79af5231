"""Rows of the table `unit` from the CSV files of administrative units.

Computes what the files leave to be derived: the searchable name and the path from the country down. Where the files
come from is told beside them; whether a line is one of a unit is `unit_files`'.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from workflows.core.folding import fold
from workflows.core.nearest import nearest
from workflows.core.problems import DefinitionError
from workflows.store.database import DatabaseError
from workflows.unit_files import Line, UnitFiles

_OPEN_END: Final = "9999-12-31"


class UnitsError(DatabaseError):
    """The files of units contradict themselves."""


def read_units(directory: Path) -> list[dict[str, object]]:
    """A row for each unit and period, by code and first day; none when the directory has no file.

    Raises:
        DefinitionError: with everything that is wrong with single lines.
        UnitsError: a parent is missing, two periods of a code overlap.
    """
    files = UnitFiles(directory)
    if files.problems:
        raise DefinitionError(files.problems)
    periods: dict[str, list[Line]] = defaultdict(list)
    for line in sorted(files.lines, key=lambda line: (line["code"], line["valid_from"])):
        periods[line["code"]].append(line)
    for found in periods.values():
        _refuse_overlap(found)
    return [_row(line, _path(line, periods)) for found in periods.values() for line in found]


def _refuse_overlap(periods: Sequence[Line]) -> None:
    for earlier, later in pairwise(periods):
        if (earlier["valid_to"] or _OPEN_END) > later["valid_from"]:
            message = (
                f"unit {later['code']}: the period from {later['valid_from']} begins before the one before it ends"
            )
            raise UnitsError(message)


def _path(line: Line, periods: Mapping[str, Sequence[Line]]) -> str:
    """Through the parents in force on the first day of the period."""
    if not line["parent"]:
        return line["code"]
    return f"{_path(_parent(line, periods), periods)}/{line['code']}"


def _parent(line: Line, periods: Mapping[str, Sequence[Line]]) -> Line:
    day = line["valid_from"]
    for candidate in periods.get(line["parent"], ()):
        if candidate["valid_from"] <= day < (candidate["valid_to"] or _OPEN_END):
            return candidate
    known = nearest(line["parent"], periods)
    message = (
        f"unit {line['code']} from {day}: no parent {line['parent']!r} in force on that day; nearest code: {known}"
    )
    raise UnitsError(message)


def _row(line: Line, path: str) -> dict[str, object]:
    return {
        "code": line["code"],
        "level": line["level"],
        "name": line["name"],
        "fold": fold(line["name"]),
        "parent": line["parent"] or None,
        "path": path,
        "valid_from": line["valid_from"],
        "valid_to": line["valid_to"] or None,
        "successors": line["successors"],
    }
