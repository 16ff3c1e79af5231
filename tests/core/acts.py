"""Cases of the shipped workflows on a desk, brought as far as a test needs them."""

from typing import Final

from tests.factories import COMMUNE, PROVINCE, Desk, document, findings, opened
from workflows.core.canonical import Json
from workflows.core.case import Accepted, CaseId, Decision, Refused
from workflows.core.documents import Role

KIND: Final[dict[str, Json]] = {"kind": "point", "found_by": "survey"}
TAKEN_IN: Final[dict[str, Json]] = {"taken_in_on": "2025-01-02"}


def codes(decision: Decision) -> list[str]:
    assert isinstance(decision, Refused), decision
    return [blocker.code for blocker in decision.blockers]


def accepted(decision: Decision) -> Accepted:
    assert isinstance(decision, Accepted), decision
    return decision


def hotspot(desk: Desk, person: str = "an") -> CaseId:
    return opened(desk.open(desk.actor(Role.COMMUNE_POLICE, person), "hotspot", KIND))


def suppressed(desk: Desk, person: str = "an") -> CaseId:
    case = hotspot(desk, person)
    given: dict[str, Json] = {"suppressed_on": "2025-03-05", "decision": document()}
    accepted(desk.fire(desk.actor(Role.COMMUNE_POLICE, person), case, "suppress", given))
    return case


def in_approval(desk: Desk, *, unit: str = COMMUNE, endorser: str = "binh", opinion: str = "chi") -> CaseId:
    officer = desk.actor(Role.COMMUNE_OFFICER, "an")
    case = opened(desk.open(officer, "certification", TAKEN_IN, unit=unit))
    accepted(desk.fire(officer, case, "submit"))
    committee = desk.actor(Role.DISTRICT_COMMITTEE, endorser)
    accepted(desk.fire(committee, case, "endorse", {"attestations": findings(), "report": document()}))
    police = desk.actor(Role.PROVINCIAL_POLICE, "dung")
    asked = accepted(desk.fire(police, case, "request_opinions", {"agencies": ["department_of_health"]}))
    department = desk.actor(Role.DEPARTMENT, opinion, agency="department_of_health")
    accepted(desk.fire(department, asked.events[1].case, "give", {"position": "agree"}))
    accepted(desk.fire(police, case, "appraise"))
    return case


def certified(desk: Desk) -> CaseId:
    case = in_approval(desk)
    accepted(desk.fire(desk.actor(Role.PROVINCIAL_COMMITTEE, "lan"), case, "approve", {"decision": document()}))
    return case


def drafted(desk: Desk, members: list[CaseId], *, action: str = "approve", person: str = "dung") -> CaseId:
    data: dict[str, Json] = {"action": action, "members": list(members)}
    actor = desk.actor(Role.PROVINCIAL_COMMITTEE, person)
    return opened(desk.open(actor, "list_decision", data, unit=PROVINCE))
