"""Notices that deadlines have passed: what was done about each, and for whom."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response.base import ASGIResponse

from api.replies import json_response
from api.requests import ApiRequest, Limit
from workflows.services import reading
from workflows.services.engine import Engine
from workflows.services.reading import Slice
from workflows.services.rendering import notice_json
from workflows.store.notices import NoticeFilter


@get("/notices", operation_id="list_notices", sync_to_thread=True)
def list_notices(
    request: ApiRequest,
    engine: NamedDependency[Engine],
    workflow: FromQuery[str | None] = None,
    unit: FromQuery[str | None] = None,
    case: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> ASGIResponse:
    """What was done about deadlines that have passed, of the cases that the key may see; newest first."""
    wanted = NoticeFilter(workflow=workflow, unit=unit, case=case)
    page = reading.notices(engine, request.user, wanted, Slice(cursor=cursor, limit=limit))
    return json_response({"items": [notice_json(each) for each in page.items], "next": page.next})


HANDLERS = (list_notices,)
