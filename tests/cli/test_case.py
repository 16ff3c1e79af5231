"""Cases on the command line: what is done, what is refused and how, and that the answers are those of the API."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from tests.api.conftest import served
from tests.cli.conftest import Run
from tests.cli.office import DOCUMENT, Office, office
from tests.factories import COMMUNE
from workflows.cli import casework
from workflows.cli.showing import safe, show_json
from workflows.core.case import Actor, Case
from workflows.services import reading
from workflows.services.engine import Engine

OPEN = ("case", "open", "--workflow", "hotspot", "--unit", COMMUNE, "--title", "Điểm")
KIND = ("--set=kind=point", "--set=found_by=survey")

REFUSED: Final[Sequence[tuple[Sequence[str], int, str]]] = [
    ([*OPEN, "--set=kind=pont"], 2, 'kind: unknown choice "pont"'),
    ([*OPEN, "--set=kind=point"], 2, "found_by: found_by is required"),
    ([*OPEN, *KIND, '--data={"kind": "point"}'], 2, "kind: is given more than once"),
    ([*OPEN, *KIND, "--data=@nowhere.json"], 2, "nowhere.json cannot be read"),
    ([*OPEN, *KIND, "--occurred-at=hôm qua"], 2, "--occurred-at"),
    ([*OPEN, *KIND, "--parent=0195"], 2, "give all 36 characters"),
    (["case", "open", "--workflow=hotspt", "--unit=1", "--title=x"], 2, "did you mean 'hotspot'?"),
    (["case", "list", "--workflow=hotspt"], 2, "--workflow: unknown workflow 'hotspt'"),
    (["case", "list", "--state=identifid"], 2, "--state: unknown state 'identifid'"),
    (["case", "list", "--unit=00"], 2, "--unit: there never was a unit '00'"),
    (["case", "show", "0195922b"], 2, "give all 36 characters"),
    (["case", "show", "0195922b-34e0-7ad9-ad7f-b9093ba699fb"], 1, "there is no case"),
    (["case", "fire", "0195922b-34e0-7ad9-ad7f-b9093ba699fb", "annul"], 1, "there is no case"),
]


@pytest.fixture
def desk(run_program: Run, sqlite_url: str) -> Office:
    return office(run_program, sqlite_url)


def versions(desk: Office) -> list[int]:
    return [case["version"] for case in desk.json("auditor", "case", "list")["items"]]


def test_a_case_is_opened_found_shown_and_moved(run_program: Run, database_url: str) -> None:
    desk = office(run_program, database_url)
    case_id = desk.open()
    listed = desk("police", "case", "list", "--language", "en")
    assert case_id in listed.out
    assert "Identified" in listed.out
    assert "04/04/2025" in listed.out, "due dates are written day first"
    shown = desk("province", "case", "show", case_id)
    assert "Đã xác định (identified), từ 05/03/2025 09:00" in shown.out
    assert "suppress: Triệt xóa → Đã triệt xóa: được phép" in shown.out
    fired = desk("province", "case", "fire", case_id, "suppress", *DOCUMENT)
    assert (fired.code, fired.err) == (0, "")
    assert "Thực hiện trên phiên bản 1" in fired.out
    assert "Đã xác định → Đã triệt xóa" in fired.out
    assert "12/QĐ-UBND, 01/03/2025, UBND tỉnh, Quyết định" in desk("auditor", "case", "show", case_id).out
    assert versions(desk) == [2]


def test_json_is_byte_for_byte_what_the_api_answers(run_program: Run, sqlite_url: str) -> None:
    desk = office(run_program, sqlite_url)
    case_id = desk.open("Điểm “A”")
    desk.open()
    for api in served(sqlite_url):
        for path, query, arguments in (
            (f"/cases/{case_id}", {}, ["case", "show", case_id]),
            ("/cases", {"state": "identified", "limit": "1"}, ["case", "list", "--state=identified", "--limit=1"]),
            (f"/cases/{case_id}/events", {}, ["events", "--case", case_id]),
            ("/events", {"trigger": "open"}, ["events", "--trigger", "open"]),
        ):
            answered = api.get(path, who="auditor", **query)
            assert answered.status_code == 200
            assert desk("auditor", *arguments, "--json").out == answered.text + "\n"


def test_refusals_name_what_was_found_and_needed_in_either_language(desk: Office) -> None:
    case_id = desk.open()
    for language, state, facts in (
        (
            "vi",
            "Hồ sơ đang ở trạng thái “Đã xác định”; bước này cần: “Đã triệt xóa”",
            "(có: identified; cần: suppressed)",
        ),
        (
            "en",
            "The case is in state “Identified”; this step needs: “Suppressed”",
            "(found: identified; needed: suppressed)",
        ),
    ):
        refused = desk("province", "case", "fire", case_id, "monitor", "--language", language)
        assert refused.code == 1
        assert f"- state: {state} {facts}" in refused.err
    answer = desk("province", "case", "fire", case_id, "monitor", "--json")
    assert answer.code == 1
    assert json.loads(answer.out)["code"] == "refused"
    assert versions(desk) == [1]


def test_what_cannot_be_is_told_and_nothing_is_written(desk: Office) -> None:
    for arguments, code, told in REFUSED:
        ended = desk("police", *arguments)
        assert ended.code == code, arguments
        assert told in ended.err
        assert "Traceback" not in ended.err
    assert versions(desk) == []
    assert desk("police", *OPEN, *KIND).code == 0, "what all of them lack"


def test_a_case_of_another_unit_is_as_if_it_were_not_there(desk: Office) -> None:
    case_id = desk.open()
    assert desk("elsewhere", "case", "show", case_id).code == 1
    assert desk("elsewhere", "case", "list").out == "Không có hồ sơ nào.\n"
    assert desk("police", "case", "show", case_id).code == 0


def test_values_may_come_from_a_file(desk: Office, tmp_path: Path) -> None:
    (tmp_path / "data.json").write_text('{"kind": "point", "found_by": "survey"}', encoding="utf-8")
    opened = desk.json("police", *OPEN, "--data", "@data.json", "--occurred-at", "05/03/2025 08:30")
    assert opened["case"]["opened_at"] == "2025-03-05T01:30:00.000000Z"


def test_a_dry_run_writes_nothing(desk: Office) -> None:
    case_id = desk.open()
    would = desk("province", "case", "fire", case_id, "suppress", *DOCUMENT, "--dry-run", "--language", "en")
    assert (would.code, would.err) == (0, "")
    assert "it would be done, and lead to: suppressed" in would.out
    would_not = desk("auditor", "case", "fire", case_id, "suppress", *DOCUMENT, "--dry-run")
    assert would_not.code == 1
    assert "- role:" in would_not.err
    without_input = desk("province", "case", "fire", case_id, "suppress", "--dry-run")
    assert "? not_in_future" in without_input.out
    assert desk("police", *OPEN, *KIND, "--dry-run").code == 0
    assert versions(desk) == [1]
    assert desk("province", "case", "fire", case_id, "suppress", *DOCUMENT).code == 0, "what was foretold"
    assert versions(desk) == [2]


def test_a_version_that_is_not_there_any_more_is_refused(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id = desk.open()
    stale = desk("province", "case", "fire", case_id, "suppress", *DOCUMENT, "--version", "7")
    assert stale.code == 1
    assert "stands at version 1, not 7" in stale.err

    read = reading.case

    def moved_since(engine: Engine, actor: Actor, given: str) -> Case:
        return replace(read(engine, actor, given), version=9)

    monkeypatch.setattr(reading, "case", moved_since)
    overtaken = desk("province", "case", "fire", case_id, "suppress", *DOCUMENT)
    assert overtaken.code == 1
    assert "stands at version 1, not 9" in overtaken.err
    monkeypatch.undo()
    assert versions(desk) == [1]


def test_an_idempotency_key_makes_repeating_safe(desk: Office) -> None:
    case_id = desk.open()
    fire = ("case", "fire", case_id, "suppress", *DOCUMENT, "--idempotency-key", "once")
    first, second = desk("province", *fire, "--json"), desk("province", *fire, "--json")
    assert first.code == second.code == 0
    assert first.out == second.out
    assert "từ trước" in desk("province", *fire).out
    assert versions(desk) == [2]
    other = desk("province", *fire, "--reason", "khác")
    assert other.code == 2
    assert "--idempotency-key" in other.err
    assert desk("province", *fire, "--idempotency-key", "ấ").code == 2


def test_stored_texts_cannot_forge_lines_of_a_terminal(desk: Office) -> None:
    title = "Điểm\x1b[2J\r\n0000 giả\u202e\u2028\x9b chợ"
    case_id = desk.open(title)
    escaped = r"Điểm\x1b[2J\r\n0000 giả\u202e\u2028\x9b chợ"
    for arguments in (["case", "list"], ["case", "show", case_id], ["case", "fire", case_id, "monitor"]):
        told = desk("province", *arguments)
        assert escaped in told.out
        assert not set(told.out + told.err) & set("\x1b\r\x9b\u202e\u2028")
    body = desk("province", "case", "show", case_id, "--json").out
    assert not set(body) & set("\x1b\r\x9b\u202e\u2028")
    assert json.loads(body)["title"] == title, "nothing is lost"
    assert safe("Tụ điểm “Đường 3/2” – ổn định") == "Tụ điểm “Đường 3/2” – ổn định"


def test_a_text_that_looks_like_a_date_is_a_text() -> None:
    assert show_json("2025-06-30") == "30/06/2025"
    for text in ("2025-99-99", "0000-01-01", "٢٠٢٥-٠٦-٣٠"):
        assert show_json(text) == text


def test_filters_restrict_and_pages_are_gathered(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = desk.open("Chợ Hòa Lợi"), desk.open("Bến xe")
    desk("province", "case", "fire", second, "suppress", *DOCUMENT)

    def ids(*options: str) -> list[str]:
        return [case["id"] for case in desk.json("province", "case", "list", *options)["items"]]

    assert ids() == [second, first]
    assert ids("-q", "cho hoa") == [first]
    assert ids("--state", "suppressed", "--workflow", "hotspot") == [second]
    assert ids("--unit", "84", "--not-overdue") == [second, first]
    assert ids("--overdue") == ids("--plan", "x") == ids("--parent", first) == []
    assert ids("--limit", "1") == [second]
    monkeypatch.setattr(casework, "LIMIT", 1)
    assert ids("--limit", "2") == [second, first]


def test_without_a_key_that_is_in_force_nothing_is_done(desk: Office) -> None:
    assert desk.run("case", "list", "--database", desk.url).code == 2
    wrong = desk.run("case", "list", "--database", desk.url, "--key", "wfk_wrong")
    assert wrong.code == 1
    assert "wfk_wrong" not in wrong.err
