"""Refused attempts as they are written: each once, none lost, none in another's way, without free text."""

import json
from dataclasses import replace
from datetime import date

from sqlalchemy import select

from tests.factories import COMMUNE, Clock, Desk, carried_out, opened, running, shipped
from workflows.core.canonical import Json
from workflows.core.case import Accepted, Blocker, CaseId, Command, Decision, Open, Refused
from workflows.core.decide import decide
from workflows.core.definition import Definitions, compile_definition
from workflows.core.documents import Role, TextField, Words
from workflows.core.world import Draft, World
from workflows.store.database import Database
from workflows.store.keys import Grant, create
from workflows.store.submissions import Reply
from workflows.store.tables import attempt
from workflows.store.writing import Writing, write

KIND: dict[str, Json] = {"kind": "point", "found_by": "survey"}
REPLY = Reply(status=200, body=b"", headers={})


def written(url: str, world: World, command: Command, decision: Decision, draft: Draft) -> list[dict[str, Json]]:
    """The entries of the attempts after the decision was written."""
    writing = Writing(now=Clock().now)
    writing.add((command,), (decision,), (REPLY,), None, draft)
    with Database(url) as database, database.write() as connection:
        write(connection, world, writing)
        return [json.loads(entry) for entry in connection.execute(select(attempt.c.entry)).scalars()]


def skipped(case: CaseId, trigger: str, version: int) -> Refused:
    blocker = Blocker(code="state", message=Words(vi="Sai", en="Wrong"))
    return Refused(case=case, version=version, trigger=trigger, blockers=(blocker,))


def test_effects_skipped_on_one_case_are_each_written(database_url: str) -> None:
    desk = Desk()
    command = desk.command(
        desk.actor(Role.COMMUNE_POLICE), Open(workflow="hotspot", unit=COMMUNE, title="x", data=KIND)
    )
    world = desk.world
    draft = Draft(world)
    decision = decide(draft, command, desk.clock())
    assert isinstance(decision, Accepted)
    case = opened(decision)
    decision = replace(decision, skipped=(skipped(case, "a", 1), skipped(case, "b", 1), skipped(case, "a", 2)))
    entries = written(database_url, world, command, decision, draft)
    assert sorted((str(each["trigger"]), str(each["case_version"])) for each in entries) == [
        ("a", "1"),
        ("a", "2"),
        ("b", "1"),
    ]


def test_openings_refused_elsewhere_are_other_attempts(database_url: str) -> None:
    clock = Clock()
    with running(database_url, clock) as engine:
        grant = Grant(role=Role.AUDITOR, unit="VN", person="an", name="x")
        key = create(engine.database, grant, now=clock()).id
        for unit in ("29401", "29404", "29401"):
            act = Open(workflow="hotspot", unit=unit, title="Điểm A", data=KIND)
            assert isinstance(carried_out(engine, engine.command(grant=key, act=act)), Refused)
        with engine.database.read() as connection:
            paths = connection.execute(select(attempt.c.unit_path)).scalars().all()
    assert sorted(path.rpartition("/")[2] for path in paths) == ["29401", "29404"]


def test_values_of_a_refused_opening_are_those_of_the_version_it_would_run_on(database_url: str) -> None:
    """Version 2 asks for one field less, and for another one as a choice that was free text."""
    whole = shipped()
    (second,) = whole.workflows["hotspot"]
    text = TextField(type="text", title=Words(vi="Cách phát hiện", en="Found by"), basis="design")
    first = second.model_copy(update={"fields": {**second.fields, "found_by": text}})
    second = second.model_copy(
        update={
            "version": 2,
            "open": second.open.model_copy(update={"asks": ("found_by",), "effects": ()}),
            "valid": second.valid.model_copy(update={"from_": date(2025, 4, 1)}),
        }
    )
    desk = Desk(definitions=Definitions(compile_definition(each, whole) for each in (first, second)))
    data: dict[str, Json] = {"kind": "point", "found_by": "survey"}
    command = desk.command(desk.actor(Role.AUDITOR), Open(workflow="hotspot", unit=COMMUNE, title="x", data=data))
    world = desk.world
    draft = Draft(world)
    decision = decide(draft, command, desk.clock())
    assert isinstance(decision, Refused), decision
    (entry,) = written(database_url, world, command, decision, draft)
    assert entry["input"] == {"kind": "point"}
