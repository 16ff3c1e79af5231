"""One running engine: its database, definitions, clock and writer, put together and taken apart."""

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Final, Self, TypeAlias
from weakref import WeakKeyDictionary

from sqlalchemy import select

from workflows.core.case import (
    Act,
    CaseId,
    Command,
    CommandId,
    Decision,
    Invalid,
    NotFound,
    Offer,
)
from workflows.core.decide import decide
from workflows.core.definition import Definitions, compile_definition
from workflows.core.documents import Catalogue, WorkflowDocument
from workflows.core.explaining import explain
from workflows.core.ids import uuid7
from workflows.core.world import Draft
from workflows.loader import find_definitions, load
from workflows.services.clock import utc_now
from workflows.services.rendering import reply
from workflows.services.wakeups import Wakeups
from workflows.store.database import Database
from workflows.store.loading import load as load_world
from workflows.store.loading import load_case, roots
from workflows.store.observing import answer_of
from workflows.store.submissions import Answer, Outcome, Submission, WriteError
from workflows.store.tables import definition
from workflows.store.writer import Writer

Watch: TypeAlias = Callable[[Submission], Callable[[Answer], None]]
"""Called when a submission is about to be queued; what it returns is called with the answer, in the thread that gives
it, before whoever waits for the answer goes on."""

_CHANCE: Final = 42
"""Random bytes of a command: 10 of its id, 32 of its nonce."""
_SHARES: Final = 4
"""Of a window, handed over together."""
_DOCUMENTS: Final = select(definition.c.document)


class Engine:
    """Everything that serving cases needs, in one process."""

    def __init__(
        self,
        *,
        database: Database,
        catalogue: Catalogue,
        clock: Callable[[], datetime],
        batch_limit: int,
        queue_limit: int,
    ) -> None:
        self.database = database
        self.catalogue = catalogue
        self.clock = clock
        self._watches: tuple[Watch, ...] = ()
        self._wakeups: WeakKeyDictionary[asyncio.AbstractEventLoop, Wakeups] = WeakKeyDictionary()
        self.definitions = Definitions(
            compile_definition(document, catalogue)
            for versions in catalogue.workflows.values()
            for document in versions
        )
        self.writer = Writer(
            database, self.definitions, clock=clock, render=reply, batch_limit=batch_limit, queue_limit=queue_limit
        )

    @classmethod
    def start(
        cls,
        url: str,
        *,
        clock: Callable[[], datetime] = utc_now,
        definitions_dir: Path | None = None,
        batch_limit: int = 1024,
        queue_limit: int = 2048,
    ) -> Self:
        """An engine on an initialised database, its writer running.

        Args:
            url: Of the database.
            clock: The present, UTC.
            definitions_dir: Where the documents are; found by `find_definitions` when absent.
            batch_limit: A transaction that holds so many commands takes in no further submission.
            queue_limit: The most submissions that wait.
        """
        database = Database(url)
        catalogue = _with_stored(load(find_definitions(str(definitions_dir) if definitions_dir else None)), database)
        engine = cls(
            database=database, catalogue=catalogue, clock=clock, batch_limit=batch_limit, queue_limit=queue_limit
        )
        engine.writer.start()
        return engine

    def stop(self) -> None:
        """Finish what waits, then let go of the database."""
        self.writer.stop()
        self.database.close()

    def command(
        self,
        *,
        grant: str,
        act: Act,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        idempotency: str | None = None,
        chance: bytes | None = None,
    ) -> Command:
        """A new command of this moment; `chance` is of `chances`, for one of many."""
        chance = chance or os.urandom(_CHANCE)
        return Command(
            id=CommandId(uuid7(self.clock(), chance[:10])),
            grant=grant,
            act=act,
            nonce=chance[10:],
            reason=reason,
            occurred_at=occurred_at,
            idempotency=idempotency,
        )

    def chances(self, commands: int) -> Iterator[bytes]:
        """What is random in so many commands, drawn at once.

        Each draw lets go of the interpreter, and is a while in coming back where the writer is busy.
        """
        drawn = os.urandom(_CHANCE * commands)
        return (drawn[start : start + _CHANCE] for start in range(0, len(drawn), _CHANCE))

    def submit(self, submission: Submission) -> "Future[tuple[Outcome, ...]]":
        """Have commands decided and written; raises and resolves as `Writer.submit` does."""
        if not self._watches:
            return self.writer.submit(submission)
        answered = [watch(submission) for watch in self._watches]
        try:
            future = self.writer.submit(submission)
        except WriteError as error:
            for each in answered:
                each(error)
            raise
        future.add_done_callback(lambda done: _tell(answered, answer_of(done)))
        return future

    def watch(self, watch: Watch) -> None:
        """Tell of every submission from now on."""
        self._watches = (*self._watches, watch)

    async def carry_out(self, submission: Submission) -> tuple[Outcome, ...]:
        """`submit` for handlers of an event loop; one that is cancelled withdraws nothing."""
        return await self._wakeups_here().until_done(self.submit(submission))

    async def carry_out_all(self, submissions: Iterable[Submission], *, window: int) -> AsyncIterator[Answer]:
        """The answer to each submission, in their order.

        At most `window` of them wait at a time, and fewer where the queue is half full: the rest of it is for others.
        """
        wakeups = self._wakeups_here()
        # In shares: what is done makes room for more before the writer has worked off the rest.
        share = max(1, window // _SHARES)
        waiting: deque[Future[Sequence[Answer]]] = deque()
        queued = 0
        left = iter(submissions)
        while True:
            while together := list(islice(left, min(share, self._room(window, queued)))):
                waiting.append(self._queued(together))
                queued += len(together)
            if not waiting:
                return
            answers = await wakeups.until_done(waiting.popleft())
            queued -= len(answers)
            for answer in answers:
                yield answer

    def _room(self, window: int, waiting: int) -> int:
        """How many more of one window may be queued now; one that has none in the queue may always have one there."""
        half_free = self.writer.queue_limit // 2 - self.writer.queue_length
        return max(min(window - waiting, half_free), 0 if waiting else 1)

    def _queued(self, submissions: Sequence[Submission]) -> "Future[Sequence[Answer]]":
        """Never raises: those that find no room are answered by their future, as any others."""
        answered = [[watch(each) for watch in self._watches] for each in submissions] if self._watches else []
        try:
            future = self.writer.submit_together(submissions)
        except WriteError as error:
            future = Future()
            future.set_result([error] * len(submissions))
        if answered:
            future.add_done_callback(lambda done: _tell_all(answered, done.result()))
        return future

    def _wakeups_here(self) -> Wakeups:
        loop = asyncio.get_running_loop()
        wakeups = self._wakeups.get(loop)
        if wakeups is None:
            wakeups = self._wakeups[loop] = Wakeups(loop)
        return wakeups

    def dry_run(self, command: Command) -> Decision:
        """What a command would come to now; nothing is written."""
        with self.database.read() as connection:
            world = load_world(connection, self.definitions, roots(connection, self.definitions, [command]))
        return decide(Draft(world), command, self.clock())

    def explain(self, grant: str, case: CaseId, trigger: str | None = None) -> tuple[Offer, ...] | NotFound | Invalid:
        """What can be done with a case now, and what stands against the rest."""
        with self.database.read() as connection:
            world = load_case(connection, self.definitions, grant, case)
        return explain(world, grant, case, self.clock(), trigger=trigger)


def _tell(answered: Iterable[Callable[[Answer], None]], answer: Answer) -> None:
    for each in answered:
        each(answer)


def _tell_all(answered: Iterable[Iterable[Callable[[Answer], None]]], answers: Iterable[Answer]) -> None:
    for each, answer in zip(answered, answers, strict=True):
        _tell(each, answer)


def _with_stored(catalogue: Catalogue, database: Database) -> Catalogue:
    """The catalogue with versions that are no longer among the files: cases that run on them still need them."""
    with database.read() as connection:
        stored = [WorkflowDocument.model_validate_json(text) for text in connection.execute(_DOCUMENTS).scalars()]
    workflows = dict(catalogue.workflows)
    for document in stored:
        versions = workflows.get(document.workflow, ())
        if document.version not in {each.version for each in versions}:
            workflows[document.workflow] = tuple(sorted((*versions, document), key=lambda each: each.version))
    return replace(catalogue, workflows=workflows)
