"""The composition root: everything that is served over HTTP, put together around one engine."""

from typing import Final

from litestar import Litestar, Router
from litestar.di import Provide
from litestar.types import BeforeRequestHookHandler

from api import (
    bulk,
    cases,
    catalogue,
    docs,
    feed,
    metrics,
    notices,
    plan_openings,
    plans,
    reports,
    subscriptions,
    tables,
)
from api.access_log import trace
from api.allow import AllowedMethods
from api.authentication import KeyRing
from api.conditional import ConditionalReads
from api.health import Health, healthz, readyz
from api.limits import KeyLimit, address_of, key_limit
from api.observation import Observation
from api.problems import HANDLERS
from api.requests import BODY_LIMIT, ApiRequest, require_known_query
from workflows.services.engine import Engine
from workflows.services.metrics import Metrics
from workflows.services.webhook_targets import Network

PREFIX: Final = "/api/v1"


def _checks(keys: KeyRing, limit: KeyLimit | None) -> BeforeRequestHookHandler:
    """What every request must pass first.

    A hook, because Litestar copies the handler for every guard of every request; a plain function, because it copies
    what it is given, deeply, so that a method would take the keys along.
    """

    async def check(request: ApiRequest) -> None:
        actor = await keys.authenticate(request.headers.getall("authorization", []), address_of(request.scope))
        request.scope["user"] = actor
        trace(request.scope).key_id = actor.grant
        if limit is not None:
            await limit.admit(actor.grant)
        require_known_query(request)

    return check


KEYED: Final = (
    *cases.HANDLERS,
    *bulk.HANDLERS,
    *catalogue.HANDLERS,
    *feed.HANDLERS,
    *notices.HANDLERS,
    *plans.HANDLERS,
    *plan_openings.HANDLERS,
    *reports.HANDLERS,
    *subscriptions.HANDLERS,
    *tables.HANDLERS,
)
"""Routes below `PREFIX` that ask for a key."""
PUBLIC: Final = (Router(path=PREFIX, route_handlers=docs.HANDLERS), healthz, readyz)
"""Routes that do not."""


_PROVIDED: Final = ("engine", "health", "metrics", "webhook_networks")


def outline() -> Litestar:
    """The routes alone, for whoever describes them: answers nothing."""
    return Litestar(
        route_handlers=[Router(path=PREFIX, route_handlers=KEYED), *metrics.HANDLERS, *PUBLIC],
        dependencies={name: Provide(lambda: None, sync_to_thread=False) for name in _PROVIDED},
        logging_config=None,
        openapi_config=None,
    )


def create_app(
    engine: Engine,
    *,
    rate: float = 0,
    observation: Observation | None = None,
    webhook_networks: tuple[Network, ...] = (),
) -> Litestar:
    """The application; starting and stopping the engine is its caller's affair.

    Args:
        engine: What is served.
        rate: Requests per second that one key may send; 0: as many as it likes.
        observation: Of this engine; made here when absent.
        webhook_networks: Outside the public Internet, where subscribers may be nevertheless.
    """
    observed = observation or Observation(engine)

    def provide_engine() -> Engine:
        return engine

    def provide_health() -> Health:
        return observed.health

    def provide_metrics() -> Metrics:
        return observed.metrics

    def provide_networks() -> tuple[Network, ...]:
        return webhook_networks

    checks = _checks(KeyRing(engine), key_limit(engine.database, rate))
    api = Router(
        path=PREFIX,
        route_handlers=KEYED,
        before_request=checks,
        middleware=[ConditionalReads],
    )
    return Litestar(
        route_handlers=[api, Router(path="/", route_handlers=metrics.HANDLERS, before_request=checks), *PUBLIC],
        dependencies={
            "engine": Provide(provide_engine, use_cache=True, sync_to_thread=False),
            "health": Provide(provide_health, use_cache=True, sync_to_thread=False),
            "metrics": Provide(provide_metrics, use_cache=True, sync_to_thread=False),
            "webhook_networks": Provide(provide_networks, use_cache=True, sync_to_thread=False),
        },
        middleware=[AllowedMethods],
        exception_handlers=HANDLERS,
        request_max_body_size=BODY_LIMIT,
        logging_config=None,
        openapi_config=None,
    )
