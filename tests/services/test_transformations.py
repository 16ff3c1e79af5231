"""What the transformation of a commune does, rule by rule: its calendar, the lists, success and what follows."""

from collections.abc import Mapping
from datetime import date

import pytest

from tests.factories import PROVINCE, document, opened
from tests.services.office import COMMITTEE, POLICE, STEERING, Office, codes
from workflows.core.canonical import Json
from workflows.core.case import Accepted, CaseId, Invalid, Refused
from workflows.core.civil import civil_date
from workflows.core.documents import Role

DOCUMENT: Mapping[str, Json] = {"decision": document()}
SELECTED: Mapping[str, Json] = {"decision": document(), "taken_in_on": "2025-03-05"}
CALENDAR: Mapping[str, Json] = {
    "phase_1_ends": "2025-03-31",
    "phase_2_begins": "2025-04-01",
    "phase_2_ends": "2025-05-31",
    "phase_3_begins": "2025-06-01",
    "phase_3_ends": "2025-06-13",
}
TRA_VINH: Mapping[str, Json] = {"approver": "provincial_police", "proposes_certification": True, **CALENDAR}


def listed(office: Office, data: Mapping[str, Json] = TRA_VINH, *, unit: str | None = None) -> CaseId:
    return opened(office.open(office.grant(POLICE), "commune_transformation", data, unit=unit))


def in_phase_1(office: Office, data: Mapping[str, Json] = TRA_VINH) -> CaseId:
    case = listed(office, data)
    approver = office.grant(Role(str(data["approver"])), "binh")
    office.done((approver, case, "select", SELECTED), (office.grant(POLICE), case, "begin", {}))
    return case


def in_phase_3(office: Office, data: Mapping[str, Json] = TRA_VINH) -> CaseId:
    case = in_phase_1(office, data)
    office.on("2025-04-01")
    office.done((office.grant(POLICE), case, "begin_phase_2", {}))
    office.on("2025-06-01")
    office.done((office.grant(POLICE), case, "begin_phase_3", {}))
    return case


def transformed(office: Office, data: Mapping[str, Json] = TRA_VINH) -> CaseId:
    case = in_phase_3(office, data)
    office.done((office.grant(POLICE, "binh"), case, "conclude_transformed", {"report": document()}))
    return case


class TestCalendar:
    def test_phases_begin_no_earlier_than_the_calendar_says(self, office: Office) -> None:
        case = in_phase_1(office)
        police = office.grant(POLICE)
        office.on("2025-03-31")
        assert codes(office.fire(police, case, "begin_phase_2")) == ["too_early"]
        office.on("2025-04-01")
        office.done((police, case, "begin_phase_2", {}))
        office.on("2025-05-31")
        assert codes(office.fire(police, case, "begin_phase_3")) == ["too_early"]
        office.on("2025-06-01")
        office.done((police, case, "begin_phase_3", {}))

    def test_the_last_day_of_a_phase_is_its_deadline(self, office: Office) -> None:
        case = in_phase_1(office)
        assert office.case(case).due == date(2025, 3, 31)
        office.on("2025-04-01")
        office.done((office.grant(POLICE), case, "begin_phase_2", {}))
        assert office.case(case).due == date(2025, 5, 31)

    def test_a_phase_is_left_in_time_on_the_first_day_of_the_next(self, office: Office) -> None:
        case = in_phase_1(office)
        assert office.in_time_until(case) == date(2025, 4, 1)
        office.on("2025-04-01")
        office.done((office.grant(POLICE), case, "begin_phase_2", {}))
        assert office.in_time_until(case) == date(2025, 6, 1)
        office.on("2025-06-01")
        office.done((office.grant(POLICE), case, "begin_phase_3", {}))
        assert office.in_time_until(case) == date(2025, 6, 13), "whose end is judged on any day"
        office.done((office.grant(POLICE, "ba"), case, "conclude_not_transformed", {}))
        assert office.in_time_until(case) is None

    def test_without_a_calendar_nothing_is_due_or_too_early(self, office: Office) -> None:
        case = in_phase_1(office, {"approver": "steering_committee"})
        police = office.grant(POLICE)
        assert office.case(case).due is None
        office.done((police, case, "begin_phase_2", {}), (police, case, "begin_phase_3", {}))
        assert office.case(case).due is None

    def test_an_amended_day_moves_the_deadline_in_the_same_event(self, office: Office) -> None:
        case = in_phase_1(office)
        decision = office.fire(office.grant(POLICE), case, "amend", {"phase_1_ends": "2025-04-15"})
        assert isinstance(decision, Accepted)
        assert decision.events[0].changes["due"] == "2025-04-15"
        assert office.case(case).due == date(2025, 4, 15)

    def test_a_day_of_another_phase_moves_nothing_yet(self, office: Office) -> None:
        case = in_phase_1(office)
        decision = office.fire(office.grant(POLICE), case, "amend", {"phase_2_ends": "2025-06-05"})
        assert isinstance(decision, Accepted)
        assert "due" not in decision.events[0].changes
        assert office.case(case).due == date(2025, 3, 31)

    def test_a_day_given_later_becomes_the_deadline(self, office: Office) -> None:
        case = in_phase_1(office, {"approver": "steering_committee"})
        office.done((office.grant(POLICE), case, "amend", {"phase_1_ends": "2025-03-31"}))
        assert office.case(case).due == date(2025, 3, 31)

    def test_phases_follow_one_another(self, office: Office) -> None:
        wrong = {**TRA_VINH, "phase_2_begins": "2025-03-31"}
        decision = office.open(office.grant(POLICE), "commune_transformation", wrong)
        assert codes(decision) == ["calendar_in_order"]


class TestSelection:
    def test_only_the_body_that_the_plan_names_decides(self, office: Office) -> None:
        case = listed(office, {"approver": "steering_committee"})
        assert codes(office.fire(office.grant(POLICE, "binh"), case, "select", SELECTED)) == ["other_approver"]
        assert codes(office.fire(office.grant(COMMITTEE, "binh"), case, "decline")) == ["other_approver"]
        office.done((office.grant(STEERING, "binh"), case, "select", SELECTED))
        assert office.case(case).data["taken_in_on"] == "2025-03-05"

    def test_a_phase_begins_only_in_what_is_selected(self, office: Office) -> None:
        assert codes(office.fire(office.grant(POLICE), listed(office), "begin")) == ["state"]

    def test_one_decision_selects_the_whole_list(self, office: Office) -> None:
        members = [listed(office), listed(office, unit=office.neighbour)]
        data: Mapping[str, Json] = {"action": "select", "members": [*members]}
        case = opened(office.open(office.grant(POLICE), "selection_decision", data, unit=PROVINCE))
        assert "four_eyes" in codes(office.fire(office.grant(POLICE), case, "decide", SELECTED))
        office.done((office.grant(POLICE, "binh"), case, "decide", SELECTED))
        assert [office.case(each).state for each in members] == ["selected", "selected"]

    def test_a_list_may_decline(self, office: Office) -> None:
        member = listed(office)
        data: Mapping[str, Json] = {"action": "decline", "members": [member]}
        case = opened(office.open(office.grant(POLICE), "selection_decision", data, unit=PROVINCE))
        office.done((office.grant(POLICE, "binh"), case, "decide", SELECTED))
        assert office.case(member).state == "not_selected"

    def test_a_member_of_another_approver_stops_the_whole_list(self, office: Office) -> None:
        members = [listed(office), listed(office, {"approver": "steering_committee"}, unit=office.neighbour)]
        data: Mapping[str, Json] = {"action": "select", "members": [*members]}
        case = opened(office.open(office.grant(POLICE), "selection_decision", data, unit=PROVINCE))
        decision = office.fire(office.grant(POLICE, "binh"), case, "decide", SELECTED)
        assert isinstance(decision, Refused)
        assert [(each.code, each.case) for each in decision.blockers] == [("other_approver", members[1])]
        assert [office.case(each).state for each in members] == ["listed", "listed"]

    def test_a_commune_is_in_one_transformation_at_a_time(self, office: Office) -> None:
        case = listed(office)
        again = office.open(office.grant(POLICE), "commune_transformation", TRA_VINH)
        assert codes(again) == ["one_at_a_time"]
        office.done((office.grant(POLICE, "binh"), case, "decline", {}))
        listed(office)

    def test_what_is_withdrawn_has_ended(self, office: Office) -> None:
        case = in_phase_1(office)
        office.done((office.grant(POLICE), case, "withdraw", DOCUMENT))
        assert (office.case(case).state, office.case(case).final, office.case(case).due) == ("withdrawn", True, None)


class TestConclusion:
    def test_success_proposes_the_certification(self, office: Office) -> None:
        case = in_phase_3(office)
        given: Mapping[str, Json] = {"report": document()}
        assert set(codes(office.fire(office.grant(POLICE), case, "conclude_transformed", given))) == {"four_eyes"}
        decision = office.fire(office.grant(POLICE, "binh"), case, "conclude_transformed", given)
        assert isinstance(decision, Accepted)
        first, second = decision.events
        (proposed,) = office.of("certification")
        assert (second.case, second.cause, proposed.parent) == (proposed.id, first.id, case)
        assert (proposed.state, proposed.data) == ("proposed", {"taken_in_on": "2025-03-05"})
        assert first.facts["running_certifications"] == {
            "value": 0, "as_of": "2025-06-01", "source": "cases", "cases": []
        }  # fmt: skip

    def test_a_certification_that_runs_is_left_as_it_is(self, office: Office) -> None:
        case = in_phase_1(office)
        officer = office.grant(Role.COMMUNE_OFFICER)
        running_one = opened(office.open(officer, "certification", {"taken_in_on": "2025-03-05"}))
        office.on("2025-06-01")
        office.done(*((office.grant(POLICE), case, f"begin_phase_{number}", {}) for number in (2, 3)))
        office.done((office.grant(POLICE, "binh"), case, "conclude_transformed", {"report": document()}))
        assert [each.id for each in office.of("certification")] == [running_one]

    @pytest.mark.parametrize("data", [{"approver": "provincial_police"}, {**TRA_VINH, "proposes_certification": False}])
    def test_where_the_plan_does_not_say_so_nothing_is_proposed(self, office: Office, data: Mapping[str, Json]) -> None:
        transformed(office, data)
        assert office.of("certification") == []

    def test_with_an_open_hotspot_a_commune_is_not_transformed(self, office: Office) -> None:
        case = in_phase_3(office)
        office.open(office.grant(POLICE), "hotspot", {"kind": "point", "found_by": "survey"})
        judge = office.grant(POLICE, "binh")
        given: Mapping[str, Json] = {"report": document()}
        assert codes(office.fire(judge, case, "conclude_transformed", given)) == ["open_hotspots"]
        office.done((judge, case, "conclude_not_transformed", {}))
        assert office.case(case).final


class TestComplexAgain:
    def test_a_relapsed_hotspot_is_a_ground_and_named(self, office: Office) -> None:
        case, police = transformed(office), office.grant(POLICE)
        ground: Mapping[str, Json] = {"ground": "relapsed_hotspot"}
        assert codes(office.fire(police, case, "relapse", ground)) == ["no_relapsed_hotspot"]
        place = opened(office.open(police, "hotspot", {"kind": "point", "found_by": "survey"}))
        day = civil_date(office.clock()).isoformat()
        office.done((police, place, "suppress", {"suppressed_on": day, "decision": document()}))
        found: Mapping[str, Json] = {"relapsed_on": day, "found_by": "survey", "preceded_by_complaint": False}
        office.done((police, place, "relapse", found))
        decision = office.fire(police, case, "relapse", ground)
        assert isinstance(decision, Accepted)
        fact = decision.events[0].facts["relapsed_hotspots"]
        assert isinstance(fact, Mapping)
        assert (fact["value"], fact["cases"]) == (1, [place])

    def test_another_ground_needs_its_reason(self, office: Office) -> None:
        case, police = transformed(office), office.grant(POLICE)
        assert isinstance(office.fire(police, case, "relapse", {"ground": "other"}, reason=None), Invalid)
        office.done((police, case, "relapse", {"ground": "other"}))

    def test_it_goes_back_on_the_list_with_a_new_calendar(self, office: Office) -> None:
        case, police = transformed(office), office.grant(POLICE)
        office.done((police, case, "relapse", {"ground": "other"}))
        assert codes(office.fire(police, case, "take_in_again")) == ["new_calendar"]
        later = {name: str(day).replace("2025", "2026") for name, day in CALENDAR.items()}
        office.done((police, case, "take_in_again", later))
        assert (office.case(case).state, office.case(case).episode) == ("listed", 2)
        assert codes(office.fire(police, case, "select", SELECTED)) == ["four_eyes"]
        other = office.grant(POLICE, "binh")
        office.done((other, case, "select", {**SELECTED, "taken_in_on": "2025-06-01"}), (police, case, "begin", {}))
        assert (office.case(case).due, office.case(case).data["taken_in_on"]) == (date(2026, 3, 31), "2025-06-01")

    def test_not_while_another_transformation_goes_on(self, office: Office) -> None:
        case, police = transformed(office, {"approver": "provincial_police"}), office.grant(POLICE)
        office.done((police, case, "relapse", {"ground": "other"}))
        listed(office)
        assert codes(office.fire(police, case, "take_in_again")) == ["one_at_a_time"]
