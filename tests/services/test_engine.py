"""The engine as it is put together: which definitions it knows after a restart."""

import shutil
from pathlib import Path

import pytest

from tests.factories import COMMUNE, START, Clock, carried_out, opened
from workflows.core.case import Accepted, Fire, Open
from workflows.core.documents import Role
from workflows.loader import find_definitions
from workflows.services.engine import Engine
from workflows.store import keys
from workflows.store.database import Database

OPENING = Open(workflow="hotspot", unit=COMMUNE, title="Tụ điểm chợ", data={"kind": "point", "found_by": "survey"})


@pytest.fixture
def without_version_1(tmp_path: Path) -> Path:
    """Definitions in which the hotspot workflow has gone on to version 2, in force from 1 April 2025."""
    root = tmp_path / "definitions"
    shutil.copytree(find_definitions(None), root)
    document = root / "workflows" / "hotspot.yaml"
    text = document.read_text(encoding="utf-8").replace("version: 1\n", "version: 2\n", 1)
    document.write_text(text.replace("{from: 2021-01-01}", "{from: 2025-04-01}", 1), encoding="utf-8")
    return root


def test_a_case_stays_on_its_version_when_the_file_is_gone(database_url: str, without_version_1: Path) -> None:
    clock = Clock(START)
    with Database(database_url) as database:
        holder = keys.Grant(role=Role.PROVINCIAL_POLICE, unit="84", person="an", name="an")
        grant = keys.create(database, holder, now=START).id
    engine = Engine.start(database_url, clock=clock)
    case = opened(carried_out(engine, engine.command(grant=grant, act=OPENING)))
    engine.stop()

    engine = Engine.start(database_url, clock=clock, definitions_dir=without_version_1)
    try:
        clock.advance(hours=1)
        moved = carried_out(engine, engine.command(grant=grant, act=Fire(case=case, trigger="annul"), reason="Mở nhầm"))
        in_march = carried_out(engine, engine.command(grant=grant, act=OPENING))
        clock.advance(days=30)
        in_april = carried_out(engine, engine.command(grant=grant, act=OPENING))
    finally:
        engine.stop()

    assert [each.version for each in engine.definitions.versions("hotspot")] == [1, 2]
    assert isinstance(moved, Accepted), moved
    assert moved.events[0].version == 1
    # In March version 1 is still in force, though its file is gone; in April version 2 has taken over.
    assert isinstance(in_march, Accepted), in_march
    assert in_march.events[0].version == 1
    assert isinstance(in_april, Accepted), in_april
    assert in_april.events[0].version == 2
