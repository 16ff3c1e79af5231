"""What cells of a table mean: text, numbers, days, instants, truths, choices and lists, read strictly.

Whether a value may stand in its field is the core's affair; here it is only told apart from what cannot be one. A
cell is never guessed: what could be two things is refused with both of them named.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Final, TypeAlias

from workflows.core.canonical import Json
from workflows.core.civil import INDOCHINA, format_instant, parse_instant
from workflows.core.documents import Words
from workflows.core.folding import fold
from workflows.core.ids import is_id
from workflows.core.nearest import nearest
from workflows.services.tabular import Cell, Unusable

_DAY: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})/(\d{1,2})/(\d{4})", re.ASCII)
_INTEGER: Final = re.compile(r"[+-]?\d{1,18}", re.ASCII)
_TRUTHS: Final = {"true": True, "false": False, "co": True, "khong": False}
_LIST: Final = ";"


class CellError(ValueError):
    """A cell that cannot be read as what its column holds."""


Read: TypeAlias = Callable[[Cell], Json]
"""Of a cell that is not empty; raises CellError."""


def text(cell: Cell) -> str:
    """Text as it stands, blanks at its ends included; a number as it is written without a fraction."""
    if isinstance(cell, str):
        return cell
    if isinstance(cell, Unusable):
        raise CellError(cell.why)
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, int):
        return str(cell)
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() else str(cell)
    if isinstance(cell, datetime | date):
        raise CellError(f"{_shown(cell)} is a date of the spreadsheet where text is asked for; format the cell as text")
    raise CellError("is empty")


def integer(cell: Cell) -> int:
    if isinstance(cell, int) and not isinstance(cell, bool):
        return cell
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, str) and _INTEGER.fullmatch(cell.strip()):
        return int(cell)
    raise CellError(f"{_shown(cell)} is not a whole number; write digits only")


def truth(cell: Cell) -> bool:
    if isinstance(cell, bool):
        return cell
    found = _TRUTHS.get(fold(cell)) if isinstance(cell, str) else None
    if found is None:
        raise CellError(f"{_shown(cell)} is neither true (có) nor false (không)")
    return found


def day(cell: Cell) -> date:
    """A civil date."""
    if isinstance(cell, datetime):
        raise CellError(f"{_shown(cell)} has a time of day; give the date alone")
    if isinstance(cell, date):
        return cell
    found = _DAY.fullmatch(cell.strip()) if isinstance(cell, str) else None
    if found is None:
        raise CellError(f"{_shown(cell)} is not a date; write yyyy-mm-dd or dd/mm/yyyy")
    parts = found.groups()
    year, month, of_month = parts[:3] if parts[0] else parts[:2:-1]
    try:
        return date(int(year), int(month), int(of_month))
    except ValueError as error:
        raise CellError(f"{_shown(cell)} is not a day of the calendar") from error


def iso_day(cell: Cell) -> str:
    """A civil date as data holds it."""
    return day(cell).isoformat()


def instant(cell: Cell) -> str:
    """An instant in UTC; a mere date is its first moment in Việt Nam, a time of the spreadsheet is read there too."""
    try:
        if isinstance(cell, datetime):
            return format_instant(parse_instant(cell.replace(tzinfo=INDOCHINA).isoformat()))
        if isinstance(cell, str) and "T" in cell:
            return format_instant(parse_instant(cell.strip()))
        return format_instant(parse_instant(f"{iso_day(cell)}T00:00:00+07:00"))
    except OverflowError as error:
        raise CellError(f"{_shown(cell)} is outside the years 1900 to 9998") from error
    except CellError:
        raise
    except ValueError as error:
        raise CellError(str(error)) from error


def case_id(cell: Cell) -> str:
    found = text(cell).strip()
    if not is_id(found):
        raise CellError(f"{found!r} is not a case id (lower-case UUID)")
    return found


def listed(read: Read) -> Read:
    """A list in one cell, its members separated by semicolons."""

    def members(cell: Cell) -> Json:
        parts = [part.strip() for part in text(cell).split(_LIST)]
        return [read(part) for part in parts if part]

    return members


def lines(cell: Cell) -> Json:
    """Texts, one on each line, or a JSON list of them."""
    given = text(cell)
    if given.startswith("["):
        return structure(given)
    return [line for line in given.splitlines() if line.strip()]


def structure(cell: Cell) -> Json:
    """A value written as JSON."""
    try:
        found: Json = json.loads(text(cell))
    except (ValueError, RecursionError) as error:
        raise CellError(f"is not JSON: {error}") from error
    return found


def choice(options: Mapping[str, Words], what: str) -> Read:
    """One of some keys, given as the key or as its title in either language."""
    keys: dict[str, set[str]] = {}
    for key, words in options.items():
        for name in (key, words.vi, words.en):
            keys.setdefault(fold(name), set()).add(key)

    def chosen(cell: Cell) -> Json:
        given = text(cell).strip()
        found = {given} if given in options else keys.get(fold(given), set())
        if len(found) == 1:
            return next(iter(found))
        if found:
            raise CellError(f"{given!r} could be {' or '.join(sorted(found))}; give the key")
        raise CellError(f"{given!r} is no {what}{_hint(given, keys, options)}")

    return chosen


def _hint(given: str, keys: Mapping[str, set[str]], options: Iterable[str]) -> str:
    near = nearest(fold(given), keys)
    meant = f" (nearest {min(keys[near])})" if near else ""
    return f"; allowed: {', '.join(options)}{meant}"


def joined(values: Iterable[str]) -> str:
    """A list as `listed` reads it."""
    return _LIST.join(values)


def _shown(cell: Cell) -> str:
    if isinstance(cell, Unusable):
        raise CellError(cell.why)
    return f"{str(cell)[:80]!r}"
