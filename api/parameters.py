"""The parameters that a route takes in its query: their names on the wire, and what is wrong with a value.

What the framework finds wrong is told here in the words of this interface; which values make sense together is not
decided here.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from enum import Enum
from typing import Any, Final

from litestar import Request
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter
from litestar.typing import FieldDefinition

from workflows.core.case import InputError
from workflows.core.fields import unknown_name

_KINDS: Final[Mapping[type, str]] = {
    date: "a date; write yyyy-mm-dd",
    bool: "true or false",
    int: "a whole number",
}


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
    kind = next((_KINDS[each] for each in (field.annotation, *field.args) if each in _KINDS), None)
    out_of_range = kind == _KINDS[int] and given.removeprefix("-").isdecimal()
    return InputError(path=f"/{name}", message=message if kind is None or out_of_range else f"{given!r} is not {kind}")


def _choices(field: FieldDefinition) -> Iterator[str]:
    if field.is_literal:
        yield from (str(each) for each in field.args)
    for each in (field.annotation, *field.args):
        if isinstance(each, type) and issubclass(each, Enum):
            yield from (str(member.value) for member in each)
