"""What everybody with a key may read: definitions, units, who the key stands for; and the figures of a unit."""

import asyncio
from datetime import date
from typing import Annotated, Literal

from litestar import MediaType, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response.base import ASGIResponse

from api.access_log import request_id
from api.bodies import CountBody
from api.problems import MalformedError
from api.replies import json_response, response
from api.requests import ApiRequest, Limit, idempotency, read_body
from workflows.core.definition import Definition
from workflows.core.diagram import mermaid
from workflows.core.documents import Level
from workflows.core.fields import dates
from workflows.services import counting, reading
from workflows.services.describing import (
    actor_json,
    definition_head,
    definition_json,
    facts_json,
    unit_json,
)
from workflows.services.engine import Engine
from workflows.services.reading import Slice
from workflows.store.counts import Figure
from workflows.store.queries import UnitFilter

Language = Literal["vi", "en"]


@get("/workflows", operation_id="list_workflows", sync_to_thread=False)
def list_workflows(engine: NamedDependency[Engine], on: FromQuery[date | None] = None) -> ASGIResponse:
    """The version of each workflow that is in force, today or on a civil date."""
    day = on or reading.today(engine)
    found = [engine.definitions.in_force(key, day) for key in engine.definitions.keys]
    return json_response({"items": [definition_head(each) for each in found if each], "next": None})


@get("/workflows/{key:str}", operation_id="get_workflow", sync_to_thread=False)
def get_workflow(
    key: FromPath[str],
    engine: NamedDependency[Engine],
    version: FromQuery[int | None] = None,
    on: FromQuery[date | None] = None,
) -> ASGIResponse:
    """One version of a workflow; by default the one in force today, else the newest."""
    return json_response(definition_json(_definition(engine, key, version, on)))


@get("/workflows/{key:str}/diagram", operation_id="get_diagram", sync_to_thread=False)
def get_diagram(
    key: FromPath[str],
    engine: NamedDependency[Engine],
    version: FromQuery[int | None] = None,
    on: FromQuery[date | None] = None,
    _kind: Annotated[Literal["mermaid"], QueryParameter(name="format")] = "mermaid",
    lang: FromQuery[Language] = "vi",
) -> ASGIResponse:
    """The states and transitions of a workflow as the text of a diagram."""
    text = mermaid(_definition(engine, key, version, on).document, lang)
    return ASGIResponse(body=text.encode(), media_type=MediaType.TEXT)


def _definition(engine: Engine, key: str, version: int | None, on: date | None) -> Definition:
    return reading.definition(engine, key, version=version, on=on)


@get("/me", operation_id="get_me", sync_to_thread=False)
def get_me(request: ApiRequest) -> ASGIResponse:
    """Whom the key stands for."""
    return json_response(actor_json(request.user))


@get("/units", operation_id="list_units", sync_to_thread=True)
def list_units(
    engine: NamedDependency[Engine],
    level: FromQuery[Level | None] = None,
    parent: FromQuery[str | None] = None,
    q: FromQuery[str | None] = None,
    on: FromQuery[date | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> ASGIResponse:
    """Administrative units in force, today or on a civil date, by code."""
    wanted = UnitFilter(level=level, parent=parent, q=q, on=on or reading.today(engine))
    page = reading.units(engine, wanted, Slice(cursor=cursor, limit=limit))
    return json_response({"items": [unit_json(each) for each in page.items], "next": page.next})


@get("/units/{code:str}", operation_id="get_unit", sync_to_thread=True)
def get_unit(code: FromPath[str], engine: NamedDependency[Engine], on: FromQuery[date | None] = None) -> ASGIResponse:
    """The unit that a code meant on a civil date; without one that of today, or the last one of a code that ended."""
    return json_response(unit_json(reading.unit(engine, code, on)))


@get("/units/{code:str}/facts", operation_id="list_facts", sync_to_thread=True)
def list_facts(
    request: ApiRequest, code: FromPath[str], engine: NamedDependency[Engine], as_of: FromQuery[date | None] = None
) -> ASGIResponse:
    """Every figure of a unit as it was known for a civil date; null where nobody entered one."""
    day = as_of or reading.today(engine)
    return json_response(facts_json(code, day, reading.figures(engine, request.user, code, day)))


@post("/counts", operation_id="enter_count", status_code=201)
async def enter_count(request: ApiRequest, engine: NamedDependency[Engine]) -> ASGIResponse:
    """Enter a figure of a unit; a correction is another entry."""
    body, sent = await read_body(request, CountBody)
    wrong = list(dates(body.as_of, "/as_of"))
    if wrong:
        raise MalformedError(wrong)
    figure = Figure(
        unit=body.unit, key=body.key, value=body.value, as_of=date.fromisoformat(body.as_of), source=body.source
    )
    key = idempotency(request, sent)
    found = request_id(request.scope)
    reply = await asyncio.to_thread(counting.enter, engine, request.user, figure, key=key, request_id=found)
    return response(reply)


HANDLERS = (
    list_workflows,
    get_workflow,
    get_diagram,
    get_me,
    list_units,
    get_unit,
    list_facts,
    enter_count,
)
