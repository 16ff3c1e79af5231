"""What tests need before they can begin: running engines with a clock of their own, actors, worlds in memory.

Builds things with sensible defaults and asserts nothing.
"""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Final

from workflows.core.canonical import Json
from workflows.core.case import (
    Accepted,
    Act,
    Actor,
    Case,
    CaseId,
    Command,
    CommandId,
    Decision,
    Fire,
    Invalid,
    NotFound,
    Offer,
    Open,
)
from workflows.core.decide import decide
from workflows.core.definition import Definitions, compile_definition
from workflows.core.documents import Catalogue, Level, Role
from workflows.core.explaining import explain
from workflows.core.ids import uuid7
from workflows.core.lineage import Count
from workflows.core.world import Draft, Unit, World
from workflows.loader import find_definitions, load
from workflows.services.engine import Engine
from workflows.store.submissions import Submission

COMMUNE: Final = "29401"
PROVINCE: Final = "84"
START: Final = datetime(2025, 3, 5, 2, 0, tzinfo=UTC)
"""A morning on which both the commune and all workflows are in force."""
_UNITS: Final = {
    PROVINCE: (Level.PROVINCE, "Tỉnh Trà Vinh", "VN/84"),
    COMMUNE: (Level.COMMUNE, "Xã Hòa Lợi", "VN/84/847/29401"),
    "29404": (Level.COMMUNE, "Xã Hưng Mỹ", "VN/84/847/29404"),
}


@dataclass(slots=True)
class Clock:
    """Stands still until it is moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@contextmanager
def running(url: str, clock: Clock) -> Iterator[Engine]:
    engine = Engine.start(url, clock=clock)
    try:
        yield engine
    finally:
        engine.stop()


def carried_out(engine: Engine, command: Command) -> Decision:
    """Submits one command and waits for the decision."""
    decision = engine.submit(Submission(commands=(command,))).result(30)[0].decision
    assert decision is not None
    return decision


@cache
def shipped() -> Catalogue:
    return load(find_definitions(None))


@cache
def definitions() -> Definitions:
    catalogue = shipped()
    return Definitions(
        compile_definition(document, catalogue) for versions in catalogue.workflows.values() for document in versions
    )


def document(number: str = "12/QĐ-UBND", *, day: str = "2025-03-01") -> dict[str, Json]:
    return {"number": number, "date": day, "issuer": "Ủy ban nhân dân tỉnh", "title": "Quyết định công nhận"}


def findings(*, met: bool = True) -> dict[str, Json]:
    """On every attested condition of the sheet that ships."""
    codes = ("rings_and_lines", "followed_and_tested", "criterion_e", "criterion_f", "model_effective")
    return {code: {"met": met, "note": "Theo hồ sơ kiểm tra"} for code in codes}


GOOD_COUNTS: Final[Mapping[str, int]] = {
    "addicts": 4,
    "addicts_on_file": 4,
    "addicts_in_treatment": 4,
    "users": 7,
    "users_on_file": 7,
    "post_treatment": 2,
    "post_treatment_on_file": 2,
    "with_grounds": 0,
    "with_grounds_tested": 0,
    "drug_crimes_since_taken_in": 0,
    "households": 2300,
    "households_committed": 2300,
    "hamlets": 9,
    "hamlets_with_hotline": 9,
    "prevention_models": 1,
}
"""Figures under which every counted criterion is met."""


@dataclass(slots=True, kw_only=True)
class Desk:
    """A world in memory that accepted commands move on: the core without store and writer."""

    clock: Clock = field(default_factory=Clock)
    grants: dict[str, Actor] = field(default_factory=dict)
    cases: dict[CaseId, Case] = field(default_factory=dict)
    counts: dict[tuple[str, str], tuple[Count, ...]] = field(default_factory=dict)
    definitions: Definitions = field(default_factory=definitions)
    _serial: Iterator[int] = field(default_factory=itertools.count)

    def actor(self, role: Role, person: str = "an", *, path: str = "VN/84", **more: object) -> str:
        """A new grant; returns its id."""
        grant = f"grant-{next(self._serial)}"
        unit = path.rpartition("/")[2]
        values = {"grant": grant, "person": person, "role": role, "unit": unit, "unit_path": path, **more}
        self.grants[grant] = Actor(**values)  # type: ignore[arg-type]  # values by field name
        return grant

    def count(self, key: str, value: int, *, unit: str = COMMUNE, as_of: date = date(2025, 1, 1)) -> None:
        entry = Count(id=key, value=value, as_of=as_of, source="Sổ theo dõi", recorded_at=f"{next(self._serial):06}")
        self.counts[unit, key] = (*self.counts.get((unit, key), ()), entry)

    def good_counts(self, unit: str = COMMUNE) -> None:
        for key, value in GOOD_COUNTS.items():
            self.count(key, value, unit=unit)

    @property
    def world(self) -> World:
        listed: dict[CaseId, tuple[CaseId, ...]] = {}
        for case in self.cases.values():
            for member in (each for ids in case.links.values() for each in ids):
                listed[member] = (*listed.get(member, ()), case.id)
        return World(
            definitions=self.definitions,
            grants=self.grants,
            units={code: (unit(code),) for code in _UNITS},
            cases=self.cases.values(),
            counts=self.counts,
            listed_by=listed,
        )

    def command(
        self, grant: str, act: Act, *, reason: str | None = None, occurred_at: datetime | None = None
    ) -> Command:
        number = next(self._serial).to_bytes(10, "big")
        command_id = CommandId(uuid7(self.clock(), number))
        nonce = number.rjust(32, b"\0")
        return Command(id=command_id, grant=grant, act=act, nonce=nonce, reason=reason, occurred_at=occurred_at)

    def decide(self, command: Command) -> Decision:
        decision = decide(Draft(self.world), command, self.clock())
        if isinstance(decision, Accepted):
            self.cases |= decision.cases
        return decision

    def fire(
        self,
        grant: str,
        case: CaseId,
        trigger: str,
        given: Mapping[str, Json] | None = None,
        *,
        reason: str | None = None,
    ) -> Decision:
        return self.decide(self.command(grant, Fire(case=case, trigger=trigger, input=given or {}), reason=reason))

    def open(
        self,
        grant: str,
        workflow: str,
        data: Mapping[str, Json],
        *,
        unit: str = COMMUNE,
        parent: CaseId | None = None,
    ) -> Decision:
        act = Open(workflow=workflow, unit=unit, title="Điểm chợ Hòa Lợi", data=data, parent=parent)
        return self.decide(self.command(grant, act))

    def explain(self, grant: str, case: CaseId, trigger: str | None = None) -> tuple[Offer, ...] | NotFound | Invalid:
        return explain(self.world, grant, case, self.clock(), trigger=trigger)


def unit(code: str) -> Unit:
    level, name, path = _UNITS[code]
    return Unit(code=code, level=level, name=name, path=path, valid_from=date(2021, 1, 1), valid_to=date(2025, 7, 1))


def opened(decision: Decision) -> CaseId:
    """The case that an accepted opening made."""
    assert isinstance(decision, Accepted), decision
    return decision.events[0].case
