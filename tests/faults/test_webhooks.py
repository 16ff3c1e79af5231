"""Senders and subscribers die in the middle of their work, hang or fail: nothing is lost, and nobody else waits."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Final

import pytest
from sqlalchemy import Connection, select

from tests.faults import hook_receiver, stage
from tests.services.receivers import OK, Answer, Got, Receiver, receiving
from tests.services.test_webhooks import LOOPBACK, subscribed
from tests.sizes import FULL, size
from workflows.core.documents import Role
from workflows.services import webhooks as sending
from workflows.services.clock import utc_now
from workflows.services.engine import Engine
from workflows.services.sequencing import After, Sequencer
from workflows.services.settings import WEBHOOK_NETWORKS_VARIABLE
from workflows.services.webhooks import Pace, Sender
from workflows.store import subscriptions, webhooks
from workflows.store.database import Database
from workflows.store.feed import Sequenced
from workflows.store.tables import delivery, event
from workflows.store.webhooks import Claimed, Result, Verdict

EVENTS: Final = {"sqlite": size(120, 10_000), "postgresql": size(80, 3_000)}
KILLS: Final = {"sqlite": size(1, 40), "postgresql": size(1, 20)}
SENDERS: Final = {"sqlite": 1, "postgresql": 2}
PER_CASE: Final = 5
SECONDS: Final = size(90, 1800)
_START: Final = "from tests.faults import test_webhooks as test; test.{}(); from workflows.cli import main; main()"
_claim: Final = webhooks.claim


def be_impatient() -> None:
    """Comes back soon to what failed or was left behind by a killed sender; otherwise as it is."""
    import api.server  # noqa: PLC0415 - of the process that serves

    sending.LEASE = timedelta(seconds=2)  # type: ignore[misc]  # a constant, except here
    pace = Pace(schedule=(0, *[0.1] * 1000), whole_seconds=1)
    vars(api.server)["Sender"] = partial(Sender, pace=pace)


def be_hasty() -> None:
    """Turns the sender into one that forgets what it sends before it is answered."""
    be_impatient()

    def claim_and_forget(
        connection: Connection, room: dict[str, int], now: datetime, lease: timedelta
    ) -> list[Claimed]:
        claimed = _claim(connection, room, now, lease)
        webhooks.settle(connection, [Result(claimed=each, verdict=Verdict.DELIVERED) for each in claimed], now)
        return claimed

    webhooks.claim = claim_and_forget  # type: ignore[assignment]  # the fault under test


@dataclass(slots=True, kw_only=True)
class Relay:
    """Server processes on one database and a subscriber, any of which can be killed."""

    url: str
    log: Path
    program: str
    port: int
    chance: Random
    servers: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    receiver: "subprocess.Popen[bytes] | None" = None

    def start(self, senders: int) -> None:
        self.log.touch()
        self.receiver = self.received()
        self.servers = [self.served() for _ in range(senders)]

    def served(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-c", self.program, "serve", "--database", self.url, "--port", "0"]
        environment = {**os.environ, WEBHOOK_NETWORKS_VARIABLE: "127.0.0.1/32"}
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)

    def received(self) -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, hook_receiver.__file__, str(self.port), str(self.log)])

    def kill(self, *, server: bool) -> None:
        if server:
            number = self.chance.randrange(len(self.servers))
            end(self.servers[number])
            self.servers[number] = self.served()
        elif self.receiver:
            end(self.receiver)
            self.receiver = self.received()

    def stop(self) -> None:
        for process in (*self.servers, self.receiver):
            if process:
                end(process)

    def lines(self) -> list[tuple[str, str, int]]:
        """Event, case and position of everything that was received, in that order."""
        whole = [line.split() for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        return [(found[0], found[1], int(found[2])) for found in whole]

    def await_events(self, count: int) -> None:
        until = time.monotonic() + SECONDS
        while len({found[0] for found in self.lines()}) < count:
            assert time.monotonic() < until, f"{len({found[0] for found in self.lines()})} of {count} events arrived"
            time.sleep(0.02)


def end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


@contextmanager
def relay(url: str, log: Path, program: str, senders: int) -> Iterator[Relay]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    with Database(url) as database, database.write() as connection:
        subscriptions.create(connection, subscribed(f"http://127.0.0.1:{port}/"))
    found = Relay(url=url, log=log, program=program, port=port, chance=Random(port))
    try:
        found.start(senders)
        yield found
    finally:
        found.stop()


def happened(url: str, count: int) -> set[str]:
    """Events of cases that are suppressed and active again, not sent to anybody yet."""
    stage.populate(url)
    (commune,) = stage.communes(url, 1)
    with stage.running(url) as engine:
        opened = [stage.hotspot(commune, f"Tụ điểm {number}") for number in range(count // PER_CASE)]
        cases = stage.all_accepted(engine, Role.PROVINCIAL_POLICE, opened)
        for step in (stage.suppress, stage.relapse, stage.suppress, stage.relapse):
            stage.all_accepted(engine, Role.PROVINCIAL_POLICE, [step(case) for case in cases])
    with Database(url) as database, database.read() as connection:
        found = set(connection.execute(select(event.c.id)).scalars())
    assert len(found) == count
    return found


@pytest.mark.either_database("postgresql")
@pytest.mark.timeout(size(120, 3600))
def test_kills_lose_nothing_and_keep_the_order(database_url: str, tmp_path: Path) -> None:
    kind = "sqlite" if database_url.startswith("sqlite") else "postgresql"
    wanted = happened(database_url, EVENTS[kind])
    with relay(database_url, tmp_path / "log", _START.format("be_impatient"), SENDERS[kind]) as found:
        for number in range(KILLS[kind]):
            found.await_events(len(wanted) * (number + 1) // (KILLS[kind] + 2))
            found.kill(server=number % 2 == 0)
        found.await_events(len(wanted))
        lines = found.lines()
    assert {line[0] for line in lines} == wanted
    assert len({(line[0], line[2]) for line in lines}) == len(wanted), "an event has one id and one position"
    assert out_of_order(lines) == []
    assert len(lines) > len(wanted) or not FULL, "no kill has met a delivery under way"


def out_of_order(lines: Sequence[tuple[str, str, int]]) -> list[str]:
    """Cases of which a later event came for the first time before an earlier one."""
    last: dict[str, int] = {}
    seen: set[str] = set()
    found = []
    for one, case, position in lines:
        if one not in seen and position < last.get(case, 0):
            found.append(case)
        seen.add(one)
        last[case] = max(position, last.get(case, 0))
    return found


def test_order_is_looked_at() -> None:
    """Controls the one above."""
    assert out_of_order([("a", "c", 1), ("b", "c", 3), ("a", "c", 1), ("d", "c", 4)]) == []
    assert out_of_order([("a", "c", 1), ("b", "c", 3), ("d", "c", 2)]) == ["c"]


def test_a_sender_that_forgets_too_soon_loses(sqlite_url: str, tmp_path: Path) -> None:
    """Controls it, too: what was sent and not answered is neither here nor there."""
    wanted = happened(sqlite_url, EVENTS["sqlite"])
    with relay(sqlite_url, tmp_path / "log", _START.format("be_hasty"), 1) as found:
        found.await_events(len(wanted) // 5)
        assert found.receiver
        end(found.receiver)
        time.sleep(0.3)
        end(found.servers[0])
        received = {line[0] for line in found.lines()}
    with Database(sqlite_url) as database, database.read() as connection:
        waiting = set(connection.execute(select(delivery.c.event_id)).scalars())
    assert wanted - received - waiting


FLOW: Final = size(20, 600)
"""Events whose way to a subscriber is timed, one every hundredth of a second."""
POISON: Final = "Điểm nghẽn"


@dataclass(slots=True, kw_only=True)
class Timed:
    """A subscriber that notes when what came."""

    poison: str = ""
    at: dict[str, float] = field(default_factory=dict)

    def answer(self, got: Got) -> Answer:
        if got.case == self.poison:
            return 500, {}, b""
        self.at.setdefault(got.case, time.monotonic())
        return OK


@contextmanager
def at_work(url: str, pace: Pace, after: After) -> Iterator[Engine]:
    with stage.running(url) as engine:
        engine.clock = utc_now
        sequencer, sender = Sequencer(engine, after=after), Sender(engine, networks=LOOPBACK, pace=pace)
        sequencer.start()
        sender.start()
        try:
            yield engine
        finally:
            sender.stop()
            sequencer.stop()


def longest_way(
    url: str,
    *,
    hanging: bool = False,
    poisoned: bool = False,
    pace: Pace | None = None,
    after: After = webhooks.fan_out,
    patience: float = stage.PATIENCE,
) -> float:
    """Seconds from its acceptance until an event was with a subscriber that answers, at most."""
    timed, over = Timed(), threading.Event()
    with ExitStack() as stack:
        good = stack.enter_context(receiving(timed.answer))
        bad = stack.enter_context(receiving(lambda _: (over.wait(30), OK)[1]))
        engine = stack.enter_context(at_work(url, pace or Pace(), after))
        stack.callback(over.set)
        (commune,) = stage.communes(url, 1)
        subscribe(engine, good, "good")
        if hanging:
            subscribe(engine, bad, "bad")
        if poisoned:
            (timed.poison,) = stage.all_accepted(engine, Role.PROVINCIAL_POLICE, [stage.hotspot(commune, POISON)])
            good.await_count(1)
        accepted = {}
        for number in range(FLOW):
            (case,) = stage.all_accepted(engine, Role.PROVINCIAL_POLICE, [stage.hotspot(commune, f"{number}")])
            accepted[case] = time.monotonic()
            time.sleep(0.01)
        await_all(timed, set(accepted), patience)
        with engine.database.write() as connection:
            subscriptions.remove(connection, "good")
            if hanging:
                subscriptions.remove(connection, "bad")
        return max(timed.at[case] - accepted[case] for case in accepted)


def await_all(timed: Timed, wanted: set[str], seconds: float) -> None:
    """What has not come by then counts as come then."""
    until = time.monotonic() + seconds
    while not wanted <= timed.at.keys() and time.monotonic() < until:
        time.sleep(0.01)
    for case in wanted - timed.at.keys():
        timed.at[case] = time.monotonic()


def subscribe(engine: Engine, receiver: Receiver, name: str) -> None:
    with engine.database.write() as connection:
        subscriptions.create(connection, subscribed(receiver.url, name))


def as_one_case(connection: Connection, sequenced: Sequence[Sequenced], now: datetime) -> None:
    """Keeps the order over all cases, so that one holds up all."""
    webhooks.fan_out(connection, [replace(each, case="one") for each in sequenced], now)


def test_neither_who_hangs_nor_what_fails_delays_others(sqlite_url: str) -> None:
    stage.populate(sqlite_url)
    alone = longest_way(sqlite_url)
    patience = alone + 1.2  # enough to be too late
    assert longest_way(sqlite_url, hanging=True, poisoned=True, patience=patience) - alone <= 1.0
    # Controls: one place for all requests, and one order for all cases.
    few = Pace(overall=1, each=1, whole_seconds=3)
    # Chance decides who gets the one place first.
    assert any(longest_way(sqlite_url, hanging=True, pace=few, patience=patience) - alone > 1.0 for _ in range(5))
    assert longest_way(sqlite_url, poisoned=True, after=as_one_case, patience=patience) - alone > 1.0
