"""Copies of a database in use, checked before they are called copies.

An SQLite copy is a database file that is opened and checked itself. A PostgreSQL copy is an archive for
`pg_restore`: checked are the very state that it was taken of, and that the archive can be listed; restoring it
somewhere is the operator's drill. Beside either stands the SHA-256 of its bytes, in the form that `sha256sum --check`
reads: it tells damage that no other check would, such as another digit in a figure.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, text

from workflows.store import fsck
from workflows.store.database import Database, DatabaseError, driver
from workflows.store.fsck import FsckReport

UNFINISHED: Final = ".unfinished"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    path: Path
    checked: FsckReport
    restored: bool
    """Whether the copy itself was opened for the check; False: the state that it was taken of was checked."""


def copy(database: Database, target: Path) -> Backup:
    """Copies one state of the database while others read and write; a copy that is not intact is not kept.

    Raises:
        DatabaseError: the target is there already, the check found something, or a program is missing or failed.
    """
    if target.exists():
        raise DatabaseError(f"{target} is there already; a backup never overwrites")
    unfinished = target.with_name(target.name + UNFINISHED)
    try:
        claim(unfinished)
        checked = _copy_sqlite(database, unfinished) if database.is_sqlite else _dump(database, unfinished)
        if checked.first_bad is not None:
            raise DatabaseError(f"no backup was kept. {checked.summary.en}")
        _write_checksum(target, sha256(unfinished))
        keep(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    return Backup(path=target, checked=checked, restored=database.is_sqlite)


def claim(unfinished: Path) -> None:
    """An empty file that nobody else may read, in place of what an interrupted run may have left."""
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600, exist_ok=False)


def _copy_sqlite(database: Database, target: Path) -> FsckReport:
    """In one step of one read transaction, which SQLite's log lets run beside writers."""
    copied = driver.connect(str(target), isolation_level=None)
    try:
        with database.read() as connection:
            _raw(connection).backup(copied)
        copied.execute("PRAGMA journal_mode = DELETE")  # one file that is complete by itself
    finally:
        copied.close()
    with Database(database.url.set(database=str(target))) as opened:
        return fsck.check(opened)


def _raw(connection: Connection) -> Any:  # noqa: ANN401 - the driver has no types
    return connection.connection.driver_connection


def _dump(database: Database, target: Path) -> FsckReport:
    with database.read() as connection:
        # As long as this transaction lasts, pg_dump can see exactly its state.
        connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        url = database.url
        arguments = ("--format=custom", f"--snapshot={snapshot}", f"--file={target}", "--no-password")
        run("pg_dump", (*arguments, f"--dbname={without_password(url)}"), password=url.password or "")
        run("pg_restore", ("--list", str(target)))
        return fsck.check_state(connection)


def without_password(url: URL) -> str:
    """The address for PostgreSQL's programs: everybody can read a command line, so that the password goes elsewhere."""
    address = URL.create("postgresql", url.username, None, url.host, url.port, url.database, url.query)
    return address.render_as_string()


def run(program: str, arguments: Sequence[str], *, password: str = "") -> str:
    """What one of PostgreSQL's programs writes; raises DatabaseError when it is missing or fails."""
    found = shutil.which(program)
    if found is None:
        raise DatabaseError(
            f"{program} is not on the PATH; install PostgreSQL's client programs to make and restore backups"
        )
    done = subprocess.run(  # noqa: S603 - a fixed program with our own arguments
        [found, *arguments],
        env={**os.environ, **({"PGPASSWORD": password} if password else {})},
        capture_output=True,
        text=True,
        errors="replace",  # what a damaged archive makes a program say
        check=False,
    )
    if done.returncode:
        raise DatabaseError(f"{program} failed: {done.stderr.strip()[-1000:]}")
    return done.stdout


def checksum_file(backup: Path) -> Path:
    """Where the SHA-256 of a backup stands."""
    return backup.with_name(backup.name + ".sha256")


def sha256(path: Path) -> str:
    """Of the bytes of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_checksum(target: Path, digest: str) -> None:
    checksum = checksum_file(target)
    checksum.write_text(f"{digest}  {target.name}\n", encoding="utf-8")
    _sync(checksum)


def keep(unfinished: Path, target: Path) -> None:
    """The name appears only when the content is on the disk."""
    _sync(unfinished)
    unfinished.rename(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
