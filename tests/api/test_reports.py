"""Filled reports over HTTP: as JSON, as a workbook and for print, and what is said where there is none."""

import io
from datetime import UTC, datetime
from typing import Any, Final

from openpyxl import load_workbook

from tests.api.conftest import COMMUNE, Api, check_problem, paths
from tests.api.test_openapi import CLOSED, validator

REPORT: Final = "/plans/tra-vinh-2025/obligations/consolidated_report/report"
PHASE: Final = "/plans/tra-vinh-2025/obligations/phase_1_report/report"
DISTRICT: Final = {"agency": "district_peoples_committees", "unit": "842"}
XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
OWED: Final = {
    "workflow": "periodic_report",
    "unit": "842",
    "plan": "tra-vinh-2025",
    "title": "Báo cáo giai đoạn 1",
    "data": {
        "obligation": "phase_1_report",
        "kind": "phase",
        "agency": "district_peoples_committees",
        "deadline": "2025-05-07",
    },
}


def test_a_report_is_told_in_the_shape_that_the_document_promises(api: Api) -> None:
    owed = api.post("/cases", OWED, who="province").json()["case"]["id"]
    spot = api.open()["id"]
    api.clock.now = datetime(2025, 5, 20, 2, tzinfo=UTC)
    found: dict[str, Any] = api.get(REPORT, who="province").json()
    validator(CLOSED, {"$ref": "#/components/schemas/Report"}).validate(found)
    assert [(item["case"], item["days"]) for item in found["late"]] == [(spot, 46), (owed, 13)]
    assert [cause["kind"] for cause in found["late"][1]["causes"]] == ["not_begun", "waiting"]
    assert [(line["case"], line["sent"], line["late"]) for line in found["received"]] == [(owed, None, 13)]
    phase = api.get(PHASE, who="district", unit="842", agency="district_peoples_committees").json()
    assert (phase["case"], phase["as_of"]) == (owed, "2025-04-30")
    assert [(item["case"], item["days"]) for item in phase["late"]] == [(spot, 26)]
    assert phase["period"] == {"first": "2025-01-01", "last": "2025-04-30"}
    state = api.get("/plans/tra-vinh-2025/targets", who="district", as_of="2025-04-30", unit="842").json()["items"]
    assert [{**each, "before": None} for each in state] == phase["targets"]


def test_a_workbook_and_print_come_as_files(sqlite_api: Api) -> None:
    asked = {"who": "district", **DISTRICT, "due": "2025-05-07"}
    book = sqlite_api.get(PHASE, **asked, format="xlsx")
    assert (book.status_code, book.headers["content-type"]) == (200, XLSX)
    name = "tra-vinh-2025_phase_1_report_district_peoples_committees_842_2025-05-07"
    assert book.headers["content-disposition"] == f'attachment; filename="{name}.xlsx"'
    assert load_workbook(io.BytesIO(book.content)).sheetnames
    printed = sqlite_api.get(PHASE, **asked, format="pdf")
    assert (printed.content[:5], printed.headers["content-type"]) == (b"%PDF-", "application/pdf")
    assert printed.headers["content-disposition"] == f'attachment; filename="{name}.pdf"'
    again = {"if-none-match": printed.headers["etag"], "authorization": f"Bearer {sqlite_api.secrets['district']}"}
    kept = sqlite_api.client.get(str(printed.request.url), headers=again)
    assert (kept.status_code, kept.content) == (304, b"")
    assert "content-disposition" not in sqlite_api.get(PHASE, **asked).headers


def test_what_makes_no_report_is_said(sqlite_api: Api) -> None:
    for query, path in (
        ({}, "/agency"),
        ({"agency": "district_police"}, "/agency"),
        ({"agency": "district_peoples_committees"}, "/unit"),
        ({"agency": "district_peoples_committees", "unit": COMMUNE}, "/unit"),
        ({**DISTRICT, "due": "2025-05-08"}, "/due"),
        ({**DISTRICT, "as_of": "2025-03-06"}, "/as_of"),
        ({**DISTRICT, "as_of": "tomorrow"}, "/as_of"),
        ({**DISTRICT, "format": "docx"}, "/format"),
        ({**DISTRICT, "phase": "1"}, "/phase"),
    ):
        answer = sqlite_api.get(PHASE, who="province", **query)
        assert paths(check_problem(answer, 422, "invalid")) == [path], query
    near = check_problem(sqlite_api.get(PHASE.replace("phase_1_report", "phase_1_reports")), 404, "not_found")
    assert "phase_1_report" in near["detail"]
    for who, query in (("police", {}), ("district", {}), ("province", {"unit": "22"})):
        check_problem(sqlite_api.get(REPORT, who=who, **query), 404, "not_found")
    check_problem(sqlite_api.get(REPORT.replace("tra-vinh", "tra-vin")), 404, "not_found")
    check_problem(sqlite_api.client.get(f"/api/v1{REPORT}"), 401, "unauthorized")
