"""Rules of the whole repository: who may import whom, what no file may name, what no check may miss."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[1]
# The hosts packages come from are the reader's choice. Put together here, or this file would name them.
REGISTRY_HOSTS: Final = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("anaconda", "org"),
        ("crates", "io"),
    )
]


def test_imports_follow_the_layers() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_names_a_registry_host() -> None:
    host = re.compile("|".join(map(re.escape, REGISTRY_HOSTS)), re.IGNORECASE)
    assert [str(path) for path in kept_files() if host.search(text_of(path))] == []


def test_lock_files_pin_by_hash_and_name_no_address() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        content = (ROOT / lock).read_text()
        pins = re.findall(r"^(?=\S)(?!#).*==.*\\\n    --hash=sha256:", content, re.MULTILINE)
        lines = [line for line in content.splitlines() if line and not line.startswith((" ", "#"))]
        assert len(pins) == len(lines) > 0, lock
        assert "://" not in content, lock
        assert not re.search(r"^\s*-(?!-hash)", content, re.MULTILINE), lock


def test_every_python_file_is_type_checked() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (sources,) = re.findall(r"^SOURCES := (.*)$", makefile, re.MULTILINE)
    checked = set(re.findall(r"\w+", sources)) - {"wildcard"}
    python = {path.relative_to(ROOT) for path in kept_files() if path.suffix == ".py"}
    assert python
    assert {str(path) for path in python if path.parts[0] not in checked} == set()


SILENCED: Final = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b")
EXPLAINED: Final = re.compile(
    r"#\s*(?:noqa: [A-Z]+[0-9]+(?:, [A-Z]+[0-9]+)* - |type: ignore\[[a-z-]+(?:,[a-z-]+)*\]  # )\w"
)


def unexplained(line: str) -> bool:
    return bool(SILENCED.search(line)) and not EXPLAINED.search(line)


def test_every_silenced_check_has_its_reason_beside_it() -> None:
    python = [path for path in kept_files() if path.suffix == ".py"]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in python
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if unexplained(line)
    ]
    assert found == []


@pytest.mark.parametrize("silencer", ["noqa", "noqa: S101", "type: ignore", "type: ignore[index]", "noqa: S101 -- why"])
def test_a_silenced_check_without_a_reason_is_noticed(silencer: str) -> None:
    """Controls the one above."""
    assert unexplained(f"x = 1  # {silencer}")


def kept_files() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],  # noqa: S607 - as on PATH
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return [ROOT / name for name in listing.stdout.split("\0") if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="ignore")
