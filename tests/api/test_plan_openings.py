"""Opening a plan over HTTP, and a plan of none of the sources that is opened and run by its document alone."""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
from litestar.testing import TestClient

from api.server import application
from tests.api.conftest import DOCUMENT, NOW, Api, Clock, check_problem, paths
from workflows.core.documents import Role
from workflows.loader import find_definitions
from workflows.services.engine import Engine
from workflows.store import keys
from workflows.store.database import Database
from workflows.store.keys import Grant

FILE: Final = Path(__file__).parents[1] / "definitions/plans/ca-mau-2025.yaml"
OPENINGS: Final = "/plans/ca-mau-2025/openings"
OBLIGATIONS: Final = "/plans/ca-mau-2025/obligations"
YEAR: Final = {"year": 2025}
ALL: Final = 134
PEOPLE: Final = {
    "police": Grant(role=Role.PROVINCIAL_POLICE, unit="96", person="police", name="police"),
    "committee": Grant(role=Role.STEERING_COMMITTEE, unit="96", person="committee", name="committee"),
    "health": Grant(role=Role.DEPARTMENT, unit="96", person="health", name="health", agency="department_of_health"),
    "district": Grant(role=Role.DISTRICT_COMMITTEE, unit="966", person="district", name="district"),
    "commune": Grant(role=Role.COMMUNE_OFFICER, unit="32047", person="commune", name="commune"),
}


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped ones with one more file among the plans."""
    root = tmp_path_factory.mktemp("sixth") / "definitions"
    shutil.copytree(find_definitions(None), root)
    shutil.copy(FILE, root / "plans")
    return root


@pytest.fixture
def api(database_url: str, definitions: Path) -> Iterator[Api]:
    yield from served(database_url, definitions)


@pytest.fixture
def sqlite_api(sqlite_url: str, definitions: Path) -> Iterator[Api]:
    yield from served(sqlite_url, definitions)


def served(url: str, definitions: Path) -> Iterator[Api]:
    with Database(url) as database:
        secrets = {name: keys.create(database, grant, now=NOW).secret for name, grant in PEOPLE.items()}
    clock = Clock()
    engine = Engine.start(url, clock=clock, definitions_dir=definitions)
    with TestClient(application(engine)) as client:
        yield Api(client=client, engine=engine, clock=clock, secrets=secrets)
    engine.stop()


def fired(api: Api, case: dict[str, Any], trigger: str, who: str, given: object = None) -> dict[str, Any]:
    """The case after a trigger."""
    body = {"trigger": trigger, "input": given or {}}
    answer = api.fire(case["id"], body, version=case["version"], who=who)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["case"]
    return found


def owed(api: Api, who: str = "police", **query: object) -> list[dict[str, Any]]:
    """All of them, page by page."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, object] = {}
    while True:
        answer = api.get(OBLIGATIONS, who=who, limit=7, **query, **cursor)
        assert answer.status_code == 200, answer.text
        items += answer.json()["items"]
        if answer.json()["next"] is None:
            return items
        cursor = {"cursor": answer.json()["next"]}


def only(found: list[dict[str, Any]], **data: object) -> dict[str, Any]:
    (one,) = [case for case in found if case["data"].items() >= data.items()]
    return one


def test_a_plan_of_none_of_the_sources_runs_by_its_document_alone(api: Api) -> None:
    shown = api.post(OPENINGS, {**YEAR, "dry_run": True}).json()
    assert (shown["dry_run"], shown["done"], shown["counts"]["new"], len(shown["items"])) == (True, None, ALL, ALL)
    assert api.get("/cases", plan="ca-mau-2025").json()["items"] == []
    opened = api.post(OPENINGS, YEAR).json()
    assert opened["done"] == {"opened": ALL, "amended": 0, "already": 0, "failed": 0, "left": 0}
    assert Counter(item["workflow"] for item in opened["items"]) == {
        "plan_task": 3,
        "periodic_report": 31,
        "commune_transformation": 100,
    }

    # A report is sent in and taken in.
    report = only(owed(api, year=2025, state="due"), obligation="half_year_report", agency="department_of_health")
    assert (report["due"], report["overdue"]) == ("2025-06-15", False)
    report = fired(api, report, "submit", "health", {"report": DOCUMENT})
    fired(api, report, "accept", "police")
    assert [case["id"] for case in owed(api, state="accepted")] == [report["id"]]
    api.clock.now = datetime(2025, 6, 20, 2, tzinfo=UTC)
    late = owed(api, overdue=True)
    assert len(late) == 9
    assert {case["data"]["agency"] for case in late} == {"district_peoples_committees"}
    assert [case["unit"] for case in owed(api, who="district", overdue=True)] == ["966"]

    # A task is done, reported and taken in; the phases of a commune begin on the plan's days.
    tasks = api.get("/cases", plan="ca-mau-2025", workflow="plan_task").json()["items"]
    task = fired(api, only(tasks, task="treatment"), "start", "health")
    task = fired(api, task, "report", "health", {"report": DOCUMENT})
    assert fired(api, task, "accept", "police")["state"] == "accepted"
    communes = api.get("/cases", plan="ca-mau-2025", workflow="commune_transformation", unit="32047").json()["items"]
    commune = fired(api, communes[0], "select", "committee", {"decision": DOCUMENT, "taken_in_on": "2025-06-20"})
    commune = fired(api, commune, "begin", "commune")
    assert (commune["state"], commune["due"], commune["overdue"]) == ("phase_1", "2025-04-15", True)
    assert fired(api, commune, "begin_phase_2", "commune")["due"] == "2025-10-15"
    early = api.fire(commune["id"], {"trigger": "begin_phase_3"}, version=commune["version"] + 1, who="commune")
    assert [blocker["code"] for blocker in check_problem(early, 409, "refused")["blockers"]] == ["too_early"]

    # What became of the cases is no difference to the plan.
    again = api.post(OPENINGS, YEAR).json()
    assert (again["counts"]["same"], again["items"], again["done"]["opened"]) == (ALL, [], 0)


def test_a_repeated_request_gets_the_first_answer(api: Api) -> None:
    key = {"idempotency-key": "mo-ke-hoach"}
    first = api.post(OPENINGS, YEAR, headers=key)
    again = api.post(OPENINGS, YEAR, headers=key)
    assert first.json()["done"]["opened"] == ALL
    assert (again.content, again.headers["idempotency-replayed"]) == (first.content, "true")
    other = api.post(OPENINGS, {"year": 2026}, headers=key)
    check_problem(other, 422, "key_reused")


def test_a_changed_plan_is_told_field_by_field(sqlite_api: Api) -> None:
    api = sqlite_api
    api.post(OPENINGS, YEAR)
    plan = api.engine.catalogue.plans["ca-mau-2025"]
    task = plan.tasks["treatment"]
    title = task.title.model_copy(update={"vi": "Hỗ trợ cai nghiện"})
    changed = plan.model_copy(
        update={"tasks": {"treatment": task.model_copy(update={"title": title}), "survey": plan.tasks["survey"]}}
    )
    api.engine.catalogue = replace(api.engine.catalogue, plans={plan.plan: changed})
    shown = api.post(OPENINGS, {**YEAR, "dry_run": True}).json()
    assert [(item["change"], item["element"]) for item in shown["items"]] == [
        ("changed", "treatment"),
        ("gone", "school_sessions"),
    ]
    assert shown["items"][0]["fields"] == [
        {
            "name": "title",
            "before": "Hỗ trợ cai nghiện tại cộng đồng – năm 2025",
            "after": "Hỗ trợ cai nghiện – năm 2025",
            "amendable": True,
        }
    ]
    done = api.post(OPENINGS, YEAR).json()
    assert (done["items"][0]["outcome"], done["done"]["amended"]) == ("amended", 1)
    gone = done["items"][1]["case"]
    assert api.get(f"/cases/{gone}").json()["state"] == "assigned"


def test_who_may_not_open_is_told_why(sqlite_api: Api) -> None:
    for dry_run in (False, True):
        problem = check_problem(sqlite_api.post(OPENINGS, {**YEAR, "dry_run": dry_run}, who="health"), 403, "forbidden")
        assert {blocker["code"] for blocker in problem["blockers"]} == {"role"}
    problem = check_problem(sqlite_api.post(OPENINGS, YEAR, who="district"), 403, "forbidden")
    assert {blocker["code"] for blocker in problem["blockers"]} == {"role", "unit"}
    assert (
        "ca-mau-2025" in check_problem(sqlite_api.post("/plans/ca-mau-2026/openings", YEAR), 404, "not_found")["detail"]
    )
    assert paths(check_problem(sqlite_api.post(OPENINGS, {"year": 2024}), 422, "invalid")) == ["/year"]
    check_problem(sqlite_api.get("/plans/ca-mau-2026/obligations"), 404, "not_found")
    assert paths(check_problem(sqlite_api.get(OBLIGATIONS, state="approved"), 422, "invalid")) == ["/state"]
    assert paths(check_problem(sqlite_api.get(OBLIGATIONS, year=99), 422, "invalid")) == ["/year"]
    assert paths(check_problem(sqlite_api.get(OBLIGATIONS, cursor="x"), 422, "invalid")) == ["/cursor"]
