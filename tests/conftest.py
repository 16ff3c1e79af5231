"""Fresh databases for every test, on SQLite and on a real PostgreSQL server; Hypothesis's two sizes.

Owns the server that all workers of one run share and the template that every test's database is copied from.
Isolation is by copy, not by rollback: the engine commits on connections of its own.
"""

import contextlib
import fcntl
import os
import pkgutil
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol
from uuid import uuid4
from zlib import crc32

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from sqlalchemy import make_url

from tests.postgres import STOP_SECONDS, Cluster, installations, new_directory, private_cluster, reachable
from tests.sizes import FULL
from workflows.services.settings import RATE_LIMIT_VARIABLE

SERVER_VARIABLE: Final = "WORKFLOWS_TEST_POSTGRES_URL"
_DATABASES: Final = ("sqlite", "postgresql")
_EITHER: Final = {"api", "cli", "client", "services"}
"""Directories of tests."""
CREATE_SCHEMA: Final = "workflows.store.schema:create"
RUN: Final = pytest.StashKey["Run"]()

os.environ.setdefault(RATE_LIMIT_VARIABLE, "0")  # a server that a test starts is asked as fast as it answers

settings.register_profile("dev", derandomize=True, max_examples=50, deadline=None, print_blob=True)
settings.register_profile("soak", max_examples=2000, deadline=None, print_blob=True)
settings.load_profile("soak" if FULL else "dev")


class Worker(Protocol):
    """What this file uses of the process that pytest-xdist hands its configuration to."""

    workerinput: dict[str, str]
    config: pytest.Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One call of pytest with all its workers: a directory, and the FIFO whose closing ends the server."""

    directory: Path
    # Kept until the end: a server that loses its last reference would be reported as a forgotten process.
    started: list[Cluster] = field(default_factory=list)

    @property
    def lifeline(self) -> Path:
        return self.directory / "lifeline"

    @property
    def prefix(self) -> str:
        """Of the names of this run's databases; a server from outside may hold those of other runs."""
        return self.directory.name.replace("-", "_")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        with (self.directory / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def server(self) -> str:
        """Address of the run's server; the first caller of all workers starts it."""
        if SERVER_VARIABLE in os.environ:
            return os.environ[SERVER_VARIABLE]
        address = self.directory / "address"
        with self.locked():
            if not address.exists():
                address.write_text(self._start())
        return address.read_text()

    def _start(self) -> str:
        programs = reachable(installations()[0], self.directory)
        cluster = Cluster(self.directory, programs, lifeline=self.lifeline)
        self.started.append(cluster)
        cluster.start()
        return cluster.url("postgres")


def pytest_configure(config: pytest.Config) -> None:
    """The process that was called owns the run: opening the FIFO for both ends neither waits nor starts."""
    given = getattr(config, "workerinput", None)
    if given is not None:
        config.stash[RUN] = Run(directory=Path(given["run_directory"]))
        return
    run = Run(directory=new_directory())
    os.mkfifo(run.lifeline)
    lifeline = os.open(run.lifeline, os.O_RDWR)
    # A shell has what it runs in the background ignore interrupts, and so would every program that a test interrupts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    config.stash[RUN] = run
    config.add_cleanup(lambda: end_run(run, lifeline))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the other database of tests that are marked `either_database`, unless everything is run.

    Those of the API, of programs and of services are so without a mark: what a database does is told in `tests/store`.
    """
    left_out = [] if FULL else [item for item in items if _is_of_the_other_database(item)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def _is_of_the_other_database(item: pytest.Item) -> bool:
    mark = item.get_closest_marker("either_database")
    spec = getattr(item, "callspec", None)
    if mark is None and item.path.parent.name not in _EITHER:
        return False
    if spec is None or spec.params.get("database_url") not in _DATABASES:
        return False
    drawn = _DATABASES[crc32(item.nodeid.replace(spec.params["database_url"], "").encode()) % len(_DATABASES)]
    return bool(spec.params["database_url"] != (mark.args[0] if mark and mark.args else drawn))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Worker) -> None:
    node.workerinput["run_directory"] = str(node.config.stash[RUN].directory)


def end_run(run: Run, lifeline: int) -> None:
    """Closes the lifeline and waits until the server has ended and removed the directory with itself."""
    if SERVER_VARIABLE in os.environ:
        drop_databases(os.environ[SERVER_VARIABLE], run.prefix)
    served = (run.directory / "address").exists()
    os.close(lifeline)
    deadline = time.monotonic() + STOP_SECONDS
    while served and run.directory.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    shutil.rmtree(run.directory, ignore_errors=True)


@pytest.fixture(scope="session")
def run(pytestconfig: pytest.Config) -> Run:
    return pytestconfig.stash[RUN]


@pytest.fixture(scope="session")
def sqlite_template(run: Run) -> Path:
    """An initialised database file, made once per run."""
    template = run.directory / "template.sqlite"
    with run.locked():
        if not template.exists():
            unfinished = template.with_suffix(".unfinished")
            unfinished.unlink(missing_ok=True)
            create_schema(f"sqlite:///{unfinished}")
            require_closed(unfinished)
            unfinished.rename(template)
    return template


@pytest.fixture(scope="session")
def postgresql_template(run: Run) -> str:
    """Address of an initialised database, made once per run, which nobody may stay connected to."""
    server = run.server()
    template = with_database(server, f"{run.prefix}_template")
    made = run.directory / "template"
    with run.locked():
        if not made.exists():
            execute(server, sql.SQL("DROP DATABASE IF EXISTS {}").format(name_of(template)))
            execute(server, sql.SQL("CREATE DATABASE {}").format(name_of(template)))
            create_schema(template)
            made.touch()
    return template


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """Address of a fresh initialised SQLite file."""
    database = tmp_path / "workflows.sqlite"
    shutil.copyfile(sqlite_template, database)
    return f"sqlite:///{database}"


@pytest.fixture
def postgresql_url(postgresql_template: str, run: Run) -> Iterator[str]:
    """Address of a fresh initialised PostgreSQL database, dropped with its sessions at the end."""
    with copied(postgresql_template, run) as database:
        yield database


@contextlib.contextmanager
def copied(postgresql_template: str, run: Run) -> Iterator[str]:
    """What `postgresql_url` gives, for fixtures that are not made anew for every test."""
    database = with_database(postgresql_template, f"{run.prefix}_{uuid4().hex}")
    copy = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    server = with_database(database, "postgres")
    execute(server, copy.format(name_of(database), name_of(postgresql_template)))
    yield database
    execute(server, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name_of(database)))


@pytest.fixture(params=_DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """Address of a fresh initialised database; the test runs once on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A running server of the test's own, to be killed and started again; holds no database of ours."""
    cluster = private_cluster()
    cluster.start()
    yield cluster
    cluster.stop()
    shutil.rmtree(cluster.directory)


def create_schema(url: str) -> None:
    pkgutil.resolve_name(CREATE_SCHEMA)(url)


def require_closed(database: Path) -> None:
    """A copy of the file alone is complete only when no write-ahead log is left beside it."""
    log = Path(f"{database}-wal")
    if log.exists() and log.stat().st_size > 0:
        message = f"{CREATE_SCHEMA} left a connection open: {log.name} still holds pages"
        raise RuntimeError(message)


def with_database(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


def name_of(url: str) -> sql.Identifier:
    return sql.Identifier(make_url(url).database or "")


def execute(server: str, statement: sql.Composed) -> None:
    """CREATE and DROP DATABASE run outside a transaction."""
    address = make_url(server).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(statement)


def drop_databases(server: str, prefix: str) -> None:
    """What an interrupted test left on a server that lives on."""
    address = make_url(server).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as connection:
        found = connection.execute("SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [prefix])
        for (database,) in found.fetchall():
            statement = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            connection.execute(statement.format(sql.Identifier(database)))
