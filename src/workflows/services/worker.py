"""Acting on deadlines that have passed: telling who is to be told, and firing triggers as the system, each once.

One thread looks for late cases, a few at a time in the order of their deadlines; any number of processes may run one
on PostgreSQL, and one after the other they may on SQLite. A trigger goes through the writer like everybody's, under a
key made of the deadline, so that a worker that takes over from one that died is given what that one's command came to.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from secrets import token_bytes
from typing import Final, TypeAlias

from workflows.core import overdue
from workflows.core.case import CaseId, Fire
from workflows.core.civil import civil_date, parse_instant, show_date
from workflows.core.ids import uuid7
from workflows.core.overdue import Does, Notice
from workflows.services.background import Background, tell
from workflows.services.engine import Engine
from workflows.store import notices
from workflows.store.notices import Firing
from workflows.store.submissions import Idempotency, Outcome, Reply, Submission, WriteError
from workflows.store.worker_key import WORKER, worker

LEASE: Final = timedelta(seconds=60)
"""Longer than a command may take, so that nobody takes over what is under way."""
AT_ONCE: Final = 64
"""Cases that are claimed together: whoever wants to change one of them waits as long."""
IDLE_SECONDS: Final = 30.0
"""Deadlines are days, so that nothing is late that comes so late."""
_FAILURE_SECONDS: Final = 5.0
_ACCEPTED: Final = 200
_STALE: Final = 412
Watch: TypeAlias = Callable[[Notice], None]
"""Told of every notice after it was written, in the worker's thread, in the order of acting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answered:
    """What a command came to: an event, or the codes of what stood against it."""

    recorded_at: datetime | None = None
    event: str | None = None
    seq: int | None = None
    codes: tuple[str, ...] = ()


class Worker(Background):
    """Acts in the background from `start` to `stop`, which leaves to others what is not claimed yet.

    Or as often as `catch_up` is called.
    """

    def __init__(self, engine: Engine, *, watch: Watch | None = None, idle_seconds: float = IDLE_SECONDS) -> None:
        super().__init__("worker", failure_seconds=_FAILURE_SECONDS)
        self._engine = engine
        self._watch = watch
        self._idle_seconds = idle_seconds
        self._rules = overdue.rules_of(engine.definitions)

    def catch_up(self) -> int:
        """Does all that is to be done now, as far as nobody else is at it; returns how many actions it were."""
        total = 0
        while self._rules and not self._stopping.is_set():
            acted = self._take_over() + self._sweep()
            if not acted:
                break
            total += acted
        return total

    def work(self) -> float:
        self.catch_up()
        return self._idle_seconds

    def _sweep(self) -> int:
        today = civil_date(self._engine.clock())
        with self._engine.database.read() as connection:
            able = worker(connection, today) is not None
            wanted = [rule for rule in chain(*self._rules.values()) if able or rule.does is not Does.FIRE]
            late = notices.waiting(connection, wanted, today)
        acted = 0
        for start in range(0, len(late), AT_ONCE):
            if self._stopping.is_set():
                break
            acted += self._act(late[start : start + AT_ONCE], fires=able)
        return acted

    def _act(self, ids: Sequence[CaseId], *, fires: bool) -> int:
        with self._engine.database.write() as connection:
            now = self._engine.clock()
            claimed = notices.claim(connection, self._rules, ids, now, lease=LEASE, fires=fires)
            due = [(rule, each.case) for each in claimed for rule in each.told]
            told = [
                overdue.told(rule, case, notice_id=_new_id(now, number), now=now)
                for number, (rule, case) in enumerate(due)
            ]
            notices.record(connection, told)
        self._say(told)
        return len(told) + self._fire([firing for each in claimed for firing in each.firings])

    def _take_over(self) -> int:
        """What other workers were firing when they died."""
        now = self._engine.clock()
        with self._engine.database.read() as connection:
            if not notices.any_left_behind(connection, now):
                return 0
        with self._engine.database.write() as connection:
            found = notices.left_behind(connection, self._rules, now, lease=LEASE, limit=AT_ONCE)
        return self._fire(found)

    def _fire(self, firings: Sequence[Firing]) -> int:
        if not firings:
            return 0
        sent = [(firing, self._send(firing)) for firing in firings]
        replies = [(firing, reply) for firing, future in sent if (reply := _reply(future)) is not None]
        now = self._engine.clock()
        made = [
            _notice(firing, reply, _new_id(now, number), now)
            for number, (firing, reply) in enumerate(replies)
            if reply.status != _STALE
        ]
        # The case has moved: if it is late still, it will be found again as it is now.
        dropped = [firing.deadline for firing, reply in replies if reply.status == _STALE]
        with self._engine.database.write() as connection:
            written = notices.settle(connection, made, dropped)
        self._say(written)
        return len(written)

    def _send(self, firing: Firing) -> "Future[tuple[Outcome, ...]]":
        """Never raises: what finds no room is answered by its future, and sent again when the lease has ended."""
        found = firing.deadline
        day = show_date(found.due)
        command = self._engine.command(
            grant=WORKER,
            act=Fire(
                case=found.case,
                trigger=firing.trigger,
                input=overdue.given(firing.rule, firing.case, civil_date(self._engine.clock())),
                expected_version=firing.version,
            ),
            reason=f"Đã quá hạn ngày {day}. / The deadline of {day} has passed.",
            idempotency=found.key,
        )
        key = Idempotency(client=WORKER, key_hash=found.key, fingerprint=found.key)
        try:
            return self._engine.submit(Submission(commands=(command,), idempotency=key))
        except WriteError as error:
            refused: Future[tuple[Outcome, ...]] = Future()
            refused.set_exception(error)
            return refused

    def _say(self, written: Sequence[Notice]) -> None:
        if written:
            tell("info", "worker.acted", **_counted(written))
        if self._watch is not None:
            for each in written:
                self._watch(each)


def _reply(future: "Future[tuple[Outcome, ...]]") -> Reply | None:
    """None where nothing was decided."""
    try:
        (outcome,) = future.result()
    except WriteError as error:
        tell("warning", "worker.not_fired", error=type(error).__name__)
        return None
    return outcome.reply


def _notice(firing: Firing, reply: Reply, notice_id: str, now: datetime) -> Notice:
    found = _answered(reply)
    return overdue.fired(
        firing.rule,
        firing.case,
        firing.deadline,
        notice_id=notice_id,
        now=max(now, found.recorded_at or now),
        seq=firing.version if found.seq is None else found.seq,
        event=found.event,
        codes=found.codes,
    )


def _answered(reply: Reply) -> _Answered:
    """From its bytes: a reply that is replayed has nothing else."""
    body = json.loads(reply.body)
    if reply.status == _ACCEPTED:
        event = body["event"]
        return _Answered(event=event["id"], seq=event["seq"], recorded_at=parse_instant(event["recorded_at"]))
    return _Answered(codes=tuple(each["code"] for each in body.get("blockers", ())) or (body["code"],))


def _new_id(now: datetime, number: int) -> str:
    """In the order of `number` among those of one instant."""
    return uuid7(now, number.to_bytes(2, "big") + token_bytes(8))


def _counted(written: Iterable[Notice]) -> dict[str, int]:
    found: dict[str, int] = {}
    for each in written:
        found[each.outcome.value] = found.get(each.outcome.value, 0) + 1
    return found
