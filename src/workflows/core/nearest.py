"""The nearest match to a misspelt name, by the one measure that every message of the project uses."""

import difflib
from collections.abc import Iterable

_CUTOFF = 0.6


def nearest(given: str, allowed: Iterable[str]) -> str | None:
    """The allowed name most like `given`; None when none of them is like it."""
    matches = difflib.get_close_matches(given, sorted(set(allowed)), n=1, cutoff=_CUTOFF)
    return matches[0] if matches else None
