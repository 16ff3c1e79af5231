"""The command that tells which class a unit is of by a decision table, and why.

The answer is that of the API; here it is laid out for a person.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final

import typer

from workflows.cli.acting import KeySecret
from workflows.cli.casework import Asked, session
from workflows.cli.days import given_day
from workflows.cli.documents import Language
from workflows.cli.showing import print_json, print_table, safe, show_json, words
from workflows.cli.target import DatabaseUrl
from workflows.core.documents import Words
from workflows.services import reading
from workflows.services.classifying import classified
from workflows.services.rendering import encoded
from workflows.services.settings import DEFAULT_DATABASE
from workflows.services.table_json import classification_json

_WORDS: Final[Mapping[str, Words]] = {
    "class": Words(vi="Phân loại", en="Class"),
    "possible": Words(vi="Chưa xác định; có thể là", en="Undetermined; it could be"),
    "inputs": Words(vi="Số liệu", en="Figures"),
    "unknown": Words(vi="chưa có", en="unknown"),
    "criteria": Words(vi="Tiêu chí", en="Criteria"),
    "met": Words(vi="đạt", en="met"),
    "unmet": Words(vi="không", en="not met"),
    "open": Words(vi="chưa rõ", en="unknown"),
}


def classify(
    unit: Annotated[str, typer.Argument(metavar="UNIT", help="Official code.")],
    *,
    table: Annotated[str | None, typer.Option(metavar="KEY", help="Of the table; left out: the only one.")] = None,
    as_of: Annotated[str | None, typer.Option(metavar="DATE", help="As known at the end of this day; today.")] = None,
    database: DatabaseUrl = DEFAULT_DATABASE,
    key: KeySecret = "",
    language: Annotated[Language, typer.Option("--language", help="Of what is printed.")] = Language.VI,
    as_json: Annotated[bool, typer.Option("--json", help="Print what the API answers.")] = False,
) -> None:
    """Tell which class a unit is of, and why."""
    day = given_day("--as-of", as_of)
    asked = Asked(database=database, key=key, language=language, as_json=as_json)
    with session(asked) as (engine, actor):
        found = classified(engine, actor, unit, key=table, as_of=day or reading.today(engine))
        body = encoded(classification_json(engine, found))
        name = found.unit.name
    if as_json:
        print_json(body)
    else:
        _print(json.loads(body), name, language.value)


def _print(found: Mapping[str, Any], name: str, language: str) -> None:
    table = found["table"]
    typer.echo(safe(f"{found['unit']} {name}, {show_json(found['as_of'])}"))
    typer.echo(safe(f"{table['title'][language]} ({table['key']} {table['version']})"))
    head = "class" if found["class"] else "possible"
    named = ", ".join(f"{each['title'][language]} ({each['class']})" for each in found["possible"])
    typer.echo(safe(f"{_told(head, language)}: {named}"))
    if found["missing"]:
        typer.echo(safe(found["message"][language]))
    if found["beside"]:
        typer.echo(safe(found["beside"]["message"][language]))
    typer.echo(f"\n{_told('inputs', language)}")
    print_table(_figures(found, language), indent="  ")
    typer.echo(f"\n{_told('criteria', language)}")
    print_table(_criteria(found, language), indent="  ")


def _figures(found: Mapping[str, Any], language: str) -> Iterator[list[str]]:
    for each in found["inputs"]:
        value = _told("unknown", language) if each["value"] is None else str(each["value"])
        yield [each["title"][language], value, show_json(each.get("as_of")), show_json(each.get("source"))]


def _criteria(found: Mapping[str, Any], language: str) -> Iterator[list[str]]:
    for each in found["criteria"]:
        met = {True: "met", False: "unmet", None: "open"}[each["met"]]
        yield [each["title"][language], _told(met, language), each["needed"]]


def _told(name: str, language: str) -> str:
    return words(_WORDS[name], language)
