"""Which class a unit is of by a decision table, and why, from the figures that are known of it.

Three-valued and exact: figures are whole numbers or unknown, shares are compared as fractions. What an unknown figure
could still change is looked for in `table_outcomes`; where figures come from is the caller's affair.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TypeAlias

from workflows.core.counting import Truth, at_least
from workflows.core.guards import Unknown
from workflows.core.table_documents import (
    AllOf,
    AnyOf,
    Combination,
    Comparison,
    CountInput,
    NoneOf,
    NumberTest,
    ShareTest,
    TableClass,
    TableDocument,
    Test,
    YesTest,
)

Figures: TypeAlias = Mapping[str, int | None]
"""By input; None is unknown."""
_REFERENCE = "parameters."
_SIGNS = {"at_least": ">=", "more_than": ">", "at_most": "<=", "less_than": "<"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """What is compared: the sum of some inputs, or its share of another one."""

    of: tuple[str, ...]
    over: str | None = None

    def __str__(self) -> str:
        part = " + ".join(self.of)
        if self.over is None:
            return part
        return f"({part}) / {self.over}" if len(self.of) > 1 else f"{part} / {self.over}"

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.of if self.over is None else (*self.of, self.over)

    def missing(self, figures: Figures) -> frozenset[str]:
        """Inputs without which its value is not known; a whole of 0 among them: there is no share of nothing."""
        unknown = {name for name in self.of if figures[name] is None}
        if self.over is not None and not figures[self.over]:
            nothing_of_it = not unknown and figures[self.over] is None and self._sum(figures) == 0
            unknown |= set() if nothing_of_it else {self.over}
        return frozenset(unknown)

    def least(self, figures: Figures) -> Fraction:
        """Its value, or where something is missing one that it does not fall below: no figure is negative."""
        if self.over is None:
            return Fraction(self._sum(figures))
        whole = figures[self.over]
        return Fraction(self._sum(figures), whole) if whole else Fraction(0)

    def _sum(self, figures: Figures) -> int:
        return sum(figures[name] or 0 for name in self.of)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """Between which values a quantity must lie; None: no bound."""

    at_least: Fraction | None = None
    more_than: Fraction | None = None
    at_most: Fraction | None = None
    less_than: Fraction | None = None

    @property
    def cuts(self) -> tuple[Fraction, ...]:
        """The values at which the answer may change."""
        given = (self.at_least, self.more_than, self.at_most, self.less_than)
        return tuple(bound for bound in given if bound is not None)

    @property
    def is_open(self) -> bool:
        """Whether it holds for everything large enough."""
        return self.at_most is None and self.less_than is None

    def reached(self, value: Fraction) -> bool:
        """Whether the value is not too small."""
        return (self.at_least is None or value >= self.at_least) and (self.more_than is None or value > self.more_than)

    def kept(self, value: Fraction) -> bool:
        """Whether the value is not too large."""
        return (self.at_most is None or value <= self.at_most) and (self.less_than is None or value < self.less_than)

    def hold(self, value: Fraction) -> bool:
        return self.reached(value) and self.kept(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One comparison."""

    quantity: Quantity
    bounds: Bounds
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A criterion by its name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """At least so many of some conditions; or, negated, fewer."""

    least: int
    parts: tuple["Node", ...]
    negated: bool = False


Node: TypeAlias = Compared | Named | Counted
Judge: TypeAlias = Callable[[Compared], Truth]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table made ready: parameters are replaced by their values, shares by fractions."""

    document: TableDocument
    criteria: Mapping[str, Node]
    classes: tuple[tuple[str, Node | None], ...]
    """In the order in which they are tested; None: everything else."""

    def compared(self) -> Iterator[Compared]:
        """Every comparison that classes rest on, those of criteria included."""
        for _, node in self.classes:
            yield from self._below(node) if node else ()

    def inputs(self, node: Node) -> tuple[str, ...]:
        """Those that a condition reads, in its order."""
        return tuple(dict.fromkeys(name for each in self._below(node) for name in each.quantity.inputs))

    def _below(self, node: Node) -> Iterator[Compared]:
        match node:
            case Compared():
                yield node
            case Named():
                yield from self._below(self.criteria[node.name])
            case Counted():
                for part in node.parts:
                    yield from self._below(part)


class Judging:
    """The truths of one table's conditions; each criterion is evaluated once."""

    def __init__(self, table: Table, judge: Judge) -> None:
        self._table = table
        self._judge = judge
        self._criteria: dict[str, Truth] = {}

    def truth(self, node: Node | None) -> Truth:
        match node:
            case None:
                return True
            case Compared():
                return self._judge(node)
            case Named():
                return self.criterion(node.name)
        found = at_least(node.least, [self.truth(part) for part in node.parts])
        return not found if node.negated and isinstance(found, bool) else found

    def criterion(self, name: str) -> Truth:
        if name not in self._criteria:
            self._criteria[name] = self.truth(self._table.criteria[name])
        return self._criteria[name]

    def tested(self) -> Iterator[tuple[str, Truth]]:
        """The classes up to the first that holds."""
        for name, node in self._table.classes:
            truth = self.truth(node)
            yield name, truth
            if truth is True:
                return


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """What a table says of a unit."""

    possible: tuple[str, ...]
    """In the order of the table; a single one is the class."""
    missing: tuple[str, ...]
    """Inputs that could still change it; none when the class is determined."""
    criteria: Mapping[str, bool | None]
    """None is unknown."""
    classes: Mapping[str, bool | None]
    """Whether the condition of each class holds by itself, whatever stands above it."""

    @property
    def found(self) -> str | None:
        """The class; None while it is undetermined."""
        return self.possible[0] if len(self.possible) == 1 else None


def compile_table(document: TableDocument) -> Table:
    """A proved document made ready."""
    return Table(
        document=document,
        criteria={name: _node(criterion.when, document) for name, criterion in document.criteria.items()},
        classes=tuple((each.class_, _condition(each, document)) for each in document.classes),
    )


def in_force(versions: Iterable[TableDocument], day: date) -> TableDocument | None:
    """The version for a civil date: the newest whose validity covers it."""
    covering = (document for document in versions if document.valid.covers(day))
    return max(covering, key=lambda document: document.version, default=None)


def measured(compared: Compared, figures: Figures) -> Truth:
    """A comparison by figures: unknown only if what is missing could change it."""
    quantity, bounds = compared.quantity, compared.bounds
    missing, value = quantity.missing(figures), quantity.least(figures)
    if not missing:
        return bounds.hold(value)
    if not bounds.kept(value):
        return False
    return True if bounds.is_open and bounds.reached(value) else Unknown(missing)


def shown(truth: Truth) -> bool | None:
    """As JSON has it: unknown as null."""
    return truth if isinstance(truth, bool) else None


def told(node: Node | None) -> str:
    """A condition as text, for people who check a result: `addicts >= 60 and addicts < 100`."""
    match node:
        case None:
            return "otherwise"
        case Compared():
            return node.text
        case Named():
            return node.name
    parts = "; ".join(told(part) for part in node.parts)
    return f"{_how_many(node)} of ({parts})"


def _how_many(node: Counted) -> str:
    if node.negated:
        return "none"
    if node.least == len(node.parts):
        return "all"
    return "any" if node.least == 1 else f"at least {node.least}"


def _condition(each: TableClass, document: TableDocument) -> Node | None:
    return None if each.when is None else _node(each.when, document)


def _node(test: Test, document: TableDocument) -> Node:
    match test:
        case str():
            return Named(name=test)
        case NumberTest() | ShareTest() | YesTest():
            return _compared(test, document)
    return _counted(test, document)


def _counted(test: Combination, document: TableDocument) -> Counted:
    match test:
        case AllOf():
            return Counted(least=len(test.all_of), parts=_nodes(test.all_of, document))
        case AnyOf():
            return Counted(least=1, parts=_nodes(test.any_of, document))
        case NoneOf():
            return Counted(least=1, parts=_nodes(test.none_of, document), negated=True)
    return Counted(least=test.at_least, parts=_nodes(test.of, document))


def _nodes(tests: Sequence[Test], document: TableDocument) -> tuple[Node, ...]:
    return tuple(_node(test, document) for test in tests)


def quantity_of(test: Comparison) -> Quantity:
    """What a comparison compares."""
    match test:
        case YesTest():
            return Quantity(of=(test.is_yes,))
        case NumberTest():
            return Quantity(of=_names(test.number))
    return Quantity(of=_names(test.share.of), over=test.share.over)


def _names(given: str | tuple[str, ...]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else given


def _compared(test: Comparison, document: TableDocument) -> Compared:
    quantity = quantity_of(test)
    given = _given(test, document)
    text = " and ".join(f"{quantity} {_SIGNS[name]} {value}" for name, value in given.items())
    return Compared(quantity=quantity, bounds=bounds_of(test, document), text=text or f"{quantity} is yes")


def bounds_of(test: Comparison, document: TableDocument) -> Bounds:
    """The bounds of a comparison as exact numbers; a yes is a 1."""
    if isinstance(test, YesTest):
        return Bounds(at_least=Fraction(1))
    return Bounds(**{name: _fraction(value) for name, value in _given(test, document).items()})


def _given(test: Comparison, document: TableDocument) -> dict[str, int | str]:
    found = {name: value_of(getattr(test, name, None), document) for name in _SIGNS}
    return {name: value for name, value in found.items() if value is not None}


def value_of(bound: int | str | None, document: TableDocument) -> int | str | None:
    """A bound, or the value of the parameter that it names."""
    if isinstance(bound, str) and bound.startswith(_REFERENCE):
        return document.parameters[bound.removeprefix(_REFERENCE)].value
    return bound


def _fraction(bound: int | str) -> Fraction:
    return Fraction(bound.removesuffix(" %")) / 100 if isinstance(bound, str) else Fraction(bound)


def count_of(read: CountInput, document: TableDocument) -> str:
    """The key of the count that an input reads."""
    return str(value_of(read.count, document))
