"""How a process that serves for long looks for cyclic garbage: seldom, and not among what stays anyway.

For the process to decide, never for the library: both settings hold for everything that runs in it.
"""

import gc
from typing import Final

_YOUNG: Final = 20_000
"""A batch makes some thousands of objects that die with it, and almost no cycles; 700, the default, is met
several times within each."""


def settle() -> None:
    """To be called once, when all that stays has been loaded."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 50)
