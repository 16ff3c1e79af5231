"""The checks that an operator would make, in order; a database that cannot be read ends them.

What each check looks at is in the modules `doctor_…`; here are the database itself and the turn to write.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from workflows.core.problems import DefinitionError
from workflows.loader import load
from workflows.services.clock import utc_now
from workflows.services.demo_clock import demo_instant
from workflows.services.diagnosis import Finding, Status, failure, ok, warning
from workflows.services.doctor_contents import contents
from workflows.services.doctor_machine import files, machine, place
from workflows.services.doctor_postgresql import postgresql, server
from workflows.store import schema
from workflows.store.database import Database, DatabaseError, sqlite_path, wal_reset_fixed

TURN_SECONDS: Final = 10.0
"""How long a turn is waited for before it counts as stuck."""
_SLOW_SECONDS: Final = 1.0
_WRITABLE: Final = text("SELECT code FROM unit_lock ORDER BY code LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED")


def examine(url: str, directory: Path, *, workers: int = 1, turn_seconds: float = TURN_SECONDS) -> Iterator[Finding]:
    """Every check, each as soon as it is done.

    Args:
        url: Of the database.
        directory: Of the definitions and units.
        workers: How many processes serve it.
        turn_seconds: How long a turn to write is waited for.
    """
    yield from machine(directory)
    try:
        with Database(url) as database:
            yield from _database(database, directory, workers, turn_seconds)
    except (DatabaseError, DBAPIError, OSError) as error:
        told = str(error.orig if isinstance(error, DBAPIError) else error)
        yield failure("database", f"không dùng được cơ sở dữ liệu: {told}", f"the database cannot be used: {told}")


def _database(database: Database, directory: Path, workers: int, turn_seconds: float) -> Iterator[Finding]:
    if database.is_sqlite:
        yield library(database.sqlite_version or "")
        yield from files(place(sqlite_path(database.url)))
    revision = _revision(database)
    yield revision
    if revision.status is not Status.OK:
        return
    if not database.is_sqlite:
        with database.read() as connection:
            observed = server(connection)
        yield from postgresql(observed, workers)
    yield turn(_seconds_of_turn(database, turn_seconds), turn_seconds)
    yield from _contents(database, directory)


def library(version: str) -> Finding:
    """The SQLite that the program is linked with."""
    major, minor, patch = map(int, version.split("."))
    if not wal_reset_fixed((major, minor, patch)):
        vi = f"SQLite {version} có lỗi WAL-reset, công cụ khác ghi vào tệp có thể làm mất dữ liệu: cài gói pysqlite3"
        en = f"SQLite {version} has the WAL-reset defect; other programs that write can lose data: install pysqlite3"
        return warning("sqlite", vi, en)
    return ok("sqlite", f"SQLite {version}, không có lỗi WAL-reset", f"SQLite {version}, free of the WAL-reset defect")


def _revision(database: Database) -> Finding:
    with database.read() as connection:
        found = schema.revision_of(connection)
    newest = schema.revisions()[-1]
    if found == newest:
        return ok("schema", f"lược đồ {found}, mới nhất", f"schema revision {found}, the newest")
    if found in schema.revisions() or found is None:
        vi = f"lược đồ {found or 'chưa có'}, cần {newest}: sao lưu, rồi chạy `workflows init`"
        return failure("schema", vi, f"schema revision {found}, not {newest}: make a backup, then run `workflows init`")
    vi = f"lược đồ {found} của bản mới hơn (ở đây biết đến {newest}): dùng phiên bản chương trình mới hơn"
    return failure("schema", vi, f"schema revision {found} is newer than {newest} of this program: use a newer one")


def _seconds_of_turn(database: Database, limit: float) -> float | None:
    """None: not within the limit; the thread is left waiting, for a lock of the kernel cannot be given up."""
    done: list[float] = []
    errors: list[DBAPIError | OSError] = []

    def take() -> None:
        started = time.monotonic()
        try:
            with database.turn():
                if not database.is_sqlite:
                    with database.write() as connection:
                        connection.execute(_WRITABLE)
            done.append(time.monotonic() - started)
        except (DBAPIError, OSError) as error:
            errors.append(error)

    taking = threading.Thread(target=take, daemon=True)
    taking.start()
    taking.join(limit)
    if errors:
        raise errors[0]
    return done[0] if done else None


def turn(seconds: float | None, limit: float) -> Finding:
    """Whether somebody else keeps the right to write."""
    if seconds is None:
        vi = f"chờ {limit:g} giây vẫn không đến lượt ghi: tìm tiến trình đang giữ tệp -lock, hoặc giao dịch bị treo"
        en = (
            f"no turn to write within {limit:g} s: find the process that holds the -lock file, or the stuck transaction"
        )
        return failure("turn", vi, en)
    shown = f"{seconds * 1000:.0f} ms"
    if seconds > _SLOW_SECONDS:
        vi = f"chờ {shown} mới đến lượt ghi: máy chủ quá tải hoặc ổ đĩa chậm"
        return warning("turn", vi, f"waited {shown} for a turn to write: overloaded, or a slow disk")
    return ok("turn", f"đến lượt ghi sau {shown}", f"a turn to write after {shown}")


def _contents(database: Database, directory: Path) -> Iterator[Finding]:
    try:
        catalogue = load(directory)
    except DefinitionError:
        return  # told by the check of the documents
    now = utc_now()
    if demo_instant(database) is not None:
        vi = "cơ sở dữ liệu của bản trình diễn, với đồng hồ riêng; không dùng cho công việc thật"
        yield warning("demo", vi, "a database of the demonstration, with a clock of its own; not for real work")
    with database.read() as connection:
        yield from contents(connection, catalogue, directory, now)
