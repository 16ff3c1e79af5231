"""One running engine: its database, definitions, clock and writer, put together and taken apart."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Final, Self
from weakref import WeakKeyDictionary

from sqlalchemy import select

from workflows.core.case import (
    CaseId,
    Command,
    CommandId,
    Decision,
    Fire,
    Invalid,
    NotFound,
    Offer,
    Open,
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
from workflows.store.submissions import Outcome, Submission
from workflows.store.tables import definition
from workflows.store.writer import Writer

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
        batch_limit: int = 64,
        queue_limit: int = 1024,
    ) -> Self:
        """An engine on an initialised database, its writer running.

        Args:
            url: Of the database.
            clock: The present, UTC.
            definitions_dir: Where the documents are; found by `find_definitions` when absent.
            batch_limit: The most submissions that one transaction holds.
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
        act: Open | Fire,
        reason: str | None = None,
        occurred_at: datetime | None = None,
        idempotency: str | None = None,
    ) -> Command:
        """A new command of this moment."""
        chance = os.urandom(42)  # in one call: each lets go of the interpreter, which may be a while in coming back
        return Command(
            id=CommandId(uuid7(self.clock(), chance[:10])),
            grant=grant,
            act=act,
            nonce=chance[10:],
            reason=reason,
            occurred_at=occurred_at,
            idempotency=idempotency,
        )

    def submit(self, submission: Submission) -> "Future[tuple[Outcome, ...]]":
        """Have commands decided and written; raises and resolves as `Writer.submit` does."""
        return self.writer.submit(submission)

    async def carry_out(self, submission: Submission) -> tuple[Outcome, ...]:
        """`submit` for handlers of an event loop; one that is cancelled withdraws nothing."""
        loop = asyncio.get_running_loop()
        wakeups = self._wakeups.get(loop)
        if wakeups is None:
            wakeups = self._wakeups[loop] = Wakeups(loop)
        return await wakeups.until_done(self.submit(submission))

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
