"""What the server has loaded, once every page and every part of it was shown: no library that only training needs."""

import ast
import gzip
import shutil
from pathlib import Path

import pytest

from leafscope.app.navigation import DEFAULT, PAGES
from leafscope.core.config import changed
from tests.e2e.harness import end_app, start_app
from tests.e2e.session import load

STORED = Path(__file__).parents[1] / "core" / "store" / "data" / "v0.1.db.gz"

HEAVY = ("libtorch", "/sklearn/", "/numba/", "/llvmlite/", "/scipy/stats/")
"""Parts of the paths of what must not be mapped."""


def parts_of(page: str) -> list[str]:
    """The parts of a page, one of which is shown at a time, read from its script: importing it would run it."""
    script = ast.parse((Path(__file__).parents[2] / "pages" / f"{page}.py").read_text())
    assigned = {node.targets[0].id: node.value for node in script.body if isinstance(node, ast.Assign)}  # type: ignore[attr-defined]
    return [key.value for key in assigned["PARTS"].keys]  # type: ignore[attr-defined]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux shows what a process has loaded")
def test_the_server_loads_nothing_that_only_training_needs(tmp_path: Path) -> None:
    database = tmp_path / "runs.db"
    with gzip.open(STORED) as packed, database.open("wb") as file:
        shutil.copyfileobj(packed, file)
    app = start_app(tmp_path, database)
    try:
        kept = [run for run in app.store.list_runs() if run.status == "finished"]
        gated = next(run for run in kept if run.config.net.kind == "tree" and run.config.net.depth > 0)
        beside = [changed(gated.config, {"net.kind": kind}) for kind in ("dense", "decision_tree", "random_forest")]
        app.train(*beside)
        for page in PAGES:
            load(app, "" if page is DEFAULT else page.name)
        for part in parts_of("leaves"):
            load(app, "leaves", f"run={gated.run_id}&part={part}")
        for aspect in parts_of("balance"):
            load(app, "balance", f"run={gated.run_id}&aspect={aspect}")
        for run_id in [run.run_id for run in (*kept, *beside)]:
            load(app, "", f"run={run_id}")
        mapped = {line.split(maxsplit=5)[-1] for line in Path(f"/proc/{app.process.pid}/maps").read_text().splitlines()}
        assert not [path for path in mapped if any(part in path for part in HEAVY)]
        assert any("numpy" in path for path in mapped)  # the paths are those of libraries
    finally:
        end_app(app)
