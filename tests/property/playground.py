"""A small province with its people, figures and histories, and commands at random points of those histories.

Proposes commands that are likely to be accepted as well as ones that are not, and knows of each whether its values
are well formed. Judges nothing: what should come of a command is the tests' affair.
"""

import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final

from sqlalchemy import insert, select

from tests.factories import GOOD_COUNTS, Clock
from tests.strategies import Setting, given, spoilt, words
from workflows.core.canonical import Json
from workflows.core.case import Accepted, Actor, Case, CaseId, Command, Decision, Fire, Open
from workflows.core.civil import civil_date, format_instant
from workflows.core.definition import Step
from workflows.core.documents import FieldSpec, Level, Role
from workflows.core.fields import Context
from workflows.core.ids import uuid7
from workflows.services.engine import Engine
from workflows.store.keys import Grant, create
from workflows.store.tables import api_key, cases, count_entry, unit

PERSONS: Final = ("an", "binh", "chi", "dung", "lan")
SCOPES: Final = ({"hotspot.*", "certification.submit"}, {"opinion.*", "list_decision.decide", "certification.approve"})
PLAN_PROCESSES: Final = ("commune_transformation", "selection_decision", "plan_task", "periodic_report", "tip_off")
_ENDS: Final = {"decline": 0.3, "withdraw": 0.1, "conclude_not_transformed": 0.3, "reject": 0.4}
_WEIGHTS: Final = {"annul": 0.15, "cancel": 0.3, "amend": 0.4, "refuse": 0.5, "return": 0.5, **_ENDS}
"""Of triggers that lead away from the states that take long to reach."""
_STARTS: Final = (date(2025, 1, 6), date(2025, 3, 3), date(2025, 5, 12), date(2025, 8, 4), date(2025, 11, 3))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A unit as it was on the first day."""

    code: str
    path: str
    until: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A command, and whether its values can be used at all (its trigger, times and reason aside)."""

    command: Command
    well_formed: bool


@dataclass(slots=True, kw_only=True)
class Playground:
    engine: Engine
    clock: Clock
    chance: Random
    province: Place
    communes: Sequence[Place]
    actors: Mapping[str, Actor]
    told: Callable[[str, str, int, date], None] | None = None
    plans: bool = False
    """Whether the processes of plans are played, too."""
    cases: dict[CaseId, Case] = field(default_factory=dict)
    """As the accepted decisions left them."""
    secrets: dict[str, str] = field(default_factory=dict)
    """By grant: the key that carries it."""

    @classmethod
    def found(
        cls, engine: Engine, clock: Clock, chance: Random, told: Callable[[str, str, int, date], None] | None = None
    ) -> "Playground":
        """Three unused communes of a province on a day at random, actors and figures; `told` hears of every figure."""
        start = chance.choice(_STARTS)
        clock.now = max(clock.now, datetime(start.year, start.month, start.day, 2, tzinfo=clock.now.tzinfo))
        today = civil_date(clock.now)
        provinces = list(_places(engine, today, Level.PROVINCE, "VN"))
        province = chance.choice(provinces)
        with engine.database.read() as connection:
            used = set(connection.execute(select(count_entry.c.unit).union(select(cases.c.unit))).scalars())
        free = [each for each in _places(engine, today, Level.COMMUNE, province.path) if each.code not in used]
        communes = chance.sample(free, 3)
        made = cls(
            engine=engine, clock=clock, chance=chance, province=province, communes=communes, actors={}, told=told
        )
        other = next(each for each in provinces if each != province)
        made.actors = dict(made._hire(today, other))
        for commune in communes:
            made._enter_figures(commune)
        return made

    def learn(self, decision: Decision) -> None:
        if isinstance(decision, Accepted):
            self.cases |= decision.cases

    def pass_time(self) -> None:
        """Minutes mostly; now and then past a deadline, or past the window of a year."""
        span = self.chance.choices(["minutes", "days", "weeks", "year"], [80, 10, 8, 2])[0]
        if span == "minutes":
            self.clock.advance(seconds=self.chance.randrange(0, 7_200))
        elif span == "days":
            self.clock.advance(days=self.chance.randrange(1, 4))
        else:
            self.clock.advance(days=self.chance.randrange(8, 40) if span == "weeks" else 370)

    def enter_figure(self) -> None:
        """One more figure: mostly one that helps."""
        commune, key = self.chance.choice(self.communes), self.chance.choice(sorted(GOOD_COUNTS))
        self._record(commune, key, self._figure(key), civil_date(self.clock()) - timedelta(days=self._offset()))

    def propose(self) -> Proposal:
        """A command that may be good, bad, or not even well formed."""
        if not self.cases or self.chance.random() < self._share_of_openings():
            return self._opening()
        return self._firing(self.chance.choice(self._alive() or [*self.cases]))

    def steps(self, case: Case) -> Mapping[str, Step]:
        return self.engine.definitions.by_hash(case.definition).steps

    def _alive(self) -> list[CaseId]:
        """Cases, those that have ended only now and then."""
        ended = self.chance.random() < 0.15
        return [case.id for case in self.cases.values() if ended or not case.final]

    def _share_of_openings(self) -> float:
        if self._undecided():
            return 0.3
        alive = sum(not case.final for case in self.cases.values())
        return 0.5 if alive < 3 else 0.1 if alive < 9 else 0.02

    def _undecided(self) -> bool:
        """Whether a certification waits for approval, and no list is being drafted."""
        found = {(case.workflow, case.state) for case in self.cases.values()}
        return ("certification", "approval") in found and ("list_decision", "drafted") not in found

    def _hire(self, today: date, elsewhere: Place) -> Iterator[tuple[str, Actor]]:
        roles = [role for role in Role if role is not Role.SYSTEM]
        posts: list[tuple[Role, Place, dict[str, Any]]] = [(role, self.province, {}) for role in (*roles, *roles)]
        posts += [(Role.DEPARTMENT, self.province, {"agency": agency}) for agency in self._agencies() for _ in range(2)]
        posts += [(Role.SYSTEM, self.province, {"scope": scope}) for scope in SCOPES]
        posts += [(role, self.communes[0], {}) for role in (Role.COMMUNE_POLICE, Role.COMMUNE_OFFICER)]
        posts += [(Role.PROVINCIAL_POLICE, elsewhere, {}), (Role.PROVINCIAL_COMMITTEE, elsewhere, {})]
        limits = (
            {"valid_to": today},
            {"valid_from": today + timedelta(days=9)},
            {"valid_to": today + timedelta(days=9)},
        )
        posts += [(Role.PROVINCIAL_POLICE, self.province, limit) for limit in limits]
        for role, place, more in posts:
            person = self.chance.choice(PERSONS)
            grant = Grant(role=role, unit=place.code, person=person, name="x", **more)
            key = create(self.engine.database, grant, now=self.clock())
            self.secrets[key.id] = key.secret
            values = {"unit": place.code, "unit_path": place.path, **more}
            yield key.id, Actor(grant=key.id, person=person, role=role, **values)

    def _agencies(self) -> list[str]:
        return self.chance.sample(["department_of_health", "department_of_finance", "border_guard"], 2)

    def _enter_figures(self, commune: Place) -> None:
        if self.chance.random() < 0.2:
            return
        for key in GOOD_COUNTS:
            for back in (800, 20):
                if self.chance.random() < 0.98:
                    day = civil_date(self.clock()) - timedelta(days=back)
                    self._record(commune, key, GOOD_COUNTS[key] if back == 20 else self._figure(key), day)

    def _figure(self, key: str) -> int:
        return GOOD_COUNTS[key] + (self.chance.choice([-1, 1, 3]) if self.chance.random() < 0.1 else 0)

    def _offset(self) -> int:
        return self.chance.choice([0, 0, 1, 30, 400])

    def _record(self, commune: Place, key: str, value: int, day: date) -> None:
        row = {
            "id": uuid7(self.clock(), secrets.token_bytes(10)),
            "unit": commune.code,
            "key": key,
            "value": max(value, 0),
            "as_of": day.isoformat(),
            "source": "Sổ theo dõi",
            "person": "an",
            "grant_id": next(iter(self.actors), "none"),
            "recorded_at": format_instant(self.clock()),
        }
        self.clock.advance(milliseconds=1)
        with self.engine.database.write() as connection:
            connection.execute(insert(count_entry), row)
        if self.told:
            self.told(commune.code, key, max(value, 0), day)

    def _opening(self) -> Proposal:
        shares = [10, 10, 75, 4, 1] if self._undecided() else [50, 30, 15, 4, 1]
        workflow = self.chance.choices(["certification", "hotspot", "list_decision", "opinion", "nope"], shares)[0]
        if self.plans and self.chance.random() < 0.7:
            workflow = self.chance.choice(PLAN_PROCESSES)
        versions = self.engine.definitions.versions(workflow)
        if not versions:
            act = Open(workflow=workflow, unit=self.communes[0].code, title="x")
            return self._proposal(self.chance.choice([*self.actors]), act, well_formed=False)
        definition = self.engine.definitions.for_opening(workflow, civil_date(self.clock()))
        place = self.chance.choice(self.communes)
        if Level.COMMUNE not in definition.document.levels:
            place = self.province
        if self.chance.random() < 0.03:
            place = self.chance.choice([self.province, *self.communes])
        parent = self._parent(workflow)
        title = words(self.chance, 300)
        members = self._members(definition.opening.fields)
        well_formed = self.chance.random() > 0.06
        make = given if well_formed else spoilt
        data = make(self.chance, definition.opening.fields, self._setting(definition.context, members))
        well_formed = well_formed and ("members" in data or "members" not in definition.opening.fields)
        if self.chance.random() < 0.02:
            well_formed, title = False, self.chance.choice(["", "  ", "đ" * 301])
        act = Open(workflow=workflow, unit=place.code, title=title, data=data, parent=parent)
        return self._proposal(self._actor(definition.opening), act, well_formed=well_formed)

    def _parent(self, workflow: str) -> CaseId | None:
        if not self.cases or self.chance.random() > (0.5 if workflow == "opinion" else 0.02):
            return None
        return self.chance.choice([*self.cases])

    def _members(self, fields: Mapping[str, FieldSpec]) -> list[CaseId]:
        """Cases that the fields may link, those that can be decided most of all."""
        linked = {workflow for spec in fields.values() if spec.type == "cases" for workflow in spec.workflows}
        found = [case for case in self.cases.values() if case.workflow in linked]
        ready = [case.id for case in found if case.state in ("approval", "listed")]
        return ready if ready and self.chance.random() < 0.85 else [case.id for case in found]

    def _firing(self, case_id: CaseId) -> Proposal:
        case = self.cases[case_id]
        steps = self.steps(case)
        triggers = [name for name, step in steps.items() if case.state in step.targets]
        if not triggers or self.chance.random() < 0.12:
            triggers = [*steps]
        if self.chance.random() < 0.01:
            triggers = ["nope", "open", ""]
        weights = [_WEIGHTS.get(name, 1.0) for name in triggers]
        trigger = self.chance.choices(triggers, weights)[0]
        step = steps.get(trigger)
        if step is None:
            act = Fire(case=case_id, trigger=trigger)
            return self._proposal(self.chance.choice([*self.actors]), act, well_formed=False)
        context = self.engine.definitions.by_hash(case.definition).context
        well_formed = bool(self.chance.random() > 0.06)
        make = given if well_formed else spoilt
        values = make(self.chance, step.fields, self._setting(context, self._members(step.fields)))
        if not well_formed and trigger == "amend" and not values:
            values = {"nope": 1}
        version = self.chance.choices([None, case.version, case.version - 1], [70, 27, 3])[0]
        act = Fire(case=case_id, trigger=trigger, input=values, expected_version=version)
        return self._proposal(self._actor(step, case), act, well_formed=well_formed)

    def _setting(self, context: Context, members: Sequence[CaseId]) -> Setting:
        kind = self.chance.random() < 0.8
        liked = sorted({actor.agency for actor in self.actors.values() if actor.agency})
        return Setting(context=context, today=civil_date(self.clock()), cases=members, kind=kind, liked=liked)

    def _actor(self, step: Step, case: Case | None = None) -> str:
        """Somebody who may, mostly; of those who may, anybody."""
        if self.chance.random() < 0.15:
            return self.chance.choice([*self.actors])
        fitting = [grant for grant, actor in self.actors.items() if actor.role in step.roles]
        if case and self.chance.random() < 0.8:
            fitting = [each for each in fitting if self.actors[each].role == case.data.get("approver")] or fitting
        agency = case.data.get("agency") if case else None
        asked = [grant for grant in fitting if agency and self.actors[grant].agency == agency]
        return self.chance.choice(asked or fitting or [*self.actors])

    def _proposal(self, grant: str, act: Open | Fire, *, well_formed: bool) -> Proposal:
        reason = self.chance.choices([words(self.chance, 2_000), None, "  "], [85, 13, 2])[0]
        command = self.engine.command(grant=grant, act=act, reason=reason, occurred_at=self._claimed(act))
        return Proposal(command=command, well_formed=well_formed)

    def _claimed(self, act: Open | Fire) -> datetime | None:
        if self.chance.random() < 0.75:
            return None
        now = self.clock()
        case = self.cases.get(act.case) if isinstance(act, Fire) else None
        first = case.occurred_at if case else now - timedelta(days=self.chance.choice([0, 3, 40]))
        return self.chance.choice(
            [now, first, first + (now - first) / 2, now + timedelta(microseconds=1), first - timedelta(microseconds=1)]
        )


def _places(engine: Engine, today: date, level: Level, above: str) -> Iterator[Place]:
    day = today.isoformat()
    query = select(unit).where(
        unit.c.level == level.value,
        unit.c.path.startswith(above + "/"),
        unit.c.valid_from <= day,
        unit.c.valid_to.is_(None) | (unit.c.valid_to > day),
    )
    with engine.database.read() as connection:
        rows = connection.execute(query.order_by(unit.c.code)).all()
    return (Place(code=row.code, path=row.path, until=row.valid_to) for row in rows)


def revoke(engine: Engine, grant: str, at: datetime) -> None:
    statement = api_key.update().where(api_key.c.id == grant).values(revoked_at=format_instant(at))
    with engine.database.write() as connection:
        connection.execute(statement)


def values_of(command: Command) -> Mapping[str, Json]:
    act = command.act
    if isinstance(act, Open):
        return act.data
    return act.input if isinstance(act, Fire) else {}
