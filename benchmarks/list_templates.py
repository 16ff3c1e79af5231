"""Real cases with their ledgers, taken from the engine once and varied cheaply a million times.

One commune's work is carried out by the engine on the shipped definitions; opinions and list decisions, which it has
none of, are sealed by the core. A variant has its own ids, unit, person, instants, title and chain of hashes, and
entries that are canonical, so that reading it back costs what reading any case costs.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from hashlib import sha256
from pathlib import Path
from typing import Final, cast

from sqlalchemy import select

from benchmarks.callers import submission
from benchmarks.starting import Start, started
from benchmarks.workload import Slot, lanes
from workflows.core.canonical import Json, canonical_bytes, commitment
from workflows.core.case import NOTHING, Accepted, Case, CaseId, Changes, CommandId, Event, EventId, Kind, apply
from workflows.core.civil import civil_date, format_instant
from workflows.core.folding import words
from workflows.core.ledger import FreeText, seal
from workflows.services.engine import Engine
from workflows.store import rows
from workflows.store.tables import event, event_text

_AT: Final = datetime(2025, 2, 3, tzinfo=UTC)
Row = tuple[object, ...]
CASE_COLUMNS: Final = (
    "id", "workflow", "workflow_version", "definition", "state", "version", "unit", "unit_path", "plan", "parent",
    "title", "data", "links", "sheets", "entered", "acts", "episode", "opened_at", "state_since", "due",
    "final", "occurred_at", "recorded_at", "head", "opened_path", "choices",
)  # fmt: skip
EVENT_COLUMNS: Final = (
    "id", "case_id", "seq", "prev_hash", "hash", "entry", "kind", "workflow", "trigger", "unit_path", "person",
    "recorded_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """What is a variant's own."""

    case: str
    unit: str
    path: str
    plan: str | None
    parent: str | None
    person: str
    title: str
    due: str | None
    """Kept only by a case that has a due date."""
    instants: Sequence[str]
    """Of its events."""
    events: Sequence[str]
    """Their ids."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """An event with gaps for what varies."""

    text: bytes
    head: Mapping[str, object]
    payload: bool
    titled: bool


@dataclass(frozen=True, slots=True)
class Template:
    """A case as it was after some of its events."""

    case: Mapping[str, object]
    entries: Sequence[_Entry]

    @property
    def workflow(self) -> str:
        return str(self.case["workflow"])

    @property
    def settled(self) -> bool:
        """Whether nothing is awaited of it."""
        return bool(self.case["final"]) or self.case["due"] is None

    def rows(self, variant: Variant) -> tuple[Row, list[Row], list[Row], list[Row]]:
        """Of `cases`, `event`, `event_text` and `case_word`."""
        ledger, texts, head = self._ledger(variant)
        own: dict[str, object] = {
            "id": variant.case,
            "unit": variant.unit,
            "unit_path": variant.path,
            "opened_path": variant.path,
            "plan": variant.plan,
            "parent": variant.parent,
            "title": variant.title,
            "opened_at": variant.instants[0],
            "state_since": variant.instants[-1],
            "occurred_at": variant.instants[-1],
            "recorded_at": variant.instants[-1],
            "due": variant.due if self.case["due"] else None,
            "head": head,
        }
        whole = {**self.case, **own}
        rest = (variant.case, variant.path, self.workflow)
        found: list[Row] = [(word, *rest) for word in sorted(set(words(variant.title)))]
        return tuple(whole[name] for name in CASE_COLUMNS), ledger, texts, found

    def _ledger(self, variant: Variant) -> tuple[list[Row], list[Row], str | None]:
        ledger: list[Row] = []
        texts: list[Row] = []
        head: str | None = None
        case, unit, path = variant.case.encode(), variant.unit.encode(), variant.path.encode()
        person = variant.person.encode()
        for entry, own, instant in zip(self.entries, variant.events, variant.instants, strict=True):
            committed = b"null"
            if entry.payload:
                salt = sha256(own.encode()).digest()[:16]
                text = {"title": variant.title} if entry.titled else {"reason": "Theo biên bản kiểm tra."}
                payload = canonical_bytes(text)
                committed = canonical_bytes(commitment(salt, payload))
                texts.append((own, salt, payload))
            body = entry.text % {
                b"case": case,
                b"id": own.encode(),
                b"prev": b"null" if head is None else f'"{head}"'.encode(),
                b"at": instant.encode(),
                b"unit": unit,
                b"path": path,
                b"person": person,
                b"payload": committed,
            }
            before, head = head, sha256(body).hexdigest()
            kept = entry.head
            ledger.append((
                own, variant.case, kept["seq"], before, head, body, kept["kind"], kept["workflow"], kept["trigger"],
                variant.path, variant.person, instant,
            ))  # fmt: skip
        return ledger, texts, head


def templates(place: Path) -> list[Template]:
    """Every case of every workflow after each of its events; `place` is an empty directory."""
    known = [*_worked(place), _sealed("opinion", ("give",), ("requested", "given"))]
    known.append(_sealed("list_decision", ("decide",), ("drafted", "decided")))
    return [_template(history[: length + 1]) for history in known for length in range(len(history))]


def _worked(place: Path) -> Iterator[list[Event]]:
    (lane,) = lanes(1, civil_date(datetime.now(UTC)))
    with started("sqlite", [lane], place) as start, start.fresh() as url:
        engine = Engine.start(url, batch_limit=1)
        try:
            cases = _carry_out(engine, start)
            with engine.database.read() as connection:
                statement = select(event, event_text.c.salt, event_text.c.payload).outerjoin_from(event, event_text)
                for case in cases.values():
                    found = connection.execute(statement.where(event.c.case_id == case).order_by(event.c.seq))
                    yield [rows.event_of(row) for row in found.mappings()]
        finally:
            engine.stop()


def _carry_out(engine: Engine, start: Start) -> Mapping[Slot, CaseId]:
    (lane,) = lanes(1, civil_date(datetime.now(UTC)))
    cases: dict[Slot, CaseId] = {}
    for index, step in enumerate(lane.steps):
        (outcome,) = engine.submit(submission(engine, start, lane, index, cases)).result()
        if not isinstance(outcome.decision, Accepted):
            message = f"{step.slot}.{step.trigger} was not accepted: {outcome.reply.body.decode()}"
            raise TypeError(message)
        cases.setdefault(step.slot, outcome.decision.events[0].case)
    return cases


def _sealed(workflow: str, triggers: Sequence[str], states: Sequence[str]) -> list[Event]:
    history: list[Event] = []
    case: Case | None = None
    for seq, (trigger, target) in enumerate(zip(("open", *triggers), states, strict=True), 1):
        final = seq == len(states)
        changes: Changes = {"entered": _AT.date().isoformat(), "due": None if final else "2025-03-01", "final": final}
        if case is None:
            changes |= {"unit_path": "VN/84", "plan": None, "parent": None, "title": "x", "set": {}, "episode": 1}
        history.append(_event(workflow, trigger, target, seq, changes, case))
        case = apply(case, history[-1])
    return history


def _event(workflow: str, trigger: str, target: str, seq: int, changes: Changes, case: Case | None) -> Event:
    actor = {"person": "p", "role": "department", "grant": _id(9), "unit": "84", "path": "VN/84", "agency": None}
    draft = Event(
        id=EventId(_id(seq)), command=CommandId(_id(seq)), case=CaseId(_id(8)), seq=seq,
        kind=Kind.TRANSITIONED if case else Kind.OPENED, workflow=workflow, version=1,
        definition=sha256(workflow.encode()).hexdigest(), unit="84", trigger=trigger,
        source=case.state if case else None, target=target, changes=changes, facts={}, input=NOTHING, actor=actor,
        on_behalf_of=None, reason=None, occurred_at=_AT, recorded_at=_AT, cause=None, idempotency=None,
        prev_hash=case.head if case else None, hash="", entry=b"", salt=None, payload=None,
    )  # fmt: skip
    kept = {name: value for name, value in cast("Mapping[str, Json]", changes).items() if name != "title"}
    public: Mapping[str, Json] = {"changes": kept, "input": {}, "documents": []}
    return seal(draft, public, FreeText(title=changes.get("title")), bytes(32))


def _id(number: int) -> str:
    return f"01950000-0000-7000-8000-{number:012}"


def _template(history: Sequence[Event]) -> Template:
    case = reduce(apply, history[1:], apply(None, history[0]))
    return Template(rows.case_row(case), [_entry(each, case.unit_path) for each in history])


def _entry(found: Event, path: str) -> _Entry:
    """Ids, hashes and instants occur nowhere by chance; names are replaced where they stand as a value."""
    text = found.entry.replace(b"%", b"%%")
    gaps = {
        f'"case":"{found.case}"': b'"case":"%(case)b"',
        f'"id":"{found.id}"': b'"id":"%(id)b"',
        f'"command":"{found.command}"': b'"command":"%(id)b"',
        f'"prev":"{found.prev_hash}"': b'"prev":%(prev)b',
        '"prev":null': b'"prev":%(prev)b',
        f'"recorded_at":"{format_instant(found.recorded_at)}"': b'"recorded_at":"%(at)b"',
        f'"occurred_at":"{format_instant(found.occurred_at)}"': b'"occurred_at":"%(at)b"',
        f'"unit":"{found.unit}"': b'"unit":"%(unit)b"',
        f'"unit_path":"{path}"': b'"unit_path":"%(path)b"',
        f'"person":"{found.actor["person"]}"': b'"person":"%(person)b"',
    }
    for given, gap in gaps.items():
        text = text.replace(given.encode(), gap)
    if found.payload is not None and found.salt is not None:
        committed = canonical_bytes(commitment(found.salt, found.payload))
        text = text.replace(b'"payload":' + committed, b'"payload":%(payload)b')
    head = {"seq": found.seq, "kind": found.kind.value, "workflow": found.workflow, "trigger": found.trigger}
    return _Entry(text, head, found.payload is not None, found.seq == 1)
