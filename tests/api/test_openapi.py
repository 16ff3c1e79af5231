"""The document says what the routes do: nothing less, nothing more, and its examples are real."""

import copy
import json
import re
from collections.abc import Iterator
from typing import Any, Final

import pytest
import schemathesis
from jsonschema import Draft202012Validator, FormatChecker
from litestar.routes import HTTPRoute

from api.app import outline
from api.contract import OPERATIONS
from api.contract_terms import Schema
from api.openapi import ContractError, document, routes
from api.parameters import query_names
from tests.api import examples
from tests.api.conftest import Api, check_problem

NOT_DESCRIBED: Final = {"/api/v1/docs", "/api/v1/docs/{name}"}
"""The page that shows the document, and its files."""
DOCUMENT: Final = document(outline())


def closed(described: Schema) -> Schema:
    """The document with every object of an answer closed, so that a member that it does not name is an error."""
    strict = copy.deepcopy(described)
    for schema in strict["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return strict


CLOSED: Final = closed(DOCUMENT)


def operations() -> Iterator[tuple[str, str, Schema]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def test_it_is_openapi_3_1() -> None:
    assert schemathesis.openapi.from_dict(DOCUMENT).validate() is None
    broken = {**DOCUMENT, "paths": {"/cases": {"get": {"responses": []}}}}
    with pytest.raises(Exception, match="responses"):
        schemathesis.openapi.from_dict(broken).validate()


def test_every_route_is_described_and_nothing_else() -> None:
    served = {
        (route.path_format, method)
        for route in outline().routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in handler.http_methods - {"OPTIONS"}
    }
    described = {(path, method) for path, method, _ in operations()}
    assert served - described == {(path, "GET") for path in NOT_DESCRIBED}
    assert described <= served


def test_a_route_without_a_promise_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    app = outline()
    monkeypatch.delitem(OPERATIONS, "get_me")
    with pytest.raises(ContractError, match="/api/v1/me"):
        document(app)


def test_queries_are_those_that_routes_take() -> None:
    described = {each["operationId"]: each.get("parameters", []) for _, _, each in operations()}
    for route in routes(outline()):
        names = [each["name"] for each in described[route.id] if each["in"] == "query"]
        assert names == query_names(route.handler), route.id
        placeholders = set(re.findall(r"\{(\w+)\}", route.path))
        assert {each["name"] for each in described[route.id] if each["in"] == "path"} == placeholders


def test_every_operation_says_how_it_answers() -> None:
    for path, _, operation in operations():
        name = operation["operationId"]
        statuses = set(operation["responses"])
        assert any(status.startswith("2") for status in statuses), name
        if operation.get("security") != []:
            assert {"401", "422", "500"} <= statuses, name
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= statuses, name
            assert operation["requestBody"]["content"]["application/json"]["examples"], name
        assert "{" not in path or "404" in statuses, name


def test_every_answer_with_a_body_has_an_example() -> None:
    without = [
        (operation["operationId"], status)
        for _, _, operation in operations()
        for status, answer in operation["responses"].items()
        for content in resolved(answer).get("content", {}).values()
        if not content.get("examples") and "contentMediaType" not in content["schema"]  # files of an office
    ]
    # An example of the document within itself would double it; the others are not for clients of cases.
    assert set(without) == {("get_openapi", "200"), ("readyz", "503"), ("metrics", "200")}


def test_links_lead_to_operations_and_name_their_parameters() -> None:
    known = {each["operationId"]: each for _, _, each in operations()}
    links = [
        link
        for each in known.values()
        for answer in each["responses"].values()
        for link in answer.get("links", {}).values()
    ]
    assert links
    for link in links:
        target = known[link["operationId"]]
        names = {each["name"] for each in target["parameters"]}
        assert {name.rpartition(".")[2] for name in link["parameters"]} <= names, link


@pytest.mark.parametrize("described", [DOCUMENT, CLOSED], ids=["as published", "closed"])
def test_every_example_is_valid(described: Schema) -> None:
    checked = 0
    for schema, example in all_examples(described):
        validator(described, schema).validate(example)
        checked += 1
    assert checked > 2 * len(OPERATIONS)


def test_an_example_with_a_member_too_many_is_not_valid() -> None:
    """The control of the test above."""
    schema, example = next(
        (schema, example) for schema, example in all_examples(CLOSED) if schema.get("$ref", "").endswith("/Case")
    )
    assert not validator(CLOSED, schema).is_valid({**example, "more": 1})
    assert not validator(CLOSED, schema).is_valid({**example, "version": None})


def test_examples_are_what_the_server_answers(sqlite_url: str) -> None:
    kept = json.loads(examples.FILE.read_text(encoding="utf-8"))
    again = examples.recorded(sqlite_url)
    assert examples.without_chance(again) == examples.without_chance(kept), "record them: python -m tests.api.examples"


def test_it_is_served_to_everybody(sqlite_api: Api) -> None:
    answer = sqlite_api.client.get("/api/v1/openapi.json")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == DOCUMENT
    kept = {"if-none-match": answer.headers["etag"]}
    again = sqlite_api.client.get("/api/v1/openapi.json", headers=kept)
    assert (again.status_code, again.content) == (304, b"")


def test_the_page_asks_nobody_else(sqlite_api: Api) -> None:
    page = sqlite_api.client.get("/api/v1/docs")
    assert page.status_code == 200
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "http" not in policy
    assert "unsafe" not in policy
    files = re.findall(r'(?:src|href)="docs/([^"]+)"', page.text)
    assert len(files) == len(re.findall(r"<script|stylesheet", page.text)) == 4
    for name in files:
        answer = sqlite_api.client.get(f"/api/v1/docs/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(("text/css", "text/javascript"))
        assert "sourceMappingURL" not in answer.text
    check_problem(sqlite_api.client.get("/api/v1/docs/README.md"), 404, "not_found")
    check_problem(sqlite_api.client.get("/api/v1/docs/..%2Fdocs.html"), 404, "not_found")


def all_examples(described: Schema) -> Iterator[tuple[Schema, Any]]:
    """Schema and value of each."""
    for methods in described["paths"].values():
        for operation in methods.values():
            bodies = [operation["requestBody"]] if "requestBody" in operation else []
            for part in (*bodies, *operation["responses"].values()):
                for content in resolved(part).get("content", {}).values():
                    yield from ((content["schema"], each["value"]) for each in content.get("examples", {}).values())
            for parameter in operation.get("parameters", []):
                if "example" in parameter:
                    yield parameter["schema"], parameter["example"]


def resolved(part: Schema) -> Schema:
    if "$ref" not in part:
        return part
    found: Schema = DOCUMENT["components"]["responses"][part["$ref"].rpartition("/")[2]]
    return found


def validator(described: Schema, schema: Schema) -> Draft202012Validator:
    # The whole document around the schema, so that references resolve within it.
    return Draft202012Validator({**schema, "components": described["components"]}, format_checker=FormatChecker())
