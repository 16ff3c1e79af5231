"""The class of a unit, and where figures are missing, which classes they could still lead to.

A search over the cells in which each unknown quantity could lie. It never leaves out a class that is possible; how
cells of several quantities fit together, and so whether a class is left that is none, is judged in `table_cells`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, TypeAlias

from workflows.core.counting import Truth
from workflows.core.guards import Unknown
from workflows.core.table_cells import Cell, Ranges, cells, narrowed
from workflows.core.table_documents import LARGEST
from workflows.core.tables import Bounds, Classification, Compared, Figures, Judging, Quantity, Table, measured, shown

_FEW: Final = 5
"""Missing figures of which each is asked what it changes; of more, all that a condition lacks are told."""
_THOROUGH: Final = 200
"""Steps of a search for every way to every class, which tells what each missing figure changes."""
_PATIENT: Final = 20_000
"""Steps of a search for one way to each class; beyond, a class that is not ruled out counts as possible."""
_Chosen: TypeAlias = Mapping[str, Cell]
"""By quantity."""


def classify(table: Table, figures: Figures) -> Classification:
    """What the table says of a unit.

    Args:
        table: Of a proved document.
        figures: Of every input of the table.
    """
    judging = Judging(table, lambda compared: measured(compared, figures))
    tested = dict(judging.tested())
    possible, decisive = _outcomes(table, figures, tested)
    return Classification(
        possible=possible,
        missing=tuple(name for name in table.document.inputs if name in decisive),
        criteria={name: shown(judging.criterion(name)) for name in table.criteria},
        classes={name: shown(judging.truth(node)) for name, node in table.classes},
    )


def reachable(table: Table) -> tuple[str, ...]:
    """Every class that some figures lead to, in the order of the table."""
    return _Search(table, dict.fromkeys(table.document.inputs), _PATIENT).briefly()


def _outcomes(table: Table, figures: Figures, tested: Mapping[str, Truth]) -> tuple[tuple[str, ...], frozenset[str]]:
    """The possible classes, and the missing inputs that decide among them."""
    unknown = [truth.names for truth in tested.values() if isinstance(truth, Unknown)]
    if not unknown:
        return tuple(name for name, truth in tested.items() if truth is True), frozenset()
    lacking = frozenset[str]().union(*unknown)
    found = _Search(table, figures, _THOROUGH).thoroughly() if len(lacking) <= _FEW else None
    if found is not None:
        return found
    possible = _Search(table, figures, _PATIENT).briefly()
    return possible, lacking if len(possible) > 1 else frozenset()


class _ImpatientError(Exception):
    """More steps than wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """To a class."""

    chosen: _Chosen
    to: str


class _Search:
    """Branches on what keeps the first undetermined class from being decided."""

    def __init__(self, table: Table, figures: Figures, steps: int) -> None:
        self._table = table
        self._figures = figures
        self._quantities = _quantities(table)
        self._steps_left = steps
        self._conceivable = tuple(name for name, truth in self._tested({}) if truth is not False)

    def thoroughly(self) -> tuple[tuple[str, ...], frozenset[str]] | None:
        """Every possible class, and the inputs that decide among them; None: there are too many ways."""
        try:
            ways = list(self._ways({}, self._ranges()))
        except _ImpatientError:
            return None
        return self._in_order({way.to for way in ways}), frozenset(self._decisive(ways))

    def briefly(self) -> tuple[str, ...]:
        """Every possible class; all that are not ruled out at once if the search takes too long."""
        found: set[str] = set()
        try:
            for way in self._ways({}, self._ranges()):
                found.add(way.to)
                if len(found) == len(self._conceivable):
                    break
        except _ImpatientError:
            return self._conceivable
        return self._in_order(found)

    def _in_order(self, found: set[str]) -> tuple[str, ...]:
        return tuple(name for name, _ in self._table.classes if name in found)

    def _ranges(self) -> Ranges:
        """A whole of 0 is as good as none."""
        wholes = {quantity.over for quantity, _ in self._quantities.values()}
        ranges = {name: (0, LARGEST) if value is None else (value, value) for name, value in self._figures.items()}
        return {
            name: (1, LARGEST) if name in wholes and not low else (low, high) for name, (low, high) in ranges.items()
        }

    def _ways(self, chosen: _Chosen, ranges: Ranges) -> Iterator[_Way]:
        self._steps_left -= 1
        if self._steps_left < 0:
            raise _ImpatientError
        for name, truth in self._tested(chosen):
            if truth is True:
                yield _Way(chosen=chosen, to=name)
            elif isinstance(truth, Unknown):
                yield from self._branches(min(truth.names), chosen, ranges)
                return

    def _branches(self, label: str, chosen: _Chosen, ranges: Ranges) -> Iterator[_Way]:
        for cell in cells(self._quantities[label][1]):
            further = {**chosen, label: cell}
            left = narrowed(ranges, [(self._quantities[name][0], each) for name, each in further.items()])
            if left is not None:
                yield from self._ways(further, left)

    def _tested(self, chosen: _Chosen) -> Iterator[tuple[str, Truth]]:
        def judge(compared: Compared) -> Truth:
            label = str(compared.quantity)
            if label in chosen:
                return compared.bounds.hold(chosen[label].sample)
            truth = measured(compared, self._figures)
            return Unknown(frozenset({label})) if isinstance(truth, Unknown) else truth

        return Judging(self._table, judge).tested()

    def _decisive(self, ways: Sequence[_Way]) -> Iterator[str]:
        """Inputs of which another figure alone, all else as it is, may lead to another class."""
        for one, other in combinations(ways, 2):
            if one.to != other.to:
                apart = [
                    self._missing(label)
                    for label in one.chosen
                    if one.chosen[label] != other.chosen.get(label, one.chosen[label])
                ]
                yield from frozenset.intersection(*apart) if apart else ()

    def _missing(self, label: str) -> frozenset[str]:
        return self._quantities[label][0].missing(self._figures)


def _quantities(table: Table) -> dict[str, tuple[Quantity, tuple[Bounds, ...]]]:
    """Each quantity by its text, with everything that it is compared with."""
    found: dict[str, tuple[Quantity, tuple[Bounds, ...]]] = {}
    for compared in table.compared():
        label = str(compared.quantity)
        _, bounds = found.get(label, (compared.quantity, ()))
        found[label] = compared.quantity, (*bounds, compared.bounds)
    return found
