"""Databases as a province and as the whole country would fill them, made for the lists to be measured on.

Both have about as many cases per commune and the same six years; the large one has a hundred times as many communes.
One commune in both is crowded. Rows are written in the order in which the engine would
have written them, past the engine, which would take an hour; `list_templates` makes them.
"""

import heapq
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from hashlib import sha256
from random import Random
from typing import Any, Final, Protocol

import psycopg
from psycopg import sql
from sqlalchemy import make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection

from benchmarks.list_templates import CASE_COLUMNS, EVENT_COLUMNS, Row, Template, Variant
from benchmarks.workload import FIGURES
from workflows.core.civil import format_instant
from workflows.core.ids import uuid7
from workflows.store.database import Database, driver, parse_url, sqlite_path
from workflows.store.schema import create
from workflows.store.tables import unit

BEGIN: Final = datetime(2021, 1, 4, tzinfo=UTC)
END: Final = datetime(2026, 10, 30, tzinfo=UTC)
TODAY: Final = date(2026, 11, 20)
PROVINCE: Final = "84"
HOT: Final = "29242"
"""A crowded commune: two of a hundred cases, and at least `_CROWD`."""
INSPECTOR: Final = "thanh-tra"
"""Somebody who acts everywhere."""
STREETS: Final = tuple(f"{first} {last}" for first in ("Nguyễn", "Trần", "Lê", "Phạm", "Điện") for last in (
    "Trãi", "Huệ", "Đáng", "Lợi", "Thị Minh Khai", "Hưng Đạo", "Bình Khiêm", "Biên Phủ", "Đình Phùng", "Văn Trỗi",
))  # fmt: skip
_BATCH: Final = 20_000
_CROWD: Final = 2_000
_UNSETTLED: Final = 0.03
_QUARTERS: Final = 12
_COUNTED: Final = 1_000
"""Communes with counts, besides those of the one province."""
_TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "cases": CASE_COLUMNS,
    "event": EVENT_COLUMNS,
    "event_text": ("event_id", "salt", "payload"),
    "case_word": ("word", "case_id", "unit_path", "workflow"),
    "attempt": ("id", "same", "case_id", "workflow", "trigger", "unit_path", "person", "entry", "recorded_at"),
    "count_entry": ("id", "unit", "key", "value", "as_of", "source", "person", "grant_id", "recorded_at"),
}


_NEWEST: Final = """
INSERT INTO count_newest (key, unit, as_of, recorded_at, value, id)
SELECT key, unit, as_of, recorded_at, value, id FROM count_entry WHERE NOT EXISTS (
    SELECT 1 FROM count_entry AS newer WHERE newer.key = count_entry.key AND newer.unit = count_entry.unit
    AND (newer.as_of, newer.recorded_at) > (count_entry.as_of, count_entry.recorded_at)
)
"""
"""What the trigger would have done; PostgreSQL's fires while rows are copied in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Commune:
    code: str
    name: str
    path: str

    @property
    def province(self) -> str:
        return self.path.split("/")[1]


class Sink(Protocol):
    """Takes rows in bulk."""

    def __call__(self, table: str, rows: Sequence[Row]) -> None: ...


def communes(url: str, *, everywhere: bool) -> list[Commune]:
    """Those before the reform of 2025, which lie in districts: of one province, or all."""
    statement = select(unit.c.code, unit.c.name, unit.c.path).where(
        unit.c.path.like("VN/%/%/%"), unit.c.valid_from == "2021-01-01", unit.c.valid_to == "2025-07-01"
    )
    with Database(url) as database, database.read() as connection:
        found = [Commune(code=row.code, name=row.name, path=row.path) for row in connection.execute(statement)]
    return sorted(
        (each for each in {each.path: each for each in found}.values() if everywhere or each.province == PROVINCE),
        key=lambda each: each.path,
    )


def fill(url: str, templates: Sequence[Template], *, cases: int, everywhere: bool) -> None:
    """A new database with so many cases and about five events for each."""
    create(url)
    known = communes(url, everywhere=everywhere)
    write_rows(url, Making(templates=templates, communes=known, cases=cases, chance=Random(cases)).into)


def write_rows(url: str, make: Callable[[Sink], None]) -> None:
    """Into a database that `create` made; PostgreSQL's references are gone afterwards."""
    write = _fill_sqlite if parse_url(url).get_backend_name() == "sqlite" else _fill_postgresql
    write(url, make)


@dataclass(kw_only=True)
class Making:
    """Cases with their histories, and figures, in the order of time."""

    templates: Sequence[Template]
    communes: Sequence[Commune]
    cases: int
    chance: Random
    figures: Callable[[], Iterator[Row]] | None = None
    """Rows of entered figures; by default some of the communes that there were before the reform of 2025."""
    waiting: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in _TABLES})
    parents: dict[str, str] = field(default_factory=dict)
    """By commune: its newest certification."""

    @cached_property
    def hot(self) -> Commune:
        return next(each for each in self.communes if each.code == HOT)

    def into(self, sink: Sink) -> None:
        later: list[tuple[str, Row]] = []
        step = (END - BEGIN) / self.cases
        settled, open_ones = self._pools()
        for number in range(self.cases):
            opened = BEGIN + step * number
            pool = open_ones if self.chance.random() < _UNSETTLED else settled
            self._case(self.chance.choice(pool), opened, later)
            now = format_instant(opened)
            while later and later[0][0] < now:
                self.waiting["event"].append(heapq.heappop(later)[1])
            if len(self.waiting["event"]) >= _BATCH:
                self._flush(sink)
        self.waiting["event"] += [heapq.heappop(later)[1] for _ in range(len(later))]
        self.waiting["count_entry"] += (self.figures or self._counts)()
        self._flush(sink)

    def _pools(self) -> tuple[list[Template], list[Template]]:
        """Templates of cases that are done and of such that wait for something, as often as they occur."""
        shares = {"hotspot": 60, "certification": 14, "opinion": 25, "list_decision": 1}
        pools: tuple[list[Template], list[Template]] = ([], [])
        for workflow, share in shares.items():
            of_workflow = [each for each in self.templates if each.workflow == workflow]
            for pool, wanted in zip(pools, (True, False), strict=True):
                found = [each for each in of_workflow if each.settled is wanted and len(each.entries) > wanted]
                pool += [found[index % len(found)] for index in range(share * 12)]
        return pools

    def _case(self, template: Template, opened: datetime, later: list[tuple[str, Row]]) -> None:
        where = self.communes[self.chance.randrange(len(self.communes))]
        if self.chance.random() < max(0.02, _CROWD / self.cases):
            where = self.hot
        instants = [opened + timedelta(days=1.7) * index for index in range(len(template.entries))]
        variant = Variant(
            case=uuid7(opened, self.chance.randbytes(10)),
            unit=where.code,
            path=where.path,
            plan=f"{where.province}-{opened.year}" if template.workflow == "certification" else None,
            parent=self.parents.get(where.code) if template.workflow == "opinion" else None,
            person=self._person(where),
            title=self._title(template, where),
            due=(opened + timedelta(days=self.chance.choice((20, 60, 2500)))).date().isoformat(),
            instants=[format_instant(each) for each in instants],
            events=[uuid7(each, self.chance.randbytes(10)) for each in instants],
        )
        if template.workflow == "certification":
            self.parents[where.code] = variant.case
        case, ledger, texts, words = template.rows(variant)
        self.waiting["cases"].append(case)
        self.waiting["event_text"] += texts
        self.waiting["case_word"] += words
        for row in ledger:
            heapq.heappush(later, (str(row[-1]), row))
        if self.chance.random() < 0.25:
            self.waiting["attempt"].append(self._attempt(variant, template))

    def _person(self, where: Commune) -> str:
        drawn = self.chance.random()
        if drawn < 0.05:
            return INSPECTOR
        return f"tinh-{where.province}" if drawn < 0.3 else f"xa-{where.code}"

    def _title(self, template: Template, where: Commune) -> str:
        subject = {"hotspot": "Điểm phức tạp về ma túy tại", "certification": "Công nhận không ma túy:"}
        street = f"số {self.chance.randrange(1, 400)} đường {self.chance.choice(STREETS)}"
        return f"{subject.get(template.workflow, 'Ý kiến về hồ sơ')} {where.name}, {street}"

    def _attempt(self, variant: Variant, template: Template) -> Row:
        entry = {
            "case": variant.case, "case_version": 1, "trigger": "resolve", "command": variant.events[0], "cause": None,
            "actor": {"person": variant.person, "role": "commune_police", "unit": variant.unit, "grant": "g"},
            "source": "identified", "input": {},
            "blockers": [{
                "code": "state", "message": {"vi": "Sai trạng thái", "en": "Wrong state"}, "found": "identified",
                "needed": ["monitored"], "case": None,
            }],
        }  # fmt: skip
        own = uuid7(BEGIN, self.chance.randbytes(10))
        same = sha256(own.encode()).hexdigest()
        text = json.dumps(entry, ensure_ascii=False)
        where, at = variant.path, variant.instants[-1]
        return own, same, variant.case, template.workflow, "resolve", where, variant.person, text, at

    def _counts(self) -> Iterator[Row]:
        counted = [each for each in self.communes if each.province == PROVINCE]
        for where in {each.code: each for each in (*counted, *self.communes[:_COUNTED])}.values():
            for quarter in range(_QUARTERS):
                day = BEGIN + timedelta(days=90 * quarter)
                for key, value in FIGURES.items():
                    own = uuid7(day, self.chance.randbytes(10))
                    yield (
                        own, where.code, key, value, day.date().isoformat(), "Sổ theo dõi", "p", own,
                        format_instant(day),
                    )  # fmt: skip

    def _flush(self, sink: Sink) -> None:
        for table, rows in self.waiting.items():
            if rows:
                sink(table, rows)
                rows.clear()


def _fill_sqlite(url: str, make: Callable[[Sink], None]) -> None:
    connection: Any = driver.connect(str(sqlite_path(parse_url(url))), isolation_level=None)
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -1500000", "foreign_keys = OFF"):
        connection.execute(f"PRAGMA {pragma}")
    kept = _without_indexes(connection)
    connection.execute("BEGIN")

    def sink(table: str, rows: Sequence[Row]) -> None:
        columns = _TABLES[table]
        gaps = ", ".join("?" for _ in columns)
        text = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({gaps})"  # noqa: S608 - our own names
        connection.executemany(text, rows)

    make(sink)
    for statement in (*kept, _NEWEST):
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def _without_indexes(connection: DBAPIConnection) -> list[str]:
    """Removes what would slow the filling, and gives the statements that make it again."""
    cursor = connection.cursor()
    cursor.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    found = [row for row in cursor.fetchall() if row[0] in {"index", "trigger"} and row[2] in _TABLES]
    for kind, name, _, _ in found:
        cursor.execute(f"DROP {kind} {name}")
    return [statement for *_, statement in found]


def _fill_postgresql(url: str, make: Callable[[Sink], None]) -> None:
    address = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("SET maintenance_work_mem = '1GB'")
        kept = _without_constraints(connection)

        def sink(table: str, rows: Sequence[Row]) -> None:
            columns = sql.SQL(", ").join(map(sql.Identifier, _TABLES[table]))
            text = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns)
            with connection.cursor() as cursor, cursor.copy(text) as copy:
                for row in rows:
                    copy.write_row(row)

        make(sink)
        for statement in kept:
            connection.execute(statement.encode())
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")


def _without_constraints(connection: "psycopg.Connection[Any]") -> list[str]:
    """As on SQLite; references are left out for good, since nothing is written any more."""
    tables = list(_TABLES)
    constraints = connection.execute(
        "SELECT conrelid::regclass::text, conname, contype::text, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE (conrelid::regclass::text = ANY(%s) OR confrelid::regclass::text = ANY(%s)) AND contype IN ('p','u','f')"
        "ORDER BY contype = 'f' DESC",
        [tables, tables],
    ).fetchall()
    for table, name, _, _ in constraints:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}".encode())
    indexes = connection.execute(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename = ANY(%s)", [tables]
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}".encode())
    for table in tables:
        connection.execute(f"ALTER TABLE {table} SET UNLOGGED".encode())
    again = [
        f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}"
        for table, name, kind, definition in constraints
        if kind != "f"
    ]
    return [*again, *(definition for _, definition in indexes)]
