"""Every command of the guides is run, one after the other, as its reader would."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import pytest

from tests.faults.servers import serving
from tests.sizes import size
from workflows.core.civil import INDOCHINA

DOCS: Final = Path(__file__).parents[2] / "docs"
INTEGRATORS: Final = ("README.md", "requests.md", "events.md")
"""In the order in which they are read: each goes on with the key that the first one makes."""
OPERATORS: Final = tuple(sorted(page.name for page in (DOCS / "operators").glob("*.md")))
LONG: Final = frozenset(
    {
        "databases.md",
        "hardening.md",
        "install.md",
        "monitoring.md",
        "tables.md",
        "troubleshooting.md",
        "units.md",
        "upgrades.md",
    }
)
"""Pages with many commands; followed at full size."""
_BLOCK: Final = re.compile(r"^```(sh|python)(?: (\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STRICT: Final = "set -euo pipefail\n"
_EVENING: Final = 19
"""From this hour on it is tomorrow in UTC+14; before it, it is yesterday in UTC-12."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Commands to run, or a program that later commands run."""

    file: str | None
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(file=file or None, text=text) for _, file, text in _BLOCK.findall(page.read_text(encoding="utf-8"))]


def follow(pages: Sequence[Path], directory: Path, environment: dict[str, str]) -> str:
    """Puts the programs of the pages where their reader would, runs all commands in one shell; what they print."""
    script = [_STRICT]
    for page in pages:
        for block in blocks(page):
            if block.file is None:
                script.append(block.text)
            else:
                (directory / block.file).write_text(block.text, encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["/bin/bash", "-c", "\n".join(script)],
        cwd=directory,
        env={**os.environ, "TZ": another_day(), **environment, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


def another_day() -> str:
    """A time zone of which the civil date is not Vietnam's now: a guide must not depend on where it is read."""
    return "UTC-14" if datetime.now(INDOCHINA).hour >= _EVENING else "UTC+12"


@pytest.fixture
def integration(tmp_path: Path, sqlite_url: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """A directory to work in and what an operator would have told."""
    (tmp_path / "work").mkdir()
    networks = {"WORKFLOWS_WEBHOOK_NETWORKS": "127.0.0.1/32"}
    with serving(sqlite_url, environment=networks) as (server,):
        api = f"http://127.0.0.1:{server.port}/api/v1"
        yield tmp_path / "work", {"API": api, "WORKFLOWS_DATABASE_URL": sqlite_url}


def test_the_integrators_guide(integration: tuple[Path, dict[str, str]]) -> None:
    directory, environment = integration
    printed = follow([DOCS / "integrators" / page for page in INTEGRATORS], directory, environment)
    assert "workflows.hotspot.open 1 identified\nworkflows.hotspot.suppress 2 suppressed\n" in printed
    assert '"allowed":true' in printed
    assert re.search(r"^\d+ suppress [0-9a-f-]{36}$", printed, re.MULTILINE)


def test_the_first_program_is_short() -> None:
    (program,) = (block.text for block in blocks(DOCS / "integrators" / "README.md") if block.file)
    assert sum(bool(line.strip()) for line in program.splitlines()) <= 30


@pytest.mark.parametrize("page", size(tuple(page for page in OPERATORS if page not in LONG), OPERATORS))
def test_the_operators_guide(page: str, tmp_path: Path) -> None:
    """Each page by itself, in an empty directory."""
    follow([DOCS / "operators" / page], tmp_path, {"HOME": str(tmp_path)})


def test_a_command_that_fails_is_noticed(tmp_path: Path) -> None:
    """Controls the others."""
    page = tmp_path / "page.md"
    page.write_text("```sh\nworkflows no-such-command\n```\n", encoding="utf-8")
    with pytest.raises(AssertionError, match="No such command"):
        follow([page], tmp_path, {})


def test_the_guides_have_commands() -> None:
    """A page without any would pass."""
    assert all(blocks(DOCS / "integrators" / page) for page in INTEGRATORS)
    assert OPERATORS
