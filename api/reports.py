"""Filled reports of plans: as JSON, as a workbook, and for print."""

from datetime import date
from typing import Annotated

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response.base import ASGIResponse

from api.requests import ApiRequest
from workflows.services.engine import Engine
from workflows.services.report_files import MEDIA_TYPES, ReportFormat, file_name, file_of
from workflows.services.reports import Wish, report


@get("/plans/{plan:str}/obligations/{obligation:str}/report", operation_id="read_report", sync_to_thread=True)
def read_report(  # noqa: PLR0913, PLR0917 - Litestar reads a choice from each parameter
    request: ApiRequest,
    plan: FromPath[str],
    obligation: FromPath[str],
    engine: NamedDependency[Engine],
    unit: FromQuery[str | None] = None,
    agency: FromQuery[str | None] = None,
    due: FromQuery[date | None] = None,
    as_of: FromQuery[date | None] = None,
    kind: Annotated[ReportFormat, QueryParameter(name="format")] = ReportFormat.JSON,
) -> ASGIResponse:
    """What one body reports on one period."""
    wish = Wish(plan=plan, obligation=obligation, unit=unit, agency=agency, due=due, as_of=as_of)
    found = report(engine, request.user, wish)
    attached = {"content-disposition": f'attachment; filename="{file_name(found, kind)}"'}
    return ASGIResponse(
        body=file_of(found, kind),
        headers=attached if kind is not ReportFormat.JSON else {},
        media_type=MEDIA_TYPES[kind],
    )


HANDLERS = (read_report,)
