"""What the writer tells of a batch to whoever watches it: figures that cost next to nothing to gather.

The writer knows no more of metrics and traces than this.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TypeAlias

from workflows.store.jobs import Job
from workflows.store.submissions import Answer, Outcome, Submission, WriteError


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One batch, told after its submissions were answered."""

    begun: float
    """Seconds since the epoch, by the clock of the machine."""
    seconds: float
    """From taking the submissions out of the queue to the last answer."""
    commits: tuple[float, ...]
    """Seconds of each commit; several where a failing write was isolated, none where all was lost."""
    answers: tuple[tuple[Submission, Answer | None], ...]
    """None: back in the queue, for a later batch."""
    lost: int
    """Transactions that ended by no fault of a command."""
    turned_away: int
    """Commands that found no room in the queue since the batch before."""


Observer: TypeAlias = Callable[[Batch], None]
"""Called in the writer's thread, so that it must be quick."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """The figures of the batch under way."""

    begun: float = field(default_factory=time.time)
    started: float = field(default_factory=time.perf_counter)
    commits: list[float] = field(default_factory=list)
    lost: int = 0

    def batch(self, jobs: Iterable[Job], turned_away: int) -> Batch:
        """The batch at its end."""
        return Batch(
            begun=self.begun,
            seconds=time.perf_counter() - self.started,
            commits=tuple(self.commits),
            answers=tuple([(job.submission, job.told) for job in jobs]),
            lost=self.lost,
            turned_away=turned_away,
        )


def answer_of(future: "Future[tuple[Outcome, ...]]") -> Answer:
    """The result or the error of a future that is done; raises any other exception than WriteError."""
    error = future.exception()
    if error is None:
        return future.result()
    if isinstance(error, WriteError):
        return error
    raise error
