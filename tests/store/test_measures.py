"""Figures of plans: those of a past day are those of that day, and those that a plain reading of history gives."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Final
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from tests.conftest import Run, copied
from tests.sizes import size
from tests.store import samples
from tests.store.past import AREAS, COUNTS, DAYS, PLAN, Oracle, Past
from tests.store.test_feed import first_revision
from workflows.core.case import Changes, apply
from workflows.core.civil import format_instant, start_of_day
from workflows.core.indicators import Unknown
from workflows.core.plan_documents import Indicator, Measure
from workflows.store import rows, schema
from workflows.store.database import Database
from workflows.store.measures import Measures, Question
from workflows.store.tables import cases, count_newest, event
from workflows.store.territory import Ground, Territory, territory

_WHERE: Final = {"kind": ["point", "retail_point"]}
_OPEN: Final = {"cases": "hotspot", "states": ["identified", "relapsed"]}
_SUPPRESS: Final = {"acts": "hotspot", "triggers": ["suppress"]}
MEASURES: Final[tuple[Measure, ...]] = tuple(
    measure
    for written in (
        {"count": "addicts"},
        {"count": "users"},
        {"count": "addicts", "since": "year"},
        {"count": "addicts", "at": "year_before", "since": "year_before"},
        {"count": "users", "at": "plan_start"},
        {"count": "users", "at": date(2025, 7, 15)},
        {"count": "users", "level": "province"},
        {"units": "commune"},
        {"units": "district"},
        {"units": "commune", "having": {"measure": {"count": "addicts"}, "at_most": 0}},
        {"units": "commune", "having": {"measure": _OPEN, "at_least": 1}},
        {"units": "commune", "having": {"measure": {**_SUPPRESS, "during": "ever"}, "at_least": 2}},
        _OPEN,
        {**_OPEN, "where": _WHERE},
        {**_OPEN, "where": _WHERE, "at": "year_before"},
        {**_OPEN, "of": "communes"},
        {"cases": "hotspot", "states": ["suppressed", "resolved"], "at": "plan_start"},
        {"acts": "hotspot", "triggers": ["open"]},
        {**_SUPPRESS, "where": _WHERE},
        {**_SUPPRESS, "during": "year_before"},
        {**_SUPPRESS, "during": "plan", "of": "cases"},
        {**_SUPPRESS, "during": "ever", "of": "communes"},
        {**_SUPPRESS, "during": "ever", "of": "cases", "now_in": ["suppressed"]},
    )
    for measure in Indicator.model_validate(
        {"title": {"vi": "x", "en": "x"}, "basis": "design", "value": written}, strict=False
    ).measures()
)


@contextmanager
def fresh(request: pytest.FixtureRequest, kind: str) -> Iterator[Database]:
    """A database for one example."""
    if kind == "postgresql":
        run: Run = request.getfixturevalue("run")
        with copied(request.getfixturevalue("postgresql_template"), run) as url, Database(url) as database:
            yield database
        return
    template: Path = request.getfixturevalue("sqlite_template")
    directory: Path = request.getfixturevalue("tmp_path")
    path = directory / f"{uuid4().hex}.sqlite"
    shutil.copyfile(template, path)
    with Database(f"sqlite:///{path}") as database:
        yield database
    path.unlink()


def figures(database: Database, found: Territory, day: date) -> dict[tuple[str, str], int | None]:
    """By area and measure; None: unknown."""
    values: dict[tuple[str, str], int | None] = {}
    with database.read() as connection:
        for area in AREAS:
            question = Question(plan=PLAN, counts=COUNTS, day=day, known=day)
            measures = Measures(connection, Ground(connection, found, area), question, MEASURES)
            for measure in MEASURES:
                figure = measures.figure(measure)
                values[area, measure.model_dump_json(exclude_defaults=True)] = (
                    None if isinstance(figure, Unknown) else figure
                )
    return values


def expected(past: Past, day: date) -> dict[tuple[str, str], int | None]:
    return {
        (area, measure.model_dump_json(exclude_defaults=True)): Oracle(past, codes, day).figure(measure)
        for area, codes in AREAS.items()
        for measure in MEASURES
    }


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
@settings(max_examples=size(1, 12), phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_figures_of_a_past_day_are_those_of_that_day(request: pytest.FixtureRequest, kind: str, seed: int) -> None:
    past = Past(Random(seed))
    then = {}
    with fresh(request, kind) as database:
        with database.read() as connection:
            found = territory(connection, PLAN.province, PLAN.units_as_of)
        for day in DAYS:
            with database.write() as connection:
                past.live(connection, day)
            then[day] = figures(database, found, day)
        for day in DAYS:
            assert figures(database, found, day) == then[day] == expected(past, day), day
        assert len({tuple(each.values()) for each in then.values()}) > len(DAYS) // 2, "days differ"


def test_an_older_database_knows_what_new_columns_hold(database_url: str) -> None:
    """One event is said to have occurred before it was recorded; `fsck` compares the columns of the others."""
    first_revision(database_url)
    found = samples.histories(3, 9)
    now = start_of_day(DAYS[0])
    opened: Changes = {
        "unit_path": "VN/84/850/29497", "plan": None, "parent": None, "title": "Điểm", "entered": "2024-11-30",
        "set": {"kind": "point"}, "due": None, "final": False, "episode": 1,
    }  # fmt: skip
    claimed = Past(Random(1)).event(None, now, now - timedelta(days=3), "open", "identified", opened)
    case = apply(None, claimed)
    with Database(database_url) as database:
        with database.write() as connection:
            samples.store_definitions(connection)
            for each, events in (*found, (case, (claimed,))):
                samples.store_ledger(connection, each, events)
            samples.store_figures(connection)
        schema.upgrade(database_url)
        with database.read() as connection:
            data = {
                row.id: (json.loads(row.data), json.loads(row.choices)) for row in connection.execute(select(cases))
            }
            newest = {row.unit: (row.value, row.id) for row in connection.execute(select(count_newest))}
            paths = {row.id: row.opened_path for row in connection.execute(select(cases))}
            occurred = {row.id: row.occurred_at for row in connection.execute(select(event))}
    assert newest == {"84": (3, "figure-0"), "29236": (2, "figure-3")}
    assert all(told == rows.choices(held) for held, told in data.values())
    assert data[case.id][1] == {"kind": "point"}
    assert paths == {each.id: each.unit_path for each, _ in (*found, (case, ()))}
    assert {key: instant for key, instant in occurred.items() if instant} == {
        claimed.id: format_instant(claimed.occurred_at)
    }
