"""Databases to measure on: one start state per kind, and any number of fresh copies of it.

The start state holds definitions, units, keys and counts, and no case. SQLite copies are files in one directory;
PostgreSQL copies are databases of one private server with its durable defaults.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, TypeAlias

import psycopg
from psycopg import sql
from sqlalchemy import insert

from benchmarks.workload import FIGURES, ROLES, TAKEN_IN, Lane
from tests.postgres import Cluster, private_cluster
from workflows.core.civil import format_instant, start_of_day
from workflows.core.documents import Role
from workflows.core.ids import uuid7
from workflows.store import keys
from workflows.store.database import Database
from workflows.store.schema import create
from workflows.store.tables import count_entry

Kind: TypeAlias = Literal["sqlite", "postgresql"]

_TEMPLATE: Final = "bench_start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """An API key that one office works with."""

    id: str
    secret: str


Keys: TypeAlias = Mapping[tuple[str, Role], Key]
"""By province and role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """The state in which every run begins."""

    kind: Kind
    keys: Keys
    directory: Path
    cluster: Cluster | None

    @contextmanager
    def fresh(self) -> Iterator[str]:
        """Address of a new copy, removed afterwards."""
        if self.cluster is None:
            with _sqlite_copy(self.directory) as url:
                yield url
        else:
            with _postgresql_copy(self.cluster) as url:
                yield url


@contextmanager
def started(kind: Kind, lanes: Sequence[Lane], directory: Path) -> Iterator[Start]:
    """Prepares the start state for the lanes below `directory`, and the server if there is to be one."""
    if kind == "sqlite":
        keyring = _fill(f"sqlite:///{directory / 'start.sqlite3'}", lanes)
        yield Start(kind=kind, keys=keyring, directory=directory, cluster=None)
        return
    cluster = private_cluster()
    cluster.start()
    try:
        _execute(cluster, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_TEMPLATE)))
        keyring = _fill(cluster.url(_TEMPLATE), lanes)
        _execute(cluster, sql.SQL("VACUUM ANALYZE"), database=_TEMPLATE)
        yield Start(kind=kind, keys=keyring, directory=directory, cluster=cluster)
    finally:
        cluster.stop()
        shutil.rmtree(cluster.directory, ignore_errors=True)


def _fill(url: str, lanes: Sequence[Lane]) -> Keys:
    create(url)
    now = datetime.now(UTC)
    with Database(url) as database:
        provinces = sorted({lane.province for lane in lanes})
        keyring = {(province, role): _key(database, province, role, now) for province in provinces for role in ROLES}
        with database.write() as connection:
            connection.execute(insert(count_entry), [row for lane in lanes for row in _figures(lane)])
    return keyring


def _key(database: Database, province: str, role: Role, now: datetime) -> Key:
    grant = keys.Grant(role=role, unit=province, person=f"{role.value}-{province}", name=f"{role.value} {province}")
    made = keys.create(database, grant, now=now)
    return Key(id=made.id, secret=made.secret)


def _figures(lane: Lane) -> Iterator[dict[str, object]]:
    recorded = start_of_day(TAKEN_IN)
    for key, value in FIGURES.items():
        yield {
            "id": uuid7(recorded, os.urandom(10)),
            "unit": lane.unit,
            "key": key,
            "value": value,
            "as_of": TAKEN_IN.isoformat(),
            "source": "Sổ theo dõi của Công an cấp xã",
            "person": "bench",
            "grant_id": uuid7(recorded, bytes(10)),
            "recorded_at": format_instant(recorded),
        }


@contextmanager
def _sqlite_copy(directory: Path) -> Iterator[str]:
    place = directory / "run"
    place.mkdir()
    try:
        shutil.copyfile(directory / "start.sqlite3", place / "run.sqlite3")
        # What the copy left unwritten must not be paid for by the first commits.
        os.sync()
        yield f"sqlite:///{place / 'run.sqlite3'}"
    finally:
        shutil.rmtree(place)


@contextmanager
def _postgresql_copy(cluster: Cluster) -> Iterator[str]:
    copy = sql.Identifier("bench_run")
    _execute(cluster, sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(copy, sql.Identifier(_TEMPLATE)))
    try:
        _execute(cluster, sql.SQL("CHECKPOINT"))
        yield cluster.url("bench_run")
    finally:
        _execute(cluster, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(copy))


def _execute(cluster: Cluster, statement: sql.SQL | sql.Composed, *, database: str = "postgres") -> None:
    with psycopg.connect(host=str(cluster.directory), user="postgres", dbname=database, autocommit=True) as connection:
        connection.execute(statement)
