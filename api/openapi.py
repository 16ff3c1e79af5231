"""The OpenAPI 3.1 document of this interface, built from the routes of the application.

Paths, methods and parameters come from the signatures of the handlers, bodies and answers from pydantic models, the
rest from the contract. Built by hand, because handlers read bodies strictly and answer bytes, which the framework's
own generator cannot see into.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.params import ParameterKwarg, PathParameter, QueryParameter
from litestar.routes import HTTPRoute
from litestar.types import Empty
from litestar.typing import FieldDefinition
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from api.contract import OPERATIONS, TAGS
from api.contract_terms import HEADERS, PARAMETERS, PROBLEMS, REQUEST_HEADERS, Parameter, Schema
from api.promises import JSON, Answer, Link, Operation
from api.shapes import Problem

_PROBLEM: Final = "application/problem+json"
_EXAMPLES: Final = Path(__file__).with_name("examples.json")
_SCHEME: Final = "key"
_REQUEST_ID: Final = "X-Request-Id"
_UNCHANGED: Final = "NotModified"
_KINDS: Final[Mapping[object, Schema]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    date: {"type": "string", "format": "date"},
}
_ABOUT: Final = """\
Cases of provincial drug-prevention plans, moved by declared workflows: open a case, see what can be done with it and
what stands against the rest, fire a trigger, read the history.

**Access.** `Authorization: Bearer KEY`. A key stands for one person in one role for one unit and all below it.

**Requests.** JSON in UTF-8, at most 1 MiB, at most 32 levels; unknown members and parameters are refused (422) with the
nearest known name. No floating point; integers below 2^53; names of members in ASCII.

**Answers.** Whatever goes wrong is `application/problem+json` (RFC 9457) with a stable `code`. More members may be
added to answers at any time: ignore those you do not know. A request that is too slow or too long to be read is
answered with 408, 414 or 431 before anything else, whatever it asks for.

**Retries.** Safe after 5xx, 429 and a lost connection when the request carries an `Idempotency-Key`; wait as
`Retry-After` says. Each case has a `version` that rises with every event: send it as `If-Match`, so that you never
decide on what you have not seen.

**Time.** Instants are RFC 3339 in UTC; dates are civil dates in Việt Nam (UTC+7).
"""


class ContractError(LookupError):
    """A route that the contract does not tell of, or the reverse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation: where it is, and what carries it out."""

    path: str
    method: str
    handler: HTTPRouteHandler

    @property
    def id(self) -> str:
        """Raises ContractError when the handler has no id, or one without a promise."""
        found = self.handler.operation_id
        if not isinstance(found, str) or found not in OPERATIONS:
            raise ContractError(f"{self.method} {self.path} has the operation id {found!r}, not one of the contract's")
        return found

    @property
    def is_conditional(self) -> bool:
        """Whether whoever has the answer already is told that it still holds."""
        return self.method == "GET" and self.path.startswith("/api/")

    @property
    def promise(self) -> Operation:
        return OPERATIONS[self.id]


def routes(app: Litestar) -> tuple[Route, ...]:
    """Every operation of the application that belongs into its document, in the order of the contract."""
    found = [
        Route(path=route.path_format, method=method, handler=handler)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.resolve_include_in_schema()
        for method in handler.http_methods
    ]
    order = list(OPERATIONS)
    return tuple(sorted(found, key=lambda route: order.index(route.id)))


def document(app: Litestar) -> Schema:
    """The whole document; raises ContractError."""
    listed = routes(app)
    missing = OPERATIONS.keys() - {route.id for route in listed}
    if missing:
        raise ContractError(f"the contract tells of operations without a route: {', '.join(sorted(missing))}")
    paths: dict[str, Schema] = {}
    for route in listed:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Workflows", "version": version("workflows"), "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": text} for name, text in TAGS.items()],
        "security": [{_SCHEME: []}],
        "paths": paths,
        "components": _components(),
    }


def encoded(app: Litestar) -> bytes:
    """The document as it is served."""
    return json.dumps(document(app), ensure_ascii=False, separators=(",", ":")).encode()


def _components() -> Schema:
    scheme = {"type": "http", "scheme": "bearer", "description": "An API key, as `workflows key create` prints it."}
    return {
        "schemas": _schemas(),
        "responses": {
            _UNCHANGED: {"description": "You have this answer already.", "headers": _headers(["ETag"], [])},
            **{trouble.name: _trouble(status) for status, trouble in PROBLEMS.items()},
        },
        "headers": dict(HEADERS),
        "securitySchemes": {_SCHEME: scheme},
    }


class _Schemas(GenerateJsonSchema):
    """Without the titles that pydantic makes up from the names of members."""

    def field_title_should_be_set(self, _schema: object) -> bool:
        return False


def _schemas() -> Schema:
    promises = OPERATIONS.values()
    answers: set[type[BaseModel]] = {Problem}
    answers.update(*(answer.shapes for promise in promises for answer in promise.answers.values()))
    models: list[tuple[type[BaseModel], Any]] = [(each, "serialization") for each in answers]
    models += [(each, "validation") for each in {promise.body for promise in promises if promise.body}]
    models.sort(key=lambda each: each[0].__name__)
    _, found = models_json_schema(models, ref_template="#/components/schemas/{model}", schema_generator=_Schemas)
    schemas: Schema = found["$defs"]
    return {name: {key: part for key, part in schema.items() if key != "title"} for name, schema in schemas.items()}


def _operation(route: Route) -> Schema:
    promise = route.promise
    examples = _examples().get(route.id, {})
    found: Schema = {
        "operationId": route.id,
        "tags": [promise.tag],
        "summary": promise.summary,
        "description": promise.description,
        "parameters": [*_parameters(route), *(REQUEST_HEADERS[name] for name in _request_headers(route))],
        "responses": _responses(route, examples),
    }
    if promise.body:
        content = {"schema": _reference(promise.body), "examples": _named(examples.get("request", {}))}
        found["requestBody"] = {"required": True, "content": {JSON: content}}
    if promise.public:
        found["security"] = []
    return {name: part for name, part in found.items() if part not in ("", [])} | (
        {"security": []} if promise.public else {}
    )


def _request_headers(route: Route) -> tuple[str, ...]:
    return (*route.promise.headers, "If-None-Match") if route.is_conditional else route.promise.headers


def _named(values: Mapping[str, object]) -> Schema:
    return {name: {"value": value} for name, value in values.items()}


def _reference(model: type[BaseModel]) -> Schema:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _responses(route: Route, examples: Mapping[str, Any]) -> Schema:
    promise = route.promise
    answers = {
        str(status): _answer(route, answer, examples.get(str(status))) for status, answer in promise.answers.items()
    }
    problems = {str(status): _reference_to(PROBLEMS[status].name) for status in _problems(route)}
    unchanged = {"304": _reference_to(_UNCHANGED)} if route.is_conditional else {}
    return dict(sorted({**problems, **answers, **unchanged}.items()))


def _reference_to(name: str) -> Schema:
    return {"$ref": f"#/components/responses/{name}"}


def _problems(route: Route) -> Iterable[int]:
    """What follows from the traits of an operation, and what its promise adds."""
    promise = route.promise
    found = set(promise.problems)
    if not promise.public:
        found |= {401, 422, 429, 500, 503}
    if promise.body:
        found |= {400, 408, 413, 415}
    if "{" in route.path:
        found.add(404)
    return found


def _answer(route: Route, answer: Answer, examples: Mapping[str, object] | None) -> Schema:
    always = dict.fromkeys((*answer.headers, "ETag") if route.is_conditional else answer.headers)
    found: Schema = {"description": answer.description, "headers": _headers(always, answer.sometimes)}
    if answer.media_type:
        content: Schema = {"schema": _one_of(answer)}
        if examples:
            content["examples"] = _named(examples)
        found["content"] = {answer.media_type: content, **{each: _file(each) for each in answer.files}}
    if answer.links:
        found["links"] = {name: _link(link) for name, link in answer.links.items()}
    return found


def _one_of(answer: Answer) -> Schema:
    references = [_reference(shape) for shape in answer.shapes]
    if not references:
        return {"type": "object"} if answer.media_type == JSON else {"type": "string"}
    return references[0] if len(references) == 1 else {"oneOf": references}


def _file(media_type: str) -> Schema:
    return {"schema": {"type": "string", "contentMediaType": media_type}}


def _link(link: Link) -> Schema:
    return {"operationId": link.to, "parameters": dict(link.values)}


def _headers(always: Iterable[str], sometimes: Iterable[str]) -> Schema:
    found = {name: {**HEADERS[name], "required": True} for name in (*always, _REQUEST_ID)}
    return {**found, **{name: {**HEADERS[name], "required": False} for name in sometimes}}


def _trouble(status: int) -> Schema:
    trouble = PROBLEMS[status]
    content = {"schema": _reference(Problem), "examples": _named({trouble.name: trouble.example})}
    return {
        "description": trouble.description,
        "headers": _headers(trouble.headers, trouble.sometimes),
        "content": {_PROBLEM: content},
    }


def _parameters(route: Route) -> Iterator[Schema]:
    for argument, field in route.handler.parsed_fn_signature.parameters.items():
        given = field.kwarg_definition
        if isinstance(given, PathParameter | QueryParameter):
            name = given.name or argument
            terms = route.promise.parameters.get(name) or PARAMETERS.get(name)
            if terms is None:
                raise ContractError(f"{route.id}: the contract does not describe the parameter {name!r}")
            yield _parameter(name, field, given, terms)


def _parameter(name: str, field: FieldDefinition, given: ParameterKwarg, terms: Parameter) -> Schema:
    in_path = isinstance(given, PathParameter)
    found: Schema = {
        "name": name,
        "in": "path" if in_path else "query",
        "required": in_path or _default(field) is Empty,
        "description": terms.description,
        "schema": {**_parameter_schema(field, given), **terms.schema},
    }
    return found if terms.example is None else {**found, "example": terms.example}


def _parameter_schema(field: FieldDefinition, given: ParameterKwarg) -> Schema:
    found = dict(_kind(field))
    bounds = {"minimum": given.ge, "maximum": given.le, "minLength": given.min_length, "maxLength": given.max_length}
    found |= {name: bound for name, bound in bounds.items() if bound is not None}
    default = _default(field)
    return found if default in (None, Empty) else {**found, "default": default}


def _kind(field: FieldDefinition) -> Schema:
    if field.is_literal:
        return {"type": "string", "enum": list(field.args)}
    for each in (field.annotation, *field.args):
        if isinstance(each, type) and issubclass(each, Enum):
            return {"type": "string", "enum": [member.value for member in each]}
        if each in _KINDS:
            return dict(_KINDS[each])
    raise ContractError(f"no schema is known for parameters of the type {field.annotation}")


def _default(field: FieldDefinition) -> object:
    return field.default.default if isinstance(field.default, FieldInfo) else field.default


@cache
def _examples() -> Mapping[str, Mapping[str, Any]]:
    """Requests and answers of a real run, by operation and status."""
    found: Mapping[str, Mapping[str, Any]] = json.loads(_EXAMPLES.read_text(encoding="utf-8"))
    return found
