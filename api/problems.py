"""Everything that goes wrong before a decision, as problem+json (RFC 9457).

What is decided, refused included, is rendered by `workflows.services.rendering`; here are the errors of HTTP itself,
and those of the writer. An exception that nobody foresaw is logged and answered with 500.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from litestar import Request
from litestar.exceptions import HTTPException, ValidationException
from litestar.response.base import ASGIResponse
from litestar.types import ExceptionHandlersMap

from api.access_log import request_id
from api.replies import response
from workflows.core.case import InputError, NotFound
from workflows.services.rendering import invalid, not_found, problem
from workflows.store.queries import BadCursor
from workflows.store.writer import CommandFailed, Expired, KeyReused, QueueFull, WriteError, WriterStopped

_CODES: Final[Mapping[int, str]] = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}
_UNAVAILABLE: Final = (QueueFull, Expired, WriterStopped)
_log: Final = structlog.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]


class HttpProblem(Exception):  # noqa: N818 - a problem, as RFC 9457 calls it
    """A request that is answered before anything is decided."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None
    ) -> None:
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers
        super().__init__(detail)


class Malformed(Exception):  # noqa: N818
    """Values of a request that cannot be used, each with its place."""

    def __init__(self, errors: Sequence[InputError]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{error.path}: {error.message}" for error in errors))


class Missing(Exception):  # noqa: N818
    """There is no such thing, or the actor may not know of it."""

    def __init__(self, what: str, given: str, nearest: str | None = None) -> None:
        self.not_found = NotFound(what=what, given=given, nearest=nearest)
        super().__init__(f"no {what} {given}")


def _http_problem(request: AnyRequest, error: HttpProblem) -> ASGIResponse:
    return _problem(request, error.status, error.code, error.detail, error.headers)


def _problem(
    request: AnyRequest, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
) -> ASGIResponse:
    title = HTTPStatus(status).phrase
    found = request_id(request.scope)
    return response(
        problem(status=status, code=code, title=title, detail=detail, request_id=found, headers=headers)
    )


def _malformed(request: AnyRequest, error: Malformed) -> ASGIResponse:
    return response(invalid(error.errors, request_id(request.scope)))


def _missing(request: AnyRequest, error: Missing) -> ASGIResponse:
    return response(not_found(error.not_found, request_id(request.scope)))


def _bad_parameter(request: AnyRequest, error: ValidationException) -> ASGIResponse:
    """Parameters of the path and query that do not have their declared type."""
    listed = error.extra if isinstance(error.extra, list) else []
    errors = [InputError(path=f"/{each.get('key', '')}", message=str(each.get("message"))) for each in listed]
    return _malformed(request, Malformed(errors or [InputError(path="", message=error.detail)]))


def _bad_cursor(request: AnyRequest, error: BadCursor) -> ASGIResponse:
    return _malformed(request, Malformed([InputError(path="/cursor", message=str(error))]))


def _framework(request: AnyRequest, error: HTTPException) -> ASGIResponse:
    """What Litestar raises itself: no such route, method not allowed, body too large."""
    code = _CODES.get(error.status_code, "bad_request")
    return _problem(request, error.status_code, code, str(error.detail), error.headers)


def _not_written(request: AnyRequest, error: WriteError) -> ASGIResponse:
    if isinstance(error, _UNAVAILABLE):
        headers = {"retry-after": str(error.retry_after)}
        return _problem(request, 503, "unavailable", str(error), headers)
    if isinstance(error, KeyReused):
        return _problem(request, 422, "key_reused", "the Idempotency-Key was used with another request")
    if not isinstance(error, CommandFailed):
        return _unforeseen(request, error)
    return _problem(request, 500, "command_failed", "the command could not be carried out; nothing of it was kept")


def _unforeseen(request: AnyRequest, error: Exception) -> ASGIResponse:
    _log.error("http.failed", request_id=request_id(request.scope), exc_info=error)
    return _problem(request, 500, "internal", "the server failed; the failure is logged under the request id")


HANDLERS: Final[ExceptionHandlersMap] = {
    HttpProblem: _http_problem,
    Malformed: _malformed,
    Missing: _missing,
    BadCursor: _bad_cursor,
    ValidationException: _bad_parameter,
    HTTPException: _framework,
    WriteError: _not_written,
    Exception: _unforeseen,
}
