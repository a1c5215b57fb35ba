"""The pages on a database of their own, without a worker: runs are trained here and written as a worker writes them."""

import json
import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from leafscope.app import navigation, server
from leafscope.core import jobs
from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.store.records import CHECKPOINT, NET, Claim
from leafscope.core.store.store import Store
from leafscope.core.training.trainer import EpochRecord, Trainer
from leafscope.core.worker.worker import pack

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"
PAGES = {page.name: page.path for page in navigation.PAGES}
TIMEOUT = 60.0


@lru_cache(maxsize=64)
def trained(run: RunConfig) -> tuple[list[EpochRecord], list[bytes], bytes]:
    """Train a run: its records, the checkpoint after each, and the weights at the end."""
    trainer = Trainer(run)
    records, checkpoints = [], []
    for record in trainer.epochs():
        records.append(record)
        checkpoints.append(pack(trainer.state()))
    return records, checkpoints, pack(dict(trainer.net.state_dict()))


@dataclass
class Shelf:
    """A database with runs in every state, and the app that looks at it."""

    store: Store
    ahead: Store
    """The same database, whose clock is an hour ahead: what it claims is not given up by a slow test."""

    def small(
        self, name: str = "wine", depth: int = 2, width: int = 6, epochs: int = 3, seed: int = 0, **net: Any
    ) -> RunConfig:
        """A run that trains in a moment."""
        rows = 120 if name in ("moons", "circles", "xor") else None
        return RunConfig(
            data=DataConfig(name=name, n_samples=rows),
            net=NetConfig(depth=depth, width=width, **net),
            train=TrainConfig(epochs=epochs, lr=0.02),
            seed=seed,
        )

    def finish(self, run: RunConfig, note: str = "", anew: bool = False) -> list[EpochRecord]:
        """Add a finished run."""
        records, _, net = trained(run)
        claim = self._claim(run, note, anew)
        assert self.ahead.end(claim, "finished", None, records, {NET: net})
        return records

    def start(self, run: RunConfig, epochs: int | None = None) -> Claim:
        """Add a running run that has done so many epochs, 0 being before training; None: not even that one."""
        records, checkpoints, _ = trained(run)
        claim = self._claim(run)
        if epochs is not None:
            assert self.ahead.record(claim, records[: epochs + 1], {CHECKPOINT: checkpoints[epochs]})
        return claim

    def end(self, run: RunConfig, status: Any, epochs: int | None = 1, error: str | None = None) -> None:
        """Add a run that ended before its last epoch."""
        assert self.ahead.end(self.start(run, epochs), status, error)

    def records(self, run: RunConfig) -> list[EpochRecord]:
        """What training gives, epoch by epoch."""
        return trained(run)[0]

    def lose(self, run: RunConfig) -> None:
        """Add a running run whose worker has been silent for a minute."""
        behind = Store(self.store.path, clock=lambda: time.time() - 60)
        behind.submit(run)
        claim = behind.claim("silent")
        assert claim is not None
        behind.begin(claim, "cpu")
        behind.record(claim, trained(run)[0][:2], {CHECKPOINT: trained(run)[1][1]})
        behind.close()

    def _claim(self, run: RunConfig, note: str = "", anew: bool = False) -> Claim:
        self.store.submit(run, anew=anew, note=note)
        claim = self.ahead.claim("w")
        assert claim is not None
        assert claim.run_id == run.run_id, "another run waits"
        assert self.ahead.begin(claim, "cpu")
        return claim

    def look(self, page: str = "playground", **parameters: object) -> AppTest:
        """Open a page in a new session, by an address with these parameters."""
        app = AppTest.from_file(str(MAIN), default_timeout=TIMEOUT)
        for name, value in parameters.items():
            app.query_params[name] = str(value)
        return self.rerun(app) if page == navigation.DEFAULT.name else self.go(app, page)

    def go(self, app: AppTest, page: str) -> AppTest:
        """Change to another page."""
        return self.rerun(app.switch_page(PAGES[page]))

    def rerun(self, app: AppTest) -> AppTest:
        """Let the page run; nothing may be raised."""
        app.run()
        assert not app.exception, app.exception[0].message
        return app

    def said(self, app: AppTest) -> str:
        """All sentences on the screen, as a person reads them."""
        kinds = ("title", "header", "markdown", "caption", "info", "warning", "error", "toast")
        texts = [str(element.value) for kind in kinds for element in getattr(app, kind)]
        texts += [element.proto.text for element in app.get("progress")]
        return "\n".join(texts).replace("\\", "").replace("\u2060", "")

    def figure(self, app: AppTest, key: str) -> dict[str, Any]:
        """A Plotly figure's description."""
        return self._spec(app, "plotly_chart", key)

    def chart(self, app: AppTest, key: str) -> dict[str, Any]:
        """A live chart's description, as ECharts has it."""
        return self._spec(app, "echarts_chart", key)

    def charts(self, app: AppTest) -> set[str]:
        """The keys of all figures and charts."""
        return {str(element.key) for kind in ("plotly_chart", "echarts_chart") for element in app.get(kind)}

    def table(self, app: AppTest, *columns: str) -> pd.DataFrame:
        """The first table that has these columns."""
        return next(element.value for element in app.dataframe if set(columns) <= set(element.value.columns))

    def button(self, app: AppTest, label: str) -> Any:
        """The button with these words."""
        return next(button for button in app.button if button.label == label)

    def _spec(self, app: AppTest, kind: str, key: str) -> dict[str, Any]:
        found = next(element for element in app.get(kind) if element.key == key)
        spec: dict[str, Any] = json.loads(found.proto.spec)
        return spec


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """An empty database, which the pages use; no worker is started."""
    path = tmp_path / "pages.db"
    monkeypatch.setenv("LEAFSCOPE_DATABASE", str(path))
    monkeypatch.setattr(server, "ensure_worker", lambda: None)
    logging.getLogger("streamlit").setLevel(logging.ERROR)
    ahead = Store(path, clock=lambda: time.time() + 3600)
    yield Shelf(jobs.default_store(), ahead)
    ahead.close()
    jobs.default_store().close()


@pytest.fixture
def choose_rows(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Choose rows of the table of runs, which a test's session cannot click."""
    real = st.dataframe

    def choose(rows: Sequence[int]) -> None:
        def dataframe(data: Any, **options: Any) -> Any:
            event = real(data, **options)
            return {"selection": {"rows": list(rows)}} if str(options.get("key")).startswith("runs_table") else event

        monkeypatch.setattr(st, "dataframe", dataframe)

    return choose


@pytest.fixture
def click_point(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Put a button with the key "<figure>_click" beside a figure; it does what a click on that point does."""
    real = st.plotly_chart

    def prepare(key: str, point: dict[str, Any]) -> None:
        def chart(figure: Any, **options: Any) -> Any:
            if options.get("key") != key:
                return real(figure, **options)

            def clicked() -> None:
                st.session_state[key] = {"selection": {"points": [point]}}
                options["on_select"]()
                del st.session_state[key]

            st.button("click", key=f"{key}_click", on_click=clicked)
            return real(figure, **(options | {"on_select": "ignore", "key": f"{key}_drawn"}))

        monkeypatch.setattr(st, "plotly_chart", chart)

    return prepare


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What each download button would save, by its file name."""
    saved: dict[str, Any] = {}
    real = st.download_button

    def download_button(label: str, data: Any, **options: Any) -> Any:
        saved[options["file_name"]] = data
        return real(label, data, **options)

    monkeypatch.setattr(st, "download_button", download_button)
    return saved


def decoded(values: Any) -> np.ndarray:
    """Numbers of a Plotly description, where arrays may be base64."""
    import base64

    if isinstance(values, dict):
        array = np.frombuffer(base64.b64decode(values["bdata"]), dtype=np.dtype(values["dtype"]))
        return array.reshape([int(n) for n in str(values["shape"]).split(",")]) if "shape" in values else array
    return np.asarray(values)


@pytest.fixture
def numbers() -> Any:
    """Decode the numbers of a Plotly description."""
    return decoded
