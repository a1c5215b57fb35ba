"""The app without a worker on a database of its own, runs put into it, and what its pages say."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from leafscope.app import navigation, server
from leafscope.core import jobs
from leafscope.core.config import RunConfig, changed
from leafscope.core.store.records import CHECKPOINT, NET, Claim
from leafscope.core.store.store import Store
from leafscope.core.training.trainer import EpochRecord, Trainer
from leafscope.core.worker.worker import pack

MAIN = Path(__file__).resolve().parents[2] / "app" / "main.py"
PAGES = {page.name: page.path for page in navigation.PAGES}

Ending = Literal["finished", "failed", "stopped", "interrupted"]


def config(**changes: Any) -> RunConfig:
    """A small run; fields of the configuration by their name, `__` for the dot."""
    small = {"train.epochs": 2, "net.width": 8, "net.depth": 2}
    return changed(RunConfig(), small | {field.replace("__", "."): value for field, value in changes.items()})


@lru_cache(maxsize=32)
def trained(run: RunConfig) -> tuple[list[EpochRecord], bytes, bytes]:
    """The records, the net and the checkpoint of a run, trained once for all tests."""
    trainer = Trainer(run)
    records = list(trainer.epochs())
    return records, pack(trainer.net.state_dict()), pack(trainer.state())


@dataclass
class Lab:
    """The store that the app reads, and the app."""

    store: Store

    def claim(self, run: RunConfig) -> Claim:
        """Queue a run and take it as a worker would."""
        self.store.submit(run)
        claim = self.store.claim("worker")
        assert claim is not None
        assert claim.run_id == run.run_id
        self.store.begin(claim, "cpu")
        return claim

    def running(self, run: RunConfig, epochs: int | None = None) -> Claim:
        """Put in a run that a worker trains, so many epochs after its start (None: nothing measured yet)."""
        claim = self.claim(run)
        if epochs is not None:
            self.store.record(claim, trained(run)[0][: epochs + 1])
        return claim

    def ended(self, run: RunConfig, status: Ending, error: str | None = None, epochs: int | None = None) -> None:
        """Put in a run that ended early, so many epochs after its start (None: nothing measured)."""
        self.store.end(self.running(run, epochs), status, error)

    def finished(self, run: RunConfig) -> RunConfig:
        """Put in a finished run."""
        records, net, state = trained(run)
        self.store.end(self.claim(run), "finished", None, records, {NET: net, CHECKPOINT: state})
        return run

    def show(self, page: str = "playground", **address: object) -> AppTest:
        """Open a page at an address."""
        at = AppTest.from_file(str(MAIN), default_timeout=60)
        for name, value in address.items():
            at.query_params[name] = str(value)
        if page != navigation.DEFAULT.name:
            at.switch_page(PAGES[page])
        return run_app(at)


def open_lab(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """Give the app an empty database in a folder, and no worker."""
    monkeypatch.setenv("LEAFSCOPE_DATABASE", str(folder / "pages.db"))
    monkeypatch.setattr(server, "ensure_worker", lambda: None)
    monkeypatch.setattr("leafscope.core.store.reading.STALE", 3600.0)  # a slow machine must not end what no worker trains
    return Lab(jobs.default_store())


def run_app(at: AppTest) -> AppTest:
    """Run the app once; whatever it shows, it shows no exception."""
    at.run(timeout=60)
    assert not at.exception, at.exception[0].message
    return at


def press(at: AppTest, key: str) -> AppTest:
    """Press the button that has this key."""
    at.button(key=key).click()
    return run_app(at)


def words(at: AppTest) -> str:
    """All that the page says outside of figures and tables, as it is read."""
    kinds = ("title", "header", "markdown", "caption", "info", "warning", "error", "toast")
    return plain("\n".join(str(element.value) for kind in kinds for element in getattr(at, kind)))


def plain(text: str) -> str:
    """A sentence as it is read: without what keeps Markdown from taking it for markup."""
    return text.replace("\\", "").replace("\u2060", "")


def param(at: AppTest, name: str) -> str | None:
    """A parameter of the page's address."""
    value = at.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def progress(at: AppTest) -> str:
    """What the progress bar says."""
    element: Any = at.get("progress")[0]
    return plain(element.proto.text)


def figures(at: AppTest) -> dict[str, dict[str, Any]]:
    """The standing figures on the page, by key."""
    elements: Any = at.get("plotly_chart")
    return {str(element.proto.id).rsplit("-", 1)[-1]: json.loads(element.proto.spec) for element in elements}


def live_charts(at: AppTest) -> list[dict[str, Any]]:
    """The live charts on the page."""
    elements: Any = at.get("echarts_chart")
    return [json.loads(element.proto.spec) for element in elements]


def table(at: AppTest, *columns: str) -> pd.DataFrame:
    """The one table on the page that has these columns."""
    found = [element.value for element in at.dataframe if set(columns) <= set(element.value.columns)]
    assert len(found) == 1, [list(element.value.columns) for element in at.dataframe]
    return found[0]
