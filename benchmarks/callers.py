"""Sixty-four callers of the engine: tasks of one event loop that await their futures, like the server's handlers.

Each takes the next lane when it has finished one, and sends a command when the one before is answered. The commands
are made as a handler makes them; requests, replies and the network are left out.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence

import uvloop

from benchmarks.starting import Start
from benchmarks.workload import Lane, Slot, idempotency, transitions
from workflows.core.case import Accepted, CaseId
from workflows.services.engine import Engine
from workflows.store.submissions import Submission

CALLERS = 64
DEADLINE_SECONDS = 60.0


def submission(engine: Engine, start: Start, lane: Lane, index: int, cases: Mapping[Slot, CaseId]) -> Submission:
    """The command of a step, made anew, with its idempotency key."""
    step = lane.steps[index]
    grant = start.keys[lane.province, step.role].id
    unique = idempotency(grant, lane, index)
    command = engine.command(grant=grant, act=lane.act(step, cases), reason=step.reason, idempotency=unique.key_hash)
    return Submission(commands=(command,), idempotency=unique, deadline_seconds=DEADLINE_SECONDS)


def engine_speed(start: Start, lanes: Sequence[Lane], *, batch_limit: int) -> float:
    """Transitions per second of a fresh engine with all its callers."""
    with start.fresh() as url:
        engine = Engine.start(url, batch_limit=batch_limit)
        try:
            seconds = uvloop.run(_all(engine, start, lanes))
        finally:
            engine.stop()
    return transitions(lanes) / seconds


async def _all(engine: Engine, start: Start, lanes: Sequence[Lane]) -> float:
    waiting = iter(lanes)
    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CALLERS):
            group.create_task(caller(engine, start, waiting))
    return time.perf_counter() - begun


async def caller(engine: Engine, start: Start, waiting: Iterator[Lane]) -> None:
    """Works off lanes until none waits; raises TypeError when a command is not accepted."""
    for lane in waiting:
        cases: dict[Slot, CaseId] = {}
        for index, step in enumerate(lane.steps):
            (outcome,) = await engine.carry_out(submission(engine, start, lane, index, cases))
            if not isinstance(outcome.decision, Accepted):
                message = f"{step.slot}.{step.trigger} in {lane.unit} was not accepted: {outcome.reply.body.decode()}"
                raise TypeError(message)
            cases.setdefault(step.slot, outcome.decision.events[0].case)
