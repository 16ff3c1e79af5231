"""What the tests of import and export share: keys, communes of today, and reading a database's openings."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from sqlalchemy import select

from tests.faults import stage
from workflows.core.documents import Role
from workflows.services.clock import utc_now
from workflows.store import keys
from workflows.store.database import Database
from workflows.store.tables import cases

HEADS: Final = ("unit", "title", "kind", "found_by", "preceded_by_complaint", "plan", "occurred_at", "reason")
OPENED: Final = ("unit", "title", "plan", "data", "opened_at", "state", "workflow")


def secret(url: str, role: Role = Role.PROVINCIAL_POLICE, unit: str = "VN", person: str = "lan") -> str:
    with Database(url) as database:
        grant = keys.Grant(role=role, unit=unit, person=person, name=person)
        return keys.create(database, grant, now=utc_now()).secret


def communes(url: str, count: int) -> list[str]:
    """Of today."""
    return stage.communes(url, count, day=utc_now().date().isoformat())


def write_csv(path: Path, rows: Sequence[Sequence[object]], delimiter: str = ",") -> str:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return str(path)


def hotspots(units: Sequence[str], count: int) -> list[Sequence[object]]:
    return [HEADS, *((units[n % len(units)], f"Tụ điểm {n}", "Điểm", "survey", "", "", "", "") for n in range(count))]


def openings(url: str) -> list[Mapping[str, object]]:
    """What cases were opened with, in an order of its own."""
    with Database(url) as database, database.read() as connection:
        found = [dict(row) for row in connection.execute(select(*(cases.c[name] for name in OPENED))).mappings()]
    return sorted(found, key=lambda row: (str(row["unit"]), str(row["title"])))
