"""The form of a Vietnamese text under which it is searched: what a person types without caring for marks.

One form for all databases, whose own rules differ (none of them takes đ for d). What is searched where is the
store's affair.
"""

from functools import lru_cache
from unicodedata import combining, normalize


class _Bare(dict[int, int | None]):
    """What becomes of a code point, for `str.translate`; found out once for each."""

    def __missing__(self, point: int) -> int | None:
        bare = self[point] = None if combining(chr(point)) else point
        return bare


_BARE = _Bare({ord("đ"): ord("d")})


@lru_cache(maxsize=4096)  # a case's title is folded at each of its steps
def fold(text: str) -> str:
    """Lower case without diacritics, đ as d, blanks collapsed to single spaces and none at the ends."""
    decomposed = normalize("NFD", text.lower())
    return " ".join(decomposed.translate(_BARE).split())
