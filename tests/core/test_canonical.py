"""Canonical bytes against an independent encoder, and the profile that makes them so."""

import math

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sizes import size
from workflows.core.canonical import INTEGER_LIMIT, Json, canonical_bytes, commitment, violations

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
KEYS = st.text(st.characters(max_codepoint=127, exclude_characters="\x00"), max_size=8)
LEAVES = st.none() | st.booleans() | st.integers(-INTEGER_LIMIT + 1, INTEGER_LIMIT - 1) | TEXTS
VALUES: st.SearchStrategy[Json] = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)


@settings(max_examples=size(150, 20_000))
@given(VALUES)
def test_bytes_equal_those_of_rfc_8785(value: Json) -> None:
    assert list(violations(value)) == []
    assert canonical_bytes(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [1, "x\x00"]}, "/a/1"),
        ({"a/b~c": "\ud800"}, "/a~1b~0c"),
        ([2**53], "/0"),
        ([-(2**53)], "/0"),
        ({"đ": 1}, ""),
        ({"a": 1.5}, "/a"),
        ({"a": math.nan}, "/a"),
        ({"a": b"x"}, "/a"),
        ({1: 2}, ""),
    ],
)
def test_what_leaves_the_profile_is_named_by_its_place(value: object, path: str) -> None:
    assert [place for place, _ in violations(value)] == [path]


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_a_commitment_binds_to_the_bytes(one: bytes, other: bytes) -> None:
    salt = b"0123456789abcdef"
    assert (commitment(salt, one) == commitment(salt, other)) == (one == other)
    assert commitment(salt, one) != commitment(salt[::-1], one)
