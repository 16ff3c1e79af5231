"""What many operations share, told once: parameters, headers, problems and links by name.

Types, bounds and defaults of a query stand in the signatures of the handlers; here is what those cannot say.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Schema = dict[str, Any]

UUID: Final = {"type": "string", "format": "uuid"}
_CASE_EXAMPLE: Final = "01956428-7b80-7000-8000-000000000001"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter in a path or query."""

    description: str
    example: object = None
    schema: Mapping[str, Any] = field(default_factory=dict)
    """Added to what the signature tells."""


PARAMETERS: Final[Mapping[str, Parameter]] = {
    "case_id": Parameter(
        description="Id of a case. 404, too, for one that the key may not know of.", example=_CASE_EXAMPLE, schema=UUID
    ),
    "key": Parameter(description="Key of a workflow.", example="hotspot", schema={"maxLength": 60}),
    "code": Parameter(
        description="Official statistical code: `VN`, or 2, 3 or 5 digits.", example="29242", schema={"maxLength": 20}
    ),
    "table": Parameter(
        description="Key of a decision table.", example="commune_classification", schema={"maxLength": 60}
    ),
    "workflow": Parameter(description="Key of a workflow.", example="hotspot"),
    "state": Parameter(description="Name of a state.", example="identified"),
    "unit": Parameter(
        description="Code of a unit, in any period: what belongs to it and to all units below it.", example="842"
    ),
    "plan": Parameter(description="Key of a plan.", example="tra-vinh-2025"),
    "target": Parameter(
        description="Key of a target of the plan.", example="hotspots_arisen", schema={"maxLength": 60}
    ),
    "actor": Parameter(description="Who acted, as `person` of a key.", example="police"),
    "trigger": Parameter(description="Name of a trigger.", example="suppress"),
    "from": Parameter(description="First civil date, inclusive, of what was recorded.", example="2025-03-01"),
    "to": Parameter(description="Civil date up to which, exclusive, it was recorded.", example="2025-04-01"),
    "overdue": Parameter(description="`true`: only those past their due date; `false`: only the others."),
    "q": Parameter(
        description="Part of the title or name; case, blanks and diacritics do not matter.", example="hoa loi"
    ),
    "cursor": Parameter(
        description="Where the page begins: `next` of the page before, unchanged, with the same filters.",
    ),
    "after": Parameter(
        description="Position up to which you have read, inclusive: `next` of the answer before; 0 at the beginning.",
    ),
    "limit": Parameter(description="The most items of one page."),
    "on": Parameter(description="Civil date in Việt Nam; today when left out.", example="2025-03-05"),
    "as_of": Parameter(description="Civil date in Việt Nam; today when left out.", example="2025-03-05"),
    "version": Parameter(description="Of the workflow; by default the one in force."),
    "format": Parameter(description="Of the diagram."),
    "lang": Parameter(description="Language of the words in the diagram."),
    "level": Parameter(description="Tier of the units."),
    "parent": Parameter(description="Code of the unit directly above.", example="842"),
    "subscription_id": Parameter(
        description="Id of a subscription. 404, too, for one that the key does not manage.", schema=UUID
    ),
    "outcome": Parameter(description="What was accepted, what was refused, or both."),
}

REQUEST_HEADERS: Final[Mapping[str, Schema]] = {
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "required": True,
        "description": (
            'The version that you have seen, as the `ETag` gave it: `"5"`. A dry run may leave it out. '
            "412 when the case has moved since; read it again before you decide again."
        ),
        "schema": {"type": "string", "pattern": '^"(0|[1-9][0-9]{0,9})"$'},
        "example": '"1"',
    },
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "description": (
            "A text of your own, one per intended effect. Sent again with the same request, the first answer is "
            "repeated byte for byte with `Idempotency-Replayed: true`, so that a request whose answer was lost can be "
            "sent again safely. Only what was decided (accepted or refused) is kept. With another request: 422 "
            "`key_reused`. A replay comes before `If-Match` is looked at, so that it never gets 412."
        ),
        "schema": {"type": "string", "pattern": "^[ -~]{1,255}$", "minLength": 1, "maxLength": 255},
        "example": "5f1c2a52-suppress",
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "required": False,
        "description": "The `ETag` of the answer that you keep: 304 without a body when it is still the same.",
        "schema": {"type": "string"},
    },
}


_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "integer", "minimum": 0}
_ETAG: Final = {"type": "string", "pattern": '^"[^"]+"$'}
HEADERS: Final[Mapping[str, Schema]] = {
    "X-Request-Id": {"description": "Under which the server's log tells of this request.", "schema": _TEXT},
    "ETag": {
        "description": "Version of the answer. Of a case: its version in quotes, for `If-Match`.",
        "schema": _ETAG,
    },
    "Content-Disposition": {"description": "Under which name to keep the file.", "schema": _TEXT},
    "Location": {"description": "Address of what was made.", "schema": _TEXT},
    "Idempotency-Replayed": {
        "description": "`true`: an earlier answer to the same key, repeated.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "RateLimit-Limit": {"description": "Requests that may come at once.", "schema": _NUMBER},
    "RateLimit-Remaining": {"description": "Of these, how many are left.", "schema": _NUMBER},
    "RateLimit-Reset": {"description": "Seconds until one is free again.", "schema": _NUMBER},
    "WWW-Authenticate": {"description": "How to authenticate.", "schema": _TEXT},
    "Retry-After": {"description": "Seconds to wait before the next try.", "schema": _NUMBER},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """How an operation says no."""

    name: str
    description: str
    example: Mapping[str, Any]
    headers: tuple[str, ...] = ()
    sometimes: tuple[str, ...] = ()
    """Headers that are not always there."""


def _problem(status: int, title: str, code: str, detail: str, **more: object) -> Mapping[str, Any]:
    head = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
    return {**head, **more, "request_id": "9d1f0c4be2a7a1c5-2f"}


_BLOCKER: Final = {
    "code": "state",
    "message": {"vi": "Hồ sơ đang ở trạng thái khác.", "en": "The case is in another state."},
    "found": "suppressed",
    "needed": ["identified", "relapsed"],
}
PROBLEMS: Final[Mapping[int, Trouble]] = {
    400: Trouble(
        name="BadRequest",
        description="The body cannot be read as JSON. Codes: `not_json`, `too_deep`, `incomplete`, `bad_request`.",
        example=_problem(400, "Bad Request", "not_json", "the body is not JSON that can be read: byte 4 is not UTF-8"),
    ),
    401: Trouble(
        name="Unauthorized",
        description="No API key, or one that is not known or not in force. Code: `unauthorized`.",
        example=_problem(401, "Unauthorized", "unauthorized", "send the API key as Authorization: Bearer KEY"),
        headers=("WWW-Authenticate",),
    ),
    403: Trouble(
        name="Forbidden",
        description="Role or unit of the key do not allow it; `blockers` tell which would. Code: `forbidden`.",
        example=_problem(403, "Not permitted", "forbidden", "Another role is needed.", blockers=[_BLOCKER]),
        sometimes=("Idempotency-Replayed",),
    ),
    404: Trouble(
        name="NotFound",
        description="It is not there, or the key may not know that it is. Code: `not_found`.",
        example=_problem(404, "Not found", "not_found", "there is no case '…' that you may see"),
    ),
    408: Trouble(
        name="RequestTimeout",
        description="The body did not come in time. Code: `body_late`.",
        example=_problem(408, "Request Timeout", "body_late", "the body did not come in time"),
    ),
    409: Trouble(
        name="Conflict",
        description=(
            "Decided, and the answer is no: `blockers` list everything that stands against it. Sending the same again "
            "does not help until one of them has changed. Codes: `refused`; `dropped` for a member of an atomic group "
            "of which another could not be done."
        ),
        example=_problem(409, "Refused", "refused", "The case is in another state.", blockers=[_BLOCKER]),
        sometimes=("Idempotency-Replayed",),
    ),
    412: Trouble(
        name="PreconditionFailed",
        description="The case moved since you read it: read it again, and decide again. Code: `stale`.",
        example=_problem(412, "The case has moved", "stale", "the case stands at version 2, not 1; read it again"),
    ),
    413: Trouble(
        name="TooLarge",
        description="The body is larger than 1 MiB. Code: `too_large`.",
        example=_problem(413, "Request Entity Too Large", "too_large", "the body is larger than 1048576 bytes"),
    ),
    415: Trouble(
        name="UnsupportedMediaType",
        description="Only `application/json` in UTF-8, not compressed. Codes: `content_type`, `content_encoding`.",
        example=_problem(
            415, "Unsupported Media Type", "content_type", "the content type is 'text/plain'; send application/json"
        ),
    ),
    422: Trouble(
        name="Invalid",
        description=(
            "Values are missing, unknown or cannot be used: `errors` list all of them with their places. Nothing was "
            "decided. Codes: `invalid`; `key_reused` when the Idempotency-Key was used with another request."
        ),
        example=_problem(
            422,
            "The request cannot be used",
            "invalid",
            "/title: is required",
            errors=[{"path": "/title", "message": "is required"}],
        ),
    ),
    428: Trouble(
        name="PreconditionRequired",
        description="`If-Match` is missing. Code: `if_match_required`.",
        example=_problem(
            428,
            "Precondition Required",
            "if_match_required",
            'say which version you have seen: If-Match: "<version>"',
        ),
    ),
    429: Trouble(
        name="TooManyRequests",
        description="More requests than your key may send: wait as `Retry-After` says. Code: `rate_limited`.",
        example=_problem(
            429,
            "Too Many Requests",
            "rate_limited",
            "more than 50 requests per second came with this key, 100 of them at once",
        ),
        headers=("Retry-After",),
        sometimes=("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"),
    ),
    500: Trouble(
        name="ServerError",
        description=(
            "The server failed; nothing of a command was kept. Send it again with the same Idempotency-Key, or tell "
            "the operator the request id. Codes: `internal`, `command_failed`."
        ),
        example=_problem(500, "Internal Server Error", "internal", "the server failed; the failure is logged"),
    ),
    503: Trouble(
        name="Unavailable",
        description=(
            "Too much waits, the server is ending, or it cannot tell what came of a command: wait as `Retry-After` "
            "says, then send the same again, with the same Idempotency-Key. Codes: `unavailable`, `outcome_unknown`, "
            "`too_many_connections`."
        ),
        example=_problem(503, "Service Unavailable", "unavailable", "2048 submissions wait already"),
        headers=("Retry-After",),
    ),
}
