"""The demonstration plays its year on both databases, through the engine, and tells what happens and why."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from sqlite3 import connect

import pytest
from sqlalchemy import Connection, select

from workflows.core.case import Actor, Event, Fire
from workflows.core.civil import civil_date, parse_instant
from workflows.core.documents import Role
from workflows.services.clock import continuing
from workflows.services.demo import DemoResult, run
from workflows.services.demo_cast import (
    CHAU_DIEN,
    HOA_LOI,
    HUYEN_HOI,
    LONG_DUC,
    ROUND,
    VINH_KIM,
    WARD_1,
    figures_later,
)
from workflows.services.demo_clock import demo_instant
from workflows.services.demo_stage import DemoClock, DemoError, Stage, opening_hour
from workflows.services.engine import Engine
from workflows.store import fsck, keys, rows
from workflows.store.database import Database
from workflows.store.tables import attempt, cases, count_entry, event, event_text
from workflows.store.unit_rows import read_units


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    url: str
    lines: tuple[str, ...]
    result: DemoResult


@pytest.fixture
def played(database_url: str) -> Played:
    lines: list[str] = []
    result = run(database_url, lines.append)
    return Played(url=database_url, lines=tuple(lines), result=result)
