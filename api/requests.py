"""Reading a request strictly: its body, its preconditions, its idempotency key.

One JSON reader for all routes: UTF-8 only, no member twice, no floating point, at most `DEPTH` levels. Everything
that passes here can be queued and written.
"""

import asyncio
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, TypeAlias, TypeVar, cast, get_args

from litestar import Request
from litestar.datastructures import State
from litestar.exceptions.http_exceptions import InternalServerException, RequestEntityTooLarge
from litestar.params import QueryParameter
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from api.bodies import Body
from api.parameters import query_names, written_otherwise
from api.problems import HttpError, MalformedError
from workflows.core.canonical import Json, canonical_bytes, digest, violations
from workflows.core.case import Actor, InputError
from workflows.core.civil import parse_instant
from workflows.core.fields import unknown_name
from workflows.store.paging import LIMIT
from workflows.store.submissions import Idempotency

BODY_LIMIT: Final = 1_048_576
"""Bytes."""
BODY_SECONDS: Final = 30.0
"""From the first look at a body to its end."""
DEPTH: Final = 32
"""Levels of objects and lists within one another."""
ApiRequest: TypeAlias = Request[Actor, Any, State]
Model = TypeVar("Model", bound=Body)

_TYPES: Final[Mapping[str, str]] = {
    "string_type": "must be text",
    "int_type": "must be an integer",
    "bool_type": "must be true or false",
    "dict_type": "must be an object",
    "list_type": "must be a list",
    "model_type": "must be an object",
}
"""By the type of pydantic's error, which itself speaks of Python's types."""
_ETAG: Final = re.compile(r'^"(0|[1-9][0-9]{0,9})"$')
_NESTING: Final = (dict, list)
_PRINTABLE: Final = re.compile(r"^[\x20-\x7e]{1,255}$")
_JSON_TYPE: Final = re.compile(r'^application/json\s*(;\s*charset="?utf-8"?\s*)?$', re.IGNORECASE)


Limit: TypeAlias = Annotated[int, QueryParameter(ge=1, le=LIMIT)]


class _TwiceError(ValueError):
    pass


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for name in names if names.count(name) > 1))
    return found


_decoder: Final = json.JSONDecoder(object_pairs_hook=_unique)


async def read_body(request: ApiRequest, model: type[Model]) -> tuple[Model, Json]:
    """The body, checked and as it was sent."""
    value = await _read_object(request)
    found = [InputError(path=_printable(path), message=message) for path, message in violations(value)]
    if found:
        raise MalformedError(found)
    try:
        return model.model_validate(value), value
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise MalformedError([_input_error(each, model) for each in details]) from error


def _printable(path: str) -> str:
    """The names in a pointer come from the request, too, and may hold what no answer could."""
    return path.encode("utf-8", "backslashreplace").decode()


async def _read_object(request: ApiRequest) -> dict[str, Json]:
    given = request.headers.get("content-type", "")
    if not _JSON_TYPE.match(given):
        raise HttpError(415, "content_type", f"the content type is {given!r}; send application/json")
    coding = request.headers.get("content-encoding", "identity")
    if coding.lower() != "identity":
        raise HttpError(415, "content_encoding", f"the body is encoded with {coding!r}; send it as it is")
    value = decode(await _whole_body(request))
    if not isinstance(value, dict):
        raise MalformedError([InputError(path="", message="the body must be an object")])
    return value


async def _whole_body(request: ApiRequest) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.body()
    except TimeoutError as error:
        detail = f"the body did not come within {BODY_SECONDS:g} seconds"
        raise HttpError(408, "body_late", detail, headers={"connection": "close"}) from error
    except RequestEntityTooLarge as error:
        raise HttpError(413, "too_large", f"the body is larger than {BODY_LIMIT} bytes") from error
    except InternalServerException as error:
        # The framework's word for a client that went away; nobody reads this answer, but it is no failure of ours.
        raise HttpError(400, "incomplete", "the body did not come to its end") from error


def decode(raw: bytes) -> Json:
    """The value of a JSON text; raises HttpError where it is none that this interface takes."""
    try:
        value: Json = _decoder.decode(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _not_json(f"byte {error.start} is not UTF-8") from error
    except json.JSONDecodeError as error:
        raise _not_json(f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except _TwiceError as error:
        raise _not_json(f"member {str(error)[:80]!r} stands twice in one object") from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:  # an integer of thousands of digits
        raise MalformedError([InputError(path="", message=f"a number is too large: {error}")]) from error
    if raw.count(b"{") + raw.count(b"[") > DEPTH and _is_too_deep(value):
        raise _too_deep()
    return value


def _is_too_deep(value: Json) -> bool:
    """Level by level, because recursion is what must not happen."""
    level: list[Json] = [value] if isinstance(value, _NESTING) else []
    for _ in range(DEPTH):
        level = [member for part in level for member in _members(part) if isinstance(member, _NESTING)]
    return bool(level)


def _members(part: Json) -> Iterable[Json]:
    return part.values() if isinstance(part, dict) else cast("list[Json]", part)


def _not_json(detail: str) -> HttpError:
    return HttpError(400, "not_json", f"the body is not JSON that can be read: {detail}")


def _too_deep() -> HttpError:
    return HttpError(400, "too_deep", f"the body is nested deeper than {DEPTH} levels")


def _input_error(error: ErrorDetails, model: type[Body]) -> InputError:
    place = error["loc"]
    pointer = "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in place)
    if error["type"] == "extra_forbidden":
        return unknown_name(pointer, "member", str(place[-1]), list(_model_at(model, place[:-1]).model_fields))
    if error["type"] == "missing":
        return InputError(path=pointer, message="is required")
    return InputError(path=pointer, message=_TYPES.get(error["type"], error["msg"]))


def _model_at(model: type[Body], place: Sequence[str | int]) -> type[Body]:
    """The model of what stands at a place: that of a list's items where the place goes on with an index."""
    for part in place:
        if isinstance(part, str):
            model = next(each for each in get_args(model.model_fields[part].annotation) if issubclass(each, Body))
    return model


def instant(text: str | None, path: str) -> datetime | None:
    """An instant with its UTC offset; raises MalformedError, naming the path of the member."""
    try:
        return parse_instant(text) if text is not None else None
    except (ValueError, OverflowError) as error:
        raise MalformedError([InputError(path=path, message=str(error))]) from error


def expected_version(request: ApiRequest) -> int | None:
    """The version named by If-Match; None where it names none, by being absent or `*`.

    One strong entity tag as an ETag header gave it, such as `"5"`, is what can be used: a weak tag never matches
    (RFC 9110, 13.1.1), and a list would leave open what the sender saw.
    """
    given = request.headers.getall("if-match", [])
    if not given or given == ["*"]:
        return None
    found = _ETAG.match(given[0]) if len(given) == 1 else None
    if found is None:
        message = f'{", ".join(given)[:200]!r} is not one strong entity tag; send the ETag of the case, such as "5"'
        raise MalformedError([InputError(path="If-Match", message=message)])
    return int(found[1])


def idempotency(request: ApiRequest, body: Json) -> Idempotency | None:
    """The key of the request, scoped by the client, with the fingerprint of what was asked."""
    given = request.headers.getall("idempotency-key", [])
    if not given:
        return None
    if len(given) > 1 or not _PRINTABLE.match(given[0]):
        message = "must be one key of 1 to 255 printable ASCII characters"
        raise MalformedError([InputError(path="Idempotency-Key", message=message)])
    client = request.user.grant
    asked = b"\n".join(
        [canonical_bytes(body), request.scope["path"].encode(), request.headers.get("if-match", "").encode()]
    )
    return Idempotency(client=client, key_hash=digest(f"{client}\n{given[0]}".encode()), fingerprint=digest(asked))


def require_known_query(request: ApiRequest) -> None:
    """A misspelt filter must not pass for none, nor a filter given twice for one of them; raises MalformedError."""
    if not request.scope["query_string"]:
        return
    given = request.query_params
    allowed = query_names(request.route_handler)
    errors = [unknown_name(f"/{name}", "parameter", name, allowed) for name in given if name not in allowed]
    for name, value in given.multi_items():
        errors += [InputError(path=f"/{name}", message=message) for _, message in violations(value)]
    repeated = sorted({name for name in given if len(given.getall(name)) > 1})
    errors += [InputError(path=f"/{name}", message="is given more than once") for name in repeated]
    misread = [written_otherwise(request.route_handler, name, given[name]) for name in allowed if name in given]
    errors += [error for error in misread if error is not None]
    if errors:
        raise MalformedError(errors)
