"""Everything that a decision table must fulfil beyond its shape, as one stream of findings.

Names resolve and fit what they name, bounds can be met, the classes end with all the rest, and each of them can be
reached. Overlapping classes are fine: the first one wins.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Final

from workflows.core.catalogue_documents import CountKind
from workflows.core.documents import Catalogue
from workflows.core.nearest import nearest
from workflows.core.problems import Finding, Path
from workflows.core.proofs import COUNTS_FILE, known, known_choices, known_states, repeated, unknown_workflow
from workflows.core.relations import versions
from workflows.core.table_documents import (
    BOUNDS,
    LARGEST,
    PERCENT,
    AllOf,
    AnyOf,
    AtLeast,
    CasesInput,
    Comparison,
    CountInput,
    NoneOf,
    NumberTest,
    ShareTest,
    TableDocument,
    Test,
    YesTest,
)
from workflows.core.table_outcomes import reachable
from workflows.core.tables import bounds_of, compile_table, count_of, quantity_of

_REFERENCE: Final = "parameters."


def prove_table(table: TableDocument, catalogue: Catalogue, others: Sequence[TableDocument]) -> Iterator[Finding]:
    """Each thing wrong with a table.

    Args:
        table: Of the right shape.
        catalogue: Where workflows and counts are looked up; proved by itself.
        others: Every version of the same table, this one included.
    """
    found = [*_names(table, catalogue), *_classes(table), *_beside(table, catalogue), *_validity(table, others)]
    yield from found
    if not found:
        yield from _unmeetable(table)
        yield from _unreachable(table)


def _names(table: TableDocument, catalogue: Catalogue) -> Iterator[Finding]:
    for name, given in table.inputs.items():
        yield from _input(("inputs", name), given, table, catalogue)
    for path, test, above in _tests(table):
        if isinstance(test, str):
            what = "a criterion that stands above" if test in table.criteria else "a criterion"
            if test not in above:
                yield Finding.unknown(path, test, what, above)
        elif isinstance(test, NumberTest | ShareTest | YesTest):
            yield from _comparison(path, test, table, catalogue)
    yield from _unused(table)


def _tests(table: TableDocument) -> Iterator[tuple[Path, Test, tuple[str, ...]]]:
    """Every condition with its place, those within others too, and the criteria that it may name."""
    above: tuple[str, ...] = ()
    for name, criterion in table.criteria.items():
        for path, test in _walk(("criteria", name, "when"), criterion.when):
            yield path, test, above
        above = (*above, name)
    for index, each in enumerate(table.classes):
        if each.when is not None:
            for path, test in _walk(("classes", index, "when"), each.when):
                yield path, test, above


def _walk(path: Path, test: Test) -> Iterator[tuple[Path, Test]]:
    yield path, test
    key, parts = _parts(test)
    for index, part in enumerate(parts):
        yield from _walk((*path, key, index), part)


def _parts(test: Test) -> tuple[str, tuple[Test, ...]]:
    match test:
        case AllOf():
            return "all_of", test.all_of
        case AnyOf():
            return "any_of", test.any_of
        case NoneOf():
            return "none_of", test.none_of
        case AtLeast():
            return "of", test.of
    return "", ()


def _input(path: Path, given: CountInput | CasesInput, table: TableDocument, catalogue: Catalogue) -> Iterator[Finding]:
    if isinstance(given, CasesInput):
        yield from _cases(path, given, table, catalogue)
        return
    place = (*path, "count")
    if _is_unknown(given.count, table):
        yield _unknown_parameter(place, given.count, table)
    elif count_of(given, table) not in catalogue.counts:
        what = "a count of the catalogue"
        yield Finding.unknown(place, count_of(given, table), what, catalogue.counts, about=COUNTS_FILE)


def _cases(path: Path, given: CasesInput, table: TableDocument, catalogue: Catalogue) -> Iterator[Finding]:
    yield from unknown_workflow((*path, "cases"), given.cases, catalogue)
    if given.cases not in catalogue.workflows:
        return
    if all(table.subject not in document.levels for document in versions(given.cases, catalogue)):
        message = f"{given.cases} is about another level of units, so that no case of a {table.subject} can count"
        yield Finding(path=(*path, "cases"), message=message, given=given.cases, about=given.cases)
    yield from known_states((*path, "states"), given.states, given.cases, catalogue)
    yield from repeated((*path, "states"), given.states)
    yield from known_choices((*path, "where"), given.where, given.cases, catalogue)


def _comparison(path: Path, test: Comparison, table: TableDocument, catalogue: Catalogue) -> Iterator[Finding]:
    quantity = quantity_of(test)
    for name in quantity.inputs:
        if name not in table.inputs:
            yield Finding.unknown(path, name, "an input", table.inputs)
        else:
            yield from _kind(path, test, name, table, catalogue)
    for name in sorted({name for name in quantity.inputs if quantity.inputs.count(name) > 1}):
        yield Finding(path=path, message=f'"{name}" stands twice in one comparison', given=name)
    for bound in BOUNDS:
        yield from _bound((*path, bound), getattr(test, bound, None), test, table)


def _kind(path: Path, test: Comparison, name: str, table: TableDocument, catalogue: Catalogue) -> Iterator[Finding]:
    """A yes or no is asked for as one, and nothing else is."""
    yes_no = _is_yes_no(table.inputs[name], table, catalogue.counts)
    if yes_no is not None and yes_no != isinstance(test, YesTest):
        message = f'"{name}" is a yes or no: write {{is_yes: {name}}}' if yes_no else f'"{name}" is no yes or no'
        yield Finding(path=path, message=message, given=name)


def _is_yes_no(given: CountInput | CasesInput, table: TableDocument, counts: Mapping[str, CountKind]) -> bool | None:
    """None: not known, which is told where the count is named."""
    if isinstance(given, CasesInput):
        return False
    kind = None if _is_unknown(given.count, table) else counts.get(count_of(given, table))
    return None if kind is None else kind.yes_no


def _bound(path: Path, bound: int | str | None, test: Comparison, table: TableDocument) -> Iterator[Finding]:
    if not isinstance(bound, str) or not bound.startswith(_REFERENCE):
        return
    if _is_unknown(bound, table):
        yield _unknown_parameter(path, bound, table)
        return
    value = table.parameters[bound.removeprefix(_REFERENCE)].value
    if isinstance(test, ShareTest):
        fits, what = isinstance(value, str) and re.search(PERCENT, value) is not None, 'a share such as "0.5 %"'
    else:
        fits, what = type(value) is int and 0 <= value <= LARGEST, "a whole number"
    if not fits:
        yield Finding(path=path, message=f"{bound} is {value!r}, must be {what}", given=bound)


def _is_unknown(reference: int | str, table: TableDocument) -> bool:
    text = str(reference)
    return text.startswith(_REFERENCE) and text.removeprefix(_REFERENCE) not in table.parameters


def _unknown_parameter(path: Path, reference: str, table: TableDocument) -> Finding:
    return Finding.unknown(
        path, reference, "a parameter of this table", [f"{_REFERENCE}{each}" for each in table.parameters]
    )


def _unused(table: TableDocument) -> Iterator[Finding]:
    tests = [test for _, test, _ in _tests(table)]
    compared = [test for test in tests if isinstance(test, NumberTest | ShareTest | YesTest)]
    read = {name for test in compared for name in quantity_of(test).inputs}
    named = {test for test in tests if isinstance(test, str)}
    bounds = {getattr(test, bound, None) for test in compared for bound in BOUNDS}
    counts = {given.count for given in table.inputs.values() if isinstance(given, CountInput)}
    for path, names, used in (
        (("parameters",), {f"{_REFERENCE}{name}": name for name in table.parameters}, bounds | counts),
        (("inputs",), {name: name for name in table.inputs}, read),
        (("criteria",), {name: name for name in table.criteria}, named),
    ):
        meant = used | {nearest(str(each), names) for each in used}  # a misspelt name is told where it stands
        for key, name in names.items():
            if key not in meant:
                yield Finding(path=(*path, name), message="nothing reads it", given=name)


def _classes(table: TableDocument) -> Iterator[Finding]:
    names = [each.class_ for each in table.classes]
    for index, each in enumerate(table.classes):
        path = "classes", index
        last = index == len(table.classes) - 1
        if each.class_ in names[:index]:
            message = f'"{each.class_}" is the name of a class above'
            yield Finding(path=(*path, "class"), message=message, given=each.class_)
        if each.otherwise and not last:
            yield Finding(
                path=(*path, "otherwise"), message="leaves nothing for the classes below: it is the last one's"
            )
        if last and not each.otherwise:
            message = "the last class takes all the rest: otherwise: true"
            yield Finding(path=(*path, "when"), message=message, given=each.class_)


def _beside(table: TableDocument, catalogue: Catalogue) -> Iterator[Finding]:
    beside = table.beside
    if beside is None:
        return
    yield from unknown_workflow(("beside", "cases"), beside.cases, catalogue)
    if beside.cases in catalogue.workflows:
        yield from known_states(("beside", "states"), beside.states, beside.cases, catalogue)
    yield from known(("beside", "classes"), beside.classes, "a class", [each.class_ for each in table.classes])
    yield from repeated(("beside", "states"), beside.states)
    yield from repeated(("beside", "classes"), beside.classes)


def _validity(table: TableDocument, others: Sequence[TableDocument]) -> Iterator[Finding]:
    for other in others:
        if other.version < table.version and table.valid.from_ <= other.valid.from_:
            message = (
                f"begins on {table.valid.from_.isoformat()}, version {other.version} on "
                f"{other.valid.from_.isoformat()}: a later version begins later"
            )
            yield Finding(path=("valid",), message=message)


def _unmeetable(table: TableDocument) -> Iterator[Finding]:
    for path, test, _ in _tests(table):
        if isinstance(test, NumberTest | ShareTest) and _is_empty(test, table):
            yield Finding(path=path, message="no figure fulfils it: the lower bound leaves nothing below the upper one")


def _is_empty(test: NumberTest | ShareTest, table: TableDocument) -> bool:
    bounds = bounds_of(test, table)
    if isinstance(test, NumberTest):  # among whole numbers the nearest one decides
        nearest = bounds.at_least if bounds.more_than is None else bounds.more_than + 1
        return not bounds.kept(nearest or Fraction(0))
    low = max(bounds.at_least or Fraction(0), bounds.more_than or Fraction(0))
    high = bounds.at_most if bounds.less_than is None else bounds.less_than
    exclusive = bounds.more_than is not None or bounds.less_than is not None
    return high is not None and (low > high or (low == high and exclusive))


def _unreachable(table: TableDocument) -> Iterator[Finding]:
    reached = reachable(compile_table(table))
    for index, each in enumerate(table.classes):
        if each.class_ not in reached:
            message = "no figures lead here: the classes above take them all, or the condition never holds"
            yield Finding(path=("classes", index), message=message, given=each.class_)
