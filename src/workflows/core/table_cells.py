"""What a compared quantity may come to while figures are missing: its cells, and whether some of them fit together.

Between two bounds all values are alike; a cell is such a stretch. Whether cells of several quantities have whole
figures in common is told by narrowing: what it rules out is impossible, what it leaves is taken for possible.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from math import ceil, floor
from typing import Final, TypeAlias

from workflows.core.table_documents import LARGEST
from workflows.core.tables import Bounds, Quantity

Ranges: TypeAlias = Mapping[str, tuple[int, int]]
"""By input: the least and the largest value that its figure can have, both inclusive."""
_ROUNDS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Values of one quantity between which no comparison of it tells a difference."""

    low: Fraction
    with_low: bool
    high: Fraction | None
    """None: no end."""
    with_high: bool

    @property
    def sample(self) -> Fraction:
        """One of them."""
        if self.with_low:
            return self.low
        if self.high is None:
            return self.low + 1
        return self.high if self.with_high else (self.low + self.high) / 2

    def least(self, whole: int) -> int:
        """The least whole number that is at or above this share of the whole."""
        value = self.low * whole
        return floor(value) + 1 if not self.with_low else ceil(value)

    def most(self, whole: int) -> int:
        """The largest whole number that is at or below this share of the whole."""
        if self.high is None:
            return LARGEST * LARGEST
        value = self.high * whole
        return ceil(value) - 1 if not self.with_high else floor(value)

    def whole_from(self, part: int) -> int:
        """The least whole of which the part is at or below this share."""
        if not self.high:
            return 1
        value = part / self.high
        return floor(value) + 1 if not self.with_high else ceil(value)

    def whole_to(self, part: int) -> int:
        """The largest whole of which the part is at or above this share."""
        if not self.low:
            return LARGEST
        value = part / self.low
        return ceil(value) - 1 if not self.with_low else floor(value)


def cells(bounds: Sequence[Bounds]) -> list[Cell]:
    """All values from 0 on, in the fewest cells in which each comparison has one answer."""
    cuts = sorted({Fraction(0), *chain.from_iterable(each.cuts for each in bounds)})
    found: list[Cell] = []
    for cut, following in zip(cuts, [*cuts[1:], None], strict=True):
        found = _joined(found, Cell(low=cut, with_low=True, high=cut, with_high=True), bounds)
        found = _joined(found, Cell(low=cut, with_low=False, high=following, with_high=False), bounds)
    return found


def _joined(found: list[Cell], further: Cell, bounds: Sequence[Bounds]) -> list[Cell]:
    """With one more cell, which is a part of the last one where no comparison tells them apart."""
    last = found[-1] if found else None
    if last is None or any(each.hold(last.sample) != each.hold(further.sample) for each in bounds):
        return [*found, further]
    whole = Cell(low=last.low, with_low=last.with_low, high=further.high, with_high=further.with_high)
    return [*found[:-1], whole]


def narrowed(ranges: Ranges, chosen: Sequence[tuple[Quantity, Cell]]) -> Ranges | None:
    """The ranges that are left when each quantity lies in its cell; None: that cannot be."""
    for _ in range(_ROUNDS):
        before = ranges
        for quantity, cell in chosen:
            ranges = _narrowed(ranges, quantity, cell)
            if any(low > high for low, high in ranges.values()):
                return None
        if ranges == before:
            break
    return ranges


def _narrowed(ranges: Ranges, quantity: Quantity, cell: Cell) -> Ranges:
    wholes = ranges[quantity.over] if quantity.over is not None else (1, 1)
    lows, highs = (sum(ranges[name][end] for name in quantity.of) for end in (0, 1))
    least, most = cell.least(wholes[0]), cell.most(wholes[1])
    left = dict(ranges)
    for name in quantity.of:
        low, high = ranges[name]
        left[name] = max(low, least - (highs - high)), min(high, most - (lows - low))
    if quantity.over is not None:
        part = max(lows, least), min(highs, most)
        left[quantity.over] = max(wholes[0], cell.whole_from(part[0])), min(wholes[1], cell.whole_to(part[1]))
    return left
