"""Entering figures: who may, and once only under an idempotency key."""

from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.api.conftest import COMMUNE, NEIGHBOUR, Api, check_problem, paths
from workflows.store.tables import count_entry

FIGURE = {"unit": COMMUNE, "key": "households", "value": 2300, "as_of": "2025-03-01", "source": "Sổ theo dõi"}


def enter(api: Api, body: object, *, key: str | None = None, who: str = "police") -> httpx.Response:
    return api.post("/counts", body, who=who, headers={"idempotency-key": key} if key else None)


def entries(api: Api) -> int:
    with api.engine.database.read() as connection:
        return len(connection.execute(count_entry.select()).all())


def test_a_key_enters_a_figure_once(api: Api) -> None:
    first, again = enter(api, FIGURE, key="k"), enter(api, FIGURE, key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    check_problem(enter(api, {**FIGURE, "value": 2301}, key="k"), 422, "key_reused")
    assert entries(api) == 1
    # Without a key, and under the key of another client, it is another entry.
    assert enter(api, FIGURE).status_code == 201
    assert enter(api, FIGURE, key="k", who="district").status_code == 201
    assert entries(api) == 3


def test_many_senders_of_one_key_enter_it_once(api: Api) -> None:
    with ThreadPoolExecutor(12) as senders:
        answers = list(senders.map(lambda _: enter(api, FIGURE, key="k"), range(24)))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert entries(api) == 1


def test_who_may_not_is_told_so_again(api: Api) -> None:
    other = {**FIGURE, "unit": NEIGHBOUR}
    first, again = enter(api, other, key="k"), enter(api, other, key="k")
    assert [each["code"] for each in check_problem(first, 403, "forbidden")["blockers"]] == ["unit"]
    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"
    assert [
        each["code"] for each in check_problem(enter(api, FIGURE, who="auditor"), 403, "forbidden")["blockers"]
    ] == ["role"]
    assert entries(api) == 0


def test_what_makes_no_sense_leaves_its_key_unused(api: Api) -> None:
    wrong = {**FIGURE, "key": "housholds"}
    problem = check_problem(enter(api, wrong, key="k"), 422, "invalid")
    assert paths(problem) == ["/key"]
    assert "'households'" in problem["errors"][0]["message"]
    assert paths(check_problem(enter(api, {**FIGURE, "unit": "99999"}, key="k"), 422, "invalid")) == ["/unit"]
    assert enter(api, FIGURE, key="k").status_code == 201
    assert entries(api) == 1
