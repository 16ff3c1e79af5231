"""`GET /feed`: what its pages look like, to whom, and which questions it refuses."""

from typing import Any

import pytest

from tests.api.conftest import NEIGHBOUR, SUPPRESS, Api, check_problem, paths
from workflows.store.feed import sequence


def sequenced(api: Api) -> None:
    with api.engine.database.write() as connection:
        sequence(connection)


def events(page: dict[str, Any]) -> list[tuple[int, str, str]]:
    return [(item["position"], item["event"]["case"], item["event"]["trigger"]) for item in page["items"]]


def test_a_reader_follows_what_he_may_see(api: Api) -> None:
    mine, other = api.open()["id"], api.open(who="neighbour", unit=NEIGHBOUR)["id"]
    assert api.get("/feed").json() == {"items": [], "next": 0, "more": False}
    sequenced(api)
    assert api.fire(mine, SUPPRESS, version=1).status_code == 200
    sequenced(api)
    everything = [(1, mine, "open"), (2, other, "open"), (3, mine, "suppress")]
    page = api.get("/feed", who="auditor").json()
    assert (events(page), page["next"], page["more"]) == (everything, 3, False)
    assert page["items"][2]["event"] == api.get(f"/cases/{mine}/events").json()["items"][0]
    page = api.get("/feed", who="auditor", limit=2).json()
    assert (events(page), page["next"], page["more"]) == (everything[:2], 2, True)
    page = api.get("/feed", who="auditor", after=2).json()
    assert (events(page), page["next"], page["more"]) == (everything[2:], 3, False)
    page = api.get("/feed", who="neighbour").json()
    assert (events(page), page["next"], page["more"]) == (everything[1:2], 3, False)
    assert events(api.get("/feed", who="province", trigger="suppress").json()) == everything[2:]
    assert events(api.get("/feed", who="province", unit=NEIGHBOUR).json()) == everything[1:2]
    assert events(api.get("/feed", who="province", workflow="certification").json()) == []


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"after": -1}, "/after"),
        ({"after": 1_000_000}, "/after"),
        ({"after": 10**30}, "/after"),
        ({"after": "last"}, "/after"),
        ({"limit": 0}, "/limit"),
        ({"limit": 201}, "/limit"),
        ({"units": "84"}, "/units"),
    ],
)
def test_questions_are_checked(sqlite_api: Api, query: dict[str, Any], path: str) -> None:
    assert paths(check_problem(sqlite_api.get("/feed", **query), 422, "invalid")) == [path]


def test_a_reader_needs_a_key(sqlite_api: Api) -> None:
    assert sqlite_api.client.get("/api/v1/feed").status_code == 401
