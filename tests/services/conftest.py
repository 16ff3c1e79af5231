"""An office for the tests of what the workflows of plans do."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.factories import Clock, running
from tests.invariants import require_intact
from tests.services.office import AFTER, BEFORE, Office, communes


@pytest.fixture(scope="module")
def province(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One database for all tests of a file: each works in communes of its own."""
    database = tmp_path_factory.mktemp("processes") / "workflows.sqlite"
    shutil.copyfile(sqlite_template, database)
    clock = Clock()
    with running(f"sqlite:///{database}", clock) as engine:
        yield Office(engine, clock, iter(communes(engine, *BEFORE)), iter(communes(engine, *AFTER)))
        require_intact(engine)


@pytest.fixture
def office(province: Office) -> Office:
    province.moves_on()
    return province
