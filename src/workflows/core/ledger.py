"""Ledger entries: an event's canonical bytes, its hash, and the way back.

The bytes are the truth and everything else a projection of them. An entry can never be hashed again, so it is
complete; free text stands outside it, in a payload to which the entry commits with a salt.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import NoReturn, TypedDict, cast

from workflows.core.canonical import ENTRY_LIMIT, INTEGER_LIMIT, Json, canonical_bytes, commitment, digest
from workflows.core.case import CaseId, Changes, CommandId, Data, Event, EventId, Kind
from workflows.core.civil import format_instant, parse_instant

VERSION = 1


class FreeText(TypedDict, total=False):
    """The texts of an event, shaped like the parts of it that they belong to; null and absent are the same."""

    reason: str | None
    title: str | None
    title_before: str | None
    input: Data | None
    set: Data | None
    before: Data | None
    attested: Data | None


class EntryTooLargeError(ValueError):
    """What a command changes does not fit into one entry."""


def seal(draft: Event, public: Mapping[str, Json], texts: FreeText, nonce: bytes) -> Event:
    """The draft itself, completed with its bytes, hash and payload.

    Args:
        draft: The whole event, seen by nobody else yet; its `entry`, `hash`, `salt` and `payload` are set here.
        public: `changes`, `input` and `documents` as they enter the entry, without free text.
        texts: The free text that was taken out.
        nonce: The command's nonce, from which the salt derives.

    Raises:
        EntryTooLargeError: the bytes are more than an entry may have.
    """
    payload = _payload(texts)
    salt = sha256(nonce + draft.id.encode()).digest()[:16] if payload is not None else None
    committed = commitment(salt, payload) if salt is not None and payload is not None else None
    entry = canonical_bytes({**_head(draft), **public, "payload": committed})
    if len(entry) > ENTRY_LIMIT:
        message = f"too much at once: the entry would have {len(entry)} bytes; at most {ENTRY_LIMIT} are allowed"
        raise EntryTooLargeError(message)
    # Completed in place: a draft is its maker's alone until it is sealed, and copying 28 fields is felt on this path.
    for name, value in (("entry", entry), ("hash", digest(entry)), ("salt", salt), ("payload", payload)):
        object.__setattr__(draft, name, value)
    return draft


def _payload(texts: FreeText) -> bytes | None:
    """Canonical bytes of the texts that are there; None when there are none."""
    present = {name: text for name, text in cast("Data", texts).items() if text is not None}
    return canonical_bytes(present) if present else None


def _head(event: Event) -> dict[str, Json]:
    return {
        "v": VERSION,
        "kind": event.kind,
        "id": event.id,
        "command": event.command,
        "case": event.case,
        "seq": event.seq,
        "prev": event.prev_hash,
        "workflow": event.workflow,
        "version": event.version,
        "definition": event.definition,
        "unit": event.unit,
        "trigger": event.trigger,
        "source": event.source,
        "target": event.target,
        "facts": event.facts,
        "actor": event.actor,
        "on_behalf_of": event.on_behalf_of,
        "occurred_at": format_instant(event.occurred_at),
        "recorded_at": format_instant(event.recorded_at),
        "cause": event.cause,
        "idempotency": event.idempotency,
    }


class BrokenEntryError(ValueError):
    """Stored bytes that are no entry, or a payload that is not the one committed to."""


def read(entry: bytes, *, salt: bytes | None, payload: bytes | None) -> Event:
    """The event whose bytes these are.

    Raises:
        BrokenEntryError: the bytes are not canonical, or the payload does not match the commitment.
    """
    try:
        body = json.loads(entry, parse_int=_integer, parse_float=_refused, parse_constant=_refused)
        _check(body, entry, salt, payload)
        return _event(body, entry, salt, payload)
    except BrokenEntryError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"the bytes are no ledger entry: {error!r}"
        raise BrokenEntryError(message) from error


def _integer(digits: str) -> int:
    number = int(digits)
    return number if abs(number) < INTEGER_LIMIT else _refused(digits)


def _refused(number: str) -> NoReturn:
    message = f"the number {number[:40]} is outside the canonical profile"
    raise BrokenEntryError(message)


def _check(body: Mapping[str, Json], entry: bytes, salt: bytes | None, payload: bytes | None) -> None:
    if body["v"] != VERSION:
        message = f"entry version {body['v']!r} is not known; this program knows {VERSION}"
        raise BrokenEntryError(message)
    if canonical_bytes(body) != entry:
        message = "the bytes are not in canonical form"
        raise BrokenEntryError(message)
    found = commitment(salt, payload) if salt is not None and payload is not None else None
    if body["payload"] != found:
        message = "the free text is not the one the entry commits to"
        raise BrokenEntryError(message)


def _event(body: Mapping[str, Json], entry: bytes, salt: bytes | None, payload: bytes | None) -> Event:
    fields = cast("dict[str, str]", body)
    texts = json.loads(payload) if payload else {}
    return Event(
        id=EventId(fields["id"]),
        command=CommandId(fields["command"]),
        case=CaseId(fields["case"]),
        seq=int(fields["seq"]),
        kind=Kind(fields["kind"]),
        workflow=fields["workflow"],
        version=int(fields["version"]),
        definition=fields["definition"],
        unit=fields["unit"],
        trigger=fields["trigger"],
        source=fields["source"],
        target=fields["target"],
        changes=_changes(cast("Data", body["changes"]), texts),
        facts=cast("Data", body["facts"]),
        input=_merged(cast("Data", body["input"]), texts.get("input")),
        actor=cast("Mapping[str, str | None]", body["actor"]),
        on_behalf_of=fields["on_behalf_of"],
        reason=texts.get("reason"),
        occurred_at=parse_instant(fields["occurred_at"]),
        recorded_at=parse_instant(fields["recorded_at"]),
        cause=EventId(fields["cause"]) if fields["cause"] else None,
        idempotency=fields["idempotency"],
        prev_hash=fields["prev"],
        hash=digest(entry),
        entry=entry,
        salt=salt,
        payload=payload,
    )


def _changes(public: Data, texts: Data) -> Changes:
    merged = dict(public)
    for part in ("set", "before", "attested"):
        if part in texts:
            merged[part] = _merged(cast("Data", public.get(part) or {}), cast("Data", texts[part]))
    if "title" in texts:
        merged["title"] = texts["title"]
    if "title_before" in texts:
        merged["before"] = {**cast("Data", merged.get("before") or {}), "title": texts["title_before"]}
    return cast("Changes", merged)


def _merged(public: Data, private: Data | None) -> Data:
    if not private:
        return public
    return {**public, **{name: _member(public.get(name), value) for name, value in private.items()}}


def _member(public: Json, private: Json) -> Json:
    if isinstance(public, Mapping) and isinstance(private, Mapping):
        return _merged(public, private)
    return private
