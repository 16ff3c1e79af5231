"""What is wrong with the shape of a document, in the words of its author.

Turns the errors of pydantic into findings: paths as written instead of type names, allowed keys and values,
the nearest match, and for a choice of shapes only the problems of the one that was meant.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from types import UnionType
from typing import Annotated, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, from_json

from workflows.core.canonical import Json
from workflows.core.nearest import nearest
from workflows.core.problems import Finding, Path

Model = TypeVar("Model", bound=BaseModel)
Token: TypeAlias = tuple[bool, str | int]
"""True and a key or index of the document, or False and the label of one shape of a choice."""
_Error: TypeAlias = tuple[tuple[Token, ...], ErrorDetails, tuple[object, ...]]
"""Where, what, and the types that were possible there."""

_KINDS: Mapping[str, str] = {
    "string_type": "a text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "date_type": "a date, written yyyy-mm-dd",
}
_PATTERNS: Mapping[str, str] = {
    "^[a-z][a-z0-9]*(_": "a name: lower-case ASCII words joined by _",
    "^(design|": 'a basis: "design", or a plan and its section as printed, such as "tra-vinh-2025 III.3"',
    "^([a-z]": "a trigger: trigger or workflow.trigger",
    "^[0-9]{1,9}/": 'a share: a fraction of whole numbers, such as "1/5"',
    "^(input|case)\\.[a-z][a-z0-9_]*$|": "a source: input.<name>, case.<field>, today, item or {literal: …}",
    "^(input|case)": "a list: input.<name> or case.<field>",
    "^[a-z]+(-[a-z]+)*-[0-9]{4}$": 'a plan: province and year of issue, such as "tra-vinh-2025"',
    "^(0[1-9]|1[0-2])-": 'a day of every year, written mm-dd, such as "11-20"',
    "^-?[0-9]{1,9}": 'a number: decimals stand in quotes, such as "42.9"',
    "^(VN|": 'the code of a unit: "VN", or 2 to 5 digits in quotes',
    "^owner": "who is told: owner, or a list of roles",
    "^case": "a day that the case holds: case.<date field>",
    "^parameters": "a parameter of the table: parameters.<name>",
    "^[0-9]{1,4}": 'a share such as "0.5 %", or a parameter of the table: parameters.<name>',
    "^(parameters": "a count, or a parameter of the table: parameters.<name>",
}
_NO_KEY = "a key here"
_LIMITS: Mapping[str, str] = {
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must not be empty",
    "string_too_long": "is longer than {max_length} characters",
    "too_short": "must not be empty",
}


def read_shape(model: type[Model], data: Json) -> tuple[Model | None, tuple[Finding, ...]]:
    """The document, or None and everything that is wrong with its shape."""
    text = json.dumps(data, ensure_ascii=False)  # in the order of the author, which forms and diagrams keep
    try:
        return model.model_validate_json(text), ()
    except ValidationError as error:
        found = [details for details in error.errors(include_url=False) if not _follows(details)]
        plain = from_json(text)
        return None, _without_misspelt(_settle((), [_located(model, details, plain) for details in found]))


def _follows(details: ErrorDetails) -> bool:
    """Whether a list only counts as too short because its items are wrong, which is reported for each."""
    return details["type"] == "too_short" and len(details["input"]) > 0


def _without_misspelt(found: list[Finding]) -> tuple[Finding, ...]:
    """The findings without those of keys that are missing only because they are misspelt."""
    meant = {(*finding.path[:-1], finding.nearest) for finding in found if finding.message.endswith(_NO_KEY)}
    return tuple(finding for finding in found if (*finding.path, finding.given) not in meant)


def _located(model: type[BaseModel], details: ErrorDetails, data: object) -> _Error:
    tokens: list[Token] = []
    types: tuple[object, ...] = (model,)
    loc = tuple(part for part in details["loc"] if part != "[key]")
    for index, part in enumerate(loc):
        further = tuple(kind for known in types for kind in _inside(known, part))
        ends = index == len(loc) - 1 and details["type"] in {"missing", "extra_forbidden"}
        if ends or (further and _holds(data, part)):
            tokens.append((True, part))
            types, data = (types if ends else further), _member(data, part)
        else:
            tokens.append((False, part))
            types = tuple(kind for kind in types if _labelled(kind, str(part))) or types
    return tuple(tokens), details, types


def _holds(data: object, part: str | int) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and isinstance(part, int)


def _member(data: object, part: str | int) -> object:
    if isinstance(data, dict):
        return data.get(part)
    return data[part] if isinstance(data, list) and isinstance(part, int) else None


def _inside(kind: object, part: str | int) -> Iterator[object]:
    """The types that a member of `kind` may have."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, field in kind.model_fields.items():
            if part == (field.alias or name):
                yield from _shapes(field.annotation)
    elif get_origin(kind) is dict and isinstance(part, str):
        yield from _shapes(get_args(kind)[1])
    elif get_origin(kind) is tuple and isinstance(part, int):
        yield from _shapes(get_args(kind)[0])


def _shapes(annotation: object) -> Iterator[object]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _shapes(get_args(annotation)[0])
    elif origin in {Union, UnionType}:
        for choice in get_args(annotation):
            yield from _shapes(choice)
    elif annotation is not type(None):
        yield annotation


def _labelled(kind: object, label: str) -> bool:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        tag = kind.model_fields.get("type")
        return kind.__name__ in label or (tag is not None and label in get_args(tag.annotation))
    origin = get_origin(kind)
    return isinstance(origin, type) and label.startswith(origin.__name__)


def _settle(path: Path, errors: list[_Error]) -> list[Finding]:
    """The findings below `path`, each choice of shapes reduced to the one that was meant."""
    found = [_finding(path, details, types) for tokens, details, types in errors if not tokens]
    branches: dict[Token, list[_Error]] = {}
    for tokens, details, types in errors:
        if tokens:
            branches.setdefault(tokens[0], []).append((tokens[1:], details, types))
    labels = [below for (is_key, _), below in branches.items() if not is_key]
    if labels:
        found += _meant(path, labels)
    for (is_key, part), below in branches.items():
        if is_key:
            found += _settle((*path, part), below)
    return found


def _meant(path: Path, shapes: list[list[_Error]]) -> list[Finding]:
    """The findings of the shape that comes nearest; where no shape is of the given kind, what is allowed."""
    fitting = [errors for errors in shapes if not any(_is_mismatch(error) for error in errors)]
    if fitting:
        return min((_settle(path, errors) for errors in fitting), key=len)
    kinds = dict.fromkeys(_KINDS[details["type"]] for errors in shapes for _, details, _ in errors)
    details = shapes[0][0][1]
    return [Finding(path=path, message=f"must be {' or '.join(kinds)}, not {_shown(details['input'])}")]


def _is_mismatch(error: _Error) -> bool:
    tokens, details, _ = error
    return not tokens and details["type"] in _KINDS


def _finding(path: Path, details: ErrorDetails, types: tuple[object, ...]) -> Finding:
    kind, given = details["type"], details["input"]
    match kind:
        case "missing":
            return Finding(path=path[:-1], message=f'"{path[-1]}" is missing', given=str(path[-1]))
        case "extra_forbidden":
            return Finding.unknown(path, str(path[-1]), _NO_KEY, _keys(types))
        case "enum" | "literal_error":
            return _closed(path, given, _values(types))
        case "union_tag_not_found":
            return Finding(path=path, message='"type" is missing', allowed=_tags(types))
        case "union_tag_invalid":
            return Finding.unknown((*path, "type"), str(given["type"]), "a type of field", _tags(types))
    return Finding(path=path, message=_message(kind, given, details.get("ctx", {})), given=_text(given))


def _closed(path: Path, given: object, allowed: tuple[str, ...]) -> Finding:
    text = _text(given)
    return Finding(
        path=path,
        message=f"{_shown(given)} is not allowed here",
        given=text,
        allowed=allowed,
        nearest=None if text is None else nearest(text, allowed),
    )


def _message(kind: str, given: object, context: Mapping[str, object]) -> str:
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}, not {_shown(given)}"
    if kind == "string_pattern_mismatch":
        pattern = str(context["pattern"])
        expected = next((words for start, words in _PATTERNS.items() if pattern.startswith(start)), pattern)
        return f"{_shown(given)} is not {expected}"
    if kind in _LIMITS:
        return _LIMITS[kind].format_map(context)
    if kind.startswith("date"):
        return f"{_shown(given)} is not a date; write yyyy-mm-dd"
    return str(context.get("error", kind))


def _text(given: object) -> str | None:
    return given if isinstance(given, str) else None


def _shown(given: object) -> str:
    match given:
        case None:
            return "nothing"
        case bool():
            return "true" if given else "false"
        case str():
            return f'"{given}"'
        case dict():
            return "a mapping"
        case list():
            return "a list"
    return str(given)


def _models(types: Iterable[object]) -> Iterator[type[BaseModel]]:
    for kind in types:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield kind


def _keys(types: Iterable[object]) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(field.alias or name for model in _models(types) for name, field in model.model_fields.items())
    )


def _tags(types: Iterable[object]) -> tuple[str, ...]:
    return tuple(str(tag) for model in _models(types) for tag in get_args(model.model_fields["type"].annotation))


def _values(types: Iterable[object]) -> tuple[str, ...]:
    values: list[str] = []
    for kind in types:
        if isinstance(kind, type) and issubclass(kind, StrEnum):
            values += [member.value for member in kind]
        elif get_origin(kind) is Literal:
            values += [_shown(value).strip('"') for value in get_args(kind)]
    return tuple(values)
