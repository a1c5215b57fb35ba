"""A store of each test's own, and its clock."""

from collections.abc import Iterator

import pytest

from leafscope.core.store.store import Store
from tests.core.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def db(database: str, clock: Clock) -> Iterator[Store]:
    opened = Store(database, clock, clock)
    yield opened
    opened.close()
