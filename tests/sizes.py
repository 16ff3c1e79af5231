"""How much a test does: little in `make test`, everything in `make soak`.

Owns the one switch between the two; what a size means is the test's own affair.
"""

import os
from typing import TypeVar

import pytest

Size = TypeVar("Size")

FULL = os.environ.get("WORKFLOWS_TEST_SIZE") == "full"
only_full = pytest.mark.skipif(not FULL, reason="takes too long for every day; make soak runs it")
"""For what has a smaller sibling that is always run."""


def size(test: Size, soak: Size) -> Size:
    return soak if FULL else test
