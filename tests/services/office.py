"""People of one province at work on the workflows of plans, with a real database."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Final

from sqlalchemy import select

from tests.factories import START, Clock, carried_out
from workflows.core.canonical import Json
from workflows.core.case import Accepted, Case, CaseId, Decision, Fire, Open, Refused
from workflows.core.deadlines import last_in_time
from workflows.core.documents import Role
from workflows.services.engine import Engine
from workflows.store.keys import Grant, create
from workflows.store.loading import fetch
from workflows.store.rows import case_of
from workflows.store.tables import cases, unit

POLICE: Final = Role.PROVINCIAL_POLICE
COMMITTEE: Final = Role.PROVINCIAL_COMMITTEE
STEERING: Final = Role.STEERING_COMMITTEE
BEFORE: Final = ("VN/8", START.date())
AFTER: Final = ("VN/8", date(2025, 7, 1))


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


def communes(engine: Engine, above: str, day: date) -> list[str]:
    """Codes of the communes below a unit on a day."""
    there = unit.c.valid_from <= day.isoformat(), unit.c.valid_to.is_(None) | (unit.c.valid_to > day.isoformat())
    query = select(unit.c.code).where(unit.c.level == "commune", unit.c.path.startswith(above), *there)
    with engine.database.read() as connection:
        return [*connection.execute(query.order_by(unit.c.code)).scalars()]


def codes(decision: Decision) -> list[str]:
    assert isinstance(decision, Refused), decision
    return [blocker.code for blocker in decision.blockers]
