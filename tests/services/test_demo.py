"""The demonstration plays its year on both databases, through the engine, and tells what happens and why."""

import json
import re
import shutil
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
from litestar.testing import TestClient
from openpyxl import load_workbook
from psycopg import sql
from sqlalchemy import make_url

from api.app import create_app
from tests.cli.test_serving import served
from tests.conftest import execute, name_of, with_database
from tests.services.plays import Played, play
from tests.sizes import only_full, size
from workflows.cli import main
from workflows.core.case import CaseId, Fire, Offer, Open
from workflows.core.civil import civil_date, format_instant, show_date
from workflows.core.documents import OPEN, Role
from workflows.core.overdue import Does
from workflows.loader import check, load
from workflows.services.clock import continuing
from workflows.services.demo import run
from workflows.services.demo_cast import (
    BINH_PHU,
    CANG_LONG,
    CHAU_DIEN,
    DUYEN_HAI_2,
    HOA_LOI,
    HUYEN_HOI,
    LONG_DUC,
    SELECTED,
    TRA_CU_DISTRICT,
    TRANSFORMED,
    VINH_KIM,
    WARD_1,
    WARD_3,
)
from workflows.services.demo_clock import demo_instant
from workflows.services.demo_definitions import REFORM, write_definitions
from workflows.services.demo_stage import FIRST_DAY, PLAN, DemoClock, DemoError, Stage, opening_hour
from workflows.services.engine import Engine
from workflows.services.plan_opening import survey
from workflows.services.settings import DEFINITIONS_VARIABLE
from workflows.services.targets import View, targets
from workflows.services.worker import Worker
from workflows.store import fsck, keys
from workflows.store.database import Database

DEFINITIONS = Path(__file__).parents[2] / "definitions"
REFUSED = [
    ("hotspot", "open", {"not_in_force"}),
    ("selection_decision", "decide", {"other_approver"}),
    ("commune_transformation", "begin_phase_2", {"too_early"}),
    ("commune_transformation", "conclude_transformed", {"open_hotspots"}),
    ("certification", "appraise", {"unknown"}),
    ("list_decision", "decide", {"criterion_a"}),
    ("list_decision", "decide", {"four_eyes"}),
    ("hotspot", "resolve", {"four_eyes", "too_early"}),
    ("periodic_report", "accept", {"own_report"}),
]


@pytest.fixture(scope="module")
def on_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Played:
    directory = tmp_path_factory.mktemp("demo")
    return play(f"sqlite:///{directory}/demo.sqlite", directory)


@pytest.fixture(scope="module")
def on_postgresql(tmp_path_factory: pytest.TempPathFactory, postgresql_template: str) -> Iterator[Played]:
    directory = tmp_path_factory.mktemp("demo")
    server = with_database(postgresql_template, "postgres")
    url = with_database(postgresql_template, f"{make_url(postgresql_template).database}_demo")
    execute(server, sql.SQL("CREATE DATABASE {}").format(name_of(url)))
    yield play(url, directory)
    execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name_of(url)))


@pytest.fixture(params=size(["on_sqlite"], ["on_sqlite", "on_postgresql"]))
def played(request: pytest.FixtureRequest) -> Played:
    """A play takes seconds, so that each kind of database has one, which the tests only read."""
    found: Played = request.getfixturevalue(request.param)
    return found


def test_every_certificate_and_place_ends_where_the_story_says(played: Played) -> None:
    expected = dict.fromkeys(TRANSFORMED, "certified")
    expected |= {CHAU_DIEN: "refused", HUYEN_HOI: "revoked", LONG_DUC: "under_review"}
    assert {case.unit: case.state for case in played.cases if case.workflow == "certification"} == expected
    assert played.result.cases["certification"] == {"certified": 20, "refused": 1, "revoked": 1, "under_review": 1}
    assert played.result.cases["hotspot"] == {"dismissed": 1, "monitored": 4, "relapsed": 2, "suppressed": 3}
    assert played.result.cases["opinion"] == {"declined": 1, "given": 69, "requested": 1}
    assert sum(sum(states.values()) for states in played.result.cases.values()) == len(played.cases)
    steps = played.steps(played.case("hotspot", WARD_1))
    suppressed = [each.input["suppressed_on"] for each in steps if each.trigger == "suppress"]
    assert suppressed == ["2025-01-20", "2025-04-07"], "relapsed and suppressed again, one case, each with its date"


def test_communes_are_selected_by_the_body_that_the_plan_names_and_go_through_its_phases(played: Played) -> None:
    found = {case.unit: case for case in played.cases if case.workflow == "commune_transformation"}
    assert len(found) == 104
    expected = dict.fromkeys(found, "not_selected") | dict.fromkeys(TRANSFORMED, "transformed")
    expected |= {CANG_LONG: "not_transformed", HUYEN_HOI: "complex_again"}
    assert {code: case.state for code, case in found.items()} == expected
    for code in SELECTED:
        steps = {each.trigger: each for each in played.steps(found[code])}
        days = {trigger: civil_date(each.occurred_at) for trigger, each in steps.items()}
        assert steps["select"].actor["role"] == Role.PROVINCIAL_POLICE
        assert steps["select"].actor["person"] != steps["open"].actor["person"]
        assert days["select"] < date(2025, 3, 30)
        assert days["begin"] <= date(2025, 4, 30)
        assert date(2025, 5, 1) <= days["begin_phase_2"] <= date(2025, 10, 31)
        assert date(2025, 11, 1) <= days["begin_phase_3"] < date(2025, 12, 14)


def test_a_success_proposes_the_certification_in_its_transaction(played: Played) -> None:
    for code in TRANSFORMED:
        (concluded,) = [
            each
            for each in played.steps(played.case("commune_transformation", code))
            if each.trigger == "conclude_transformed"
        ]
        opened = played.steps(played.case("certification", code))[0]
        assert (opened.trigger, opened.cause, opened.command) == (OPEN, concluded.id, concluded.command)
        assert (opened.version, opened.changes["set"]["taken_in_on"]) == (1, "2025-03-26"), "the three-tier version"
    assert not [case for case in played.cases if (case.workflow, case.unit) == ("certification", CANG_LONG)]


def test_the_round_of_certifications_is_in_the_third_phase(played: Played) -> None:
    decided = [
        each
        for code in TRANSFORMED
        if code not in {CHAU_DIEN, VINH_KIM}
        for each in played.steps(played.case("certification", code))
        if each.trigger in {"submit", "endorse", "appraise", "approve"}
    ]
    days = [civil_date(each.occurred_at) for each in decided]
    assert len(days) == 21 * 4 + 1, "and one that was endorsed twice"
    assert date(2025, 11, 1) <= min(days)
    assert max(days) < date(2025, 12, 14)


def test_the_list_is_decided_in_one_transaction(played: Played) -> None:
    (listed,) = [case for case in played.cases if case.workflow == "list_decision"]
    (decided,) = [each for each in played.steps(listed) if each.trigger == "decide"]
    approved = [each for each in played.events if each.cause == decided.id]
    assert {each.case for each in approved} == set(listed.links["members"])
    assert len(approved) == 21
    assert {(each.trigger, each.target, each.command, each.recorded_at) for each in approved} == {
        ("approve", "certified", decided.command, decided.recorded_at)
    }
    (taken_off,) = [each for each in played.steps(listed) if each.trigger == "amend"]
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
    assert played.triggers(played.case("certification", LONG_DUC))[-3:] == [
        "put_under_review",
        "reinstate",
        "put_under_review",
    ]
    assert played.triggers(played.case("hotspot", HOA_LOI))[-2] == "relapse", "a business, which has no effect"


def test_a_tip_off_opens_the_place_that_it_was_about(played: Played) -> None:
    (confirmed,) = [each for each in played.events if each.trigger == "confirm"]
    opened = played.steps(played.case("hotspot", DUYEN_HAI_2))[0]
    assert (opened.cause, opened.command) == (confirmed.id, confirmed.command)


def test_refused_attempts_are_recorded_and_explained(played: Played) -> None:
    entries = [json.loads(row.entry) for row in played.attempts]
    codes = [{blocker["code"] for blocker in entry["blockers"]} for entry in entries]
    assert [(row.workflow, row.trigger, each) for row, each in zip(played.attempts, codes, strict=True)] == REFUSED
    told = "\n".join(played.lines)
    for message in (blocker["message"] for entry in entries for blocker in entry["blockers"]):
        assert message["vi"] in told
        assert message["en"] in told


def test_what_was_returned_was_completed(played: Played) -> None:
    steps = played.steps(played.case("certification", HOA_LOI))
    assert [each.trigger for each in steps] == [
        "open", "submit", "endorse", "request_opinions", "return", "endorse", "appraise", "approve",
    ]  # fmt: skip
    assert steps[4].input["missing"]
    late = played.steps(played.case("certification", VINH_KIM))
    assert [each.target for each in late if each.trigger == "return"] == ["appraisal", "district_review", "proposed"]
    assert [each.trigger for each in late[-2:]] == ["appraise", "approve"]
    assert late[-2].input == {"proceed_without_overdue": True}
    survey_task = played.triggers(played.task("phase_1_survey"))
    assert survey_task == ["open", "start", "report", "return", "report", "accept"]


def test_what_is_late_is_told_by_the_worker_and_given_a_cause(played: Played) -> None:
    late = {
        played.task("phase_1_prepare").id: ("resources", "2025-04-30"),
        played.owed("phase_1_report", TRA_CU_DISTRICT).id: ("data_missing", "2025-05-07"),
        played.task("phase_3_outlook").id: ("awaiting_guidance", "2025-12-13"),
        played.owed("phase_3_report", "border_guard").id: ("awaiting_others", "2025-12-20"),
    }
    found = {case.id: (case.data["late_because"], case.data["deadline"]) for case in played.cases if case.id in late}
    assert found == late
    told = [(each.deadline.case, each.does, each.deadline.due.isoformat()) for each in played.notices]
    assert sorted(told) == sorted(
        (case, does, due) for case, (_, due) in late.items() for does in (Does.NOTIFY, Does.ESCALATE)
    )
    engine = played.engine()
    try:
        assert Worker(engine).catch_up() == 0, "nothing is left for the worker of whoever serves it"
    finally:
        engine.stop()


def test_reports_and_dated_tasks_are_done_but_for_what_is_told(played: Played) -> None:
    owed = [case for case in played.cases if case.workflow == "periodic_report"]
    assert len(owed) == 18 * 4 + 1
    assert {case.state for case in owed} == {"accepted", "due"}
    assert [case.data["agency"] for case in owed if case.state == "due"] == ["border_guard"]
    dated = {case.data["task"]: case.state for case in played.cases if "task" in case.data and "deadline" in case.data}
    assert {name for name, state in dated.items() if state != "accepted"} == {"phase_3_outlook"}
    assert len(dated) == 11, "ten of the plan, and one that was given a next time"
    for case in owed:
        people = {each.trigger: each.actor["person"] for each in played.steps(case)}
        assert "accept" not in people or people["accept"] != people["submit"]


def test_targets_stand_where_the_story_says_at_the_end(played: Played) -> None:
    engine = played.engine()
    try:
        with engine.database.read() as connection:
            auditor = keys.find(connection, played.result.keys[Role.AUDITOR])
            police = keys.find(connection, played.result.keys[Role.PROVINCIAL_POLICE])
        assert auditor is not None
        assert police is not None
        met = {
            day: {
                each.key: each.now.met
                for each in targets(engine, auditor, View(key=PLAN, as_of=day, unit=None)).targets
            }
            for day in (date(2025, 12, 8), date(2025, 12, 31))
        }
        assert survey(engine, police, PLAN, 2025).difference.new == (), "the plan was opened whole"
    finally:
        engine.stop()
    before, end = met.values()
    assert (before["certified_communes"], end["certified_communes"]) == (True, False), "21 of 104, then 20"
    assert (before["addicts_on_file"], end["addicts_on_file"]) == (False, True)
    assert end["addicts_trend"] is True
    assert end["hotspots_relapsed"] is False
    assert end["households_committed"] is None, "entered of the selected communes only: unknown, not 0"


def test_the_filled_report_of_the_year_is_written(played: Played) -> None:
    workbook, printed = played.result.files
    heads, *rows = load_workbook(workbook)["Chậm"].iter_rows(min_row=2, values_only=True)
    late = [dict(zip(heads, row, strict=True)) for row in rows]
    assert printed.read_bytes().startswith(b"%PDF")
    told = "\n".join(played.lines)
    assert [(each["Bước bị chậm"], each["Cơ quan chịu trách nhiệm"], each["Chậm (ngày)"]) for each in late] == [
        ("Tái hình thành", "công an cấp xã; công an cấp huyện; công an tỉnh", 57),
        ("Đang thực hiện", "Ủy ban nhân dân cấp huyện", 18),
        ("Đang thực hiện", "Ủy ban nhân dân cấp huyện", 12),
        ("Phải báo cáo", "Bộ đội Biên phòng tỉnh", 11),
        ("Chờ ý kiến", "Sở Tư pháp", 9),
        ("Phải báo cáo", "Ủy ban nhân dân huyện Trà Cú", 8),
    ]
    assert "72 báo cáo phải tổng hợp, đã nhận 71; 6 việc chậm, 4 việc có ghi nguyên nhân" in told
    for cause in ("Thiếu kinh phí hoặc nhân lực", "Figures are missing", "Awaiting guidance", "Awaiting other bodies"):
        assert cause in told


def test_the_result_can_be_served_on(played: Played) -> None:
    with Database(played.url) as database:
        assert fsck.check(database).first_bad is None
        assert demo_instant(database) == played.result.last_instant
        with database.read() as connection:
            holders = {role: keys.find(connection, secret) for role, secret in played.result.keys.items()}
    assert {role: holder.role for role, holder in holders.items() if holder} == {role: Role(role) for role in holders}
    committee = holders[Role.PROVINCIAL_COMMITTEE]
    assert committee is not None
    engine = played.engine()
    try:
        offers = engine.explain(committee.grant, played.result.case)
    finally:
        engine.stop()
    assert isinstance(offers, tuple)
    offered: dict[str, Offer] = {offer.trigger: offer for offer in offers}
    assert [blocker.code for blocker in offered["reinstate"].blockers] == ["open_hotspots"]
    assert offered["revoke"].allowed
    assert len(played.steps(played.case("certification", LONG_DUC))) == 9, "the version that the guide sends"


@pytest.fixture
def copy(on_sqlite: Played, tmp_path: Path) -> str:
    """Address of a copy of the database, to work on."""
    shutil.copyfile(make_url(on_sqlite.url).database or "", tmp_path / "copy.sqlite")
    return f"sqlite:///{tmp_path}/copy.sqlite"


def test_the_calls_of_the_guide_work_once_it_is_served_again(
    on_sqlite: Played, copy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DEFINITIONS_VARIABLE, raising=False)
    with pytest.raises(SystemExit) as ended:
        main(("serve", "--port", "0", "--database", copy))
    assert ended.value.code == 1
    assert "workflow certification version 2 is not stored" in capsys.readouterr().err
    monkeypatch.setenv(DEFINITIONS_VARIABLE, str(on_sqlite.result.definitions))
    headers = {"authorization": f"Bearer {on_sqlite.result.keys[Role.PROVINCIAL_COMMITTEE]}"}
    once = headers | {"if-match": '"9"', "idempotency-key": "revoke-1"}
    with served(copy, tmp_path, "--clock-from", format_instant(on_sqlite.result.last_instant)) as server:
        query = {"workflow": "certification", "state": "under_review"}
        waiting = server.client.get("/api/v1/cases", params=query, headers=headers).json()["items"]
        steps = f"/api/v1/cases/{waiting[0]['id']}/transitions"
        tried = {"trigger": "reinstate", "reason": "Đã kiểm tra", "input": {}, "dry_run": True}
        refused = server.client.post(steps, json=tried, headers=headers)
        document = {"number": "12/QĐ-UBND", "date": "2025-12-31", "issuer": "UBND tỉnh", "title": "Thu hồi"}
        wanted = {"trigger": "revoke", "reason": "Tái hình thành", "input": {"decision": document}}
        revoked = [server.client.post(steps, json=wanted, headers=once) for _ in range(2)]
    assert [each["id"] for each in waiting] == [on_sqlite.result.case]
    assert "open_hotspots" in refused.text
    assert [each.status_code for each in revoked] == [200, 200], revoked[0].text
    assert revoked[1].headers["idempotency-replayed"] == "true"


def test_new_work_can_be_done_on_it(
    on_sqlite: Played, copy: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DEFINITIONS_VARIABLE, str(on_sqlite.result.definitions))
    with pytest.raises(SystemExit) as ended:
        main(("key", "create", "--database", copy, "--role", "commune_police", "--unit", "84"))
    assert ended.value.code == 0
    headers = {"authorization": f"Bearer {capsys.readouterr().out.strip()}"}
    data = {"kind": "gathering_place", "found_by": "survey"}
    body = {"workflow": "hotspot", "unit": BINH_PHU, "title": "Tụ điểm mới", "data": data}
    engine = Engine.start(
        copy, clock=continuing(on_sqlite.result.last_instant), definitions_dir=on_sqlite.result.definitions
    )
    try:
        with TestClient(create_app(engine)) as client:
            districts = [
                client.get("/api/v1/units", params={"parent": "84", **on}, headers=headers).json()["items"]
                for on in ({}, {"on": "2025-02-17"})
            ]
            opened = client.post("/api/v1/cases", json=body, headers=headers)
            certificate = client.get(f"/api/v1/cases/{on_sqlite.case('certification', BINH_PHU).id}", headers=headers)
    finally:
        engine.stop()
    assert [len(found) for found in districts] == [9, 9], "the districts of Trà Vinh, which go on"
    assert opened.status_code == 201, opened.text
    assert certificate.json()["state"] == "under_review"


def test_its_definitions_are_the_shipped_ones_without_the_reform(on_sqlite: Played) -> None:
    shipped, own = load(DEFINITIONS), load(on_sqlite.result.definitions)
    day = date.fromisoformat(REFORM)
    kept = {key: tuple(v for v in versions if v.valid.from_ < day) for key, versions in shipped.workflows.items()}
    assert own.workflows == kept
    assert own.workflows != shipped.workflows, "the two-tier variant is left out"
    changed = {key for key, agency in own.agencies.items() if agency != shipped.agencies[key]}
    assert changed == {key for key, agency in shipped.agencies.items() if agency.valid.to == day}
    assert changed == {"district_peoples_committees", "district_steering_committees"}
    files = [*on_sqlite.result.definitions.glob("*.yaml"), *(on_sqlite.result.definitions / "units" / "acts").iterdir()]
    assert check([*files, on_sqlite.result.definitions / "plans" / f"{PLAN}.yaml"]) == []


def test_definitions_are_not_written_over_others(tmp_path: Path) -> None:
    (tmp_path / "definitions").mkdir()
    with pytest.raises(FileExistsError):
        write_definitions(DEFINITIONS, tmp_path / "definitions")


def test_figures_say_that_they_are_invented(played: Played) -> None:
    assert {row.source for row in played.figures} == {
        "Số liệu minh họa, không phải số liệu thật / demonstration figure, not real"
    }
    assert {row.unit for row in played.figures} > set(SELECTED)


@only_full
def test_both_databases_are_told_the_same_story(on_sqlite: Played, on_postgresql: Played) -> None:
    first, second = on_sqlite.lines, on_postgresql.lines
    assert first[:-1] == second[:-1]
    assert re.fullmatch(r"\d+\.\d s", first[-1])
    days = [datetime.strptime(line[:10], "%d/%m/%Y").date() for line in first if re.match(r"\d\d/\d\d/\d{4} ", line)]  # noqa: DTZ007 - a civil date
    assert days == sorted(days)
    assert days[0] == FIRST_DAY
    assert days[-1] == date(2025, 12, 31)
    told = "\n".join(first)
    for mention in ("III.2", "III.3", "III.4", "Minh họa: điểm, tụ điểm", "BA CẤP ĐƯỢC DIỄN ĐẾN HẾT NĂM", "01/07/2025"):
        assert mention in told, mention
    assert "fsck: Đã kiểm tra" in told
    assert len(first) < 280, "a story that can be read"


def test_a_database_in_use_is_left_alone(on_sqlite: Played, tmp_path: Path) -> None:
    with pytest.raises(DemoError, match="in use already"):
        run(on_sqlite.url, lambda _line: None, directory=tmp_path)
    with Database(on_sqlite.url) as database:
        report = fsck.check(database)
    assert (report.cases, report.events) == (len(on_sqlite.cases), len(on_sqlite.events))
    assert list(tmp_path.iterdir()) == []


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
