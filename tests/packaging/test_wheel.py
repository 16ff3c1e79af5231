"""The wheel is complete: built from the sources, installed into an empty environment and run outside them."""

import contextlib
import os
import re
import socket
import subprocess
import sys
import time
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.sizes import only_full

ROOT: Final = Path(__file__).parents[2]
SHIPPED: Final = {"src/workflows/": "workflows/", "api/": "api/", "definitions/": "workflows/definitions/"}

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The wheel in an environment of its own, used from a directory that holds nothing of the sources."""

    environment: Path
    directory: Path

    @property
    def program(self) -> Path:
        return self.environment / "bin" / "workflows"

    @property
    def definitions(self) -> Path:
        """Where the documents lie, as the installed package itself tells."""
        package = self._output([self.environment / "bin" / "python", "-c", "import workflows as w; print(w.__file__)"])
        return Path(package).parent / "definitions"

    def run(self, *arguments: str) -> str:
        return self._output([self.program, *arguments])

    def process(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([self.program, *arguments], cwd=self.directory, env=clean_environment())

    def _output(self, command: list[str | Path]) -> str:
        done = subprocess.run(
            command, cwd=self.directory, env=clean_environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(target)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installation(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=True)
    install: list[str | Path] = [environment / "bin" / "python", "-m", "pip", "install", "--quiet"]
    subprocess.run([*install, "--require-hashes", "-r", ROOT / "requirements.lock"], check=True)
    subprocess.run([*install, "--no-deps", "--no-index", wheel], check=True)
    return Installation(environment=environment, directory=tmp_path_factory.mktemp("elsewhere"))


def test_every_kept_file_is_shipped(wheel: Path) -> None:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", *SHIPPED],  # noqa: S607 - as on PATH
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    kept = {shipped_as(name) for name in listing.stdout.split("\0") if name and (ROOT / name).exists()}
    shipped = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert shipped == kept
    assert {"workflows/py.typed", "api/__init__.py"} <= shipped
    for folder in ("workflows", "plans", "tables", "units"):
        assert any(name.startswith(f"workflows/definitions/{folder}/") for name in shipped)


@only_full
def test_installed_program_explains_itself(installation: Installation) -> None:
    assert "serve" in installation.run("--help")


@only_full
def test_installed_definitions_are_sound(installation: Installation) -> None:
    assert str(installation.definitions).startswith(str(installation.environment))
    installation.run("check", str(installation.definitions))


@only_full
def test_installed_program_initialises_and_answers(installation: Installation) -> None:
    database = f"sqlite:///{installation.directory / 'workflows.sqlite'}"
    installation.run("init", "--database", database)
    key = installation.run("key", "create", "--role", "administrator", "--unit", "VN", "--database", database)
    assert re.fullmatch(r"\S+", key)
    with served(installation, database) as client:
        answer = client.get("/api/v1/workflows", headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == httpx.codes.OK, answer.text
        assert "hotspot" in answer.text
        assert client.get("/api/v1/workflows").status_code == httpx.codes.UNAUTHORIZED


@contextlib.contextmanager
def served(installation: Installation, database: str) -> Iterator[httpx.Client]:
    """One client of a server that runs as long as it is used."""
    port = free_port()
    server = installation.process("serve", "--host", "127.0.0.1", "--port", str(port), "--database", database)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            await_answer(client, server)
            yield client
    finally:
        server.terminate()
        server.wait(30)


def await_answer(client: httpx.Client, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and server.poll() is None:
        try:
            client.get("/healthz")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    pytest.fail(f"the installed server does not answer; exit code {server.poll()}")


def shipped_as(name: str) -> str:
    kept, shipped = next((kept, shipped) for kept, shipped in SHIPPED.items() if name.startswith(kept))
    return shipped + name.removeprefix(kept)


def clean_environment() -> dict[str, str]:
    """Nothing that would lead the installed program back to the sources or to another database."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "WORKFLOWS_"))}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
