"""Everything that goes wrong before a decision, as problem+json (RFC 9457).

What is decided, refused included, is rendered by `workflows.services.rendering`; here are the errors of HTTP itself,
and those of the writer. An exception that nobody foresaw is logged and answered with 500.
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ExceptionHandlersMap
from sqlalchemy.exc import SQLAlchemyError

from api.access_log import request_id
from api.parameters import parameter_error
from workflows.core.case import InputError, NotFound
from workflows.services.reading import InvalidError, MissingError
from workflows.services.rendering import invalid, not_found, problem, refused
from workflows.services.subscriptions import ManagingRefusedError
from workflows.store.counts import CountError
from workflows.store.paging import BadCursorError
from workflows.store.passing import unavailable
from workflows.store.submissions import (
    Expired,
    KeyReused,
    OutcomeUnknown,
    QueueFull,
    Reply,
    Unwritable,
    WriteError,
    WriterStopped,
)

_CODES: Final[Mapping[int, str]] = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 500: "internal"}
_UNAVAILABLE: TypeAlias = QueueFull | Expired | Unwritable | WriterStopped
_RETRY_SECONDS: Final = 5
_log: Final = structlog.get_logger(__name__)

AnyRequest = Request[Any, Any, Any]


class HttpError(Exception):
    """A request that is answered before anything is decided."""

    def __init__(self, status: int, code: str, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = headers
        super().__init__(detail)


class MalformedError(Exception):
    """Values of a request that cannot be used, each with its place."""

    def __init__(self, errors: Sequence[InputError]) -> None:
        self.errors = errors
        super().__init__("; ".join(f"{error.path}: {error.message}" for error in errors))


def _sent(reply: Reply) -> Response[bytes]:
    headers = dict(reply.headers)
    media_type = headers.pop("content-type")
    return Response(reply.body, status_code=reply.status, headers=headers, media_type=media_type)


def _http_problem(request: AnyRequest, error: HttpError) -> Response[bytes]:
    return _problem(request, error.status, error.code, error.detail, error.headers)


def _problem(
    request: AnyRequest, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    return _sent(_reply(status, code, detail, request_id(request.scope), headers))


def _reply(status: int, code: str, detail: str, request_id: str, headers: Mapping[str, str] | None = None) -> Reply:
    title = HTTPStatus(status).phrase
    return problem(status=status, code=code, title=title, detail=detail, request_id=request_id, headers=headers)


def _malformed(request: AnyRequest, error: MalformedError) -> Response[bytes]:
    return _sent(invalid(error.errors, request_id(request.scope)))


def _missing(request: AnyRequest, error: MissingError) -> Response[bytes]:
    missing = NotFound(what=error.what, given=error.given, nearest=error.nearest)
    return _sent(not_found(missing, request_id(request.scope)))


def _bad_values(request: AnyRequest, error: CountError | InvalidError) -> Response[bytes]:
    return _malformed(request, MalformedError(error.errors))


def _managing_refused(request: AnyRequest, error: ManagingRefusedError) -> Response[bytes]:
    return _sent(refused(error.blockers, request_id(request.scope)))


def _bad_parameter(request: AnyRequest, error: ValidationException) -> Response[bytes]:
    """Parameters of the path and query that do not have their declared type."""
    listed = error.extra if isinstance(error.extra, list) else []
    errors = [parameter_error(request, str(each.get("key", "")), str(each.get("message"))) for each in listed]
    return _malformed(request, MalformedError(errors or [InputError(path="", message=error.detail)]))


def _bad_cursor(request: AnyRequest, error: BadCursorError) -> Response[bytes]:
    return _malformed(request, MalformedError([InputError(path="/cursor", message=str(error))]))


def _framework(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """What Litestar raises itself: no such route, method not allowed, body too large."""
    code = _CODES.get(error.status_code, "bad_request")
    return _problem(request, error.status_code, code, str(error.detail), error.headers)


def not_written(error: WriteError, request_id: str) -> Reply:
    """Why nothing was decided, as far as is known."""
    if isinstance(error, _UNAVAILABLE | OutcomeUnknown):
        code = "outcome_unknown" if isinstance(error, OutcomeUnknown) else "unavailable"
        headers = {"retry-after": str(error.retry_after)}
        return _reply(503, code, str(error), request_id, headers)
    if isinstance(error, KeyReused):
        return _reply(422, "key_reused", "the Idempotency-Key was used with another request", request_id)
    return _reply(500, "command_failed", "the command could not be carried out; nothing of it was kept", request_id)


def _not_written(request: AnyRequest, error: WriteError) -> Response[bytes]:
    return _sent(not_written(error, request_id(request.scope)))


def _database(request: AnyRequest, error: SQLAlchemyError) -> Response[bytes]:
    """What reading met, or writing outside of the writer."""
    if not unavailable(error):
        return _unforeseen(request, error)
    _log.warning("database.unavailable", request_id=request_id(request.scope), error=type(error).__name__)
    headers = {"retry-after": str(_RETRY_SECONDS)}
    return _problem(request, 503, "unavailable", "the database cannot be used at present; try again later", headers)


def _unforeseen(request: AnyRequest, error: Exception) -> Response[bytes]:
    _log.error("http.failed", request_id=request_id(request.scope), exc_info=error)
    return _problem(request, 500, "internal", "the server failed; the failure is logged under the request id")


HANDLERS: Final[ExceptionHandlersMap] = {
    HttpError: _http_problem,
    MalformedError: _malformed,
    MissingError: _missing,
    CountError: _bad_values,
    InvalidError: _bad_values,
    ManagingRefusedError: _managing_refused,
    BadCursorError: _bad_cursor,
    ValidationException: _bad_parameter,
    HTTPException: _framework,
    WriteError: _not_written,
    SQLAlchemyError: _database,
    Exception: _unforeseen,
}
