"""Which tests of this directory are run on both databases at the small size: none, `tests/store` tells them apart."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What the database does is told in `tests/store`."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.either_database)
