"""The figures of this server for Prometheus: who may read them, and how they are asked for.

What they are is the affair of `workflows.services.metrics`.
"""

from typing import Final

from litestar import get
from litestar.di import NamedDependency
from litestar.response.base import ASGIResponse

from api.problems import HttpError
from api.requests import ApiRequest
from workflows.core.authority import has_role
from workflows.core.documents import Role
from workflows.services.metrics import CONTENT_TYPE, Metrics

READING: Final = ("metrics", "read")
"""What a `system` key names in its scope, as `metrics.read`."""


@get("/metrics", operation_id="metrics", sync_to_thread=True)
def get_metrics(request: ApiRequest, metrics: NamedDependency[Metrics]) -> ASGIResponse:
    """All figures as text, those of the other processes of this server included."""
    if not has_role(request.user, {Role.ADMINISTRATOR}, *READING):
        detail = f"figures are for role {Role.ADMINISTRATOR}, and for role {Role.SYSTEM} with scope {'.'.join(READING)}"
        raise HttpError(403, "forbidden", detail)
    return ASGIResponse(body=metrics.exposition(), media_type=CONTENT_TYPE)


HANDLERS: Final = (get_metrics,)
