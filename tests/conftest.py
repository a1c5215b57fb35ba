"""What all tests share: one torch thread, so that two busy cores do not wait for one another, and code compiled before."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from leafscope.core.kernels import readiness
from leafscope.core.training import compiling
from tests.postgres import Postgres, running

# a noisy machine must not fail a property for being slow once; every change tries other examples, so that few at a time do
settings.register_profile("leafscope", deadline=None, max_examples=40)
settings.load_profile("leafscope")

torch.set_num_threads(1)


WAIT_LONG = ("tests/core/worker/", "tests/test_variants.py")
"""Tests that wait for processes of their own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What waits longest comes first, so that other tests fill the time; `--no-loadscope-reorder` keeps this order."""
    items.sort(key=lambda item: not item.nodeid.startswith(WAIT_LONG))


def pytest_collection_finish() -> None:
    """What is imported and collected stays to the end, so that no collection of garbage need look at it again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def compiled_code() -> None:
    """No test is cut off by a compiler; what was compiled before is loaded by those tests that train."""
    if not readiness.is_ready():
        compiling.make_ready()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server for all tests of this process."""
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Makes databases of one kind with nothing in them; a test that uses it runs once for each kind."""
    if request.param == "sqlite":
        count = iter(range(1000))
        yield lambda: str(tmp_path / "data" / f"test{next(count)}.db")
        return
    server: Postgres = request.getfixturevalue("postgres")
    lent: list[str] = []

    def lend() -> str:
        lent.append(server.lend())
        return lent[-1]

    yield lend
    for url in lent:
        server.take_back(url)


@pytest.fixture
def database(new_database: Callable[[], str]) -> str:
    """The path or URL of a database with nothing in it."""
    return new_database()
