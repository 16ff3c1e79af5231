"""What happened, on the command line: filters, refused attempts, and following what comes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli.conftest import Run
from tests.cli.office import DOCUMENT, Office, office
from tests.factories import START
from workflows.cli import events
from workflows.store import keys
from workflows.store.database import Database
from workflows.store.feed import sequence

PROGRAM = Path(sys.executable).with_name("workflows")


@pytest.fixture
def desk(run_program: Run, sqlite_url: str) -> Office:
    return office(run_program, sqlite_url)


def sequenced(url: str) -> None:
    """What a server does beside."""
    with Database(url) as database, database.write() as connection:
        sequence(connection)


def test_events_are_listed_newest_first_and_filtered(desk: Office) -> None:
    first, second = desk.open(), desk.open()
    desk("province", "case", "fire", first, "suppress", *DOCUMENT)
    assert desk("police", "case", "fire", second, "monitor").code == 1

    def seen(*options: str) -> list[tuple[str, str]]:
        return [(each["case"], each["trigger"]) for each in desk.json("auditor", "events", *options)["items"]]

    suppressed, opened, attempted = (first, "suppress"), [(second, "open"), (first, "open")], (second, "monitor")
    assert seen() == [suppressed, *opened]
    assert seen("--outcome", "all") == [attempted, suppressed, *opened]
    assert seen("--outcome", "refused") == [attempted]
    assert seen("--actor", "province") == seen("--trigger", "suppress") == [suppressed]
    assert seen("--case", first) == [suppressed, opened[1]]
    assert seen("--from", "05/03/2025", "--to", "2025-03-06", "--workflow", "hotspot", "--limit", "1") == [suppressed]
    assert seen("--to", "05/03/2025") == seen("--from", "06/03/2025") == seen("--unit", "29404") == []


def test_a_person_reads_who_did_what_and_when(desk: Office) -> None:
    case_id = desk.open()
    assert desk("police", "case", "fire", case_id, "monitor").code == 1
    told = desk("auditor", "events", "--outcome", "all")
    heads, tried, opened = told.out.splitlines()
    assert heads.startswith("Ghi nhận lúc")
    assert "05/03/2025 09:00" in opened
    assert "Mở hồ sơ (open)" in opened
    assert "police (công an cấp xã)" in opened
    assert "Từ chối: state" in tried
    assert desk("auditor", "events", "--language", "en", "--actor", "nobody").out == "No events.\n"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--outcome", "acepted"], "did you mean 'accepted'?"),
        (["--trigger", "supress"], "--trigger: unknown trigger 'supress'"),
        (["--from", "33/01/2025"], "--from: "),
        (["--from", "02/01/2025", "--to", "02/01/2025"], "--to: must be after from"),
        (["--case", "0195"], "give all 36 characters"),
        (["--follow", "--outcome", "refused"], "--follow"),
        (["--follow", "--trigger", "supress"], "--trigger: unknown trigger"),
    ],
)
def test_a_misspelt_filter_is_refused(desk: Office, options: list[str], told: str) -> None:
    ended = desk("auditor", "events", *options)
    assert ended.code == 2
    assert told in ended.err


def test_what_comes_is_printed_until_an_interrupt(desk: Office, tmp_path: Path) -> None:
    before = desk.open()
    sequenced(desk.url)
    environment = {**os.environ, "WORKFLOWS_KEY": desk.secrets["auditor"]}
    command = [str(PROGRAM), "events", "--follow", "--json", "--database", desk.url]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        lines = iter(process.stdout.readline, "")
        assert "Ctrl-C" in process.stderr.readline(), "it follows from here"
        first, second = desk.open(), desk.open()
        sequenced(desk.url)
        found = [json.loads(next(lines)) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0, process.stderr.read()
        assert list(lines) == []
    assert [each["position"] for each in found] == [2, 3]
    assert [each["event"]["case"] for each in found] == [first, second]
    assert before not in {first, second}


def test_following_ends_with_the_key(desk: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    case_id = desk.open()
    other = desk.open()
    sequenced(desk.url)
    monkeypatch.setattr(events, "last_position", lambda _: 0)
    slept = iter([None])

    def revoke_then_fail(_: float) -> None:
        next(slept)  # a second look without the key would be a defect
        with Database(desk.url) as database, database.read() as connection:
            found = keys.find(connection, desk.secrets["auditor"])
        with Database(desk.url) as database:
            assert found is not None
            assert keys.revoke(database, found.grant, now=START)

    monkeypatch.setattr(events, "time", SimpleNamespace(sleep=revoke_then_fail))
    ended = desk("auditor", "events", "--follow", "--case", case_id)
    assert ended.code == 1
    assert "not in force any more" in ended.err
    assert case_id in ended.out
    assert other not in ended.out
