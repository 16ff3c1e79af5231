"""The writer: one thread that decides and writes whatever waits, in one transaction, then answers each.

A batch falls into waves of submissions with disjoint scopes, loaded, decided and written together. A wave whose write
fails is written again in halves until the culprit stands alone. No acknowledged submission is ever lost: answers go
out after the commit, and a commit whose outcome is unknown is looked up before anything is said.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from typing import Protocol, TypeAlias

import structlog
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from workflows.core.case import Accepted, Command, Decision, Dropped, Fire
from workflows.core.decide import decide
from workflows.core.definition import Definitions
from workflows.core.world import Draft, World
from workflows.store.database import Database, lock_units
from workflows.store.jobs import Gathering, Job, disjoint, replayed, resolving, running
from workflows.store.loading import load, presumed_scopes, roots, scopes
from workflows.store.observing import Observer, Tally
from workflows.store.passing import LostError, passing, unwritable
from workflows.store.submissions import (
    Answer,
    CommandFailed,
    Expired,
    Outcome,
    OutcomeUnknown,
    QueueFull,
    Reply,
    Submission,
    Unwritable,
    WriteError,
    WriterStopped,
)
from workflows.store.tables import event
from workflows.store.writing import Writing, stored, together, write


class Render(Protocol):
    """The reply to a command."""

    def __call__(self, command: Command, decision: Decision, /, *, brief: bool) -> Reply: ...


Clock: TypeAlias = Callable[[], datetime]

LOCK_TRIES = 3
"""Batches in which a submission's units may be taken by others before it waits for them alone."""
RETRIES = 5
_PAUSE_SECONDS = 0.05
_log = structlog.get_logger(__name__)


class Writer:
    """The one way in which cases change."""

    def __init__(
        self,
        database: Database,
        definitions: Definitions,
        *,
        clock: Clock,
        render: Render,
        batch_limit: int = 64,
        queue_limit: int = 1024,
    ) -> None:
        self._database = database
        self._definitions = definitions
        self._clock = clock
        self._render = render
        self._batch_limit = batch_limit
        self._queue_limit = queue_limit
        self._queue: deque[Job] = deque()
        self._at_hand: list[Job] = []
        self._observers: tuple[Observer, ...] = ()
        self._tally = Tally()
        self._turned_away = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._connection: Connection | None = None
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def watch(self, observer: Observer) -> None:
        """Tell of every batch from now on, in the writer's thread; what the observer raises is logged."""
        self._observers = (*self._observers, observer)

    def start(self) -> None:
        """Begin to take submissions."""
        self._thread.start()

    def stop(self) -> None:
        """Take nothing more, finish what waits, and let go of the connection."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.ident is not None:
            self._thread.join()

    @property
    def alive(self) -> bool:
        """Whether submissions are being carried out."""
        return self._thread.is_alive()

    @property
    def queue_length(self) -> int:
        """Submissions that wait."""
        return len(self._queue)

    @property
    def queue_limit(self) -> int:
        """The most submissions that wait."""
        return self._queue_limit

    def submit(self, submission: Submission) -> "Future[tuple[Outcome, ...]]":
        """Queue commands; the future is resolved after the commit.

        Raises:
            QueueFull: too much is waiting.
            WriterStopped: the writer has stopped or died.
        """
        future: Future[tuple[Outcome, ...]] = running()
        self._put([_job(submission, resolving(future))])
        return future

    def submit_together(self, submissions: Sequence[Submission]) -> "Future[Sequence[Answer]]":
        """Queue all of them or none, each for itself; resolved when the last is answered. Raises as `submit` does."""
        gathering = Gathering(len(submissions))
        self._put([_job(each, gathering.answering(index)) for index, each in enumerate(submissions)])
        return gathering.future

    def _put(self, jobs: Sequence[Job]) -> None:
        with self._changed:
            if self._stopping or not self._thread.is_alive():
                raise WriterStopped("the writer has stopped; try again later")
            if len(self._queue) + len(jobs) > self._queue_limit:
                self._turned_away += sum(len(job.submission.commands) for job in jobs)
                raise QueueFull(f"{len(self._queue)} submissions are waiting; try again later")
            self._queue.extend(jobs)
            self._changed.notify()

    def _run(self) -> None:
        try:
            while jobs := self._take():
                self._tally = Tally()
                self._carry_out(jobs)
                if self._observers:
                    self._report(jobs)
        except BaseException:
            _tell("exception", "writer.died")
            raise
        finally:
            self._abandon()

    def _take(self) -> list[Job]:
        """What waits, until it holds as many commands as the limit; empty when the writer stops and nothing waits."""
        with self._changed:
            while not self._queue and not self._stopping:
                self._changed.wait()
            self._at_hand, commands = [], 0
            while self._queue and commands < self._batch_limit:
                job = self._queue.popleft()
                self._at_hand.append(job)
                commands += len(job.submission.commands)
            return self._at_hand

    def _report(self, jobs: Sequence[Job]) -> None:
        with self._changed:
            turned_away, self._turned_away = self._turned_away, 0
        batch = self._tally.batch(jobs, turned_away)
        for observer in self._observers:
            try:
                observer(batch)
            except Exception:  # noqa: BLE001 - who only watches must not stop the writer
                _tell("exception", "writer.observer_failed")

    def _abandon(self) -> None:
        with self._changed:
            self._stopping = True
            left, self._queue = list(self._queue), deque()
        self._disconnect()
        for job in left:
            job.tell(WriterStopped("the writer has stopped; nothing was done"))
        for job in self._at_hand:
            if job.told is None:
                unknown = OutcomeUnknown("the writer died at this command; ask again with the same idempotency key")
                job.tell(unknown)

    def _carry_out(self, jobs: Sequence[Job]) -> None:
        """Bring a batch to its end, whatever happens on the way."""
        waiting = list(self._unexpired(jobs))
        for attempt in range(RETRIES):
            if not waiting:
                return
            try:
                deferred = self._transact(waiting)
            except LostError as lost:
                waiting = list(self._after_loss(waiting, lost, attempt))
            except Exception as error:  # noqa: BLE001 - answered or isolated below, never dropped
                self._isolate(waiting, error)
                return
            else:
                self._answer(waiting, deferred)
                return
        self._later(waiting)

    def _unexpired(self, jobs: Sequence[Job]) -> Iterator[Job]:
        now = time.monotonic()
        for job in jobs:
            if job.deadline >= now:
                yield job
            else:
                job.tell(Expired("the deadline passed before the command could be decided"))

    def _isolate(self, jobs: Sequence[Job], error: Exception) -> None:
        """The whole transaction failed: decide in halves until the culprit is alone."""
        if len(jobs) > 1:
            middle = len(jobs) // 2
            self._carry_out(jobs[:middle])
            self._carry_out(jobs[middle:])
        elif _refused_by_database(jobs[0], error):
            self._carry_out(jobs)
        else:
            self._answer(jobs, ())

    def _later(self, jobs: Sequence[Job]) -> None:
        """Back to the front of the queue: they were there first."""
        with self._changed:
            self._queue.extendleft(reversed(jobs))

    def _answer(self, jobs: Sequence[Job], deferred: Sequence[Job]) -> None:
        self._later(deferred)
        for job in jobs:
            answer, job.answer = job.answer, None
            if answer is not None and job.told is None:
                job.tell(answer)

    def _transact(self, jobs: Sequence[Job]) -> list[Job]:
        """Decide and write in one transaction; returns the jobs whose units are taken by others.

        Raises:
            LostError: the transaction ended by no fault of a command; it may have been committed only where `written`.
        """
        written: list[str] = []
        committing = False
        try:
            connection = self._connect()
            with self._database.turn():
                transaction = connection.begin()
                try:
                    deferred = self._batch(connection, jobs, written)
                    committing = True
                    started = time.perf_counter()
                    transaction.commit()
                    self._tally.commits.append(time.perf_counter() - started)
                except BaseException:
                    with suppress(DBAPIError):
                        transaction.rollback()
                    raise
        except DBAPIError as error:
            if passing(error):
                self._disconnect()
                raise LostError(error, written if committing else []) from error
            raise
        return deferred

    def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = self._database.writer_connection()
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(DBAPIError), self._database.turn():
                connection.close()

    def _batch(self, connection: Connection, jobs: Sequence[Job], written: list[str]) -> list[Job]:
        for job in jobs:
            job.answer = None
        waiting, deferred = self._locked(connection, jobs)
        now = self._clock()
        # What was read before the units were locked is stale; on SQLite the turn has held off all others already.
        stale = not self._database.is_sqlite
        while waiting:
            wave, waiting = disjoint(waiting)
            if stale:
                wave, grown = self._read_again(connection, wave)
                deferred += grown
            deferred += self._wave(connection, wave, now, written, alone=len(jobs) == 1)
            stale = True
        return deferred

    def _read_again(self, connection: Connection, wave: Sequence[Job]) -> tuple[list[Job], list[Job]]:
        """The jobs with their cases as they are now, apart from those whose scope grew beyond what is locked."""
        locked = [job.scope for job in wave]
        self._find_scopes(connection, wave)
        pairs = list(zip(wave, locked, strict=True))
        return [job for job, scope in pairs if job.scope <= scope], [job for job, s in pairs if not job.scope <= s]

    def _locked(self, connection: Connection, jobs: Sequence[Job]) -> tuple[list[Job], list[Job]]:
        """The jobs whose units this transaction holds, and those that must wait for others."""
        if self._database.is_sqlite:
            self._find_scopes(connection, jobs)
        else:
            self._presume_scopes(connection, jobs)
        patient = jobs[0].tries >= LOCK_TRIES
        if patient and not self._database.is_sqlite:
            remaining = max(1, int((jobs[0].deadline - time.monotonic()) * 1000))
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{remaining}ms'")
        wanted = jobs[0].scope if patient else frozenset[str]().union(*(job.scope for job in jobs))
        held = lock_units(connection, sorted(wanted), skip_locked=not patient)
        if patient:
            held |= wanted  # who has waited holds every lock there is: a unit without one is no unit, as will be told
        ready = [job for job in jobs if job.scope <= held]
        deferred = [job for job in jobs if not job.scope <= held]
        for job in deferred:
            job.tries += 1
        return ready, deferred

    def _presume_scopes(self, connection: Connection, jobs: Sequence[Job]) -> None:
        commands = [command for job in jobs for command in job.submission.commands]
        units = iter(presumed_scopes(connection, self._definitions, commands))
        for job in jobs:
            job.scope = frozenset[str]().union(*(next(units) for _ in job.submission.commands))

    def _find_scopes(self, connection: Connection, jobs: Sequence[Job]) -> None:
        found = roots(connection, self._definitions, [c for job in jobs for c in job.submission.commands])
        units = iter(scopes(connection, found))
        rest = iter(found)
        for job in jobs:
            job.roots = [next(rest) for _ in job.submission.commands]
            job.scope = frozenset[str]().union(*(next(units) for _ in job.submission.commands))

    def _wave(
        self, connection: Connection, wave: Sequence[Job], now: datetime, written: list[str], *, alone: bool
    ) -> list[Job]:
        """Load, decide and write jobs that touch nothing in common; returns those to be decided again.

        A job that is alone in its transaction is undone with it.
        """
        replies = stored(connection, [job.submission.idempotency for job in wave if job.submission.idempotency])
        fresh = [job for job in wave if not replayed(job, replies)]
        if not fresh:
            return []
        world = load(connection, self._definitions, [root for job in fresh for root in job.roots])
        for job in fresh:
            self._decide(job, Draft(world), now)
        return (_write if alone else _write_apart)(connection, world, fresh, written)

    def _decide(self, job: Job, draft: Draft, now: datetime) -> None:
        """Answer a job from the world; an exception answers it alone and leaves nothing of it."""
        commands = job.submission.commands
        job.writing = Writing(now=now)
        try:
            decisions = _decide_all(draft, commands, now)
            brief = job.submission.brief
            replies = [self._render(c, d, brief=brief) for c, d in zip(commands, decisions, strict=True)]
        except Exception as error:  # noqa: BLE001 - a defect met by one command must not stop the others
            job.answer = _failed(job, error)
            return
        job.writing.add(commands, decisions, replies, job.submission.idempotency, draft)
        job.answer = tuple(Outcome(decision=d, reply=r) for d, r in zip(decisions, replies, strict=True))

    def _after_loss(self, jobs: Sequence[Job], lost: LostError, attempt: int) -> Sequence[Job]:
        """The jobs to decide again, with the same ids, after a deadlock or a lost connection."""
        self._tally.lost += 1
        _tell("warning", "writer.lost", error=str(lost.error.orig), attempt=attempt)
        decided = [job for job in jobs if job.answer is not None]
        if lost.written and self._was_committed(decided, lost.written):
            deferred = [job for job in jobs if job.answer is None]
            self._answer(decided, ())
            return deferred
        time.sleep(_PAUSE_SECONDS * 2**attempt)
        return list(self._unexpired(jobs))

    def _was_committed(self, jobs: Sequence[Job], written: Sequence[str]) -> bool:
        """Whether a commit of unknown outcome went through.

        The units are locked first: a transaction that still hangs somewhere holds them until it has ended.
        """
        codes = sorted(frozenset[str]().union(*(job.scope for job in jobs)))
        last = max(job.deadline for job in jobs)
        while True:
            try:
                with self._database.write() as connection:
                    lock_units(connection, codes, skip_locked=False)
                    return connection.execute(select(event.c.id).where(event.c.id == written[0])).first() is not None
            except DBAPIError as error:
                if time.monotonic() > last:
                    self._give_up(jobs, error)
                    return True
                time.sleep(_PAUSE_SECONDS)

    def _give_up(self, jobs: Sequence[Job], error: DBAPIError) -> None:
        for job in jobs:
            unknown = OutcomeUnknown("the database was lost during the commit; ask again with the same idempotency key")
            unknown.__cause__ = error
            job.answer = unknown


def _job(submission: Submission, answered: Callable[[Answer], None]) -> Job:
    return Job(submission=submission, answered=answered, deadline=time.monotonic() + submission.deadline_seconds)


def _tell(level: str, what: str, **values: object) -> None:
    """Log. A log that cannot be written must not stop the writer: who asked is told the error in any case."""
    with suppress(OSError, ValueError):
        getattr(_log, level)(what, **values)


def _write(connection: Connection, world: World, jobs: Sequence[Job], written: list[str]) -> list[Job]:
    writing = together([job.writing for job in jobs if job.writing])
    write(connection, world, writing)
    written += [event.id for event in writing.events]
    return []


def _write_apart(connection: Connection, world: World, jobs: Sequence[Job], written: list[str]) -> list[Job]:
    """Write in halves, each undone alone where it fails: what the others came to stands, as they touch other units."""
    ids: list[str] = []
    try:
        with connection.begin_nested():
            _write(connection, world, jobs, ids)
    except Exception as error:
        # Also where the same will not pass: SQLite may have ended the whole transaction, not this statement alone.
        if isinstance(error, OperationalError) or (isinstance(error, DBAPIError) and passing(error)):
            raise
        if len(jobs) == 1:
            return _refused_by_database(jobs[0], error)
        middle = len(jobs) // 2
        first = _write_apart(connection, world, jobs[:middle], written)
        return first + _write_apart(connection, world, jobs[middle:], written)
    written += ids
    return []


def _refused_by_database(job: Job, error: Exception) -> list[Job]:
    """Nothing, or the job when it should be decided again."""
    if isinstance(error, IntegrityError) and not job.collided:
        # Another process took the same key; decided again, the command meets what that one wrote.
        job.collided, job.answer = True, None
        return [job]
    job.answer = _failed(job, error)
    return []


def _failed(job: Job, error: Exception) -> WriteError:
    command = job.submission.commands[0]
    case = command.act.case if isinstance(command.act, Fire) else None
    _tell("error", "writer.command_failed", command=command.id, case=case, exc_info=error)
    failure: WriteError = CommandFailed("the command could not be carried out; nothing of it was kept")
    if unwritable(error):
        failure = Unwritable("the database takes nothing at present; nothing was kept; try again later")
    failure.__cause__ = error
    return failure


def _decide_all(draft: Draft, commands: Sequence[Command], now: datetime) -> list[Decision]:
    """The decisions of an atomic group: when one is not accepted, none is."""
    decisions: list[Decision] = []
    for index, command in enumerate(commands):
        decisions.append(decide(draft, command, now))
        if not isinstance(decisions[-1], Accepted):
            draft.cases.clear()
            dropped: list[Decision] = [Dropped(because=index)] * len(commands)
            dropped[index] = decisions[-1]
            return dropped
    return decisions
