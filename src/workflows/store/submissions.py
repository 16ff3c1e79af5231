"""What goes into the writer and what comes out of it: submissions, outcomes, replies, and why nothing was done."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from workflows.core.case import Command, Decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """A client's key for a request, and what the request was."""

    client: str
    """The API key that sent it."""
    key_hash: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer as it is sent, and sent again byte for byte."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    replayed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The replies that an idempotency key got."""

    fingerprint: str
    replies: tuple[Reply, ...]


class WriteError(Exception):
    """A submission that was not carried out; nothing of it is kept."""


class QueueFull(WriteError):  # noqa: N818 - named as the state that the caller meets
    """Too much is waiting; try again after `retry_after` seconds."""

    retry_after = 1


class Expired(WriteError):  # noqa: N818 - named as the state that the caller meets
    """The deadline passed before the submission could be decided."""

    retry_after = 1


class WriterStopped(WriteError):  # noqa: N818 - named as the state that the caller meets
    """The writer takes nothing more."""

    retry_after = 5


class KeyReused(WriteError):  # noqa: N818 - named as the state that the caller meets
    """The idempotency key was used with another request."""


class OutcomeUnknown(WriteError):  # noqa: N818 - named as the state that the caller meets
    """The database went away during the commit and did not come back in time; it may have been carried out."""

    retry_after = 5


class Unwritable(WriteError):  # noqa: N818 - named as the state that the caller meets
    """The database takes nothing at present: no space is left, or its files may only be read."""

    retry_after = 5


class CommandFailed(WriteError):  # noqa: N818 - named as the state that the caller meets
    """Deciding or writing raised; the cause is chained."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Commands decided together, all or none."""

    commands: tuple[Command, ...]
    idempotency: Idempotency | None = None
    brief: bool = False
    """Replies tell what happened, not the case as it is now."""
    deadline_seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answer to one command; `decision` is None where a stored reply is replayed."""

    decision: Decision | None
    reply: Reply


Answer: TypeAlias = tuple[Outcome, ...] | WriteError
"""What comes of a submission."""
