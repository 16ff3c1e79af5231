"""Options that several commands share."""

from typing import Annotated, TypeAlias

import typer

from workflows.services.settings import DATABASE_VARIABLE

DatabaseUrl: TypeAlias = Annotated[
    str,
    typer.Option(
        "--database",
        envvar=DATABASE_VARIABLE,
        metavar="URL",
        help="sqlite:///path/to/file or postgresql://user@host/name",
    ),
]
