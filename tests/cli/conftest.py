"""Running the program inside the test's process, from an empty working directory."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest
import structlog

from workflows.cli import main
from workflows.services.settings import DATABASE_VARIABLE, DEFINITIONS_VARIABLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one run of the program ended."""

    code: int
    out: str
    err: str


Run: TypeAlias = Callable[..., Ended]


@pytest.fixture
def run_program(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.chdir(tmp_path)
    for variable in (DATABASE_VARIABLE, DEFINITIONS_VARIABLE):
        monkeypatch.delenv(variable, raising=False)

    def run(*arguments: str) -> Ended:
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        told = capsys.readouterr()
        code = ended.value.code
        assert isinstance(code, int)
        return Ended(code=code, out=told.out, err=told.err)

    structlog.reset_defaults()
    yield run
    structlog.reset_defaults()
