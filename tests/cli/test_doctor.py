"""Every check of `doctor` passes on a sound installation, and fails on one where just that is wrong."""

import contextlib
import json
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import pytest
from psycopg import sql
from sqlalchemy import delete, insert, make_url, select, text, update

from tests.cli.conftest import Run
from tests.conftest import execute, with_database
from tests.store import samples
from workflows.core.civil import civil_date, format_instant
from workflows.core.documents import Role
from workflows.loader import find_definitions
from workflows.services import doctor_machine as machine
from workflows.services.clock import utc_now
from workflows.services.diagnosis import Finding, Status
from workflows.services.doctor import examine, library, turn
from workflows.services.doctor_machine import Place
from workflows.services.doctor_postgresql import Server, postgresql
from workflows.store import keys, schema
from workflows.store.database import Database, parse_url, sqlite_path
from workflows.store.tables import api_key, cases, count_entry, definition, delivery, subscription, unit

DEFINITIONS: Final = find_definitions(None)
OK, WARNING, FAILURE = Status.OK, Status.WARNING, Status.FAILURE
PLACE: Final = Place(mode=0o600, writable=True, size=10**6, free=10**11, kind="ext4")
SERVER: Final = Server(
    major=18,
    settings={"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "max_connections": "200"},
    reserved=3,
    standby=False,
    role="server",
    owner=False,
    missing=[],
)
MOUNTS: Final = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:40 / /srv/data rw shared:2 - nfs4 server:/export rw
24 22 0:41 / /srv/my\040data rw - cifs //server/share rw
25 23 8:2 / /srv/data/local rw - xfs /dev/sdb1 rw
26 22 0:42 / /srv/dữ\040liệu rw - nfs server:/other rw
"""


def examined(url: str, **more: Any) -> dict[str, Finding]:  # noqa: ANN401 - as `examine` takes them
    return {finding.name: finding for finding in examine(url, DEFINITIONS, **more)}


def one(name: str, url: str, **more: Any) -> Finding:  # noqa: ANN401 - as `examine` takes them
    """Without the checks after it."""
    return next(finding for finding in examine(url, DEFINITIONS, **more) if finding.name == name)


def statuses(findings: Mapping[str, Finding]) -> dict[str, Status]:
    return {name: finding.status for name, finding in findings.items()}


def new_key(url: str, *, days: int | None = None) -> keys.NewKey:
    end = civil_date(utc_now()) + timedelta(days=days) if days is not None else None
    with Database(url) as database:
        grant = keys.Grant(role=Role.AUDITOR, unit="VN", person="an", name="an", valid_to=end)
        return keys.create(database, grant, now=utc_now())


@pytest.fixture
def sound(database_url: str) -> str:
    """A database with nothing to complain of, but that on PostgreSQL its owner asks."""
    new_key(database_url)
    if database_url.startswith("sqlite"):
        sqlite_path(make_url(database_url)).chmod(0o600)
    return database_url


def test_a_sound_installation_passes(sound: str) -> None:
    found = statuses(examined(sound))
    expected = dict.fromkeys(found, OK)
    if not sound.startswith("sqlite"):
        expected["role"] = WARNING
        expected["client_programs"] = found["client_programs"]  # those of this machine
        expected["durability"] = OK if waits_for_the_disk(sound) else FAILURE  # the run's own server does not
    assert found == expected
    common = {"python", "time_zone", "documents", "schema", "turn", "definitions", "units", "guards", "clock", "keys"}
    places = {"sqlite", "file_system", "permissions", "disk"}
    servers = {"server", "durability", "role", "connections", "client_programs"}
    common |= {"feed", "webhooks", "deadlines"}
    assert found.keys() == common | (places if sound.startswith("sqlite") else servers)


def waits_for_the_disk(url: str) -> bool:
    with Database(url) as database, database.read() as connection:
        return bool(connection.execute(text("SHOW fsync")).scalar_one() == "on")


def test_each_fault_of_the_contents_is_found(sound: str) -> None:
    """All at once, for every check looks at its own table."""
    ending = new_key(sound, days=10)
    with Database(sound) as database, database.write() as connection:
        connection.execute(delete(definition).where(definition.c.key == "hotspot"))
        connection.execute(update(unit).where(unit.c.code == "84").values(name="Tỉnh khác"))
        drop = (
            "DROP TRIGGER event_no_delete"
            if database.is_sqlite
            else "ALTER TABLE event DISABLE TRIGGER event_no_change"
        )
        connection.execute(text(drop))
        tomorrow = format_instant(utc_now() + timedelta(days=1))
        figure = {"unit": "84", "key": "users", "value": 1, "as_of": "2025-01-01", "source": "x", "person": "an"}
        connection.execute(
            insert(count_entry), {**figure, "id": str(uuid4()), "grant_id": ending.id, "recorded_at": tomorrow}
        )
        connection.execute(insert(subscription), subscribed(ending.id))
        connection.execute(insert(delivery), undelivered("dead"))
    found = examined(sound)
    for name, status, told in (
        ("definitions", FAILURE, "hotspot 1"),
        ("units", FAILURE, "differ"),
        ("guards", FAILURE, "event_no_"),
        ("clock", FAILURE, "behind the newest entry"),
        ("keys", WARNING, ending.id),
        ("webhooks", WARNING, "1 webhook deliveries were given up"),
    ):
        assert found[name].status is status, name
        assert told in found[name].message.en
        assert found[name].message.vi != found[name].message.en


def test_a_broken_list_of_units_is_told(sqlite_url: str, tmp_path: Path) -> None:
    copied = shutil.copytree(DEFINITIONS, tmp_path / "definitions")
    next((copied / "units").glob("*.csv")).write_text("code,name\n", encoding="utf-8")
    found = {finding.name: finding for finding in examine(sqlite_url, copied)}["units"]
    assert found.status is FAILURE
    assert "no column" in found.message.en


def subscribed(grant: str) -> dict[str, object]:
    texts = dict.fromkeys(("name", "url", "secret", "workflows", "triggers", "units", "unit_paths"), "x")
    more = {"person": "an", "unit_path": "VN", "active": True, "created_at": format_instant(utc_now())}
    return {"id": "s", "grant_id": grant, **texts, **more}


def undelivered(state: str) -> dict[str, object]:
    ids = {"subscription_id": "s", "position": 1, "event_id": "e", "case_id": "c"}
    return {**ids, "state": state, "attempts": 9, "created_at": format_instant(utc_now() - timedelta(hours=1))}


def test_what_waits_too_long_or_for_nobody_is_found(sqlite_url: str) -> None:
    with Database(sqlite_url) as database:
        key = new_key(sqlite_url)
        with database.write() as connection:
            connection.execute(insert(subscription), subscribed(key.id))
            connection.execute(insert(delivery), undelivered("waiting"))
            connection.execute(update(api_key).values(revoked_at=format_instant(utc_now())))
            samples.store_definitions(connection)
            samples.store(connection, samples.histories(3, 1))
            report = select(definition.c.hash).where(definition.c.key == "periodic_report").scalar_subquery()
            late = {"definition": report, "state": "due", "due": "2025-01-01", "final": False}
            connection.execute(update(cases).values(late))
    found = examined(sqlite_url)
    assert [found[name].status for name in ("webhooks", "keys", "feed", "deadlines")] == [WARNING] * 4
    assert "1 cases late since yesterday" in found["deadlines"].message.en
    assert "1 webhook deliveries wait" in found["webhooks"].message.en
    assert "no API key can be used" in found["keys"].message.en
    assert "events not in the feed yet" in found["feed"].message.en
    assert re.search(r"cũ nhất \d\d/03/2025 \d\d:\d\d", found["feed"].message.vi)


@pytest.mark.parametrize(("revision", "told"), [("0001", "run `workflows init`"), ("9999", "use a newer one")])
def test_another_revision_ends_the_examination(sqlite_url: str, revision: str, told: str) -> None:
    with Database(sqlite_url) as database, database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
    found = examined(sqlite_url)
    assert found["schema"].status is FAILURE
    assert told in found["schema"].message.en
    assert "guards" not in found


def test_a_turn_that_is_not_given_back_is_found(sqlite_url: str) -> None:
    with held(sqlite_url):
        found = one("turn", sqlite_url, turn_seconds=0.2)
    assert found.status is FAILURE
    assert "-lock file" in found.message.en
    assert one("turn", sqlite_url).status is OK
    assert turn(3.0, 10).status is WARNING


def test_a_lock_that_cannot_be_opened_is_not_taken_for_one_that_is_held(sqlite_url: str) -> None:
    lock = Path(f"{sqlite_path(parse_url(sqlite_url))}-lock")
    lock.unlink(missing_ok=True)
    lock.mkdir()
    found = one("database", sqlite_url)
    assert found.status is FAILURE
    assert str(lock) in found.message.en


@contextlib.contextmanager
def held(url: str) -> Iterator[None]:
    """Somebody has the turn to write."""
    begun, done = threading.Event(), threading.Event()

    def hold() -> None:
        with Database(url) as database, database.turn():
            begun.set()
            done.wait(20)

    thread = threading.Thread(target=hold)
    thread.start()
    begun.wait(20)
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_the_role_of_a_server_is_judged_by_its_rights(postgresql_url: str) -> None:
    role = f"doctor_{uuid4().hex[:8]}"
    server = with_database(postgresql_url, "postgres")
    execute(server, sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
    url = make_url(postgresql_url).set(username=role).render_as_string(hide_password=False)
    try:
        assert one("database", url).status is FAILURE, "it may not even read which revision there is"
        schema.grant(postgresql_url, role)
        assert one("role", url).status is OK
        with Database(postgresql_url) as database, database.write() as connection:
            connection.execute(text(f"REVOKE UPDATE ON cases FROM {role}"))
        lacking = one("role", url)
        assert lacking.status is FAILURE
        assert "UPDATE on cases" in lacking.message.en
        owner = one("role", postgresql_url)
        assert owner.status is WARNING
        assert "owns the tables" in owner.message.en
    finally:
        with Database(postgresql_url) as database, database.write() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))
        execute(server, sql.SQL("DROP ROLE {}").format(sql.Identifier(role)))


@pytest.mark.parametrize(
    ("found", "name", "status", "told"),
    [
        (replace(SERVER, major=13), "server", FAILURE, "14 or newer"),
        (replace(SERVER, standby=True), "server", FAILURE, "read-only standby"),
        (replace(SERVER, settings={**SERVER.settings, "fsync": "off"}), "durability", FAILURE, "fsync off"),
        (
            replace(SERVER, settings={**SERVER.settings, "full_page_writes": "off"}),
            "durability",
            FAILURE,
            "full_page_writes off",
        ),
        (replace(SERVER, settings={**SERVER.settings, "synchronous_commit": "off"}), "durability", WARNING, "is off"),
        (replace(SERVER, missing=["INSERT on event"]), "role", FAILURE, "INSERT on event"),
        (replace(SERVER, owner=True), "role", WARNING, "switch triggers off"),
        (replace(SERVER, settings={**SERVER.settings, "max_connections": "60"}), "connections", WARNING, "few left"),
        (replace(SERVER, settings={**SERVER.settings, "max_connections": "40"}), "connections", FAILURE, "too many"),
    ],
)
def test_each_fault_of_a_server_is_found(found: Server, name: str, status: Status, told: str) -> None:
    sound = {each.name: each.status for each in postgresql(SERVER, 1)}
    assert {**sound, "client_programs": OK} == dict.fromkeys(sound, OK)
    (finding,) = (each for each in postgresql(found, 1) if each.name == name)
    assert finding.status is status
    assert told in finding.message.en


def test_more_processes_need_more_connections() -> None:
    assert [
        next(each.status for each in postgresql(SERVER, workers) if each.name == "connections") for workers in (3, 4)
    ] == [OK, FAILURE]


@pytest.mark.parametrize(
    ("place", "name", "status", "told"),
    [
        (replace(PLACE, kind="nfs4"), "file_system", FAILURE, "network file system (nfs4)"),
        (replace(PLACE, kind=None), "file_system", WARNING, "not known"),
        (replace(PLACE, writable=False), "permissions", FAILURE, "cannot write"),
        (replace(PLACE, mode=0o602), "permissions", FAILURE, "others may write"),
        (replace(PLACE, mode=0o644), "permissions", WARNING, "others may read"),
        (replace(PLACE, free=10**7), "disk", FAILURE, "make room now"),
        (replace(PLACE, free=10**9), "disk", WARNING, "too little for a backup"),
        (replace(PLACE, size=10**11), "disk", WARNING, "too little for a backup"),
    ],
)
def test_each_fault_of_a_file_s_place_is_found(place: Place, name: str, status: Status, told: str) -> None:
    assert {each.status for each in machine.files(PLACE)} == {OK}
    wrong = [each for each in machine.files(place) if each.status is not OK]
    assert [(each.name, each.status) for each in wrong] == [(name, status)]
    assert told in wrong[0].message.en


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/srv/other/x", "ext4"),
        ("/srv/data/x", "nfs4"),
        ("/srv/data/local/x", "xfs"),
        ("/srv/my data/x", "cifs"),
        ("/srv/dữ liệu/x", "nfs"),
    ],
)
def test_the_file_system_is_that_of_the_innermost_mount(path: str, kind: str) -> None:
    assert machine.file_system(Path(path), MOUNTS) == kind


def test_each_fault_of_the_machine_is_found(tmp_path: Path) -> None:
    assert machine.python((3, 10)).status is FAILURE
    assert machine.time_zone("Asia/Nowhere").status is FAILURE
    assert machine.time_zone("Asia/Tokyo").status is FAILURE
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "bad.yaml").write_text("workflow: 1", encoding="utf-8")
    assert machine.documents(tmp_path).status is FAILURE
    assert library("3.40.1").status is WARNING
    assert library("3.51.3").status is OK


@pytest.mark.parametrize(
    ("programs", "status", "told"),
    [
        ({"pg_dump": 18, "pg_restore": 19}, OK, "pg_dump 18, pg_restore 19"),
        ({"pg_dump": None, "pg_restore": 18}, WARNING, "pg_dump not on the PATH"),
        ({"pg_dump": 18, "pg_restore": 15}, WARNING, "pg_restore 15 older than the server (18)"),
    ],
)
def test_programs_that_cannot_make_a_backup_are_found(
    programs: Mapping[str, int | None], status: Status, told: str
) -> None:
    finding = machine.clients(programs, 18)
    assert finding.status is status
    assert told in finding.message.en


def test_the_command_prints_a_line_for_each_check_and_fails_with_one(run_program: Run, sqlite_url: str) -> None:
    sound = run_program("doctor", "--database", sqlite_url)
    assert sound.code == 0
    assert "warning  keys: không có khóa API nào dùng được" in sound.out
    assert all(line.split()[0] in {"ok", "warning"} for line in sound.out.splitlines())
    failed = run_program("doctor", "--database", "sqlite:///nowhere", "--language", "en", "--json")
    assert failed.code == 1
    told = json.loads(failed.out)
    assert told["healthy"] is False
    assert told["checks"][-1]["name"] == "database"
    assert "`workflows init` makes one" in told["checks"][-1]["message"]["en"]
    unreachable = run_program("doctor", "--database", "postgresql://someone:hush@127.0.0.1:1/x")
    assert unreachable.code == 1
    assert "hush" not in unreachable.out + unreachable.err
