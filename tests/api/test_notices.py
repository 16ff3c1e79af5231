"""`GET /notices`: what was done about deadlines, for whoever may see the cases."""

import pytest
from sqlalchemy import select

from tests.api.conftest import COMMUNE, NEIGHBOUR, Api, check_problem, paths
from tests.store import samples
from workflows.store import rows
from workflows.store.tables import cases


def noticed(api: Api) -> tuple[str, str]:
    """One notice about a case of each of two communes; ids of the cases."""
    mine, other = api.open()["id"], api.open(who="neighbour", unit=NEIGHBOUR)["id"]
    with api.engine.database.write() as connection:
        found = [rows.case_of(row) for row in connection.execute(select(cases)).mappings()]
        samples.store_notices(connection, found)
    return mine, other


def seen(api: Api, who: str, **query: object) -> set[str]:
    answer = api.get("/notices", who=who, **query)
    assert answer.status_code == 200, answer.text
    return {each["case"] for each in answer.json()["items"]}


def test_who_may_see_the_case_may_see_the_notice(api: Api) -> None:
    mine, other = noticed(api)
    assert seen(api, "police") == {mine}
    assert seen(api, "neighbour") == {other}
    assert seen(api, "province") == {mine, other}
    assert seen(api, "province", unit=COMMUNE) == {mine}
    assert seen(api, "province", unit="842", workflow="hotspot") == {mine, other}
    assert seen(api, "province", workflow="certification") == set()
    assert seen(api, "province", case=other) == {other}
    assert seen(api, "police", case=other) == set()


def test_pages_follow_one_another(api: Api) -> None:
    both = set(noticed(api))
    first = api.get("/notices", who="auditor", limit=1).json()
    second = api.get("/notices", who="auditor", limit=1, cursor=first["next"]).json()
    assert {each["case"] for page in (first, second) for each in page["items"]} == both
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "path"),
    [({"workflow": "hotspots"}, "/workflow"), ({"unit": "00000"}, "/unit"), ({"case": "x"}, "/case")],
)
def test_a_filter_that_means_nothing_is_told(sqlite_api: Api, query: dict[str, str], path: str) -> None:
    assert paths(check_problem(sqlite_api.get("/notices", **query), 422, "invalid")) == [path]
