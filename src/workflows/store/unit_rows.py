"""Rows of the table `unit` from the CSV files of administrative units.

Computes what the files leave to be derived: the searchable name and the path from the country down. Where the files
come from is told beside them; what is wrong with them is `unit_files`'.
"""

from pathlib import Path

from workflows.core.folding import fold
from workflows.core.problems import DefinitionError
from workflows.unit_files import OPEN_END, UnitFiles, UnitLine


def read_units(directory: Path) -> list[dict[str, object]]:
    """A row for each unit and period, by code and first day; none when the directory has no file.

    Raises:
        DefinitionError: with everything that is wrong with the files.
    """
    files = UnitFiles(directory)
    if files.problems:
        raise DefinitionError(files.problems)
    return [_row(line, _path(files, line)) for line in files.lines]


def _path(files: UnitFiles, line: UnitLine) -> str:
    """Through the parents in force on the first day of the period."""
    above = files.above(line)
    return f"{_path(files, above)}/{line.code}" if above else line.code


def _row(line: UnitLine, path: str) -> dict[str, object]:
    return {
        "code": line.code,
        "level": line.level.value,
        "name": line.name,
        "fold": fold(line.name),
        "parent": line.parent,
        "path": path,
        "valid_from": line.first,
        "valid_to": None if line.end == OPEN_END else line.end,
        "successors": line.successors,
    }
