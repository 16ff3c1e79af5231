"""How much a test does: little in `make test`, everything in `make soak`.

Owns the one switch between the two; what a size means is the test's own affair.
"""

import os
from typing import TypeVar

Size = TypeVar("Size")

FULL = os.environ.get("WORKFLOWS_TEST_SIZE") == "full"


def size(test: Size, soak: Size) -> Size:
    return soak if FULL else test
