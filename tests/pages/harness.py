"""One harness for the tests of pages: a store without a worker, runs written into it as a worker does, and what a page says.

Facts about AppTest and Streamlit's caches that these tests rely on:

- A page is opened by `switch_page` before the first `run`; a later `switch_page` is a click on another page's link.
- AppTest has no selections and no timers. `choose_rows` and `click_point` (conftest) stand in for the first; what a timer
  does is asked for with another `run_app`.
- A dialog's buttons exist only in the run that opened it: press the button that opens it once more, along with the other.
- Figures and charts are read from `element.proto.spec`; a figure's arrays may be base64 (`decoded`).
- `st.cache_data` and `st.cache_resource` belong to the process, not to a session or a database. Their keys must tell two
  stores apart, and a test that changes what a cached function reads clears it. A module's figures are fastest when its tests
  ask for the same runs.
- Each new AppTest reads the metadata of every installed package, to find components: 0.08 s each, read once here.
- Training is the same each time, so `trained` does it once for a process; tests that need many runs copy a database that a
  module filled (`stock`).
"""

import base64
import json
import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from sqlalchemy import update
from streamlit.testing.v1 import AppTest

from leafscope.app import server
from leafscope.core import jobs
from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig, changed
from leafscope.core.store.schema import attempts
from leafscope.core.store.store import Store
from leafscope.core.store.values.records import CHECKPOINT, NET, Claim
from leafscope.core.store.values.summaries import LOST
from leafscope.core.training.trainer import EpochRecord, Trainer
from leafscope.core.worker.worker import Worker, pack

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"
TIMEOUT = 60.0
PATIENCE = 3600.0
"""Seconds after which a silent run is given up here, so that a slow machine does not end what no worker trains."""


# Runs


def small(name: str = "wine", depth: int = 2, width: int = 6, epochs: int = 3, seed: int = 0, **net: Any) -> RunConfig:
    """A run that trains in a moment."""
    rows = 120 if name in ("moons", "circles", "xor") else None
    return RunConfig(
        data=DataConfig(name=name, n_samples=rows),
        net=NetConfig(depth=depth, width=width, **net),
        train=TrainConfig(epochs=epochs, lr=0.02),
        seed=seed,
    )


WILD = changed(small(epochs=300), {"train.lr": 10.0, "train.weight_decay": 10.0, "train.schedule": "constant"})
"""A run whose loss becomes infinite."""


class Trained(NamedTuple):
    """What training gives."""

    records: list[EpochRecord]
    checkpoints: list[bytes]
    """The state after each epoch."""
    net: bytes
    """The weights at the end."""


@lru_cache(maxsize=64)
def trained(run: RunConfig) -> Trained:
    """Train a run, once for all tests."""
    trainer = Trainer(run)
    records, checkpoints = [], []
    for record in trainer.epochs():
        records.append(record)
        checkpoints.append(pack(trainer.state()))
    return Trained(records, checkpoints, pack(dict(trainer.net.state_dict())))


@dataclass
class Lab:
    """The store that the app reads, and runs put into it in any state."""

    store: Store

    def claim(self, run: RunConfig, note: str = "", anew: bool = False) -> Claim:
        """Queue a run and take it as a worker would."""
        self.store.submit(run, anew=anew, note=note)
        claim = self.store.claim("w")
        assert claim is not None
        assert claim.run_id == run.run_id, "another run waits"
        assert self.store.begin(claim, "cpu")
        return claim

    def start(self, run: RunConfig, epochs: int | None = None, checkpoint: bool = True) -> Claim:
        """Add a running run that has done so many epochs, 0 being before training; None: not even that one."""
        claim = self.claim(run)
        if epochs is not None:
            kept = {CHECKPOINT: trained(run).checkpoints[epochs]} if checkpoint else {}
            assert self.store.record(claim, trained(run).records[: epochs + 1], kept)
        return claim

    def end(
        self, run: RunConfig, status: Any, epochs: int | None = 1, error: str | None = None, checkpoint: bool = True
    ) -> RunConfig:
        """Add a run that ended before its last epoch, or without having kept its net."""
        assert self.store.end(self.start(run, epochs, checkpoint), status, error)
        return run

    def finish(self, run: RunConfig, note: str = "", anew: bool = False) -> RunConfig:
        """Add a finished run."""
        claim = self.claim(run, note, anew)
        assert self.store.end(claim, "finished", None, trained(run).records, {NET: trained(run).net})
        return run

    def lose(self, run: RunConfig) -> RunConfig:
        """Add a running run whose worker has been silent for too long."""
        self.start(run, 1)
        with self.store._write() as connection:
            lost = {"status": "interrupted", "error": LOST, "finished": attempts.c.heartbeat}
            connection.execute(update(attempts).where(attempts.c.run_id == run.run_id).values(lost))
        return run

    def work(self, run: RunConfig) -> RunConfig:
        """Train a run as a worker does, which keeps what its training is replayed from."""
        self.store.submit(run)
        assert Worker(self.store, "w").work_once()
        assert self.store.run(run.run_id).status == "finished"
        return run

    def sweep(self, sweep: SweepConfig) -> None:
        """Train a sweep as a worker does."""
        jobs.submit_sweep(sweep, store=self.store)
        worker = Worker(self.store, "w")
        while worker.work_once():
            pass


def diverge(lab: Lab, run: RunConfig) -> None:
    """Train a run as a worker does, until its loss becomes infinite."""
    lab.store.submit(run)
    assert Worker(lab.store, "w").work_once()
    summary = lab.store.run(run.run_id)
    assert (summary.status, summary.facts) == ("failed", {"diverged": True})


def open_lab(folder: Path, monkeypatch: pytest.MonkeyPatch, stocked: Path | None = None) -> Lab:
    """Give the app a database in a folder, empty or a copy of one that `stock` filled, and no worker."""
    path = folder / "pages.db"
    if stocked is not None:
        shutil.copy(stocked, path)
    monkeypatch.setenv("LEAFSCOPE_DATABASE", str(path))
    monkeypatch.setattr(server, "ensure_worker", lambda: None)
    monkeypatch.setattr("leafscope.core.store.reading.STALE", PATIENCE)
    return Lab(jobs.default_store())


def stock(folder: Path, fill: Callable[[Lab], object]) -> Path:
    """A database that is filled once, for `open_lab` to copy for each test."""
    path = folder / "stocked.db"
    store = Store(path)
    fill(Lab(store))
    store.close()
    with sqlite3.connect(path) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")
    connection.close()
    return path


# The page, as it is used


def open_page(page: str = "playground", **address: object) -> AppTest:
    """Open a page in a new session, at an address with these parameters."""
    at = AppTest.from_file(str(MAIN), default_timeout=TIMEOUT)
    for name, value in address.items():
        at.query_params[name] = str(value)
    return run_app(at) if page == "playground" else go(at, page)


def run_app(at: AppTest) -> AppTest:
    """Run the app once; whatever it shows, it shows no exception."""
    at.run()
    assert not at.exception, at.exception[0].message
    return at


def go(at: AppTest, page: str) -> AppTest:
    """Change to another page."""
    return run_app(at.switch_page(f"../pages/{page}.py"))


def button(at: AppTest, label: str) -> Any:
    """The first button with these words."""
    return next(found for found in at.button if found.label == label)


def capture_downloads(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What each download button would save, by its file name."""
    saved: dict[str, Any] = {}
    real = st.download_button

    def download_button(label: str, data: Any, **options: Any) -> Any:
        saved[options["file_name"]] = data
        return real(label, data, **options)

    monkeypatch.setattr(st, "download_button", download_button)
    return saved


def press(at: AppTest, *names: str) -> AppTest:
    """Press buttons in one run, each by its key or by its words."""
    for name in names:
        next(found for found in at.button if name in (found.key, found.label)).click()
    return run_app(at)


# The page, as it is read


def plain(text: str) -> str:
    """A sentence as it is read: without what keeps Markdown from taking it for markup, and a line from being broken."""
    return text.replace("\\", "").replace("\u2060", "").replace("\xa0", " ")


def words(at: AppTest) -> str:
    """All sentences on the screen, outside of figures and tables, as a person reads them."""
    kinds = ("title", "header", "markdown", "caption", "info", "warning", "error", "toast")
    texts = [str(element.value) for kind in kinds for element in getattr(at, kind)]
    return plain("\n".join(texts + [element.proto.text for element in _elements(at, "progress")]))


def progress(at: AppTest) -> str:
    """What the progress bar says."""
    return plain(_elements(at, "progress")[0].proto.text)


def param(at: AppTest, name: str) -> str | None:
    """A parameter of the page's address."""
    value = at.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def figures(at: AppTest) -> dict[str, dict[str, Any]]:
    """The Plotly figures on the page, by key."""
    return {str(element.key): json.loads(element.proto.spec) for element in _elements(at, "plotly_chart")}


def live_charts(at: AppTest) -> dict[str, dict[str, Any]]:
    """The live charts on the page, by key, as ECharts has them."""
    return {str(element.key): json.loads(element.proto.spec) for element in _elements(at, "echarts_chart")}


def chart_keys(at: AppTest) -> set[str]:
    """The keys of all figures and live charts."""
    return {*figures(at), *live_charts(at)}


def table_with(at: AppTest, *columns: str) -> pd.DataFrame:
    """The first table that has these columns."""
    return next(element.value for element in at.dataframe if set(columns) <= set(element.value.columns))


def decoded(values: Any) -> np.ndarray:
    """Numbers of a Plotly description, where arrays may be base64."""
    if isinstance(values, dict):
        array = np.frombuffer(base64.b64decode(values["bdata"]), dtype=np.dtype(values["dtype"]))
        return array.reshape([int(n) for n in str(values["shape"]).split(",")]) if "shape" in values else array
    return np.asarray(values)


def _elements(at: AppTest, kind: str) -> Any:
    return at.get(kind)
