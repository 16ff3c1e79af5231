"""Commands for operators: make a database, prove it intact, copy it."""

from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import func, select

from workflows.cli.options import DatabaseUrl
from workflows.schema_files import write_schemas
from workflows.services.settings import DEFAULT_DATABASE, definitions_directory
from workflows.store import fsck as proof
from workflows.store.database import Database, parse_url
from workflows.store.schema import create, is_initialised
from workflows.store.tables import definition, unit
