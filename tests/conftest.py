"""What all tests share: one torch thread, so that two busy cores do not wait for one another, and code compiled before."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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


FIRST = (
    *("tests/core/worker/", "tests/test_variants.py"),
    *(f"tests/pages/test_{page}_page.py" for page in ("overfitting", "playground", "leaves", "balance", "compare")),
    *("tests/app/figures/test_contract.py", "tests/app/decks/talk/"),
    *(
        f"tests/e2e/test_{name}.py"
        for name in ("pages", "story", "faults", "access", "overfitting", "leaves", "thread", "compare")
    ),
)
"""Files that take longest, among them those that wait for processes of their own."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that other files fill the time; `--no-loadscope-reorder` keeps this order."""
    items.sort(key=lambda item: next((n for n, name in enumerate(FIRST) if item.nodeid.startswith(name)), len(FIRST)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`, tests of workers are of one process, which prepares once what they are forked off."""
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return FIRST[0] if nodeid.startswith(FIRST[0]) else str(super()._split_scope(nodeid))

    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_finish() -> None:
    """What is imported and collected stays to the end, so that no collection of garbage need look at it again; few follow."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)


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
