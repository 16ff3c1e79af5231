"""What the workflows of plans do, rule by rule, with a real database: calendars, lists, success, reports, tip-offs."""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.factories import PROVINCE, START, Clock, carried_out, document, findings, opened, running
from tests.invariants import require_intact
from workflows.core.canonical import Json
from workflows.core.case import Accepted, Case, CaseId, Decision, Fire, Invalid, Open, Refused
from workflows.core.civil import civil_date
from workflows.core.deadlines import last_in_time
from workflows.core.documents import Role
from workflows.services.engine import Engine
from workflows.store.keys import Grant, create
from workflows.store.loading import fetch
from workflows.store.rows import case_of
from workflows.store.tables import cases, unit

DISTRICT = "847"
POLICE, COMMITTEE, STEERING = Role.PROVINCIAL_POLICE, Role.PROVINCIAL_COMMITTEE, Role.STEERING_COMMITTEE
BEFORE = "VN/8", START.date()
AFTER = "VN/8", date(2025, 7, 1)
TAKEN_IN: Mapping[str, Json] = {"taken_in_on": "2025-03-05"}
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


@dataclass(slots=True)
class Office:
    """People of one province at work; `an` unless another person is named."""

    engine: Engine
    clock: Clock
    communes: Iterator[str]
    later: Iterator[str]
    """Communes after the reform."""
    commune: str = ""
    neighbour: str = ""
    grants: dict[tuple[Role, str, str | None], str] = field(default_factory=dict)

    def moves_on(self) -> None:
        """To two communes in which nothing has happened yet, on the first day."""
        self.commune, self.neighbour = next(self.communes), next(self.communes)
        self.clock.now = START

    def grant(self, role: Role, person: str = "an", agency: str | None = None) -> str:
        """Of the whole country, so that the unit never stands in the way."""
        key = (role, person, agency)
        if key not in self.grants:
            wanted = Grant(role=role, unit="VN", person=person, name="x", agency=agency)
            self.grants[key] = create(self.engine.database, wanted, now=self.clock()).id
        return self.grants[key]

    def open(
        self,
        grant: str,
        workflow: str,
        data: Mapping[str, Json],
        *,
        unit: str | None = None,
        plan: str | None = None,
    ) -> Decision:
        act = Open(workflow=workflow, unit=unit or self.commune, title="Chuyển hóa địa bàn", data=data, plan=plan)
        return carried_out(self.engine, self.engine.command(grant=grant, act=act))

    def fire(
        self,
        grant: str,
        case: CaseId,
        trigger: str,
        given: Mapping[str, Json] | None = None,
        *,
        reason: str | None = "x",
    ) -> Decision:
        act = Fire(case=case, trigger=trigger, input=given or {})
        return carried_out(self.engine, self.engine.command(grant=grant, act=act, reason=reason))

    def done(self, *acts: tuple[str, CaseId, str, Mapping[str, Json]]) -> None:
        for grant, case, trigger, given in acts:
            decision = self.fire(grant, case, trigger, given)
            assert isinstance(decision, Accepted), (trigger, decision)

    def case(self, case_id: CaseId) -> Case:
        with self.engine.database.read() as connection:
            return fetch(connection, [case_id])[case_id]

    def in_time_until(self, case_id: CaseId) -> date | None:
        case = self.case(case_id)
        return last_in_time(self.engine.definitions.by_hash(case.definition), case)

    def of(self, workflow: str) -> list[Case]:
        with self.engine.database.read() as connection:
            query = select(cases).where(cases.c.workflow == workflow, cases.c.unit == self.commune)
            rows = connection.execute(query).mappings()
            return [case_of(row) for row in rows]

    def on(self, day: str) -> None:
        self.clock.now = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC).replace(hour=2)


@pytest.fixture(scope="module")
def province(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One database for all tests here: each works in communes of its own."""
    database = tmp_path_factory.mktemp("processes") / "workflows.sqlite"
    shutil.copyfile(sqlite_template, database)
    clock = Clock()
    with running(f"sqlite:///{database}", clock) as engine:
        yield Office(engine, clock, iter(communes(engine, *BEFORE)), iter(communes(engine, *AFTER)))
        require_intact(engine)


@pytest.fixture
def office(province: Office) -> Office:
    province.moves_on()
    return province


def communes(engine: Engine, above: str, day: date) -> list[str]:
    """Codes of the communes below a unit on a day."""
    there = unit.c.valid_from <= day.isoformat(), unit.c.valid_to.is_(None) | (unit.c.valid_to > day.isoformat())
    query = select(unit.c.code).where(unit.c.level == "commune", unit.c.path.startswith(above), *there)
    with engine.database.read() as connection:
        return [*connection.execute(query.order_by(unit.c.code)).scalars()]


def codes(decision: Decision) -> list[str]:
    assert isinstance(decision, Refused), decision
    return [blocker.code for blocker in decision.blockers]


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
