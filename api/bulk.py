"""Firing many triggers in one request."""

from collections.abc import Iterator, Sequence
from typing import Final, cast

from litestar import post
from litestar.di import NamedDependency
from litestar.response.base import ASGIResponse

from api.access_log import trace
from api.bodies import BulkBody, BulkItem
from api.problems import MalformedError, not_written
from api.replies import REPLAYED
from api.requests import ApiRequest, idempotency, instant, read_body
from workflows.core.case import CaseId, Data, Fire, InputError
from workflows.core.ids import is_id
from workflows.services import bulk
from workflows.services.engine import Engine
from workflows.services.rendering import JSON
from workflows.store.submissions import Reply, WriteError

_SUCCESS: Final = range(200, 300)


@post("/transitions", status_code=200, operation_id="fire_many")
async def fire_many(request: ApiRequest, engine: NamedDependency[Engine]) -> ASGIResponse:
    """Fire triggers on many cases, each for itself or all or none."""
    body, sent = await read_body(request, BulkBody)
    items = _items(body.items)
    key = idempotency(request, sent)
    if body.atomic:
        return _answer(await bulk.together(engine, request.user, items, key))
    request_id = trace(request.scope).request_id
    replies = [_reply(each, request_id) async for each in bulk.apart(engine, request.user, items, key)]
    return _answer(replies)


def _items(given: Sequence[BulkItem]) -> list[bulk.Item]:
    errors = list(_not_ids(given))
    if errors:
        raise MalformedError(errors)
    return [_item(each, f"/items/{index}") for index, each in enumerate(given)]


def _not_ids(given: Sequence[BulkItem]) -> Iterator[InputError]:
    for index, each in enumerate(given):
        if not is_id(each.case):
            message = f"{each.case!r} is not a case id (lower-case UUID)"
            yield InputError(path=f"/items/{index}/case", message=message)


def _item(given: BulkItem, at: str) -> bulk.Item:
    act = Fire(
        case=CaseId(given.case),
        trigger=given.trigger,
        input=cast("Data", given.input),
        expected_version=given.version,
    )
    return bulk.Item(act=act, reason=given.reason, occurred_at=instant(given.occurred_at, f"{at}/occurred_at"))


def _reply(answer: Reply | WriteError, request_id: str) -> Reply:
    return answer if isinstance(answer, Reply) else not_written(answer, request_id)


def _answer(replies: Sequence[Reply]) -> ASGIResponse:
    """The replies within one another's brackets, each byte for byte as it is kept."""
    accepted = sum(reply.status in _SUCCESS for reply in replies)
    items = b",".join(_member(index, reply) for index, reply in enumerate(replies))
    head = b'{"accepted":%d,"not_accepted":%d,"items":[' % (accepted, len(replies) - accepted)
    headers = {REPLAYED: "true"} if all(reply.replayed for reply in replies) else {}
    return ASGIResponse(body=head + items + b"]}", status_code=200, headers=headers, media_type=JSON)


def _member(index: int, reply: Reply) -> bytes:
    head = b'{"index":%d,"status":%d,' % (index, reply.status)
    # What was accepted is an object with its event already, which stands beside index and status.
    return head + reply.body[1:] if reply.status in _SUCCESS else head + b'"problem":' + reply.body + b"}"


HANDLERS = (fire_many,)
