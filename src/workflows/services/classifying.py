"""Decision tables in use: which there are, and which class a unit is of, as known at the end of a civil day.

Finds the figures and cases that a table reads, and what is told beside the class; which class that is, is decided in
`core.tables`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from workflows.core.authority import covers
from workflows.core.case import Actor, Case, InputError
from workflows.core.civil import show_date
from workflows.core.fields import dates, unknown_name
from workflows.core.lineage import Figure
from workflows.core.nearest import nearest
from workflows.core.table_documents import Beside, CasesInput, CountInput, TableDocument
from workflows.core.table_outcomes import classify
from workflows.core.tables import Classification, Table, compile_table, count_of, in_force
from workflows.services.engine import Engine
from workflows.services.reading import InvalidError, MissingError, today
from workflows.store import queries, standing
from workflows.store.queries import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What is known for one input of a table."""

    value: int | None
    count: str | None = None
    """Key of the catalogue; None: cases are counted."""
    figure: Figure | None = None
    """What was entered; None for cases."""
    cases: tuple[Case, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What another workflow says of the unit."""

    document: Beside
    cases: tuple[Case, ...]
    """All of that workflow in the unit, oldest first."""
    holds: bool
    agrees: bool | None
    """None: the class is not determined as far as that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Classified:
    """The class of a unit with all that it rests on."""

    unit: Unit
    as_of: date
    table: Table
    found: Mapping[str, Found]
    """By input."""
    result: Classification
    beside: Comparison | None


def tables(engine: Engine, on: date) -> Sequence[TableDocument]:
    """The version of each table that is in force on a civil date."""
    found = (in_force(versions, on) for versions in engine.catalogue.tables.values())
    return [document for document in found if document]


def table(engine: Engine, key: str, *, version: int | None = None, on: date | None = None) -> TableDocument:
    """One version of a table: the one named, else the one in force on a civil date, today by default, else the newest.

    Raises:
        MissingError: there is no such table, version, or none in force on the date.
    """
    versions = engine.catalogue.tables.get(key)
    if not versions:
        raise MissingError("table", key, nearest(key, engine.catalogue.tables))
    if version is not None:
        found = next((each for each in versions if each.version == version), None)
    else:
        found = in_force(versions, on or today(engine))
    if found is None and (version is not None or on is not None):
        raise MissingError("version of the table", f"{key}/{version or on}")
    return found or versions[-1]


def classified(engine: Engine, actor: Actor, code: str, *, key: str | None, as_of: date) -> Classified:
    """The class of a unit by a table, as known at the end of a civil day.

    Args:
        engine: Whose present the day must not lie after.
        actor: Whose grant must cover the unit.
        code: Of the unit.
        key: Of the table; None: the only one for units of that level.
        as_of: The day; the version of the table is the one in force on it.

    Raises:
        MissingError: there is no such unit, or no version of the table on that day.
        InvalidError: the day lies in the future, or the table does not fit.
    """
    _require_past(engine, as_of)
    with engine.database.read() as connection:
        unit = queries.unit_on(connection, code, as_of)
        if unit is None or not covers(actor, unit.path):
            raise MissingError("unit", code)
        document = _table_for(engine, unit, key, as_of)
        found = _found(connection, document, code, as_of)
        compiled = compile_table(document)
        result = classify(compiled, {name: each.value for name, each in found.items()})
        beside = _beside(connection, document.beside, result, code, as_of) if document.beside else None
    return Classified(unit=unit, as_of=as_of, table=compiled, found=found, result=result, beside=beside)


def _require_past(engine: Engine, as_of: date) -> None:
    wrong = list(dates(as_of.isoformat(), "/as_of"))
    if not wrong and as_of > today(engine):
        message = f"{show_date(as_of)} is in the future; today is {show_date(today(engine))}"
        wrong.append(InputError(path="/as_of", message=message))
    if wrong:
        raise InvalidError(wrong)


def _table_for(engine: Engine, unit: Unit, key: str | None, as_of: date) -> TableDocument:
    known = engine.catalogue.tables
    fitting = [name for name, versions in known.items() if versions[-1].subject is unit.level]
    if key is None and len(fitting) != 1:
        message = f"is required: for units of level {unit.level} there is {', '.join(fitting) or 'none'}"
        raise InvalidError([InputError(path="/table", message=message)])
    if key is not None and key not in known:
        raise InvalidError([unknown_name("/table", "table", key, list(known))])
    document = table(engine, key or fitting[0], on=as_of)
    if document.subject is not unit.level:
        message = f"{document.table} classifies units of level {document.subject}; {unit.code} is a {unit.level}"
        raise InvalidError([InputError(path="/table", message=message)])
    return document


def _found(connection: Connection, document: TableDocument, code: str, as_of: date) -> dict[str, Found]:
    counted = {name: given for name, given in document.inputs.items() if isinstance(given, CasesInput)}
    entered = {name: given for name, given in document.inputs.items() if isinstance(given, CountInput)}
    keys = {name: count_of(given, document) for name, given in entered.items()}
    figures = standing.unit_figures(connection, code, set(keys.values()), as_of)
    workflows = {given.cases for given in counted.values()}
    cases = standing.unit_cases(connection, code, workflows, as_of) if workflows else ()
    found = {name: Found(value=figures[key].value, count=key, figure=figures[key]) for name, key in keys.items()}
    for name, given in counted.items():
        matching = tuple(case for case in cases if _counts(given, case))
        found[name] = Found(value=len(matching), cases=matching)
    return {name: found[name] for name in document.inputs}


def _counts(given: CasesInput, case: Case) -> bool:
    matches = all(case.data.get(field) in values for field, values in given.where.items())
    return case.workflow == given.cases and case.state in given.states and matches


def _beside(connection: Connection, document: Beside, result: Classification, code: str, as_of: date) -> Comparison:
    cases = standing.unit_cases(connection, code, {document.cases}, as_of)
    holds = any(case.state in document.states for case in cases)
    said = {name in document.classes for name in result.possible}
    agrees = holds in said if len(said) == 1 else None
    return Comparison(document=document, cases=cases, holds=holds, agrees=agrees)
