"""The way back from a backup, drilled to the end, and every damage to a backup found before it is believed."""

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest
from psycopg import sql
from sqlalchemy import make_url, select, text, update

from tests.cli.conftest import Ended, Run
from tests.cli.office import DOCUMENT, office
from tests.cli.test_serving import served
from tests.conftest import execute, name_of, with_database
from tests.postgres import installations
from tests.sizes import size
from tests.store import samples
from tests.store.test_backup import version
from tests.store.test_feed import first_revision
from workflows.store import backup, restore, schema
from workflows.store.database import Database, DatabaseError, sqlite_path
from workflows.store.tables import cases, count_entry, event

FLIPS: Final = size(40, 2_000)


@pytest.fixture(autouse=True)
def programs(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client programs of the server's version, where they are installed."""
    if "postgresql_url" not in request.fixturenames and "postgresql" not in request.node.name:
        return
    with Database(request.getfixturevalue("postgresql_template")) as database, database.read() as connection:
        major = str(connection.execute(text("SHOW server_version_num")).scalar_one())[:2]
    fitting = [found for found in installations() if f" {major}." in version(found)]
    for found in fitting[:1]:
        monkeypatch.setenv("PATH", str(found), prepend=os.pathsep)


@pytest.fixture
def empty_url(database_url: str, tmp_path: Path) -> Iterator[str]:
    """Of the same kind as the database: an SQLite file that is not there, or a PostgreSQL database without anything."""
    if database_url.startswith("sqlite"):
        yield f"sqlite:///{tmp_path}/restored.sqlite"
        return
    server = with_database(database_url, "postgres")
    url = with_database(database_url, f"{make_url(database_url).database}_{uuid4().hex[:6]}")
    execute(server, sql.SQL("CREATE DATABASE {}").format(name_of(url)))
    yield url
    execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name_of(url)))


@pytest.fixture
def copy(sqlite_url: str, tmp_path: Path) -> Path:
    """A backup of an SQLite database with seven cases."""
    fill(sqlite_url)
    return backed_up(sqlite_url, tmp_path / "copy")


def fill(url: str) -> None:
    with Database(url) as database, database.write() as connection:
        samples.store_definitions(connection)
        samples.store(connection, samples.histories(7, 7))


def backed_up(url: str, target: Path) -> Path:
    with Database(url) as database:
        return backup.copy(database, target).path


def put_back(run: Run, source: Path, url: str, *options: str) -> Ended:
    return run("restore", str(source), "--database", url, *options)


@pytest.mark.either_database("postgresql")
def test_the_whole_drill(run_program: Run, database_url: str, empty_url: str, tmp_path: Path) -> None:
    people = office(run_program, database_url)
    place = people.open()
    people.open("Điểm bến xe")
    assert people("police", "case", "fire", place, "suppress", *DOCUMENT).code == 0
    source = tmp_path / "copy"
    assert run_program("backup", str(source), "--database", database_url).code == 0
    with Database(database_url) as database, database.write() as connection:
        connection.execute(update(cases).values(title="overwritten by mistake"))
    assert run_program("fsck", "--database", database_url).code == 1, "the damage is one"

    restored = put_back(run_program, source, empty_url)
    assert (restored.code, restored.err) == (0, "")
    if empty_url.startswith("sqlite"):
        assert sqlite_path(make_url(empty_url)).stat().st_mode & 0o077 == 0, "others may read it"
    assert "2 cases, 3 events: intact" in restored.out
    assert "has the SHA-256 that it was made with" in restored.out
    assert run_program("fsck", "--database", empty_url).code == 0
    with served(empty_url, tmp_path) as server:
        headers = {"Authorization": f"Bearer {people.secrets['auditor']}"}
        items = server.client.get("/api/v1/cases", headers=headers).json()["items"]
        assert sorted(item["state"] for item in items) == ["identified", "suppressed"]
    assert sorted(tmp_path.glob("*unfinished*")) == []


def test_nothing_is_overwritten(run_program: Run, database_url: str, tmp_path: Path) -> None:
    source = backed_up(database_url, tmp_path / "copy")
    refused = put_back(run_program, source, database_url)
    assert refused.code == 1
    assert "there already" in refused.err or "is not empty" in refused.err
    assert run_program("fsck", "--database", database_url).code == 0


@pytest.mark.parametrize("end", ["", "-wal", "-journal"])
def test_files_that_sqlite_would_take_for_its_own_are_not_overlooked(
    run_program: Run, copy: Path, tmp_path: Path, end: str
) -> None:
    left = tmp_path / f"new.sqlite{end}"
    left.touch()
    refused = put_back(run_program, copy, f"sqlite:///{tmp_path}/new.sqlite")
    assert refused.code == 1
    assert f"{left} is there already" in refused.err
    left.unlink()
    assert put_back(run_program, copy, f"sqlite:///{tmp_path}/new.sqlite").code == 0


def test_any_flipped_bit_is_noticed(copy: Path, tmp_path: Path) -> None:
    target = tmp_path / "new.sqlite"
    content, chance = copy.read_bytes(), random.Random(5)
    for place in (chance.randrange(100, len(content)) for _ in range(FLIPS)):
        copy.write_bytes(content[:place] + bytes([content[place] ^ 1 << chance.randrange(8)]) + content[place + 1 :])
        with pytest.raises(DatabaseError, match="is damaged: its SHA-256"):
            restore.restore(copy, f"sqlite:///{target}")
        assert not target.exists()
    copy.write_bytes(content)
    assert restore.restore(copy, f"sqlite:///{target}").sum_checked


def test_without_its_checksum_damage_is_found_by_the_database_itself(
    run_program: Run, copy: Path, tmp_path: Path
) -> None:
    backup.checksum_file(copy).unlink()
    url = f"sqlite:///{tmp_path}/new.sqlite"
    content = copy.read_bytes()
    with Database(f"sqlite:///{copy}") as database, database.read() as connection:
        entry = connection.execute(select(event.c.entry).order_by(event.c.id).limit(1)).scalar_one()
    place = content.index(entry) + len(entry) // 2
    damaged = {
        "cut": content[: len(content) // 2],
        "cut to a page": content[:4096],
        "emptied": content[:8192] + bytes(4096) + content[12288:],
        "flipped": content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :],
        "another file": b"PK\x03\x04" + content[4:],
    }
    for name, found in damaged.items():
        copy.write_bytes(found)
        refused = put_back(run_program, copy, url)
        assert refused.code == 1, name
        assert refused.err.count("\n") == 1, name
        assert list(tmp_path.glob("new.sqlite*")) == [], name
    copy.write_bytes(content)
    restored = put_back(run_program, copy, url)
    assert restored.code == 0
    assert "no checksum stood beside the backup" in restored.out


def test_a_damaged_archive_leaves_the_database_empty(run_program: Run, postgresql_url: str, tmp_path: Path) -> None:
    fill(postgresql_url)
    source = backed_up(postgresql_url, tmp_path / "copy.dump")
    content = source.read_bytes()
    server = with_database(postgresql_url, "postgres")
    empty = with_database(postgresql_url, f"{make_url(postgresql_url).database}_new")
    execute(server, sql.SQL("CREATE DATABASE {}").format(name_of(empty)))
    try:
        middle = len(content) // 2
        source.write_bytes(content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :])
        assert "is damaged: its SHA-256" in put_back(run_program, source, empty).err
        backup.checksum_file(source).unlink()
        source.write_bytes(content[: len(content) * 9 // 10])
        cut = put_back(run_program, source, empty)
        assert cut.code == 1
        assert "pg_restore failed" in cut.err
        source.write_bytes(content)
        restored = put_back(run_program, source, empty)
        assert (restored.code, restored.err) == (0, ""), "the cut one left nothing behind"
        assert "7 cases" in restored.out
        assert "is not empty" in put_back(run_program, source, empty).err
    finally:
        execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name_of(empty)))


def test_a_backup_of_the_other_kind_is_refused(run_program: Run, copy: Path, postgresql_url: str) -> None:
    refused = put_back(run_program, copy, postgresql_url)
    assert refused.code == 1
    assert "is a backup of sqlite" in refused.err
    assert put_back(run_program, copy.with_name("nowhere"), postgresql_url).code == 1


def test_another_revision_is_refused(run_program: Run, database_url: str, empty_url: str, tmp_path: Path) -> None:
    older, present = schema.revisions()[-2:]
    for revision, told in (("9999", "does not know"), (older, "give --upgrade"), (present, "")):
        with Database(database_url) as database:
            with database.write() as connection:
                connection.execute(text("UPDATE alembic_version SET version_num = :it"), {"it": revision})
            source = backup.copy(database, tmp_path / revision).path
        ended = put_back(run_program, source, empty_url)
        assert ended.code == (0 if revision == present else 1), "what was refused has left nothing behind"
        assert told in ended.err


def test_an_older_schema_is_brought_up_to_date_when_asked(run_program: Run, tmp_path: Path) -> None:
    older, url = tmp_path / "older.sqlite", f"sqlite:///{tmp_path}/new.sqlite"
    newest = schema.revisions()[-1]
    older.touch()
    first_revision(f"sqlite:///{older}")
    with Database(f"sqlite:///{older}") as database, database.write() as connection:
        samples.store_definitions(connection)
        for case, events in samples.histories(7, 7):
            samples.store_ledger(connection, case, events)
    assert "give --upgrade" in put_back(run_program, older, url).err
    upgraded = put_back(run_program, older, url, "--upgrade")
    assert (upgraded.code, upgraded.err) == (0, "")
    assert f"schema revision 0001, upgraded to {newest}" in upgraded.out
    assert sorted(each.name for each in tmp_path.glob("new.sqlite*") if each.stat().st_size) == ["new.sqlite"]
    assert run_program("fsck", "--database", url).code == 0
    with Database(f"sqlite:///{older}") as database, database.read() as connection:
        assert schema.revision_of(connection) == "0001", "the backup itself is left alone"


def test_a_backup_without_its_guards_is_not_called_restored(
    run_program: Run, database_url: str, empty_url: str, tmp_path: Path
) -> None:
    with Database(database_url) as database:
        with database.write() as connection:
            if database.is_sqlite:
                connection.execute(text("DROP TRIGGER count_entry_no_update"))
            else:
                connection.execute(text(f"ALTER TABLE {count_entry.name} DISABLE TRIGGER count_entry_no_change"))
        source = backup.copy(database, tmp_path / "copy").path
    refused = put_back(run_program, source, empty_url)
    assert refused.code == 1
    assert "count_entry_no_" in refused.err
    if not database.is_sqlite:
        assert "is not to be used" in refused.err


def test_the_checksum_is_one_that_other_programs_read(copy: Path) -> None:
    name = backup.checksum_file(copy).read_text(encoding="utf-8").split()
    assert name == [backup.sha256(copy), copy.name]
    shutil.copy(copy, copy.with_name("moved"))
    assert not backup.checksum_file(copy.with_name("moved")).exists()
