"""The way back from a backup: into a place where nothing is yet, and checked before it is called restored.

An SQLite file gets its name only when everything about it was found right. PostgreSQL's archive is restored in one
transaction into an empty database; what is found wrong afterwards is told, and left for the operator to look at.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, text
from sqlalchemy.exc import DBAPIError

from workflows.store import fsck, schema
from workflows.store.backup import UNFINISHED, checksum_file, claim, keep, run, sha256, without_password
from workflows.store.database import Database, DatabaseError, driver, parse_url, sqlite_path
from workflows.store.fsck import FsckReport
from workflows.store.guarding import missing_guards

_KINDS: Final = {b"SQLite": "sqlite", b"PGDMP": "postgresql"}
_BESIDE: Final = ("-wal", "-shm", "-journal")
"""Files that SQLite would take for parts of a database of that name."""
_TURN: Final = ("-turn", "-lock")
_REVISION: Final = re.compile(r"^COPY \S*alembic_version \(version_num\) FROM stdin;\n(\S+)\n", re.MULTILINE)
_THINGS: Final = text("""
    SELECT relname FROM pg_class WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
    UNION ALL
    SELECT proname FROM pg_proc WHERE pronamespace::regnamespace::text !~ '^(pg_|information_schema$)'
    LIMIT 1
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    revision: str
    """Of the schema, as it was in the backup."""
    upgraded_to: str | None
    """None: it was the present one."""
    sum_checked: bool
    """Whether the backup's own SHA-256 stood beside it."""
    checked: FsckReport


def restore(backup: Path, url: str, *, upgrade: bool = False) -> Restored:
    """Makes the database at `url` from a backup.

    Args:
        backup: What `backup.copy` made, its checksum beside it where that was kept.
        url: An SQLite file that is not there, or a PostgreSQL database with nothing in it.
        upgrade: Whether an older schema is brought to the present one; otherwise it is refused.

    Raises:
        DatabaseError: the backup is damaged, of another kind or of a revision that cannot be used, or the target is
            not empty. An SQLite target is not there afterwards; the message says what became of a PostgreSQL one.
    """
    target = parse_url(url)
    _require_kind(backup, target)
    sum_checked = _check_sum(backup)
    put_back = _sqlite if target.get_backend_name() == "sqlite" else _postgresql
    revision, checked = put_back(backup, target, upgrade=upgrade)
    newest = schema.revisions()[-1]
    return Restored(
        revision=revision,
        upgraded_to=newest if revision != newest else None,
        sum_checked=sum_checked,
        checked=checked,
    )


def _require_kind(backup: Path, target: URL) -> None:
    with backup.open("rb") as file:
        head = file.read(6)
    kind = next((name for start, name in _KINDS.items() if head.startswith(start)), None)
    if kind is None:
        raise DatabaseError(f"{backup} is no backup: neither an SQLite database nor an archive of pg_dump")
    if kind != target.get_backend_name():
        raise DatabaseError(f"{backup} is a backup of {kind}; it cannot be restored into {target.get_backend_name()}")


def _check_sum(backup: Path) -> bool:
    file = checksum_file(backup)
    if not file.exists():
        return False
    wanted = file.read_text(encoding="utf-8").partition(" ")[0].strip()
    found = sha256(backup)
    if found != wanted:
        raise DatabaseError(f"{backup} is damaged: its SHA-256 is {found}, but {file} has {wanted}")
    return True


def _sqlite(backup: Path, target: URL, *, upgrade: bool) -> tuple[str, FsckReport]:
    path = sqlite_path(target)
    for taken in (path, *(_beside(path, end) for end in _BESIDE)):
        if taken.exists():
            raise DatabaseError(f"{taken} is there already; restoring never overwrites, so move it away first")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = _beside(path, UNFINISHED)
    _remove(unfinished)  # of a restore that was interrupted
    try:
        claim(unfinished)
        _copy(backup, unfinished)
        found = _examined(target.set(database=str(unfinished)), upgrade=upgrade)
        keep(unfinished, path)
    except (driver.DatabaseError, DBAPIError) as error:
        raise DatabaseError(f"{backup} is damaged: {error}; nothing was restored") from error
    finally:
        _remove(unfinished)
    return found


def _beside(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def _remove(unfinished: Path) -> None:
    for file in (unfinished, *(_beside(unfinished, end) for end in (*_BESIDE, *_TURN))):
        file.unlink(missing_ok=True)


def _copy(backup: Path, target: Path) -> None:
    """By way of SQLite, which counts in what may still stand in a log beside the backup."""
    source = driver.connect(f"{backup.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        copied = driver.connect(str(target), isolation_level=None)
        try:
            source.backup(copied)
            copied.execute("PRAGMA journal_mode = DELETE")
            problem = copied.execute("PRAGMA integrity_check(1)").fetchone()[0]
        finally:
            copied.close()
    finally:
        source.close()
    if problem != "ok":
        raise DatabaseError(f"{backup} is damaged: {' '.join(problem.split())}; nothing was restored")


def _postgresql(backup: Path, target: URL, *, upgrade: bool) -> tuple[str, FsckReport]:
    _require_revision(_archived_revision(backup), upgrade=upgrade)
    with Database(target) as database, database.read() as connection:
        there = connection.execute(_THINGS).scalar()
    if there is not None:
        raise DatabaseError(f"{_shown(target)} is not empty: it holds {there!r}; restore into a new database")
    # Owners and rights of the old server need not exist here: `init --server-role` gives rights anew.
    arguments = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password")
    address = f"--dbname={without_password(target)}"
    run("pg_restore", (*arguments, address, str(backup)), password=target.password or "")
    try:
        return _examined(target, upgrade=upgrade)
    except (DatabaseError, DBAPIError) as error:
        message = f"{_shown(target)} holds what was restored, but is not to be used: {error}"
        raise DatabaseError(message) from error


def _archived_revision(backup: Path) -> str | None:
    found = _REVISION.search(run("pg_restore", ("--data-only", "--table=alembic_version", "--file=-", str(backup))))
    return found[1] if found else None


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def _examined(url: URL, *, upgrade: bool) -> tuple[str, FsckReport]:
    """The revision as it was and what `fsck` says, after an upgrade where one was asked for."""
    with Database(url) as database, database.read() as connection:
        revision = _require_revision(schema.revision_of(connection), upgrade=upgrade)
    if revision != schema.revisions()[-1]:
        schema.upgrade(url.render_as_string(hide_password=False))
    with Database(url) as database, database.read() as connection:
        _require_guards(connection)
        report = fsck.check_state(connection)
    if report.first_bad is not None:
        raise DatabaseError(report.summary.en)
    return revision, report


def _require_revision(found: str | None, *, upgrade: bool) -> str:
    known = schema.revisions()
    if found is None:
        raise DatabaseError("the backup holds no schema of this program")
    if found not in known:
        raise DatabaseError(
            f"the backup has schema revision {found}, which this program does not know (its newest is {known[-1]}): "
            "restore it with the version that made it, or a newer one"
        )
    if found != known[-1] and not upgrade:
        raise DatabaseError(
            f"the backup has schema revision {found}, older than {known[-1]} of this program: "
            "give --upgrade to bring what is restored up to date"
        )
    return found


def _require_guards(connection: Connection) -> None:
    missing = missing_guards(connection)
    if missing:
        raise DatabaseError(f"triggers that keep tables append-only are missing: {', '.join(missing)}")
