"""Futures resolved in another thread reach the loop, all of them, and a caller that goes away harms nobody."""

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from workflows.services.wakeups import Wakeups


def resolve(futures: list["Future[int]"]) -> None:
    for number, future in enumerate(futures):
        future.set_running_or_notify_cancel()
        if number % 10 == 9:
            future.set_exception(KeyError(number))
        else:
            future.set_result(number)


async def outcomes(rounds: int, each: int) -> int:
    loop = asyncio.get_running_loop()
    wakeups = Wakeups(loop)
    right = 0
    with ThreadPoolExecutor(4) as threads:
        for _ in range(rounds):
            groups: list[list[Future[int]]] = [[Future() for _ in range(each)] for _ in range(4)]
            waiting = [[asyncio.ensure_future(wakeups.until_done(f)) for f in group] for group in groups]
            await asyncio.sleep(0)
            for group in groups:
                threads.submit(resolve, group)
            for tasks in waiting:
                found = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10)
                expected = [KeyError(n) if n % 10 == 9 else n for n in range(each)]
                right += [repr(value) for value in found] == [repr(value) for value in expected]
    return right


def test_every_waiter_wakes_with_its_own_result() -> None:
    assert asyncio.run(outcomes(rounds=50, each=40)) == 200


def test_a_waiter_that_is_cancelled_withdraws_nothing_and_stops_nobody() -> None:
    async def scene() -> tuple[bool, int]:
        wakeups = Wakeups(asyncio.get_running_loop())
        first: Future[int] = Future()
        second: Future[int] = Future()
        given_up = asyncio.ensure_future(wakeups.until_done(first))
        waiting = asyncio.ensure_future(wakeups.until_done(second))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        withdrawn = first.cancelled()
        first.set_result(1)
        second.set_result(2)
        return withdrawn, await asyncio.wait_for(waiting, 5)

    assert asyncio.run(scene()) == (False, 2)
