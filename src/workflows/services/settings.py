"""What is set from outside: the names of the environment variables, their defaults, and the checked values.

Whoever starts the program reads these; nothing deeper looks into the environment.
"""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from workflows.services.webhook_targets import Network

DATABASE_VARIABLE: Final = "WORKFLOWS_DATABASE_URL"
DEFAULT_DATABASE: Final = "sqlite:///var/workflows.sqlite3"
"""Relative to the working directory."""
DEFINITIONS_VARIABLE: Final = "WORKFLOWS_DEFINITIONS"
LOG_LEVEL_VARIABLE: Final = "WORKFLOWS_LOG_LEVEL"
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
WEBHOOK_NETWORKS_VARIABLE: Final = "WORKFLOWS_WEBHOOK_NETWORKS"
"""Networks outside the public Internet that webhooks may be sent to, also over plain HTTP."""
RATE_LIMIT_VARIABLE: Final = "WORKFLOWS_RATE_LIMIT"
DEFAULT_RATE_LIMIT: Final = 200.0
"""Requests per second and API key."""

WORKER_VARIABLE: Final = "WORKFLOWS_WORKER"
"""Whether the server acts on deadlines itself, or leaves them to `workflows worker`."""


def log_level() -> int:
    """The level set by `WORKFLOWS_LOG_LEVEL`, in the numbers of `logging`; info when it is not set.

    Raises:
        ValueError: it is none of `LOG_LEVELS`, in any case.
    """
    given = os.environ.get(LOG_LEVEL_VARIABLE) or "info"
    if given.lower() not in LOG_LEVELS:
        raise ValueError(f"{LOG_LEVEL_VARIABLE} is {given!r}; allowed: {', '.join(LOG_LEVELS)}")
    return logging.getLevelNamesMapping()[given.upper()]


def works_on_deadlines() -> bool:
    """What `WORKFLOWS_WORKER` says, on or off; on when it is not set.

    Raises:
        ValueError: it is neither, in any case.
    """
    given = os.environ.get(WORKER_VARIABLE) or "on"
    if given.lower() not in {"on", "off"}:
        raise ValueError(f"{WORKER_VARIABLE} is {given!r}; allowed: on, off")
    return given.lower() == "on"


def webhook_networks() -> tuple["Network", ...]:
    """Those set by `WORKFLOWS_WEBHOOK_NETWORKS`: CIDRs, separated by commas; raises ValueError."""
    from workflows.services.webhook_targets import networks_of  # noqa: PLC0415 - slow to load, and few commands need it

    try:
        return networks_of(os.environ.get(WEBHOOK_NETWORKS_VARIABLE, ""))
    except ValueError as error:
        message = f"{WEBHOOK_NETWORKS_VARIABLE}: {error}; write networks such as 10.1.0.0/16, separated by commas"
        raise ValueError(message) from error


def definitions_directory() -> Path:
    """The directory set by `WORKFLOWS_DEFINITIONS`, else the one that ships with the program.

    Raises:
        FileNotFoundError: it is not there, or holds no workflows; the message names what was tried.
    """
    from workflows.loader import find_definitions  # noqa: PLC0415 - slow to load, and many commands need no document

    return find_definitions(os.environ.get(DEFINITIONS_VARIABLE))
