"""A key has one effect and one reply, however many send it at once, through however many engines."""

import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack

import pytest

from tests.faults import stage
from tests.faults.injection import held
from tests.faults.processes import remote_engine, through_engine
from tests.sizes import size
from workflows.core.documents import Role
from workflows.services.engine import Engine
from workflows.store.submissions import KeyReused

POLICE = Role.PROVINCIAL_POLICE
KEYS = size(10, 1000)
SENDERS = 20
Replies = list[tuple[str, int, bytes]]
"""Key, status and body of every answer."""


def send_all(engine: Engine, communes: Sequence[str], senders: int, *, with_keys: bool) -> Replies:
    """Every sender sends every key, all at the same time."""
    start = threading.Barrier(senders)
    replies: Replies = []

    def send() -> None:
        start.wait()
        for number in range(KEYS):
            key = f"key-{number}"
            act = stage.hotspot(communes[number % len(communes)], key)
            reply = stage.answer(stage.send(engine, POLICE, act, key=key if with_keys else None)).reply
            replies.append((key, reply.status, reply.body))

    threads = [threading.Thread(target=send) for _ in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


def through_two(url: str, communes: Sequence[str], *, with_keys: bool) -> Replies:
    """Half of the senders here, half in another process with an engine of its own."""
    with remote_engine(url) as remote, stage.running(url) as engine:
        remote.begin(through_engine, send_all, communes, SENDERS // 2, with_keys=with_keys)
        replies = send_all(engine, communes, SENDERS // 2, with_keys=with_keys)
        theirs: Replies = remote.result()
        return replies + theirs


def through_one(url: str, communes: Sequence[str], *, with_keys: bool) -> Replies:
    with stage.running(url) as engine:
        return send_all(engine, communes, SENDERS, with_keys=with_keys)


@pytest.mark.parametrize("engines", ["sqlite one", "sqlite two", "postgresql one", "postgresql two"])
def test_a_key_has_one_effect_and_one_reply(engines: str, request: pytest.FixtureRequest) -> None:
    replies, effects = sent(engines, request, with_keys=True)
    assert len(replies) == KEYS * SENDERS
    assert {status for _, status, _ in replies} == {201}
    assert len({(key, body) for key, _, body in replies}) == KEYS
    assert effects == {f"key-{number}": 1 for number in range(KEYS)}


@pytest.mark.parametrize("engines", ["sqlite one", "postgresql two"])
def test_without_keys_every_sending_has_its_effect(engines: str, request: pytest.FixtureRequest) -> None:
    """Controls the one above."""
    replies, effects = sent(engines, request, with_keys=False)
    assert len({(key, body) for key, _, body in replies}) == KEYS * SENDERS
    assert effects == {f"key-{number}": SENDERS for number in range(KEYS)}


def sent(engines: str, request: pytest.FixtureRequest, *, with_keys: bool) -> tuple[Replies, Counter[str]]:
    """All replies, and by title the number of places that were opened."""
    kind, count = engines.split()
    url: str = request.getfixturevalue(f"{kind}_url")
    communes = stage.communes(url, 30)
    stage.populate(url)
    replies = (through_one if count == "one" else through_two)(url, communes, with_keys=with_keys)
    assert stage.intact(url) == KEYS * (1 if with_keys else SENDERS)
    return replies, stage.titles(url)


@pytest.mark.parametrize("engines", ["one", "two"])
def test_a_key_of_another_request_is_refused(database_url: str, engines: str) -> None:
    """Also where both requests meet in one batch, or in two engines at once."""
    stage.populate(database_url)
    communes = stage.communes(database_url, 2 * SENDERS)
    with stage.running(database_url) as first, ExitStack() as stack:
        second = first if engines == "one" else stack.enter_context(stage.running(database_url))
        for one, other in zip(communes[::2], communes[1::2], strict=True):
            with held(first):
                key = f"key-{one}"
                sendings = [
                    stage.send(first, POLICE, stage.hotspot(one, "Chung"), key=key),
                    stage.send(second, POLICE, stage.hotspot(other, "Chung"), key=key),
                ]
            found = {type(future.exception(stage.PATIENCE)) for future in sendings}
            assert found == {type(None), KeyReused}
    assert stage.intact(database_url) == SENDERS
