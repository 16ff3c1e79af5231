"""Every kind of page that is measured: which key asks for which list, with which filters, from where.

Each time that a page is asked for, what varies (commune, case, position in the list) is drawn anew, so that no page
is measured twice. Knows nothing of time.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Final, TypeAlias

from sqlalchemy import func, select

from benchmarks.list_worlds import BEGIN, END, HOT, INSPECTOR, PROVINCE, STREETS, TODAY, Commune, communes
from workflows.core.case import Actor
from workflows.core.civil import format_instant, start_of_day
from workflows.core.documents import Level, Role
from workflows.core.ids import uuid7
from workflows.services import reading
from workflows.services.engine import Engine
from workflows.services.reading import Slice
from workflows.store.lists import EventFilter, Outcome
from workflows.store.paging import cursor_at
from workflows.store.queries import CaseFilter, UnitFilter
from workflows.store.tables import cases

LIMIT: Final = 50
DISTRICT: Final = "844"
_LATER: Final = TODAY
_BEFORE_ALL: Final = date(2020, 1, 1)
_OUTCOMES: Final[Sequence[Outcome]] = ("accepted", "refused", "all")
# A code may mean several units one after the other, and then a cursor holds a place for each.
_OF_A_UNIT: Final = frozenset({"unit, province", "unit, commune", "everything"})
_COMMON, _RARE = "hotspot", "list_decision"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A database to ask, and what is in it."""

    engine: Engine
    communes: Sequence[Commune]
    counted: Sequence[str]
    """Codes of communes with figures."""
    cases: Sequence[str]
    """Ids of some."""
    parents: Sequence[str]
    """Ids of some that have children."""
    chance: Random

    def commune(self) -> Commune:
        """One that is not crowded."""
        return self.chance.choice(self.communes)


Ask: TypeAlias = Callable[[World], int]
"""Asks for a page, and tells how many items it had."""


def world(engine: Engine, *, everywhere: bool) -> World:
    """What is known of a database, a few rows of it read."""
    engine.clock = lambda: datetime(_LATER.year, _LATER.month, _LATER.day, 3, tzinfo=UTC)
    known = communes(engine.database.url.render_as_string(hide_password=False), everywhere=everywhere)
    chance = Random(1)
    with engine.database.read() as connection:
        ids = [_case_near(chance) for _ in range(200)]
        found = [connection.execute(select(func.max(cases.c.id)).where(cases.c.id < near)).scalar_one() for near in ids]
        statement = select(cases.c.parent).where(cases.c.parent.is_not(None), cases.c.id < ids[0]).limit(200)
        parents = list(connection.execute(statement).scalars())
    quiet = [each for each in known if each.code != HOT]
    counted = [each.code for each in quiet if each.province == PROVINCE]
    return World(
        engine=engine,
        communes=quiet,
        counted=counted,
        cases=[each for each in found if each],
        parents=parents,
        chance=chance,
    )


def _month(world: World) -> EventFilter:
    first = _instant(world.chance).date().replace(day=1)
    return EventFilter(first_day=first, end_day=(first + timedelta(days=32)).replace(day=1))


def _instant(chance: Random) -> datetime:
    """Somewhere in the six years, not at their very ends."""
    return BEGIN + (END - BEGIN) * chance.uniform(0.1, 0.95)


KEYS: Final[dict[str, Callable[[World], Actor]]] = {
    "country": lambda _: _actor("VN"),
    "province": lambda _: _actor(f"VN/{PROVINCE}"),
    "district": lambda _: _actor(f"VN/{PROVINCE}/{DISTRICT}"),
    "commune": lambda world: _actor(world.commune().path),
    "crowded commune": lambda _: _actor(f"VN/{PROVINCE}/842/{HOT}"),
}
_CASE_FILTERS: Final[dict[str, Callable[[World], CaseFilter]]] = {
    "none": lambda _: CaseFilter(),
    "workflow, common": lambda _: CaseFilter(workflow=_COMMON),
    "workflow, rare": lambda _: CaseFilter(workflow=_RARE),
    "state": lambda _: CaseFilter(state="certified"),
    "state without cases": lambda _: CaseFilter(state="annulled"),
    "workflow and state": lambda _: CaseFilter(workflow=_COMMON, state="relapsed"),
    "workflow, state never reached": lambda _: CaseFilter(workflow=_COMMON, state="dismissed"),
    "plan": lambda world: CaseFilter(plan=f"{world.commune().province}-2024"),
    "unknown plan": lambda _: CaseFilter(plan="no-plan"),
    "overdue": lambda _: CaseFilter(overdue=True),
    "not overdue": lambda _: CaseFilter(overdue=False),
    "state and overdue": lambda _: CaseFilter(state="identified", overdue=True),
    "children": lambda world: CaseFilter(parent=world.chance.choice(world.parents)),
    "unit, province": lambda world: CaseFilter(unit=world.commune().province),
    "unit, commune": lambda world: CaseFilter(unit=world.commune().code),
    "words in every title": lambda _: CaseFilter(q="ma túy"),
    "words, street": lambda world: CaseFilter(q=f"đường {world.chance.choice(STREETS)}"),
    "words, commune and number": lambda world: CaseFilter(q=f"{world.commune().name} số {world.chance.randrange(400)}"),
    "word in no title": lambda _: CaseFilter(q="phòng khám"),
    "everything": lambda world: CaseFilter(
        workflow=_COMMON, state="monitored", unit=world.commune().province, overdue=False, q="nguyen trai"
    ),
}
_EVENT_FILTERS: Final[dict[str, Callable[[World], EventFilter]]] = {
    "none": lambda _: EventFilter(),
    "officer": lambda world: EventFilter(person=f"xa-{world.commune().code}"),
    "inspector": lambda _: EventFilter(person=INSPECTOR),
    "unknown person": lambda _: EventFilter(person="nobody"),
    "trigger, common": lambda _: EventFilter(trigger="open"),
    "trigger, rare": lambda _: EventFilter(trigger="decide"),
    "trigger never fired": lambda _: EventFilter(trigger="annul"),
    "workflow, common": lambda _: EventFilter(workflow=_COMMON),
    "workflow, rare": lambda _: EventFilter(workflow=_RARE),
    "unit, province": lambda world: EventFilter(unit=world.commune().province),
    "unit, commune": lambda world: EventFilter(unit=world.commune().code),
    "a month": _month,
    "a month long ago": lambda _: EventFilter(first_day=date(2015, 3, 1), end_day=date(2015, 4, 1)),
    "inspector, trigger, workflow": lambda _: EventFilter(person=INSPECTOR, trigger="suppress", workflow=_COMMON),
    "opened, rare workflow": lambda _: EventFilter(trigger="open", workflow=_RARE),
    "officer in a month": lambda world: replace(_month(world), person=f"xa-{world.commune().code}"),
}


def kinds() -> dict[str, Ask]:
    """By name: every kind of page."""
    return {**_case_pages(), **_event_pages(), **_histories(), **_unit_pages()}


def _case_pages() -> dict[str, Ask]:
    found: dict[str, Ask] = {}
    for key, actor in KEYS.items():
        for name, wanted in _CASE_FILTERS.items():
            found[f"cases | {key} | {name}"] = _cases(actor, wanted, deep=False)
            if name not in _OF_A_UNIT:
                found[f"cases | {key} | {name} | deep"] = _cases(actor, wanted, deep=True)
        found[f"cases | {key} | overdue, nobody is"] = _nobody_overdue(actor)
    return found


def _event_pages() -> dict[str, Ask]:
    found: dict[str, Ask] = {}
    for key, actor in KEYS.items():
        for name, wanted in _EVENT_FILTERS.items():
            for outcome in _OUTCOMES if name in {"none", "inspector", "a month"} else _OUTCOMES[:1]:
                for deep in (False,) if name in _OF_A_UNIT else (False, True):
                    label = f"events | {key} | {name}{', ' + outcome if outcome != 'accepted' else ''}"
                    found[label + " | deep" * deep] = _events(actor, wanted, outcome, deep=deep)
    return found


def _histories() -> dict[str, Ask]:
    return {f"history | {outcome}": _history(outcome) for outcome in _OUTCOMES}


def _unit_pages() -> dict[str, Ask]:
    wanted: dict[str, Callable[[World], UnitFilter]] = {
        "provinces": lambda _: UnitFilter(level=Level.PROVINCE, on=TODAY),
        "communes of a province": lambda _: UnitFilter(level=Level.COMMUNE, parent=PROVINCE, on=date(2025, 1, 1)),
        "by name": lambda _: UnitFilter(q="hoa loi", on=TODAY),
    }
    return {f"units | {name}": _units(each) for name, each in wanted.items()} | {"units | figures": _figures}


def _cases(actor: Callable[[World], Actor], wanted: Callable[[World], CaseFilter], *, deep: bool) -> Ask:
    def ask(world: World) -> int:
        cursor = cursor_at((_case_near(world.chance),)) if deep else None
        part = Slice(cursor=cursor, limit=LIMIT)
        return len(reading.cases(world.engine, actor(world), wanted(world), part).items)

    return ask


def _nobody_overdue(actor: Callable[[World], Actor]) -> Ask:
    def ask(world: World) -> int:
        now, world.engine.clock = world.engine.clock, lambda: start_of_day(_BEFORE_ALL)
        try:
            part = Slice(cursor=None, limit=LIMIT)
            return len(reading.cases(world.engine, actor(world), CaseFilter(overdue=True), part).items)
        finally:
            world.engine.clock = now

    return ask


def _events(
    actor: Callable[[World], Actor], wanted: Callable[[World], EventFilter], outcome: Outcome, *, deep: bool
) -> Ask:
    def ask(world: World) -> int:
        place = cursor_at((format_instant(_instant(world.chance)), ""))
        cursor = ".".join([place] * (2 if outcome == "all" else 1)) if deep else None
        found = replace(wanted(world), outcome=outcome)
        return len(reading.events(world.engine, actor(world), found, Slice(cursor=cursor, limit=LIMIT)).items)

    return ask


def _history(outcome: Outcome) -> Ask:
    def ask(world: World) -> int:
        case = world.chance.choice(world.cases)
        part = Slice(cursor=None, limit=LIMIT)
        return len(reading.history(world.engine, _actor("VN"), case, outcome, part).items)

    return ask


def _units(wanted: Callable[[World], UnitFilter]) -> Ask:
    def ask(world: World) -> int:
        return len(reading.units(world.engine, wanted(world), Slice(cursor=None, limit=LIMIT)).items)

    return ask


def _figures(world: World) -> int:
    code = world.chance.choice(world.counted)
    return len(reading.figures(world.engine, _actor("VN"), code, date(2025, 1, 1)))


def _actor(path: str) -> Actor:
    return Actor(grant="g", person="p", role=Role.AUDITOR, unit=path.rpartition("/")[2], unit_path=path)


def _case_near(chance: Random) -> str:
    return uuid7(_instant(chance), bytes(10))
