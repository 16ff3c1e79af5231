"""The JSON of cases, events, offers and problems, and the reply to every command.

`reply` runs in the writer's thread: what it returns is stored under the idempotency key and sent as it is. Knows no
route beyond the address of a case, and reads nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, TypeAlias, cast

import msgspec

from workflows.core.case import (
    Accepted,
    Blocker,
    Case,
    Command,
    Decision,
    Dropped,
    Event,
    InputError,
    Invalid,
    Kind,
    NotFound,
    Offer,
    Open,
    Refused,
    Stale,
)
from workflows.core.civil import civil_date, format_instant
from workflows.core.definition import Definition, Step
from workflows.core.documents import Words
from workflows.core.fields import input_schema
from workflows.core.overdue import Notice
from workflows.store.queries import Attempt
from workflows.store.submissions import Reply

Object: TypeAlias = dict[str, object]

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
CASES: Final = "/api/v1/cases"
_FORBIDDEN: Final = frozenset({"role", "unit"})
_encoder: Final = msgspec.json.Encoder(enc_hook=dict)
"""Reads dictionaries, lists, texts, integers and enumerations; read-only mappings through `dict`."""


def encoded(value: object) -> bytes:
    """JSON in UTF-8."""
    return _encoder.encode(value)


def reply(command: Command, decision: Decision, *, brief: bool = False) -> Reply:
    """What the sender of a command is told; the command's id is the id of the request that brought it."""
    if isinstance(decision, Accepted):
        return _accepted(command, decision, brief=brief)
    if isinstance(decision, Refused):
        return refused(decision.blockers, command.id)
    if isinstance(decision, Invalid):
        return invalid(decision.errors, command.id)
    if isinstance(decision, Stale):
        return _stale(decision, command.id)
    if isinstance(decision, Dropped):
        return _dropped(decision, command.id)
    return not_found(decision, command.id)


def etag(version: int) -> str:
    """The strong entity tag of a case at a version."""
    return f'"{version}"'


def _accepted(command: Command, decision: Accepted, *, brief: bool) -> Reply:
    event = decision.events[0]
    case = decision.cases[event.case]
    shown: Object = {} if brief else {"case": case_json(case, civil_date(event.recorded_at))}
    body = encoded({**shown, "event": event_json(event)})
    headers = {"content-type": JSON, "etag": etag(case.version)}
    if isinstance(command.act, Open):
        return Reply(status=201, body=body, headers={**headers, "location": f"{CASES}/{case.id}"})
    return Reply(status=200, body=body, headers=headers)


def refused(blockers: Sequence[Blocker], request_id: str) -> Reply:
    """Decided, and the answer is no; 403 where role or unit stand against it."""
    forbidden = any(blocker.code in _FORBIDDEN for blocker in blockers)
    return problem(
        status=403 if forbidden else 409,
        code="forbidden" if forbidden else "refused",
        title="Not permitted" if forbidden else "Refused",
        detail="; ".join(blocker.message.en for blocker in blockers),
        request_id=request_id,
        blockers=blockers_json(blockers),
    )


def invalid(errors: Iterable[InputError], request_id: str) -> Reply:
    """The problem of a request whose values cannot be used."""
    listed = [{"path": error.path, "message": error.message} for error in errors]
    return problem(
        status=422,
        code="invalid",
        title="The request cannot be used",
        detail="; ".join(f"{error['path'] or 'the body'}: {error['message']}" for error in listed[:5]),
        request_id=request_id,
        errors=listed,
    )


def not_found(missing: NotFound, request_id: str) -> Reply:
    """The same whether it is not there or may not be known to be there."""
    hint = f"; did you mean {missing.nearest!r}?" if missing.nearest else ""
    detail = f"there is no {missing.what} {missing.given!r} that you may see{hint}"
    return problem(status=404, code="not_found", title="Not found", detail=detail, request_id=request_id)


def _stale(stale: Stale, request_id: str) -> Reply:
    detail = f"the case stands at version {stale.found}, not {stale.expected}; read it again"
    return problem(status=412, code="stale", title="The case has moved", detail=detail, request_id=request_id)


def _dropped(dropped: Dropped, request_id: str) -> Reply:
    detail = f"nothing of the group was done, because its member {dropped.because} could not be"
    return problem(status=409, code="dropped", title="Not done", detail=detail, request_id=request_id)


def problem(
    *,
    status: int,
    code: str,
    title: str,
    detail: str,
    request_id: str,
    headers: Mapping[str, str] | None = None,
    **more: object,
) -> Reply:
    """A problem of RFC 9457; `code` is stable, `detail` is for people, `more` are members of the body."""
    head: Object = {"type": "about:blank", "title": title, "status": status, "detail": detail, "code": code}
    body = encoded({**head, **more, "request_id": request_id})
    return Reply(status=status, body=body, headers={"content-type": PROBLEM, **(headers or {})})


def words_json(words: Words) -> Object:
    return {"vi": words.vi, "en": words.en}


def case_json(case: Case, today: date) -> Object:
    """A case as it is seen on a civil date, on which `overdue` depends."""
    return {
        "id": case.id,
        "workflow": case.workflow,
        "workflow_version": case.workflow_version,
        "state": case.state,
        "version": case.version,
        "unit": case.unit,
        "plan": case.plan,
        "parent": case.parent,
        "links": case.links,
        "title": case.title,
        "data": case.data,
        "sheets": case.sheets,
        "opened_at": format_instant(case.opened_at),
        "state_since": format_instant(case.state_since),
        "due": case.due.isoformat() if case.due else None,
        "overdue": is_overdue(case, today),
        "final": case.final,
    }


def is_overdue(case: Case, today: date) -> bool:
    return case.due is not None and not case.final and case.due < today


def event_json(event: Event) -> Object:
    """An entry of a case's ledger."""
    return {
        "id": event.id,
        "case": event.case,
        "seq": event.seq,
        "kind": event.kind,
        "outcome": "accepted",
        "workflow": event.workflow,
        "workflow_version": event.version,
        "definition": event.definition,
        "unit": event.unit,
        "trigger": event.trigger,
        "source": event.source,
        "target": event.target,
        "actor": _shown_actor(event.actor),
        "on_behalf_of": event.on_behalf_of,
        "reason": event.reason,
        "input": _input(event),
        "changes": event.changes,
        "facts": event.facts,
        "blockers": [],
        "occurred_at": format_instant(event.occurred_at),
        "recorded_at": format_instant(event.recorded_at),
        "cause": event.cause,
        "prev_hash": event.prev_hash,
        "hash": event.hash,
    }


def _input(event: Event) -> Mapping[str, object]:
    """What was given; that of an opening stands in its changes only, for it would not fit the entry twice."""
    if event.kind is not Kind.OPENED:
        return event.input
    links = event.changes.get("links", {})
    return {**event.changes.get("set", {}), **{name: change.get("added", ()) for name, change in links.items()}}


def attempt_json(attempt: Attempt) -> Object:
    """A refused attempt, in the shape of an event; it moved nothing, so that it has no place in the chain.

    Free text of a refused attempt is not kept, so that there is no reason.
    """
    entry = attempt.entry
    return {
        "id": attempt.id,
        "case": attempt.case,
        "seq": None,
        "kind": "attempted",
        "outcome": "refused",
        "workflow": attempt.workflow,
        "case_version": entry["case_version"],
        "trigger": attempt.trigger,
        "source": entry["source"],
        "target": None,
        "actor": _shown_actor(entry["actor"]),
        "on_behalf_of": None,
        "reason": None,
        "input": entry["input"],
        "changes": {},
        "facts": {},
        "blockers": [_without_absent(blocker) for blocker in cast("Sequence[Object]", entry["blockers"])],
        "occurred_at": format_instant(attempt.recorded_at),
        "recorded_at": format_instant(attempt.recorded_at),
        "cause": entry["cause"],
        "prev_hash": None,
        "hash": None,
    }


def notice_json(notice: Notice) -> Object:
    """What was done about a deadline that has passed."""
    return {
        "id": notice.id,
        "case": notice.deadline.case,
        "seq": notice.seq,
        "workflow": notice.workflow,
        "workflow_version": notice.version,
        "unit": notice.unit,
        "state": notice.deadline.state,
        "due": notice.deadline.due.isoformat(),
        "does": notice.does,
        "to": {"roles": notice.to_roles, "unit": notice.to_unit},
        "trigger": notice.trigger,
        "outcome": notice.outcome,
        "event": notice.event,
        "codes": notice.codes,
        "recorded_at": format_instant(notice.recorded_at),
    }


def _shown_actor(actor: object) -> Object:
    """Who acted; the grant and path behind it stay in the ledger."""
    known = cast("Mapping[str, object]", actor)
    return {name: known[name] for name in ("person", "role", "unit")}


def _without_absent(blocker: Object) -> Object:
    """A blocker as it was kept, in the shape in which one is told: no related case is no member."""
    return {name: value for name, value in blocker.items() if name != "case" or value is not None}


def blockers_json(blockers: Sequence[Blocker]) -> list[Object]:
    return [_blocker_json(blocker) for blocker in blockers]


def _blocker_json(blocker: Blocker) -> Object:
    named: Object = {
        "code": blocker.code,
        "message": words_json(blocker.message),
        "found": blocker.found,
        "needed": blocker.needed,
    }
    return {**named, "case": blocker.case} if blocker.case else named


def offer_json(offer: Offer, definition: Definition) -> Object:
    """What a trigger would meet now, with all that a form for it needs."""
    step = definition.steps[offer.trigger]
    return {
        "trigger": offer.trigger,
        "title": words_json(step.title),
        "to": offer.to,
        "allowed": offer.allowed,
        "blockers": blockers_json(offer.blockers),
        "pending": [{"code": each.code, "message": words_json(each.message)} for each in offer.pending],
        **form_json(step, definition),
    }


def form_json(step: Step, definition: Definition) -> Object:
    """What firing a step asks for."""
    return {
        "input_schema": input_schema(step.fields, definition.context),
        "reason": "required" if step.reason_required else "optional",
    }


def preview_json(decision: Accepted | Refused, to: str | None) -> Object:
    """What a dry run with input says: nothing is pending, since everything was judged."""
    blockers = blockers_json(decision.blockers) if isinstance(decision, Refused) else []
    return {"allowed": not blockers, "to": to, "blockers": blockers, "pending": []}
