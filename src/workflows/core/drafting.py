"""Events made from what was decided: what changes, what enters the entry, and the free text kept outside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import cast

from workflows.core.canonical import Json
from workflows.core.case import (
    NOTHING,
    Actor,
    Case,
    CaseId,
    Changes,
    Command,
    Data,
    Event,
    EventId,
    Kind,
    LinkChange,
)
from workflows.core.civil import civil_date
from workflows.core.deadlines import last_day
from workflows.core.definition import Definition, Step
from workflows.core.documents import Literally, Source
from workflows.core.fields import document_hashes, split, split_findings
from workflows.core.ids import derived
from workflows.core.ledger import FreeText, seal


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an event changes: whole, as it enters the entry, and the free text taken out."""

    whole: Changes
    public: Data
    texts: FreeText


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an event comes from: shared by all events of one command."""

    command: Command
    actor: Actor
    now: datetime
    occurred_at: datetime

    @property
    def acting(self) -> Mapping[str, str | None]:
        """The actor as it stood, for the record."""
        actor = self.actor
        return {
            "person": actor.person,
            "role": actor.role.value,
            "grant": actor.grant,
            "unit": actor.unit,
            "path": actor.unit_path,
            "agency": actor.agency,
        }


def resolve(source: Source, *, given: Data, case: Case, today: date, item: Json = None) -> Json:
    """The value that a `set` or `with` names; None when it is not there."""
    if isinstance(source, Literally):
        return source.literal
    if source == "today":
        return today.isoformat()
    if source == "item":
        return item
    prefix, _, name = source.partition(".")
    if prefix == "input":
        return given.get(name)
    return list(case.links[name]) if name in case.links else case.data.get(name)


def opening_change(
    definition: Definition,
    *,
    title: str,
    data: Data,
    unit_path: str,
    plan: str | None,
    parent: CaseId | None,
    day: date,
) -> Change:
    """The first change of a case: everything it begins with; `data` holds no nulls."""
    document = definition.document
    values, links = _parted(definition, data, {})
    public_set, private_set = split(document.fields, values)
    initial = document.states[document.initial]
    fixed: Changes = {
        "unit_path": unit_path,
        "plan": plan,
        "parent": parent,
        "entered": day.isoformat(),
        "due": _iso(last_day(definition, initial.due, day, values)),
        "final": initial.final,
        "episode": 1,
    }
    if links:
        fixed["links"] = links
    return Change(
        whole={**fixed, "title": title, "set": values},
        public={**cast("Data", fixed), "set": public_set},
        texts=FreeText(title=title, set=private_set or None),
    )


def step_change(
    definition: Definition, case: Case, step: Step, *, to: str, given: Data, today: date, day: date
) -> Change:
    """What firing a step changes.

    Args:
        definition: Of the case.
        case: Before the step.
        step: What is done.
        to: The target; the source where the state is kept.
        given: The input, without nulls.
        today: The civil date of deciding.
        day: The civil date on which it occurred.
    """
    sets = {name: resolve(source, given=given, case=case, today=today) for name, source in step.sets.items()}
    if step.kind is Kind.AMENDED:
        sets = {name: value for name, value in given.items() if name != "title"}
    there = {name: value for name, value in sets.items() if value is not None}
    values, links = _parted(definition, there, case.links)
    entering = to != case.state
    fixed = _entering(definition, case, to, day, values) if entering else _staying(definition, case, values)
    if links:
        fixed["links"] = links
    return _texts_apart(definition, case, step, fixed, values, given)


def _texts_apart(definition: Definition, case: Case, step: Step, fixed: Changes, values: Data, given: Data) -> Change:
    fields = definition.document.fields
    whole: dict[str, Json] = dict(cast("Data", fixed))
    public: dict[str, Json] = dict(cast("Data", fixed))
    texts: dict[str, Json] = {}
    if values:
        whole["set"] = values
        public["set"], private = split(fields, values)
        texts["set"] = private or None
    if step.kind is Kind.AMENDED:
        before = {name: case.data.get(name) for name in values}
        whole["before"] = before
        public["before"], private = split(fields, before)
        texts["before"] = private or None
        if given.get("title") is not None:
            whole["title"] = texts["title"] = given["title"]
            whole["before"] = {**before, "title": case.title}
            texts["title_before"] = case.title
    attested = _attested(step, given)
    if attested:
        whole["attested"] = attested
        parts = {sheet: split_findings(findings) for sheet, findings in attested.items()}
        public["attested"] = {sheet: open_part for sheet, (open_part, _) in parts.items()}
        texts["attested"] = {sheet: private for sheet, (_, private) in parts.items() if private} or None
    return Change(whole=cast("Changes", whole), public=public, texts=cast("FreeText", texts))


def _staying(definition: Definition, case: Case, values: Data) -> Changes:
    """Where the state is kept, its deadline moves with the field that holds the day."""
    due = definition.state(case.state).due
    field = due.field if due else None
    return Changes(due=cast("str", values[field])) if field and field in values else Changes()


def _entering(definition: Definition, case: Case, to: str, day: date, values: Data) -> Changes:
    state = definition.state(to)
    changes: Changes = {"entered": day.isoformat()}
    due = last_day(definition, state.due, day, {**case.data, **values})
    if due is not None or case.due is not None:
        changes["due"] = _iso(due)
    if state.final != case.final:
        changes["final"] = state.final
    if state.new_episode:
        changes["episode"] = case.episode + 1
    return changes


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _parted(
    definition: Definition, values: Mapping[str, Json], linked: Mapping[str, tuple[CaseId, ...]]
) -> tuple[dict[str, Json], dict[str, LinkChange]]:
    """Values of the data apart from links, which change by difference."""
    fields = definition.document.fields
    data = {name: value for name, value in values.items() if fields[name].type != "cases"}
    links = {
        name: _difference(linked.get(name, ()), cast("Sequence[CaseId]", value))
        for name, value in values.items()
        if fields[name].type == "cases"
    }
    return data, {name: change for name, change in links.items() if change}


def _difference(old: Sequence[CaseId], new: Sequence[CaseId]) -> LinkChange:
    kept, before = set(new), set(old)
    change: LinkChange = {}
    if added := [each for each in new if each not in before]:
        change["added"] = added
    if removed := [each for each in old if each not in kept]:
        change["removed"] = removed
    return change


def _attested(step: Step, given: Data) -> dict[str, Mapping[str, Data]]:
    return {
        spec.sheet: cast("Mapping[str, Data]", given[name])
        for name, spec in step.fields.items()
        if spec.type == "attestations" and given.get(name)
    }


def make_event(  # noqa: PLR0913 - an event has that many sources, and each call names them
    origin: Origin,
    *,
    definition: Definition,
    step: Step,
    case: Case | None,
    case_id: CaseId,
    unit: str,
    index: int,
    to: str,
    change: Change,
    given: Data,
    facts: Data,
    cause: EventId | None,
    reason: str | None,
) -> Event:
    """The sealed event of one step.

    Args:
        origin: The command it belongs to.
        definition: Of the case.
        step: What is done.
        case: Before the step; None for an opening.
        case_id: Of the case.
        unit: Of the case.
        index: Which event of the command it is, from 0.
        to: The target state.
        change: What it changes.
        given: The input, without nulls; an opening's and an amendment's stands in the change.
        facts: The facts used.
        cause: The event whose effect it is.
        reason: The actor's; None for an effect that the cause alone explains.
    """
    kept = NOTHING if step.kind in (Kind.OPENED, Kind.AMENDED) else given
    public_input, private_input = split(step.fields, kept)
    occurred_at = max(origin.occurred_at, case.occurred_at) if case else origin.occurred_at
    event = Event(
        id=EventId(derived(origin.command.id, "event", index)),
        command=origin.command.id,
        case=case_id,
        seq=case.version + 1 if case else 1,
        kind=step.kind,
        workflow=definition.key,
        version=definition.version,
        definition=definition.hash,
        unit=unit,
        trigger=step.trigger,
        source=case.state if case else None,
        target=to,
        changes=change.whole,
        facts=facts,
        input=kept,
        actor=origin.acting,
        on_behalf_of=origin.command.on_behalf_of,
        reason=reason,
        occurred_at=occurred_at,
        recorded_at=max(origin.now, case.recorded_at) if case else origin.now,
        cause=cause,
        idempotency=origin.command.idempotency,
        prev_hash=case.head if case else None,
        hash="",
        entry=b"",
        salt=None,
        payload=None,
    )
    public: Data = {
        "changes": change.public,
        "input": public_input,
        "documents": document_hashes(step.fields, given),
    }
    texts: FreeText = {**change.texts, "reason": reason, "input": private_input or None}
    return seal(event, public, texts, origin.command.nonce)


def occurred_day(origin: Origin, case: Case | None) -> date:
    """The civil date on which a step counts: never before the case's last event."""
    return civil_date(max(origin.occurred_at, case.occurred_at) if case else origin.occurred_at)
