"""Commands for API keys: make one, list them, revoke one."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import typer
from sqlalchemy import select

from workflows.cli.demo_clock import present
from workflows.cli.failures import Failure, Misuse
from workflows.cli.options import DatabaseUrl
from workflows.core.civil import civil_date, format_instant, show_date
from workflows.core.documents import Role
from workflows.loader import load
from workflows.services.grants import check_grant, day, person_id, role_named
from workflows.services.settings import DEFAULT_DATABASE, definitions_directory
from workflows.store import keys, queries
from workflows.store.database import Database

commands = typer.Typer(help="Make, list and revoke API keys.", rich_markup_mode=None)
