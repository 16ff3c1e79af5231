"""Cases: opening, finding, reading them, and firing their triggers.

Opening and firing run on the event loop and wait for the writer; everything that only reads runs in a thread.
"""

import asyncio
from datetime import date
from typing import Annotated, Literal, cast

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response.base import ASGIResponse

from api.access_log import trace
from api.bodies import FireBody, OpenBody
from api.conditional import KEPT, has
from api.problems import HttpError, MalformedError
from api.replies import json_response, response
from api.requests import ApiRequest, Limit, expected_version, idempotency, instant, read_body
from workflows.core.case import Accepted, Actor, CaseId, Command, Data, Event, Fire, InputError, Open, Refused
from workflows.core.fields import REASON_LIMIT, texts
from workflows.core.ids import is_id
from workflows.services import deadlines, reading
from workflows.services.engine import Engine
from workflows.services.reading import MissingError, Slice
from workflows.services.rendering import (
    attempt_json,
    case_json,
    etag,
    event_json,
    is_overdue,
    offer_json,
    preview_json,
    reply,
)
from workflows.store.lists import Entry, EventFilter
from workflows.store.paging import Page
from workflows.store.queries import CaseFilter
from workflows.store.submissions import Idempotency, Submission


@post("/cases", operation_id="open_case", status_code=201)
async def open_case(request: ApiRequest, engine: NamedDependency[Engine]) -> ASGIResponse:
    """Open a case."""
    body, sent = await read_body(request, OpenBody)
    key = idempotency(request, sent)
    command = engine.command(
        grant=request.user.grant,
        act=_opening(body),
        reason=body.reason,
        occurred_at=instant(body.occurred_at, "/occurred_at"),
        idempotency=key.key_hash if key else None,
    )
    return await _carry_out(request, engine, command, key, dry_run=body.dry_run)


def _opening(body: OpenBody) -> Open:
    if body.parent is not None and not is_id(body.parent):
        raise MalformedError(
            [InputError(path="/parent", message=f"{body.parent!r} is not a case id (lower-case UUID)")]
        )
    return Open(
        workflow=body.workflow,
        unit=body.unit,
        title=body.title,
        data=cast("Data", body.data),
        plan=body.plan,
        parent=CaseId(body.parent) if body.parent else None,
    )


@post("/cases/{case_id:str}/transitions", operation_id="fire", status_code=200)
async def fire(request: ApiRequest, case_id: FromPath[str], engine: NamedDependency[Engine]) -> ASGIResponse:
    """Fire a trigger on a case."""
    body, sent = await read_body(request, FireBody)
    _require_id(case_id)
    key = idempotency(request, sent)
    version = expected_version(request)
    occurred_at = instant(body.occurred_at, "/occurred_at")
    if body.dry_run and "input" not in body.model_fields_set:
        _require_reason(body.reason)
        return await asyncio.to_thread(_explained, engine, request.user, case_id, body.trigger)
    if version is None and not body.dry_run:
        await asyncio.to_thread(reading.case, engine, request.user, case_id)
        raise HttpError(428, "if_match_required", 'say which version you have seen: If-Match: "<version>"')
    command = engine.command(
        grant=request.user.grant,
        act=Fire(case=CaseId(case_id), trigger=body.trigger, input=cast("Data", body.input), expected_version=version),
        reason=body.reason,
        occurred_at=occurred_at,
        idempotency=key.key_hash if key else None,
    )
    return await _carry_out(request, engine, command, key, dry_run=body.dry_run)


def _require_reason(given: str | None) -> None:
    """What explains a trigger does not look at the reason, which is to be right nevertheless."""
    wrong = list(texts(given, "/reason", REASON_LIMIT)) if given is not None else []
    if wrong:
        raise MalformedError(wrong)


async def _carry_out(
    request: ApiRequest, engine: Engine, command: Command, key: Idempotency | None, *, dry_run: bool
) -> ASGIResponse:
    trace(request.scope).request_id = command.id
    if dry_run:
        return await asyncio.to_thread(_previewed, engine, request.user, command)
    answered = await engine.carry_out(Submission(commands=(command,), idempotency=key))
    return response(answered[0].reply)


def _previewed(engine: Engine, actor: Actor, command: Command) -> ASGIResponse:
    decision, to = reading.preview(engine, actor, command)
    if isinstance(decision, Accepted | Refused):
        return json_response(preview_json(decision, to))
    return response(reply(command, decision))


def _explained(engine: Engine, actor: Actor, case_id: str, trigger: str) -> ASGIResponse:
    definition, offers = reading.offers(engine, actor, case_id, trigger)
    return json_response(offer_json(offers[0], definition))


@get("/cases", operation_id="list_cases", sync_to_thread=True)
def list_cases(  # noqa: PLR0913, PLR0917 - Litestar reads a filter from each parameter
    request: ApiRequest,
    engine: NamedDependency[Engine],
    workflow: FromQuery[str | None] = None,
    in_state: Annotated[str | None, QueryParameter(name="state")] = None,
    unit: FromQuery[str | None] = None,
    plan: FromQuery[str | None] = None,
    parent: FromQuery[str | None] = None,
    overdue: FromQuery[bool | None] = None,
    q: FromQuery[str | None] = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> ASGIResponse:
    """Cases that the key may see, newest first."""
    wanted = CaseFilter(workflow=workflow, state=in_state, unit=unit, plan=plan, parent=parent, overdue=overdue, q=q)
    page = reading.cases(engine, request.user, wanted, Slice(cursor=cursor, limit=limit))
    day = reading.today(engine)
    return json_response({"items": [case_json(case, day) for case in page.items], "next": page.next})


@get("/cases/{case_id:str}", operation_id="get_case", sync_to_thread=True)
def get_case(request: ApiRequest, case_id: FromPath[str], engine: NamedDependency[Engine]) -> ASGIResponse:
    """One case, with its version as ETag."""
    _require_id(case_id)
    case, day = reading.case(engine, request.user, case_id), reading.today(engine)
    headers = {"etag": etag(case.version), "cache-control": KEPT}
    # Past its due date a case becomes overdue by the day alone, which its version does not tell.
    if has(request.scope, headers["etag"]) and not is_overdue(case, day):
        return ASGIResponse(status_code=304, headers=headers)
    return json_response(case_json(case, day), headers=headers)


@get("/cases/{case_id:str}/deadline", operation_id="get_deadline", sync_to_thread=True)
def get_deadline(request: ApiRequest, case_id: FromPath[str], engine: NamedDependency[Engine]) -> ASGIResponse:
    """Why a case has its deadline."""
    _require_id(case_id)
    found = deadlines.explained(engine, request.user, case_id)
    return json_response(deadlines.deadline_json(found, reading.today(engine)))


@get("/cases/{case_id:str}/transitions", operation_id="list_offers", sync_to_thread=True)
def list_offers(request: ApiRequest, case_id: FromPath[str], engine: NamedDependency[Engine]) -> ASGIResponse:
    """What can be done with a case now, and what stands against the rest."""
    _require_id(case_id)
    definition, offers = reading.offers(engine, request.user, case_id)
    return json_response({"items": [offer_json(offer, definition) for offer in offers], "next": None})


@get("/cases/{case_id:str}/events", operation_id="list_case_events", sync_to_thread=True)
def list_case_events(
    request: ApiRequest,
    case_id: FromPath[str],
    engine: NamedDependency[Engine],
    outcome: FromQuery[Literal["accepted", "refused", "all"]] = "accepted",
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> ASGIResponse:
    """What happened to a case, and what was refused, newest first."""
    _require_id(case_id)
    page = reading.history(engine, request.user, case_id, outcome, Slice(cursor=cursor, limit=limit))
    return _entries(page)


@get("/events", operation_id="list_events", sync_to_thread=True)
def list_events(  # noqa: PLR0913, PLR0917 - Litestar reads a filter from each parameter
    request: ApiRequest,
    engine: NamedDependency[Engine],
    actor: FromQuery[str | None] = None,
    unit: FromQuery[str | None] = None,
    workflow: FromQuery[str | None] = None,
    trigger: FromQuery[str | None] = None,
    outcome: FromQuery[Literal["accepted", "refused", "all"]] = "accepted",
    first_day: Annotated[date | None, QueryParameter(name="from")] = None,
    end_day: Annotated[date | None, QueryParameter(name="to")] = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> ASGIResponse:
    """What happened to all cases that the key may see, newest first; for reading, not a feed."""
    wanted = EventFilter(
        outcome=outcome,
        person=actor,
        unit=unit,
        workflow=workflow,
        trigger=trigger,
        first_day=first_day,
        end_day=end_day,
    )
    return _entries(reading.events(engine, request.user, wanted, Slice(cursor=cursor, limit=limit)))


def _entries(page: Page[Entry]) -> ASGIResponse:
    items = [event_json(each) if isinstance(each, Event) else attempt_json(each) for each in page.items]
    return json_response({"items": items, "next": page.next})


def _require_id(case_id: str) -> None:
    """No case has another kind of id, and no database needs to be asked."""
    if not is_id(case_id):
        raise MissingError("case", case_id)


HANDLERS = (open_case, fire, list_cases, get_case, get_deadline, list_offers, list_case_events, list_events)
