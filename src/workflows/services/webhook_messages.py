"""One event, or one notice, as a subscriber gets it: a CloudEvents 1.0 body, signed as Standard Webhooks 1.0.0 says.

The body is thin: what happened to which case, and where to read more. It holds no free text and nobody's name, so
that a message that goes astray tells little.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from standardwebhooks import Webhook

from workflows.core.canonical import Json, canonical_bytes, digest
from workflows.core.overdue import DEADLINE_PASSED
from workflows.store.webhooks import Claimed

LARGEST: Final = 20_000
"""Bytes; exclusive."""
SOURCE: Final = "/api/v1"
CONTENT_TYPE: Final = "application/cloudevents+json"
# By their names in the message and in the entry.
_TOLD: Final = {
    "case": "case",
    "workflow": "workflow",
    "workflow_version": "version",
    "unit": "unit",
    "seq": "seq",
    "kind": "kind",
    "trigger": "trigger",
    "source": "source",
    "target": "target",
    "recorded_at": "recorded_at",
    "occurred_at": "occurred_at",
    "cause": "cause",
}
_NOTICED: Final = {
    "workflow_version": "version",
    **{
        name: name
        for name in (
            *("case", "workflow", "unit", "seq", "kind", "state", "due"),
            *("does", "to", "fired", "outcome", "event", "codes", "recorded_at"),
        )
    },
}


class BrokenMessageError(ValueError):
    """The ledger's entry cannot be told; a further attempt would change nothing."""


def message(claimed: Claimed) -> bytes:
    """The body, the same for every attempt; raises BrokenMessageError."""
    entry = _entry(claimed)
    noticed = entry.get("kind") == DEADLINE_PASSED
    try:
        data: dict[str, Json] = {name: entry[member] for name, member in (_NOTICED if noticed else _TOLD).items()}
    except KeyError as error:
        raise BrokenMessageError(f"the entry has no member {error}") from error
    if noticed:
        data["trigger"] = DEADLINE_PASSED
    data |= {"hash": claimed.hash, "position": claimed.position}
    body = canonical_bytes(_envelope(claimed, data))
    if len(body) >= LARGEST:
        raise BrokenMessageError(f"the message has {len(body)} bytes; fewer than {LARGEST} are allowed")
    return body


def _entry(claimed: Claimed) -> Mapping[str, Json]:
    if digest(claimed.entry) != claimed.hash:
        raise BrokenMessageError("the entry's bytes do not have their hash")
    try:
        entry = json.loads(claimed.entry)
    except (ValueError, RecursionError) as error:
        raise BrokenMessageError("the entry is not JSON") from error
    if not isinstance(entry, dict) or entry.get("id") != claimed.event:
        raise BrokenMessageError("the entry is not that of the event")
    return entry


def _envelope(claimed: Claimed, data: Mapping[str, Json]) -> dict[str, Json]:
    return {
        "specversion": "1.0",
        "id": claimed.event,
        "source": SOURCE,
        "type": f"workflows.{data['workflow']}.{data['trigger']}",
        "subject": data["case"],
        "time": data["recorded_at"],
        "datacontenttype": "application/json",
        "sequence": str(claimed.position),
        "data": data,
    }


def headers(event_id: str, body: bytes, secrets: Iterable[str], now: datetime) -> dict[str, str]:
    """Those of one attempt; `now` is the present of the real clock, which the subscriber compares with its own."""
    text = body.decode()
    signatures = [Webhook(secret).sign(event_id, now, text) for secret in secrets]
    return {
        "content-type": CONTENT_TYPE,
        "user-agent": "workflows",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
