"""Between the core's values and the rows of the tables, in both directions.

This is the write path: plain dictionaries, one JSON encoder, no reflection. An event's row is a projection of
its entry, so that reading it back needs the entry and its free text alone.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final, TypeAlias

import msgspec
from sqlalchemy import RowMapping

from workflows.core.case import Actor, Case, CaseId, Data, Event
from workflows.core.civil import format_instant, parse_instant
from workflows.core.documents import NAME_LENGTH, NAME_PATTERN, Level, Role
from workflows.core.folding import words
from workflows.core.ledger import read
from workflows.core.world import Unit

Row: TypeAlias = Mapping[str, Any] | RowMapping
"""One row by column name, as `connection.execute(…).mappings()` gives it."""

_encoder: Final = msgspec.json.Encoder(enc_hook=dict, order="sorted")  # the hook: read-only mappings
_is_name: Final = re.compile(NAME_PATTERN.strip("^$")).fullmatch
_parse: Final = msgspec.json.Decoder().decode


def _encode(value: object) -> str:
    return _encoder.encode(value).decode()


def case_row(case: Case) -> dict[str, object]:
    """The whole row."""
    return {
        "id": case.id,
        "workflow": case.workflow,
        "workflow_version": case.workflow_version,
        "definition": case.definition,
        "unit": case.unit,
        "unit_path": case.unit_path,
        "opened_path": case.opened_path,
        "plan": case.plan,
        "parent": case.parent,
        "opened_at": format_instant(case.opened_at),
        **moving_columns(case),
    }


def moving_columns(case: Case) -> dict[str, object]:
    """The columns that events change; SQLite rewrites every index of a column that an update names."""
    return {
        "state": case.state,
        "version": case.version,
        "title": case.title,
        "data": _encode(case.data),
        "choices": _encode(choices(case.data)),
        "links": _encode(case.links),
        "sheets": _encode(case.sheets),
        "entered": _encode(case.entered),
        "acts": _encode(case.acts),
        "episode": case.episode,
        "state_since": format_instant(case.state_since),
        "due": case.due.isoformat() if case.due else None,
        "final": case.final,
        "occurred_at": format_instant(case.occurred_at),
        "recorded_at": format_instant(case.recorded_at),
        "head": case.head,
    }


def choices(data: Data) -> dict[str, str]:
    """The values of choice fields, which are names; a word of a text may be among them, and does no harm."""
    return {
        field: value
        for field, value in data.items()
        if isinstance(value, str) and len(value) <= NAME_LENGTH and _is_name(value)
    }


MOVING: Final = [
    "state",
    "version",
    "title",
    "data",
    "choices",
    "links",
    "sheets",
    "entered",
    "acts",
    "episode",
    "state_since",
    "due",
    "final",
    "occurred_at",
    "recorded_at",
    "head",
]
"""Names of those columns."""


def case_of(row: Row) -> Case:
    parent, due = row["parent"], row["due"]
    return Case(
        id=CaseId(row["id"]),
        workflow=row["workflow"],
        workflow_version=row["workflow_version"],
        definition=row["definition"],
        state=row["state"],
        version=row["version"],
        unit=row["unit"],
        unit_path=row["unit_path"],
        opened_path=row["opened_path"],
        plan=row["plan"],
        parent=None if parent is None else CaseId(parent),
        title=row["title"],
        data=_parse(row["data"]),
        links={field: tuple(ids) for field, ids in _parse(row["links"]).items()},
        sheets=_parse(row["sheets"]),
        entered=_parse(row["entered"]),
        acts=_parse(row["acts"]),
        episode=row["episode"],
        opened_at=parse_instant(row["opened_at"]),
        state_since=parse_instant(row["state_since"]),
        due=None if due is None else date.fromisoformat(due),
        final=row["final"],
        occurred_at=parse_instant(row["occurred_at"]),
        recorded_at=parse_instant(row["recorded_at"]),
        head=row["head"],
    )


def link_rows(case: Case) -> list[dict[str, object]]:
    """All rows of `case_link` that the case has."""
    return [
        {"case_id": case.id, "field": field, "other_id": other} for field, ids in case.links.items() for other in ids
    ]


def word_rows(case: Case) -> list[dict[str, object]]:
    """All rows of `case_word` that the case has."""
    rest = {"case_id": case.id, "unit_path": case.unit_path, "workflow": case.workflow}
    return [{"word": word, **rest} for word in sorted(set(words(case.title)))]


def event_rows(event: Event, unit_path: str) -> tuple[dict[str, object], dict[str, object] | None]:
    """The row of `event`, and that of `event_text` if the event holds free text.

    Args:
        event: With its entry and hash.
        unit_path: Of the case as it is after the event.
    """
    row: dict[str, object] = {
        "id": event.id,
        "case_id": event.case,
        "seq": event.seq,
        "prev_hash": event.prev_hash,
        "hash": event.hash,
        "entry": event.entry,
        "kind": event.kind.value,
        "workflow": event.workflow,
        "trigger": event.trigger,
        "unit_path": unit_path,
        "person": event.actor["person"],
        "recorded_at": format_instant(event.recorded_at),
        "occurred_at": None if event.occurred_at == event.recorded_at else format_instant(event.occurred_at),
    }
    if event.payload is None:
        return row, None
    return row, {"event_id": event.id, "salt": event.salt, "payload": event.payload}


def event_of(row: Row) -> Event:
    """From `entry`, `salt` and `payload`, the last two None where there is no text; raises BrokenEntryError."""
    return read(row["entry"], salt=row["salt"], payload=row["payload"])


def actor_of(row: Row) -> Actor:
    """From a row of `api_key`; whether the grant is in force is not looked at."""
    return Actor(
        grant=row["id"],
        person=row["person"],
        role=Role(row["role"]),
        unit=row["unit"],
        unit_path=row["unit_path"],
        agency=row["agency"],
        scope=frozenset(row["scope"].split()),
        valid_from=_day(row["valid_from"]),
        valid_to=_day(row["valid_to"]),
        revoked=row["revoked_at"] is not None,
    )


def unit_periods(rows: Iterable[Row]) -> dict[str, tuple[Unit, ...]]:
    """By code, from rows of `unit` in the order of their first days."""
    periods: dict[str, tuple[Unit, ...]] = {}
    for row in rows:
        period = Unit(
            code=row["code"],
            level=Level(row["level"]),
            name=row["name"],
            path=row["path"],
            valid_from=date.fromisoformat(row["valid_from"]),
            valid_to=_day(row["valid_to"]),
        )
        periods[period.code] = (*periods.get(period.code, ()), period)
    return periods


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
