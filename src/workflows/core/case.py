"""The values that flow through the engine, and `apply`, the only way a case changes.

Everything here is frozen and free of I/O. An event carries all that changes, so that folding a case's events needs
no definition: a stored case equals that fold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NewType, TypeAlias, TypedDict

from workflows.core.canonical import Json
from workflows.core.documents import Role, Words

CaseId = NewType("CaseId", str)
"""UUIDv7 in canonical text form."""
EventId = NewType("EventId", str)
CommandId = NewType("CommandId", str)
Data: TypeAlias = Mapping[str, Json]
Links: TypeAlias = Mapping[str, tuple[CaseId, ...]]
"""By field of type cases: the linked ids."""
Acts: TypeAlias = Mapping[str, Mapping[str, int]]
"""By trigger and person: the newest episode in which that person fired it."""
Sheets: TypeAlias = Mapping[str, Mapping[str, Data]]
"""By sheet and condition: met, evidence, note, person, trigger and seq of the newest attestation."""
NOTHING: Mapping[str, Json] = {}


class LinkChange(TypedDict, total=False):
    """How the links of one field change."""

    added: Sequence[str]
    removed: Sequence[str]


class Changes(TypedDict, total=False):
    """Everything an event changes on its case."""

    unit_path: str
    """Of an opening, and of a move to another unit, whose code the event bears."""
    plan: str | None
    parent: str | None
    title: str
    set: Data
    before: Data
    """Amendments only: the values that `set` and `title` replace."""
    links: Mapping[str, LinkChange]
    attested: Mapping[str, Mapping[str, Data]]
    """By sheet and condition: met, evidence, note."""
    entered: str
    """The civil date (ISO) of entering the target; absent when the state is kept."""
    due: str | None
    final: bool
    episode: int


class Kind(StrEnum):
    """What an entry of the ledger is."""

    OPENED = "opened"
    TRANSITIONED = "transitioned"
    AMENDED = "amended"
    ANNULLED = "annulled"
    UNIT_MOVED = "unit_moved"
    DEADLINE_MOVED = "deadline_moved"
    DEFINITION_MIGRATED = "definition_migrated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A person acting under one grant, as read in the deciding transaction."""

    grant: str
    person: str
    role: Role
    unit: str
    unit_path: str
    """Codes from the country down to the unit of the grant, joined by `/`: `VN/84/842`."""
    agency: str | None = None
    scope: frozenset[str] = frozenset()
    """For the role `system`: `workflow.trigger` or `workflow.*`."""
    valid_from: date | None = None
    valid_to: date | None = None
    """Day after the last, exclusive."""
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    id: CaseId
    workflow: str
    workflow_version: int
    definition: str
    """Hash of the definition that the case runs on."""
    state: str
    version: int
    """The `seq` of the newest event."""
    unit: str
    unit_path: str
    opened_path: str
    """Of the unit that it was opened in, wherever it has moved since."""
    plan: str | None
    parent: CaseId | None
    title: str
    data: Data
    links: Links
    sheets: Sheets
    entered: Mapping[str, str]
    """By state: the civil date (ISO) it was entered last."""
    acts: Acts
    episode: int
    opened_at: datetime
    state_since: datetime
    due: date | None
    """The last day that is in time."""
    final: bool
    occurred_at: datetime
    """Of the newest event."""
    recorded_at: datetime
    head: str
    """Hash of the newest event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocker:
    """One reason why a trigger cannot be fired."""

    code: str
    message: Words
    found: Json = None
    needed: Json = None
    case: CaseId | None = None
    """Of an effect: the related case that refuses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A requirement that can only be judged once the input is given."""

    code: str
    message: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One entry of a case's ledger, read back from or about to become its canonical bytes."""

    id: EventId
    command: CommandId
    case: CaseId
    seq: int
    kind: Kind
    workflow: str
    version: int
    definition: str
    unit: str
    trigger: str
    source: str | None
    target: str
    changes: Changes
    facts: Data
    input: Data
    actor: Mapping[str, str | None]
    """person, role, grant, unit, path and agency as they were."""
    on_behalf_of: str | None
    reason: str | None
    occurred_at: datetime
    recorded_at: datetime
    cause: EventId | None
    idempotency: str | None
    """SHA-256 of the client and its idempotency key."""
    prev_hash: str | None
    hash: str
    entry: bytes
    """The canonical bytes that are hashed."""
    salt: bytes | None
    payload: bytes | None
    """Canonical bytes of the free texts, to which the entry commits; None when there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Open a case."""

    workflow: str
    unit: str
    title: str
    data: Data = field(default_factory=lambda: NOTHING)
    plan: str | None = None
    parent: CaseId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """Fire a trigger on a case."""

    case: CaseId
    trigger: str
    input: Data = field(default_factory=lambda: NOTHING)
    expected_version: int | None = None
    """Refused as stale when the case stands at another version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitChange:
    """What an administrative act made of some units, as far as the cases of those units are concerned."""

    act: str
    """Key of the act."""
    kind: str
    """merged, renamed, split or abolished."""
    day: date
    """First day of the successors."""
    sources: frozenset[str]
    """Codes until that day."""
    successors: frozenset[str]
    """Codes from that day on."""
    documents: tuple[Data, ...] = ()
    """The legal documents, as they are to stand in the events."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveUnit:
    """Move a running case to the unit that took over its own."""

    case: CaseId
    to: str
    change: UnitChange


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveDeadline:
    """Move the deadline of a running case to where the calendar now has it."""

    case: CaseId


Act: TypeAlias = Open | Fire | MoveUnit | MoveDeadline


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something that somebody wants done; its id fixes the ids of all that follows from it."""

    id: CommandId
    grant: str
    act: Act
    nonce: bytes
    """32 random bytes, never stored: the salts of the command's events derive from it."""
    reason: str | None = None
    occurred_at: datetime | None = None
    """Claimed; None means now."""
    on_behalf_of: str | None = None
    idempotency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The first event is the command's own; those of effects and children follow."""

    events: tuple[Event, ...]
    cases: Mapping[CaseId, Case]
    """Every changed case as it is after its last event."""
    skipped: tuple["Refused", ...] = ()
    """Effects declared `otherwise: skip` that were refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Decided, and the answer is no."""

    case: CaseId | None
    version: int | None
    trigger: str
    blockers: tuple[Blocker, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputError:
    """One thing wrong with the request itself."""

    path: str
    """JSON Pointer into the request."""
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Invalid:
    """The request is malformed: nothing was decided."""

    errors: tuple[InputError, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound:
    """There is no such thing, or the actor may not know of it."""

    what: str
    given: str
    nearest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """The case moved since the caller read it."""

    expected: int
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    """Could have been done, but another member of its atomic group could not."""

    because: int
    """Index of that member in the group."""


Decision: TypeAlias = Accepted | Refused | Invalid | NotFound | Stale | Dropped


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What is known of one trigger on one case before it is fired."""

    trigger: str
    to: str | None
    allowed: bool
    blockers: tuple[Blocker, ...]
    pending: tuple[Pending, ...] = field(default=())


def apply(case: Case | None, event: Event) -> Case:
    """The case after one more event; `None` before its first.

    Raises:
        ValueError: the event is not the next one of this case.
    """
    if case is None:
        return _opened(event)
    if event.case != case.id or event.seq != case.version + 1:
        message = f"event {event.seq} of case {event.case} does not follow version {case.version} of case {case.id}"
        raise ValueError(message)
    changes = event.changes
    moved = "entered" in changes
    # Spelt out, because `dataclasses.replace` takes twice as long, and this is the write path.
    return Case(
        id=case.id,
        workflow=case.workflow,
        workflow_version=case.workflow_version,
        definition=case.definition,
        state=event.target,
        version=event.seq,
        unit=event.unit,
        unit_path=changes.get("unit_path", case.unit_path),
        opened_path=case.opened_path,
        plan=case.plan,
        parent=case.parent,
        title=changes.get("title", case.title),
        data={**case.data, **changes["set"]} if "set" in changes else case.data,
        links=_linked(case.links, changes),
        sheets=_attested(case.sheets, event),
        entered={**case.entered, event.target: changes["entered"]} if moved else case.entered,
        acts=_acted(case.acts, event, changes.get("episode", case.episode)),
        episode=changes.get("episode", case.episode),
        opened_at=case.opened_at,
        state_since=event.occurred_at if moved else case.state_since,
        due=_day(changes["due"]) if "due" in changes else case.due,
        final=changes.get("final", case.final),
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        head=event.hash,
    )


def _opened(event: Event) -> Case:
    if event.kind != Kind.OPENED or event.seq != 1:
        message = f"the first event of case {event.case} is {event.kind} with seq {event.seq}, not opened with seq 1"
        raise ValueError(message)
    changes = event.changes
    parent = changes["parent"]
    return Case(
        id=event.case,
        workflow=event.workflow,
        workflow_version=event.version,
        definition=event.definition,
        state=event.target,
        version=1,
        unit=event.unit,
        unit_path=changes["unit_path"],
        opened_path=changes["unit_path"],
        plan=changes["plan"],
        parent=None if parent is None else CaseId(parent),
        title=changes["title"],
        data=changes.get("set", NOTHING),
        links=_linked({}, changes),
        sheets=_attested({}, event),
        entered={event.target: changes["entered"]},
        acts=_acted({}, event, changes["episode"]),
        episode=changes["episode"],
        opened_at=event.occurred_at,
        state_since=event.occurred_at,
        due=_day(changes["due"]),
        final=changes["final"],
        occurred_at=event.occurred_at,
        recorded_at=event.recorded_at,
        head=event.hash,
    )


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _linked(links: Links, changes: Changes) -> Links:
    if "links" not in changes:
        return links
    return {
        **links,
        **{name: _relinked(links.get(name, ()), change) for name, change in changes["links"].items()},
    }


def _relinked(ids: tuple[CaseId, ...], change: LinkChange) -> tuple[CaseId, ...]:
    removed = set(change.get("removed", ()))
    return tuple(i for i in ids if i not in removed) + tuple(CaseId(i) for i in change.get("added", ()))


def _acted(acts: Acts, event: Event, episode: int) -> Acts:
    person = event.actor["person"] or ""
    return {**acts, event.trigger: {**acts.get(event.trigger, {}), person: episode}}


def _attested(sheets: Sheets, event: Event) -> Sheets:
    attested = event.changes.get("attested")
    if not attested:
        return sheets
    stamp: Data = {"person": event.actor["person"], "trigger": event.trigger, "seq": event.seq}
    newer = {
        sheet: {**sheets.get(sheet, {}), **{code: {**finding, **stamp} for code, finding in findings.items()}}
        for sheet, findings in attested.items()
    }
    return {**sheets, **newer}
