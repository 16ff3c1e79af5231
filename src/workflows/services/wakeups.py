"""Futures of the writer awaited in an event loop, with one wake-up for all that are done and not one for each.

`asyncio.wrap_future` wakes the loop for every future, and each wake-up is a system call in which the writer's thread
gives up the interpreter. It also lets a caller that goes away cancel its command; here nothing is withdrawn.
"""

import asyncio
from collections import deque
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


class Wakeups:
    """Those of one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._done: deque[asyncio.Future[None]] = deque()
        self._under_way = False

    async def until_done(self, future: "Future[Result]") -> Result:
        """The future's result, or its exception."""
        waiter: asyncio.Future[None] = self._loop.create_future()
        future.add_done_callback(lambda _: self._resolved(waiter))
        await waiter
        return future.result()

    def _resolved(self, waiter: "asyncio.Future[None]") -> None:
        """Called in the thread that resolves the future."""
        self._done.append(waiter)
        if not self._under_way:
            self._under_way = True
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        # Before emptying: who appends from now on either is met by this loop or asks for another one.
        self._under_way = False
        while self._done:
            waiter = self._done.popleft()
            if not waiter.done():
                waiter.set_result(None)
