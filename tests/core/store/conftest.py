"""A store of each test's own, and its clock."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from leafscope.core.store.store import Store
from tests.core.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def db(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    opened = Store(tmp_path / "data" / "test.db", clock, clock)
    yield opened
    opened.close()
