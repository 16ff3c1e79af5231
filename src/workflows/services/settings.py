"""What is set from outside: the names of the environment variables, their defaults, and the checked values.

Whoever starts the program reads these; nothing deeper looks into the environment.
"""

import os
from pathlib import Path
from typing import Final

DATABASE_VARIABLE: Final = "WORKFLOWS_DATABASE_URL"
DEFAULT_DATABASE: Final = "sqlite:///var/workflows.sqlite3"
"""Relative to the working directory."""
DEFINITIONS_VARIABLE: Final = "WORKFLOWS_DEFINITIONS"


def definitions_directory() -> Path:
    """The directory set by `WORKFLOWS_DEFINITIONS`, else the one that ships with the program.

    Raises:
        FileNotFoundError: it is not there, or holds no workflows; the message names what was tried.
    """
    from workflows.loader import find_definitions  # noqa: PLC0415 - slow to load, and many commands need no document

    return find_definitions(os.environ.get(DEFINITIONS_VARIABLE))
