"""What the server holds: no library that only training needs, and few open files of sessions that are over."""

import ast
import gzip
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from leafscope.app.navigation import DEFAULT, PAGES
from leafscope.app.open_files import KEPT_SESSIONS
from leafscope.core.config import changed
from tests.e2e.harness import App, assert_no_traceback, end_app, start_app
from tests.e2e.session import load

STORED = Path(__file__).parents[1] / "core" / "store" / "data" / "v0.1.db.gz"

LOADS = 32
"""Page loads; each session takes three open files."""

HEAVY = ("libtorch", "/sklearn/", "/numba/", "/llvmlite/", "/scipy/stats/")
"""Parts of the paths of what must not be mapped."""


def parts_of(page: str) -> list[str]:
    """The parts of a page, one of which is shown at a time, read from its script: importing it would run it."""
    script = ast.parse((Path(__file__).parents[2] / "pages" / f"{page}.py").read_text())
    assigned = {node.targets[0].id: node.value for node in script.body if isinstance(node, ast.Assign)}  # type: ignore[attr-defined]
    return [key.value for key in assigned["PARTS"].keys]  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def own_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app of these tests alone, with runs of many kinds."""
    folder = tmp_path_factory.mktemp("server")
    with gzip.open(STORED) as packed, (folder / "runs.db").open("wb") as file:
        shutil.copyfileobj(packed, file)
    app = start_app(folder, folder / "runs.db")
    yield app
    end_app(app)
    assert_no_traceback(folder)


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux shows what a process has loaded")
def test_it_loads_nothing_that_only_training_needs(own_app: App) -> None:
    app = own_app
    kept = [run.config for run in app.store.list_runs() if run.status == "finished"]
    gated = next(run for run in kept if run.net.kind == "tree" and run.net.depth > 0)
    beside = [changed(gated, {"net.kind": kind}) for kind in ("dense", "decision_tree", "random_forest")]
    app.train(*beside)
    for page in PAGES:
        load(app, "" if page is DEFAULT else page.name)
    for part in parts_of("leaves"):
        load(app, "leaves", f"run={gated.run_id}&part={part}")
    for aspect in parts_of("balance"):
        load(app, "balance", f"run={gated.run_id}&aspect={aspect}")
    for run in {(run.data.name, run.net.kind): run for run in (*kept, *beside)}.values():
        load(app, "", f"run={run.run_id}")
    mapped = {line.split(maxsplit=5)[-1] for line in Path(f"/proc/{app.process.pid}/maps").read_text().splitlines()}
    assert not [path for path in mapped if any(part in path for part in HEAVY)]
    assert any("numpy" in path for path in mapped)  # the paths are those of libraries


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux lets a test count and limit open files")
def test_sessions_whose_browser_is_gone_hold_few_open_files(own_app: App) -> None:
    server = psutil.Process(own_app.process.pid)
    load(own_app)
    before = server.num_fds()
    most = 3 * (KEPT_SESSIONS + 2) + 10  # and connections to the database
    assert most < 3 * LOADS, "as many loads must show it"
    server.rlimit(psutil.RLIMIT_NOFILE, (before + 3 * LOADS, before + 3 * LOADS))
    for _ in range(LOADS):
        load(own_app, "data")
    assert server.num_fds() <= before + most
