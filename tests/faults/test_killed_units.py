"""A run of `workflows units apply` that is killed on its way: what has moved stays moved, and a further run goes on."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import func, select

from tests.invariants import require_intact
from tests.services.test_unit_moves import PROVINCES, REFORM, ROOT, Office, office
from tests.sizes import only_full
from workflows.core.case import CaseId
from workflows.core.documents import Role
from workflows.services.unit_moves import outlook
from workflows.store import keys
from workflows.store.tables import event
from workflows.unit_act_files import read_act

CASES: Final = 1_000
PROGRAM: Final = Path(sys.executable).with_name("workflows")
_POLL_SECONDS: Final = 0.002
_PATIENCE_SECONDS: Final = 60.0


def moved(made: Office) -> int:
    with made.engine.database.read() as connection:
        return connection.execute(select(func.count()).where(event.c.kind == "unit_moved")).scalar_one()


def start(url: str, act: str, secret: str) -> "subprocess.Popen[bytes]":
    command: list[str | Path] = [PROGRAM, "units", "apply", act, "--apply", "--database", url]
    return subprocess.Popen(
        command, env={**os.environ, "WORKFLOWS_KEY": secret}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def kill_on_its_way(made: Office, url: str, act: str, secret: str) -> int:
    """Kills the run as soon as something has moved; returns how much has."""
    before, deadline = moved(made), time.monotonic() + _PATIENCE_SECONDS
    with start(url, act, secret) as process:
        while moved(made) == before and process.poll() is None and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        process.kill()
    return moved(made) - before


@only_full
@pytest.mark.timeout(1200)
def test_a_killed_run_goes_on(sqlite_url: str) -> None:
    with office(sqlite_url) as made:
        administrator = keys.Grant(role=Role.ADMINISTRATOR, unit="VN", person="quan-tri", name="quan-tri")
        secret = keys.create(made.engine.database, administrator, now=made.clock()).secret
        opened: list[CaseId] = []
        for province in PROVINCES:
            places = [place.code for place in made.places("commune", province)]
            opened += made.open([places[n % len(places)] for n in range(CASES)])
        interrupted = 0
        for key in REFORM:
            wanted = len(outlook(made.engine, read_act(ROOT, key)).moves)
            before = moved(made)
            done = kill_on_its_way(made, sqlite_url, key, secret)
            interrupted += 0 < done < wanted
            with start(sqlite_url, key, secret) as process:
                assert process.wait(_PATIENCE_SECONDS) == 0
            assert moved(made) - before == wanted
        assert interrupted, "no run was killed on its way"
        require_intact(made.engine)
        assert made.cases().keys() == set(opened)
