"""What subscribers get, whom nothing is ever sent to, and what their answers lead to."""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from sqlalchemy import Connection, select, update
from sqlalchemy.exc import IntegrityError, OperationalError
from standardwebhooks import Webhook, WebhookVerificationError

from tests.faults import stage
from tests.services.receivers import OK, Answer, Got, Receiver, receiving
from tests.store import samples
from workflows.core.canonical import digest
from workflows.core.case import CaseId
from workflows.core.documents import Role
from workflows.core.overdue import DEADLINE_PASSED
from workflows.services import webhook_courier
from workflows.services import webhooks as sender_module
from workflows.services.clock import utc_now
from workflows.services.engine import Engine
from workflows.services.sequencing import Sequencer
from workflows.services.webhook_messages import BrokenMessageError, message
from workflows.services.webhook_targets import networks_of
from workflows.services.webhooks import Pace, Sender
from workflows.store import rows, subscriptions, webhooks
from workflows.store.feed import last_position, sequence
from workflows.store.subscriptions import Subscription
from workflows.store.tables import cases, delivery, event
from workflows.store.webhooks import Claimed, Result

LOOPBACK: Final = networks_of("127.0.0.1/32")
SECRET: Final = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"  # noqa: S105 - of these tests
OLD_SECRET: Final = "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQt"  # noqa: S105 - of these tests
QUICK: Final = Pace(schedule=(0, 0, 0), whole_seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """An engine whose events go to subscribers, one commune to work in, and a receiver."""

    engine: Engine
    commune: str
    receiver: Receiver

    def subscribe(self, **more: object) -> Subscription:
        found = replace(subscribed(self.receiver.url), **more)  # type: ignore[arg-type]  # fields by name
        with self.engine.database.write() as connection:
            subscriptions.create(connection, found)
        return found

    def happen(self, cases: int = 1) -> list[CaseId]:
        return stage.all_accepted(
            self.engine, Role.PROVINCIAL_POLICE, [stage.hotspot(self.commune, f"Tụ điểm {n}") for n in range(cases)]
        )

    def left(self) -> list[tuple[str, int, str | None]]:
        """State, attempts and error of what is not delivered."""
        with self.engine.database.read() as connection:
            rows = connection.execute(select(delivery.c.state, delivery.c.attempts, delivery.c.last_error))
            return [(row.state, row.attempts, row.last_error) for row in rows]

    def await_position(self, wanted: int) -> None:
        for _ in range(500):
            with self.engine.database.read() as connection:
                found = last_position(connection)
            if found == wanted:
                return
            threading.Event().wait(0.02)
        assert found == wanted

    def await_left(self, wanted: Sequence[tuple[str, int, str | None]]) -> None:
        for _ in range(500):
            if self.left() == list(wanted):
                return
            threading.Event().wait(0.02)
        assert self.left() == list(wanted)


def subscribed(url: str, name: str = "s") -> Subscription:
    return Subscription(
        id=name,
        name=name,
        url=url,
        secret=SECRET,
        old_secret=None,
        old_secret_until=None,
        workflows=(),
        triggers=(),
        units=(),
        unit_paths=(),
        grant_id=stage.GRANTS[Role.ADMINISTRATOR],
        person="an",
        unit_path="VN",
        active=True,
        paused_because=None,
        created_at=stage.NOW,
    )


@contextmanager
def sending(url: str, answer: "Answer | None" = None, *, pace: Pace = QUICK) -> Iterator[Sending]:
    stage.populate(url)
    with receiving(lambda _: answer or OK) as receiver, stage.running(url) as engine:
        sequencer, sender = Sequencer(engine, after=webhooks.fan_out), Sender(engine, networks=LOOPBACK, pace=pace)
        sequencer.start()
        sender.start()
        try:
            (commune,) = stage.communes(url, 1)
            yield Sending(engine=engine, commune=commune, receiver=receiver)
        finally:
            sender.stop()
            sequencer.stop()
        assert not sender.alive


def test_an_event_arrives_signed_and_readable(sqlite_url: str) -> None:
    with sending(sqlite_url) as scene:
        scene.subscribe(old_secret=OLD_SECRET, old_secret_until=stage.NOW + timedelta(hours=1))
        (case,) = scene.happen()
        (got,) = scene.receiver.await_count(1)
        scene.await_left([])
        with scene.engine.database.read() as connection:
            (stored,) = connection.execute(select(event))
    for secret in (SECRET, OLD_SECRET):
        assert Webhook(secret).verify(got.body, dict(got.headers)) == json.loads(got.body)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(got.body + b" ", dict(got.headers))
    assert got.headers["content-type"] == "application/cloudevents+json"
    assert json.loads(got.body) == {
        "specversion": "1.0",
        "id": stored.id,
        "source": "/api/v1",
        "type": "workflows.hotspot.open",
        "subject": case,
        "time": "2025-03-05T02:00:00.000000Z",
        "datacontenttype": "application/json",
        "sequence": "1",
        "data": {
            "case": case,
            "workflow": "hotspot",
            "workflow_version": 1,
            "unit": scene.commune,
            "seq": 1,
            "kind": "opened",
            "trigger": "open",
            "source": None,
            "target": "identified",
            "recorded_at": "2025-03-05T02:00:00.000000Z",
            "occurred_at": "2025-03-05T02:00:00.000000Z",
            "cause": None,
            "hash": stored.hash,
            "position": 1,
        },
    }


def test_a_notice_arrives_as_an_event_of_its_own_type(sqlite_url: str) -> None:
    with sending(sqlite_url) as scene:
        scene.subscribe(triggers=(DEADLINE_PASSED,))
        (case,) = scene.happen()
        with scene.engine.database.write() as connection:
            found = connection.execute(select(cases).where(cases.c.id == case)).mappings().one()
            (told,) = samples.store_notices(connection, [rows.case_of(found)])
        (got,) = scene.receiver.await_count(1)
        scene.await_left([])
    body = json.loads(got.body)
    assert (body["id"], body["type"], body["subject"]) == (told.id, "workflows.hotspot.deadline_passed", case)
    data = body["data"]
    assert (data["kind"], data["does"], data["outcome"], data["seq"]) == ("deadline_passed", "notify", "told", 1)
    assert data["to"] == {"roles": ["commune_police"], "unit": scene.commune}
    assert (data["due"], data["position"]) == (told.deadline.due.isoformat(), 2)


def test_an_old_secret_ends() -> None:
    until = datetime(2025, 3, 5, tzinfo=UTC)
    found = replace(subscribed("https://example.org"), old_secret=OLD_SECRET, old_secret_until=until)
    assert found.secrets(until - timedelta(seconds=1)) == (SECRET, OLD_SECRET)
    assert found.secrets(until) == (SECRET,)


def claimed(found: Subscription, entry: bytes) -> Claimed:
    return Claimed(
        subscription=found,
        position=1,
        event="e",
        case="c",
        attempts=0,
        until=stage.NOW,
        entry=entry,
        hash=digest(entry),
    )


@pytest.mark.parametrize("entry", [b"", b"[]", b'{"id":"e"}', b"{" * 9])
def test_an_entry_that_cannot_be_told_is_no_message(entry: bytes) -> None:
    with pytest.raises(BrokenMessageError):
        message(claimed(subscribed("https://example.org"), entry))


@pytest.mark.parametrize(
    ("status", "told"), [(500, "answered 500"), (404, "answered 404"), (302, "answered 302"), (429, "answered 429")]
)
def test_other_answers_are_tried_again_and_given_up(sqlite_url: str, status: int, told: str) -> None:
    with receiving() as elsewhere, sending(sqlite_url, (status, {"location": elsewhere.url}, b"")) as scene:
        scene.subscribe()
        scene.happen()
        scene.await_left([("dead", 3, told)])
        got = scene.receiver.got
        assert elsewhere.got == [], "no redirect is followed"
    assert len(got) == 3
    assert len({(each.id, each.body) for each in got}) == 1


def test_gone_pauses(sqlite_url: str) -> None:
    with sending(sqlite_url, (410, {}, b"")) as scene:
        found = scene.subscribe()
        scene.happen()
        scene.await_left([("waiting", 1, "answered 410")])
        with scene.engine.database.read() as connection:
            paused = subscriptions.get(connection, found.id)
        assert paused
        assert (paused.active, paused.paused_because) == (False, "gone")
        scene.happen()
        scene.await_position(2)
        assert scene.left() == [("waiting", 1, "answered 410")]
        assert len(scene.receiver.got) == 1


def test_a_huge_answer_is_not_read(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its status counts all the same. What is announced never comes, so that reading on would end as no answer."""
    monkeypatch.setattr(webhook_courier, "_BODY_SECONDS", 60)
    with sending(sqlite_url, (200, {"content-length": "5000000"}, b"x" * 100_000)) as scene:
        scene.subscribe()
        scene.happen(2)
        scene.receiver.await_count(2)
        scene.await_left([])
        assert len(scene.receiver.got) == 2


def test_an_answer_that_breaks_off_counts(sqlite_url: str) -> None:
    """Its status has come; asking again would only bring the event twice."""
    with sending(sqlite_url, (200, {"content-length": "100"}, b"x")) as scene:
        scene.subscribe()
        scene.happen()
        scene.receiver.await_count(1)
        scene.await_left([])
        assert len(scene.receiver.got) == 1


def test_an_answer_whose_body_comes_late_counts(sqlite_url: str) -> None:
    """The time is for the status; a body that takes longer than what is left of it is let go."""
    short = Pace(schedule=(0, 0), whole_seconds=0.6)
    with sending(sqlite_url, (200, {"content-length": "100"}, b"x"), pace=short) as scene:
        scene.subscribe()
        scene.happen()
        scene.receiver.await_count(1)
        scene.await_left([])
        assert len(scene.receiver.got) == 1


def test_an_endless_wait_ends(sqlite_url: str) -> None:
    over = threading.Event()

    def hang(_: Got) -> Answer:
        over.wait(30)
        return OK

    with sending(sqlite_url, pace=Pace(schedule=(0, 0), whole_seconds=0.3)) as scene:
        scene.receiver.answer = hang
        scene.subscribe()
        scene.happen()
        scene.await_left([("dead", 2, "no answer in time")])
        over.set()


def test_a_broken_entry_holds_up_no_other(sqlite_url: str) -> None:
    with sending(sqlite_url) as scene:
        (first,) = scene.happen()
        with scene.engine.database.write() as connection:
            connection.exec_driver_sql("DROP TRIGGER event_no_update")
            connection.execute(update(event).values(entry=b"{}"))
        found = scene.subscribe()
        scene.happen(3)
        scene.receiver.await_count(3)
        with scene.engine.database.write() as connection:
            webhooks.replay(connection, found.id, after=0)
        got = scene.receiver.await_count(6)
        scene.await_left([("dead", 1, "the entry's bytes do not have their hash")])
        assert first not in {each.case for each in got}


@pytest.mark.parametrize(("passes", "times"), [(True, 1), (False, 2)])
def test_an_error_of_the_database_ends_nothing(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch, *, passes: bool, times: int
) -> None:
    """What was answered is told again; where that cannot help, the delivery is made again after its lease."""
    settle, failures = webhooks.settle, iter([True])
    cause = sqlite3.OperationalError("database is locked") if passes else sqlite3.IntegrityError("no")
    kind = OperationalError if passes else IntegrityError

    def fail_once(connection: Connection, results: Sequence[Result], now: datetime) -> None:
        if next(failures, False):
            raise kind("UPDATE", {}, cause)
        settle(connection, results, now)

    monkeypatch.setattr(webhooks, "settle", fail_once)
    monkeypatch.setattr(sender_module, "_AGAIN_SECONDS", 0.1)
    monkeypatch.setattr(sender_module, "LEASE", timedelta(seconds=0.3))
    pace = Pace(schedule=(0, 0, 0), whole_seconds=0.2)
    with sending(sqlite_url, pace=pace) as scene:
        scene.engine.clock = utc_now
        scene.subscribe()
        scene.happen()
        scene.receiver.await_count(times)
        scene.await_left([])
        assert len(scene.receiver.got) == times


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), ValueError("a row that cannot be read")])
def test_no_error_ends_the_sender(sqlite_url: str, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Files are locked for a turn to write, which fails as files do; a broken row must not end the sending for all."""
    due, failures = webhooks.due, iter([True])

    def fail_once(connection: Connection, now: datetime) -> tuple[str, ...]:
        if next(failures, False):
            raise error
        return due(connection, now)

    monkeypatch.setattr(webhooks, "due", fail_once)
    monkeypatch.setattr(sender_module, "_AGAIN_SECONDS", 0.1)
    with sending(sqlite_url) as scene:
        scene.subscribe()
        scene.happen()
        scene.receiver.await_count(1, seconds=10)
        scene.await_left([])


def test_no_text_of_a_subscription_tells_its_secrets() -> None:
    """Whoever logs one, or an error that names one, must not thereby log what signs."""
    text = repr(claimed(replace(subscribed("https://example.org"), old_secret=OLD_SECRET), b""))
    assert "https://example.org" in text
    assert SECRET not in text
    assert OLD_SECRET not in text


def test_a_stopped_sender_leaves_the_rest_to_others(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender_module, "_GRACE_SECONDS", 0.2)
    over = threading.Event()
    stage.populate(sqlite_url)
    with receiving(lambda _: (over.wait(30), OK)[1]) as receiver, stage.running(sqlite_url) as engine:
        scene = Sending(engine=engine, commune=stage.communes(sqlite_url, 1)[0], receiver=receiver)
        scene.subscribe()
        scene.happen(2)
        with engine.database.write() as connection:
            webhooks.fan_out(connection, sequence(connection), stage.NOW)
        sender = Sender(engine, networks=LOOPBACK)
        sender.start()
        receiver.await_count(2)
        sender.stop()
        over.set()
        assert scene.left() == [("waiting", 0, None)] * 2
        with engine.database.write() as connection:
            assert len(webhooks.claim(connection, {"s": 9}, stage.NOW, timedelta(seconds=60))) == 2


def test_the_schedule_ends_in_a_dead_letter() -> None:
    waits = [Pace().next_at(attempts, stage.NOW) for attempts in range(1, 9)]
    seconds = [(each - stage.NOW).total_seconds() for each in waits if each]
    nominal = [5, 300, 1800, 7200, 18000, 36000, 36000]
    assert waits[-1] is None
    assert all(0.9 * each <= found <= 1.1 * each for each, found in zip(nominal, seconds, strict=True))
    assert len({Pace().next_at(3, stage.NOW) for _ in range(9)}) > 1, "senders would come back all at once"
