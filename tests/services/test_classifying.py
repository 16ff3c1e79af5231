"""A class for a past day is what it was on that day, whatever was recorded since; cases are told where they were."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Final

import pytest

from tests.factories import COMMUNE, Clock, document, running
from tests.sizes import size
from workflows.core.canonical import Json
from workflows.core.case import Accepted, Act, Actor, CaseId, Fire, Open
from workflows.core.civil import civil_date
from workflows.core.documents import Role
from workflows.loader import find_definitions
from workflows.services import unit_moves
from workflows.services.classifying import classified
from workflows.services.engine import Engine
from workflows.services.rendering import encoded
from workflows.services.table_json import classification_json
from workflows.store import keys, standing
from workflows.store.counts import Figure, record
from workflows.store.submissions import Submission
from workflows.unit_act_files import read_act

DAYS: Final = size(8, 200)
START: Final = datetime(2025, 3, 5, 2, 0, tzinfo=UTC)
WARD: Final = "29239"
"""Became a part of 29242 on 1 July 2025."""
HEIR: Final = "29242"
KEYS: Final = ("addicts_on_file", "addicts", "users", "population", "drug_offenders_12_months", "on_key_drug_route")
KINDS: Final = ("gathering_place", "retail_point", "point")


@dataclass(kw_only=True)
class Office:
    """An engine whose clock is moved, and who acts."""

    engine: Engine
    clock: Clock
    police: Actor
    administrator: Actor

    def act(self, act: Act, *, reason: str | None = None) -> Accepted | None:
        command = self.engine.command(grant=self.police.grant, act=act, reason=reason)
        decision = self.engine.submit(Submission(commands=(command,))).result(30)[0].decision
        return decision if isinstance(decision, Accepted) else None

    def open(self, unit: str = COMMUNE, kind: str = "gathering_place") -> CaseId:
        data: dict[str, Json] = {"kind": kind, "found_by": "survey"}
        done = self.act(Open(workflow="hotspot", unit=unit, title="Điểm", data=data))
        assert done is not None
        return done.events[0].case

    def count(self, key: str, value: int, *, as_of: date) -> None:
        figure = Figure(unit=COMMUNE, key=key, value=value, as_of=as_of, source="Sổ")
        record(self.engine.database, self.police, figure, now=self.clock())

    def told(self, as_of: date) -> Any:  # noqa: ANN401 - any JSON
        found = classified(self.engine, self.administrator, COMMUNE, key=None, as_of=as_of)
        return json.loads(encoded(classification_json(self.engine, found)))

    def places(self, unit: str, as_of: date) -> dict[str, str]:
        """Of hotspots: the state of each."""
        with self.engine.database.read() as connection:
            return {case.id: case.state for case in standing.unit_cases(connection, unit, {"hotspot"}, as_of)}


@pytest.fixture
def office(database_url: str) -> Iterator[Office]:
    clock = Clock(START)
    with running(database_url, clock) as engine:
        yield Office(
            engine=engine,
            clock=clock,
            police=holder(engine, Role.PROVINCIAL_POLICE, "VN"),
            administrator=holder(engine, Role.ADMINISTRATOR, "VN"),
        )


def holder(engine: Engine, role: Role, unit: str) -> Actor:
    grant = keys.Grant(role=role, unit=unit, person=role, name=role)
    made = keys.create(engine.database, grant, now=START)
    with engine.database.read() as connection:
        found = keys.find(connection, made.secret)
    assert found is not None
    return found


def live_a_while(office: Office, chance: Random, opened: list[CaseId]) -> None:
    """Something happens: a figure is entered or corrected, a place is found, suppressed, or annulled."""
    today = civil_date(office.clock())
    office.clock.advance(minutes=chance.randint(1, 200))
    match chance.randrange(5):
        case 0 | 1:
            value = chance.choice((0, 1, 20, 60, 100, 8_000))
            key = chance.choice(KEYS)
            earlier = today - timedelta(days=chance.randrange(4))
            office.count(key, value % 2 if key == "on_key_drug_route" else value, as_of=earlier)
        case 2:
            opened.append(office.open(kind=chance.choice(KINDS)))
        case 3 if opened:
            given: dict[str, Json] = {"suppressed_on": today.isoformat(), "decision": document()}
            office.act(Fire(case=chance.choice(opened), trigger="suppress", input=given))
        case 4 if opened:
            office.act(Fire(case=chance.choice(opened), trigger="annul"), reason="Nhập nhầm")


def test_a_past_day_stays_what_it_was(office: Office) -> None:
    chance, kept = Random(7), {}
    opened: list[CaseId] = []
    for number in range(DAYS):
        office.clock.now = START + timedelta(days=number)
        for _ in range(5):
            live_a_while(office, chance, opened)
        today = civil_date(office.clock())
        kept[today] = office.told(today)
    assert {day: office.told(day) for day in kept} == kept
    assert len({json.dumps(each["inputs"]) for each in kept.values()}) > DAYS // 2, "days differ"
    assert any(each["inputs"][3]["value"] for each in kept.values()), "there were places"


def test_a_case_is_told_where_it_was(office: Office) -> None:
    """A ward was merged into another one; its case moved with it, and is suppressed there."""
    office.clock.now = datetime(2025, 6, 20, 2, 0, tzinfo=UTC)
    case = office.open(WARD)
    office.clock.now = datetime(2025, 7, 2, 2, 0, tzinfo=UTC)
    for _ in unit_moves.apply(office.engine, office.administrator, read_act(find_definitions(None), "vinh-long-2025")):
        pass
    office.clock.now += timedelta(days=2)
    given: dict[str, Json] = {"suppressed_on": "2025-07-04", "decision": document(day="2025-07-03")}
    assert office.act(Fire(case=case, trigger="suppress", input=given)) is not None
    assert office.places(WARD, date(2025, 6, 19)) == {}
    for day, there, here in (
        (date(2025, 6, 20), {case: "identified"}, {}),
        (date(2025, 7, 1), {case: "identified"}, {}),
        (date(2025, 7, 3), {}, {case: "identified"}),
        (date(2025, 7, 4), {}, {case: "suppressed"}),
    ):
        assert (office.places(WARD, day), office.places(HEIR, day)) == (there, here), day
