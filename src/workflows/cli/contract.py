"""The command that prints the description of the HTTP interface, from which clients are generated."""

import json
from pathlib import Path
from typing import Annotated

import typer


def openapi(
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Write there instead of printing.")] = None,
) -> None:
    """Print the OpenAPI 3.1 document of the API; needs no database."""
    from api.app import outline
    from api.openapi import document

    text = json.dumps(document(outline()), ensure_ascii=False, indent=1)
    if output is None:
        typer.echo(text)
    else:
        output.write_text(f"{text}\n", encoding="utf-8", newline="\n")
        typer.echo(f"wrote {output.as_posix()}")
