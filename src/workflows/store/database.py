"""Connections: how they are opened, who may write when, and what a transaction is on either database.

SQLite is written by one transaction at a time among all processes, in fair turns; PostgreSQL by any number,
which lock the units they decide on. Knows no table but `unit_lock`, and leaves queries to its callers.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import QueuePool

from workflows.store.turnstile import Turnstile

READERS: Final = 40
"""At most so many connections read at a time in a process: more than it has threads that serve reads."""
WRITERS: Final = 10
"""Connections of one process that write on PostgreSQL, at the most."""
SCHEMES: Final = "sqlite:///path/to/file or postgresql://user@host/name"

_DRIVERS: Final = ("pysqlite3.dbapi2", "sqlite3.dbapi2")
"""The wheel with a newer SQLite, which not every system has; else the interpreter's own."""
_SQLITE_BUSY_SECONDS: Final = 5.0
_POOL_SECONDS: Final = 5.0
"""In which a connection must become free; whoever waits longer is told to come back."""
_PRAGMAS: Final = ("foreign_keys = ON", "recursive_triggers = ON")
# Negative sizes are KiB. A page of a list touches some hundreds of database pages, most of them nodes of indexes that
# the next one touches again; SQLite's own 2 MiB would not hold them.
_READER_PRAGMAS: Final = ("cache_size = -8000",)
_WRITER_PRAGMAS: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "cache_size = -64000",
    "wal_autocheckpoint = 4000",
)
# `synchronous_commit` is named because a cluster may have weakened its default: then commits could be lost.
# Without `enable_seqscan=off` a connection would keep the plans that it made while a table held a few rows, and read it
# whole for each row that it writes, until somebody analyses it.
_POSTGRES_WRITES: Final = (
    "-c synchronous_commit=on -c enable_seqscan=off -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s"
)
# Which index serves a list depends on the values asked for, so that each statement is planned with its own.
_POSTGRES_READS: Final = (
    "-c default_transaction_read_only=on -c statement_timeout=60s -c idle_in_transaction_session_timeout=60s "
    "-c plan_cache_mode=force_custom_plan -c jit=off"
)
_LOCK: Final = "SELECT code FROM unit_lock WHERE code = ANY(:codes) ORDER BY code FOR NO KEY UPDATE"
_LOCK_WAITING: Final = text(_LOCK)
_LOCK_FREE: Final = text(f"{_LOCK} SKIP LOCKED")


driver: Final = import_module(next(name for name in _DRIVERS if find_spec(name.partition(".")[0])))


class DatabaseError(Exception):
    """The database named cannot be used; the message says why and what would do."""


class Database:
    """One database and its pools of connections; safe to share between threads, not across a fork."""

    def __init__(self, url: str | URL, *, readers: int = READERS) -> None:
        """Opens no connection yet.

        Raises:
            DatabaseError: the URL is of another kind, or names an SQLite file that is not there.
        """
        self.url = parse_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self._turnstile: Turnstile | None = None
        if self.is_sqlite:
            path = sqlite_path(self.url)
            if not path.exists():
                raise DatabaseError(f"there is no database at {path}; `workflows init` makes one")
            self._turnstile = Turnstile(path)
            self._writing = _sqlite_engine(path, "rw", "BEGIN IMMEDIATE", connections=2)
            self._reading = _sqlite_engine(path, "ro", "BEGIN", connections=readers)
        else:
            self._writing = _postgres_engine(self.url, _POSTGRES_WRITES, "READ COMMITTED", connections=WRITERS)
            self._reading = _postgres_engine(self.url, _POSTGRES_READS, "REPEATABLE READ", connections=readers)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A read-only transaction that sees one state throughout."""
        with self._reading.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction, committed at the end; on SQLite it has the file to itself."""
        with self.turn(), self._writing.begin() as connection:
            yield connection

    @contextmanager
    def turn(self) -> Iterator[None]:
        """On SQLite the sole right to one write transaction, among all threads and processes; else nothing."""
        if self._turnstile is None:
            yield
        else:
            with self._turnstile.turn():
                yield

    def writer_connection(self) -> Connection:
        """A write connection for long use; each of its transactions needs a `turn`.

        To be closed before the database is, which is when the file is let go of.
        """
        with self.turn():
            return self._writing.connect()

    def close(self) -> None:
        """Closes the pooled connections, in a turn: whoever closes an SQLite file last writes to it."""
        self._reading.dispose()
        pool = self._writing.pool
        if isinstance(pool, QueuePool) and pool.checkedin():
            with self.turn():
                self._writing.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def sqlite_version(self) -> str | None:
        return driver.sqlite_version if self.is_sqlite else None

    @property
    def wal_reset_safe(self) -> bool:
        """Whether several processes may write: False for an SQLite that can lose commits when two checkpoint.

        Fixed in SQLite 3.51.3 and in the branches 3.50.7 and 3.44.6. Turns avoid the defect, too, but only
        between processes of this program.
        """
        return not self.is_sqlite or wal_reset_fixed(driver.sqlite_version_info)


def wal_reset_fixed(version: tuple[int, int, int]) -> bool:
    """Whether an SQLite of this version is free of the WAL-reset defect (introduced in 3.7.0)."""
    branches = {44: 6, 50: 7}
    major, minor, patch = version
    if (major, minor) in {(3, branch) for branch in branches}:
        return patch >= branches[minor]
    return version >= (3, 51, 3) or version < (3, 7, 0)


def parse_url(url: str | URL) -> URL:
    """Raises DatabaseError for anything but a file of SQLite or a database of PostgreSQL."""
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise DatabaseError(f"{_without_account(str(url))!r} is no database URL; use {SCHEMES}") from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        if "password" in parsed.query:
            raise DatabaseError("a password in the query of a URL is seen by everybody; use PGPASSFILE")
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise DatabaseError(f"database kind {backend!r} is not supported; use {SCHEMES}")
    if parsed.database in {None, "", ":memory:"} or parsed.query:
        raise DatabaseError(f"{parsed} does not name a plain file; use sqlite:///path/to/file")
    return parsed


def _without_account(url: str) -> str:
    """Who may connect, and by what password, is nothing for an error message."""
    before, at, after = url.rpartition("@")
    return f"{before.partition('//')[0]}//…@{after}" if at else url


def sqlite_path(url: URL) -> Path:
    return Path(url.database or "").absolute()


def lock_units(connection: Connection, codes: Collection[str], *, skip_locked: bool) -> set[str]:
    """Locks the units until the transaction ends, in the order of codes so that two lockers cannot embrace.

    Returns the codes that are locked now; with `skip_locked`, those held by others are left out instead of
    waited for. On SQLite the turn locks everything already, so that all are returned.
    """
    if not codes or connection.dialect.name == "sqlite":
        return set(codes)
    statement = _LOCK_FREE if skip_locked else _LOCK_WAITING
    return set(connection.execute(statement, {"codes": list(codes)}).scalars())


def _sqlite_engine(path: Path, mode: str, begin: str, *, connections: int) -> Engine:
    pragmas = (*_PRAGMAS, *(_WRITER_PRAGMAS if mode == "rw" else _READER_PRAGMAS))

    # The driver's own BEGIN comes too late and is deferred; with `isolation_level` None there is none.
    def connect() -> Any:  # noqa: ANN401 - the driver has no types
        uri = f"file:{quote(str(path))}?mode={mode}"
        connection = driver.connect(
            uri, uri=True, isolation_level=None, check_same_thread=False, timeout=_SQLITE_BUSY_SECONDS
        )
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    engine = create_engine(
        "sqlite://",
        module=driver,
        creator=connect,
        poolclass=QueuePool,
        pool_size=connections,
        pool_use_lifo=True,  # whose cache is warm goes first
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        hide_parameters=True,  # an error's text ends up in the logs, where nobody's words belong
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _postgres_engine(url: URL, options: str, isolation: str, *, connections: int) -> Engine:
    given = url.query.get("options", "")
    return create_engine(
        url,
        isolation_level=isolation,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=_POOL_SECONDS,
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={
            "application_name": "workflows",
            "connect_timeout": 10,
            "options": f"{given} {options}".strip(),
        },
    )
