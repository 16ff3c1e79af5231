"""Decision tables, and which class a unit is of by one."""

from datetime import date

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery
from litestar.response.base import ASGIResponse

from api.replies import json_response
from api.requests import ApiRequest
from workflows.services import classifying, reading
from workflows.services.engine import Engine
from workflows.services.table_json import classification_json, table_head, table_json


@get("/tables", operation_id="list_tables", sync_to_thread=True)
def list_tables(engine: NamedDependency[Engine], on: FromQuery[date | None] = None) -> ASGIResponse:
    """The version of each table that is in force, today or on a civil date."""
    found = classifying.tables(engine, on or reading.today(engine))
    return json_response({"items": [table_head(each) for each in found], "next": None})


@get("/tables/{table:str}", operation_id="get_table", sync_to_thread=True)
def get_table(
    table: FromPath[str],
    engine: NamedDependency[Engine],
    version: FromQuery[int | None] = None,
    on: FromQuery[date | None] = None,
) -> ASGIResponse:
    """One version of a table; by default the one in force today, else the newest."""
    return json_response(table_json(classifying.table(engine, table, version=version, on=on)))


@get("/units/{code:str}/classification", operation_id="classify_unit", sync_to_thread=True)
def classify_unit(
    request: ApiRequest,
    code: FromPath[str],
    engine: NamedDependency[Engine],
    table: FromQuery[str | None] = None,
    as_of: FromQuery[date | None] = None,
) -> ASGIResponse:
    """The class of a unit, as known at the end of a civil day."""
    day = as_of or reading.today(engine)
    found = classifying.classified(engine, request.user, code, key=table, as_of=day)
    return json_response(classification_json(engine, found))


HANDLERS = (list_tables, get_table, classify_unit)
