"""Make the examples that come with the program: python -m tests.tools.examples."""

import io
import os
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import delete
from streamlit.testing.v1 import AppTest

from leafscope.app import server
from leafscope.app.scene.payload import partners
from leafscope.core import jobs
from leafscope.core.config import RunConfig
from leafscope.core.config.presets import EXAMPLE, EXAMPLE_OF_IMAGES, EXAMPLE_SWEEP
from leafscope.core.inspection.snapshots import snapshot_epochs
from leafscope.core.store.archive import export_archive
from leafscope.core.store.archive.examples import EXAMPLES, MOST_BYTES
from leafscope.core.store.decks import Slide
from leafscope.core.store.reading import snapshot_name
from leafscope.core.store.schema import artifact_parts, artifacts
from leafscope.core.store.store import Store
from leafscope.core.worker.worker import Worker
from tests.pages.harness import MAIN, go, press

BESIDE_EACH, IMAGES_EACH = 4, 8
"""Of so many nets one is kept for the replays of the runs beside the example, and of the larger run on images."""

DECK = "A first look"

FIRST_SLIDES = (
    Slide(
        kind="title",
        title="A first look at tree nets",
        text="Made from the examples that come with Leafscope",
        notes="Every figure was added with “Add to deck” on the page that shows it.",
    ),
    Slide(
        kind="text",
        title="What a tree net is",
        text="- K gating units give each row a pattern of K sign bits, its leaf\n"
        "- The row's weights are the sum of one matrix for each prefix of that pattern, from the root down to the leaf\n"
        "- So a net of depth K stores 2^(K+1) - 1 matrices, but a row uses K + 1 of them\n"
        "- A flat net has one free matrix for each leaf; a dense net is a tree of depth 0",
        notes="After Cho & Bengio 2014, arXiv 1406.7362.",
    ),
)

FIGURES = (
    ("playground", EXAMPLE, "decision_regions"),
    ("leaves", EXAMPLE_OF_IMAGES, "icicle"),
    ("leaves", EXAMPLE_OF_IMAGES, "class_mix"),
    ("balance", EXAMPLE_OF_IMAGES, "lorenz"),
    ("overfitting", None, "error_by_computation"),
    ("overfitting", None, "error_by_depth"),
    ("overfitting", None, "help_map"),
    ("capacity", None, "error_by_cost"),
)
"""Page, run, figure of each further slide."""


def main() -> int:
    """Train the examples anew, write the archive, and print its path and bytes; returns 1 if it is too large, else 0."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("warm-up", "examples"):  # what is compiled at first would count as time of training
            os.environ["LEAFSCOPE_DATABASE"] = str(Path(folder) / f"{name}.db")
            train(jobs.default_store())
        store = jobs.default_store()
        deck_id = make_deck(store)
        file = io.BytesIO()
        runs = [summary.run_id for summary in store.list_runs()]
        export_archive(store, file, run_ids=runs, sweep_ids=[EXAMPLE_SWEEP.sweep_id], deck_ids=[deck_id])
    path = Path(str(EXAMPLES))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(squeezed(file))
    print(f"{path.name}: {path.stat().st_size:,} bytes")
    return int(path.stat().st_size >= MOST_BYTES)


def train(store: Store) -> None:
    """Train all runs, and keep of them what pages show."""
    beside = list(partners(EXAMPLE).values())
    jobs.submit_sweep(EXAMPLE_SWEEP, store=store)
    worker = Worker(store, "examples")
    for run in (*beside, EXAMPLE, EXAMPLE_OF_IMAGES):  # last the newest, which pages about leaves show
        store.submit(run, priority="sweep")
        while worker.work_once():
            pass
    assert {summary.status for summary in store.list_runs()} == {"finished"}
    thin(store, beside, BESIDE_EACH)
    thin(store, [EXAMPLE_OF_IMAGES], IMAGES_EACH)
    store.drop_nets(run.run_id for run in jobs.sweep_runs(EXAMPLE_SWEEP.sweep_id, store=store).values() if not keeps_net(run))


def keeps_net(run: RunConfig) -> bool:
    """Whether pages draw something from the weights of a run of the sweep: levels of trees, and own signs of dense nets."""
    is_reported = run.seed in (EXAMPLE_SWEEP.report_seeds or ())
    return is_reported and run.net.kind in ("tree", "dense") and run.net.width in EXAMPLE_SWEEP.axes["net.width"]


def thin(store: Store, runs: Sequence[RunConfig], each: int) -> None:
    """Keep every so many of the nets that a replay is made of, and the last."""
    with store._write() as connection:
        for run in runs:
            epochs = snapshot_epochs(run)
            names = [snapshot_name("weights", epoch) for epoch in {*epochs} - {*epochs[::each], *epochs[-1:]}]
            for table in (artifact_parts, artifacts):
                connection.execute(delete(table).where(table.c.run_id == run.run_id, table.c.name.in_(names)))


def make_deck(store: Store) -> str:
    """Add figures to a deck as a person does, and return its address."""
    server.ensure_worker = lambda: None  # type: ignore[assignment, return-value]
    deck_id = store.make_deck(DECK, FIRST_SLIDES)
    for page, run, figure in FIGURES:
        at = AppTest.from_file(str(MAIN), default_timeout=60.0)
        if run is not None:
            at.query_params["run"] = run.run_id
        at.session_state["_regions"] = True
        press(go(at, page), f"{figure}_deck")
    assert len(store.slides(deck_id)) == len(FIRST_SLIDES) + len(FIGURES)
    return deck_id


def squeezed(file: io.BytesIO) -> bytes:
    """Compress an archive as well as its format allows."""
    smaller = io.BytesIO()
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(smaller, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for info in source.infolist():
            target.writestr(zipfile.ZipInfo(info.filename), source.read(info), zipfile.ZIP_DEFLATED)
    return smaller.getvalue()


if __name__ == "__main__":
    sys.exit(main())
