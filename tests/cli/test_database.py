"""`init`, `fsck` and `backup`, and how a database that cannot be used is told."""

from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import make_url, text, update

from tests.cli.conftest import Run
from tests.store import samples
from workflows.store.database import Database
from workflows.store.tables import cases


@pytest.fixture
def filled(sqlite_url: str) -> str:
    """A database with seven cases."""
    with Database(sqlite_url) as database, database.write() as connection:
        samples.store_definitions(connection)
        samples.store(connection, samples.histories(7, 7))
    return sqlite_url


def test_init_makes_the_default_database_and_may_be_repeated(run_program: Run, tmp_path: Path) -> None:
    first, second = run_program("init"), run_program("init")
    assert (tmp_path / "var" / "workflows.sqlite3").is_file()
    assert first.code == second.code == 0
    assert "tables made" in first.out
    assert "tables were up to date" in second.out
    assert first.out.partition(";")[2] == second.out.partition(";")[2]


def test_fsck_says_plainly_that_there_was_nothing(run_program: Run, sqlite_url: str) -> None:
    ended = run_program("fsck", "--database", sqlite_url)
    assert ended.code == 0
    assert "nothing is proved" in ended.out


def test_fsck_counts_and_finds(run_program: Run, filled: str) -> None:
    clean = run_program("fsck", "--database", filled)
    assert clean.code == 0
    assert "7 cases" in clean.out
    with Database(filled) as database, database.write() as connection:
        touched = connection.execute(cases.select().order_by(cases.c.id.desc()).limit(1)).mappings().one()["id"]
        connection.execute(update(cases).where(cases.c.id == touched).values(title="other"))
    bad = run_program("fsck", "--database", filled)
    assert bad.code == 1
    assert touched in bad.out


def test_a_backup_is_a_database_and_never_overwrites(run_program: Run, filled: str, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite3"
    assert "7 cases" in run_program("backup", str(target), "--database", filled).out
    assert run_program("fsck", "--database", f"sqlite:///{target}").code == 0
    content = target.read_bytes()
    again = run_program("backup", str(target), "--database", filled)
    assert again.code == 1
    assert str(target) in again.err
    assert target.read_bytes() == content


@pytest.mark.parametrize("command", [["fsck"], ["key", "list"], ["backup", "copy"]])
@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("sqlite:///nowhere.sqlite3", "`workflows init` makes one"),
        ("sqlite:///empty.sqlite3", "run `workflows init`"),
        ("sqlite:///other.sqlite3", "not a database"),
        ("mysql://localhost/x", "'mysql' is not supported"),
        ("postgresql://someone:hush@127.0.0.1:1/x", "connection"),
    ],
)
def test_an_unusable_database_is_told_in_one_line(
    run_program: Run, tmp_path: Path, command: Sequence[str], url: str, told: str
) -> None:
    (tmp_path / "empty.sqlite3").touch()
    (tmp_path / "other.sqlite3").write_text("A text, and longer than the head of a database is.\n" * 10)
    ended = run_program(*command, "--database", url)
    assert (ended.code, ended.out) == (1, "")
    assert told in ended.err
    assert "hush" not in ended.err
    assert ended.err.count("\n") == 1


def test_the_database_may_be_named_by_the_environment(
    run_program: Run, filled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKFLOWS_DATABASE_URL", filled)
    assert "7 cases" in run_program("fsck").out


def test_a_server_role_is_given_its_rights(run_program: Run, postgresql_url: str) -> None:
    role = f"server_{uuid4().hex}"
    with Database(postgresql_url) as database, database.write() as connection:
        connection.execute(text(f"CREATE ROLE {role}"))
    try:
        ended = run_program("init", "--database", postgresql_url, "--server-role", role)
        assert ended.code == 0, ended.err
        may = text(f"SELECT has_table_privilege('{role}', 'event', :what)")
        with Database(postgresql_url) as database, database.read() as connection:
            rights = {what: connection.execute(may, {"what": what}).scalar_one() for what in ("INSERT", "UPDATE")}
        assert rights == {"INSERT": True, "UPDATE": False}
    finally:
        with Database(postgresql_url) as database, database.write() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))


def test_a_role_without_rights_is_told_in_a_line(run_program: Run, postgresql_url: str) -> None:
    role = f"nobody_{uuid4().hex}"
    with Database(postgresql_url) as database, database.write() as connection:
        connection.execute(text(f"CREATE ROLE {role} LOGIN"))
        connection.execute(text("REVOKE ALL ON SCHEMA public FROM PUBLIC"))
        connection.execute(text(f"GRANT USAGE ON SCHEMA public TO {role}"))
    url = make_url(postgresql_url).set(username=role).render_as_string(hide_password=False)
    try:
        ended = run_program("fsck", "--database", url)
    finally:
        with Database(postgresql_url) as database, database.write() as connection:
            connection.execute(text(f"DROP OWNED BY {role}"))
            connection.execute(text(f"DROP ROLE {role}"))
    assert ended.code == 1
    assert ended.err.startswith("workflows: permission denied for table")
    assert ended.err.count("\n") == 1


def test_a_server_that_only_reads_is_told_in_a_line(run_program: Run, postgresql_url: str) -> None:
    name = make_url(postgresql_url).database
    with Database(postgresql_url) as database, database.write() as connection:
        connection.execute(text(f"ALTER DATABASE {name} SET default_transaction_read_only = on"))
    grant = ("--role", "auditor", "--unit", "VN", "--person", "an", "--name", "An")
    ended = run_program("key", "create", *grant, "--database", postgresql_url)
    assert ended.code == 1
    assert "read-only transaction" in ended.err
    assert ended.err.count("\n") == 1


def test_on_sqlite_there_are_no_roles_to_give_rights_to(run_program: Run, sqlite_url: str) -> None:
    ended = run_program("init", "--database", sqlite_url, "--server-role", "server")
    assert ended.code == 1
    assert "PostgreSQL only" in ended.err
