"""Make the examples that come with the program: python -m tests.tools.examples."""

import io
import os
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import delete

from leafscope.app.decks.talk import gather
from leafscope.app.decks.talk.deck import NAME as TALK
from leafscope.app.scene.payload import partners
from leafscope.app.theme import Look
from leafscope.core import jobs
from leafscope.core.config import RunConfig
from leafscope.core.config.presets import EXAMPLE, EXAMPLE_OF_IMAGES, EXAMPLE_SWEEP
from leafscope.core.inspection.snapshots import snapshot_epochs
from leafscope.core.store.archive import export_archive
from leafscope.core.store.archive.examples import EXAMPLES, MOST_BYTES
from leafscope.core.store.reading import snapshot_name
from leafscope.core.store.schema import artifact_parts, artifacts
from leafscope.core.store.store import Store
from leafscope.core.worker.worker import Worker

BESIDE_EACH, IMAGES_EACH = 4, 8
"""Of so many nets one is kept for the replays of the runs beside the example, and of the larger run on images."""


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
    """Make the talk as a person does, and return its address."""
    slides = gather.slides(store, EXAMPLE_SWEEP.sweep_id, Look())
    return store.make_deck(f"{TALK}: {EXAMPLE_SWEEP.name}", slides)


def squeezed(file: io.BytesIO) -> bytes:
    """Compress an archive as well as its format allows."""
    smaller = io.BytesIO()
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(smaller, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for info in source.infolist():
            target.writestr(zipfile.ZipInfo(info.filename), source.read(info), zipfile.ZIP_DEFLATED)
    return smaller.getvalue()


if __name__ == "__main__":
    sys.exit(main())
