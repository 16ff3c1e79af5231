"""Any number of values in a statement whose text never changes: to compare a column with, or to be read as rows.

An expanding `IN` has another text for every number of values, so that databases and drivers parse, plan and cache it
anew for each batch.
"""

import json
from collections.abc import Collection
from typing import Any, Self

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Dialect,
    Integer,
    TableValuedAlias,
    Text,
    TypeDecorator,
    bindparam,
    column,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.types import TypeEngine


class _Texts(TypeDecorator[Any]):
    """Texts as one parameter: JSON on SQLite, an array on PostgreSQL."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type that the driver sees."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(Text))

    def process_bind_param(self, value: Collection[str] | None, dialect: Dialect) -> str | list[str]:
        """The one parameter that holds all values."""
        return json.dumps(list(value or ())) if dialect.name == "sqlite" else list(value or ())


class _Among(FunctionElement[bool]):
    name = "among"
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: OperatorType | None = None) -> Self:  # noqa: ARG002 - SQLAlchemy's signature
        """Itself: the `= 1` that SQLite's dialect puts behind a boolean function would keep it from any index."""
        return self


def among(column: ColumnElement[Any], parameter: str) -> ColumnElement[bool]:
    """True for rows whose text column holds one of the values of the named parameter."""
    return _Among(column, bindparam(parameter, type_=_Texts()))


@compiles(_Among, "sqlite")
def _sqlite(element: _Among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's interface
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - two compiled clauses


@compiles(_Among, "postgresql")
def _postgresql(element: _Among, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's interface
    column, values = (compiler.process(clause, **options) for clause in element.clauses)
    return f"{column} = ANY ({values})"


class _Listed(FunctionElement[str]):
    name = "listed"
    inherit_cache = True


def listed(parameter: str) -> TableValuedAlias:
    """The values of the named parameter as rows of `value` and `place`, which counts them from 1."""
    rows = _Listed(bindparam(parameter, type_=_Texts()))
    return rows.table_valued(column("place", Integer), column("value", Text))


@compiles(_Listed, "sqlite")
def _listed_on_sqlite(element: _Listed, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's interface
    (values,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(SELECT key + 1 AS place, value FROM json_each({values}))"  # noqa: S608 - a compiled clause


@compiles(_Listed, "postgresql")
def _listed_on_postgresql(element: _Listed, compiler: SQLCompiler, **options: Any) -> str:  # noqa: ANN401 - SQLAlchemy's interface
    (values,) = (compiler.process(clause, **options) for clause in element.clauses)
    return f"(SELECT place, value FROM unnest({values}) WITH ORDINALITY AS each (value, place))"  # noqa: S608 - a compiled clause
