"""The demonstration plays its half-year on both databases, through the engine, and tells what happens and why."""

import json
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pytest
from litestar.testing import TestClient
from sqlalchemy import Row, make_url, select

from api.app import create_app
from workflows.cli import main
from workflows.core.case import Case, CaseId, Event, Fire, Offer, Open
from workflows.core.civil import show_date
from workflows.core.documents import Role
from workflows.services.clock import continuing
from workflows.services.demo import DemoResult, run
from workflows.services.demo_cast import (
    BINH_PHU,
    CHAU_DIEN,
    HOA_LOI,
    HUYEN_HOI,
    LONG_DUC,
    ROUND,
    VINH_KIM,
    WARD_1,
    WARD_3,
)
from workflows.services.demo_clock import demo_instant
from workflows.services.demo_stage import FIRST_DAY, DemoClock, DemoError, Stage, opening_hour
from workflows.services.engine import Engine
from workflows.store import fsck, keys, rows
from workflows.store.database import Database
from workflows.store.tables import attempt, cases, count_entry, event, event_text

REFUSED = [
    ("hotspot", "open", {"not_in_force"}),
    ("certification", "appraise", {"unknown"}),
    ("list_decision", "decide", {"criterion_a"}),
    ("list_decision", "decide", {"four_eyes"}),
    ("hotspot", "resolve", {"four_eyes", "too_early"}),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    lines: tuple[str, ...]
    result: DemoResult
    cases: tuple[Case, ...]
    events: tuple[Event, ...]
    """Of all cases, each case's in order."""
    attempts: tuple[Row[Any], ...]
    figures: tuple[Row[Any], ...]

    def case(self, workflow: str, unit: str) -> Case:
        (found,) = [case for case in self.cases if (case.workflow, case.unit) == (workflow, unit)]
        return found

    def steps(self, workflow: str, unit: str) -> list[Event]:
        wanted = self.case(workflow, unit).id
        return [each for each in self.events if each.case == wanted]


KEPT: dict[str, Played] = {}
"""By kind of database: a play takes seconds, and most tests only read what it left."""


@pytest.fixture
def played(database_url: str) -> Played:
    return kept(database_url)


def kept(url: str) -> Played:
    kind = make_url(url).get_backend_name()
    if kind not in KEPT:
        KEPT[kind] = play(url)
    return KEPT[kind]


def play(url: str) -> Played:
    lines: list[str] = []
    result = run(url, lines.append)
    with Database(url) as database, database.read() as connection:
        found = tuple(rows.case_of(row) for row in connection.execute(select(cases)).mappings())
        statement = select(event, event_text).outerjoin_from(event, event_text).order_by(event.c.case_id, event.c.seq)
        events = tuple(rows.event_of(row) for row in connection.execute(statement).mappings())
        attempts = tuple(connection.execute(select(attempt).order_by(attempt.c.recorded_at)).all())
        figures = tuple(connection.execute(select(count_entry)).all())
    return Played(lines=tuple(lines), result=result, cases=found, events=events, attempts=attempts, figures=figures)


def test_every_case_ends_where_the_story_says(played: Played) -> None:
    expected = dict.fromkeys(ROUND, "certified")
    expected |= {CHAU_DIEN: "refused", HUYEN_HOI: "revoked", LONG_DUC: "under_review"}
    assert {case.unit: case.state for case in played.cases if case.workflow == "certification"} == expected
    assert played.result.cases["certification"] == {"certified": 5, "refused": 1, "revoked": 1, "under_review": 1}
    assert played.result.cases["hotspot"] == {"dismissed": 1, "monitored": 3, "relapsed": 1, "suppressed": 4}
    assert played.result.cases["opinion"] == {"declined": 1, "given": 24, "requested": 1}
    assert sum(sum(states.values()) for states in played.result.cases.values()) == len(played.cases)
    suppressed = [each.input["suppressed_on"] for each in played.steps("hotspot", WARD_1) if each.trigger == "suppress"]
    assert suppressed == ["2025-01-20", "2025-03-21", "2025-04-14"], "relapsed twice, one case, each with its date"


def test_the_list_is_decided_in_one_transaction(played: Played) -> None:
    (listed,) = [case for case in played.cases if case.workflow == "list_decision"]
    (decided,) = [each for each in played.events if each.case == listed.id and each.trigger == "decide"]
    approved = [each for each in played.events if each.cause == decided.id]
    assert {each.case for each in approved} == set(listed.links["members"])
    assert len(approved) == 6
    assert {(each.trigger, each.target, each.command, each.recorded_at) for each in approved} == {
        ("approve", "certified", decided.command, decided.recorded_at)
    }
    (taken_off,) = [each for each in played.events if each.case == listed.id and each.trigger == "amend"]
    assert taken_off.reason is not None
    assert taken_off.changes["links"]["members"]["removed"] == [played.case("certification", VINH_KIM).id]


def test_a_hotspot_puts_the_certificate_under_review_in_its_own_transaction(played: Played) -> None:
    by_id = {each.id: each for each in played.events}
    reviews = sorted(
        (each for each in played.events if each.trigger == "put_under_review"), key=lambda e: e.recorded_at
    )
    causes = [by_id[each.cause] for each in reviews if each.cause]
    assert [(each.unit, each.trigger) for each in causes] == [
        (LONG_DUC, "open"),
        (HUYEN_HOI, "relapse"),
        (LONG_DUC, "relapse"),
    ]
    assert [(each.command, each.recorded_at) for each in reviews] == [(c.command, c.recorded_at) for c in causes]
    assert [each.trigger for each in played.steps("certification", LONG_DUC)][-3:] == [
        "put_under_review",
        "reinstate",
        "put_under_review",
    ]
    assert played.steps("hotspot", HOA_LOI)[-2].trigger == "relapse", "a conditional business, which has no effect"


def test_refused_attempts_are_recorded_and_explained(played: Played) -> None:
    entries = [json.loads(row.entry) for row in played.attempts]
    codes = [{blocker["code"] for blocker in entry["blockers"]} for entry in entries]
    assert [(row.workflow, row.trigger, each) for row, each in zip(played.attempts, codes, strict=True)] == REFUSED
    told = "\n".join(played.lines)
    for message in (blocker["message"] for entry in entries for blocker in entry["blockers"]):
        assert message["vi"] in told
        assert message["en"] in told


def test_what_was_returned_was_completed(played: Played) -> None:
    steps = played.steps("certification", HOA_LOI)
    assert [each.trigger for each in steps] == [
        "open", "submit", "endorse", "request_opinions", "return", "endorse", "appraise", "approve",
    ]  # fmt: skip
    assert steps[4].input["missing"]
    late = played.steps("certification", VINH_KIM)
    assert [each.target for each in late if each.trigger == "return"] == ["appraisal", "district_review", "proposed"]
    assert [each.trigger for each in late[-2:]] == ["appraise", "approve"]
    assert late[-2].input == {"proceed_without_overdue": True}
    assert late[-1].recorded_at > played.steps("certification", LONG_DUC)[5].recorded_at, "later than the others"


def test_the_result_can_be_served_on(database_url: str) -> None:
    played = play(database_url)
    with Database(database_url) as database:
        assert fsck.check(database).first_bad is None
        assert demo_instant(database) == played.result.last_instant
        with database.read() as connection:
            holders = {role: keys.find(connection, secret) for role, secret in played.result.keys.items()}
    assert {role: holder.role for role, holder in holders.items() if holder} == {role: Role(role) for role in holders}
    committee = holders[Role.PROVINCIAL_COMMITTEE]
    assert committee is not None
    engine = Engine.start(database_url, clock=continuing(played.result.last_instant))
    try:
        offers = engine.explain(committee.grant, played.result.case)
    finally:
        engine.stop()
    assert isinstance(offers, tuple)
    offered: dict[str, Offer] = {offer.trigger: offer for offer in offers}
    assert [blocker.code for blocker in offered["reinstate"].blockers] == ["open_hotspots"]
    assert offered["revoke"].allowed


def test_new_work_can_be_done_on_it(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    played = play(sqlite_url)
    with pytest.raises(SystemExit) as ended:
        main(("key", "create", "--database", sqlite_url, "--role", "commune_police", "--unit", "84"))
    assert ended.value.code == 0
    headers = {"authorization": f"Bearer {capsys.readouterr().out.strip()}"}
    data = {"kind": "gathering_place", "found_by": "survey"}
    body = {"workflow": "hotspot", "unit": BINH_PHU, "title": "Tụ điểm mới", "data": data}
    engine = Engine.start(sqlite_url, clock=continuing(played.result.last_instant))
    try:
        with TestClient(create_app(engine)) as client:
            districts = [
                client.get("/api/v1/units", params={"parent": "84", **on}, headers=headers).json()["items"]
                for on in ({}, {"on": "2025-07-01"})
            ]
            opened = client.post("/api/v1/cases", json=body, headers=headers)
            certificate = client.get(f"/api/v1/cases/{played.case('certification', BINH_PHU).id}", headers=headers)
    finally:
        engine.stop()
    assert [len(found) for found in districts] == [9, 0], "the districts of Trà Vinh, and none after their end"
    assert opened.status_code == 201, opened.text
    assert certificate.json()["state"] == "under_review"


def test_figures_say_that_they_are_invented(played: Played) -> None:
    assert {row.source for row in played.figures} == {
        "Số liệu minh họa, không phải số liệu thật / demonstration figure, not real"
    }
    assert len(played.figures) == len(ROUND) * 17, "two on the day of taking in, fifteen for the proposal"


def test_both_databases_are_told_the_same_story(sqlite_url: str, postgresql_url: str) -> None:
    first, second = kept(sqlite_url).lines, kept(postgresql_url).lines
    assert first[:-1] == second[:-1]
    assert re.fullmatch(r"\d+\.\d s", first[-1])
    days = [datetime.strptime(line[:10], "%d/%m/%Y").date() for line in first if re.match(r"\d\d/\d\d/\d{4} ", line)]  # noqa: DTZ007 - a civil date
    assert days == sorted(days)
    assert days[0] == FIRST_DAY
    assert days[-1] == date(2025, 6, 19)
    told = "\n".join(first)
    for mention in ("III.2", "III.3", "III.4", "Minh họa: điểm, tụ điểm", "không diễn việc sáp nhập", "26/02/2025"):
        assert mention in told, mention
    assert "fsck: Đã kiểm tra" in told


def test_a_database_with_cases_is_left_alone(sqlite_url: str) -> None:
    first = play(sqlite_url)
    with pytest.raises(DemoError, match="holds cases"):
        run(sqlite_url, lambda _line: None)
    with Database(sqlite_url) as database:
        report = fsck.check(database)
    assert (report.cases, report.events) == (len(first.cases), len(first.events))


def test_the_stage_stops_when_the_engine_decides_otherwise(sqlite_url: str) -> None:
    clock = DemoClock(opening_hour(FIRST_DAY))
    engine = Engine.start(sqlite_url, clock=clock)
    stage = Stage(engine=engine, clock=clock, say=lambda _line: None)
    data = {"kind": "point", "found_by": "survey"}
    try:
        stage.appoint("ca-tinh.01", Role.PROVINCIAL_POLICE, "84")
        opened = stage.open("ca-tinh.01", "hotspot", WARD_3, "Điểm", data).events[0].case
        with pytest.raises(DemoError, match="monitor"):
            stage.fire("ca-tinh.01", opened, "monitor")
        with pytest.raises(DemoError, match="was not refused"):
            stage.refused("ca-tinh.01", Open(workflow="hotspot", unit=WARD_3, title="Điểm", data=data))
        with pytest.raises(DemoError, match="was not refused"):
            stage.refused("ca-tinh.01", Fire(case=CaseId("no-case"), trigger="monitor"))
        with pytest.raises(DemoError, match="nothing stands against"):
            stage.blockers("ca-tinh.01", opened, "suppress")
        with pytest.raises(DemoError, match=show_date(FIRST_DAY)):
            stage.on("2025-01-05")
    finally:
        engine.stop()
