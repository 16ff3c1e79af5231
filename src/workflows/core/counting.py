"""Three-valued counting: "all of", "any of" and "at least k of" over truths that may be unknown.

CEL cannot count so, because one unknown fails the sum even when k is already reached. What the truths are
about, and how an answer is explained, belongs to the criteria that count.
"""

from collections.abc import Sequence
from typing import TypeAlias

from workflows.core.guards import Unknown

Truth: TypeAlias = bool | Unknown


def at_least(k: int, truths: Sequence[Truth]) -> Truth:
    """Unknown only if the unknown members could change the answer, and then with all their names."""
    unknown = [truth for truth in truths if isinstance(truth, Unknown)]
    met = sum(truth is True for truth in truths)
    if met >= k:
        return True
    if met + len(unknown) < k:
        return False
    return Unknown(names=frozenset[str]().union(*(truth.names for truth in unknown)))
