"""Lists and their pages, history, definitions, units and figures."""

from typing import Any

import pytest

from tests.api.conftest import COMMUNE, NEIGHBOUR, SUPPRESS, TODAY, Api, check_problem, paths
from tests.factories import shipped

WORKFLOWS = sorted(shipped().workflows)


def walk(api: Api, path: str, *, who: str = "police", **query: object) -> list[Any]:
    """All items, page by page."""
    found: list[Any] = []
    page = api.get(path, who=who, **query).json()
    while True:
        found += page["items"]
        if page["next"] is None:
            return found
        page = api.get(path, who=who, cursor=page["next"], **query).json()


def ids(items: list[Any]) -> list[str]:
    return [item["id"] for item in items]


def test_cases_are_listed_newest_first_to_those_who_may_see_them(api: Api) -> None:
    mine = [api.open(title=f"Tụ điểm {number}")["id"] for number in range(3)]
    other = api.open(who="neighbour", unit=NEIGHBOUR, title="Điểm Đường 3/2")["id"]
    assert ids(walk(api, "/cases", limit=2)) == mine[::-1]
    assert ids(walk(api, "/cases", who="neighbour")) == [other]
    for who in ("district", "province", "auditor"):
        assert ids(walk(api, "/cases", who=who, limit=1)) == [other, *mine[::-1]]
    assert ids(walk(api, "/cases", who="province", q="duong 3")) == [other]
    assert ids(walk(api, "/cases", who="province", q="tu diem")) == mine[::-1]
    assert ids(walk(api, "/cases", who="province", unit=NEIGHBOUR)) == [other]
    api.fire(mine[0], SUPPRESS, version=1)
    assert ids(walk(api, "/cases", state="suppressed", workflow="hotspot")) == [mine[0]]
    assert walk(api, "/cases", workflow="certification") == []
    assert len(walk(api, "/events", limit=2)) == 4
    assert len(walk(api, "/events", who="auditor", limit=3)) == 5
    assert api.get("/events").json()["items"][0]["trigger"] == "suppress"


def test_events_are_filtered(api: Api) -> None:
    mine, other = api.open()["id"], api.open(who="neighbour", unit=NEIGHBOUR)["id"]
    api.fire(mine, SUPPRESS, version=1)
    api.fire(mine, {"trigger": "resolve"}, version=2)
    api.fire(other, {"trigger": "monitor"}, version=1, who="neighbour")

    def found(**query: object) -> list[tuple[str, str]]:
        items = walk(api, "/events", who="province", limit=2, **query)
        return [(entry["trigger"], entry["outcome"]) for entry in items]

    whole = found(outcome="all")
    assert sorted(whole) == sorted([("open", "accepted")] * 2 + [("suppress", "accepted")] + found(outcome="refused"))
    assert sorted(found(outcome="refused")) == [("monitor", "refused"), ("resolve", "refused")]
    assert found(actor="police") == [("suppress", "accepted"), ("open", "accepted")]
    assert found(actor="police", trigger="suppress", workflow="hotspot") == [("suppress", "accepted")]
    assert sorted(found(unit=NEIGHBOUR, outcome="all")) == [("monitor", "refused"), ("open", "accepted")]
    assert found(workflow="opinion") == found(actor="nobody") == found(unit="01") == []
    assert (found(**{"from": TODAY, "to": "2025-03-06"}), found(to=TODAY)) == (found(), [])
    assert found(**{"from": "2025-03-06"}) == []
    # What others tried is not shown to whom the unit is not.
    assert {entry["actor"]["person"] for entry in walk(api, "/events", outcome="all", who="police")} == {"police"}


def test_children_and_titles_are_found(api: Api) -> None:
    case = api.open(title="Điểm phức tạp ở chợ Trà Vinh")["id"]
    for q in ("tra vinh", "CHỢ điểm", "vinh, chợ!", "trà"):
        assert ids(walk(api, "/cases", q=q)) == [case], q
    for q in ("tra vin", "tra vinh 2", "%", "_"):
        assert walk(api, "/cases", q=q) == [], q
    amended = {"trigger": "amend", "input": {"title": "Tụ điểm bến xe"}, "reason": "Ghi nhầm địa điểm."}
    assert api.fire(case, amended, version=1).status_code == 200
    assert (ids(walk(api, "/cases", q="ben xe")), walk(api, "/cases", q="tra vinh")) == ([case], [])
    assert walk(api, "/cases", parent=case) == []


@pytest.mark.parametrize(
    ("path", "query", "said"),
    [
        ("/cases", {"workflow": "hotspt"}, "unknown workflow 'hotspt'; allowed: certification, commune"),
        ("/cases", {"state": "supressed", "workflow": "hotspot"}, "did you mean 'suppressed'?"),
        ("/cases", {"state": "certified", "workflow": "hotspot"}, "unknown state 'certified'"),
        ("/cases", {"unit": "29243"}, "there never was a unit '29243'; did you mean"),
        ("/cases", {"parent": "x"}, "'x' is not a case id"),
        ("/cases", {"q": "x" * 301}, "301 characters"),
        ("/events", {"trigger": "supress"}, "did you mean 'suppress'?"),
        ("/events", {"unit": ""}, "there never was a unit ''"),
        ("/events", {"from": "2025-03-05", "to": "2025-03-05"}, "must be after from"),
        ("/events", {"from": "0001-01-01"}, "is not a date of the years 1900 to 9998"),
    ],
)
def test_a_filter_that_names_nothing_is_told(sqlite_api: Api, path: str, query: dict[str, Any], said: str) -> None:
    (error,) = check_problem(sqlite_api.get(path, **query), 422, "invalid")["errors"]
    assert (error["path"][1:] in query, said in error["message"]) == (True, True), error


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"limit": 0}, "/limit"),
        ({"limit": 201}, "/limit"),
        ({"limit": "many"}, "/limit"),
        ({"overdue": "perhaps"}, "/overdue"),
        ({"cursor": "x"}, "/cursor"),
        ({"q": "\x00"}, "/q"),
        ({"stat": "suppressed"}, "/stat"),
        ({"state": ["suppressed", "monitored"]}, "/state"),
    ],
)
def test_filters_are_checked(sqlite_api: Api, query: dict[str, Any], path: str) -> None:
    body = check_problem(sqlite_api.get("/cases", **query), 422, "invalid")
    assert paths(body) == [path]
    if path == "/stat":
        assert "did you mean 'state'" in body["errors"][0]["message"]
    assert sqlite_api.get("/cases", limit=200).status_code == 200


@pytest.mark.parametrize(
    ("path", "query", "place", "said"),
    [
        (
            "/units",
            {"level": "comune"},
            "/level",
            "allowed: commune, country, district, province; did you mean 'commune'?",
        ),
        ("/workflows/hotspot/diagram", {"format": "svg"}, "/format", "unknown value 'svg'; allowed: mermaid"),
        ("/workflows/hotspot/diagram", {"lang": "fr"}, "/lang", "unknown value 'fr'; allowed: en, vi"),
        ("/units", {"on": "2025-02-30"}, "/on", "'2025-02-30' is not a date of the years 1900 to 9998"),
        ("/plans/tra-vinh-2025/targets", {"as_of": "0001-06-30"}, "/as_of", "the years 1900 to 9998; write yyyy-mm-dd"),
        ("/plans/tra-vinh-2025/targets", {"as_of": "9999-12-31"}, "/as_of", "the years 1900 to 9998"),
        ("/plans/tra-vinh-2025/targets", {"as_of": "1899-12-31"}, "/as_of", "the years 1900 to 9998"),
        ("/cases", {"overdue": "perhaps"}, "/overdue", "'perhaps' is not true or false"),
        ("/units", {"limit": "many"}, "/limit", "'many' is not a whole number"),
        ("/units", {"limit": 201}, "/limit", "<= 200"),
    ],
)
def test_a_wrong_parameter_is_told_by_its_name_what_is_allowed(
    sqlite_api: Api, path: str, query: dict[str, Any], place: str, said: str
) -> None:
    (error,) = check_problem(sqlite_api.get(path, **query), 422, "invalid")["errors"]
    assert (error["path"], said in error["message"]) == (place, True), error


def test_history_holds_what_happened_and_what_was_refused(api: Api) -> None:
    case = api.open()["id"]
    api.fire(case, {"trigger": "monitor"}, version=1)
    api.fire(case, SUPPRESS, version=1)
    api.fire(case, {"trigger": "resolve"}, version=2)
    path = f"/cases/{case}/events"
    accepted = walk(api, path, outcome="accepted", limit=1)
    assert [entry["trigger"] for entry in accepted] == ["suppress", "open"]
    assert accepted == walk(api, path)
    refused = walk(api, path, outcome="refused", limit=1)
    assert {entry["trigger"] for entry in refused} == {"resolve", "monitor"}
    assert {entry["outcome"] for entry in refused} == {"refused"}
    assert all(entry["blockers"] and entry["hash"] is None for entry in refused)
    assert refused[0].keys() >= {"id", "case", "seq", "kind", "actor", "input", "reason", "recorded_at"}
    whole = api.get(path, outcome="all").json()
    assert whole["next"] is None
    assert sorted(ids(whole["items"])) == sorted(ids(accepted) + ids(refused))
    for limit in (1, 2, 3):
        assert walk(api, path, outcome="all", limit=limit) == whole["items"], limit
    for cursor in ("x", ".x", "!", "!.!.!"):
        check_problem(api.get(path, outcome="all", cursor=cursor), 422, "invalid")
    assert paths(check_problem(api.get(path, outcome="some"), 422, "invalid")) == ["/outcome"]


def test_definitions_tell_all_that_a_form_needs(sqlite_api: Api) -> None:
    listed = sqlite_api.get("/workflows").json()["items"]
    assert {item["key"] for item in listed} == set(WORKFLOWS)
    assert {item["key"]: item["subject"] for item in listed}["periodic_report"] == ["province", "district", "commune"]
    found = sqlite_api.get("/workflows/hotspot").json()
    assert found.keys() >= {"key", "version", "title", "subject", "states", "transitions", "fields", "valid", "hash"}
    states = {state["name"]: state for state in found["states"]}
    assert states["identified"]["due"] == {"within": 30, "unit": "days", "rolls": False, "on": None}
    assert (states["dismissed"]["final"], states["resolved"]["lasting"]) == (True, True)
    steps = {step["trigger"]: step for step in found["transitions"]}
    assert (steps["suppress"]["from"], steps["suppress"]["to"]) == (["identified", "relapsed"], "suppressed")
    assert set(steps["suppress"]["input_schema"]["required"]) == {"suppressed_on", "decision"}
    assert steps["suppress"]["requires"][0]["code"] == "not_in_future"
    assert (steps["dismiss"]["reason"], steps["resolve"]["separate_from"]) == ("required", ["suppress"])
    assert {trigger for trigger, step in steps.items() if step["builtin"]} == {"amend", "annul"}
    assert sqlite_api.get("/workflows/hotspot", version=1).json() == found
    assert sqlite_api.get("/workflows/hotspot", on="2021-01-01").json() == found
    check_problem(sqlite_api.get("/workflows/hotspot", version=9), 404, "not_found")
    check_problem(sqlite_api.get("/workflows/hotspot", on="2020-12-31"), 404, "not_found")
    nearly = check_problem(sqlite_api.get("/workflows/hotspt"), 404, "not_found")
    assert "did you mean 'hotspot'" in nearly["detail"]


@pytest.mark.parametrize("key", WORKFLOWS)
def test_every_state_that_a_step_names_is_described(sqlite_api: Api, key: str) -> None:
    found = sqlite_api.get(f"/workflows/{key}").json()
    described = {state["name"]: state for state in found["states"]}
    assert (found["open"]["from"], found["open"]["to"]) == ([], found["initial"])
    drawn = sqlite_api.get(f"/workflows/{key}/diagram").text
    assert all(f'" as {name}' in drawn for name in described if name != "annulled")
    for step in found["transitions"]:
        to = step["to"]
        assert {*step["from"], *(to.values() if isinstance(to, dict) else [to])} <= described.keys(), step["trigger"]
    assert found["initial"] in described
    assert (described["annulled"]["final"], described["annulled"]["title"]["vi"]) == (True, "Đã hủy (mở nhầm)")


def test_a_definition_names_the_figure_behind_each_fact(sqlite_api: Api) -> None:
    """A blocker speaks of `facts.drug_crimes`; figures are entered under the key of the catalogue."""
    facts = sqlite_api.get("/workflows/certification").json()["facts"]
    known = {item["key"] for item in sqlite_api.get(f"/units/{COMMUNE}/facts").json()["items"]}
    assert facts["drug_crimes"]["count"] == "drug_crimes_since_taken_in"
    assert (facts["addicts_when_taken_in"]["count"], facts["addicts_when_taken_in"]["as_of"]) == (
        "addicts",
        "case.taken_in_on",
    )
    assert facts["open_hotspots"]["cases"] == "hotspot"
    assert {fact["count"] for fact in facts.values() if "count" in fact} <= known
    assert all(fact["title"].keys() == {"vi", "en"} for fact in facts.values())


def test_sources_are_always_a_list(sqlite_api: Api) -> None:
    found = sqlite_api.get("/workflows/list_decision").json()
    parts = [found, found["open"], *found["states"], *found["transitions"], *found["fields"].values()]
    assert all(isinstance(part["basis"], list) and part["basis"] for part in parts)


def test_a_definition_is_drawn(sqlite_api: Api) -> None:
    drawn = sqlite_api.get("/workflows/hotspot/diagram", format="mermaid", lang="en")
    assert drawn.headers["content-type"] == "text/plain; charset=utf-8"
    assert drawn.text.startswith("stateDiagram-v2")
    assert "Suppress" in drawn.text
    assert "Triệt xóa" in sqlite_api.get("/workflows/hotspot/diagram").text
    check_problem(sqlite_api.get("/workflows/hotspot/diagram", format="svg"), 422, "invalid")


def test_units_are_those_of_a_day(api: Api) -> None:
    then = api.get(f"/units/{COMMUNE}").json()
    assert (then["name"], then["parent"], then["valid_to"]) == ("Phường 3", "842", "2025-07-01")
    now = api.get(f"/units/{COMMUNE}", on="2025-07-01").json()
    assert (now["name"], now["parent"], now["valid_to"]) == ("Phường Trà Vinh", "86", None)
    assert now.keys() >= {"code", "level", "name", "parent", "valid_from", "valid_to", "successors"}
    communes = walk(api, "/units", level="commune", parent="842", limit=4)
    assert COMMUNE in {unit["code"] for unit in communes}
    # With a level, all of it below the parent: the communes of a province lie in its districts.
    below = walk(api, "/units", level="commune", parent="84", limit=40)
    assert len(below) == 104
    assert {unit["parent"] for unit in walk(api, "/units", parent="84", limit=40)} == {"84"}
    assert len(walk(api, "/units", level="province", on="2025-07-01", limit=20)) == 34
    assert [unit["code"] for unit in walk(api, "/units", level="province", q="tra vinh")] == ["84"]
    check_problem(api.get("/units/99999"), 404, "not_found")
    check_problem(api.get(f"/units/{COMMUNE}", on="1990-01-01"), 404, "not_found")
    check_problem(api.get(f"/units/{COMMUNE}", on="today"), 422, "invalid")


def figure(**changed: object) -> dict[str, object]:
    return {"unit": COMMUNE, "key": "addicts", "value": 3, "as_of": TODAY, "source": "Công an phường", **changed}


def test_figures_are_entered_corrected_and_read_as_of_a_day(api: Api) -> None:
    path = f"/units/{COMMUNE}/facts"
    assert all(fact["value"] is None for fact in api.get(path).json()["items"])
    assert api.post("/counts", figure(value=0, as_of="2025-02-01")).status_code == 201
    entered = api.post("/counts", figure())
    assert (entered.status_code, entered.json()["person"], entered.json()["value"]) == (201, "police", 3)

    def known(as_of: str) -> dict[str, Any]:
        items = api.get(path, as_of=as_of, who="auditor").json()["items"]
        return {item["key"]: item["value"] for item in items}

    assert known(TODAY)["addicts"] == 3
    assert known("2025-02-28")["addicts"] == 0
    assert known("2025-01-31")["addicts"] is None
    assert known(TODAY)["households"] is None
    check_problem(api.get(f"/units/{NEIGHBOUR}/facts"), 404, "not_found")
    check_problem(api.get("/units/99999/facts"), 404, "not_found")


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"key": "adicts"}, "/key"),
        ({"unit": "99999"}, "/unit"),
        ({"value": -1}, "/value"),
        ({"value": False}, "/value"),
        ({"value": 1.0}, "/value"),
        ({"value": 2**31}, "/value"),
        ({"value": None}, "/value"),
        ({"as_of": "2025-03-06"}, "/as_of"),
        ({"as_of": "05/03/2025"}, "/as_of"),
        ({"source": ""}, "/source"),
        ({"person": "somebody"}, "/person"),
    ],
)
def test_a_figure_that_makes_no_sense_is_refused(sqlite_api: Api, changed: dict[str, object], path: str) -> None:
    body = check_problem(sqlite_api.post("/counts", figure(**changed)), 422, "invalid")
    assert paths(body) == [path]
    if path == "/key":
        assert "did you mean 'addicts'" in body["errors"][0]["message"]


def test_who_may_not_enter_figures_is_told_why(api: Api) -> None:
    for who, unit, code in (("auditor", COMMUNE, "role"), ("police", NEIGHBOUR, "unit")):
        body = check_problem(api.post("/counts", figure(unit=unit), who=who), 403, "forbidden")
        assert [blocker["code"] for blocker in body["blockers"]] == [code]
    assert api.post("/counts", figure(unit=NEIGHBOUR), who="district").status_code == 201
