"""Plans over HTTP: documents for every key, figures only of units that the grant covers, page by page."""

from datetime import date, timedelta
from typing import Any

import pytest

from tests.api.conftest import COMMUNE, DOCUMENT, NEIGHBOUR, SUPPRESS, TODAY, Api, check_problem

TRA_VINH = "/plans/tra-vinh-2025"


def item(api: Api, target: str, **query: object) -> dict[str, Any]:
    answer = api.get(f"{TRA_VINH}/targets", **query)  # type: ignore[arg-type]  # parameters by name
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = next(each for each in answer.json()["items"] if each["key"] == target)
    return found


def test_plans_are_there_for_everybody(sqlite_api: Api) -> None:
    listed = sqlite_api.get("/plans").json()["items"]
    assert [each["key"] for each in listed] == sorted(each["key"] for each in listed)
    whole = sqlite_api.get(TRA_VINH).json()
    assert whole["period"] == {"from": "2025-02-17", "to": "2026-01-01"} or whole["period"]["to"] == "2026-01-01"
    assert whole["number"] == "16/KH-UBND"
    assert {each["last"] for each in whole["calendar"].values()} >= {"2025-02-26", "2025-04-30", "2025-10-31"}
    assert all(each["lead"] or each["implementing"] or each["coordinating"] for each in whole["tasks"].values())
    check_problem(sqlite_api.get("/plans/tra-vinh-2026"), 404, "not_found")


def test_figures_follow_the_cases(api: Api) -> None:
    before = item(api, "hotspots_arisen")["now"]
    case = api.open()
    api.open(who="neighbour", unit=NEIGHBOUR)
    for who, arisen in (("police", 1), ("neighbour", 1), ("district", 2), ("province", 2)):
        now = item(api, "hotspots_arisen", who=who)["now"]
        assert (before["of"], now["of"], now["met"]) == (0, arisen, False), who
    assert item(api, "hotspots_arisen", who="province", unit=COMMUNE)["now"]["of"] == 1
    assert item(api, "places_suppressed")["now"]["met"] is False
    assert api.fire(case["id"], SUPPRESS, version=1).status_code == 200
    after = item(api, "places_suppressed")["now"]
    assert (after["of"], after["base"], after["exact"], after["shown"]["vi"]) == (1, 1, "1", "100,0 %")
    yesterday = (date.fromisoformat(TODAY) - timedelta(days=1)).isoformat()
    assert item(api, "hotspots_arisen", as_of=yesterday)["now"] == {**before, "day": yesterday}


def test_a_share_names_who_is_missing(api: Api) -> None:
    figure = {"unit": COMMUNE, "key": "households", "value": 40, "as_of": TODAY, "source": "Sổ"}
    assert api.post("/counts", figure).status_code == 201
    now = item(api, "households_committed")["now"]
    assert (now["of"], now["base"], now["exact"], now["met"], now["needed"]) == (None, 40, None, None, 40)
    assert "of 1 commune: Phường 3" in now["unknown"][0]["en"]
    assert api.post("/counts", {**figure, "key": "households_committed", "value": 39}).status_code == 201
    now = item(api, "households_committed")["now"]
    assert (now["exact"], now["shown"]["en"], now["met"], now["unknown"]) == ("39/40", "97.5%", False, [])
    whole = item(api, "households_committed", who="province")["now"]
    assert whole["exact"] is None
    assert "of 103 communes: " in whole["unknown"][0]["en"]


def test_figures_of_other_units_are_not_told(sqlite_api: Api) -> None:
    for unit in (NEIGHBOUR, "842", "84", "VN", "22", "nothing"):
        for path in (f"{TRA_VINH}/targets", f"{TRA_VINH}/targets/hotspots_arisen/behind"):
            check_problem(sqlite_api.get(path, unit=unit), 404, "not_found")
    check_problem(sqlite_api.get("/plans/quang-ninh-2023/targets"), 404, "not_found")
    assert sqlite_api.get(f"{TRA_VINH}/targets", unit="842", who="district").status_code == 200


def test_what_stands_behind_a_figure(api: Api) -> None:
    cases = [api.open(title=f"Điểm {number}")["id"] for number in range(5)]
    hidden = api.open(who="neighbour", unit=NEIGHBOUR)["id"]
    path = f"{TRA_VINH}/targets/hotspots_arisen/behind"
    seen: list[dict[str, Any]] = []
    cursor = None
    for _ in range(3):
        page = api.get(path, limit=2, **({"cursor": cursor} if cursor else {})).json()
        assert page["kind"] == "acts"
        seen += page["items"]
        cursor = page["next"]
    assert cursor is None
    assert [each["case"] for each in seen] == cases[::-1]
    assert {(each["trigger"], each["state"], each["occurred_on"]) for each in seen} == {("open", "identified", TODAY)}
    assert [each["case"] for each in api.get(path, who="district").json()["items"]] == [hidden, *cases[::-1]]
    base = api.get(f"{TRA_VINH}/targets/places_suppressed/behind", part="base", limit=200).json()
    assert (base["kind"], [each["case"] for each in base["items"]]) == ("cases", cases[::-1])
    assert api.get(f"{TRA_VINH}/targets/places_suppressed/behind").json()["items"] == []
    check_problem(api.get(path, cursor="no-cursor"), 422, "invalid")
    check_problem(api.get(path, part="base"), 404, "not_found")
    check_problem(api.get(f"{TRA_VINH}/targets/nothing/behind"), 404, "not_found")


def test_entries_and_units_stand_behind_figures(api: Api) -> None:
    figure = {"unit": COMMUNE, "key": "households", "value": 40, "as_of": TODAY, "source": "Sổ"}
    entry = api.post("/counts", figure).json()
    corrected = api.post("/counts", {**figure, "value": 41}).json()
    found = api.get(f"{TRA_VINH}/targets/households_committed/behind", part="base").json()
    assert (found["kind"], [each["id"] for each in found["items"]]) == ("counts", [corrected["id"]])
    assert found["items"][0]["value"] == 41 != entry["value"]
    communes = api.get(f"{TRA_VINH}/targets/certified_communes/behind", part="base", who="district", limit=3).json()
    assert (communes["kind"], len(communes["items"])) == ("units", 3)
    rest = api.get(
        f"{TRA_VINH}/targets/certified_communes/behind", part="base", who="district", cursor=communes["next"]
    ).json()
    assert (len(rest["items"]), rest["next"]) == (5, None)


def test_what_was_recorded_later_is_not_behind_a_past_day(api: Api) -> None:
    case = api.open()["id"]
    api.clock.now += timedelta(days=3)
    later = {**SUPPRESS, "input": {"suppressed_on": "2025-03-08", "decision": DOCUMENT}}
    assert api.fire(case, later, version=1).status_code == 200
    path = f"{TRA_VINH}/targets/places_suppressed/behind"
    for as_of, state, suppressed in ((TODAY, "identified", 0), ("2025-03-08", "suppressed", 1)):
        base = api.get(path, part="base", as_of=as_of).json()["items"]
        assert [(each["case"], each["state"]) for each in base] == [(case, state)]
        assert len(api.get(path, as_of=as_of).json()["items"]) == suppressed


@pytest.mark.parametrize("path", ["/plans", TRA_VINH, f"{TRA_VINH}/targets"])
def test_an_answer_that_holds_is_not_sent_again(sqlite_api: Api, path: str) -> None:
    tag = sqlite_api.get(path).headers["etag"]
    assert sqlite_api.send("GET", path, who="police", headers={"if-none-match": tag}).status_code == 304
