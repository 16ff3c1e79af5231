"""Units as tables name them: by official code, kept as text; what a code that lost its zeros was likely meant to be.

Holds every unit in all its periods, so that a table of any length asks the database once.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from workflows.core.documents import Level
from workflows.core.nearest import nearest
from workflows.services.cells import CellError, text
from workflows.services.tabular import Cell
from workflows.store.tables import unit
from workflows.unit_files import DIGITS

_HINTS: Final = 200
"""Nearest codes that are looked for: more problems are not shown, and each look takes a while."""
_NAMED: Final = 3

_PERIODS: Final = select(unit.c.code, unit.c.name, unit.c.path, unit.c.valid_from, unit.c.valid_to).order_by(
    unit.c.code, unit.c.valid_from
)


class Period(NamedTuple):
    """A unit while it was one and the same; there are thousands of them."""

    name: str
    path: str
    valid_from: str
    valid_to: str | None
    """Exclusive."""

    def covers(self, day: date) -> bool:
        """Whether it was there on a civil date."""
        return self.valid_from <= day.isoformat() and (self.valid_to is None or day.isoformat() < self.valid_to)


class UnitCodes:
    """All codes, and reading them from cells."""

    def __init__(self, connection: Connection, levels: Sequence[Level] = tuple(DIGITS)) -> None:
        """Codes of the levels are what is likely meant."""
        self._periods: dict[str, list[Period]] = {}
        self._widths = sorted(DIGITS[level] for level in levels if level in DIGITS)
        self._hints = _HINTS
        for code, *period in connection.execute(_PERIODS):
            self._periods.setdefault(code, []).append(Period._make(period))

    def on(self, code: str, day: date) -> Period | None:
        """The unit of a code on a civil date; None when there was none."""
        return next((period for period in self._periods[code] if period.covers(day)), None)

    def periods(self, code: str) -> str:
        """When there was a unit of that code."""
        return ", ".join(f"[{each.valid_from}, {each.valid_to or '…'})" for each in self._periods[code])

    def read(self, cell: Cell) -> str:
        """The code in a cell; raises CellError."""
        given = text(cell).strip()
        likely = [code for code in self._padded(given) if code in self._periods]
        if given not in self._periods:
            raise CellError(f"{given!r} is no unit{self._hint(given, likely)}")
        # As a number it may have lost zeros although it is a code, too.
        if likely and not isinstance(cell, str):
            raise CellError(f"{given} is a number: {self._told([given, *likely])}? Write the code as text")
        return given

    def _padded(self, given: str) -> list[str]:
        if not (given.isascii() and given.isdigit()):
            return []
        return [given.zfill(width) for width in self._widths if width > len(given)]

    def _hint(self, given: str, likely: list[str]) -> str:
        if likely:
            return f"; codes are text: was {self._told(likely)} meant, without its leading zeros?"
        if self._hints <= 0:
            return ""
        self._hints -= 1
        named = [code for code, found in self._periods.items() if any(each.name == given for each in found)]
        if named:
            more = f" and {len(named) - _NAMED} more" if len(named) > _NAMED else ""
            return f"; give its code; of that name: {', '.join(named[:_NAMED])}{more}"
        near = nearest(given, self._periods)
        return f" (nearest {self._told([near])})" if near else ""

    def _told(self, codes: list[str]) -> str:
        return " or ".join(f"{code!r} ({self._periods[code][-1].name})" for code in codes)
