"""A submission on its way through the writer, and which of them can be decided together.

Holds what the writer learns of a submission between its batches; carries nothing out.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from workflows.store.loading import Root
from workflows.store.submissions import Answer, KeyReused, Outcome, Stored, Submission, WriteError
from workflows.store.writing import Writing


@dataclass(slots=True, kw_only=True, eq=False)
class Job:
    """A submission and what has come of it so far."""

    submission: Submission
    answered: Callable[[Answer], None]
    """Called once, with what the sender is to be told."""
    deadline: float
    """On the monotonic clock."""
    tries: int = 0
    collided: bool = False
    writing: Writing | None = None
    roots: list[Root] = field(default_factory=list)
    scope: frozenset[str] = frozenset()
    answer: Answer | None = None
    """What was decided, which counts once it is committed."""
    told: Answer | None = None
    """What the sender was told."""

    @property
    def key(self) -> tuple[str, str] | None:
        idempotency = self.submission.idempotency
        return (idempotency.client, idempotency.key_hash) if idempotency else None

    def tell(self, answer: Answer) -> None:
        """Answer the sender."""
        self.told = answer
        self.answered(answer)


def resolving(future: "Future[tuple[Outcome, ...]]") -> Callable[[Answer], None]:
    """Answers by resolving a future."""

    def answered(answer: Answer) -> None:
        if isinstance(answer, WriteError):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    return answered


class Gathering:
    """The answers to several submissions, handed over together when the last is there; all come in one thread."""

    def __init__(self, submissions: int) -> None:
        self.future: Future[Sequence[Answer]] = running()
        self._answers: dict[int, Answer] = {}
        self._submissions = submissions

    def answering(self, index: int) -> Callable[[Answer], None]:
        """Takes the answer to one of them."""

        def answered(answer: Answer) -> None:
            self._answers[index] = answer
            if len(self._answers) == self._submissions:
                self.future.set_result([self._answers[each] for each in range(self._submissions)])

        return answered


def running() -> "Future[Any]":
    """A future that nobody can cancel: a caller that goes away cannot withdraw its command."""
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    return future


def replayed(job: Job, replies: Mapping[tuple[str, str], Stored]) -> bool:
    """Whether the job is answered by what its key got before."""
    found = replies.get(job.key) if job.key else None
    if found is None or job.submission.idempotency is None:
        return False
    if found.fingerprint != job.submission.idempotency.fingerprint:
        job.answer = KeyReused("the idempotency key was used with another request")
    else:
        job.answer = tuple(Outcome(decision=None, reply=reply) for reply in found.replies)
    return True


def disjoint(jobs: Sequence[Job]) -> tuple[list[Job], list[Job]]:
    """The jobs that can be decided together, and the rest in their order."""
    taken: set[str] = set()
    keys: set[tuple[str, str]] = set()
    wave, rest = [], []
    for job in jobs:
        if taken.isdisjoint(job.scope) and job.key not in keys:
            wave.append(job)
        else:
            rest.append(job)
        taken |= job.scope
        if job.key:
            keys.add(job.key)
    return wave, rest
