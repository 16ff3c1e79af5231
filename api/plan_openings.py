"""Opening a plan over HTTP, and the list of the reports that it has owed."""

import asyncio
from typing import Annotated, Final

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response.base import ASGIResponse

from api.access_log import request_id
from api.bodies import PlanOpeningBody
from api.replies import json_response, response
from api.requests import ApiRequest, Limit, idempotency, read_body
from workflows.core.case import Actor
from workflows.services import plan_opening, reading
from workflows.services.engine import Engine
from workflows.services.opening_json import opening_json
from workflows.services.plan_opening import OpeningRefusedError, Survey
from workflows.services.reading import Slice
from workflows.services.rendering import JSON, case_json, encoded, refused
from workflows.store.submissions import Idempotency, Reply

_YEARS: Final = (1900, 2199)


@post("/plans/{plan:str}/openings", operation_id="open_plan", status_code=200)
async def open_plan(request: ApiRequest, plan: FromPath[str], engine: NamedDependency[Engine]) -> ASGIResponse:
    """Open what a plan asks for in one year, and amend what it asks for otherwise now."""
    body, sent = await read_body(request, PlanOpeningBody)
    kept = idempotency(request, sent)
    before = await asyncio.to_thread(plan_opening.kept_reply, engine, kept) if kept else None
    if before:
        return response(before)
    try:
        found = await asyncio.to_thread(plan_opening.survey, engine, request.user, plan, body.year)
    except OpeningRefusedError as error:
        return response(refused(error.blockers, request_id(request.scope)))
    if body.dry_run:
        return json_response(opening_json(found, None))
    return response(await _carried_out(engine, request.user, found, kept))


async def _carried_out(engine: Engine, actor: Actor, found: Survey, kept: Idempotency | None) -> Reply:
    done = await plan_opening.carry_out(engine, actor, found, lambda _: None)
    for each in done.each:
        if each.error:  # sent again, the request goes on with what is missing
            raise each.error
    reply = Reply(status=200, body=encoded(opening_json(found, done)), headers={"content-type": JSON})
    return await asyncio.to_thread(plan_opening.keep_reply, engine, kept, reply) if kept else reply


@get("/plans/{plan:str}/obligations", operation_id="list_obligations", sync_to_thread=True)
def list_obligations(  # noqa: PLR0913, PLR0917 - Litestar reads a filter from each parameter
    request: ApiRequest,
    plan: FromPath[str],
    engine: NamedDependency[Engine],
    year: Annotated[int | None, QueryParameter(ge=_YEARS[0], le=_YEARS[1])] = None,
    in_state: Annotated[str | None, QueryParameter(name="state")] = None,
    overdue: FromQuery[bool | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> ASGIResponse:
    """The reports that a plan has owed, newest first."""
    part = Slice(cursor=cursor, limit=limit)
    page = plan_opening.owed(engine, request.user, plan, part, year=year, state=in_state, overdue=overdue)
    day = reading.today(engine)
    return json_response({"items": [case_json(case, day) for case in page.items], "next": page.next})


HANDLERS = (open_plan, list_obligations)
