"""A span for each request, around everything else that a request meets.

Only where traces are sent; what a span says is the affair of `workflows.services.spans`.
"""

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from api.access_log import request_id, route_of
from workflows.services.spans import Spans


class Traced:
    """Wraps the whole application."""

    def __init__(self, app: ASGIApp, spans: Spans) -> None:
        self._app = app
        self._spans = spans

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        status = 500  # where no answer begins, the server makes one of this
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        with self._spans.request(scope["method"], headers) as span:
            try:
                await self._app(scope, receive, watched)
            finally:
                self._spans.answered(
                    span, method=scope["method"], route=route_of(scope), status=status, request_id=request_id(scope)
                )
