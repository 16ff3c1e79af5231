"""Requests that are well-formed and still cannot be meant."""

from tests.factories import COMMUNE, Clock, Desk, document, findings, opened
from workflows.core.case import Accepted, CaseId, Invalid, Refused
from workflows.core.documents import Role

POINT = {"kind": "point", "found_by": "survey"}
TAKEN_IN = {"taken_in_on": "2025-01-02"}


def refusal_codes(decision: object) -> list[str]:
    assert isinstance(decision, Refused), decision
    return [blocker.code for blocker in decision.blockers]


def in_appraisal(desk: Desk, *, unit: str = COMMUNE) -> CaseId:
    officer = desk.actor(Role.COMMUNE_OFFICER, "xa")
    district = desk.actor(Role.DISTRICT_COMMITTEE, "huyen")
    case = opened(desk.open(officer, "certification", TAKEN_IN, unit=unit))
    desk.fire(officer, case, "submit")
    reviewed = desk.fire(district, case, "endorse", {"attestations": findings(), "report": document()})
    assert isinstance(reviewed, Accepted), reviewed
    return case


def test_an_agency_that_has_ended_is_not_asked() -> None:
    desk = Desk()
    case = in_appraisal(desk)
    police = desk.actor(Role.PROVINCIAL_POLICE, "tinh")
    ended = desk.fire(police, case, "request_opinions", {"agencies": ["department_of_health", "department_of_labour"]})
    assert isinstance(ended, Invalid), ended
    assert [(error.path, error.message) for error in ended.errors] == [
        (
            "/input/agencies",
            "agency 'department_of_labour' is not in force on 2025-03-05, only [2021-01-01, 2025-03-01)",
        )
    ]


def test_an_agency_is_asked_up_to_its_last_day() -> None:
    desk = Desk(clock=Clock())
    desk.clock.now = desk.clock.now.replace(month=2, day=28)
    case = in_appraisal(desk)
    police = desk.actor(Role.PROVINCIAL_POLICE, "tinh")
    asked = desk.fire(police, case, "request_opinions", {"agencies": ["department_of_labour"]})
    assert isinstance(asked, Accepted), asked


def test_a_commune_has_one_certification_at_a_time() -> None:
    desk = Desk()
    officer = desk.actor(Role.COMMUNE_OFFICER)
    first = opened(desk.open(officer, "certification", TAKEN_IN))
    assert refusal_codes(desk.open(officer, "certification", TAKEN_IN)) == ["one_at_a_time"]
    assert isinstance(desk.open(officer, "certification", TAKEN_IN, unit="29404"), Accepted)
    annulled = desk.fire(desk.actor(Role.PROVINCIAL_POLICE, "tinh"), first, "annul", reason="Mở nhầm")
    assert isinstance(annulled, Accepted), annulled
    assert isinstance(desk.open(officer, "certification", TAKEN_IN), Accepted)


def test_an_amendment_that_changes_nothing_is_told_so() -> None:
    desk = Desk()
    police = desk.actor(Role.COMMUNE_POLICE)
    case = opened(desk.open(police, "hotspot", POINT))
    same = {"title": desk.cases[case].title, "found_by": "survey"}
    unchanged = desk.fire(police, case, "amend", same, reason="Sửa")
    assert isinstance(unchanged, Invalid), unchanged
    assert unchanged.errors[0].message.startswith("nothing to amend")
    changed = desk.fire(police, case, "amend", {**same, "found_by": "tip_off"}, reason="Sửa")
    assert isinstance(changed, Accepted), changed


def test_a_list_that_refuses_needs_the_reason_that_each_refusal_needs() -> None:
    desk = Desk()
    case = in_appraisal(desk)
    desk.good_counts()
    appraised = desk.fire(desk.actor(Role.PROVINCIAL_POLICE, "tinh"), case, "appraise")
    assert isinstance(appraised, Accepted), appraised
    drafter = desk.actor(Role.PROVINCIAL_POLICE, "soan")
    listed = opened(desk.open(drafter, "list_decision", {"action": "refuse", "members": [case]}, unit="84"))
    committee = desk.actor(Role.PROVINCIAL_COMMITTEE, "ubnd")
    (offer,) = desk.explain(committee, listed, "decide")  # type: ignore[misc]  # an offer, as the case is there
    assert offer.allowed
    assert "reason" in [pending.code for pending in offer.pending]
    assert refusal_codes(desk.fire(committee, listed, "decide", {"decision": document()})) == ["reason"]
    decided = desk.fire(committee, listed, "decide", {"decision": document()}, reason="Chưa đủ điều kiện")
    assert isinstance(decided, Accepted), decided
    assert [(each.workflow, each.target, each.reason) for each in decided.events] == [
        ("list_decision", "decided", "Chưa đủ điều kiện"),
        ("certification", "refused", "Chưa đủ điều kiện"),
    ]


def test_what_is_not_known_is_called_by_its_title() -> None:
    desk = Desk()
    desk.good_counts()
    officer = desk.actor(Role.COMMUNE_OFFICER, "xa")
    case = opened(desk.open(officer, "certification", TAKEN_IN))
    desk.fire(officer, case, "submit")
    known = {code: finding for code, finding in findings().items() if code != "criterion_e"}
    endorsed = desk.fire(
        desk.actor(Role.DISTRICT_COMMITTEE, "huyen"), case, "endorse", {"attestations": known, "report": document()}
    )
    assert isinstance(endorsed, Accepted), endorsed
    refused = desk.fire(desk.actor(Role.PROVINCIAL_POLICE, "tinh"), case, "appraise")
    assert refusal_codes(refused) == ["unknown"]
    assert isinstance(refused, Refused)
    title = desk.definitions.versions("certification")[-1].document.sheets["drug_free_commune"].criteria[4].title
    assert title is not None
    assert title.en in refused.blockers[0].message.en
