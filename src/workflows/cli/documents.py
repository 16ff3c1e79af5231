"""Commands for authors: check documents, publish their schemas, draw a workflow.

What is wrong with a document is the loader's to say; here it is only printed.
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from workflows.cli.errors import CommandError, MisuseError
from workflows.core.diagram import mermaid
from workflows.core.documents import WorkflowDocument
from workflows.core.nearest import nearest
from workflows.core.problems import DefinitionError
from workflows.core.shape import read_shape
from workflows.loader import check as find_problems
from workflows.loader import load
from workflows.services.settings import definitions_directory
from workflows.yaml_tree import read_tree


class Language(StrEnum):
    """Of the words in a diagram."""

    VI = "vi"
    EN = "en"


def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PATH]...", help="Files or directories; left out: the definitions in use."),
    ] = None,
) -> None:
    """Tell every mistake of documents, with file and line."""
    asked = paths or [definitions_directory()]
    problems = find_problems(asked)
    for problem in problems:
        typer.echo(problem)
    if problems:
        raise typer.Exit(1)
    count = len({file for path in asked for file in _documents(path)})
    typer.echo(f"{count} {'document' if count == 1 else 'documents'}, no problem")


def schema(
    *,
    check_only: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 if one is stale.")] = False,
) -> None:
    """Write the JSON Schemas that editors check by."""
    from workflows.schema_files import stale_schemas, write_schemas

    root = definitions_directory()
    if check_only:
        stale = stale_schemas(root)
        if stale:
            names = ", ".join(file.as_posix() for file in stale)
            raise CommandError(f"not what the documents generate today: {names}; `workflows schema` writes it")
        typer.echo("schemas are fresh")
        return
    for file in write_schemas(root):
        typer.echo(f"wrote {file.as_posix()}")


def diagram(
    workflow: Annotated[str, typer.Argument(metavar="FILE|KEY", help="A document, or the key of one in use.")],
    language: Annotated[Language, typer.Option(help="Of the words in it.")] = Language.VI,
) -> None:
    """Print a workflow as a Mermaid state diagram."""
    file = Path(workflow)
    document = _read(file) if file.is_file() else _newest(workflow)
    typer.echo(mermaid(document, language.value), nl=False)


def _documents(path: Path) -> list[Path]:
    return [*path.rglob("*.yaml"), *path.rglob("*.csv")] if path.is_dir() else [path]


def _read(file: Path) -> WorkflowDocument:
    problems = find_problems([file])
    if problems:
        raise DefinitionError(problems)
    document, _ = read_shape(WorkflowDocument, read_tree(file.read_bytes()).data)
    if document is None:
        raise MisuseError(f"{file.as_posix()} is not a workflow")
    return document


def _newest(key: str) -> WorkflowDocument:
    workflows = load(definitions_directory()).workflows
    if key not in workflows:
        close = nearest(key, workflows)
        hint = f'; did you mean "{close}"?' if close else ""
        raise MisuseError(f'"{key}" is neither a file nor a workflow; workflows: {", ".join(sorted(workflows))}{hint}')
    return workflows[key][-1]
