"""Over HTTP: why a case has its deadline, in what shape, and for whom."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from litestar.testing import TestClient

from api.server import application
from api.shapes_deadlines import CaseDeadline
from tests.api.conftest import COMMUNE, PEOPLE, Api, Clock, check_problem, new_key
from tests.errands import SWAP, errand_catalogue, store_errand
from workflows.services.engine import Engine
from workflows.store.database import Database

LAW = ["45/2019/QH14", "28/2026/QH16"]


@pytest.fixture
def errands(sqlite_url: str) -> Iterator[Api]:
    """The shipped workflows are not there: only one that counts in working days."""
    with Database(sqlite_url) as database:
        store_errand(database)
        secrets = {name: new_key(database, name, *grant) for name, grant in PEOPLE.items()}
    clock = Clock(now=datetime(2025, 4, 24, 23, 30, tzinfo=UTC))
    engine = Engine(
        database=Database(sqlite_url), catalogue=errand_catalogue(), clock=clock, batch_limit=64, queue_limit=1024
    )
    engine.writer.start()
    with TestClient(application(engine)) as client:
        yield Api(client=client, engine=engine, clock=clock, secrets=secrets)
    engine.stop()


def opened(api: Api, **data: str) -> str:
    body = {"workflow": "errand", "unit": COMMUNE, "title": "Việc", "data": data}
    answer = api.post("/cases", body)
    assert answer.status_code == 201, answer.text
    case: str = answer.json()["case"]["id"]
    return case


def test_working_days_are_explained_day_by_day(errands: Api) -> None:
    """The event is of 23:30 UTC, which is the morning of 25 April in Việt Nam."""
    case = opened(errands)
    answer = errands.get(f"/cases/{case}/deadline")
    assert answer.status_code == 200
    found = answer.json()
    CaseDeadline.model_validate(found)
    assert found["due"] == found["last"] == "2025-05-06"
    assert (found["start"], found["within"], found["unit"], found["counted"]) == ("2025-04-25", 5, "working_days", 5)
    assert [(each["day"], each["reason"]) for each in found["skipped"]] == [
        ("2025-04-27", "weekend"),
        ("2025-04-30", "holiday"),
        ("2025-05-01", "holiday"),
        ("2025-05-02", "swapped"),
        ("2025-05-03", "weekend"),
        ("2025-05-04", "weekend"),
    ]
    swapped = found["skipped"][3]
    assert (swapped["worked"], swapped["document"]["number"]) == ("2025-04-26", "6150/TB-BLĐTBXH")
    assert [(each["day"], each["instead_of"]) for each in found["worked"]] == [("2025-04-26", "2025-05-02")]
    assert found["moves_to"] is None
    calendar = errand_catalogue().calendar
    assert calendar is not None
    assert found["calendar"]["version"] == calendar.version
    assert found["calendar"]["provisional"] is False
    assert (found["basis"], [each["number"] for each in found["law"]]) == (["design"], LAW)
    assert found["explanation"]["en"].startswith("5 working days after 25/04/2025")
    assert found["explanation"]["vi"].startswith("5 ngày làm việc kể từ ngày 25/04/2025")


def test_a_named_day_names_its_field(errands: Api) -> None:
    case = opened(errands, promised="2025-05-02")
    for trigger in ("wait", "promise"):
        assert errands.fire(case, {"trigger": trigger}, version=1 + (trigger == "promise")).status_code == 200
    found = errands.get(f"/cases/{case}/deadline").json()
    CaseDeadline.model_validate(found)
    assert (found["due"], found["named_by"], found["calendar"]) == ("2025-05-02", "promised", None)
    assert (found["start"], found["counted"], found["skipped"], found["law"]) == (None, None, [], [])


def test_a_case_without_a_deadline_says_so(errands: Api) -> None:
    case = opened(errands)
    assert errands.fire(case, {"trigger": "finish"}, version=1).status_code == 200
    found = errands.get(f"/cases/{case}/deadline").json()
    CaseDeadline.model_validate(found)
    assert found["due"] is None
    assert found["explanation"] == {
        "vi": "Hồ sơ ở trạng thái “Xong” không có thời hạn.",
        "en": "A case in state “Done” has no deadline.",
    }


def test_a_deadline_that_is_to_be_moved_tells_where(errands: Api) -> None:
    errands.clock.now = datetime(2025, 3, 5, 2, tzinfo=UTC)
    case = opened(errands)
    later = Engine(
        database=errands.engine.database,
        catalogue=errand_catalogue(SWAP),
        clock=errands.clock,
        batch_limit=64,
        queue_limit=1024,
    )
    with TestClient(application(later)) as client:
        found = replace(errands, client=client).get(f"/cases/{case}/deadline").json()
    assert (found["due"], found["last"], found["moves_to"]) == ("2025-03-12", "2025-03-13", "2025-03-13")
    assert "12/03/2025" in found["explanation"]["en"]


def test_a_case_that_one_may_not_see_is_not_there(errands: Api) -> None:
    case = opened(errands)
    check_problem(errands.get(f"/cases/{case}/deadline", who="neighbour"), 404, "not_found")
    check_problem(errands.get("/cases/none/deadline"), 404, "not_found")


def test_a_shipped_deadline_of_days_needs_no_calendar(api: Api) -> None:
    case = api.open()
    found = api.get(f"/cases/{case['id']}/deadline").json()
    CaseDeadline.model_validate(found)
    assert found["due"] == case["due"] == "2025-04-04"
    assert (found["unit"], found["counted"], found["skipped"], found["calendar"]) == ("days", 30, [], None)
