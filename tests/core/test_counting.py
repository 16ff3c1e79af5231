"""Three-valued counting against the enumeration of every completion."""

from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflows.core.counting import Truth, at_least
from workflows.core.guards import Unknown

A, B = Unknown(frozenset({"a", "x"})), Unknown(frozenset({"b", "x"}))

truth_lists = st.lists(st.sampled_from([True, False, A, B]), max_size=7)


def by_completion(k: int, truths: Sequence[Truth]) -> Truth:
    choices = [(True, False) if isinstance(truth, Unknown) else (truth,) for truth in truths]
    answers = {sum(completion) >= k for completion in product(*choices)}
    if len(answers) == 1:
        return answers.pop()
    return Unknown(frozenset().union(*(truth.names for truth in truths if isinstance(truth, Unknown))))


@given(k=st.integers(min_value=-1, max_value=9), truths=truth_lists)
def test_at_least_agrees_with_every_completion(k: int, truths: list[Truth]) -> None:
    assert at_least(k, truths) == by_completion(k, truths)


@pytest.mark.parametrize(
    ("k", "truths", "expected"),
    [
        (2, [True, A, True], True),
        (2, [True, A, False], A),
        (3, [True, A, False], False),
        (2, [A, B, False], Unknown(frozenset({"a", "b", "x"}))),
        (1, [], False),
        (0, [], True),
    ],
)
def test_an_unknown_counts_only_where_it_decides(k: int, truths: list[Truth], expected: Truth) -> None:
    assert at_least(k, truths) == expected
