"""The form of a Vietnamese text under which it is searched: what a person types without caring for marks.

One form for all databases, whose own rules differ (none of them takes đ for d). What is searched where is the
store's affair.
"""

import re
from functools import lru_cache
from unicodedata import combining, normalize


class _Bare(dict[int, int | None]):
    """What becomes of a code point, for `str.translate`; found out once for each."""

    def __missing__(self, point: int) -> int | None:
        bare = self[point] = None if combining(chr(point)) else point
        return bare


_BARE = _Bare({ord("đ"): ord("d")})


def fold(text: str) -> str:
    """Lower case without diacritics, đ as d, blanks collapsed to single spaces and none at the ends."""
    decomposed = normalize("NFD", text.lower())
    return " ".join(decomposed.translate(_BARE).split())


_WORD = re.compile(r"[^\W_]+")


@lru_cache(maxsize=4096)  # a case's title is looked at in each of its steps
def words(text: str) -> tuple[str, ...]:
    """The runs of letters and digits in a folded text, in its order: what a search compares."""
    return tuple(_WORD.findall(fold(text)))
