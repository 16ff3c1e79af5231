"""How long all targets of a plan take over the whole country: the bar is twenty counts of the same rows.

The plan is the one that ships with most targets, made one of the country's; its figures are entered for every commune,
cases and histories are those of the lists' benchmark. Reading targets and counting rows take turns, each once before it
is measured.
"""

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import func, select

from benchmarks.list_templates import Row, templates
from benchmarks.list_worlds import TODAY, Commune, Making, write_rows
from benchmarks.starting import Kind
from tests.postgres import Cluster, private_cluster
from workflows.core.case import Actor
from workflows.core.civil import format_instant, start_of_day
from workflows.core.documents import Role
from workflows.core.ids import uuid7
from workflows.core.indicators import Unknown
from workflows.core.plan_documents import (
    CasesMeasure,
    CountMeasure,
    Indicator,
    Measure,
    Period,
    PlanDocument,
    UnitsMeasure,
)
from workflows.loader import find_definitions, load
from workflows.services.engine import Engine
from workflows.services.garbage import settle
from workflows.services.plan_json import targets_json
from workflows.services.rendering import encoded
from workflows.services.targets import View, targets
from workflows.store.database import Database
from workflows.store.schema import create
from workflows.store.tables import cases, count_entry, event, unit

BAR: Final = 20.0
CASES: Final = 100_000
CASES_QUICK: Final = 20_000
RUNS: Final = 9
RUNS_QUICK: Final = 5
PLAN: Final = "tra-vinh-2025"
_BEGIN: Final = date(2026, 1, 1)
_PAST: Final = date(2026, 6, 30)
_RUNS_PAST: Final = 2
"""Of the day on which nearly every case stood otherwise; no bar is held against it."""
_DAYS: Final = (date(2025, 12, 31), date(2026, 6, 1))
"""For which figures are entered, each on its day."""
_EVERYBODY: Final = Actor(grant="bench", person="bench", role=Role.AUDITOR, unit="VN", unit_path="VN")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Milliseconds of each run, and how much there was."""

    name: str
    targets: Sequence[float]
    counts: Sequence[float]
    rows: int
    known: int
    """Targets whose value is known."""
    of: int

    @property
    def ratio(self) -> float:
        return median(self.targets) / median(self.counts)

    def data(self) -> Mapping[str, object]:
        return {
            "name": self.name,
            "rows": self.rows,
            "targets": self.of,
            "known": self.known,
            "targets_ms": [round(each, 1) for each in self.targets],
            "count_ms": [round(each, 1) for each in self.counts],
            "ratio": round(self.ratio, 1),
            "bar": BAR,
        }


def measure(kind: Kind, *, quick: bool) -> list[Timing]:
    """Makes a database in a directory of its own, measures, and removes it."""
    place = Path(tempfile.mkdtemp(prefix="targets-bench-"))
    cluster = private_cluster() if kind == "postgresql" else None
    try:
        if cluster is not None:
            cluster.start()
        url = _made(cluster, place)
        plan = national(load(find_definitions(None)).plans[PLAN])
        _fill(url, place, CASES_QUICK if quick else CASES, plan)
        return _measured(url, plan, RUNS_QUICK if quick else RUNS)
    finally:
        if cluster is not None:
            cluster.stop()
            shutil.rmtree(cluster.directory, ignore_errors=True)
        shutil.rmtree(place)


def _made(cluster: Cluster | None, place: Path) -> str:
    if cluster is None:
        return f"sqlite:///{place / 'targets.sqlite3'}"
    with psycopg.connect(host=str(cluster.directory), user="postgres", dbname="postgres", autocommit=True) as server:
        server.execute(sql.SQL("CREATE DATABASE targets"))
    return cluster.url("targets")


def national(plan: PlanDocument) -> PlanDocument:
    """The plan as one of the country and of one year, with every day that it measures moved there."""
    period = Period.model_validate({"from": _BEGIN, "to": date(2027, 1, 1)})
    targets = {name: each.model_copy(update={"by": None}) for name, each in plan.targets.items() if each.table is None}
    return plan.model_copy(
        update={
            "province": "VN",
            "units_as_of": _BEGIN,
            "period": period,
            "targets": targets,
            "indicators": {name: _indicator(each) for name, each in plan.indicators.items()},
        }
    )


def _indicator(found: Indicator) -> Indicator:
    share, growth = found.share, found.growth
    if share is not None:
        share = share.model_copy(update={"of": _moved(share.of), "over": _moved(share.over)})
    if growth is not None:
        growth = growth.model_copy(update={"of": _moved(growth.of), "base": _moved(growth.base)})
    value = _moved(found.value) if found.value is not None else None
    return found.model_copy(update={"share": share, "growth": growth, "value": value})


def _moved(measure: Measure) -> Measure:
    if isinstance(measure, CountMeasure | CasesMeasure) and isinstance(measure.at, date):
        return measure.model_copy(update={"at": _DAYS[0]})
    if isinstance(measure, UnitsMeasure) and measure.having is not None:
        having = measure.having.model_copy(update={"measure": _moved(measure.having.measure)})
        return measure.model_copy(update={"having": having})
    return measure


def _keys(plan: PlanDocument) -> Mapping[str, set[str]]:
    """By level: the figures that the plan reads."""
    found: dict[str, set[str]] = {"province": set(), "commune": set()}
    for target in plan.targets.values():
        for each in plan.indicators[target.indicator].measures():
            inner = each.having.measure if isinstance(each, UnitsMeasure) and each.having else each
            if isinstance(inner, CountMeasure):
                found[inner.level].add(inner.count)
    return found


def _fill(url: str, place: Path, number: int, plan: PlanDocument) -> None:
    begun = time.monotonic()
    (place / "first").mkdir()
    create(url)
    chance = Random(number)
    communes, provinces = _communes(url)
    codes = {"commune": [each.code for each in communes], "province": provinces}
    keys = _keys(plan)

    def figures() -> Iterator[Row]:
        for level, names in keys.items():
            for code, day, key in product(codes[level], _DAYS, sorted(names)):
                now = start_of_day(day)
                own = uuid7(now, chance.randbytes(10))
                value = chance.randrange(300)
                yield own, code, key, value, day.isoformat(), "Sổ theo dõi", "p", own, format_instant(now)

    made = Making(templates=templates(place / "first"), communes=communes, cases=number, chance=chance, figures=figures)
    write_rows(url, made.into)
    print(f"  {number} cases made in {time.monotonic() - begun:.0f} s", flush=True)


def _communes(url: str) -> tuple[list[Commune], list[str]]:
    """Those of today, and the provinces."""
    statement = select(unit.c.code, unit.c.name, unit.c.path, unit.c.level).where(unit.c.valid_to.is_(None))
    with Database(url) as database, database.read() as connection:
        rows = connection.execute(statement.order_by(unit.c.path)).all()
    communes = [Commune(code=row.code, name=row.name, path=row.path) for row in rows if row.level == "commune"]
    return communes, [row.code for row in rows if row.level == "province"]


def _measured(url: str, plan: PlanDocument, runs: int) -> list[Timing]:
    engine = Engine.start(url)
    try:
        engine.catalogue = replace(engine.catalogue, plans={plan.plan: plan})
        settle()
        return [
            _timing(engine, "nothing recorded since", TODAY, runs),
            _timing(engine, f"as of {_PAST.isoformat()}", _PAST, _RUNS_PAST),
        ]
    finally:
        engine.stop()


def _timing(engine: Engine, name: str, day: date, runs: int) -> Timing:
    spent: tuple[list[float], list[float]] = ([], [])
    view = View(key=PLAN, as_of=day, unit=None)
    rows = 0
    for _ in range(runs):
        state = targets(engine, _EVERYBODY, view)
        spent[0].append(_milliseconds(lambda: encoded(targets_json(targets(engine, _EVERYBODY, view)))))
        rows = _count(engine)
        spent[1].append(_milliseconds(lambda: _count(engine)))
    known = sum(not isinstance(each.now.value, Unknown) for each in state.targets)
    return Timing(name=name, targets=spent[0], counts=spent[1], rows=rows, known=known, of=len(state.targets))


def _milliseconds(do: Callable[[], object]) -> float:
    begun = time.perf_counter()
    do()
    return (time.perf_counter() - begun) * 1e3


def _count(engine: Engine) -> int:
    with engine.database.read() as connection:
        counts = (connection.execute(select(func.count()).select_from(each)) for each in (cases, event, count_entry))
        return sum(int(each.scalar_one()) for each in counts)


def table(kind: Kind, found: Sequence[Timing]) -> str:
    """Milliseconds of both, at the median, and their ratio."""
    lines = [f"{kind}: all targets of {PLAN} over the country, milliseconds, counting the rows, ratio"]
    lines += [
        f"{median(each.targets):>9.1f}{median(each.counts):>9.1f}{each.ratio:>7.1f}  {each.name}: {each.rows} rows, "
        f"{each.known} of {each.of} targets known"
        for each in found
    ]
    return "\n".join([*lines, f"  bar {BAR:.0f}, for the first: {'met' if met(found) else 'NOT MET'}"])


def met(found: Sequence[Timing]) -> bool:
    """Whether targets as known today keep to the bar."""
    return found[0].ratio <= BAR
