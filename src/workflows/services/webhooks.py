"""Sending: claims deliveries, hands them to subscribers, and writes down what came of it.

One thread with an event loop of its own for the requests, and one for the database, which settles what was answered
and claims what is next in one transaction. A delivery counts as done only after the subscriber's answer: one that was
under way when the process died is sent again, with the same id. Any number of processes may send.
"""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import SystemRandom
from ssl import SSLContext
from typing import Final, TypeAlias

import structlog
from sqlalchemy.exc import SQLAlchemyError

from workflows.services.clock import utc_now
from workflows.services.engine import Engine
from workflows.services.webhook_courier import WHOLE_SECONDS, Courier, UndeliveredError
from workflows.services.webhook_messages import BrokenMessageError, headers, message
from workflows.services.webhook_targets import Network, Resolve
from workflows.store import webhooks
from workflows.store.passing import unavailable
from workflows.store.webhooks import Claimed, Result, Verdict

SCHEDULE: Final = (0.0, 5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0, 36_000.0)
"""Seconds before each attempt, counted from the one before; after the last a delivery is given up."""
LEASE: Final = timedelta(seconds=60)
"""Longer than a request may take, so that nobody sends what is still under way."""
_JITTER: Final = 0.1
_POLL_SECONDS: Final = 0.1
_GATHER_SECONDS: Final = 0.002
"""Answers come in swarms; each transaction costs a wait for the disk."""
_AGAIN_SECONDS: Final = 1.0
_GRACE_SECONDS: Final = 3.0
_OK: Final = range(200, 300)
_GONE: Final = 410
_log: Final = structlog.get_logger("workflows.webhooks")
_chance: Final = SystemRandom()
Watch: TypeAlias = Callable[[Verdict], None]
"""Told of every attempt, in the sender's thread."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How many requests at once, how long each, and when again."""

    overall: int = 128
    each: int = 8
    """Per subscription, while it answers well: a failure halves its share down to one, a success adds one."""
    whole_seconds: float = WHOLE_SECONDS
    schedule: Sequence[float] = SCHEDULE

    def next_at(self, attempts: int, now: datetime) -> datetime | None:
        """When to try again after so many attempts; None: not any more."""
        if attempts >= len(self.schedule):
            return None
        spread = 1 + _chance.uniform(-_JITTER, _JITTER)
        return now + timedelta(seconds=self.schedule[attempts] * spread)


@dataclass(slots=True, kw_only=True)
class _Share:
    """Of the requests: what one subscription may use and uses."""

    most: int
    under_way: int = 0

    def ended(self, verdict: Verdict, limit: int) -> None:
        self.under_way -= 1
        self.most = min(limit, self.most + 1) if verdict is Verdict.DELIVERED else max(1, self.most // 2)


@dataclass(slots=True, kw_only=True)
class _Shares:
    """Of all subscriptions that this sender has met."""

    pace: Pace
    found: dict[str, _Share] = field(default_factory=dict)

    def of(self, subscription_id: str) -> _Share:
        return self.found.setdefault(subscription_id, _Share(most=max(1, self.pace.each // 2)))

    def room(self, wanted: Sequence[str]) -> dict[str, int]:
        """By subscription, where there is any; who has least under way comes first."""
        left = self.pace.overall - sum(share.under_way for share in self.found.values())
        room: dict[str, int] = {}
        for each in sorted(set(wanted), key=lambda each: self.of(each).under_way):
            share = self.of(each)
            if free := min(left, share.most - share.under_way):
                room[each] = max(0, free)
                left -= room[each]
        return {each: free for each, free in room.items() if free}


class Sender:
    """Sends in the background from `start` to `stop`."""

    def __init__(
        self,
        engine: Engine,
        *,
        networks: tuple[Network, ...] = (),
        pace: Pace | None = None,
        resolve: Resolve | None = None,
        ssl_context: SSLContext | None = None,
        watch: Watch | None = None,
    ) -> None:
        self._engine = engine
        self._networks = networks
        self._pace = pace or Pace()
        self._resolve = resolve
        self._ssl_context = ssl_context
        self._watch = watch
        self._shares = _Shares(pace=self._pace)
        self._under_way: dict[asyncio.Task[Result], Claimed] = {}
        self._results: list[Result] = []
        self._answered = asyncio.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="webhooks", daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Claims nothing more, waits a few seconds for answers, and leaves the rest to others."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        try:
            asyncio.run(self._send_all())
        except Exception:
            _log.exception("webhooks.ended")
            raise

    async def _send_all(self) -> None:
        courier = Courier(
            self._networks,
            connections=self._pace.overall,
            whole_seconds=self._pace.whole_seconds,
            resolve=self._resolve,
            ssl_context=self._ssl_context,
        )
        with ThreadPoolExecutor(1, thread_name_prefix="webhooks-database") as database:
            async with courier:
                while not self._ending.is_set():
                    if not await self._round(courier, database):
                        await self._pause()
                await self._finish(database)

    async def _round(self, courier: Courier, database: ThreadPoolExecutor) -> bool:
        """Whether anything was claimed or settled."""
        self._answered.clear()
        results, self._results = self._results, []
        try:
            claimed = await asyncio.get_running_loop().run_in_executor(database, self._exchange, results)
        except Exception as error:  # noqa: BLE001 - told in the log, and everything is tried again
            await self._put_back(results, error)
            return False
        for each in claimed:
            self._shares.of(each.subscription.id).under_way += 1
            task = asyncio.create_task(self._deliver(courier, each))
            self._under_way[task] = each
            task.add_done_callback(self._note)
        return bool(claimed or results)

    async def _put_back(self, results: list[Result], error: Exception) -> None:
        """Claims that were made and not heard of come back with their lease, and so do results that cannot be told."""
        if unavailable(error) or isinstance(error, OSError):  # turns to write are locks on files
            self._results = results + self._results
            _log.warning("webhooks.database_failed", error=type(error).__name__, retry_seconds=_AGAIN_SECONDS)
        else:
            _log.error("webhooks.not_settled", results=len(results), exc_info=error)
        await asyncio.sleep(_AGAIN_SECONDS)

    def _exchange(self, results: Sequence[Result]) -> list[Claimed]:
        """Settles and claims; in the database's thread, while the loop only gives room back."""
        engine, now = self._engine, self._engine.clock()
        with engine.database.read() as connection:
            wanted = webhooks.due(connection, now)
        room = self._shares.room([*wanted, *(each.claimed.subscription.id for each in results)])
        if not results and not room:
            return []
        with engine.database.write() as connection:
            if results:
                webhooks.settle(connection, results, now)
            return webhooks.claim(connection, room, now, LEASE) if room else []

    async def _pause(self) -> None:
        """Until an answer comes, or it is time to look for what others have queued."""
        try:
            async with asyncio.timeout(_POLL_SECONDS):
                await self._answered.wait()
                await asyncio.sleep(_GATHER_SECONDS)
        except TimeoutError:
            return

    def _note(self, task: asyncio.Task[Result]) -> None:
        del self._under_way[task]
        if not task.cancelled():
            result = task.result()
            self._shares.of(result.claimed.subscription.id).ended(result.verdict, self._pace.each)
            self._results.append(result)
            self._answered.set()
            if result.verdict is Verdict.DEAD or result.gone:
                _tell_end(result)
            if self._watch is not None:
                self._watch(result.verdict)

    async def _deliver(self, courier: Courier, claimed: Claimed) -> Result:
        if claimed.until - self._engine.clock() < timedelta(seconds=self._pace.whole_seconds):
            return Result(claimed=claimed, verdict=Verdict.RELEASED)  # somebody else might get it meanwhile
        try:
            return await self._attempt(courier, claimed)
        except Exception as error:  # noqa: BLE001 - answers one delivery, which tells it again
            _log.error("webhooks.failed", event_id=claimed.event, case_id=claimed.case, exc_info=error)
            return self._failed(claimed, error=f"the attempt failed ({type(error).__name__})")

    async def _attempt(self, courier: Courier, claimed: Claimed) -> Result:
        try:
            body = message(claimed)
            secrets = claimed.subscription.secrets(self._engine.clock())
            signed = headers(claimed.event, body, secrets, utc_now())
            status = await courier.send(claimed.subscription.url, signed, body)
        except BrokenMessageError as error:
            _log.error("webhooks.broken_entry", event_id=claimed.event, case_id=claimed.case, reason=str(error))
            return Result(claimed=claimed, verdict=Verdict.DEAD, error=str(error)[:200])
        except UndeliveredError as error:
            return self._failed(claimed, error=str(error))
        if status in _OK:
            return Result(claimed=claimed, verdict=Verdict.DELIVERED, status=status)
        return self._failed(claimed, status=status, error=f"answered {status}")

    def _failed(self, claimed: Claimed, *, error: str, status: int | None = None) -> Result:
        next_at = self._pace.next_at(claimed.attempts + 1, self._engine.clock())
        gone = status == _GONE
        dead = next_at is None and not gone
        return Result(
            claimed=claimed,
            verdict=Verdict.DEAD if dead else Verdict.RETRY,
            next_at=next_at,
            status=status,
            error=error,
            gone=gone,
        )

    async def _finish(self, database: ThreadPoolExecutor) -> None:
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=_GRACE_SECONDS)
        rest = dict(self._under_way)
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest)
        released = [Result(claimed=each, verdict=Verdict.RELEASED) for each in rest.values()]
        results = [*self._results, *released]  # of a delivery that ended after all, the first says so
        if results:
            await asyncio.get_running_loop().run_in_executor(database, self._settle, results)

    def _settle(self, results: Sequence[Result]) -> None:
        now = self._engine.clock()
        try:
            with self._engine.database.write() as connection:
                webhooks.settle(connection, results, now)
        except (SQLAlchemyError, OSError) as error:
            # Nothing is lost: what was claimed is sent again when its lease ends.
            _log.warning("webhooks.not_settled", error=type(error).__name__, results=len(results))


def _tell_end(result: Result) -> None:
    found = result.claimed
    _log.warning(
        "webhooks.paused" if result.gone else "webhooks.given_up",
        subscription_id=found.subscription.id,
        event_id=found.event,
        position=found.position,
        attempts=found.attempts + 1,
        error=result.error,
    )
