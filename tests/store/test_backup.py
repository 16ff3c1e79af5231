"""A backup is a checked copy of one state of a database in use, or there is none."""

import os
import subprocess
import threading
from pathlib import Path

import pytest
from sqlalchemy import insert, make_url, select, text, update

from tests.postgres import installations
from tests.store import samples
from workflows.store import backup, fsck
from workflows.store.database import Database, DatabaseError
from workflows.store.tables import cases, setting


def fill(database: Database) -> None:
    with database.write() as connection:
        samples.store_definitions(connection)
        samples.store(connection, samples.histories(5, 4))


def test_the_copy_of_a_busy_database_is_complete(sqlite_url: str, tmp_path: Path) -> None:
    stop = threading.Event()
    with Database(sqlite_url) as database:
        fill(database)
        thread = threading.Thread(target=write_pairs, args=(database, stop))
        thread.start()
        made = [backup.copy(database, tmp_path / f"copy-{number}.sqlite") for number in range(5)]
        stop.set()
        thread.join()
    for one in made:
        assert (one.checked.cases, one.checked.first_bad, one.restored) == (4, None, True)
        with Database(f"sqlite:///{one.path}") as copied, copied.read() as connection:
            assert len(connection.execute(select(setting)).all()) % 2 == 0, "half a transaction"
    assert list(tmp_path.glob("*unfinished*")) == []


def test_a_copy_can_be_read_by_its_owner_alone(database_url: str, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with Database(database_url) as database:
            fill(database)
            made = backup.copy(database, tmp_path / "copy")
    finally:
        os.umask(before)
    assert made.path.stat().st_mode & 0o777 == 0o600


def write_pairs(database: Database, stop: threading.Event) -> None:
    number = 0
    while not stop.is_set():
        with database.write() as connection:
            for half in ("a", "b"):
                connection.execute(insert(setting), {"key": f"{number}{half}", "value": "x"})
        number += 1


def test_an_archive_can_be_restored(postgresql_url: str, tmp_path: Path) -> None:
    with Database(postgresql_url) as database:
        fill(database)
        made = backup.copy(database, tmp_path / "copy.dump")
        assert (made.checked.cases, made.checked.first_bad, made.restored) == (4, None, False)
        with database.write() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    address = make_url(postgresql_url).set(drivername="postgresql").render_as_string(hide_password=False)
    subprocess.run(["pg_restore", "--dbname", address, str(made.path)], check=True)  # noqa: S607 - as on PATH
    with Database(postgresql_url) as database:
        assert fsck.check(database) == made.checked


@pytest.fixture(autouse=True)
def programs(postgresql_template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client programs of the server's version, where they are installed."""
    with Database(postgresql_template) as database, database.read() as connection:
        major = str(connection.execute(text("SHOW server_version_num")).scalar_one())[:2]
    fitting = [found for found in installations() if f" {major}." in version(found)]
    for found in fitting[:1]:
        monkeypatch.setenv("PATH", str(found), prepend=os.pathsep)


def version(programs: Path) -> str:
    return subprocess.run([programs / "pg_dump", "--version"], check=True, capture_output=True, text=True).stdout


def test_a_broken_database_gives_no_backup(database_url: str, tmp_path: Path) -> None:
    with Database(database_url) as database:
        fill(database)
        with database.write() as connection:
            connection.execute(update(cases).values(state="forged"))
        with pytest.raises(DatabaseError, match=r"no backup was kept.*forged"):
            backup.copy(database, tmp_path / "copy")
    assert list(tmp_path.glob("copy*")) == []


def test_a_backup_overwrites_nothing(sqlite_url: str, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    target.write_text("mine")
    with Database(sqlite_url) as database, pytest.raises(DatabaseError, match="never overwrites"):
        backup.copy(database, target)
    assert target.read_text() == "mine"


def test_missing_programs_are_named(postgresql_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with Database(postgresql_url) as database, pytest.raises(DatabaseError, match="pg_dump is not on the PATH"):
        backup.copy(database, tmp_path / "copy.dump")
