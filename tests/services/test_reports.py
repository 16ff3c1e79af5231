"""Filled reports: the figures are those of the targets, a past day is told as it was then, what is late says why."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

import pytest
from sqlalchemy import select

from tests.factories import Clock, running
from tests.faults import stage
from tests.services.test_plan_opening import PLAN, give, plan_with
from tests.sizes import size
from workflows.core.case import Actor, CaseId, Data, Fire, Open
from workflows.core.documents import Role
from workflows.core.indicators import Figure, Unknown
from workflows.services.engine import Engine
from workflows.services.reading import InvalidError, MissingError
from workflows.services.report_json import report_json
from workflows.services.report_parts import LateItem, Report
from workflows.services.report_tables import TASKS, parts
from workflows.services.report_words import remarks
from workflows.services.reports import Wish, report
from workflows.services.targets import View, targets
from workflows.store import counts, tables

DISTRICT: Final = "966"
OTHER: Final = "964"
COMMUNE: Final = "32047"
HEALTH: Final = "department_of_health"
DISTRICTS: Final = "district_peoples_committees"
SHIPPED: Final = {
    "khanh-hoa-2025": "568",
    "nghe-an-2021": "412",
    "ninh-binh-2022": "369",
    "quang-ninh-2023": "193",
    "tra-vinh-2025": "842",
}
"""By plan that ships: a district of it."""
POLICE: Final = Role.PROVINCIAL_POLICE


def day(month: int, number: int, year: int = 2025) -> date:
    return date(year, month, number)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(database_url: str, clock: Clock) -> Iterator[Engine]:
    yield from begun(database_url, clock)


@pytest.fixture
def sqlite_engine(sqlite_url: str, clock: Clock) -> Iterator[Engine]:
    yield from begun(sqlite_url, clock)


def begun(url: str, clock: Clock) -> Iterator[Engine]:
    stage.populate(url)
    with running(url, clock) as started:
        yield give(started, plan_with())


class Office:
    """People who work on the plan, day by day."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self.engine = engine
        self._clock = clock

    def goes_to(self, today: date) -> None:
        """Nine o'clock in Việt Nam."""
        self._clock.now = datetime(today.year, today.month, today.day, 2, tzinfo=UTC)

    def opens(self, workflow: str, unit: str, data: Data, *, plan: str | None = PLAN, title: str = "Hồ sơ") -> CaseId:
        opening = Open(workflow=workflow, unit=unit, title=title, data=data, plan=plan)
        return stage.accepted(stage.send(self.engine, POLICE, opening)).events[0].case

    def owes(self, obligation: str, agency: str, unit: str, deadline: date, kind: str = "six_month") -> CaseId:
        data = {"obligation": obligation, "kind": kind, "agency": agency, "deadline": deadline.isoformat()}
        return self.opens("periodic_report", unit, data, title=f"{obligation} {agency} {unit}")

    def does(self, case: CaseId, trigger: str, given: Data | None = None, role: Role = POLICE) -> None:
        reason = "Sửa" if trigger in {"amend", "annul"} else None
        stage.accepted(
            stage.send(self.engine, role, Fire(case=case, trigger=trigger, input=given or {}), reason=reason)
        )

    def submits(self, case: CaseId, **more: str) -> None:
        self.does(case, "submit", {"report": dict(stage.DOCUMENT), **more}, Role.DISTRICT_COMMITTEE)

    def reports(
        self, obligation: str, *, who: Actor | None = None, agency: str | None = None, unit: str | None = None,
        due: date | None = None, as_of: date | None = None,
    ) -> Report:  # fmt: skip
        wish = Wish(plan=PLAN, obligation=obligation, agency=agency, unit=unit, due=due, as_of=as_of)
        return report(self.engine, who or actor(), wish)


@pytest.fixture
def office(engine: Engine, clock: Clock) -> Office:
    return Office(engine, clock)


@pytest.fixture
def sqlite_office(sqlite_engine: Engine, clock: Clock) -> Office:
    return Office(sqlite_engine, clock)


def actor(role: Role = POLICE, path: str = "VN") -> Actor:
    return Actor(grant=stage.GRANTS[role], person="an", role=role, unit=path.rpartition("/")[2], unit_path=path)


def kinds(item: LateItem) -> list[str]:
    return [cause.kind for cause in item.causes]


def late(found: Report) -> dict[CaseId, tuple[int, date | None, list[str]]]:
    return {item.case: (item.days, item.done, kinds(item)) for item in found.late}


def undated(found: Report) -> Report:
    """Without the moment at which it was made."""
    return replace(found, made_at=stage.NOW)


def test_a_half_year_is_told_as_it_was_on_every_day(office: Office) -> None:
    office.goes_to(day(2, 10))
    health = office.owes("half_year_report", HEALTH, "96", day(6, 15))
    district = office.owes("half_year_report", DISTRICTS, DISTRICT, day(6, 15))
    silent = office.owes("half_year_report", DISTRICTS, OTHER, day(6, 15))
    whole = office.owes("consolidated_report", "provincial_police", "96", day(12, 31), "annual")
    task: Data = {"kind": "one_off", "year": 2025, "lead": ["provincial_police"], "coordinating": [DISTRICTS]}
    survey = office.opens("plan_task", "96", {**task, "task": "survey", "deadline": "2025-03-31"}, title="Rà soát")
    hotspot = office.opens("hotspot", COMMUNE, {"kind": "point", "found_by": "survey"}, plan=None, title="Chợ")
    office.goes_to(day(4, 10))
    office.does(survey, "start")
    office.goes_to(day(6, 10))
    office.submits(health)
    office.does(hotspot, "suppress", {"suppressed_on": "2025-06-10", "decision": dict(stage.DOCUMENT)})
    told = {day(6, 10): office.reports("consolidated_report")}
    office.goes_to(day(6, 18))
    office.does(health, "return", {"missing": ["Biểu số 2"]}, Role.STEERING_COMMITTEE)
    told[day(6, 18)] = office.reports("consolidated_report")
    office.goes_to(day(6, 20))
    office.submits(district, late_because="data_missing", late_note="Chờ số liệu của xã")
    told[day(6, 20)] = office.reports("consolidated_report")
    office.goes_to(day(7, 1))
    found = office.reports("consolidated_report")

    assert (found.first, found.last, found.as_of, found.due) == (day(1, 1), day(12, 31), day(7, 1), day(12, 31))
    assert (found.case, found.body.vi, found.unit.code) == (whole, "Công an tỉnh", "96")
    assert [item.case for item in found.late] == [survey, hotspot, health, silent, district]
    assert late(found) == {
        survey: (92, None, ["waiting"]),
        hotspot: (90, day(6, 10), ["waiting"]),
        health: (16, None, ["returned", "waiting"]),
        silent: (16, None, ["not_begun", "waiting"]),
        district: (5, day(6, 20), ["recorded", "waiting"]),
    }
    by_case = {item.case: item for item in found.late}
    assert by_case[health].causes[0].text.vi == "Bị trả lại ngày 18/06/2025, còn thiếu: Biểu số 2"
    assert by_case[district].causes[0].text.en == "Figures are missing: Chờ số liệu của xã"
    assert [body.vi for body in by_case[silent].bodies] == ["Ủy ban nhân dân thành phố Cà Mau"]
    assert by_case[hotspot].bodies[0].vi == "công an cấp xã"
    assert by_case[hotspot].unit == "Xã Khánh Hòa", "as its unit is called, not what took over its code"

    assert [(line.case, line.state.en, line.since, line.late) for line in found.tasks] == [
        (survey, "In progress", day(4, 10), 92)
    ]
    assert {(line.case, line.sent, line.late) for line in found.received} == {
        (health, day(6, 10), 0),
        (silent, None, 16),
        (district, day(6, 20), 5),
    }
    spots = next(line for line in found.cases if line.workflow == "hotspot")
    assert (spots.opened, {title.en: number for title, number in spots.happened.items()}) == (1, {"Suppress": 1})
    assert {title.en: number for title, number in spots.standing.items()} == {"Suppressed": 1}
    assert {line.workflow for line in found.cases} >= {"tip_off", "commune_transformation", "certification"}
    state = targets(office.engine, actor(), View(key=PLAN, as_of=None, unit=None))
    assert tuple(line.state for line in found.targets) == state.targets
    assert all(line.before is None for line in found.targets), "the plan began with the period"

    for then, report_then in told.items():
        again = office.reports("consolidated_report", as_of=then)
        assert undated(again) == undated(report_then), then
    assert len({len(each.late) for each in told.values()}) > 1, "else nothing was there to be told otherwise"

    own = office.reports("half_year_report", agency=HEALTH, due=day(6, 15), as_of=day(6, 15))
    assert (own.case, own.last, own.late, own.tasks) == (health, day(6, 15), (by_case[hotspot],), ())
    mine = office.reports("half_year_report", agency=DISTRICTS, who=actor(Role.DISTRICT_COMMITTEE, "VN/96/966"))
    assert (mine.case, mine.unit.code, mine.body.vi) == (district, "966", "Ủy ban nhân dân huyện U Minh")


def test_the_second_year_begins_where_the_first_ended(sqlite_office: Office) -> None:
    office = sqlite_office
    office.goes_to(day(3, 1))
    office.opens("hotspot", COMMUNE, {"kind": "point", "found_by": "survey"})
    office.goes_to(day(2, 1, 2026))
    found = office.reports("consolidated_report")
    assert (found.first, found.as_of, found.due) == (day(1, 1, 2026), day(2, 1, 2026), day(12, 31, 2026))
    before = targets(office.engine, actor(), View(key=PLAN, as_of=day(12, 31), unit=None))
    assert [line.before for line in found.targets] == [each.now for each in before.targets]
    spots = next(line for line in found.cases if line.workflow == "hotspot")
    assert (spots.opened, sum(spots.standing.values())) == (0, 1)
    first = office.reports("consolidated_report", due=day(12, 31))
    assert (first.as_of, next(each.opened for each in first.cases if each.workflow == "hotspot")) == (day(12, 31), 1)
    urgent = office.reports("urgent_report", as_of=day(5, 6))
    assert (urgent.due, urgent.first, urgent.last) == (day(5, 6), day(1, 1), day(5, 6))


def test_why_a_task_is_late_is_of_its_own_time(sqlite_office: Office) -> None:
    """What is recurring is done again: the cause of last time is none of this time."""
    office = sqlite_office
    office.goes_to(day(2, 10))
    data: Data = {"task": "treatment", "kind": "continuous", "year": 2025, "lead": [HEALTH], "deadline": "2025-03-31"}
    task = office.opens("plan_task", "96", data, title="Hỗ trợ")
    office.does(task, "start")
    office.goes_to(day(4, 4))
    office.does(task, "report", {"report": dict(stage.DOCUMENT), "late_because": "resources"})
    done = office.reports("consolidated_report")
    assert late(done) == {task: (4, day(4, 4), ["recorded", "waiting"])}
    assert [(line.late, line.deadline) for line in done.tasks] == [(4, day(3, 31))]
    office.does(task, "accept", {"deadline": "2025-06-30"}, Role.STEERING_COMMITTEE)
    office.does(task, "start")
    office.goes_to(day(7, 10))
    again = office.reports("consolidated_report")
    assert late(again) == {task: (10, None, ["waiting"])}
    office.does(task, "amend", {"late_because": "other"})
    assert late(office.reports("consolidated_report")) == {task: (10, None, ["recorded", "waiting"])}
    office.does(task, "amend", {"deadline": "2025-07-31"})
    last_time = office.reports("consolidated_report")
    assert late(last_time) == late(done), "another deadline is the deadline, and that of April had passed"
    assert last_time.late[0].causes[0].text.en == "Lack of money or staff"
    office.does(task, "annul")
    assert office.reports("consolidated_report").tasks == ()
    then = office.reports("consolidated_report", as_of=day(7, 9))
    assert ([line.case for line in then.tasks], late(then)) == ([task], {task: (9, None, ["waiting"])})


def test_what_the_actor_may_not_see_is_left_out(sqlite_office: Office) -> None:
    office = sqlite_office
    office.goes_to(day(2, 10))
    for unit in (DISTRICT, OTHER):
        office.owes("half_year_report", DISTRICTS, unit, day(2, 20))
    office.opens("hotspot", COMMUNE, {"kind": "point", "found_by": "survey"})
    office.goes_to(day(4, 20))
    one = actor(Role.DISTRICT_COMMITTEE, f"VN/96/{DISTRICT}")
    for found in (
        office.reports("half_year_report", agency=DISTRICTS, unit=DISTRICT, who=one),
        office.reports("half_year_report", agency=DISTRICTS, unit=DISTRICT),
    ):
        assert (found.unit.name, len(found.late)) == ("Huyện U Minh", 2)
    for unit in (OTHER, "96", "VN", "nothing"):
        with pytest.raises(MissingError):
            office.reports("half_year_report", agency=DISTRICTS, unit=unit, who=one)
    with pytest.raises(MissingError):
        office.reports("consolidated_report", who=one)
    revoked = replace(actor(), revoked=True)
    assert office.reports("consolidated_report", who=revoked).late == ()


def test_figures_that_are_entered_after_the_period_are_told(sqlite_office: Office) -> None:
    """They come in between the end of a period and the day on which the report is due."""
    office, engine = sqlite_office, sqlite_office.engine
    communes = communes_of(engine, "842")
    owed = Wish(plan="tra-vinh-2025", obligation="phase_1_report", agency=DISTRICTS, unit="842", due=day(5, 7))
    office.goes_to(day(5, 6))
    figures = [
        counts.Figure(unit=commune, key=key, value=10, as_of=day(4, 30), source="Công an huyện")
        for commune in communes
        for key in ("addicts", "addicts_on_file")
    ]
    before = report(engine, actor(), owed)
    with engine.database.write() as connection:
        counts.add_all(connection, actor(), figures, now=engine.clock())
    found = report(engine, actor(), owed)
    office.goes_to(day(5, 20))
    assert (found.as_of, found.known) == (day(4, 30), day(5, 6))
    whole = 10 * len(communes)
    assert (on_file(before), on_file(found)) == ((None, None), (whole, whole))
    assert undated(report(engine, actor(), replace(owed, as_of=day(5, 6)))) == undated(found)
    assert undated(report(engine, actor(), replace(owed, as_of=day(5, 5)))) == replace(undated(before), known=day(5, 5))


def communes_of(engine: Engine, district: str, day: str = "2025-02-17") -> list[str]:
    unit = tables.unit
    in_force = (unit.c.valid_from <= day) & (unit.c.valid_to.is_(None) | (unit.c.valid_to > day))
    statement = select(unit.c.code).where(unit.c.path.like(f"VN/84/{district}/%"), in_force)
    with engine.database.read() as connection:
        return list(connection.execute(statement).scalars())


def on_file(found: Report) -> tuple[Figure | None, Figure | None]:
    """Addicts on file, and all addicts; None: unknown."""
    reading = next(line.state.now for line in found.targets if line.state.key == "addicts_on_file")
    of, base = (None if isinstance(each, Unknown) else each for each in (reading.of, reading.base))
    return of, base


def test_an_amended_deadline_changes_no_report_of_before(sqlite_office: Office) -> None:
    office = sqlite_office
    office.goes_to(day(2, 10))
    data: Data = {"obligation": "half_year_report", "kind": "six_month", "agency": HEALTH, "deadline": "2025-06-15"}
    period: Data = {"period_from": "2025-01-01", "period_to": "2025-06-15"}
    case = office.opens("periodic_report", "96", {**data, **period}, title="Sáu tháng")
    office.goes_to(day(6, 20))
    before = office.reports("consolidated_report")
    mine = office.reports("half_year_report", agency=HEALTH, due=day(6, 15), as_of=day(6, 14))
    year = office.reports("year_report", agency=HEALTH)
    assert ([line.late for line in before.received], mine.case) == ([5], case)
    assert late(year) == {case: (5, None, ["not_begun", "waiting"])}
    office.goes_to(day(6, 21))
    office.does(case, "amend", {"deadline": "2026-01-15"})
    assert undated(office.reports("consolidated_report", as_of=day(6, 20))) == undated(before)
    assert office.reports("consolidated_report").received == ()
    again = office.reports("half_year_report", agency=HEALTH, due=day(6, 15), as_of=day(6, 14))
    assert again.case == case, "it is the report of this period still"
    office.does(case, "amend", {"agency": "department_of_education"})
    assert office.reports("half_year_report", agency=HEALTH, due=day(6, 15)).case is None
    assert undated(office.reports("year_report", agency=HEALTH, as_of=day(6, 20))) == undated(year)


def test_who_sees_a_part_only_is_told_so(sqlite_office: Office) -> None:
    office = sqlite_office
    office.goes_to(day(2, 10))
    task: Data = {"task": "survey", "kind": "one_off", "year": 2025, "lead": [DISTRICTS]}
    office.opens("plan_task", "96", task, title="Rà soát")
    part, whole = (
        office.reports("half_year_report", agency=DISTRICTS, unit=DISTRICT, who=each)
        for each in (actor(Role.DISTRICT_COMMITTEE, f"VN/96/{DISTRICT}"), actor())
    )
    assert (part.partial, len(part.tasks), whole.partial, len(whole.tasks)) == (True, 0, False, 1)
    hidden = "Chỉ kể những hồ sơ mà người lập được xem"
    assert [any(line.startswith(hidden) for line in remarks(each)) for each in (part, whole)] == [True, False]
    nothing = "Không có nhiệm vụ nào mà người lập được xem."
    assert [table.none for _, tables in parts(part) for table in tables if table.name == TASKS] == [nothing]


WRONG: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("/agency", {"obligation": "year_report"}),
    ("/agency", {"obligation": "year_report", "agency": "department_of_heath"}),
    ("/unit", {"obligation": "year_report", "agency": HEALTH, "unit": DISTRICT}),
    ("/unit", {"obligation": "year_report", "agency": DISTRICTS}),
    ("/unit", {"obligation": "year_report", "agency": DISTRICTS, "unit": COMMUNE}),
    ("/due", {"obligation": "consolidated_report", "due": date(2025, 12, 30)}),
    ("/as_of", {"obligation": "consolidated_report", "as_of": date(2025, 3, 6)}),
    ("/as_of", {"obligation": "consolidated_report", "due": date(2026, 12, 31)}),
    ("/as_of", {"obligation": "consolidated_report", "as_of": date(2024, 12, 31)}),
    ("/due", {"obligation": "urgent_report", "due": date(2024, 12, 31)}),
)
"""What the message is about, and what is wished."""


def test_what_makes_no_report_is_said(sqlite_office: Office) -> None:
    for path, wish in WRONG:
        with pytest.raises(InvalidError) as refused:
            report(sqlite_office.engine, actor(), Wish(plan=PLAN, **wish))
        assert [error.path for error in refused.value.errors] == [path], wish
    with pytest.raises(MissingError) as missing:
        sqlite_office.reports("consolidated_reports")
    assert missing.value.nearest == "consolidated_report"
    half_year = plan_with(("period: {from: 2025-01-01, to: 2027-01-01}", "period: {from: 2025-01-01, to: 2025-12-01}"))
    give(sqlite_office.engine, half_year)
    with pytest.raises(InvalidError, match="owed on no day"):
        sqlite_office.reports("consolidated_report")


@pytest.mark.parametrize("key", size(("tra-vinh-2025",), tuple(SHIPPED)))
def test_every_report_of_the_plans_can_be_filled(sqlite_url: str, key: str) -> None:
    with running(sqlite_url, Clock(now=datetime(2025, 12, 31, 2, tzinfo=UTC))) as engine:
        for name, obligation in engine.catalogue.plans[key].obligations.items():
            for agency in {obligation.owed_by[0], obligation.owed_by[-1]}:
                below = SHIPPED[key] if agency.startswith("district") else None
                found = report(engine, actor(), Wish(plan=key, obligation=name, agency=agency, unit=below))
                told = report_json(found)
                assert found.first <= found.as_of <= found.last, name
                assert len(told["targets"]) == len(found.targets) == len(found.plan.targets)  # type: ignore[arg-type]  # a list
