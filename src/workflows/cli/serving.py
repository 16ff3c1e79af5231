"""The commands that serve: `serve`, and `demo`, which plays a year first.

Owns what is checked before the first request: the database, the address, the clock. The application and the engine
are loaded only here, because reading them would slow every other command.
"""

import logging
import socket
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import typer
from sqlalchemy import make_url, select

from workflows.cli.failures import Failure, Misuse
from workflows.cli.options import DatabaseUrl
from workflows.cli.processes import listen, run_processes
from workflows.core.civil import format_instant, parse_instant
from workflows.services import logs
from workflows.services.clock import Clock, continuing, utc_now
from workflows.services.settings import DEFAULT_DATABASE, definitions_directory
from workflows.store.database import Database, parse_url, sqlite_path
from workflows.store.schema import create, is_initialised
from workflows.store.tables import setting
