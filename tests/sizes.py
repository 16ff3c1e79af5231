"""How much a test does: little in `make test`, everything in `make soak`.

Owns the one switch between the two; what a size means is the test's own affair.
"""

import os

FULL = os.environ.get("WORKFLOWS_TEST_SIZE") == "full"


def size(test: int, soak: int) -> int:
    return soak if FULL else test
