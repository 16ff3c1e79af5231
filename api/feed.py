"""The feed: every accepted event, oldest first, for systems that follow what happens."""

from typing import Annotated, Final

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from litestar.response.base import ASGIResponse

from api.replies import json_response
from api.requests import ApiRequest, Limit
from workflows.services import reading
from workflows.services.engine import Engine
from workflows.services.rendering import event_json
from workflows.store.feed import FeedFilter

_LARGEST: Final = 2**53 - 1
"""The largest position that every reader of JSON can hold."""


@get("/feed", operation_id="read_feed", sync_to_thread=True)
def read_feed(
    request: ApiRequest,
    engine: NamedDependency[Engine],
    after: Annotated[int, QueryParameter(ge=0, le=_LARGEST)] = 0,
    limit: Limit = 100,
    workflow: FromQuery[str | None] = None,
    trigger: FromQuery[str | None] = None,
    unit: FromQuery[str | None] = None,
) -> ASGIResponse:
    """Accepted events after a position that the key may see, in the order that holds for good."""
    wanted = FeedFilter(workflow=workflow, trigger=trigger, unit=unit)
    page = reading.feed(engine, request.user, wanted, after=after, limit=limit)
    items = [{"position": position, "event": event_json(event)} for position, event in page.items]
    return json_response({"items": items, "next": page.next, "more": page.more})


HANDLERS = (read_feed,)
