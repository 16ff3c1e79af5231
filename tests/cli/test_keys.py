"""Keys on the command line: what is printed, what is refused, and that persons are told apart rightly."""

from collections.abc import Sequence
from typing import Final

import pytest
from sqlalchemy import insert

from tests.cli.conftest import Ended, Run
from workflows.services.demo_clock import DEMO_CLOCK
from workflows.store import keys
from workflows.store.database import Database
from workflows.store.tables import setting

PROVINCE: Final = "86"  # Vĩnh Long, in force since 01/07/2025
ENDED: Final = "84"  # Trà Vinh, which became part of it


def created(run: Run, url: str, *options: str, role: str = "auditor", unit: str = "VN") -> Ended:
    return run("key", "create", "--database", url, "--role", role, "--unit", unit, *options)


def holder(url: str, secret: str) -> str:
    with Database(url) as database, database.read() as connection:
        found = keys.find(connection, secret.strip())
    assert found is not None
    return found.person


def test_only_the_key_is_printed_and_it_opens(run_program: Run, database_url: str) -> None:
    made = created(run_program, database_url, "--person", "Lan.Nguyen-01")
    assert (made.code, made.err) == (0, "")
    assert made.out.startswith(keys.PREFIX)
    assert made.out.count("\n") == 1
    assert holder(database_url, made.out) == "lan.nguyen-01"


def test_keys_without_a_person_belong_to_different_persons(run_program: Run, sqlite_url: str) -> None:
    people = {holder(sqlite_url, created(run_program, sqlite_url).out) for _ in range(3)}
    assert len(people) == 3


def test_list_shows_keys_without_secrets_and_revoke_ends_one(run_program: Run, sqlite_url: str) -> None:
    name = "Sở Y tế\x1b[2K"
    secret = created(run_program, sqlite_url, "--name", name, "--valid-to", "2031-01-01").out.strip()
    listed = run_program("key", "list", "--database", sqlite_url)
    heads, line = listed.out.splitlines()
    assert secret not in listed.out
    assert heads.split()[0] == "id"
    assert r"Sở Y tế\x1b[2K" in line, "no name controls a terminal"
    assert "–01/01/2031" in line
    key_id = line.split()[0]
    assert run_program("key", "revoke", key_id, "--database", sqlite_url).code == 0
    again = run_program("key", "revoke", key_id, "--database", sqlite_url)
    assert again.code == 1
    assert key_id in again.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--role", "audtor"], 'did you mean "auditor"?'),
        (["--person", "Bà Lan"], '"Bà Lan" is not a person id'),
        (["--person", ""], "is not a person id"),
        (["--role", "department"], "agencies: "),
        (["--agency", "department_of_health"], "role department, and no other"),
        (["--role", "department", "--agency", "department_of_helth"], 'did you mean "department_of_health"?'),
        (["--scope", "hotspot.suppress"], "role system only"),
        (["--role", "system", "--scope", "hotspot.supress"], 'did you mean "hotspot.suppress"?'),
        (["--valid-from", "31/06/2025"], '--valid-from: "31/06/2025" is not a date'),
        (["--valid-to", "9999-12-31"], '--valid-to: "9999-12-31" is outside the years 1900 to 9998'),
        (["--valid-from", "2025-06-30", "--valid-to", "2025-06-30"], "is no day at all"),
        (["--unit", PROVINCE + "9999"], "no unit"),
        (["--unit", ENDED], f"successors: {PROVINCE}"),
        (["--unit", "vĩnh long"], f"{PROVINCE} "),
    ],
)
def test_a_grant_that_cannot_be_is_refused_in_one_line(
    run_program: Run, sqlite_url: str, options: Sequence[str], told: str
) -> None:
    ended = created(run_program, sqlite_url, *options)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err
    assert ended.err.count("\n") == 1
    assert len(run_program("key", "list", "--database", sqlite_url).out.splitlines()) == 1


def test_a_department_and_a_system_get_their_keys(run_program: Run, sqlite_url: str) -> None:
    for options in (
        ["--role", "department", "--agency", "department_of_health"],
        ["--role", "system", "--scope", "hotspot.suppress", "--scope", "opinion.*"],
    ):
        assert created(run_program, sqlite_url, *options).code == 0
    listed = run_program("key", "list", "--database", sqlite_url).out
    assert "department_of_health" in listed
    assert "hotspot.suppress,opinion.*" in listed


def test_in_a_database_of_the_demo_units_are_those_of_its_clock(run_program: Run, sqlite_url: str) -> None:
    assert created(run_program, sqlite_url, unit=ENDED).code == 2
    with Database(sqlite_url) as database, database.write() as connection:
        connection.execute(insert(setting), {"key": DEMO_CLOCK, "value": "2025-05-02T03:04:05.000000Z"})
    assert created(run_program, sqlite_url, unit=ENDED).code == 0
