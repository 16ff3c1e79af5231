"""Values of fields: checking what was given, taking free text out, describing the form as JSON Schema."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias, cast

from workflows.core.canonical import Json, pointer_token
from workflows.core.case import Data, InputError
from workflows.core.civil import YEARS
from workflows.core.documents import (
    NAME_LENGTH,
    NAME_PATTERN,
    AgenciesField,
    AgencyField,
    AttestationsField,
    BooleanField,
    CasesField,
    ChoiceField,
    DateField,
    DocumentField,
    FieldSpec,
    IntegerField,
    ItemsField,
    KeyField,
    Sheet,
    TextField,
    Validity,
)
from workflows.core.nearest import nearest

REASON_LIMIT = 2_000
TITLE_LIMIT = 300
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_KEY = re.compile(NAME_PATTERN)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DOCUMENT_TEXTS = {"number": 60, "issuer": 200, "title": 500}
FREE_TEXTS = ("text", "items")
"""Types of fields whose values are nobody's but the case's: they enter no entry, nor what is kept of a refusal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What values are checked against besides their own field."""

    agencies: Mapping[str, Validity]
    """Every agency there ever was; whether one is in force on a day is `agencies_in_force`'s."""
    sheets: Mapping[str, Sheet]


Errors: TypeAlias = Iterator[InputError]


def check(fields: Mapping[str, FieldSpec], given: Mapping[str, Json], at: str, context: Context) -> list[InputError]:
    """Everything wrong with the values given; empty when they can be used.

    Args:
        fields: The fields that are asked for.
        given: By field name; null counts as not given.
        at: JSON Pointer of `given` in the request.
        context: Agencies and sheets that values may name.
    """
    errors = [_unknown(name, fields, at) for name in given if name not in fields]
    for name, spec in fields.items():
        value = given.get(name)
        if value is not None:
            errors += _CHECKS[spec.type](spec, value, f"{at}/{name}", context)
        elif spec.required:
            errors.append(InputError(path=f"{at}/{name}", message=f"{name} is required: {spec.title.en}"))
    return errors


def _unknown(name: str, fields: Mapping[str, FieldSpec], at: str) -> InputError:
    return unknown_name(f"{at}/{pointer_token(name)}", "field", name, fields)


def unknown_name(
    path: str, what: str, given: str, allowed: Iterator[str] | Mapping[str, object] | Sequence[str]
) -> InputError:
    """An error that names what was given, what is allowed and the nearest match."""
    names = sorted(allowed)
    near = nearest(given, names)
    hint = f"; did you mean {near!r}?" if near else ""
    return InputError(path=path, message=f"unknown {what} {given!r}; allowed: {', '.join(names) or 'none'}{hint}")


def present(given: Mapping[str, Json]) -> dict[str, Json]:
    """The values without those that are null, at every depth of objects: null counts as not given."""
    return {
        name: present(value) if isinstance(value, Mapping) else value
        for name, value in given.items()
        if value is not None
    }


def texts(value: Json, at: str, limit: int) -> Errors:
    """What is wrong with a free text of at most `limit` characters."""
    if not isinstance(value, str):
        yield InputError(path=at, message=f"must be text, not {_kind(value)}")
    elif not value.strip():
        yield InputError(path=at, message="must not be empty")
    elif len(value) > limit:
        yield InputError(path=at, message=f"has {len(value)} characters; at most {limit} are allowed")


def _check_text(spec: TextField, value: Json, at: str, _context: Context) -> Errors:
    yield from texts(value, at, spec.max_length)


def _check_items(spec: ItemsField, value: Json, at: str, _context: Context) -> Errors:
    yield from _check_list(value, at, spec.max_items)
    for index, item in enumerate(_members(value)):
        yield from texts(item, f"{at}/{index}", REASON_LIMIT)


def _check_list(value: Json, at: str, limit: int) -> Errors:
    if not isinstance(value, list | tuple):
        yield InputError(path=at, message=f"must be a list, not {_kind(value)}")
    elif not 1 <= len(value) <= limit:
        yield InputError(path=at, message=f"has {len(value)} items; 1 to {limit} are allowed")


def _members(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list | tuple) else ()


def _check_integer(spec: IntegerField, value: Json, at: str, _context: Context) -> Errors:
    if not isinstance(value, int) or isinstance(value, bool):
        yield InputError(path=at, message=f"must be an integer, not {_kind(value)}")
    elif not spec.minimum <= value <= spec.maximum:
        yield InputError(path=at, message=f"is {value}; {spec.minimum} to {spec.maximum} are allowed")


def _check_boolean(_spec: BooleanField, value: Json, at: str, _context: Context) -> Errors:
    if not isinstance(value, bool):
        yield InputError(path=at, message=f"must be true or false, not {_kind(value)}")


def _check_date(_spec: DateField, value: Json, at: str, _context: Context) -> Errors:
    yield from dates(value, at)


def dates(value: Json, at: str) -> Errors:
    """What is wrong with a civil date written yyyy-mm-dd."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        day = None
    # Python reads weeks and dates without hyphens, too; what is stored is written in one way only.
    if day is None or day.isoformat() != value or day.year not in YEARS:
        yield InputError(path=at, message=f"{value!r} is not a date; write yyyy-mm-dd")


def _check_choice(spec: ChoiceField, value: Json, at: str, _context: Context) -> Errors:
    if not isinstance(value, str) or value not in spec.options:
        yield unknown_name(at, "choice", str(value), spec.options)


def _check_key(_spec: KeyField, value: Json, at: str, _context: Context) -> Errors:
    if not isinstance(value, str) or len(value) > NAME_LENGTH or not _KEY.fullmatch(value):
        yield InputError(path=at, message=f"{value!r} is not a key: lower-case ASCII words joined by _")


def _check_document(_spec: DocumentField, value: Json, at: str, _context: Context) -> Errors:
    yield from _document(value, at)


def _document(value: Json, at: str) -> Errors:
    if not isinstance(value, Mapping):
        yield InputError(path=at, message=f"must be an object with number, date, issuer and title, not {_kind(value)}")
        return
    allowed = (*_DOCUMENT_TEXTS, "date", "sha256")
    yield from (
        unknown_name(f"{at}/{pointer_token(name)}", "field", name, allowed) for name in value if name not in allowed
    )
    for name, limit in _DOCUMENT_TEXTS.items():
        if value.get(name) is None:
            yield InputError(path=f"{at}/{name}", message=f"{name} is required")
        else:
            yield from texts(value[name], f"{at}/{name}", limit)
    yield from dates(value.get("date"), f"{at}/date")
    sha256 = value.get("sha256")
    if sha256 is not None and not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
        yield InputError(path=f"{at}/sha256", message="must be 64 lower-case hexadecimal digits")


def _check_agency(_spec: AgencyField, value: Json, at: str, context: Context) -> Errors:
    if not isinstance(value, str) or value not in context.agencies:
        yield unknown_name(at, "agency", str(value), sorted(context.agencies))


def _check_agencies(_spec: AgenciesField, value: Json, at: str, context: Context) -> Errors:
    yield from _check_list(value, at, max(1, len(context.agencies)))
    yield from _repeated(value, at)
    for index, item in enumerate(_members(value)):
        if not isinstance(item, str) or item not in context.agencies:
            yield unknown_name(f"{at}/{index}", "agency", str(item), sorted(context.agencies))


def agencies_in_force(fields: Mapping[str, FieldSpec], given: Data, at: str, context: Context, day: date) -> Errors:
    """An error for each agency named that does not exist on a civil date."""
    for name, spec in fields.items():
        if spec.type not in ("agency", "agencies"):
            continue
        value = given.get(name)
        for agency in (value,) if isinstance(value, str) else _members(value):
            valid = context.agencies[str(agency)]
            if not valid.covers(day):
                message = f"agency {agency!r} is not in force on {day.isoformat()}, only {valid.period}"
                yield InputError(path=f"{at}/{name}", message=message)


def _repeated(value: Json, at: str) -> Errors:
    seen: set[str] = set()
    for index, item in enumerate(_members(value)):
        if isinstance(item, str) and item in seen:
            yield InputError(path=f"{at}/{index}", message=f"{item!r} is listed twice")
        seen.add(str(item))


def _check_cases(spec: CasesField, value: Json, at: str, _context: Context) -> Errors:
    yield from _check_list(value, at, spec.max_items)
    yield from _repeated(value, at)
    for index, item in enumerate(_members(value)):
        if not (isinstance(item, str) and _UUID.fullmatch(item)):
            yield InputError(path=f"{at}/{index}", message=f"{item!r} is not a case id (lower-case UUID)")


def _check_attestations(spec: AttestationsField, value: Json, at: str, context: Context) -> Errors:
    if not isinstance(value, Mapping):
        yield InputError(path=at, message=f"must be an object by condition, not {_kind(value)}")
        return
    allowed = attested_codes(context.sheets[spec.sheet])
    for code, finding in value.items():
        if code not in allowed:
            yield unknown_name(f"{at}/{pointer_token(code)}", "condition", code, allowed)
        else:
            yield from _finding(finding, f"{at}/{code}")


def attested_codes(sheet: Sheet) -> tuple[str, ...]:
    """Codes of the conditions of a sheet that a reviewer attests."""
    return tuple(leaf.code for criterion in sheet.criteria for leaf in criterion.walk() if leaf.attested)


def _finding(value: Json, at: str) -> Errors:
    allowed = ("met", "evidence", "note")
    if not isinstance(value, Mapping):
        yield InputError(path=at, message=f"must be an object with met, evidence and note, not {_kind(value)}")
        return
    yield from (
        unknown_name(f"{at}/{pointer_token(name)}", "field", name, allowed) for name in value if name not in allowed
    )
    if not isinstance(value.get("met"), bool):
        yield InputError(path=f"{at}/met", message="must be true or false")
    if value.get("evidence") is not None:
        yield from _document(value["evidence"], f"{at}/evidence")
    if value.get("note") is not None:
        yield from texts(value["note"], f"{at}/note", REASON_LIMIT)
    if value.get("evidence") is None and value.get("note") is None:
        yield InputError(path=at, message="an attestation needs evidence, or a note that says what it rests on")


def _kind(value: Json) -> str:
    names = {bool: "true or false", int: "a number", str: "text", type(None): "null"}
    return names.get(type(value), "a list" if isinstance(value, list | tuple) else "an object")


_CHECKS: Mapping[str, Callable[..., Errors]] = {
    "text": _check_text,
    "items": _check_items,
    "integer": _check_integer,
    "boolean": _check_boolean,
    "date": _check_date,
    "choice": _check_choice,
    "key": _check_key,
    "document": _check_document,
    "agency": _check_agency,
    "agencies": _check_agencies,
    "cases": _check_cases,
    "attestations": _check_attestations,
}


def split(fields: Mapping[str, FieldSpec], values: Data) -> tuple[dict[str, Json], dict[str, Json]]:
    """The values as they enter an entry, and the free text taken out of them, both by field name."""
    public: dict[str, Json] = {}
    private: dict[str, Json] = {}
    for name, value in values.items():
        open_part, text_part = _split_value(fields[name].type, value)
        if open_part is not None or text_part is None:
            public[name] = open_part
        if text_part is not None:
            private[name] = text_part
    return public, private


def _split_value(kind: str, value: Json) -> tuple[Json, Json]:
    if kind in FREE_TEXTS:
        return None, value
    if kind == "document" and isinstance(value, Mapping):
        return _split_document(value)
    if kind == "attestations" and isinstance(value, Mapping):
        return split_findings(cast("Mapping[str, Data]", value))
    return value, None


def _split_document(document: Data) -> tuple[Data, Data | None]:
    public = {name: value for name, value in document.items() if name != "title" and value is not None}
    title = document.get("title")
    return public, {"title": title} if title is not None else None


def split_findings(findings: Mapping[str, Data]) -> tuple[Data, Data | None]:
    """Attestations by condition, without and with only their notes and titles of evidence."""
    public: dict[str, Json] = {}
    private: dict[str, Json] = {}
    for code, finding in findings.items():
        evidence = finding.get("evidence")
        open_part: dict[str, Json] = {"met": finding["met"]}
        text_part: dict[str, Json] = {}
        if isinstance(evidence, Mapping):
            open_part["evidence"], title = _split_document(evidence)
            text_part |= {"evidence": title} if title else {}
        if finding.get("note") is not None:
            text_part["note"] = finding["note"]
        public[code] = open_part
        private |= {code: text_part} if text_part else {}
    return public, private or None


def document_hashes(fields: Mapping[str, FieldSpec], values: Data) -> list[str]:
    """SHA-256 of every file that the values refer to, sorted."""
    return sorted({sha for name, value in values.items() for sha in _hashes(fields[name].type, value)})


def _hashes(kind: str, value: Json) -> Iterator[str]:
    if kind == "document" and isinstance(value, Mapping) and isinstance(value.get("sha256"), str):
        yield str(value["sha256"])
    elif kind == "attestations" and isinstance(value, Mapping):
        for finding in value.values():
            yield from _hashes("document", cast("Data", finding).get("evidence"))


def input_schema(fields: Mapping[str, FieldSpec], context: Context) -> dict[str, Json]:
    """JSON Schema (2020-12) of an input with these fields; titles in both languages."""
    schema: dict[str, Json] = {
        "type": "object",
        "properties": {name: _described(spec, context) for name, spec in fields.items()},
        "additionalProperties": False,
    }
    required = [name for name, spec in fields.items() if spec.required]
    return schema | ({"required": required} if required else {})


def _described(spec: FieldSpec, context: Context) -> dict[str, Json]:
    words: dict[str, Json] = {"title": spec.title.vi, "x-title": {"vi": spec.title.vi, "en": spec.title.en}}
    if spec.help:
        words["description"] = spec.help.vi
        words["x-help"] = {"vi": spec.help.vi, "en": spec.help.en}
    shape = _SCHEMAS[spec.type](spec, context)
    return words | shape | {"x-type": spec.type}


_DATE: dict[str, Json] = {"type": "string", "format": "date", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}
_DOCUMENT: dict[str, Json] = {
    "type": "object",
    "properties": {
        **{name: {"type": "string", "minLength": 1, "maxLength": limit} for name, limit in _DOCUMENT_TEXTS.items()},
        "date": _DATE,
        "sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    },
    "required": [*_DOCUMENT_TEXTS, "date"],
    "additionalProperties": False,
}


def _text_schema(limit: int) -> dict[str, Json]:
    return {"type": "string", "minLength": 1, "maxLength": limit, "pattern": "\\S"}


def _choice_schema(spec: ChoiceField) -> dict[str, Json]:
    titles: dict[str, Json] = {key: {"vi": words.vi, "en": words.en} for key, words in spec.options.items()}
    return {"type": "string", "enum": list(spec.options), "x-titles": titles}


def _list_schema(items: dict[str, Json], limit: int, *, unique: bool) -> dict[str, Json]:
    shape: dict[str, Json] = {"type": "array", "items": items, "minItems": 1, "maxItems": limit}
    return shape | ({"uniqueItems": True} if unique else {})


def _findings_schema(spec: AttestationsField, context: Context) -> dict[str, Json]:
    finding: dict[str, Json] = {
        "type": "object",
        "properties": {"met": {"type": "boolean"}, "evidence": _DOCUMENT, "note": _text_schema(REASON_LIMIT)},
        "required": ["met"],
        "anyOf": [{"required": ["evidence"]}, {"required": ["note"]}],
        "additionalProperties": False,
    }
    codes = attested_codes(context.sheets[spec.sheet])
    return {"type": "object", "properties": dict.fromkeys(codes, finding), "additionalProperties": False}


_SCHEMAS: Mapping[str, Callable[..., dict[str, Json]]] = {
    "text": lambda spec, _: _text_schema(spec.max_length),
    "items": lambda spec, _: _list_schema(_text_schema(REASON_LIMIT), spec.max_items, unique=False),
    "integer": lambda spec, _: {"type": "integer", "minimum": spec.minimum, "maximum": spec.maximum},
    "boolean": lambda _spec, _: {"type": "boolean"},
    "date": lambda _spec, _: _DATE,
    "choice": lambda spec, _: _choice_schema(spec),
    "key": lambda _spec, _: {"type": "string", "pattern": NAME_PATTERN, "maxLength": NAME_LENGTH},
    "document": lambda _spec, _: _DOCUMENT,
    "agency": lambda _spec, context: {"type": "string", "enum": sorted(context.agencies)},
    "agencies": lambda _spec, context: _list_schema(
        {"type": "string", "enum": sorted(context.agencies)}, max(1, len(context.agencies)), unique=True
    ),
    "cases": lambda spec, _: _list_schema({"type": "string", "format": "uuid"}, spec.max_items, unique=True),
    "attestations": _findings_schema,
}
