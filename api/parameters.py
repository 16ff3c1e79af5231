"""The parameters that a route takes in its query: their names on the wire, and what is wrong with a value.

What the framework finds wrong is told here in the words of this interface; which values make sense together is not
decided here.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from enum import Enum
from typing import Any, Final

from litestar import Request
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from litestar.typing import FieldDefinition

from workflows.core.case import InputError
from workflows.core.civil import YEARS
from workflows.core.fields import unknown_name

_KINDS: Final[Mapping[type, str]] = {
    date: f"a date of the years {YEARS[0]} to {YEARS[-1]}; write yyyy-mm-dd",
    bool: "true or false",
    int: "a whole number",
}

_WRITTEN: Final[Mapping[type, re.Pattern[str]]] = {
    date: re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    bool: re.compile(r"true|false"),
    int: re.compile(r"-?(0|[1-9][0-9]{0,18})"),
}
"""The one way to write a value of a type; the framework reads others, too, such as `1` for true."""


def query_names(handler: BaseRouteHandler) -> list[str]:
    """What may stand in the query of a route."""
    fields = handler.parsed_fn_signature.parameters.items()
    return [_name(name, field) for name, field in fields if isinstance(field.kwarg_definition, QueryParameter)]


def _name(name: str, field: FieldDefinition) -> str:
    known = field.kwarg_definition
    return known.name or name if isinstance(known, QueryParameter) else name


def parameter_error(request: Request[Any, Any, Any], argument: str, message: str) -> InputError:
    """What is wrong with the value for an argument of the route's function; `message` is the framework's."""
    field = request.route_handler.parsed_fn_signature.parameters.get(argument)
    if field is None:
        return InputError(path=f"/{argument}", message=message)
    name = _name(argument, field)
    given = request.query_params.get(name, "")
    choices = list(_choices(field))
    if choices:
        return unknown_name(f"/{name}", "value", given, choices)
    kind = _kind(field)
    if kind is None or (kind is int and _WRITTEN[int].fullmatch(given)):  # a number, but out of range
        return InputError(path=f"/{name}", message=message)
    return _not_written(name, given, kind)


def written_otherwise(handler: BaseRouteHandler, name: str, given: str) -> InputError | None:
    """What is wrong with a value that the framework would read though it is not written as it should be.

    Above all `null`, which it takes for no value at all, so that a filter would pass for none.
    """
    fields = handler.parsed_fn_signature.parameters.items()
    field = next(field for argument, field in fields if _name(argument, field) == name)
    choices = list(_choices(field))
    if choices:
        return None if given in choices else unknown_name(f"/{name}", "value", given, choices)
    kind = _kind(field)
    return None if kind is None or _is_written(given, kind) else _not_written(name, given, kind)


def _is_written(given: str, kind: type) -> bool:
    return bool(_WRITTEN[kind].fullmatch(given)) and (kind is not date or int(given[:4]) in YEARS)


def _not_written(name: str, given: str, kind: type) -> InputError:
    return InputError(path=f"/{name}", message=f"{given[:80]!r} is not {_KINDS[kind]}")


def _kind(field: FieldDefinition) -> type | None:
    return next((each for each in (field.annotation, *field.args) if each in _KINDS), None)


def _choices(field: FieldDefinition) -> Iterator[str]:
    if field.is_literal:
        yield from (str(each) for each in field.args)
    for each in (field.annotation, *field.args):
        if isinstance(each, type) and issubclass(each, Enum):
            yield from (str(member.value) for member in each)
