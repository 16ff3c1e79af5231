"""What answers look like, for the document that describes the interface.

Nothing is built from these models: answers are written by `workflows.services`, and tests hold each against its shape.
A member without a value is null where its type says so; a member marked `ABSENT` is left out instead.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

Instant: TypeAlias = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]
"""UTC, six fraction digits and `Z`."""
Day: TypeAlias = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
"""A civil date in Việt Nam."""
Id: TypeAlias = Annotated[str, WithJsonSchema({"type": "string", "format": "uuid"})]
Hash: TypeAlias = Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]{64}$"})]
Values: TypeAlias = Mapping[str, Any]
"""By field name; what the names and values are stands in the definition."""


def _drop_default(schema: dict[str, Any]) -> None:
    schema.pop("default", None)


ABSENT: Final[Any] = Field(default=None, json_schema_extra=_drop_default)
"""Left out when there is nothing to say; never null unless the type says so."""


class Shape(BaseModel):
    """Base of all: the docstrings become descriptions."""

    model_config = ConfigDict(use_attribute_docstrings=True, defer_build=True)


class Words(Shape):
    """One text in the two languages of the product."""

    vi: str
    en: str


class IssuedDocument(Shape):
    """A reference to an issued document."""

    number: str
    date: Day
    issuer: str
    title: str = ABSENT
    sha256: Hash = ABSENT
    """Of the file."""


class Finding(Shape):
    """What was attested about one condition of a criteria sheet, newest first to count."""

    met: bool
    evidence: IssuedDocument = ABSENT
    note: str = ABSENT
    person: str
    trigger: str
    seq: int


class Case(Shape):
    """A case as it stands."""

    id: Id
    workflow: str
    """Key of the workflow."""
    workflow_version: int
    """Of the definition that the case runs on, from its opening on."""
    state: str
    version: int
    """Rises by one with every event; the ETag of the case is this number in quotes."""
    unit: str
    """Official code of the administrative unit."""
    plan: str | None
    parent: Id | None
    """The case that this one was opened under."""
    links: Mapping[str, list[Id]]
    """By field of type cases: the cases linked."""
    title: str
    data: Values
    sheets: Mapping[str, Mapping[str, Finding]]
    """By criteria sheet and condition: the newest attestation."""
    opened_at: Instant
    state_since: Instant
    due: Day | None
    """The last day that is in time."""
    overdue: bool
    """Derived from `due` and today."""
    final: bool


class Person(Shape):
    """Who acted, under which role and for which unit."""

    person: str
    role: str
    unit: str


class Blocker(Shape):
    """One reason why a trigger cannot be fired."""

    code: str
    """Stable: `state`, `role`, `unit`, `four_eyes`, `unknown`, `too_early`, `not_in_force`, `guard_error`, else the
    definition's own."""
    message: Words
    found: Any
    needed: Any
    case: Id = ABSENT
    """The related case that refuses, where an effect is blocked."""


class LinkChange(Shape):
    """How the links of one field changed."""

    added: list[Id] = ABSENT
    removed: list[Id] = ABSENT


class Attestation(Shape):
    """A finding as it was given."""

    met: bool
    evidence: IssuedDocument = ABSENT
    note: str = ABSENT


class Changes(Shape):
    """Everything that an event changed on its case."""

    unit_path: str = ABSENT
    plan: str | None = ABSENT
    parent: Id | None = ABSENT
    title: str = ABSENT
    set: Values = ABSENT
    before: Values = ABSENT
    """Amendments only: the values replaced."""
    links: Mapping[str, LinkChange] = ABSENT
    attested: Mapping[str, Mapping[str, Attestation]] = ABSENT
    entered: Day = ABSENT
    """The civil date on which the target was entered; absent when the state was kept."""
    due: Day | None = ABSENT
    final: bool = ABSENT
    episode: int = ABSENT


class Event(Shape):
    """An entry of a case's ledger."""

    id: Id
    case: Id
    seq: int
    """The case's version after the event."""
    kind: Literal[
        "opened", "transitioned", "amended", "annulled", "unit_moved", "deadline_moved", "definition_migrated"
    ]
    outcome: Literal["accepted"]
    workflow: str
    workflow_version: int
    definition: Hash
    """Hash of the definition that was in force for the case."""
    unit: str
    trigger: str
    """`open` for the first."""
    source: str | None
    target: str
    actor: Person
    on_behalf_of: str | None
    reason: str | None
    input: Values
    changes: Changes
    facts: Values
    """What the decision rested on, with sources and as-of dates."""
    blockers: Annotated[list[Blocker], Field(max_length=0)]
    occurred_at: Instant
    """As claimed."""
    recorded_at: Instant
    """By the server; never decreasing within a case."""
    cause: Id | None
    """The event of another case that this one follows from."""
    prev_hash: Hash | None
    hash: Hash


class Attempt(Shape):
    """A refused attempt, in the shape of an event; it moved nothing, so that it has no place in the chain."""

    id: Id
    case: Id | None
    """Null: the opening of a case."""
    seq: None
    kind: Literal["attempted"]
    outcome: Literal["refused"]
    workflow: str
    case_version: int | None
    trigger: str
    source: str | None
    target: None
    actor: Person
    on_behalf_of: None
    reason: None
    input: Values | None
    """Null: of an effect, which takes what its cause gives it."""
    changes: Annotated[Values, Field(max_length=0)]
    facts: Annotated[Values, Field(max_length=0)]
    blockers: list[Blocker]
    occurred_at: Instant
    recorded_at: Instant
    cause: Id | None
    prev_hash: None
    hash: None


Entry: TypeAlias = Event | Attempt


class Done(Shape):
    """The case after the event that was written."""

    case: Case
    event: Event


class Pending(Shape):
    """A requirement that can be judged only once the input is given."""

    code: str
    message: Words


class Preview(Shape):
    """What would come of it; nothing was written."""

    allowed: bool
    to: str | None
    blockers: list[Blocker]
    pending: list[Pending]
    """Empty where input was given."""
    trigger: str = ABSENT
    """This and what follows only where the input was left out."""
    title: Words = ABSENT
    input_schema: Values = ABSENT
    reason: Literal["required", "optional"] = ABSENT


class Offer(Shape):
    """What a trigger would meet now, with all that a form for it needs."""

    trigger: str
    title: Words
    to: str | None
    allowed: bool
    blockers: list[Blocker]
    pending: list[Pending]
    input_schema: Values
    """JSON Schema (2020-12) of `input`."""
    reason: Literal["required", "optional"]


class InputProblem(Shape):
    """One thing wrong with a request."""

    path: str
    """JSON Pointer into the body, `/name` of a parameter, or the name of a header."""
    message: str


class Problem(Shape):
    """RFC 9457. `code` is stable and for programs; `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    """Under which the server's log tells of this request; the same as `X-Request-Id` but for a replayed answer."""
    blockers: list[Blocker] = ABSENT
    """What stands against it: with `refused` and `forbidden`."""
    errors: list[InputProblem] = ABSENT
    """Everything that is wrong: with `invalid`."""


class BulkDone(Shape):
    """An item that was accepted; `event.target` is the state of its case now, `event.seq` its version."""

    index: int
    status: Literal[200]
    event: Event


class BulkNotDone(Shape):
    """An item that was not accepted."""

    index: int
    status: int
    problem: Problem


class BulkAnswer(Shape):
    """One answer per item, in their order."""

    accepted: int
    not_accepted: int
    items: list[BulkDone | BulkNotDone]


class CaseList(Shape):
    """A page of cases."""

    items: list[Case]
    next: str | None
    """Cursor of the next page; null at the end."""


class OfferList(Shape):
    """Every trigger of a case."""

    items: list[Offer]
    next: None


class EntryList(Shape):
    """A page of events and refused attempts."""

    items: list[Entry]
    next: str | None
    """Cursor of the next page; null at the end."""


class FeedItem(Shape):
    """An event at its place in the feed."""

    position: int
    event: Event


class FeedPage(Shape):
    """Events after a position, oldest first."""

    items: list[FeedItem]
    next: int
    """Everything up to here has been looked at: `after` of the next request."""
    more: bool
    """Whether there is more already."""
