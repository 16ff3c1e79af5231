"""Opening a plan: every case once, whoever opens it, in races and after kills; its changes, and nothing else."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Final

import pytest
from sqlalchemy import func, select

from tests.faults import stage
from tests.faults.processes import SPAWN
from tests.sizes import size
from workflows.core.case import Actor, CaseId, Data, Fire, Open
from workflows.core.documents import Role
from workflows.core.plan_documents import PlanDocument
from workflows.plan_files import PlanFile
from workflows.services import plan_opening
from workflows.services.engine import Engine
from workflows.services.plan_opening import REASON, CarriedOut, OpeningRefusedError, Survey, carry_out, survey
from workflows.services.reading import InvalidError, MissingError
from workflows.sources import read_source
from workflows.store import rows
from workflows.store.tables import api_key, cases, event, event_text
from workflows.store.tables import plan_opening as openings
from workflows.unit_files import UnitFiles
from workflows.yaml_tree import read_tree

FILE: Final = Path(__file__).parents[1] / "definitions/plans/ca-mau-2025.yaml"
UNITS: Final = Path(__file__).parents[2] / "definitions/units"
PLAN: Final = "ca-mau-2025"
ALL: Final = 134
"""Cases that the plan asks for in 2025: 3 tasks, 31 reports, 100 communes."""


def plan_with(*edits: tuple[str, str]) -> PlanDocument:
    text = FILE.read_text(encoding="utf-8")
    for old, new in edits:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    document = read_source(FILE, read_tree(text.encode()), PlanDocument).document
    assert document is not None
    return document


def give(engine: Engine, plan: PlanDocument) -> Engine:
    """Has the engine know the plan as it is now."""
    engine.catalogue = replace(engine.catalogue, plans={**engine.catalogue.plans, plan.plan: plan})
    return engine


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    stage.populate(database_url)
    with stage.running(database_url) as started:
        yield give(started, plan_with())


@pytest.fixture
def sqlite_engine(sqlite_url: str) -> Iterator[Engine]:
    stage.populate(sqlite_url)
    with stage.running(sqlite_url) as started:
        yield give(started, plan_with())


def holder(engine: Engine, role: Role = Role.PROVINCIAL_POLICE) -> Actor:
    with engine.database.read() as connection:
        row = connection.execute(select(api_key).where(api_key.c.id == stage.GRANTS[role])).mappings().one()
    return rows.actor_of(row)


def seen(engine: Engine, key: str = PLAN, year: int = 2025, role: Role = Role.PROVINCIAL_POLICE) -> Survey:
    return survey(engine, holder(engine, role), key, year)


def applied(
    engine: Engine, key: str = PLAN, year: int = 2025, role: Role = Role.PROVINCIAL_POLICE
) -> tuple[Survey, CarriedOut]:
    found = seen(engine, key, year, role)
    return found, asyncio.run(carry_out(engine, holder(engine, role), found, lambda _: None))


def counts(found: Survey) -> tuple[int, int, int, int]:
    """New, changed, same, gone."""
    difference = found.difference
    return len(difference.new), len(difference.changed), difference.same, len(difference.gone)


def number_of_cases(engine: Engine, plan: str = PLAN) -> int:
    with engine.database.read() as connection:
        return connection.execute(select(func.count()).select_from(cases).where(cases.c.plan == plan)).scalar_one()


def number_of_openings(engine: Engine) -> int:
    with engine.database.read() as connection:
        return connection.execute(select(func.count()).select_from(openings)).scalar_one()


def case_of(engine: Engine, workflow: str, **data: str) -> CaseId:
    """The one case whose data hold this."""
    statement = select(cases.c.id).where(cases.c.workflow == workflow)
    for name, value in data.items():
        statement = statement.where(cases.c.data.contains(f'"{name}":"{value}"', autoescape=True))
    with engine.database.read() as connection:
        return CaseId(connection.execute(statement).scalar_one())


def address(engine: Engine) -> str:
    return engine.database.url.render_as_string(hide_password=False)


def test_the_plan_itself_is_proved(sqlite_engine: Engine) -> None:
    assert list(PlanFile(FILE).problems(sqlite_engine.catalogue, units=UnitFiles(UNITS))) == []


def test_opening_twice_changes_nothing(engine: Engine) -> None:
    first, done = applied(engine)
    assert counts(first) == (ALL, 0, 0, 0)
    assert (done.number("opened"), len(done.each)) == (ALL, ALL)
    before = stage.dump(address(engine))
    again, nothing = applied(engine)
    assert counts(again) == (0, 0, ALL, 0)
    assert nothing.each == []
    other, _ = applied(engine, role=Role.STEERING_COMMITTEE)
    assert counts(other) == (0, 0, ALL, 0)
    assert stage.dump(address(engine)) == before
    assert number_of_openings(engine) == 1
    assert stage.intact(address(engine)) == ALL


def test_the_next_year_is_opened_beside_it(engine: Engine) -> None:
    applied(engine)
    found, done = applied(engine, year=2026)
    assert counts(found) == (25, 0, 0, 0)
    assert done.number("opened") == 25
    assert counts(seen(engine)) == (0, 0, ALL, 0)
    assert counts(seen(engine, year=2026)) == (0, 0, 25, 0)


CHANGED: Final = (
    # Ten reports of a year: another deadline, and with it another period and title.
    ('due: {each_year: [{before: "12-16"}]}', 'due: {each_year: [{by: "12-20"}]}'),
    # One title.
    ("Hỗ trợ cai nghiện tại cộng đồng", "Hỗ trợ cai nghiện tại gia đình và cộng đồng"),
    # One task more, one less, and another body.
    (
        "  survey:\n    title: {vi: Rà soát địa bàn trọng điểm",
        "  key_survey:\n    title: {vi: Rà soát địa bàn trọng điểm",
    ),
    ("implementing: [department_of_education]", "implementing: [department_of_education, youth_union]"),
    # One body owes the first report, too; the department no longer does.
    (
        "owed_by: [department_of_health, district_peoples_committees]\n    requested: [department_of_health]",
        "owed_by: [customs, district_peoples_committees]",
    ),
)


def test_a_changed_plan_shows_and_applies_exactly_its_difference(engine: Engine) -> None:
    applied(engine)
    give(engine, plan_with(*CHANGED))
    found = seen(engine)
    difference = found.difference
    assert {(each.element, each.data.get("agency")) for each in difference.new} == {
        ("key_survey", None),
        ("measures_report", "customs"),
    }
    assert Counter(each.wanted.element for each in difference.changed) == {
        "year_report": 10,
        "treatment": 1,
        "school_sessions": 1,
    }
    names = {each.wanted.element: {field.name for field in each.fields} for each in difference.changed}
    assert names["year_report"] == {"title", "deadline", "period_to"}
    assert names["treatment"] == {"title"}
    assert names["school_sessions"] == {"implementing"}
    assert {each.data.get("task") or each.data["agency"] for each in difference.gone} == {
        "survey",
        "department_of_health",
    }
    before = number_of_cases(engine)
    _, done = applied(engine)
    assert (done.number("opened"), done.number("amended"), len(done.each)) == (2, 12, 14)
    assert number_of_cases(engine) == before + 2
    assert counts(seen(engine)) == (0, 0, ALL, 2)
    with engine.database.read() as connection:
        dues = connection.execute(select(cases.c.due).where(cases.c.due.like("2025-12-%"))).scalars()
        assert Counter(dues) == {"2025-12-20": 10, "2025-12-31": 1}
        reasons = connection.execute(select(event_text.c.payload).join(event).where(event.c.trigger == "amend"))
        assert all(REASON.encode() in payload for payload in reasons.scalars())
    assert number_of_openings(engine) == 2
    assert stage.intact(address(engine)) == ALL + 14


def test_what_is_amended_by_hand_stays_until_the_plan_changes_there(sqlite_engine: Engine) -> None:
    engine = sqlite_engine
    applied(engine)
    case = case_of(engine, "periodic_report", obligation="year_report", agency="department_of_health")
    longer = Fire(case=case, trigger="amend", input={"deadline": "2026-01-10"})
    stage.accepted(stage.send(engine, Role.PROVINCIAL_POLICE, longer, reason="Gia hạn"))
    found, done = applied(engine)
    assert (counts(found), found.difference.kept) == ((0, 0, ALL - 1, 0), 1)
    assert done.each == []
    # Another change of the plan leaves it as it is; one of that day does not.
    give(engine, plan_with(CHANGED[1]))
    assert [each.wanted.element for each in applied(engine)[0].difference.changed] == ["treatment"]
    give(engine, plan_with(CHANGED[0], CHANGED[1]))
    ours = [each for each in seen(engine).difference.changed if each.case.id == case]
    assert [(field.name, field.before, field.after) for field in ours[0].fields if field.name == "deadline"] == [
        ("deadline", "2026-01-10", "2025-12-20")
    ]
    assert len(seen(engine).difference.changed) == 10


def test_a_second_day_is_new_and_takes_nobodys_place(sqlite_engine: Engine) -> None:
    engine = sqlite_engine
    applied(engine)
    give(engine, plan_with(('due: {each_year: [{by: "06-15"}]}', 'due: {each_year: [{by: "03-15"}, {by: "06-15"}]}')))
    difference = seen(engine).difference
    assert {(each.element, each.deadline) for each in difference.new} == {("half_year_report", "2025-03-15")}
    assert len(difference.new) == 10
    changed = {field.name for each in difference.changed for field in each.fields}
    assert (len(difference.changed), changed) == (10, {"title", "period_from"})


def test_what_has_ended_is_not_amended(sqlite_engine: Engine) -> None:
    engine = sqlite_engine
    applied(engine)
    case = case_of(engine, "periodic_report", obligation="year_report", agency="department_of_health")
    report: Mapping[str, Mapping[str, str]] = {"report": dict(stage.DOCUMENT)}  # type: ignore[arg-type]  # texts
    stage.accepted(stage.send(engine, Role.COMMUNE_OFFICER, Fire(case=case, trigger="submit", input=report)))
    stage.accepted(stage.send(engine, Role.PROVINCIAL_POLICE, Fire(case=case, trigger="accept")))
    give(engine, plan_with(CHANGED[0]))
    found, done = applied(engine)
    left = [each.case.id for each, became in zip(found.difference.changed, done.changed, strict=True) if became is None]
    assert left == [case]
    assert done.number("amended") == 9
    assert counts(seen(engine))[1] == 0


def test_what_was_annulled_is_not_opened_again(sqlite_engine: Engine) -> None:
    engine = sqlite_engine
    applied(engine)
    case = case_of(engine, "plan_task", task="treatment")
    stage.accepted(
        stage.send(engine, Role.PROVINCIAL_POLICE, Fire(case=case, trigger="annul"), reason="Không giao ở đây")
    )
    found, _ = applied(engine)
    assert counts(found) == (0, 0, ALL - 1, 0)
    assert [each.id for each in found.difference.annulled] == [case]
    # Opened by hand, it is there again.
    data: Data = {"task": "treatment", "kind": "continuous", "year": 2025, "lead": ["department_of_health"]}
    by_hand = Open(workflow="plan_task", unit="96", title="Hỗ trợ", data=data, plan=PLAN)
    stage.accepted(stage.send(engine, Role.PROVINCIAL_POLICE, by_hand))
    assert seen(engine).difference.annulled == ()
    assert counts(seen(engine))[0] == 0


def test_a_refused_case_is_tried_again(sqlite_engine: Engine) -> None:
    engine = sqlite_engine
    data = {"approver": "steering_committee"}
    running = Open(workflow="commune_transformation", unit="32047", title="Xã Khánh Hòa", data=data)
    case = stage.accepted(stage.send(engine, Role.PROVINCIAL_POLICE, running)).events[0].case
    for _ in range(2):
        _, done = applied(engine)
        (failed,) = [each for each in done.each if each.result == "failed"]
        assert "one_at_a_time" in (failed.message or "")
        assert number_of_openings(engine) == 0, "an application that is not complete is none"
    annul = Fire(case=case, trigger="annul")
    stage.accepted(stage.send(engine, Role.PROVINCIAL_POLICE, annul, reason="Mở nhầm"))
    _, done = applied(engine)
    assert (done.number("opened"), len(done.each)) == (1, 1)
    assert number_of_cases(engine) == ALL
    assert number_of_openings(engine) == 1


def test_two_runs_that_race_open_every_case_once(engine: Engine) -> None:
    opened = race(engine)
    assert opened == ALL
    assert number_of_cases(engine) == ALL
    assert counts(seen(engine)) == (0, 0, ALL, 0)


def test_without_their_keys_both_would_open_it(sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the test above."""
    monkeypatch.setattr(plan_opening, "opening_key", lambda *_: token_hex(32))
    race(sqlite_engine)
    assert number_of_cases(sqlite_engine) > ALL


def race(engine: Engine) -> int:
    """Two engines and two people, who both saw nothing; returns how many cases they say that they opened."""
    with stage.running(address(engine)) as second, ThreadPoolExecutor(2) as pool:
        give(second, plan_with())
        runs = [(engine, Role.PROVINCIAL_POLICE), (second, Role.STEERING_COMMITTEE)]
        found = [(each, holder(each, role), seen(each, role=role)) for each, role in runs]
        done = list(pool.map(lambda run: asyncio.run(carry_out(run[0], run[1], run[2], lambda _: None)), found))
    return sum(each.number("opened") for each in done)


@pytest.mark.parametrize("database", size(("sqlite",), ("sqlite", "postgresql")))
def test_a_killed_run_is_completed_by_the_next(database: str, request: pytest.FixtureRequest) -> None:
    database_url = request.getfixturevalue(f"{database}_url")
    stage.populate(database_url)
    process = SPAWN.Process(target=open_and_die, args=(database_url,))
    process.start()
    process.join(stage.PATIENCE)
    assert process.exitcode == -signal.SIGKILL
    with stage.running(database_url) as engine:
        give(engine, plan_with())
        left = number_of_cases(engine)
        assert 0 < left < ALL
        found, done = applied(engine)
        assert counts(found) == (ALL - left, 0, left, 0)
        assert done.number("opened") == ALL - left
        assert number_of_cases(engine) == ALL
        assert number_of_openings(engine) == 1
    assert stage.intact(database_url) == ALL


def open_and_die(url: str) -> None:
    """In a process of its own: killed at the first answer, while small batches follow one another."""
    with stage.running(url, batch_limit=4) as engine:
        give(engine, plan_with())
        found = seen(engine)
        asyncio.run(carry_out(engine, holder(engine), found, lambda _: os.kill(os.getpid(), signal.SIGKILL)))


def test_cases_begin_on_a_day_on_which_all_who_are_named_were_there(sqlite_engine: Engine) -> None:
    """On 05/03/2025 the Department of Labour is no more; the plan of Trà Vinh names it."""
    _, done = applied(sqlite_engine, "tra-vinh-2025")
    assert (done.number("opened"), len(done.each)) == (243, 243)
    with sqlite_engine.database.read() as connection:
        began = connection.execute(select(cases.c.opened_at).distinct()).scalars().all()
    assert began == ["2025-02-16T17:00:00.000000Z"]  # midnight of the 17th, the plan's own day


def test_who_may_not_open_such_cases_opens_none(sqlite_engine: Engine) -> None:
    with pytest.raises(OpeningRefusedError, match="Only for"):
        seen(sqlite_engine, role=Role.DEPARTMENT)
    elsewhere = replace(holder(sqlite_engine), unit="84", unit_path="VN/84")
    with pytest.raises(OpeningRefusedError, match="outside your grant"):
        survey(sqlite_engine, elsewhere, PLAN, 2025)
    with pytest.raises(MissingError, match="ca-mau-2052"):
        seen(sqlite_engine, "ca-mau-2052")
    with pytest.raises(InvalidError, match="allowed: 2025, 2026"):
        seen(sqlite_engine, year=2027)
