"""Decision tables over HTTP: what there is, and the class of a commune as known at the end of a day."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.api.conftest import COMMUNE, SUPPRESS, TODAY, Api, check_problem, paths, served

QUIET = {
    "addicts_on_file": 0,
    "addicts": 0,
    "users": 0,
    "drug_plants": 0,
    "drug_plants_area_m2": 0,
    "drug_offenders_12_months": 0,
    "population": 8_000,
    "drug_crimes_12_months": 0,
    "drug_violations_12_months": 0,
    "on_key_drug_route": 0,
}
LAST_SECOND = datetime(2025, 3, 5, 16, 59, 59, tzinfo=UTC)
"""Of 5 March 2025 in Việt Nam."""
URL = f"/units/{COMMUNE}/classification"


@pytest.fixture
def own_api(sqlite_url: str) -> Iterator[Api]:
    """Of which a test may change the clock and the tables."""
    yield from served(sqlite_url)


def enter(api: Api, figures: Mapping[str, int], as_of: str = TODAY) -> None:
    for key, value in figures.items():
        body = {"unit": COMMUNE, "key": key, "value": value, "as_of": as_of, "source": "Sổ"}
        assert api.post("/counts", body).status_code == 201


def classify(api: Api, *, who: str = "police", **query: object) -> dict[str, Any]:
    answer = api.get(URL, who=who, **query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def by_name(items: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(each for each in items if each["name"] == name)


def test_nothing_known_is_no_class(sqlite_api: Api) -> None:
    found = classify(sqlite_api)
    assert found["class"] is None
    assert len(found["possible"]) == 5
    assert "places" not in found["missing"]
    assert {"addicts_on_file", "population"} <= set(found["missing"])
    assert found["message"]["vi"].startswith("Chưa có thông tin: Số người nghiện ma túy có hồ sơ quản lý; ")
    assert found["beside"]["agrees"] is None


def test_a_past_day_is_told_as_it_was_known_then(api: Api) -> None:
    case = api.open()["id"]
    enter(api, {**QUIET, "drug_offenders_12_months": 8})
    first = classify(api)
    assert first["class"]["class"] == "key_type_3"
    assert [each["class"] for each in first["classes"] if each["met"]] == ["key_type_3", "less_complex"]
    assert by_name(first["inputs"], "places")["cases"] == [case]
    offenders = by_name(first["inputs"], "offenders")
    shown = (offenders["count"], offenders["value"], offenders["as_of"], offenders["source"])
    assert shown == ("drug_offenders_12_months", 8, TODAY, "Sổ")
    share = by_name(first["criteria"], "offenders_3")
    assert (share["met"], share["found"]) == (True, {"offenders": 8, "population": 8000})
    assert share["needed"] == "offenders / population >= 0.1 % and offenders / population < 0.3 %"

    api.clock.now = LAST_SECOND
    enter(api, {"addicts_on_file": 60})
    last = classify(api)
    assert last["class"]["class"] == "key_type_2"
    api.clock.now = LAST_SECOND + timedelta(seconds=1)
    enter(api, {"addicts_on_file": 120})
    assert api.fire(case, SUPPRESS, version=1).status_code == 200
    today = classify(api)
    assert (today["as_of"], today["class"]["class"]) == ("2025-03-06", "key_type_1")
    assert by_name(today["inputs"], "places")["value"] == 0
    assert classify(api, as_of=TODAY) == last
    earlier = classify(api, as_of="2025-03-04")
    assert earlier["class"] is None
    assert by_name(earlier["inputs"], "places")["value"] == 0


def test_a_disagreement_with_the_certificate_is_flagged(api: Api) -> None:
    enter(api, QUIET)
    case = api.open(who="province")["id"]
    assert classify(api)["beside"]["agrees"] is True
    annul = {"trigger": "annul", "reason": "Nhập nhầm"}
    assert api.fire(case, annul, version=1, who="province").status_code == 200
    found = classify(api)
    assert found["class"]["class"] == "drug_free"
    assert (found["beside"]["holds"], found["beside"]["agrees"]) == (False, False)
    assert found["beside"]["message"]["en"].startswith("Disagreement: the class is “Drug-free”")
    enter(api, {"users": 1})
    assert classify(api)["class"]["class"] == "less_complex"


def test_a_finding_that_the_class_contradicts_is_flagged(own_api: Api) -> None:
    """With another finding beside the class than the shipped one, which takes many steps: a hotspot was suppressed."""
    shipped = own_api.engine.catalogue.tables["commune_classification"][0]
    assert shipped.beside is not None
    beside = shipped.beside.model_copy(update={"cases": "hotspot", "states": ("suppressed",)})
    table = shipped.model_copy(update={"beside": beside})
    own_api.engine.catalogue = replace(own_api.engine.catalogue, tables={table.table: (table,)})
    enter(own_api, QUIET)
    case = own_api.open()["id"]
    assert own_api.fire(case, SUPPRESS, version=1).status_code == 200
    found = classify(own_api)
    assert (found["class"]["class"], found["beside"]["holds"], found["beside"]["agrees"]) == ("drug_free", True, True)
    assert found["beside"]["cases"] == [
        {"id": case, "state": "suppressed", "state_title": {"vi": "Đã triệt xóa", "en": "Suppressed"}, "final": False}
    ]
    enter(own_api, {"users": 1})
    found = classify(own_api)
    assert (found["class"]["class"], found["beside"]["holds"], found["beside"]["agrees"]) == (
        "less_complex",
        True,
        False,
    )
    assert found["beside"]["message"] == {
        "vi": "Không thống nhất: có “Công nhận xã không ma túy” nhưng không thuộc loại “Không ma túy”",
        "en": "Disagreement: “Certification as drug-free” holds, but the class is not “Drug-free”",
    }


def test_a_merged_commune_has_the_figures_of_its_parts(own_api: Api) -> None:
    """Three wards became one on 1 July 2025, under the code of one of them."""
    parts = ("29239", COMMUNE, "29260")
    for unit, addicts in zip(parts, (40, 35, 24), strict=True):
        for key, value in {**QUIET, "addicts_on_file": addicts, "addicts": addicts}.items():
            body = {"unit": unit, "key": key, "value": value, "as_of": TODAY, "source": f"Sổ {unit}"}
            assert own_api.post("/counts", body, who="province").status_code == 201
    assert classify(own_api, who="auditor")["class"]["class"] == "key_type_3"
    own_api.clock.now = datetime(2025, 7, 2, tzinfo=UTC)
    found = classify(own_api, who="auditor")
    assert found["class"]["class"] == "key_type_2"
    addicts_found = by_name(found["inputs"], "addicts_on_file")
    assert (addicts_found["value"], len(addicts_found["entries"])) == (99, 3)
    assert set(addicts_found["source"].split("; ")) == {f"Sổ {unit}" for unit in parts}
    assert classify(own_api, who="auditor", as_of="2025-06-30")["class"]["class"] == "key_type_3"


def test_the_tables_are_told(sqlite_api: Api) -> None:
    (head,) = sqlite_api.get("/tables").json()["items"]
    assert (head["key"], head["version"], head["valid"]) == (
        "commune_classification",
        1,
        {"from": "2025-02-17", "to": None},
    )
    assert sqlite_api.get("/tables", on="2025-02-16").json()["items"] == []
    table = sqlite_api.get("/tables/commune_classification").json()
    assert [each["class"] for each in table["classes"]] == [
        "key_type_1",
        "key_type_2",
        "key_type_3",
        "drug_free",
        "less_complex",
    ]
    assert [each["name"] for each in table["parameters"] if not each["in_source"]] == [
        "offenders_counted",
        "crimes_counted",
        "violations_counted",
    ]
    assert by_name(table["criteria"], "places_2")["needed"] == "places >= 3 and places <= 4"


def test_what_cannot_be_asked(sqlite_api: Api) -> None:
    check_problem(sqlite_api.get("/tables/commune_clasification"), 404, "not_found")
    check_problem(sqlite_api.get("/tables/commune_classification", version=2), 404, "not_found")
    check_problem(sqlite_api.get(URL, as_of="2025-02-16"), 404, "not_found")
    check_problem(sqlite_api.get(URL, who="neighbour"), 404, "not_found")
    check_problem(sqlite_api.get("/units/00000/classification"), 404, "not_found")
    for query, path in (
        ({"as_of": "2025-03-06"}, "/as_of"),
        ({"as_of": "9999-12-31"}, "/as_of"),
        ({"as_of": "0001-01-01"}, "/as_of"),
        ({"table": "commune_clasification"}, "/table"),
    ):
        assert paths(check_problem(sqlite_api.get(URL, **query), 422, "invalid")) == [path]
    for path in ("/units/842/classification", "/units/842/classification?table=commune_classification"):
        assert paths(check_problem(sqlite_api.get(path, who="district"), 422, "invalid")) == ["/table"]


@pytest.mark.parametrize("who", ["police", "district", "province", "auditor"])
def test_whoever_covers_the_unit_may_ask(who: str, sqlite_api: Api) -> None:
    assert sqlite_api.get(URL, who=who).status_code == 200
