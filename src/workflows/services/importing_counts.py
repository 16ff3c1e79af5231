"""Importing figures of units: every row is checked before any is written, then they are entered in large parts.

A figure that the same person entered before, with the same source, is not entered again, so that an import may be
repeated. Knows neither files nor terminals.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from workflows.core.authority import covers, has_role, in_force
from workflows.core.canonical import Json, canonical_bytes, digest
from workflows.core.case import Actor
from workflows.core.civil import civil_date, show_date
from workflows.core.wording import wrong_role, wrong_unit
from workflows.services.columns import count_columns
from workflows.services.counting import ROLES, SCOPE, as_it_stands
from workflows.services.engine import Engine
from workflows.services.importing import Advance, Problems, Reader, Written, blocked
from workflows.services.spool import Row, Spool
from workflows.services.tabular import Record
from workflows.services.unit_codes import UnitCodes
from workflows.store import counts
from workflows.store.counts import Entry, Figure

EXPORT_ONLY: Final = ("id", "person", "recorded_at")
"""Columns of an exported table that an import leaves unused."""
_SIGN: Final = "id"
_PART: Final = 1_000


class CountImport:
    """One run of an import of figures; the steps are `read`, which checks as well, and `write`."""

    def __init__(self, engine: Engine, actor: Actor, *, records: Iterator[Record], spool: Spool) -> None:
        """Reads the heads; raises TableError when the table is empty or cannot be read."""
        self._engine = engine
        self._actor = actor
        self._spool = spool
        self._today = civil_date(engine.clock())
        self.problems = Problems()
        with engine.database.read() as connection:
            self._units = UnitCodes(connection)
        columns = count_columns(engine.catalogue, self._units.read)
        self._reader = Reader(records, columns, {_SIGN: EXPORT_ONLY}, self.problems)

    @property
    def rows(self) -> int:
        """Rows in which nothing is wrong."""
        return self._spool.length

    @property
    def unused(self) -> Sequence[str]:
        """Heads of columns that an import does not use."""
        return self._reader.found.unused

    def read(self) -> None:
        """Read and check all rows; what is wrong with them goes to the problems."""
        if not has_role(self._actor, ROLES, *SCOPE):
            self.problems.add(1, None, blocked(wrong_role(self._actor.role, sorted(ROLES))))
        for number, values in self._reader.rows():
            if values is not None and not self._reader.found.missing:
                self._take(number, values)
        self._spool.seal()

    def _take(self, number: int, values: Mapping[str, Json]) -> None:
        content = canonical_bytes(values)
        figure = _figure(content)
        before = self.problems.total
        for error in counts.faults(figure, self._today):
            self.problems.add(number, self._reader.head_of(error), error.message)
        self._check_unit(number, figure)
        if self.problems.total == before:
            self._spool.add(number, figure.unit, digest(content), content)

    def _check_unit(self, number: int, figure: Figure) -> None:
        head, period = self._reader.found.heads["unit"], self._units.on(figure.unit, figure.as_of)
        if period is None:
            periods = self._units.periods(figure.unit)
            message = f"there is no unit {figure.unit!r} on {show_date(figure.as_of)}, only in {periods}"
            self.problems.add(number, head, message)
        elif not covers(self._actor, period.path):
            self.problems.add(number, head, blocked(wrong_unit(self._actor.unit, figure.unit)))

    def write(self, advance: Advance) -> Written:
        """Enter all figures; Ctrl-C ends it after the last complete part."""
        written = Written()
        try:
            for rows in self._spool.by_number(_PART):
                self._enter(rows, written)
                advance(len(rows))
        except KeyboardInterrupt:
            written.interrupted = True
        return written

    def _enter(self, rows: Sequence[Row], written: Written) -> None:
        now = self._engine.clock()
        with self._engine.database.write() as connection:
            if in_force(as_it_stands(connection, self._actor), civil_date(now)):
                entries = counts.add_all(connection, self._actor, [_figure(row.content) for row in rows], now=now)
            else:
                entries = []
        for row, entry in zip(rows, entries, strict=False):
            self._note(written, row, entry)
        for row in rows[len(entries) :]:
            written.problems.add(row.number, None, "the API key is no longer in force")

    @staticmethod
    def _note(written: Written, row: Row, entry: Entry) -> None:
        written.new += entry.new
        written.done += not entry.new
        if entry.corrected_to is not None:
            message = (
                f"was entered before, and corrected to {entry.corrected_to} since, which stands; "
                "to enter it again, give another source"
            )
            written.notes.add(row.number, None, message)


def _figure(content: bytes) -> Figure:
    values = json.loads(content)
    return Figure(
        unit=values["unit"],
        key=values["key"],
        value=values["value"],
        as_of=date.fromisoformat(values["as_of"]),
        source=values["source"],
    )
