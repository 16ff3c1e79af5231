"""Guards: CEL expressions over declared variables, compiled once and evaluated in three-valued logic.

Owns the CEL library, the types and functions an expression may use, and what an unknown value does to a
result. It does not know which variables a document declares, where values come from, or what a blocker says.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from functools import cache, lru_cache
from typing import Final, Protocol, TypeAlias, cast

from cel_expr_python import cel  # type: ignore[import-untyped]  # the library ships no types

from workflows.core.checked import Checked, TooLargeError, absorbing, has_ternary, read
from workflows.core.civil import add_months


class ValueType(StrEnum):
    """What a variable holds or an expression yields; `texts` is a list of texts."""

    BOOLEAN = "boolean"
    INTEGER = "integer"
    TEXT = "text"
    DATE = "date"
    TEXTS = "texts"


Value: TypeAlias = bool | int | str | date | tuple[str, ...]


class Values(Protocol):
    """Values by variable name, such as a mapping; None is unknown."""

    def get(self, name: str, /) -> Value | None: ...


LONGEST_TEXT: Final = 2_000  # characters of one expression
_REMEMBERED: Final = 64
"""Results kept of one guard: a batch asks the same of many cases, and the library takes longer than looking it up."""

_LANGUAGES: Final = 256
"""Kept: more than the places of a province's workflows, each of which has variables of its own."""

_CEL_TYPES: Final = {
    ValueType.BOOLEAN: cel.Type.BOOL,
    ValueType.INTEGER: cel.Type.INT,
    ValueType.TEXT: cel.Type.STRING,
    ValueType.DATE: cel.Type.TIMESTAMP,
    ValueType.TEXTS: cel.Type.List(cel.Type.STRING),
}
_PYTHON_TYPES: Final = {
    ValueType.BOOLEAN: bool,
    ValueType.INTEGER: int,
    ValueType.TEXT: str,
    ValueType.DATE: date,
    ValueType.TEXTS: tuple,
}
_SIGNATURES: Final = {
    "add_months": "add_months(date, integer)",
    "add_days": "add_days(date, integer)",
    "days_between": "days_between(date, date)",
    "date": 'date("2025-03-30")',
}
_BUILT_IN: Final = frozenset({"size", "startsWith", "endsWith", "contains", "matches"})
_WORDS: Final = {"bool": "boolean", "int": "integer", "string": "text", "timestamp": "date"}
_ALLOWED_TYPES: Final = re.compile(r"(list\()*(bool|int|string|timestamp)\)*")
_REMEDIES: Final = {
    "double": "no floating point: compare whole numbers, a ratio by multiplying both sides",
    "duration": "no durations: use days_between, add_days or add_months",
}
_NAME: Final = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)
# Words CEL keeps for itself: the first four nowhere in a name, the others not at its start.
_KEYWORDS: Final = frozenset({"in", "true", "false", "null"})
_RESERVED: Final = frozenset(
    {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let"}
    | {"loop", "package", "namespace", "return", "var", "void", "while"}
)
_NOT_CODE: Final = re.compile(
    r"//[^\n]*|[rRbB]*(\"\"\"[\s\S]*?\"\"\"|'''[\s\S]*?'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*')"
)
_HAS: Final = re.compile(r"\bhas\s*\(")
_LIBRARY_ERROR: Final = re.compile(r"ERROR: <input>:(-?\d+):(-?\d+): (.*)")
_UNDECLARED: Final = re.compile(r"undeclared reference to '([^']*)'")
_STATUS: Final = re.compile(r"^[A-Z_]+: |\s*\[[A-Z_]+\]$")


class GuardError(ValueError):
    """Something wrong in an expression's text.

    `column` is 1-based and counts characters within its line; the message names the line where it is not the
    first. `given` and `nearest` are set for an undeclared name, `nearest` only if one is close.
    """

    def __init__(
        self,
        text: str,
        message: str,
        *,
        offset: int | None = None,
        given: str | None = None,
        nearest: str | None = None,
    ) -> None:
        before = text[:offset] if offset is not None else ""
        line = before.count("\n") + 1
        self.text = text
        self.message = message if line == 1 else f"{message} (line {line})"
        self.column = None if offset is None else len(before) - before.rfind("\n")
        self.given = given
        self.nearest = nearest
        super().__init__(self.message)


@dataclass(frozen=True, slots=True)
class Unknown:
    """No result, because of variables without a value."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Failed:
    """No result, because of an error while evaluating."""

    message: str


class Language:
    """The variables that expressions of one place may name, each with a boolean `known.<name>`."""

    @staticmethod
    def of(variables: Mapping[str, ValueType]) -> "Language":
        """The one language of these variables: what proves a document and what compiles it share it, and its guards.

        Raises:
            ValueError: a name that CEL could not read.
        """
        return _language(frozenset(variables.items()))

    def __init__(self, variables: Mapping[str, ValueType]) -> None:
        """Raise ValueError for a name that CEL could not read."""
        for name in variables:
            _check_name(name)
        self.names: frozenset[str] = frozenset(variables)
        self._types = dict(variables)
        self._first_parts = {name.partition(".")[0] for name in variables} | {"known"}
        known = {f"known.{name}": cel.Type.BOOL for name in variables}
        declared = {name: _CEL_TYPES[value_type] for name, value_type in variables.items()}
        self._environment = cel.NewEnv(variables=declared | known, functions=_functions())
        self._guards: dict[tuple[str, ValueType], Guard] = {}

    def compile(self, text: str, *, result: ValueType = ValueType.BOOLEAN) -> "Guard":
        """The guard of this text and result, which is kept.

        Raises:
            GuardError: anything wrong: syntax, names, types, the result's type, size.
        """
        guard = self._guards.get((text, result))
        if guard is None:
            guard = self._guards[text, result] = self._compiled(text, result)
        return guard

    def _compiled(self, text: str, result: ValueType) -> "Guard":
        _check_text(text)
        expression = self._checked_by_library(text)
        serialized = expression.serialize()
        checked = read(serialized)
        _check_use(text, checked)
        self._check_loops(text, checked)
        _check_result(text, expression, result)
        if has_ternary(checked):
            expression = self._absorbing(text, serialized)
        reads = checked.identifiers & self.names
        return Guard(
            text=text,
            result=result,
            variables=reads,
            known=frozenset(name for name in self.names if f"known.{name}" in checked.identifiers),
            _expression=expression,
            _reads=tuple((name, self._types[name]) for name in sorted(reads)),
        )

    def _checked_by_library(self, text: str) -> cel.Expression:
        try:
            return self._environment.compile(text)
        except RuntimeError as error:
            raise self._problem(text, str(error)) from None

    def _problem(self, text: str, error: str) -> GuardError:
        found = _LIBRARY_ERROR.search(error)
        if found is None:
            return GuardError(text, _STATUS.sub("", error.strip()))
        message, offset = found[3], _offset(text, int(found[1]), int(found[2]))
        undeclared = _UNDECLARED.match(message)
        if undeclared is not None:
            return self._undeclared(text, undeclared[1], offset)
        return GuardError(text, _in_our_words(message), offset=offset)

    def _undeclared(self, text: str, given: str, offset: int | None) -> GuardError:
        offset = _start_of(text, given, offset)
        if given in _SIGNATURES:
            return GuardError(text, f"{given} is used as {_SIGNATURES[given]}", offset=offset)
        candidates = [*self.names, *(f"known.{name}" for name in self.names), *_SIGNATURES, *_BUILT_IN]
        nearest = next(iter(get_close_matches(given, sorted(candidates), n=1)), None)
        hint = f"; the nearest name is {nearest!r}" if nearest else ""
        return GuardError(text, f"unknown name {given!r}{hint}", offset=offset, given=given, nearest=nearest)

    def _check_loops(self, text: str, checked: Checked) -> None:
        """Refuse a loop variable that hides a declared name: the reader could not tell which is meant."""
        for name, loop in checked.loop_variables.items():
            if name in self._first_parts:
                message = f"the loop variable {name!r} hides a declared name; call it otherwise"
                raise GuardError(text, message, offset=checked.offsets.get(loop))

    def _absorbing(self, text: str, serialized: bytes) -> cel.Expression:
        try:
            return self._environment.deserialize(absorbing(serialized))
        except (TooLargeError, RuntimeError):
            raise GuardError(text, "too many nested ternaries") from None


@lru_cache(_LANGUAGES)
def _language(variables: frozenset[tuple[str, ValueType]]) -> Language:
    return Language(dict(variables))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Guard:
    """A compiled expression; any number of threads may evaluate it at once.

    `variables` are the declared names it reads, `known` those it only asks about by `known.<name>`; a name
    may be in both.
    """

    text: str
    result: ValueType
    variables: frozenset[str]
    known: frozenset[str]
    _expression: cel.Expression
    _reads: tuple[tuple[str, ValueType], ...]
    _remembered: Callable[..., Value | Unknown | Failed] = field(init=False)
    """`_evaluate`, which is a function of values alone."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_remembered", lru_cache(_REMEMBERED, typed=True)(self._evaluate))

    def evaluate(self, values: Values) -> Value | Unknown | Failed:
        """The result, decided as soon as the unknown values (None or absent) can no longer change it.

        This holds for `&&`, `||`, `!`, `all`, `exists` and ternaries with boolean branches. A ternary with
        other branches, and every function or comparison, needs its operands. A value that is not of its
        declared type gives Failed.
        """
        given: list[Value | None] = []
        for name, value_type in self._reads:
            value = values.get(name)
            fault = None if value is None else _fault(value, value_type)
            if fault is not None:
                return Failed(f"{name}: {fault}")
            given.append(value)
        given += [values.get(name) is not None for name in self.known]
        return self._remembered(*given)

    def _evaluate(self, *given: Value | None) -> Value | Unknown | Failed:
        bound: dict[str, object] = {}
        unknown: list[str] = []
        for (name, _), value in zip(self._reads, given, strict=False):
            if value is None:
                unknown.append(name)  # not bound: && and || absorb the error that reading it is
            else:
                bound[name] = _to_cel(value)
        for name, is_known in zip(self.known, given[len(self._reads) :], strict=True):
            bound[f"known.{name}"] = is_known
        return self._outcome(bound, unknown)

    def _outcome(self, bound: dict[str, object], unknown: list[str]) -> Value | Unknown | Failed:
        try:
            outcome = self._expression.eval(data=bound)
        except RuntimeError as error:  # the library raises only when a limit stops it
            return Failed(_STATUS.sub("", str(error)))
        if outcome.type() != _ERROR:
            return _from_cel(outcome.plain_value(), self.result)
        if unknown:
            return Unknown(frozenset(unknown))
        return Failed(_STATUS.sub("", str(outcome.value())))


_ERROR: Final = cel.Type.ERROR


def _check_name(name: str) -> None:
    parts = name.split(".")
    if not _NAME.fullmatch(name) or parts[0] in _RESERVED | {"known"} or not _KEYWORDS.isdisjoint(parts):
        raise ValueError(
            f"{name!r} cannot name a variable: letters, digits and _ in parts joined by dots, not starting "
            f"with 'known' or a word that CEL reserves"
        )


def _check_text(text: str) -> None:
    if not text.strip():
        raise GuardError(text, "the expression is empty")
    if len(text) > LONGEST_TEXT:
        raise GuardError(text, f"{len(text)} characters, at most {LONGEST_TEXT} are allowed")
    fault = _text_fault(text)
    if fault is not None:
        raise GuardError(text, fault)
    # The library resolves has(a.b) on a dotted variable to the variable's value instead of its presence.
    code = _NOT_CODE.sub(lambda found: " " * len(found[0]), text)
    found = _HAS.search(code)
    if found is not None:
        raise GuardError(text, "has() is not available: use known.<name>", offset=found.start())


def _check_use(text: str, checked: Checked) -> None:
    refused = [id_ for id_, name in checked.types.items() if not _ALLOWED_TYPES.fullmatch(name)]
    if refused:
        first = min(refused, key=lambda id_: checked.offsets.get(id_, len(text)))
        name = checked.types[first]
        remedy = _REMEDIES.get(name, f"no {name}: only booleans, whole numbers, texts, dates and lists of one kind")
        raise GuardError(text, remedy, offset=checked.offsets.get(first))
    for call in checked.calls:
        _check_call(text, call.function, call.literal, checked.offsets.get(call.id))


def _check_call(text: str, function: str, literal: str | None, offset: int | None) -> None:
    if function == "date":
        _check_date(text, literal, offset)
    elif function[0].isalpha() and function not in _SIGNATURES and function not in _BUILT_IN:
        allowed = ", ".join(sorted(_SIGNATURES.keys() | _BUILT_IN))
        raise GuardError(text, f"{function}() is not available; allowed are {allowed}", offset=offset)


def _check_date(text: str, literal: str | None, offset: int | None) -> None:
    if literal is None:
        raise GuardError(text, f"date() takes a literal: {_SIGNATURES['date']}", offset=offset)
    try:
        _date(literal)
    except ValueError as error:
        raise GuardError(text, f"{literal!r} is not a date: {error}", offset=offset) from None


def _check_result(text: str, expression: cel.Expression, wanted: ValueType) -> None:
    name = expression.return_type().name()
    if name != _CEL_TYPES[wanted].name():
        raise GuardError(text, f"yields {_in_our_words(name.lower())}, must yield {wanted}")


def _in_our_words(message: str) -> str:
    """A message of the library with our names of types, bare operators and no list of tokens."""
    message = message.partition(" expecting {")[0]
    message = re.sub(r"'_?([^\w\s']+|\?_:|\[)_?\]?'", lambda found: f"'{found[1].replace('_', '')}'", message)
    return re.sub(r"\b(bool|int|string|timestamp)\b", lambda found: _WORDS[found[1]], message)


def _offset(text: str, line: int, column: int) -> int | None:
    if line < 1 or column < 1:
        return None
    return sum(len(before) + 1 for before in text.split("\n")[: line - 1]) + column - 1


def _start_of(text: str, name: str, offset: int | None) -> int | None:
    """Where `name` begins: the library points at its last dot, or at the parenthesis behind it."""
    if offset is None:
        return None
    start = text.rfind(name, 0, offset + len(name))
    return start if start >= 0 and start + len(name) >= offset else offset


def _fault(value: Value, value_type: ValueType) -> str | None:
    if type(value) is not _PYTHON_TYPES[value_type]:
        return f"must be {value_type}, is {type(value).__name__}"
    if isinstance(value, str):
        return _text_fault(value)
    if isinstance(value, tuple):
        return next((fault for fault in map(_member_fault, value) if fault), None)
    if value_type is ValueType.INTEGER and not -(2**63) <= cast("int", value) < 2**63:
        return "exceeds 64 bits"
    return None


def _member_fault(member: object) -> str | None:
    return _text_fault(member) if isinstance(member, str) else f"holds {type(member).__name__}, must hold text"


def _text_fault(text: str) -> str | None:
    if "\0" in text:
        return "holds U+0000"  # the library would cut the text there, and compare what is left
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "holds a lone surrogate"
    return None


def _to_cel(value: Value) -> object:
    if isinstance(value, date):
        return _midnight(value)
    return list(value) if isinstance(value, tuple) else value


def _from_cel(value: object, value_type: ValueType) -> Value:
    if value_type is ValueType.DATE:
        return cast("datetime", value).date()
    if value_type is ValueType.TEXTS:
        return tuple(cast("list[str]", value))
    return cast("Value", value)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _date(literal: str) -> datetime:
    if len(literal) != len("2025-03-30"):
        raise ValueError("write it as YYYY-MM-DD")
    return _midnight(date.fromisoformat(literal))


def _add_months(day: datetime, months: int) -> datetime:
    try:
        return _midnight(add_months(day, months))
    except OverflowError:
        raise ValueError("date out of range") from None


def _add_days(day: datetime, days: int) -> datetime:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        raise ValueError("date out of range") from None


def _days_between(earlier: datetime, later: datetime) -> int:
    return (later - earlier).days


@cache
def _functions() -> list[cel.FunctionDecl]:
    day, number, text = cel.Type.TIMESTAMP, cel.Type.INT, cel.Type.STRING
    overloads = {
        "add_months": cel.Overload("add_months", day, [day, number], impl=_add_months),
        "add_days": cel.Overload("add_days", day, [day, number], impl=_add_days),
        "days_between": cel.Overload("days_between", number, [day, day], impl=_days_between),
        "date": cel.Overload("date", day, [text], impl=_date),
    }
    return [cel.FunctionDecl(name, [overload]) for name, overload in overloads.items()]
