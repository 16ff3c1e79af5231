"""Which methods an address takes, told to whoever asks with OPTIONS.

The framework's own answer is made when the first handler of an address is registered, and does not know the others.
"""

from typing import Final

from litestar.enums import ScopeType
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, Receive, Scope, Send

_NO_CONTENT: Final = 204


class AllowedMethods:
    """Wraps every route of an application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "OPTIONS":
            await self._app(scope, receive, send)
            return
        here = [route for route in scope["litestar_app"].routes if route.path_format == scope["path_template"]]
        methods = {method for route in here for method in route.methods}
        answer = ASGIResponse(status_code=_NO_CONTENT, headers={"allow": ", ".join(sorted(methods))})
        await answer(scope, receive, send)
