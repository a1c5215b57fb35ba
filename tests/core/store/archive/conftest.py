"""Stores, full and empty."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from leafscope.core.store.store import Store
from tests.core.clock import Clock
from tests.core.store.archive.examples import exported, filled


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Fifty runs; no test changes it."""
    return filled(tmp_path_factory.mktemp("full") / "full.db", 50)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, bytes]:
    """Nine runs, and their archive."""
    db = filled(tmp_path_factory.mktemp("small") / "small.db", 9)
    return db, exported(db)


@pytest.fixture(scope="module")
def spare(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """An empty store that is emptied again after use."""
    return Store(tmp_path_factory.mktemp("spare") / "spare.db", Clock())


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """An empty store for what is refused, which leaves it as it was."""
    opened = Store(tmp_path_factory.mktemp("untouched") / "empty.db", Clock())
    yield opened
    opened.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Store]:
    opened = Store(tmp_path / "empty.db", Clock())
    yield opened
    opened.close()
