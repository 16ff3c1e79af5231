"""What tasks, reports, tip-offs and certification in two tiers do, rule by rule."""

from collections.abc import Mapping
from datetime import date

import pytest

from tests.factories import PROVINCE, document, findings, opened
from tests.services.office import COMMITTEE, POLICE, STEERING, Office, codes
from workflows.core.canonical import Json
from workflows.core.case import Accepted, CaseId, Invalid
from workflows.core.civil import civil_date
from workflows.core.documents import Role

DISTRICT = "847"
TAKEN_IN: Mapping[str, Json] = {"taken_in_on": "2025-03-05"}

TASK: Mapping[str, Json] = {
    "task": "vocational_training", "kind": "one_off", "year": 2025, "lead": ["department_of_health"],
    "coordinating": ["department_of_finance"], "requested": ["department_of_finance"], "deadline": "2025-04-29",
}  # fmt: skip


def assigned(office: Office, more: Mapping[str, Json] | None = None) -> CaseId:
    data = {**TASK, **(more or {})}
    return opened(office.open(office.grant(POLICE), "plan_task", data, unit=PROVINCE, plan="khanh-hoa-2025"))


class TestTask:
    def test_the_lead_starts_and_reports_and_another_accepts(self, office: Office) -> None:
        case = assigned(office)
        assert office.case(case).due == date(2025, 4, 29)
        health = office.grant(Role.DEPARTMENT, agency="department_of_health")
        office.done((health, case, "start", {}), (health, case, "report", {"report": document()}))
        assert office.case(case).due is None
        assert codes(office.fire(office.grant(POLICE), case, "accept")) == ["four_eyes"]
        office.done((office.grant(POLICE, "binh"), case, "accept", {}))
        assert codes(office.fire(health, case, "start")) == ["done_once"]

    @pytest.mark.parametrize("agency", ["department_of_finance", "department_of_justice", None])
    def test_no_other_department_does(self, office: Office, agency: str | None) -> None:
        case = assigned(office)
        assert codes(office.fire(office.grant(Role.DEPARTMENT, agency=agency), case, "start")) == ["other_agency"]

    @pytest.mark.parametrize(
        "bodies",
        [
            {"implementing": ["department_of_justice", "department_of_finance"]},
            {"implementing": ["all_bodies"]},
            {"lead": None, "coordinating": ["department_of_justice"]},
        ],
    )
    def test_who_implements_does_and_where_nobody_leads_who_coordinates(
        self, office: Office, bodies: Mapping[str, Json]
    ) -> None:
        office.done(
            (office.grant(Role.DEPARTMENT, agency="department_of_justice"), assigned(office, bodies), "start", {})
        )

    def test_a_task_without_a_body_is_not_opened(self, office: Office) -> None:
        data = {**TASK, "lead": None, "coordinating": None}
        decision = office.open(office.grant(POLICE), "plan_task", data, unit=PROVINCE)
        assert codes(decision) == ["nobody_named"]

    def test_what_recurs_goes_on_with_a_new_deadline(self, office: Office) -> None:
        case, police = assigned(office, {"kind": "recurring", "every": "quarter"}), office.grant(POLICE)
        office.done((police, case, "start", {}), (police, case, "report", {"report": document()}))
        office.done((office.grant(POLICE, "binh"), case, "accept", {}))
        assert office.case(case).due is None
        office.on("2025-04-30")
        assert codes(office.fire(police, case, "start")) == ["deadline_over"]
        office.done((office.grant(COMMITTEE), case, "amend", {"deadline": "2025-06-30"}), (police, case, "start", {}))
        assert office.case(case).due == date(2025, 6, 30)
        office.done((police, case, "report", {"report": document()}))
        office.done((office.grant(POLICE, "binh"), case, "accept", {"deadline": "2025-09-30"}))
        office.done((police, case, "start", {}))
        assert office.case(case).due == date(2025, 9, 30)

    def test_what_is_done_once_has_no_next_deadline(self, office: Office) -> None:
        case, police = assigned(office), office.grant(POLICE)
        office.done((police, case, "start", {}), (police, case, "report", {"report": document()}))
        decision = office.fire(office.grant(POLICE, "binh"), case, "accept", {"deadline": "2025-09-30"})
        assert codes(decision) == ["done_once"]

    def test_a_returned_report_is_due_again(self, office: Office) -> None:
        case, police = assigned(office), office.grant(POLICE)
        office.done((police, case, "start", {}), (police, case, "report", {"report": document()}))
        office.done((office.grant(POLICE, "binh"), case, "return", {"missing": ["Số liệu"]}))
        assert (office.case(case).state, office.case(case).due) == ("in_progress", date(2025, 4, 29))

    @pytest.mark.parametrize("key", ["Đào tạo nghề", "Vocational", "a b", "x" * 61, 5, ""])
    def test_a_key_is_a_name_and_no_text(self, office: Office, key: Json) -> None:
        decision = office.open(office.grant(POLICE), "plan_task", {**TASK, "task": key}, unit=PROVINCE)
        assert isinstance(decision, Invalid)
        assert [error.path for error in decision.errors] == ["/data/task"]

    def test_a_key_stands_in_the_hashed_entry(self, office: Office) -> None:
        decision = office.open(office.grant(POLICE), "plan_task", TASK, unit=PROVINCE)
        assert isinstance(decision, Accepted)
        assert b'"task":"vocational_training"' in decision.events[0].entry


REPORT: Mapping[str, Json] = {
    "obligation": "annual_report", "kind": "annual", "agency": "department_of_health", "recipient": "provincial_police",
    "period_from": "2025-01-01", "period_to": "2025-12-31", "deadline": "2025-03-04",
}  # fmt: skip


class TestReport:
    @pytest.mark.parametrize("where", [PROVINCE, DISTRICT, None])
    def test_a_report_is_owed_in_a_unit_of_several_levels(self, office: Office, where: str | None) -> None:
        case = opened(office.open(office.grant(POLICE), "periodic_report", REPORT, unit=where))
        assert office.case(case).unit == (where or office.commune)

    def test_a_country_owes_none(self, office: Office) -> None:
        decision = office.open(office.grant(POLICE), "periodic_report", REPORT, unit="VN")
        assert isinstance(decision, Invalid)
        assert "belong to a province or district or commune" in decision.errors[0].message

    def test_it_can_be_sent_in_late(self, office: Office) -> None:
        case = opened(office.open(office.grant(POLICE), "periodic_report", REPORT, unit=PROVINCE))
        due = office.case(case).due
        assert due is not None
        assert due < civil_date(office.clock())
        health = office.grant(Role.DEPARTMENT, agency="department_of_health")
        office.done((health, case, "submit", {"report": document()}))
        assert office.case(case).due is None

    def test_a_department_submits_its_own_only(self, office: Office) -> None:
        case = opened(office.open(office.grant(POLICE), "periodic_report", REPORT, unit=PROVINCE))
        other = office.grant(Role.DEPARTMENT, agency="department_of_justice")
        assert codes(office.fire(other, case, "submit", {"report": document()})) == ["other_agency"]

    def test_who_submitted_does_not_accept(self, office: Office) -> None:
        case = opened(office.open(office.grant(POLICE), "periodic_report", REPORT, unit=PROVINCE))
        office.done((office.grant(POLICE), case, "submit", {"report": document()}))
        assert codes(office.fire(office.grant(COMMITTEE), case, "accept")) == ["four_eyes"]
        assert codes(office.fire(office.grant(COMMITTEE), case, "return", {"missing": ["x"]})) == ["four_eyes"]
        office.done((office.grant(COMMITTEE, "binh"), case, "accept", {}))
        assert office.case(case).final

    def test_a_body_does_not_accept_its_own_report(self, office: Office) -> None:
        data = {**REPORT, "agency": "provincial_police", "recipient": "steering_committee_138"}
        case = opened(office.open(office.grant(POLICE), "periodic_report", data, unit=PROVINCE))
        office.done((office.grant(POLICE), case, "submit", {"report": document()}))
        assert codes(office.fire(office.grant(POLICE, "binh"), case, "accept")) == ["own_report"]
        office.done((office.grant(STEERING, "binh"), case, "accept", {}))

    def test_a_returned_report_is_due_again(self, office: Office) -> None:
        case = opened(office.open(office.grant(POLICE), "periodic_report", REPORT, unit=PROVINCE))
        office.done((office.grant(POLICE), case, "submit", {"report": document()}))
        office.done((office.grant(POLICE, "binh"), case, "return", {"missing": ["Số liệu"]}))
        assert (office.case(case).state, office.case(case).due) == ("due", date(2025, 3, 4))

    @pytest.mark.parametrize(
        ("more", "code"),
        [({"kind": "ad_hoc"}, "requester_missing"), ({"period_to": "2024-12-31"}, "period_in_order")],
    )
    def test_what_does_not_fit_is_not_opened(self, office: Office, more: Mapping[str, Json], code: str) -> None:
        decision = office.open(office.grant(POLICE), "periodic_report", {**REPORT, **more}, unit=PROVINCE)
        assert codes(decision) == [code]

    def test_who_asked_is_kept_out_of_the_entry(self, office: Office) -> None:
        data = {**REPORT, "kind": "ad_hoc", "requester": "Bộ Công an"}
        decision = office.open(office.grant(POLICE), "periodic_report", data, unit=PROVINCE)
        assert isinstance(decision, Accepted)
        assert "Bộ Công an".encode() not in decision.events[0].entry


TIP: Mapping[str, Json] = {"channel": "hotline", "about": "place", "received_on": "2025-03-05"}


def verifying(office: Office, about: str = "place") -> CaseId:
    police = office.grant(POLICE)
    case = opened(office.open(police, "tip_off", {**TIP, "about": about}))
    office.done((police, case, "verify", {}))
    return case


class TestTipOff:
    def test_a_confirmed_place_becomes_a_hotspot(self, office: Office) -> None:
        case = verifying(office)
        decision = office.fire(office.grant(POLICE), case, "confirm", {"kind": "retail_point"})
        assert isinstance(decision, Accepted)
        (place,) = office.of("hotspot")
        assert [each.case for each in decision.events] == [case, place.id]
        assert (place.parent, place.data) == (case, {"kind": "retail_point", "found_by": "tip_off"})

    def test_a_hotspot_that_is_recorded_is_linked(self, office: Office) -> None:
        police = office.grant(POLICE)
        place = opened(office.open(police, "hotspot", {"kind": "point", "found_by": "survey"}))
        case = verifying(office)
        office.done((police, case, "confirm", {"hotspots": [place]}))
        assert office.case(case).links == {"hotspots": (place,)}
        assert [each.id for each in office.of("hotspot")] == [place]

    def test_a_place_is_one_or_the_other(self, office: Office) -> None:
        police = office.grant(POLICE)
        place = opened(office.open(police, "hotspot", {"kind": "point", "found_by": "survey"}))
        case = verifying(office)
        assert codes(office.fire(police, case, "confirm")) == ["place_missing"]
        both: Mapping[str, Json] = {"kind": "point", "hotspots": [place]}
        assert codes(office.fire(police, case, "confirm", both)) == ["new_or_recorded"]

    def test_transport_needs_no_place(self, office: Office) -> None:
        case = verifying(office, "sea")
        office.done((office.grant(POLICE), case, "confirm", {}))
        assert (office.case(case).state, office.of("hotspot")) == ("confirmed", [])

    def test_unfounded_is_said_by_another_person_with_a_reason(self, office: Office) -> None:
        case = verifying(office)
        assert codes(office.fire(office.grant(POLICE), case, "reject")) == ["four_eyes"]
        other = office.grant(POLICE, "binh")
        assert isinstance(office.fire(other, case, "reject", reason=None), Invalid)
        office.done((other, case, "reject", {}))

    def test_it_cannot_have_been_received_tomorrow(self, office: Office) -> None:
        decision = office.open(office.grant(POLICE), "tip_off", {**TIP, "received_on": "2025-03-06"})
        assert codes(decision) == ["not_in_future"]


class TestTwoTiers:
    """Without districts the commune reviews, and proposes to the provincial police itself."""

    def test_the_version_is_that_of_the_day_of_opening(self, office: Office) -> None:
        office.on("2025-06-30")
        first = opened(office.open(office.grant(Role.COMMUNE_OFFICER), "certification", TAKEN_IN))
        assert office.case(first).workflow_version == 1
        office.on("2025-07-01")
        assert office.case(certification(office)).workflow_version == 2

    def test_the_commune_proposes_straight_to_the_police(self, office: Office) -> None:
        case, officer = certification(office), office.grant(Role.COMMUNE_OFFICER)
        proposal: Mapping[str, Json] = {"attestations": findings(), "report": document()}
        assert isinstance(office.fire(officer, case, "submit"), Invalid)
        assert codes(office.fire(officer, case, "endorse", proposal)) == ["four_eyes"]
        assert codes(office.fire(office.grant(Role.DISTRICT_COMMITTEE, "binh"), case, "endorse", proposal)) == ["role"]
        assert office.case(case).due == date(2025, 7, 16)
        office.done((office.grant(Role.COMMUNE_OFFICER, "binh"), case, "endorse", proposal))
        assert office.case(case).state == "appraisal"

    def test_what_is_returned_goes_back_to_the_commune(self, office: Office) -> None:
        case = certification(office)
        proposal: Mapping[str, Json] = {"attestations": findings(), "report": document()}
        office.done(
            (office.grant(Role.COMMUNE_OFFICER, "binh"), case, "endorse", proposal),
            (office.grant(POLICE, "chi"), case, "return", {"missing": ["Biên bản"]}),
        )
        assert office.case(case).state == "proposed"


def certification(office: Office) -> CaseId:
    """Opened in a commune of the province that took Trà Vinh in, on the first day without districts."""
    office.on("2025-07-01")
    office.commune = next(office.later)
    return opened(office.open(office.grant(Role.COMMUNE_OFFICER), "certification", TAKEN_IN))
