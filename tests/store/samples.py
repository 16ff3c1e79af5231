"""Cases with their ledgers, made without the writer: what a clean database holds, drawn from a seeded chance.

Every event changes something, so that no tampering with one can be without effect.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any, Final

from sqlalchemy import Column, Connection, MetaData, Table, Text, insert

from workflows.core.canonical import Json, canonical_bytes, digest
from workflows.core.case import NOTHING, Case, CaseId, Changes, CommandId, Event, EventId, Kind, apply
from workflows.core.civil import civil_date, format_instant
from workflows.core.folding import fold
from workflows.core.ids import uuid7
from workflows.core.ledger import FreeText, seal
from workflows.core.overdue import Deadline, Does, Notice, Outcome
from workflows.store import notices, rows
from workflows.store.tables import case_link, case_word, cases, count_entry, definition, event, event_text, outbox

START: Final = datetime(2025, 3, 1, 1, 2, 3, 456789, tzinfo=UTC)
DOCUMENTS: Final = {name: canonical_bytes({"workflow": name, "version": 1}) for name in ("market", "border")}
DEFINITIONS: Final = {name: digest(document) for name, document in DOCUMENTS.items()}
PATHS: Final = ("VN/84/842/29236", "VN/84/842/29239", "VN/84/844/29242", "VN/22/193/06652")
TITLES: Final = ("Điểm phức tạp ở chợ Trà Vinh", "Tụ điểm Đường 3/2", "Cà phê Hòa Lợi", "Xã an toàn 100%")
PEOPLE: Final = ("an", "bình", "chi")


def _first(table: Table, left_out: Collection[str], *more: Column[Any]) -> Table:
    kept = (Column(each.name, each.type) for each in table.c if each.name not in left_out)
    return Table(table.name, MetaData(), *kept, *more)


_FIRST: Final = _first(cases, {"opened_path", "choices"}, Column("fold", Text))
_FIRST_EVENT: Final = _first(event, {"occurred_at"})

History = tuple[Case, tuple[Event, ...]]


def history(chance: Random, length: int, *, path: str | None = None, later: timedelta = timedelta()) -> History:
    """A case and its `length` events."""
    opened = _opened(chance, path or chance.choice(PATHS), later)
    events, case = [opened], apply(None, opened)
    while len(events) < length:
        events.append(_next(chance, case))
        case = apply(case, events[-1])
    return case, tuple(events)


def histories(seed: int, count: int, *, longest: int = 6) -> list[History]:
    chance = Random(seed)
    return [history(chance, chance.randint(1, longest)) for _ in range(count)]


FIGURES: Final = (
    ("84", 3, "2025-01-31"),
    ("84", 4, "2025-01-01"),
    ("29236", 0, "2025-01-31"),
    ("29236", 2, "2025-02-01"),
)
"""Unit, value, as-of day, in the order of recording."""


def store_figures(connection: Connection) -> None:
    """Of one key; of each unit, the newest is that of the latest day."""
    rest = {"key": "users", "source": "Sổ", "person": "an", "grant_id": "g"}
    for number, (unit, value, as_of) in enumerate(FIGURES):
        recorded = format_instant(START + timedelta(seconds=number))
        row = {"id": f"figure-{number}", "unit": unit, "value": value, "as_of": as_of, "recorded_at": recorded}
        connection.execute(insert(count_entry), {**rest, **row})


def store_definitions(connection: Connection) -> None:
    for name, document in DOCUMENTS.items():
        row = {"key": name, "version": 1, "hash": DEFINITIONS[name], "document": document}
        connection.execute(insert(definition), {**row, "valid_from": "2021-01-01", "stored_at": instant()})


def store(connection: Connection, found: Iterable[History]) -> None:
    """Needs `store_definitions` once, if the ledger is to be intact."""
    for case, events in found:
        connection.execute(insert(cases), rows.case_row(case))
        _store_events(connection, case, events)
        connection.execute(insert(case_word), rows.word_rows(case))
        connection.execute(insert(outbox), [{"event_id": one.id} for one in events])


def store_ledger(connection: Connection, case: Case, events: Iterable[Event]) -> None:
    """As it is in a database of the first revision."""
    row = {**rows.case_row(case), "fold": fold(case.title)}
    connection.execute(insert(_FIRST), {each.name: row[each.name] for each in _FIRST.c})
    _store_events(connection, case, events, into=_FIRST_EVENT)


def store_notices(connection: Connection, found: Iterable[Case]) -> list[Notice]:
    """One about each case, a minute after its last event."""
    made = [
        Notice(
            id=uuid7(START, digest(f"notice of {case.id}".encode()).encode()),
            deadline=Deadline(due=START.date(), case=case.id, state=case.state, state_since=START, action=0),
            workflow=case.workflow,
            version=case.workflow_version,
            definition=case.definition,
            unit=case.unit,
            unit_path=case.unit_path,
            seq=case.version,
            does=Does.NOTIFY,
            to_roles=("commune_police",),
            to_unit=case.unit,
            trigger=None,
            outcome=Outcome.TOLD,
            event=None,
            codes=(),
            recorded_at=case.recorded_at + timedelta(minutes=1),
        )
        for case in found
    ]
    notices.record(connection, made)
    return made


def _store_events(connection: Connection, case: Case, events: Iterable[Event], into: Table = event) -> None:
    for one in events:
        row, text = rows.event_rows(one, case.unit_path)
        connection.execute(insert(into), {each.name: row[each.name] for each in into.c})
        if text:
            connection.execute(insert(event_text), text)
    if links := rows.link_rows(case):
        connection.execute(insert(case_link), links)


def _opened(chance: Random, path: str, later: timedelta) -> Event:
    at = START + later + timedelta(seconds=chance.randrange(10**6), microseconds=chance.randrange(10**6))
    case_id = CaseId(_id(chance, at))
    changes: Changes = {
        "unit_path": path,
        "plan": chance.choice([None, "tra-vinh-2025"]),
        "parent": chance.choice([None, _id(chance, at)]),
        "title": chance.choice(TITLES),
        "set": {"found": chance.randrange(9), "note": f"Ghi chú {chance.randrange(99)}"},
        "links": {"members": {"added": [_id(chance, at) for _ in range(chance.randrange(3))]}},
        "entered": civil_date(at).isoformat(),
        "due": chance.choice([None, (civil_date(at) + timedelta(days=30)).isoformat()]),
        "final": False,
        "episode": 1,
    }
    return _sealed(chance, None, case_id, at, changes, path=path)


def _next(chance: Random, case: Case) -> Event:
    at = case.recorded_at + timedelta(microseconds=chance.randrange(10**9))
    changes: Changes = {
        "set": {"found": chance.randrange(9), "note": f"Ghi chú {chance.randrange(99)}"},
        "attested": {"criteria": {f"c{chance.randrange(8)}": {"met": chance.random() < 0.5, "evidence": "Biên bản"}}},
        "episode": case.episode + 1,
    }
    if chance.random() < 0.5:
        changes["entered"] = civil_date(at).isoformat()
        changes["due"] = chance.choice([None, date(2025, 12, 31).isoformat()])
        changes["final"] = chance.random() < 0.3
    return _sealed(chance, case, case.id, at, changes, path=case.unit_path)


def _sealed(chance: Random, case: Case | None, case_id: CaseId, at: datetime, changes: Changes, *, path: str) -> Event:
    person = chance.choice(PEOPLE)
    workflow = case.workflow if case else chance.choice(list(DEFINITIONS))
    draft = Event(
        id=EventId(_id(chance, at)),
        command=CommandId(_id(chance, at)),
        case=case_id,
        seq=case.version + 1 if case else 1,
        kind=Kind.TRANSITIONED if case else Kind.OPENED,
        workflow=workflow,
        version=1,
        definition=DEFINITIONS[workflow],
        unit=path.rpartition("/")[2],
        trigger=chance.choice(["suppress", "monitor", "resolve"]) if case else "open",
        source=case.state if case else None,
        target=chance.choice(["suppressed", "monitored"]) if "entered" in changes and case else _state(case),
        changes=changes,
        facts={"open_cases": {"value": chance.randrange(5)}},
        input=NOTHING,
        actor={"person": person, "role": "commune_police", "grant": "g", "unit": "29236", "path": path, "agency": None},
        on_behalf_of=None,
        reason=chance.choice([None, "Theo biên bản"]),
        occurred_at=at,
        recorded_at=at,
        cause=None,
        idempotency=None,
        prev_hash=case.head if case else None,
        hash="",
        entry=b"",
        salt=None,
        payload=None,
    )
    public: Mapping[str, Json] = {"changes": _public(changes), "input": {}, "documents": []}
    return seal(draft, public, _texts(draft), chance.randbytes(32))


def _state(case: Case | None) -> str:
    return case.state if case else "identified"


def _public(changes: Changes) -> dict[str, Json]:
    values = {name: value for name, value in changes.get("set", NOTHING).items() if name != "note"}
    kept: dict[str, Json] = {name: value for name, value in changes.items() if name not in {"title", "set"}}  # type: ignore[misc]  # a TypedDict read by variable name
    return {**kept, "set": values}


def _texts(draft: Event) -> FreeText:
    note = draft.changes.get("set", NOTHING)["note"]
    return FreeText(reason=draft.reason, title=draft.changes.get("title"), set={"note": note})


def _id(chance: Random, at: datetime) -> str:
    return uuid7(at, chance.randbytes(10))


def instant(seconds: int = 0) -> str:
    return format_instant(START + timedelta(seconds=seconds))
