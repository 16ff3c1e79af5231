"""Every command and group of commands, in the order in which they are listed, and the module that holds each.

A module is loaded only when one of its commands is asked for: most load much that no other command needs.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Final

import typer

_GROUPS: Final = {
    "key": "keys",
    "case": "case",
    "plan": "plan",
    "calendar": "calendar",
    "import": "importing",
    "export": "exporting",
    "units": "units",
}
_COMMANDS: Final = {
    "check": "documents",
    "schema": "documents",
    "diagram": "documents",
    "openapi": "contract",
    "init": "database",
    "serve": "serving",
    "worker": "worker",
    "fsck": "database",
    "backup": "database",
    "restore": "database",
    "doctor": "doctor",
    "events": "events",
    "classify": "classify",
    "demo": "demo",
}


def add_commands(program: typer.Typer, given: Sequence[str]) -> None:
    """Adds the command or group that the arguments begin with; all of them where they begin with anything else."""
    first = given[0] if given else ""
    if first == "--version":
        return
    known = first in _GROUPS or first in _COMMANDS
    for name, module in _GROUPS.items():
        if name == first or not known:
            program.add_typer(import_module(f"workflows.cli.{module}").commands, name=name)
    for name, module in _COMMANDS.items():
        if name == first or not known:
            program.command(name)(getattr(import_module(f"workflows.cli.{module}"), name))
