"""Identifiers."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from workflows.core.ids import derived, is_id, uuid7

CHANCE = st.binary(min_size=10, max_size=10)
INSTANTS = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the zone is added by `timezones`


@given(INSTANTS, CHANCE)
def test_a_uuid7_tells_its_millisecond(instant: datetime, chance: bytes) -> None:
    made = UUID(uuid7(instant, chance))
    assert (made.version, made.variant) == (7, "specified in RFC 4122")
    since = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=made.int >> 80)
    assert timedelta(0) <= instant - since < timedelta(milliseconds=1)
    assert is_id(str(made))


@given(INSTANTS, CHANCE, CHANCE, st.integers(0, 500))
def test_derived_ids_repeat_and_never_meet(instant: datetime, one: bytes, other: bytes, index: int) -> None:
    first, second = uuid7(instant, one), uuid7(instant, other)
    assert derived(first, "event", index) == derived(first, "event", index)
    assert derived(first, "event", index) != derived(first, "event", index + 1)
    assert derived(first, "event", index) != derived(first, "case", index)
    assert (derived(first, "event", index) == derived(second, "event", index)) == (first == second)
    assert derived(first, "event", index)[:13] == first[:13]


@given(st.text(max_size=40))
def test_only_canonical_texts_are_ids(text: str) -> None:
    if is_id(text):
        assert str(UUID(text)) == text


def test_no_id_in_capitals_or_with_a_line_end() -> None:
    made = uuid7(datetime(2025, 3, 5, tzinfo=UTC), b"\xff" * 10)
    assert is_id(made)
    assert not is_id(made.upper())
    assert not is_id(made + "\n")
