"""Extracts for auditors and planners: cases, events and figures, as one key may see them at one moment.

An extract gives its rows one after the other from one read transaction, as objects of the API and as cells of a
table. How they are written to a file is `export_files`'s affair.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final, TypeAlias, cast

from sqlalchemy import Connection, select

from workflows.core.canonical import Json
from workflows.core.case import Actor, Case, Event
from workflows.core.civil import format_instant
from workflows.core.definition import Definition
from workflows.core.documents import FieldSpec
from workflows.services.cells import joined
from workflows.services.columns import field_columns
from workflows.services.describing import count_json
from workflows.services.engine import Engine
from workflows.services.rendering import Object, attempt_json, case_json, encoded, event_json
from workflows.store import counts, lists, rows
from workflows.store.among import among
from workflows.store.counts import CountFilter
from workflows.store.lists import Entry, EventFilter
from workflows.store.paging import LIMIT
from workflows.store.queries import CaseFilter, Count
from workflows.store.tables import event, event_text

Value: TypeAlias = str | int | date | None
"""Of a cell; booleans are integers of their own type."""

_OPENINGS: Final = (
    select(event, event_text.c.salt, event_text.c.payload)
    .outerjoin_from(event, event_text)
    .where(among(event.c.case_id, "ids"), event.c.seq == 1)
)
_ACTOR: Final = ("person", "role", "unit")
CASE_HEADS: Final = (
    "id",
    "workflow",
    "workflow_version",
    "state",
    "version",
    "unit",
    "plan",
    "parent",
    "title",
    "occurred_at",
    "reason",
    "state_since",
    "due",
    "overdue",
    "final",
    "sheets",
)
"""Before the columns of the fields; `occurred_at` and `reason` are of the opening."""
EVENT_HEADS: Final = (
    "id",
    "case",
    "seq",
    "kind",
    "outcome",
    "workflow",
    "workflow_version",
    "definition",
    "unit",
    "trigger",
    "source",
    "target",
    *(f"actor.{name}" for name in _ACTOR),
    "on_behalf_of",
    "reason",
    "input",
    "changes",
    "facts",
    "blockers",
    "occurred_at",
    "recorded_at",
    "cause",
    "prev_hash",
    "hash",
)
COUNT_HEADS: Final = ("id", "unit", "key", "value", "as_of", "source", "person", "recorded_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of an extract."""

    object: Object
    """As the API shows it."""
    cells: Callable[[], Sequence[Value]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Extract:
    """What is to be written."""

    what: str
    order: str
    heads: Sequence[str]
    lines: Callable[[Connection, date], Iterator[Line]]
    """Given a read transaction and today."""


def cases(engine: Engine, actor: Actor, wanted: CaseFilter) -> Extract:
    """Cases with the values of their fields, one column for each."""
    keys = [wanted.workflow] if wanted.workflow is not None else engine.definitions.keys
    versions = [version for key in keys for version in engine.definitions.versions(key)]
    fields = tuple(dict.fromkeys(name for version in versions for name in _field_heads(engine, version)))

    def lines(connection: Connection, today: date) -> Iterator[Line]:
        for page in _case_pages(connection, actor, wanted, today):
            reasons = _reasons(connection, page)
            for case in page:
                shown, reason = case_json(case, today), reasons.get(case.id)
                definition = engine.definitions.by_hash(case.definition)
                yield Line(
                    object=shown,
                    cells=partial(_case_cells, case, shown, reason, definition, fields),
                )

    return Extract(what="cases", order="newest first", heads=(*CASE_HEADS, *fields), lines=lines)


def _field_heads(engine: Engine, definition: Definition) -> Iterator[str]:
    for name, spec in definition.document.fields.items():
        yield from (column.name for column in field_columns(name, spec, engine.catalogue, required=False))


def _case_pages(connection: Connection, actor: Actor, wanted: CaseFilter, today: date) -> Iterator[Sequence[Case]]:
    cursor: str | None = None
    while True:
        page = lists.list_cases(connection, actor, today, wanted, cursor=cursor, limit=LIMIT)
        yield page.items
        cursor = page.next
        if cursor is None:
            return


def _reasons(connection: Connection, page: Sequence[Case]) -> dict[str, str | None]:
    """By case: why it was opened."""
    found = connection.execute(_OPENINGS, {"ids": [case.id for case in page]}).mappings()
    return {opened.case: opened.reason for opened in map(rows.event_of, found)}


def _case_cells(
    case: Case, shown: Object, reason: str | None, definition: Definition, fields: Sequence[str]
) -> Sequence[Value]:
    values = {**shown, "occurred_at": shown["opened_at"], "reason": reason, "due": case.due}
    values["sheets"] = _compact(shown["sheets"]) if case.sheets else None
    fixed = [cast("Value", values[name]) for name in CASE_HEADS]
    given = {
        name: value
        for field, spec in definition.document.fields.items()
        for name, value in field_cells(field, spec, case.links.get(field) or case.data.get(field))
    }
    return (*fixed, *(given.get(name) for name in fields))


def field_cells(name: str, spec: FieldSpec, value: Json) -> Iterator[tuple[str, Value]]:
    """The columns of a field's value, as an import reads them back."""
    if value is None:
        return
    if isinstance(value, Mapping) and spec.type == "document":
        yield from ((f"{name}.{part}", _scalar("date" if part == "date" else "", of)) for part, of in value.items())
    elif isinstance(value, list | tuple) and spec.type in ("cases", "agencies"):
        yield name, joined(map(str, value))
    elif isinstance(value, list | tuple):
        yield name, _lines([str(item) for item in value])
    else:
        yield name, _scalar(spec.type, value)


def _scalar(kind: str, value: Json) -> Value:
    if kind == "date" and isinstance(value, str):
        return date.fromisoformat(value)
    return _compact(value) if isinstance(value, Mapping | list | tuple) else cast("Value", value)


def _lines(items: Sequence[str]) -> str:
    """One on each line, where lines and items are the same."""
    text = "\n".join(items)
    return text if text.splitlines() == [*items] and not text.startswith("[") else _compact(items)


def _compact(value: object) -> str:
    return encoded(value).decode()


def events(actor: Actor, wanted: EventFilter) -> Extract:
    """Accepted events, refused attempts, or both."""

    def lines(connection: Connection, today: date) -> Iterator[Line]:
        for entry in _entries(connection, actor, wanted, today):
            shown = event_json(entry) if isinstance(entry, Event) else attempt_json(entry)
            yield Line(object=shown, cells=partial(_event_cells, shown))

    return Extract(what="events", order="newest first", heads=EVENT_HEADS, lines=lines)


def _entries(connection: Connection, actor: Actor, wanted: EventFilter, today: date) -> Iterator[Entry]:
    cursor: str | None = None
    while True:
        page = lists.list_events(connection, actor, today, wanted, cursor=cursor, limit=LIMIT)
        yield from page.items
        cursor = page.next
        if cursor is None:
            return


def _event_cells(shown: Object) -> Sequence[Value]:
    acting = cast("Mapping[str, object]", shown["actor"])
    values = {**shown, **{f"actor.{name}": acting[name] for name in _ACTOR}}
    return [_event_cell(values.get(name)) for name in EVENT_HEADS]


def _event_cell(value: object) -> Value:
    if isinstance(value, Mapping | list | tuple):
        return _compact(value) if value else None
    return cast("Value", value)


def figures(actor: Actor, wanted: CountFilter) -> Extract:
    """All entries of figures, corrected ones too, in the order in which they were made."""

    def lines(connection: Connection, today: date) -> Iterator[Line]:
        for count in counts.entries(connection, actor, today, wanted):
            yield Line(object=count_json(count), cells=partial(_count_cells, count))

    return Extract(what="counts", order="oldest first", heads=COUNT_HEADS, lines=lines)


def _count_cells(count: Count) -> Sequence[Value]:
    recorded = format_instant(count.recorded_at)
    return (count.id, count.unit, count.key, count.value, count.as_of, count.source, count.person, recorded)
