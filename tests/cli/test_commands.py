"""Which modules the program loads: those of the command that is asked for, and no other command's."""

import subprocess
import sys

import pytest

from tests.cli.conftest import Run

_PROGRAM = """
import sys
from contextlib import suppress
from workflows.cli import main
with suppress(SystemExit):
    main({arguments!r})
sys.stderr.write(" ".join(sys.modules))
"""


def loaded(*arguments: str) -> set[str]:
    """Modules that one run of the program loads, help for a command as good as its work."""
    program = [sys.executable, "-c", _PROGRAM.format(arguments=arguments)]
    return {*subprocess.run(program, check=True, capture_output=True, text=True).stderr.split()}


def test_only_what_the_command_needs_is_loaded() -> None:
    assert not loaded("--version") & {"sqlalchemy", "pydantic", "workflows.store.database"}
    heavy = {"workflows.services.engine", "openpyxl", "alembic", "workflows.loader", "litestar"}
    for command in ("fsck", "key"):
        assert not loaded(command, "--help") & heavy, command
    assert "workflows.services.engine" in loaded("case", "--help"), "the check can fail"
    assert "workflows.cli.importing" not in loaded("case", "--help")


@pytest.mark.parametrize("arguments", [("--help",), (), ("cases",), ("--other", "case")])
def test_without_a_command_all_of_them_are_known(run_program: Run, arguments: tuple[str, ...]) -> None:
    ended = run_program(*arguments)
    assert ended.code == (0 if arguments == ("--help",) else 2)
    if arguments in {("--help",), ()}:
        told = ended.out + ended.err
        assert all(f"  {name} " in told for name in ("check", "demo", "key", "case", "import", "export"))
    if arguments == ("cases",):
        assert "Did you mean" in ended.err
        assert "'case'" in ended.err
