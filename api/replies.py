"""From what the services answer to what goes over the wire."""

from collections.abc import Mapping

from litestar.response.base import ASGIResponse

from workflows.services.rendering import JSON, encoded
from workflows.store.submissions import Reply

REPLAYED = "idempotency-replayed"


def response(reply: Reply) -> ASGIResponse:
    """The reply as it stands, byte for byte."""
    headers = dict(reply.headers)
    media_type = headers.pop("content-type")
    if reply.replayed:
        headers[REPLAYED] = "true"
    return ASGIResponse(body=reply.body, status_code=reply.status, headers=headers, media_type=media_type)


def json_response(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> ASGIResponse:
    return ASGIResponse(body=encoded(value), status_code=status, headers=dict(headers or {}), media_type=JSON)
