"""Plans, how far their targets are reached, and what stands behind a figure."""

from datetime import date

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response.base import ASGIResponse

from api.replies import json_response
from api.requests import ApiRequest, Limit
from workflows.services import targets
from workflows.services.engine import Engine
from workflows.services.plan_json import behind_json, plan_head, plan_json, targets_json
from workflows.services.reading import Slice
from workflows.services.targets import Part, View


@get("/plans", operation_id="list_plans", sync_to_thread=True)
def list_plans(engine: NamedDependency[Engine]) -> ASGIResponse:
    """All plans, by key."""
    plans = engine.catalogue.plans
    return json_response({"items": [plan_head(plans[key]) for key in sorted(plans)], "next": None})


@get("/plans/{plan:str}", operation_id="get_plan", sync_to_thread=True)
def get_plan(plan: FromPath[str], engine: NamedDependency[Engine]) -> ASGIResponse:
    """A whole plan."""
    return json_response(plan_json(targets.plan(engine, plan)))


@get("/plans/{plan:str}/targets", operation_id="read_targets", sync_to_thread=True)
def read_targets(
    request: ApiRequest,
    plan: FromPath[str],
    engine: NamedDependency[Engine],
    as_of: FromQuery[date | None] = None,
    unit: FromQuery[str | None] = None,
) -> ASGIResponse:
    """How far the targets of a plan are reached, as known at the end of a day."""
    view = View(key=plan, as_of=as_of, unit=unit)
    return json_response(targets_json(targets.targets(engine, request.user, view)))


@get("/plans/{plan:str}/targets/{target:str}/behind", operation_id="read_behind", sync_to_thread=True)
def read_behind(  # noqa: PLR0913, PLR0917 - Litestar reads a filter from each parameter
    request: ApiRequest,
    plan: FromPath[str],
    target: FromPath[str],
    engine: NamedDependency[Engine],
    as_of: FromQuery[date | None] = None,
    unit: FromQuery[str | None] = None,
    part: FromQuery[Part] = "of",
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> ASGIResponse:
    """What the figure of a target counts."""
    view, page = View(key=plan, as_of=as_of, unit=unit), Slice(cursor=cursor, limit=limit)
    return json_response(behind_json(targets.behind_target(engine, request.user, view, target, part, page)))


HANDLERS = (list_plans, get_plan, read_targets, read_behind)
