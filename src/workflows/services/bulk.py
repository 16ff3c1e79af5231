"""Many transitions in one request: each for itself, or all or none.

Builds the commands and the keys under which their replies are kept, and puts the replies together. What an item asks
for is checked by whoever read the request.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from workflows.core.canonical import digest
from workflows.core.case import Actor, Command, Fire
from workflows.services.engine import Engine
from workflows.store.submissions import Idempotency, KeyReused, Reply, Submission, WriteError
from workflows.store.writing import stored

LIMIT: Final = 1000
"""Items of one request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One transition of many."""

    act: Fire
    reason: str | None
    occurred_at: datetime | None


async def together(engine: Engine, actor: Actor, items: Sequence[Item], key: Idempotency | None) -> list[Reply]:
    """All or none, in one transaction; raises WriteError when nothing was decided."""
    commands = tuple(_commands(engine, actor, items, [key] * len(items)))
    answered = await engine.carry_out(Submission(commands=commands, idempotency=key, brief=True))
    return [outcome.reply for outcome in answered]


async def apart(
    engine: Engine, actor: Actor, items: Sequence[Item], key: Idempotency | None
) -> AsyncIterator[Reply | WriteError]:
    """Each for itself, in their order; one reply per item, or why nothing was decided for it.

    A key stands for all items: the reply to each is kept under the key and its index, so that a request that is
    repeated after a crash carries out what is missing and nothing else.

    Raises:
        KeyReused: another request, or an item of one, was answered under this key; nothing was done.
    """
    keys: Sequence[Idempotency | None] = [None] * len(items)
    if key:
        # All that there may be: another request may have had more items, of which only some left anything.
        possible = [_of_item(key, index) for index in range(LIMIT)]
        await asyncio.to_thread(_require_same_request, engine, key, possible)
        keys = possible[: len(items)]
    # Made as they are taken: the writer is at work on the first while the last are not there yet.
    submissions = (
        Submission(commands=(command,), idempotency=own, brief=True)
        for command, own in zip(_commands(engine, actor, items, keys), keys, strict=True)
    )
    async for answer in engine.carry_out_all(submissions, window=LIMIT):
        yield answer if isinstance(answer, WriteError) else answer[0].reply


def _require_same_request(engine: Engine, key: Idempotency, of_items: Sequence[Idempotency]) -> None:
    with engine.database.read() as connection:
        found = stored(connection, [key, *of_items])
    if any(each.fingerprint != key.fingerprint for each in found.values()):
        raise KeyReused("the idempotency key was used with another request")


def _commands(
    engine: Engine, actor: Actor, items: Sequence[Item], keys: Sequence[Idempotency | None]
) -> Iterator[Command]:
    for item, key, chance in zip(items, keys, engine.chances(len(items)), strict=True):
        yield engine.command(
            grant=actor.grant,
            act=item.act,
            reason=item.reason,
            occurred_at=item.occurred_at,
            idempotency=key.key_hash if key else None,
            chance=chance,
        )


def _of_item(key: Idempotency, index: int) -> Idempotency:
    key_hash = digest(f"{key.key_hash}\n{index}".encode())
    return Idempotency(client=key.client, key_hash=key_hash, fingerprint=key.fingerprint)
