"""The form of a Vietnamese text under which it is searched: what a person types without caring for marks.

One form for all databases, whose own rules differ (none of them takes đ for d). What is searched where is the
store's affair.
"""

from unicodedata import combining, normalize

_STROKE = str.maketrans({"đ": "d"})


def fold(text: str) -> str:
    """Lower case without diacritics, đ as d, blanks collapsed to single spaces and none at the ends."""
    decomposed = normalize("NFD", text.lower())
    bare = "".join(character for character in decomposed if not combining(character))
    return " ".join(bare.translate(_STROKE).split())
