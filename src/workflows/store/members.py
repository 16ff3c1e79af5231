"""Members of stored JSON in statements, the same on both databases: of texts, and of the bytes of entries."""

from typing import Any

from sqlalchemy import ColumnElement, Text, literal
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _Member(FunctionElement[str]):
    """The text at a path of JSON; null where there is none."""

    name = "member"
    type = Text()
    inherit_cache = True


class _EntryMember(FunctionElement[str]):
    """The same, of JSON in bytes."""

    name = "entry_member"
    type = Text()
    inherit_cache = True


def member(document: ColumnElement[Any], name: str) -> ColumnElement[str]:
    """The member of an object that a column holds as JSON text, itself text; `name` is a name of a document."""
    return _Member(document, *_path((name,)))


def entry_member(entry: ColumnElement[Any], *path: str) -> ColumnElement[str]:
    """The text at a path of an entry; names of documents alone."""
    return _EntryMember(entry, *_path(path))


def _path(names: tuple[str, ...]) -> tuple[ColumnElement[str], ColumnElement[str]]:
    """As SQLite writes it, and as PostgreSQL does."""
    return literal("$." + ".".join(names)), literal("{" + ",".join(names) + "}")


@compiles(_Member, "sqlite")
def _on_sqlite(element: _Member, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's interface
    document, path, _ = element.clauses
    return f"json_extract({compiler.process(document, **options)}, {compiler.process(path, **options)})"


@compiles(_Member, "postgresql")
def _on_postgresql(element: _Member, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's interface
    document, _, path = element.clauses
    return _member_of(compiler.process(document, **options), compiler.process(path, **options))


@compiles(_EntryMember, "sqlite")
def _entry_on_sqlite(element: _EntryMember, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's interface
    entry, path, _ = element.clauses
    return f"json_extract(CAST({compiler.process(entry, **options)} AS TEXT), {compiler.process(path, **options)})"


@compiles(_EntryMember, "postgresql")
def _entry_on_postgresql(element: _EntryMember, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's interface
    entry, _, path = element.clauses
    text = f"convert_from({compiler.process(entry, **options)}, 'UTF8')"
    return _member_of(text, compiler.process(path, **options))


def _member_of(text: str, path: str) -> str:
    return f"(CAST({text} AS json) #>> CAST({path} AS text[]))"
