"""A key has one effect and one reply over HTTP, too, however often the servers die between."""

import random
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import Final

import pytest

from tests.faults import servers, stage
from tests.faults.test_killed_server import hotspot, relapse_body, suppress_body, today
from tests.sizes import FULL, size
from workflows.core.documents import Role
from workflows.store import keys
from workflows.store.database import Database

KEYS: Final = size(10, 1000)
SENDERS: Final = size(6, 20)
KILLS: Final = size(1, 20)
ITEMS: Final = size(100, 1000)
TURNS: Final = size(1, 12)
MIDDLE: Final = size((0.02, 0.06), (0.05, 0.5))
"""Seconds within which so many items are at work."""
Replies = list[tuple[str, int, bytes]]


def secret_for(url: str) -> str:
    grant = keys.Grant(role=Role.PROVINCIAL_POLICE, unit="VN", person="an", name="An")
    with Database(url) as database:
        return keys.create(database, grant, now=datetime.now(UTC)).secret


def send_all(callers: Sequence[servers.Caller], communes: Sequence[str], *, with_keys: bool) -> Replies:
    """Every sender sends every key, each in an order of its own."""
    replies: Replies = []

    def send(caller: servers.Caller) -> None:
        for number in caller.chance.sample(range(KEYS), KEYS):
            title = f"key-{number}"
            body = hotspot(communes[number % len(communes)], title)
            answer = caller.post("/cases", body, {"idempotency-key": title} if with_keys else {})
            replies.append((title, answer.status, answer.body))
        caller.close()

    threads = [threading.Thread(target=send, args=(caller,)) for caller in callers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


def callers_of(running: Sequence[servers.Server], secret: str, count: int) -> list[servers.Caller]:
    ports = [server.port for server in running]
    return [servers.Caller(ports=ports, secret=secret, chance=random.Random(number)) for number in range(count)]


@pytest.mark.either_database("postgresql")
@pytest.mark.timeout(size(120, 3600))
def test_a_key_has_one_effect_and_one_reply(database_url: str) -> None:
    effects = effects_of(database_url, with_keys=True)
    assert effects == {f"key-{number}": 1 for number in range(KEYS)}


@pytest.mark.timeout(size(120, 3600))
def test_without_keys_every_sending_has_its_effect(sqlite_url: str) -> None:
    """Controls the one above."""
    assert sum(effects_of(sqlite_url, with_keys=False).values()) >= KEYS * SENDERS


def effects_of(database_url: str, *, with_keys: bool) -> Counter[str]:
    """By key: the cases that came of it, after all that must hold of the replies with or without keys."""
    communes, secret = stage.communes(database_url, 30, day=today()), secret_for(database_url)
    count = 1 if database_url.startswith("sqlite") else 2
    with servers.serving(database_url, count) as running:
        callers = callers_of(running, secret, SENDERS)
        with servers.killed_at_random(running, KILLS, seed=KEYS):
            replies = send_all(callers, communes, with_keys=with_keys)
        lives = sum(server.lives for server in running)
    assert lives > count
    assert len(replies) == KEYS * SENDERS
    assert {status for _, status, _ in replies} == {201}
    assert {status for caller in callers for status in caller.refused} <= {503}
    stage.intact(database_url)
    assert len({(key, body) for key, _, body in replies}) == (KEYS if with_keys else KEYS * SENDERS)
    return Counter({title: n for title, n in stage.titles(database_url).items() if title.startswith("key-")})


@pytest.mark.either_database
@pytest.mark.timeout(size(120, 3600))
@pytest.mark.parametrize("atomic", [False, True])
def test_many_at_once_are_carried_out_once_though_the_server_dies_in_the_middle(
    database_url: str, *, atomic: bool
) -> None:
    """Each turn sends one request again and again, while the server is killed, until it is answered."""
    communes, secret = stage.communes(database_url, ITEMS, day=today()), secret_for(database_url)
    found: list[int] = []
    with servers.serving(database_url) as running, closing(callers_of(running, secret, 1)[0]) as caller:
        cases = [opened(caller, commune) for commune in communes]
        for turn in range(TURNS):
            body = relapse_body() if turn % 2 else suppress_body()
            sent = {"items": [{"case": case, "version": 1 + turn, **body} for case in cases], "atomic": atomic}
            key = {"idempotency-key": f"turn-{turn}"}
            with servers.killed_at_random(
                running, size(1, 2), seed=turn, pause=MIDDLE, between=lambda: found.append(stage.intact(database_url))
            ):
                first = caller.post("/transitions", sent, key)
            again = caller.post("/transitions", sent, key)
            assert (first.status, first.json()["accepted"]) == (200, ITEMS)
            assert (again.status, again.body) == (200, first.body)
            assert again.headers["idempotency-replayed"] == "true"
    assert set(caller.refused) <= {503}
    assert stage.intact(database_url) == ITEMS * (1 + TURNS)
    in_the_middle = [events for events in found if events % ITEMS]
    assert not (in_the_middle and atomic)
    assert in_the_middle or atomic or not FULL, "no kill came in the middle"


def opened(caller: servers.Caller, commune: str) -> str:
    answer = caller.post("/cases", hotspot(commune), {"idempotency-key": commune})
    assert answer.status == 201, answer.body
    case = answer.json()["case"]
    assert isinstance(case, dict)
    return str(case["id"])
