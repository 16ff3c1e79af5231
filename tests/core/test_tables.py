"""Decision tables: the thresholds of Trà Vinh from both sides, its traps, and what a missing figure may change.

The property tests hold tables against straightforward functions that were written from the rules alone, over every
way in which missing figures could be completed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from functools import cache
from itertools import product
from pathlib import Path
from typing import Final, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sizes import size
from workflows.core.document_bytes import canonical_document, table_hash
from workflows.core.shape import read_shape
from workflows.core.table_documents import TableDocument
from workflows.core.table_outcomes import classify
from workflows.core.tables import Classification, Table, compile_table, in_force
from workflows.yaml_tree import read_tree

ROOT: Final = Path(__file__).parents[2]
Values: TypeAlias = Mapping[str, int | None]
I, II, III, FREE, LESS = "key_type_1", "key_type_2", "key_type_3", "drug_free", "less_complex"  # noqa: E741 - as printed


@cache
def document(file: str) -> TableDocument:
    found, problems = read_shape(TableDocument, read_tree((ROOT / file).read_bytes()).data)
    assert found is not None, problems
    return found


@cache
def table(file: str) -> Table:
    return compile_table(document(file))


ANNEX: Final = "definitions/tables/commune_classification.yaml"
THREE: Final = "tests/definitions/tables/at_least_three.yaml"
QUIET: Final[Values] = {**dict.fromkeys(document(ANNEX).inputs, 0), "population": 10_000}


def annex(**changed: int | None) -> Classification:
    """Of a commune without anything but what is named."""
    assert changed.keys() <= QUIET.keys()
    return classify(table(ANNEX), {**QUIET, **changed})


THRESHOLDS: Final[Sequence[tuple[Mapping[str, int], str]]] = [
    ({"addicts_on_file": 100}, I),
    ({"addicts_on_file": 99}, II),
    ({"addicts_on_file": 60}, II),
    ({"addicts_on_file": 59}, III),
    ({"addicts_on_file": 20}, III),
    ({"addicts_on_file": 19}, LESS),
    ({"addicts_on_file": 1}, LESS),
    ({"places": 6}, I),
    ({"places": 5}, I),
    ({"places": 4}, II),
    ({"places": 3}, II),
    ({"places": 2}, III),
    ({"places": 1}, III),
    ({"plants": 3000}, I),
    ({"plants": 2999}, II),
    ({"plants": 500}, II),
    ({"plants": 499}, III),
    ({"plants": 1}, III),
    ({"plants_area": 2000}, I),
    ({"plants_area": 1999}, II),
    ({"plants_area": 1000}, II),
    ({"plants_area": 999}, III),
    ({"plants_area": 1}, III),
    ({"offenders": 50}, I),
    ({"offenders": 49}, II),
    ({"offenders": 30}, II),
    ({"offenders": 29}, III),
    ({"offenders": 10}, III),
    ({"offenders": 9}, LESS),
    ({"offenders": 1}, LESS),
    ({}, FREE),
    ({"addicts": 1}, LESS),
    ({"users": 1}, LESS),
    ({"crimes": 1}, LESS),
    ({"violations": 1}, LESS),
    ({"key_route": 1}, FREE),
]


@pytest.mark.parametrize(("changed", "expected"), THRESHOLDS)
def test_each_threshold_of_the_annex_from_both_sides(changed: Mapping[str, int], expected: str) -> None:
    assert annex(**changed).found == expected


@pytest.mark.parametrize(("changed", "expected"), [each for each in THRESHOLDS if each[1] in {I, II, III}])
def test_a_figure_meets_one_measured_criterion_alone(changed: Mapping[str, int], expected: str) -> None:
    """Ranges end where the next one begins; that the higher class wins would hide it where they overlap."""
    row = expected[-1]
    criteria = annex(**changed).criteria
    measured = [
        name for name, met in criteria.items() if met and name[-1].isdigit() and not name.startswith("measured")
    ]
    assert [name[-1] for name in measured] == [row]


@pytest.mark.parametrize(
    ("offenders", "population", "expected"),
    [
        (3, 599, I),  # 0.5008 %
        (3, 600, I),  # 0.5 %
        (3, 601, II),  # 0.4992 %, which rounds to 0.5
        (3, 1000, II),
        (3, 1001, III),  # 0.2997 %, which rounds to 0.3
        (29_999, 10_000_000, III),
        (30_000, 10_000_000, II),
        (7, 7000, III),
        (7, 7001, LESS),  # 0.09999 %, which rounds to 0.1
        (3_333_333, 666_666_600, I),
        (3_333_332, 666_666_600, II),
    ],
)
def test_shares_are_never_rounded(offenders: int, population: int, expected: str) -> None:
    assert annex(offenders=offenders, population=population).found == expected


@pytest.mark.parametrize(
    ("changed", "without", "with_route"),
    [
        ({"addicts_on_file": 99}, II, I),
        ({"places": 3}, II, I),
        ({"plants_area": 1000}, II, I),
        ({"offenders": 30}, II, I),
        ({"addicts_on_file": 20}, III, II),
        ({"places": 1}, III, II),
        ({"plants": 1}, III, II),
        ({"offenders": 10}, III, II),
        ({"addicts_on_file": 100}, I, I),
        ({"addicts_on_file": 19}, LESS, LESS),
    ],
)
def test_the_route_raises_by_one_step(changed: Mapping[str, int], without: str, with_route: str) -> None:
    """Read literally, type III on a route would become type II by the rule, and then type I."""
    assert annex(**changed).found == without
    assert annex(**changed, key_route=1).found == with_route


def test_many_addicts_are_type_one_whatever_else_is_missing() -> None:
    nothing: Values = dict.fromkeys(QUIET)
    found = classify(table(ANNEX), {**nothing, "addicts_on_file": 150})
    assert (found.found, found.missing) == (I, ())
    assert found.criteria["addicts_1"] is True
    assert found.criteria["places_1"] is None


def test_drug_free_is_tested_before_less_complex() -> None:
    found = annex()
    assert (found.classes[FREE], found.classes[LESS], found.found) == (True, True, FREE)
    order = [each.class_ for each in document(ANNEX).classes]
    assert order.index(FREE) < order.index(LESS)


@pytest.mark.parametrize(
    ("changed", "possible", "missing"),
    [
        ({"users": None}, (FREE, LESS), ("users",)),
        ({"users": None, "crimes": 1}, (LESS,), ()),
        ({"users": None, "addicts_on_file": 1}, (LESS,), ()),
        ({"addicts": None, "addicts_on_file": 1}, (LESS,), ()),
        ({"addicts": None}, (FREE, LESS), ("addicts",)),
        ({"users": None, "places": 1}, (III,), ()),
        ({"key_route": None}, (FREE,), ()),
        ({"key_route": None, "places": 1}, (II, III), ("key_route",)),
        ({"key_route": None, "places": 3}, (I, II), ("key_route",)),
        ({"key_route": None, "places": 5}, (I,), ()),
        ({"plants": None, "plants_area": 1500}, (I, II), ("plants",)),
        ({"plants": None, "plants_area": 2000}, (I,), ()),
        ({"plants": None, "plants_area": 1500, "key_route": 1}, (I,), ()),
        ({"addicts_on_file": None, "places": 1, "key_route": 1}, (I, II), ("addicts_on_file",)),
        ({"addicts_on_file": None, "places": 3}, (I, II), ("addicts_on_file",)),
        ({"population": None}, (FREE,), ()),
        ({"population": None, "offenders": 1}, (I, II, III, LESS), ("population",)),
        ({"population": 0, "offenders": 1}, (I, II, III, LESS), ("population",)),
        ({"population": 0}, (FREE,), ()),
        ({"offenders": None}, (I, II, III, FREE, LESS), ("offenders",)),
        ({"offenders": None, "crimes": 1}, (I, II, III, LESS), ("offenders",)),
        ({"offenders": None, "population": 150, "crimes": 1}, (I, LESS), ("offenders",)),
    ],
)
def test_unknown_only_where_it_matters(
    changed: Mapping[str, int | None], possible: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    """The last: among 150 people one offender is 0.67 %, so that no number of them gives type II or III."""
    found = annex(**changed)
    assert (found.possible, found.missing) == (possible, missing)


def annex_by_hand(figures: Mapping[str, int]) -> str:
    """The annex as one would write it in Python."""
    addicts, places, plants, area = (figures[name] for name in ("addicts_on_file", "places", "plants", "plants_area"))
    share = Fraction(figures["offenders"], figures["population"] or 1) * 100
    if addicts >= 100 or places >= 5 or plants >= 3000 or area >= 2000 or share >= Fraction("0.5"):
        return I
    second = addicts >= 60 or places >= 3 or plants >= 500 or area >= 1000 or share >= Fraction("0.3")
    if second:
        return I if figures["key_route"] else II
    if addicts >= 20 or places >= 1 or plants > 0 or area > 0 or share >= Fraction("0.1"):
        return II if figures["key_route"] else III
    acts = ("addicts_on_file", "addicts", "users", "crimes", "violations", "offenders")
    return FREE if not any(figures[name] for name in acts) else LESS


def three_by_hand(figures: Mapping[str, int]) -> str:
    people = figures["addicts"] + figures["users"]
    whole = figures["population"] or 1
    heavy = [
        people * 1000 >= 5 * whole,
        figures["offenders"] * 1000 >= whole,
        figures["places"] >= 2,
        figures["plants"] >= 3000 or figures["area"] >= 750,
        bool(figures["route"]),
    ]
    light = [people > 0, figures["offenders"] > 0, figures["places"] > 0, figures["plants"] > 0 or figures["area"] > 0]
    if sum(heavy) >= 3:
        return "type_1"
    if sum(heavy) >= 1 and sum(light) >= 2:
        return "type_2"
    return "clear" if not any(light) else "other"


@dataclass(frozen=True, kw_only=True)
class Rules:
    """A table, the same rules by hand, and values on both sides of everything that decides."""

    file: str
    by_hand: Callable[[Mapping[str, int]], str]
    values: Mapping[str, Sequence[int]]
    shares: Mapping[str, Sequence[Fraction]]
    """Of the population, by the inputs that are compared with it."""
    parts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What else is added to them."""

    def completions(self, figures: Values) -> Iterator[dict[str, int]]:
        """Every way to fill in what is missing, as far as it could make a difference."""
        unknown = [name for name, value in figures.items() if value is None]
        for chosen in product(*(self.candidates(name, figures) for name in unknown)):
            yield {
                **{name: value for name, value in figures.items() if value is not None},
                **dict(zip(unknown, chosen, strict=True)),
            }

    def candidates(self, name: str, figures: Values) -> Sequence[int]:
        whole = figures["population"]
        found = set(self.values.get(name, (0, 1)))
        if name in self.shares and not whole:
            found |= set(range(8))
        elif name in self.shares and whole:
            found |= {int(share * whole) + step for share in self.shares[name] for step in range(-3, 3)}
        if name == "population":
            for each, shares in self.shares.items():
                part = sum(figures[other] or 0 for other in (each, *self.parts.get(each, ())))
                found |= {int(part / share) + step for share in shares for step in range(-1, 3)}
            found -= {0}
        return sorted(value for value in found if value >= 0)


TENTHS = [Fraction(tenth, 1000) for tenth in (1, 3, 5)]
ANNEX_RULES: Final = Rules(
    file=ANNEX,
    by_hand=annex_by_hand,
    values={
        "addicts_on_file": (0, 1, 19, 20, 59, 60, 99, 100),
        "places": (0, 1, 2, 3, 4, 5),
        "plants": (0, 1, 499, 500, 2999, 3000),
        "plants_area": (0, 1, 999, 1000, 1999, 2000),
        "population": (1, 100, 1_000, 9_999, 1_000_000),
    },
    shares={"offenders": TENTHS},
)
THREE_RULES: Final = Rules(
    file=THREE,
    by_hand=three_by_hand,
    values={
        "places": (0, 1, 2),
        "plants": (0, 1, 2999, 3000),
        "area": (0, 1, 749, 750),
        "population": (1, 100, 1_000, 9_999, 1_000_000),
    },
    shares={"offenders": TENTHS[:1], "addicts": TENTHS[2:], "users": TENTHS[2:]},
    parts={"addicts": ["users"], "users": ["addicts"]},
)


@st.composite
def figures_of(draw: st.DrawFn, rules: Rules, missing: int) -> Values:
    names = list(document(rules.file).inputs)
    population = draw(st.sampled_from([100, 599, 1_000, 9_999, 10_000]))
    known = {
        name: draw(st.sampled_from(rules.candidates(name, {**dict.fromkeys(names), "population": population})))
        for name in names
        if name != "population"
    }
    unknown = draw(st.sets(st.sampled_from(names), max_size=missing))
    return {name: None if name in unknown else {**known, "population": population}[name] for name in names}


def check(rules: Rules, figures: Values) -> None:
    """Nothing possible is left out; where the whole is known, and completions can be counted, nothing else is told."""
    found = classify(table(rules.file), figures)
    outcomes = {tuple(each.items()): rules.by_hand(each) for each in rules.completions(figures)}
    possible = {name for name, _ in table(rules.file).classes if name in outcomes.values()}
    decisive = {name for name, value in figures.items() if value is None and matters(name, outcomes)}
    assert possible <= set(found.possible)
    assert decisive <= set(found.missing)
    if figures["population"] is not None:
        assert (set(found.possible), set(found.missing)) == (possible, decisive)


def matters(name: str, outcomes: Mapping[tuple[tuple[str, int], ...], str]) -> bool:
    """Whether there are two completions that differ in this figure alone and lead to different classes."""
    seen: dict[tuple[tuple[str, int], ...], str] = {}
    for completion, outcome in outcomes.items():
        others = tuple(sorted((key, value) for key, value in completion if key != name))
        if seen.setdefault(others, outcome) != outcome:
            return True
    return False


@settings(max_examples=size(120, 20_000), deadline=None)
@given(figures_of(ANNEX_RULES, missing=3))
def test_the_annex_agrees_with_the_rules_by_hand(figures: Values) -> None:
    check(ANNEX_RULES, figures)


@settings(max_examples=size(80, 20_000), deadline=None)
@given(figures_of(THREE_RULES, missing=2))
def test_at_least_three_of_agrees_with_the_rules_by_hand(figures: Values) -> None:
    check(THREE_RULES, figures)


def three(**changed: int | None) -> Classification:
    quiet = {**dict.fromkeys(document(THREE).inputs, 0), "population": 2_000}
    assert changed.keys() <= quiet.keys()
    return classify(table(THREE), {**quiet, **changed})


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"addicts": 4, "users": 6, "offenders": 2, "places": 2}, "type_1"),
        ({"addicts": 4, "users": 5, "offenders": 2, "places": 2}, "type_2"),
        ({"addicts": 4, "users": 6, "offenders": 1, "places": 2}, "type_2"),
        ({"places": 2, "area": 750, "route": 1}, "type_1"),
        ({"places": 2, "area": 749, "plants": 2999, "route": 1}, "type_2"),
        ({"plants": 3000, "area": 750, "route": 1}, "other"),
        ({"plants": 1}, "other"),
        ({"route": 1}, "clear"),
    ],
)
def test_at_least_three_of(changed: Mapping[str, int], expected: str) -> None:
    assert three(**changed).found == expected


@pytest.mark.parametrize(
    ("changed", "possible", "missing"),
    [
        ({"places": 2, "area": 750, "route": 1, "offenders": None, "addicts": None}, ("type_1",), ()),
        ({"places": 2, "area": 750, "offenders": None}, ("type_1", "type_2"), ("offenders",)),
        ({"places": 2, "route": 1, "plants": None, "area": 750}, ("type_1",), ()),
        ({"places": 1, "users": None}, ("type_2", "other"), ("users",)),
        ({"users": 10, "addicts": None, "places": 2, "route": 1}, ("type_1",), ()),
        ({"users": 9, "addicts": None, "places": 2, "route": 1}, ("type_1", "type_2"), ("addicts",)),
    ],
)
def test_at_least_three_of_with_missing_figures(
    changed: Mapping[str, int | None], possible: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    """Ten known users are 0.5 % already, however many addicts there are."""
    found = three(**changed)
    assert (found.possible, found.missing) == (possible, missing)


def test_all_of_nothing_is_quickly_told() -> None:
    """No figure known: every class is possible, and the search for them ends as soon as each was found."""
    found = classify(table(ANNEX), dict.fromkeys(QUIET))
    assert found.possible == tuple(name for name, _ in table(ANNEX).classes)
    assert found.missing == tuple(QUIET)


def test_the_version_in_force_is_that_of_the_day() -> None:
    first = document(ANNEX)
    second = first.model_copy(
        update={"version": 2, "valid": first.valid.model_copy(update={"from_": date(2025, 9, 1)})}
    )
    days = (date(2025, 2, 16), date(2025, 2, 17), date(2025, 8, 31), date(2025, 9, 1))
    found = [in_force([first, second], day) for day in days]
    assert [each and each.version for each in found] == [None, 1, 1, 2]


def test_the_hash_is_that_of_what_decides() -> None:
    found = document(ANNEX)
    assert TableDocument.model_validate_json(canonical_document(found)) == found
    swapped = found.model_copy(update={"classes": (*found.classes[:3], found.classes[4], found.classes[3])})
    reordered = found.model_copy(update={"inputs": dict(reversed(found.inputs.items()))})
    assert table_hash(reordered) == table_hash(found)
    assert table_hash(swapped) != table_hash(found), "the order of the classes decides"
