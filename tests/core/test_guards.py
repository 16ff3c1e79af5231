"""Guards: what compiles, what each problem says, three-valued results, and hostile expressions."""

import operator
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.core.guards import Failed, GuardError, Language, Unknown, Value, ValueType

VARIABLES = {
    "case.kind": ValueType.TEXT,
    "facts.addicts": ValueType.INTEGER,
    "facts.hotspots": ValueType.INTEGER,
    "entered.monitored": ValueType.DATE,
    "today": ValueType.DATE,
    "input.agencies": ValueType.TEXTS,
    "children.opinion.requested": ValueType.INTEGER,
    **dict.fromkeys(("p", "q", "r"), ValueType.BOOLEAN),
    **dict.fromkeys(("m", "n"), ValueType.INTEGER),
}
LANGUAGE = Language(VARIABLES)
P_UNKNOWN = Unknown(frozenset({"p"}))


def evaluate(text: str, values: Mapping[str, Value | None], result: ValueType = ValueType.BOOLEAN) -> object:
    return LANGUAGE.compile(text, result=result).evaluate(values)


def problem(text: str, result: ValueType = ValueType.BOOLEAN) -> GuardError:
    with pytest.raises(GuardError) as caught:
        LANGUAGE.compile(text, result=result)
    return caught.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('case.kind == "retail_point"', True),
        ('case.kind in ["point", "gathering_place"]', False),
        ("facts.addicts * 1000 <= facts.hotspots * 2 + 8", True),
        ("today >= add_months(entered.monitored, 12)", True),
        ('input.agencies.all(a, a != "") && "police" in input.agencies', True),
        ('input.agencies.exists(a, a.startsWith("hea"))', True),
        ("input.agencies.size() == 2 && children.opinion.requested == 0", True),
        ('case.kind == "today"', False),
        (".today == today // has(case.kind)", True),
    ],
)
def test_a_guard_over_known_values(text: str, *, expected: bool) -> None:
    values: dict[str, Value | None] = {
        "case.kind": "retail_point",
        "facts.addicts": 0,
        "facts.hotspots": 3,
        "entered.monitored": date(2024, 2, 29),
        "today": date(2025, 2, 28),
        "input.agencies": ("police", "health"),
        "children.opinion.requested": 0,
    }
    assert evaluate(text, values) is expected


@pytest.mark.parametrize(
    ("text", "result", "expected"),
    [
        ("n + 1", ValueType.INTEGER, 8),
        ('"điểm " + case.kind', ValueType.TEXT, "điểm nóng"),
        ("today", ValueType.DATE, date(2025, 1, 31)),
        ("input.agencies", ValueType.TEXTS, ("b", "a")),
        ('input.agencies.filter(a, a > "a")', ValueType.TEXTS, ("b",)),
        ("add_months(today, 1)", ValueType.DATE, date(2025, 2, 28)),
        ('add_months(date("2024-01-31"), 1)', ValueType.DATE, date(2024, 2, 29)),
        ('add_months(date("2024-02-29"), -12)', ValueType.DATE, date(2023, 2, 28)),
        ("add_months(today, -1)", ValueType.DATE, date(2024, 12, 31)),
        ("add_days(today, 29)", ValueType.DATE, date(2025, 3, 1)),
        ('days_between(today, date("2025-03-01"))', ValueType.INTEGER, 29),
        ('days_between(date("2025-03-01"), today)', ValueType.INTEGER, -29),
    ],
)
def test_results_of_every_type(text: str, result: ValueType, expected: Value) -> None:
    values: dict[str, Value | None] = {
        "n": 7,
        "case.kind": "nóng",
        "today": date(2025, 1, 31),
        "input.agencies": ("b", "a"),
    }
    assert evaluate(text, values, result) == expected


@given(
    start=st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 1, 1)),
    days=st.integers(min_value=-20_000, max_value=20_000),
)
def test_days_between_undoes_add_days(start: date, days: int) -> None:
    values: dict[str, Value | None] = {"today": start, "n": days}
    assert evaluate("add_days(today, n)", values, ValueType.DATE) == start + timedelta(days=days)
    assert evaluate("days_between(today, add_days(today, n)) == n", values) is True


def test_a_guard_tells_what_it_reads() -> None:
    text = 'known.facts.addicts && input.agencies.all(a, a != "p") && case.kind == "q r known.today" // n'
    guard = LANGUAGE.compile(text)
    assert guard.variables == {"input.agencies", "case.kind"}
    assert guard.known == {"facts.addicts"}
    assert guard.text == text
    with pytest.raises(FrozenInstanceError):
        guard.text = "true"  # type: ignore[misc]  # that it cannot be set is what is tested


@pytest.mark.parametrize(
    ("text", "message", "column", "given", "nearest"),
    [
        (
            'case.kid == "a"',
            "unknown name 'case.kid'; the nearest name is 'case.kind'",
            1,
            "case.kid",
            "case.kind",
        ),
        ('"ú" != case.kindd', "unknown name 'case.kindd'; ", 8, "case.kindd", "case.kind"),
        ("known.facts.addict", "unknown name", 1, "known.facts.addict", "known.facts.addicts"),
        ("p && zzzzzz", "unknown name 'zzzzzz'", 6, "zzzzzz", None),
        ("add_month(today, 1) == today", "unknown name 'add_month'", 1, "add_month", "add_months"),
        ("p &&\n  facts.adicts == 0", "(line 2)", 3, "facts.adicts", "facts.addicts"),
        ("add_months(today) == today", "add_months is used as add_months(date, integer)", 1, None, None),
        ("case.kind == 1", "'==' applied to '(text, integer)'", 11, None, None),
        ("n + ", "Syntax error: mismatched input '<EOF>'", 5, None, None),
        ("n", "yields integer, must yield boolean", None, None, None),
        ("input.agencies.all(a, a)", "'&&' applied to '(boolean, text)'", 19, None, None),
        ("input.agencies.all(today, p)", "loop variable 'today' hides", 19, None, None),
        ("input.agencies.all(known, p)", "loop variable 'known' hides", 19, None, None),
        ("n == 3 && 1.5 > 1.0", "no floating point", 11, None, None),
        ("dyn(n) == n", "no dyn", 4, None, None),
        ("today - today == today - today", "no durations", 7, None, None),
        ("double(n) == double(m)", "no floating point", 7, None, None),
        ("1u == 1u", "no uint", 1, None, None),
        ("n == null", "", 3, None, None),
        ('{"a": 1}.a == n', "no map", 1, None, None),
        ("type(n) == int", "no type", 5, None, None),
        ('timestamp("2020-01-01T00:00:00Z") == today', "timestamp() is not available", 10, None, None),
        ("int(today) == n", "int() is not available", 4, None, None),
        ("today.getMonth() == 1", "getMonth() is not available", 15, None, None),
        ('"has(" == "" || has(case.kind)', "use known.<name>", 17, None, None),
        ('date("2025-02-29") == today', "'2025-02-29' is not a date", 5, None, None),
        ('date("20250228") == today', "YYYY-MM-DD", 5, None, None),
        ("date(case.kind) == today", "date() takes a literal", 5, None, None),
        ("  ", "the expression is empty", None, None, None),
        ('case.kind == "\0"', "U+0000", None, None, None),
        ('case.kind == "\ud800"', "surrogate", None, None, None),
        ("p" + " && p" * 400, "2001 characters, at most 2000", None, None, None),
    ],
)
def test_a_problem_names_itself(
    text: str, message: str, column: int | None, given: str | None, nearest: str | None
) -> None:
    found = problem(text)
    assert message in found.message
    assert (found.column, found.given, found.nearest) == (column, given, nearest)
    assert found.text == text


@pytest.mark.parametrize("name", ["", "a b", "known.x", "a.in", "if", "a..b", "điểm", "1a", "a\n"])
def test_a_name_cel_cannot_read_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a variable"):
        Language({name: ValueType.TEXT})


def test_a_longer_name_beside_its_beginning() -> None:
    language = Language({"case": ValueType.TEXT, "case.kind": ValueType.TEXT})
    guard = language.compile('case == "a" && case.kind == "b"')
    assert guard.variables == language.names == {"case", "case.kind"}
    assert guard.evaluate({"case": "a", "case.kind": "b"}) is True


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("true || p", True),
        ("p || true", True),
        ("false && p", False),
        ("p && false", False),
        ("!p", P_UNKNOWN),
        ("p || q", P_UNKNOWN),
        ("known.p && p", False),
        ("!known.p || p", True),
        ("q ? p : true", True),
        ("r ? p : true", P_UNKNOWN),
        ("p ? r : !q", True),
        ("p ? r : q", P_UNKNOWN),
        ("p ? q : (p ? false : q)", False),
        ("(p ? 1 : 1) == 1", P_UNKNOWN),
        ('input.agencies.exists(a, a == "y" || p)', True),
        ('input.agencies.all(a, a == "y" || p)', P_UNKNOWN),
        ('input.agencies.all(a, p ? a != "z" : a != "w")', True),
        ("n == 0 && p", Unknown(frozenset({"n", "p"}))),
        ("1 / m == 1 || p", P_UNKNOWN),
    ],
)
def test_an_unknown_matters_only_where_it_decides(text: str, expected: object) -> None:
    values: dict[str, Value | None] = {"p": None, "q": False, "r": True, "m": 0, "input.agencies": ("x", "y")}
    assert evaluate(text, values) == expected


@pytest.mark.parametrize(
    ("text", "values", "message"),
    [
        ("1 / n == 1", {"n": 0}, "divide by zero"),
        ("n + 9223372036854775807 > 0", {"n": 1}, "integer overflow"),
        ("n == 0", {"n": 2**63}, "n: exceeds 64 bits"),
        ("n == 0", {"n": False}, "n: must be integer, is bool"),
        ('case.kind == "a"', {"case.kind": "a\0b"}, "case.kind: holds U+0000"),
        ('case.kind == "a"', {"case.kind": "a\ud800"}, "case.kind: holds a lone surrogate"),
        ('"a" in input.agencies', {"input.agencies": ("a", "a\0")}, "input.agencies: holds U+0000"),
        ('"a" in input.agencies', {"input.agencies": ("a", 1)}, "holds int, must hold text"),
        ("today == today", {"today": datetime(2025, 1, 1, tzinfo=UTC)}, "must be date"),
        ("add_days(today, n) == today", {"today": date(2025, 1, 1), "n": 10**12}, "out of range"),
        ("add_months(today, n) == today", {"today": date(2025, 1, 1), "n": 10**12}, "out of range"),
        ("add_months(today, n) == today", {"today": date(2025, 1, 1), "n": 12 * 7975}, "out of range"),
        ('input.agencies[n] == "a"', {"input.agencies": ("a",), "n": 4}, "index"),
    ],
)
def test_an_error_is_a_failure_with_its_reason(text: str, values: dict[str, Value | None], message: str) -> None:
    outcome = evaluate(text, values)
    assert isinstance(outcome, Failed)
    assert message in outcome.message


# --- the differential test: CEL against strong Kleene logic -------------------------------------------------

Environment = dict[str, Value | None]
Expression = tuple[str, Callable[[Environment], bool | None]]

_COMPARISONS: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _variable(name: str) -> Expression:
    return name, lambda environment: None if environment[name] is None else bool(environment[name])


def _comparison(left: str, sign: str, right: str | int) -> Expression:
    def reference(environment: Environment) -> bool | None:
        operands = environment[left], environment[right] if isinstance(right, str) else right
        first, second = operands
        if not isinstance(first, int) or not isinstance(second, int):
            return None
        return _COMPARISONS[sign](first, second)

    return f"{left} {sign} {right}", reference


def _known(name: str) -> Expression:
    return f"known.{name}", lambda environment: environment[name] is not None


def _literal(*, value: bool) -> Expression:
    return str(value).lower(), lambda _: value


def _negation(inner: Expression) -> Expression:
    def reference(environment: Environment) -> bool | None:
        truth = inner[1](environment)
        return None if truth is None else not truth

    return f"!({inner[0]})", reference


def _connective(left: Expression, right: Expression, *, sign: str, absorbing: bool) -> Expression:
    def reference(environment: Environment) -> bool | None:
        truths = left[1](environment), right[1](environment)
        if absorbing in truths:
            return absorbing
        return None if None in truths else not absorbing

    return f"({left[0]}) {sign} ({right[0]})", reference


def _ternary(condition: Expression, yes: Expression, no: Expression) -> Expression:
    def reference(environment: Environment) -> bool | None:
        truth, if_true, if_false = (part[1](environment) for part in (condition, yes, no))
        if truth is None:
            return if_true if if_true == if_false else None
        return if_true if truth else if_false

    return f"({condition[0]}) ? ({yes[0]}) : ({no[0]})", reference


def _composed(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    return st.one_of(
        st.builds(_negation, inner),
        st.builds(partial(_connective, sign="&&", absorbing=False), inner, inner),
        st.builds(partial(_connective, sign="||", absorbing=True), inner, inner),
        st.builds(_ternary, inner, inner, inner),
    )


numbers = st.sampled_from(["m", "n"])
leaves = st.one_of(
    st.builds(_variable, st.sampled_from(["p", "q", "r"])),
    st.builds(_known, st.sampled_from(["p", "q", "r", "m", "n"])),
    st.builds(_comparison, numbers, st.sampled_from(sorted(_COMPARISONS)), numbers | st.integers(-1, 2)),
    st.builds(_literal, value=st.booleans()),
)
expressions = st.recursive(leaves, _composed, max_leaves=12)
environments = st.fixed_dictionaries(
    {
        **{name: st.none() | st.booleans() for name in ("p", "q", "r")},
        **{name: st.none() | st.integers(-1, 2) for name in ("m", "n")},
    }
)


@settings(max_examples=500, deadline=None)
@given(expression=expressions, environment=environments)
def test_agrees_with_strong_kleene_logic(expression: Expression, environment: Environment) -> None:
    text, reference = expression
    guard = LANGUAGE.compile(text)
    unknown = frozenset(name for name in guard.variables if environment[name] is None)
    expected = reference(environment)
    assert guard.evaluate(environment) == (Unknown(unknown) if expected is None else expected)


# --- hostile expressions ------------------------------------------------------------------------------------


def _nested(opening: str, depth: int, core: str, closing: str) -> str:
    return opening * depth + core + closing * depth


REFUSED = {
    "parentheses": _nested("(", 900, "p", ")"),
    "lists": _nested("[", 900, "", "]"),
    "maps": "{" * 2000,
    "calls": _nested("size(", 300, "[]", ")"),
    "selects": "a" + ".b" * 999,
    "selects of a declared name": "case.kind" + ".b" * 900,
    "indexes": "input.agencies" + "[0]" * 600,
    "minuses": "-" * 1999,
    "sums": "n" + "+n" * 900 + " == 0",
    "texts": '"' * 1999,
    "ternaries to the right": "p ? q : " * 200 + "p",
    "ternaries within ternaries": _nested("p ? (", 12, "q", ") : (p && q)"),
    "loops within loops": _nested("input.agencies.all(a, ", 40, "p", ")"),
    "control characters": "\x01\x02\x7f",
    "not ASCII": "p và q",
    "message": "google.protobuf.Int64Value{value: 1} == 1",
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED.keys())
def test_a_hostile_expression_is_refused(text: str) -> None:
    assert problem(text).message


_MANY = tuple(str(number) for number in range(200))
STOPPED = {
    "five loops": _nested("input.agencies.all(a, ", 5, "case.kind != ''", ")"),
    "five maps": _nested("input.agencies.map(a, ", 5, "a", ")") + ".size() > 0",
    "pattern of patterns": 'case.kind.matches("(((a{100}){100}){100}){100}")',
    "broken pattern": 'case.kind.matches("(")',
}


@pytest.mark.parametrize("text", STOPPED.values(), ids=STOPPED.keys())
def test_a_hostile_evaluation_is_stopped(text: str) -> None:
    try:
        outcome = evaluate(text, {"input.agencies": _MANY, "case.kind": "a" * 5000})
    except GuardError:
        return  # as good: it does not even compile
    assert isinstance(outcome, Failed)


def test_a_wide_but_shallow_guard_is_no_hostile_one() -> None:
    assert evaluate("p" + " && p" * 300, {"p": True}) is True
    assert evaluate("p ? q : (q ? r : (r ? p : q))", {"p": False, "q": False, "r": True}) is False
    assert evaluate('case.kind.matches("(a+)+$")', {"case.kind": "a" * 5000 + "b"}) is False


# Texts near the grammar, so that mutations reach the parser, the checker and the evaluator.
TOKENS = ["p", "n", "case.kind", "today", "known.p", "input.agencies", "date", "add_days", "a", "has", "size"]
TOKENS += ["(", ")", "[", "]", "{", "}", ".", ",", "?", ":", "!", "-", "+", "*", "/", "%", "&&", "||", "=="]
TOKENS += [
    "<",
    "in",
    "all",
    "map",
    "'",
    '"',
    '"x"',
    "1",
    "0",
    "1.0",
    "1u",
    "null",
    "b''",
    "\n",
    "//",
    "\\",
    "đ",
]


@settings(max_examples=300, deadline=None)
@given(text=st.lists(st.sampled_from(TOKENS), max_size=25).map(" ".join) | st.text(max_size=40))
def test_any_text_gives_a_problem_or_a_result(text: str) -> None:
    outcome: object
    try:
        outcome = LANGUAGE.compile(text).evaluate({"p": True, "n": 0})
    except GuardError as found:
        outcome = found
    if isinstance(outcome, GuardError):
        assert outcome.message
        assert outcome.column is None or outcome.column >= 1
    else:
        assert isinstance(outcome, bool | Unknown | Failed)


def test_one_guard_in_eight_threads() -> None:
    guard = LANGUAGE.compile('p && add_days(today, n) == date("2025-01-31") && input.agencies.exists(a, a == "x")')

    def run(seed: int) -> int:
        wrong = 0
        for step in range(2_000):
            n = (seed + step) % 31
            day = date(2025, 1, 31) - timedelta(days=n)
            known = step % 3 != 0
            outcome = guard.evaluate({"p": True if known else None, "today": day, "n": n, "input.agencies": ("y", "x")})
            wrong += outcome != (True if known else P_UNKNOWN)
        return wrong

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(run, range(8))) == [0] * 8
