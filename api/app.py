"""The composition root: everything that is served over HTTP, put together around one engine."""

from typing import Final

from litestar import Litestar, Router, get
from litestar.di import NamedDependency, Provide
from litestar.response.base import ASGIResponse
from litestar.types import BeforeRequestHookHandler

from api import cases, catalogue
from api.access_log import trace
from api.authentication import KeyRing
from api.problems import HANDLERS
from api.replies import json_response
from api.requests import BODY_LIMIT, ApiRequest, require_known_query
from workflows.core.civil import format_instant
from workflows.services.engine import Engine

PREFIX: Final = "/api/v1"


@get("/healthz", sync_to_thread=False)
def healthz(engine: NamedDependency[Engine]) -> ASGIResponse:
    """The process answers; `now` is the present of its clock."""
    return json_response({"status": "ok", "now": format_instant(engine.clock())})


@get("/readyz", sync_to_thread=False)
def readyz(engine: NamedDependency[Engine]) -> ASGIResponse:
    """Whether commands are carried out."""
    ready = engine.writer.alive
    body = {"status": "ready" if ready else "the writer has ended", "queue": engine.writer.queue_length}
    return json_response(body, status=200 if ready else 503)


def _checks(keys: KeyRing) -> BeforeRequestHookHandler:
    """What every request must pass first.

    A hook, because Litestar copies the handler for every guard of every request; a plain function, because it copies
    what it is given, deeply, so that a method would take the keys along.
    """

    async def check(request: ApiRequest) -> None:
        actor = await keys.authenticate(request.headers.get("authorization"))
        request.scope["user"] = actor
        trace(request.scope).key_id = actor.grant
        require_known_query(request)

    return check


def create_app(engine: Engine) -> Litestar:
    """The application; starting and stopping the engine is its caller's affair."""

    def provide_engine() -> Engine:
        return engine

    api = Router(
        path=PREFIX,
        route_handlers=[*cases.HANDLERS, *catalogue.HANDLERS],
        before_request=_checks(KeyRing(engine)),
    )
    return Litestar(
        route_handlers=[api, healthz, readyz],
        dependencies={"engine": Provide(provide_engine, use_cache=True, sync_to_thread=False)},
        exception_handlers=HANDLERS,
        request_max_body_size=BODY_LIMIT,
        logging_config=None,
        openapi_config=None,
    )
