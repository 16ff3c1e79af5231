"""Ledger entries: canonical by another encoder's measure, readable back, and spoilt by any changed byte."""

import json
from functools import cache
from random import Random

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import strategies
from tests.factories import START, Desk, opened
from tests.sizes import size
from tests.strategies import Setting, words
from workflows.core.case import Accepted, Event, Fire
from workflows.core.documents import Role
from workflows.core.ledger import BrokenEntryError, read

EXAMPLES = size(60, 3_000)


def events(chance: Random) -> list[Event]:
    """Of a certification that is opened, submitted, endorsed with whatever findings, asked about and refused."""
    desk = Desk()
    officer, committee = desk.actor(Role.COMMUNE_OFFICER, "an"), desk.actor(Role.DISTRICT_COMMITTEE, "binh")
    police = desk.actor(Role.PROVINCIAL_POLICE, "dung")
    found = desk.open(officer, "certification", {"taken_in_on": "2025-01-02"})
    case = opened(found)
    assert isinstance(found, Accepted)
    made = [*found.events]
    for grant, trigger in (
        (officer, "amend"),
        (officer, "submit"),
        (committee, "endorse"),
        (police, "request_opinions"),
        (police, "refuse"),
    ):
        definition = desk.definitions.by_hash(desk.cases[case].definition)
        setting = Setting(context=definition.context, today=START.date())
        values = strategies.given(chance, definition.steps[trigger].fields, setting)
        if trigger == "amend":
            values["title"] = words(chance, 300)
        command = desk.command(grant, Fire(case=case, trigger=trigger, input=values), reason=words(chance, 2_000))
        decision = desk.decide(command)
        assert isinstance(decision, Accepted), decision
        made += decision.events
    return made


@settings(max_examples=EXAMPLES)
@given(chance=st.randoms(use_true_random=False))
def test_entries_are_canonical_and_read_back(chance: Random) -> None:
    for event in events(chance):
        assert event.entry == rfc8785.dumps(json.loads(event.entry))
        assert read(event.entry, salt=event.salt, payload=event.payload) == event
        if event.payload is not None:
            assert event.payload == rfc8785.dumps(json.loads(event.payload))
            assert event.salt is not None
            assert len(event.salt) == 16


@cache
def _sample() -> tuple[Event, ...]:
    return tuple(events(Random(5)))


@settings(max_examples=size(300, 20_000))
@given(st.integers(0, 5), st.integers(0), st.integers(1, 255))
def test_any_changed_byte_is_found(which: int, place: int, change: int) -> None:
    event = _sample()[which]
    parts = [event.entry, event.payload or b"", event.salt or b""]
    place %= sum(map(len, parts))
    index = next(i for i in range(3) if place < sum(map(len, parts[: i + 1])))
    at = place - sum(map(len, parts[:index]))
    parts[index] = _changed(parts[index], at, change)
    entry, payload, salt = parts
    try:
        found = read(entry, salt=salt or None, payload=payload or None)
    except BrokenEntryError:
        return
    assert index == 0
    assert found.hash != event.hash  # which is stored beside it, and in the entry that follows


def _changed(data: bytes, at: int, change: int) -> bytes:
    return data[:at] + bytes([data[at] ^ change]) + data[at + 1 :]


@pytest.mark.parametrize("which", range(6))
def test_a_text_that_is_gone_or_came_from_elsewhere_is_found(which: int) -> None:
    event, other = _sample()[which], _sample()[0]
    assert event.payload is None or event.payload != b"{}"
    wrong = [(None, None), (event.salt, b"{}")] if event.payload else [(b"0" * 16, b"{}")]
    wrong += [(other.salt, other.payload)] if event is not other else []
    for salt, payload in wrong:
        with pytest.raises(BrokenEntryError):
            read(event.entry, salt=salt, payload=payload)


@pytest.mark.parametrize(
    "entry",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b'{"v":2}',
        b'{"v":1}',
        b'{"v":1,"payload":null}',
        b'{"v":1,"v":1}',
        b"[" * 60_000,
    ],
)
def test_bytes_that_are_no_entry_are_refused(entry: bytes) -> None:
    with pytest.raises(BrokenEntryError):
        read(entry, salt=None, payload=None)


@pytest.mark.parametrize("number", [b"1.0", b"1e0", b"NaN", b"9007199254740992"])
def test_a_number_outside_the_profile_is_refused(number: bytes) -> None:
    desk = Desk()
    act = desk.open(desk.actor(Role.COMMUNE_POLICE), "hotspot", {"kind": "point", "found_by": "survey"})
    assert isinstance(act, Accepted)
    event = act.events[0]
    read(event.entry, salt=event.salt, payload=event.payload)
    with pytest.raises(BrokenEntryError):
        read(event.entry.replace(b'"seq":1', b'"seq":' + number), salt=event.salt, payload=event.payload)


def test_no_free_text_stands_in_an_entry() -> None:
    desk, mark = Desk(), "zzRIÊNGzz"
    police = desk.actor(Role.COMMUNE_POLICE)
    case = opened(desk.open(police, "hotspot", {"kind": "point", "found_by": "survey"}))
    act = Fire(case=case, trigger="amend", input={"title": mark})
    decision = desk.decide(desk.command(police, act, reason=mark))
    assert isinstance(decision, Accepted)
    event = decision.events[0]
    assert mark.encode() not in event.entry
    assert mark.encode() in (event.payload or b"")
    again = desk.decide(desk.command(police, Fire(case=case, trigger="amend", input={"title": "x"}), reason="y"))
    assert isinstance(again, Accepted)
    assert mark.encode() not in again.events[0].entry  # nor as the value that was replaced
