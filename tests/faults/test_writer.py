"""The writer lives through commands that raise, clients that give up, and its own death leaves nobody waiting."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError

import pytest

from tests.faults import stage
from tests.faults.injection import held
from workflows.core.case import Accepted, Command, Decision, Dropped, Fire, Open, Refused
from workflows.core.decide import decide
from workflows.core.documents import Role
from workflows.services.engine import Engine
from workflows.store import writer
from workflows.store.database import Database, lock_units
from workflows.store.submissions import (
    CommandFailed,
    Expired,
    Outcome,
    OutcomeUnknown,
    QueueFull,
    Submission,
    WriteError,
    WriterStopped,
)
from workflows.store.writer import Writer

POLICE = Role.PROVINCIAL_POLICE


@pytest.fixture
def url(sqlite_url: str) -> str:
    stage.populate(sqlite_url)
    return sqlite_url


def test_a_command_that_cannot_be_decided_fails_alone(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.populate(database_url)
    communes = stage.communes(database_url, 20)
    monkeypatch.setattr(writer, "decide", raising_for("Hỏng"))
    with stage.running(database_url) as engine:
        with held(engine):
            sent = [stage.send(engine, POLICE, stage.hotspot(commune, title_of(commune))) for commune in communes]
            broken = stage.send(engine, POLICE, stage.hotspot(communes[0], "Hỏng"))
        assert [type(stage.decision(future)) for future in sent] == [Accepted] * 20
        with pytest.raises(CommandFailed) as raised:
            stage.answer(broken)
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert stage.intact(database_url) == 20


class BrokenLog:
    """A log on a full disk."""

    def error(self, *_what: object, **_values: object) -> None:
        raise OSError(28, "No space left on device")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("guarded", [True, False])
def test_a_log_that_cannot_be_written_stops_nobody(url: str, monkeypatch: pytest.MonkeyPatch, *, guarded: bool) -> None:
    """Unguarded, the same failing log line is the writer's death."""
    communes = stage.communes(url, 2)
    monkeypatch.setattr(writer, "decide", raising_for("Hỏng"))
    monkeypatch.setattr(writer, "_log", BrokenLog())
    if not guarded:
        monkeypatch.setattr(writer, "_tell", lambda level, what, **values: getattr(writer._log, level)(what, **values))
    with stage.running(url) as engine:
        with pytest.raises(CommandFailed if guarded else OutcomeUnknown):
            stage.answer(stage.send(engine, POLICE, stage.hotspot(communes[0], "Hỏng")))
        if guarded:
            stage.accepted(stage.send(engine, POLICE, stage.hotspot(communes[1])))


def raising_for(title: str) -> object:
    def deciding(*given: object) -> Decision:
        command = given[1]
        assert isinstance(command, Command)
        if getattr(command.act, "title", None) == title:
            raise ZeroDivisionError
        return decide(*given)  # type: ignore[arg-type]  # a stand-in with only what is used

    return deciding


def title_of(commune: str) -> str:
    return f"Tụ điểm {commune}"


def test_an_atomic_group_is_all_or_none(url: str) -> None:
    first, second = stage.communes(url, 2)
    with stage.running(url) as engine:
        acts: list[Open | Fire] = [
            stage.hotspot(first),
            stage.hotspot(second),
            Fire(case=stage.NOBODYS, trigger="suppress"),
        ]
        commands = tuple(engine.command(grant=stage.GRANTS[POLICE], act=act) for act in acts)
        dropped = engine.submit(Submission(commands=commands)).result(stage.PATIENCE)
        assert [type(outcome.decision) for outcome in dropped[:2]] == [Dropped, Dropped]
        assert stage.dump(url)["cases"] == []
        done = engine.submit(Submission(commands=commands[:2])).result(stage.PATIENCE)
        assert [type(outcome.decision) for outcome in done] == [Accepted, Accepted]
    assert stage.intact(url) == 2


@pytest.mark.parametrize("end", ["answered", "expired", "failed", "stopped"])
def test_who_gives_up_withdraws_nothing_and_breaks_nothing(url: str, end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    commune, other = stage.communes(url, 2)
    if end == "failed":
        monkeypatch.setattr(writer, "decide", raising_for("Hỏng"))
    with stage.running(url) as engine:
        with held(engine):
            title = "Hỏng" if end == "failed" else "Tụ điểm"
            patience = 0.0 if end == "expired" else stage.PATIENCE
            given_up = stage.send(engine, POLICE, stage.hotspot(commune, title), deadline_seconds=patience)
            given_up.cancel()
            waiting = stage.send(engine, POLICE, stage.hotspot(other))
        if end != "stopped":
            assert stage.accepted(waiting)
            assert engine.writer.alive
            stage.accepted(stage.send(engine, POLICE, stage.hotspot(other, "Sau đó")))
    assert stage.accepted(waiting)
    assert (commune in stage.states(url, "hotspot")) is (end in {"answered", "stopped"})


def test_a_handler_that_is_cancelled_withdraws_nothing(url: str) -> None:
    (commune,) = stage.communes(url, 1)
    with stage.running(url) as engine:

        async def handler() -> None:
            await asyncio.wrap_future(stage.send(engine, POLICE, stage.hotspot(commune)))

        async def client() -> None:
            with held(engine):
                task = asyncio.create_task(handler())
                await asyncio.sleep(0.01)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

        asyncio.run(client())
        stage.accepted(stage.send(engine, POLICE, stage.hotspot(commune, "Sau đó")))
    assert stage.intact(url) == 2


def test_a_future_that_can_be_withdrawn_breaks_who_resolves_it() -> None:
    """Controls the two above: a plain future, once cancelled, raises where the writer would answer."""
    future: Future[None] = Future()
    assert future.cancel()
    with pytest.raises(InvalidStateError):
        future.set_result(None)
    with pytest.raises(CancelledError):
        future.result()


def test_a_full_queue_refuses_and_keeps_what_it_took(url: str) -> None:
    communes = stage.communes(url, 5)
    with stage.running(url, queue_limit=4) as engine:
        with held(engine):
            taken = [stage.send(engine, POLICE, stage.hotspot(commune)) for commune in communes[:4]]
            assert engine.writer.queue_length == 4
            with pytest.raises(QueueFull) as raised:
                stage.send(engine, POLICE, stage.hotspot(communes[4]))
            assert raised.value.retry_after > 0
        assert [type(stage.decision(future)) for future in taken] == [Accepted] * 4
        stage.accepted(stage.send(engine, POLICE, stage.hotspot(communes[4])))
    assert stage.intact(url) == 5


def test_a_transaction_holds_no_more_commands_than_the_limit_and_one_group(url: str) -> None:
    """Otherwise a few large groups would make everybody wait for one transaction of thousands."""
    first, second, third = stage.communes(url, 3)
    sizes: list[list[int]] = []
    with stage.running(url, batch_limit=4) as engine:
        engine.writer.watch(lambda batch: sizes.append([len(each.commands) for each, _ in batch.answers]))
        with held(engine):
            groups = [group(engine, commune, 3) for commune in (first, second, third)]
            single = group(engine, third, 1)
        for future in (*groups, single):
            assert all(isinstance(each.decision, Accepted) for each in future.result(stage.PATIENCE))
    assert [found for found in sizes if 3 in found] == [[3, 3], [3, 1]]


def group(engine: Engine, commune: str, size: int) -> "Future[tuple[Outcome, ...]]":
    acts = [stage.hotspot(commune, f"Tụ điểm {number}") for number in range(size)]
    commands = tuple(engine.command(grant=stage.GRANTS[POLICE], act=act) for act in acts)
    return engine.submit(Submission(commands=commands))


def test_many_at_once_leave_room_in_the_queue(url: str) -> None:
    """Each of several callers may have as many in the queue as it holds; together they fill half of it."""
    communes = stage.communes(url, 40)
    with stage.running(url, queue_limit=8) as engine:

        async def caller(turn: int) -> list[tuple[Outcome, ...] | WriteError]:
            own = [
                Submission(commands=(engine.command(grant=stage.GRANTS[POLICE], act=stage.hotspot(each)),))
                for each in communes[10 * turn : 10 * turn + 10]
            ]
            return [answer async for answer in engine.carry_out_all(own, window=8)]

        async def callers() -> list[list[tuple[Outcome, ...] | WriteError]]:
            with held(engine):
                tasks = [asyncio.create_task(caller(turn)) for turn in range(4)]
                await asyncio.sleep(0.05)
                # Half by the first, and one by each that found no room, lest it never came to an end.
                assert engine.writer.queue_length == 4 + 3
            return list(await asyncio.gather(*tasks))

        answers = [answer for each in asyncio.run(callers()) for answer in each]
    assert [type(answer) for answer in answers] == [tuple] * 40
    assert stage.intact(url) == 40


def test_after_its_deadline_a_command_is_not_carried_out(url: str) -> None:
    first, second = stage.communes(url, 2)
    with stage.running(url) as engine:
        with held(engine):
            late = stage.send(engine, POLICE, stage.hotspot(first), deadline_seconds=0)
            in_time = stage.send(engine, POLICE, stage.hotspot(second))
        with pytest.raises(Expired):
            stage.answer(late)
        stage.accepted(in_time)
    assert set(stage.states(url, "hotspot")) == {second}


def test_stopping_finishes_what_waits_and_takes_nothing_more(url: str) -> None:
    communes = stage.communes(url, 104)
    with stage.running(url) as engine:
        with held(engine):
            waiting = [stage.send(engine, POLICE, stage.hotspot(commune)) for commune in communes]
            stopping = threading.Thread(target=engine.stop)
            stopping.start()
        stopping.join()
        assert all(future.done() for future in waiting)
        assert [type(stage.decision(future)) for future in waiting] == [Accepted] * 104
        with pytest.raises(WriterStopped):
            stage.send(engine, POLICE, stage.hotspot(communes[0]))
        assert not engine.writer.alive
    assert stage.intact(url) == 104


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("moment", ["_transact", "_answer"])
def test_a_dying_writer_leaves_nobody_waiting(url: str, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    communes = stage.communes(url, 100)
    with stage.running(url) as engine:
        with held(engine):
            waiting = [stage.send(engine, POLICE, stage.hotspot(commune)) for commune in communes]
            monkeypatch.setattr(Writer, moment, dying(moment))
        ends = [end_of(future) for future in waiting]
        assert set(map(type, ends[:64])) == {OutcomeUnknown}, "at hand when it died"
        assert set(map(type, ends[64:])) == {WriterStopped}, "never begun"
        with pytest.raises(WriterStopped):
            stage.send(engine, POLICE, stage.hotspot(communes[0]))
    assert not engine.writer.alive
    assert stage.intact(url) == (64 if moment == "_answer" else 0)


def dying(moment: str) -> object:
    real = getattr(Writer, moment)
    calls = []

    def die(self: Writer, *given: Sequence[object]) -> object:
        calls.append(given)
        if moment == "_answer" and len(calls) == 1:
            return real(self, *given)  # the plug that held the writer
        raise SystemExit

    return die


def end_of(future: "Future[tuple[Outcome, ...]]") -> WriteError:
    found = future.exception(stage.PATIENCE)
    assert isinstance(found, WriteError)
    return found


def test_refusals_are_answers(url: str) -> None:
    (commune,) = stage.communes(url, 1)
    with stage.running(url) as engine:
        (case,) = stage.all_accepted(engine, POLICE, [stage.hotspot(commune)])
        assert isinstance(stage.decision(stage.send(engine, POLICE, stage.relapse(case))), Refused)


def test_an_engine_that_never_started_refuses(url: str) -> None:
    with stage.running(url) as engine:
        never = Engine(
            database=engine.database, catalogue=engine.catalogue, clock=stage.clock, batch_limit=1, queue_limit=1
        )
        with pytest.raises(WriterStopped):
            stage.send(never, POLICE, stage.hotspot("29236"))


def test_who_waits_for_a_unit_is_answered_at_the_deadline(postgresql_url: str) -> None:
    """Another process holds the unit's lock; commands on other units are carried out meanwhile or right after."""
    stage.populate(postgresql_url)
    taken, free = stage.communes(postgresql_url, 2)
    with Database(postgresql_url) as other, stage.running(postgresql_url) as engine:
        with other.write() as connection:
            assert lock_units(connection, [taken], skip_locked=False) == {taken}
            waiting = stage.send(engine, POLICE, stage.hotspot(taken), deadline_seconds=1.0)
            stage.accepted(stage.send(engine, POLICE, stage.hotspot(free)))
            with pytest.raises(Expired):
                stage.answer(waiting)
        stage.accepted(stage.send(engine, POLICE, stage.hotspot(taken)))
    assert stage.intact(postgresql_url) == 2
