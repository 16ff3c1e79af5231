"""The work that is measured: what one commune goes through, from its proposal to repeated reviews of its certificate.

A lane is the work of one commune, in order; lanes touch nothing in common. Every step is one command, and the
definitions are the shipped ones. Knows neither database nor network.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final, Literal, TypeAlias

from workflows.core.canonical import Json, canonical_bytes, digest
from workflows.core.case import CaseId, Data, Fire, Open
from workflows.core.documents import OPEN, Role
from workflows.loader import find_definitions, load
from workflows.store.submissions import Idempotency

Slot: TypeAlias = Literal["certification", "hotspot"]
"""Which of the two cases of its commune a step is about; also the case's workflow."""

TAKEN_IN: Final = date(2025, 8, 4)
ROLES: Final = (
    Role.COMMUNE_OFFICER,
    Role.PROVINCIAL_POLICE,
    Role.PROVINCIAL_COMMITTEE,
)
"""Who does the work; each holds one key per province."""
FIGURES: Final[Mapping[str, int]] = {
    "addicts": 14,
    "addicts_on_file": 14,
    "addicts_in_treatment": 14,
    "users": 9,
    "users_on_file": 9,
    "post_treatment": 6,
    "post_treatment_on_file": 6,
    "households": 2_310,
    "households_committed": 2_310,
    "hamlets": 12,
    "hamlets_with_hotline": 12,
    "with_grounds": 4,
    "with_grounds_tested": 4,
    "prevention_models": 2,
    "drug_crimes_since_taken_in": 0,
}
"""Counts entered for every commune, such that it meets the criteria; as of `TAKEN_IN`."""
ROUNDS: Final = 3
"""How often a certificate is reviewed and reinstated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One command of a lane."""

    role: Role
    slot: Slot
    trigger: str
    given: Data
    reason: str | None = None
    version: int
    """Of its case before the step; 0 for an opening."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One commune and all that is done there, one step after the other."""

    unit: str
    name: str
    province: str
    steps: Sequence[Step]

    def act(self, step: Step, cases: Mapping[Slot, CaseId]) -> Open | Fire:
        """What a step asks of the engine.

        Args:
            step: Of this lane.
            cases: Those that were opened so far.
        """
        if step.trigger == OPEN:
            return Open(workflow=step.slot, unit=self.unit, title=self.title(step.slot), data=step.given)
        return Fire(case=cases[step.slot], trigger=step.trigger, input=step.given, expected_version=step.version)

    def title(self, slot: Slot) -> str:
        subject = "Điểm phức tạp về ma túy tại" if slot == "hotspot" else "Công nhận không ma túy:"
        return f"{subject} {self.name}"

    def key(self, index: int) -> str:
        """The idempotency key of the step at `index`."""
        return f"bench-{self.unit}-{index:04}"


def lanes(count: int, today: date) -> list[Lane]:
    """The first lanes of a list in which every province comes up in turn; at most as many as there are communes."""
    steps = tuple(_steps(today))
    return [
        Lane(unit=row["code"], name=row["name"], province=row["parent"], steps=steps) for row in _communes()[:count]
    ]


def transitions(work: Sequence[Lane]) -> int:
    """Commands that the lanes hold; effects are not counted."""
    return sum(len(lane.steps) for lane in work)


def idempotency(client: str, lane: Lane, index: int) -> Idempotency:
    """As a request would give it: both hashes are made of about as many bytes."""
    key = lane.key(index)
    fingerprint = digest(canonical_bytes([key, lane.steps[index].given]))
    return Idempotency(client=client, key_hash=digest(f"{client}/{key}".encode()), fingerprint=fingerprint)


@cache
def _communes() -> list[dict[str, str]]:
    with (find_definitions(None) / "units" / "units.csv").open(encoding="utf-8", newline="") as source:
        rows = [row for row in csv.DictReader(source) if row["level"] == "commune" and not row["valid_to"]]
    place: dict[str, int] = {}
    turn: dict[str, int] = {}
    for row in rows:
        turn[row["code"]] = place[row["parent"]] = place.get(row["parent"], -1) + 1
    return sorted(rows, key=lambda row: (turn[row["code"]], row["parent"]))


def _steps(today: date) -> list[Step]:
    """Opening, review by the commune, appraisal and approval; then hotspots, each with its review."""
    commune, police, province = ROLES
    report = _document("118/BC-UBND", today, "Ủy ban nhân dân", "Báo cáo kết quả xét duyệt")
    decision = _document("2305/QĐ-UBND", today, "Ủy ban nhân dân tỉnh", "Quyết định công nhận địa bàn không ma túy")
    steps = [
        Step(role=police, slot="certification", trigger=OPEN, version=0, given={"taken_in_on": TAKEN_IN.isoformat()}),
        Step(
            role=commune,
            slot="certification",
            trigger="endorse",
            version=1,
            given={"report": report, "attestations": _attestations()},
        ),
        Step(role=police, slot="certification", trigger="appraise", version=2, given={}),
        Step(role=province, slot="certification", trigger="approve", version=3, given={"decision": decision}),
    ]
    for index in range(ROUNDS):
        steps += _round(index, today)
    return steps


def _round(index: int, today: date) -> list[Step]:
    """A hotspot is found, or found again, which puts the certificate under review; it is suppressed, and all is well.

    Per round the hotspot gains three versions (the first begins with its opening), the certificate two.
    """
    _, police, province = ROLES
    found: Data = {"found_by": "tip_off", "preceded_by_complaint": True}
    if index == 0:
        first = Step(role=police, slot="hotspot", trigger=OPEN, version=0, given={**found, "kind": "retail_point"})
    else:
        given = {**found, "relapsed_on": today.isoformat()}
        first = Step(role=police, slot="hotspot", trigger="relapse", version=3 * index, given=given)
    order = _document("74/QĐ-CAT", today, "Công an tỉnh", "Quyết định về việc triệt xóa điểm phức tạp về ma túy")
    suppressed: Data = {"suppressed_on": today.isoformat(), "decision": order}
    reason = "Điểm phức tạp đã được triệt xóa, địa bàn tiếp tục đáp ứng các tiêu chí."
    return [
        first,
        Step(role=police, slot="hotspot", trigger="suppress", version=3 * index + 1, given=suppressed),
        Step(role=police, slot="hotspot", trigger="monitor", version=3 * index + 2, given={}),
        Step(
            role=province,
            slot="certification",
            trigger="reinstate",
            version=5 + 2 * index,
            given={},
            reason=reason,
        ),
    ]


def _document(number: str, day: date, issuer: str, title: str) -> dict[str, Json]:
    return {
        "number": number,
        "date": day.isoformat(),
        "issuer": issuer,
        "title": title,
        "sha256": digest(f"{number} {title}".encode()),
    }


@cache
def _attested() -> tuple[str, ...]:
    document = load(Path(find_definitions(None))).workflows["certification"][-1]
    sheet = document.sheets["drug_free_commune"]
    return tuple(leaf.code for criterion in sheet.criteria for leaf in criterion.walk() if leaf.attested)


def _attestations() -> dict[str, Json]:
    note = "Theo biên bản kiểm tra của đoàn liên ngành."
    return {code: {"met": True, "note": note} for code in _attested()}
