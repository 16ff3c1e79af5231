"""The server the other tests stand on: it keeps what it confirmed when killed, and leaves nothing behind."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import create_engine, text

from tests.postgres import Cluster, installations, private_cluster


@pytest.fixture(params=installations(), ids=lambda bin_dir: "-".join(bin_dir.parts[-3:-1]))
def each_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    cluster = private_cluster(request.param)
    cluster.start()
    yield cluster
    cluster.stop()
    shutil.rmtree(cluster.directory)


def test_confirmed_commits_survive_a_kill_and_open_ones_do_not(each_cluster: Cluster) -> None:
    before = each_cluster.pid
    open_session = connect(each_cluster)
    with connect(each_cluster) as session:
        session.execute("CREATE TABLE kept (n int)")
        session.execute("INSERT INTO kept VALUES (1)")
    open_session.execute("INSERT INTO kept VALUES (2)")
    each_cluster.kill()
    with pytest.raises(psycopg.OperationalError):
        open_session.execute("SELECT 1")
    open_session.close()
    assert not psutil.pid_exists(before)
    each_cluster.start()
    with connect(each_cluster) as session:
        assert session.execute("SELECT n FROM kept").fetchall() == [(1,)]
        assert session.execute("SHOW fsync").fetchone() == ("on",)
        assert session.execute("SHOW synchronous_commit").fetchone() == ("on",)


def test_the_address_serves_sqlalchemy_and_nobody_listens_on_the_network(each_cluster: Cluster) -> None:
    engine = create_engine(each_cluster.url("postgres"))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT current_database()")) == "postgres"
        assert connection.scalar(text("SHOW listen_addresses")) == ""
    engine.dispose()
    assert psutil.Process(each_cluster.pid).net_connections(kind="inet") == []


def test_a_killed_owner_leaves_neither_server_nor_directory() -> None:
    program = (
        "import time; from tests.postgres import private_cluster; c = private_cluster(); c.start();"
        "print(c.pid, c.directory, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid, directory = owner.stdout.readline().split()
        assert psutil.pid_exists(int(pid))
        owner.kill()
    await_absence(int(pid), Path(directory))


def test_a_server_that_cannot_start_says_why() -> None:
    cluster = private_cluster()
    cluster.start()
    cluster.stop()
    (cluster.directory / "data" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(RuntimeError, match="no_such_setting"):
        cluster.start()
    shutil.rmtree(cluster.directory)


def connect(cluster: Cluster) -> psycopg.Connection:
    return psycopg.connect(host=str(cluster.directory), user="postgres", dbname="postgres")


def await_absence(pid: int, directory: Path) -> None:
    deadline = time.monotonic() + 30
    while (psutil.pid_exists(pid) or directory.exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)
    assert not directory.exists()
