"""Values given as texts, read by the type of the field they are for: `found_by=survey`, `decision.date=30/06/2025`.

Reads forms only. Whether a value may stand is decided where every command is decided, so that nothing here repeats
the limits of a field.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, NoReturn, TypeAlias, cast

from workflows.core.canonical import Json, violations
from workflows.core.civil import INDOCHINA, YEARS, parse_instant
from workflows.core.documents import AttestationsField, ChoiceField, FieldSpec
from workflows.core.fields import Context, attested_codes
from workflows.core.nearest import nearest

Reader: TypeAlias = Callable[[str], Json]
DATES: Final = "dd/mm/yyyy or yyyy-mm-dd"
_TRUE: Final = ("true", "yes", "có")
_FALSE: Final = ("false", "no", "không")
_DAY_FIRST: Final = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})")
_LOCAL_TIME: Final = re.compile(r"(?P<day>\S+) (?P<time>\d{2}:\d{2}(:\d{2})?)")
_INTEGER: Final = re.compile(r"[+-]?[0-9]{1,15}")


class GivenError(ValueError):
    """Everything that cannot be read; each message names the field, what was given and what is allowed."""

    def __init__(self, messages: Sequence[str]) -> None:
        self.messages = tuple(messages)
        super().__init__("; ".join(messages))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Leaf:
    """One place that a text can be given for."""

    read: Reader
    listed: bool = False
    """Given any number of times, a list results."""


def read_values(fields: Mapping[str, FieldSpec], context: Context, assignments: Sequence[str]) -> dict[str, Json]:
    """The values of `name=value` texts, a part of a value as `decision.number=12/QĐ-UBND`.

    Args:
        fields: The fields that are asked for.
        context: Agencies and sheets that values may name.
        assignments: The texts; for a list, one for each member.

    Raises:
        GivenError: a name is not known, a value is given twice or cannot be read.
    """
    leaves = {name: leaf for field, spec in fields.items() for name, leaf in _leaves(field, spec, context)}
    values: dict[str, Json] = {}
    problems: list[str] = []
    for assignment in assignments:
        try:
            _assign(values, fields, leaves, assignment)
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise GivenError(problems)
    return values


def _assign(
    values: dict[str, Json], fields: Mapping[str, FieldSpec], leaves: Mapping[str, _Leaf], assignment: str
) -> None:
    name, equals, text = assignment.partition("=")
    if not equals:
        raise ValueError(f"{assignment!r} is not name=value")
    leaf = leaves.get(name)
    if leaf is None:
        _refuse_name(name, fields, leaves)
    try:
        value = leaf.read(text)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    _put(values, name, value, listed=leaf.listed)


def _refuse_name(name: str, fields: Mapping[str, FieldSpec], leaves: Mapping[str, _Leaf]) -> NoReturn:
    field = name.partition(".")[0]
    allowed = [leaf for leaf in leaves if leaf.partition(".")[0] == field] if field in fields else list(fields)
    near = nearest(name, leaves)
    hint = f'; did you mean "{near}"?' if near else ""
    raise ValueError(f'unknown field "{name}"; allowed: {", ".join(allowed) or "none"}{hint}')


def _put(values: dict[str, Json], name: str, value: Json, *, listed: bool) -> None:
    *parents, last = name.split(".")
    place = values
    for parent in parents:
        # A name is a leaf or a parent, never both.
        place = cast("dict[str, Json]", place.setdefault(parent, {}))
    if listed:
        before = place.get(last, [])
        place[last] = [*before, value] if isinstance(before, list) else [value]
    elif last in place:
        raise ValueError(f"{name}: is given more than once")
    else:
        place[last] = value


def _leaves(name: str, spec: FieldSpec, context: Context) -> Iterator[tuple[str, _Leaf]]:
    if spec.type == "document":
        yield from _document_leaves(name)
    elif isinstance(spec, AttestationsField):
        for code in attested_codes(context.sheets[spec.sheet]):
            yield f"{name}.{code}.met", _Leaf(read=_boolean)
            yield f"{name}.{code}.note", _Leaf(read=str)
            yield from _document_leaves(f"{name}.{code}.evidence")
    else:
        yield name, _Leaf(read=_reader(spec, context), listed=spec.type in {"items", "agencies", "cases"})


def _document_leaves(name: str) -> Iterator[tuple[str, _Leaf]]:
    for part in ("number", "issuer", "title", "sha256"):
        yield f"{name}.{part}", _Leaf(read=str)
    yield f"{name}.date", _Leaf(read=_date)


def _reader(spec: FieldSpec, context: Context) -> Reader:
    if isinstance(spec, ChoiceField):
        return _among("choice", spec.options)
    if spec.type in {"agency", "agencies"}:
        return _among("agency", context.agencies)
    return {"integer": _integer, "boolean": _boolean, "date": _date}.get(spec.type, str)


def _among(what: str, allowed: Mapping[str, object]) -> Reader:
    def read(text: str) -> Json:
        if text not in allowed:
            near = nearest(text, allowed)
            hint = f'; did you mean "{near}"?' if near else ""
            raise ValueError(f'unknown {what} "{text}"; allowed: {", ".join(allowed)}{hint}')
        return text

    return read


def _integer(text: str) -> Json:
    if not _INTEGER.fullmatch(text):
        raise ValueError(f'"{text}" is not an integer; write digits alone, such as 12000')
    return int(text)


def _boolean(text: str) -> Json:
    if text.casefold() in _TRUE:
        return True
    if text.casefold() in _FALSE:
        return False
    raise ValueError(f'"{text}" is neither true nor false; allowed: {", ".join((*_TRUE, *_FALSE))}')


def _date(text: str) -> Json:
    return read_date(text).isoformat()


def read_date(text: str) -> date:
    """A civil date, day first or as ISO 8601 writes it; raises ValueError, also for a year that is not of `YEARS`."""
    day_first = _DAY_FIRST.fullmatch(text)
    try:
        found = date(*map(int, reversed(day_first.groups()))) if day_first else date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f'"{text}" is not a date; write {DATES}') from error
    if found.year not in YEARS:
        raise ValueError(f'"{text}" is outside the years {YEARS[0]} to {YEARS[-1]}')
    return found


def read_instant(text: str) -> datetime:
    """An RFC 3339 instant, or `30/06/2025 08:00` in Asia/Ho_Chi_Minh, as instants are shown; raises ValueError."""
    local = _LOCAL_TIME.fullmatch(text)
    try:
        if local:
            return parse_instant(f"{read_date(local['day']).isoformat()}T{local['time']}{_OFFSET}")
        return parse_instant(text)
    except ValueError as error:
        form = '"30/06/2025 08:00" (giờ Việt Nam) or 2025-06-30T08:00:00+07:00'
        raise ValueError(f'"{text}" is not an instant; write {form}') from error


_OFFSET: Final = datetime(2025, 1, 1, tzinfo=INDOCHINA).isoformat()[-6:]


def read_object(text: str) -> dict[str, Json]:
    """A JSON object of which every value can be stored; raises GivenError."""
    try:
        value: Json = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise GivenError([f"not JSON that can be read: {error}"]) from error
    if not isinstance(value, dict):
        raise GivenError(['the JSON must be an object, such as {"kind": "point"}'])
    problems = [f"{path or 'the object'}: {message}" for path, message in violations(value)]
    if problems:
        raise GivenError(problems)
    return value


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"member {max(names, key=names.count)!r} stands twice in one object")
    return found


def joined(values: Mapping[str, Json], more: Mapping[str, Json]) -> dict[str, Json]:
    """Both together; raises GivenError when one field is in both, for it would be unclear which was meant."""
    both = sorted(values.keys() & more.keys())
    if both:
        raise GivenError([f"{name}: is given more than once" for name in both])
    return {**values, **more}
