"""The description of this interface, for programs and for people: OpenAPI, and Swagger UI on top of it.

Needs no key, because it tells nothing that is secret. The page loads nothing from any other server: offices are often
offline.
"""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from litestar import MediaType, Request, get
from litestar.datastructures import State
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response.base import ASGIResponse

from api.openapi import encoded
from workflows.services.rendering import JSON

_STATIC: Final = Path(__file__).with_name("static")
_FILES: Final[Mapping[str, tuple[Path, str]]] = {
    "swagger-ui.css": (_STATIC / "swagger-ui" / "swagger-ui.css", "text/css"),
    "swagger-ui-bundle.js": (_STATIC / "swagger-ui" / "swagger-ui-bundle.js", "text/javascript"),
    "docs.css": (_STATIC / "docs.css", "text/css"),
    "docs.js": (_STATIC / "docs.js", "text/javascript"),
}
# Swagger UI draws its icons from data: addresses.
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_REVALIDATED: Final = "no-cache"


@get("/openapi.json", operation_id="get_openapi", sync_to_thread=False)
def get_openapi(request: Request[None, None, State]) -> ASGIResponse:
    """The OpenAPI document."""
    state = request.app.state
    if "openapi" not in state:
        state["openapi"] = encoded(request.app)
    return _kept(request, state["openapi"], JSON)


@get("/docs", include_in_schema=False, sync_to_thread=False)
def get_docs() -> ASGIResponse:
    """A page that shows the document, and can send requests."""
    headers = {"content-security-policy": _POLICY, "cache-control": _REVALIDATED}
    return ASGIResponse(body=(_STATIC / "docs.html").read_bytes(), headers=headers, media_type=MediaType.HTML)


@get("/docs/{name:str}", include_in_schema=False, sync_to_thread=True)
def get_docs_file(request: Request[None, None, State], name: FromPath[str]) -> ASGIResponse:
    """A file that the page is made of."""
    if name not in _FILES:
        raise NotFoundException(f"there is no file {name!r}; there are {', '.join(sorted(_FILES))}")
    path, media_type = _FILES[name]
    return _kept(request, path.read_bytes(), media_type)


def _kept(request: Request[None, None, State], body: bytes, media_type: str) -> ASGIResponse:
    """The body, or 304 where the sender has it already."""
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": _REVALIDATED}
    if tag in request.headers.get("if-none-match", ""):
        return ASGIResponse(status_code=304, headers=headers)
    return ASGIResponse(body=body, headers=headers, media_type=media_type)


HANDLERS: Final = (get_openapi, get_docs, get_docs_file)
