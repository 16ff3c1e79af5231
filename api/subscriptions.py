"""Subscriptions to webhooks: made, read, changed, given new secrets, and what is not delivered to them.

A secret is shown when it is made, never again. Who may do what is decided by the services; all of it runs in a thread.
"""

import asyncio
from typing import Annotated, Final

from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter, SkipValidation
from litestar.response.base import ASGIResponse

from api.bodies import ReplayBody, SecretBody, SubscriptionBody, SubscriptionChangeBody
from api.replies import json_response
from api.requests import ApiRequest, Limit, read_body
from workflows.core.civil import format_instant
from workflows.services import subscriptions
from workflows.services.engine import Engine
from workflows.services.reading import Slice
from workflows.services.rendering import Object
from workflows.services.subscriptions import Wish
from workflows.services.webhook_targets import Network
from workflows.store.subscriptions import Subscription
from workflows.store.webhooks import Delivery, State

SUBSCRIPTIONS: Final = "/api/v1/subscriptions"


@post("/subscriptions", operation_id="create_subscription", status_code=201)
async def create_subscription(
    request: ApiRequest,
    engine: NamedDependency[Engine],
    webhook_networks: NamedDependency[SkipValidation[tuple[Network, ...]]],
) -> ASGIResponse:
    """Subscribe a URL to events; the secret is shown in this answer only."""
    body, _ = await read_body(request, SubscriptionBody)
    made = await asyncio.to_thread(
        subscriptions.create, engine, request.user, _wish(body, set(SubscriptionBody.model_fields)), webhook_networks
    )
    headers = {"location": f"{SUBSCRIPTIONS}/{made.id}"}
    return json_response({**_subscription_json(made), "secret": made.secret}, status=201, headers=headers)


def _wish(body: SubscriptionBody | SubscriptionChangeBody, given: set[str]) -> Wish:
    filters = {"workflows": body.workflows, "triggers": body.triggers, "units": body.units}
    return Wish(
        name=body.name if "name" in given else None,
        url=body.url if "url" in given else None,
        filters={name: tuple(dict.fromkeys(values)) for name, values in filters.items() if name in given},
        active=body.active if "active" in given else None,
    )


@get("/subscriptions", operation_id="list_subscriptions", sync_to_thread=True)
def list_subscriptions(
    request: ApiRequest,
    engine: NamedDependency[Engine],
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> ASGIResponse:
    """Subscriptions that the key manages, newest first."""
    page = subscriptions.list_subscriptions(engine, request.user, Slice(cursor=cursor, limit=limit))
    return json_response({"items": [_subscription_json(each) for each in page.items], "next": page.next})


@get("/subscriptions/{subscription_id:str}", operation_id="get_subscription", sync_to_thread=True)
def get_subscription(
    request: ApiRequest, subscription_id: FromPath[str], engine: NamedDependency[Engine]
) -> ASGIResponse:
    """One subscription, without its secret."""
    return json_response(_subscription_json(subscriptions.get(engine, request.user, subscription_id)))


@patch("/subscriptions/{subscription_id:str}", operation_id="change_subscription")
async def change_subscription(
    request: ApiRequest,
    subscription_id: FromPath[str],
    engine: NamedDependency[Engine],
    webhook_networks: NamedDependency[SkipValidation[tuple[Network, ...]]],
) -> ASGIResponse:
    """Change a subscription, pause it, or let it go on."""
    body, _ = await read_body(request, SubscriptionChangeBody)
    wish = _wish(body, body.model_fields_set)
    changed = await asyncio.to_thread(
        subscriptions.change, engine, request.user, subscription_id, wish, webhook_networks
    )
    return json_response(_subscription_json(changed))


@delete("/subscriptions/{subscription_id:str}", operation_id="delete_subscription", status_code=204)
async def delete_subscription(
    request: ApiRequest, subscription_id: FromPath[str], engine: NamedDependency[Engine]
) -> None:
    """End a subscription; what waits for it is dropped."""
    await asyncio.to_thread(subscriptions.remove, engine, request.user, subscription_id)


@post("/subscriptions/{subscription_id:str}/secret", operation_id="rotate_secret", status_code=200)
async def rotate_secret(
    request: ApiRequest, subscription_id: FromPath[str], engine: NamedDependency[Engine]
) -> ASGIResponse:
    """Make a new secret, shown in this answer only; the old one goes on signing for a while."""
    body, _ = await read_body(request, SecretBody)
    changed = await asyncio.to_thread(
        subscriptions.rotate_secret, engine, request.user, subscription_id, body.overlap_hours
    )
    return json_response({**_subscription_json(changed), "secret": changed.secret})


@get("/subscriptions/{subscription_id:str}/deliveries", operation_id="list_deliveries", sync_to_thread=True)
def list_deliveries(
    request: ApiRequest,
    subscription_id: FromPath[str],
    engine: NamedDependency[Engine],
    in_state: Annotated[State | None, QueryParameter(name="state")] = None,
    cursor: FromQuery[str | None] = None,
    limit: Limit = 50,
) -> ASGIResponse:
    """What is not delivered yet, or was given up; the newest first."""
    part = Slice(cursor=cursor, limit=limit)
    page = subscriptions.deliveries(engine, request.user, subscription_id, in_state, part)
    return json_response({"items": [_delivery_json(each) for each in page.items], "next": page.next})


@post("/subscriptions/{subscription_id:str}/replay", operation_id="replay_deliveries", status_code=202)
async def replay_deliveries(
    request: ApiRequest, subscription_id: FromPath[str], engine: NamedDependency[Engine]
) -> ASGIResponse:
    """Deliver again: everything after a position of the feed, or what was given up."""
    body, _ = await read_body(request, ReplayBody)
    count = await asyncio.to_thread(subscriptions.replay, engine, request.user, subscription_id, body.after)
    return json_response({"deliveries": count}, status=202)


def _subscription_json(found: Subscription) -> Object:
    return {
        "id": found.id,
        "name": found.name,
        "url": found.url,
        "workflows": found.workflows,
        "triggers": found.triggers,
        "units": found.units,
        "active": found.active,
        "paused_because": found.paused_because,
        "person": found.person,
        "key": found.grant_id,
        "created_at": format_instant(found.created_at),
        "old_secret_until": format_instant(found.old_secret_until) if found.old_secret_until else None,
        "replaying": found.replay_until is not None,
    }


def _delivery_json(found: Delivery) -> Object:
    return {
        "position": found.position,
        "event": found.event,
        "case": found.case,
        "state": found.state,
        "attempts": found.attempts,
        "next_at": format_instant(found.next_at) if found.next_at else None,
        "last_status": found.last_status,
        "last_error": found.last_error,
        "created_at": format_instant(found.created_at),
    }


HANDLERS = (
    create_subscription,
    list_subscriptions,
    get_subscription,
    change_subscription,
    delete_subscription,
    rotate_secret,
    list_deliveries,
    replay_deliveries,
)
