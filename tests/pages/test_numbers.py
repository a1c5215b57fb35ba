"""A table whose target is a number: no page, figure, deck or file speaks of accuracy, classes or percent of errors."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from leafscope.app.decks.as_html import deck_html
from leafscope.core import jobs
from leafscope.core.config import SweepConfig, changed
from leafscope.core.datasets import load
from leafscope.core.inspection.predictions import predict
from leafscope.core.store.archive import export_archive, import_archive
from leafscope.core.store.store import Store
from leafscope.core.tables import Choices, read
from leafscope.core.worker.worker import Worker
from tests.pages.harness import Lab, figures, live_charts, open_lab, open_page, press, small, stock, table_with, words

WRONG = re.compile(
    r"accura|\bclass(?:es)?\b|class_|classif|%-error|majority class|confusion|(?:percent|%) of rows|logit|cross-entropy",
    re.IGNORECASE,
)
VIEWS = ("table", "scores", "curves", "scatter", "pairs", "pivot")
PARTS = ("target", "errors", "depths", "decision_tree")
PAGES = [
    *("playground", "balance?aspect=variants", "present", "runs", "overfitting", "capacity", "data"),
    *(f"leaves?part={part}" for part in PARTS),
    *(f"compare?view={view}&from=all&report=1" for view in VIEWS),
]


def drawn() -> bytes:
    """A table in which a price follows from two columns."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 160))
    price = 50 + 7 * a - 5 * abs(b) + rng.normal(size=160)
    return "\n".join(["width,height,price", *(f"{p:.4f},{q:.4f},{r:.3f}" for p, q, r in zip(a, b, price))]).encode()


TABLE = read(drawn(), Choices(name="prices"))
BASE = changed(small(epochs=4), {"data.name": f"table:{TABLE.hash}"})
TREE = changed(BASE, {"net.kind": "decision_tree"})
SWEEP = SweepConfig(
    name="of prices",
    base=BASE,
    axes={"net.kind": ["tree", "flat"], "net.depth": [0, 2], "seed": [0, 1]},
    baselines=["dense", "decision_tree"],
)


def _fill(lab: Lab) -> None:
    lab.store.add_table(TABLE)
    for run in (BASE, TREE, changed(BASE, {"net.kind": "dense"}), changed(BASE, {"seed": 1})):
        lab.work(run)
    jobs.submit_sweep(SWEEP, store=lab.store)
    worker = Worker(lab.store, "w")
    while worker.work_once():
        pass


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stock(tmp_path_factory.mktemp("numbers"), _fill)


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stocked: Path) -> Lab:
    return open_lab(tmp_path, monkeypatch, stocked)


def said_on(at: Any) -> str:
    """All that a page says: sentences, controls, figures and tables."""
    found = [words(at)]
    for kind in ("selectbox", "radio", "button", "number_input", "checkbox", "multiselect", "expander", "metric"):
        found += [f"{one.label} {getattr(one, 'options', '')} {getattr(one, 'help', '')}" for one in at.get(kind)]
    found += [json.dumps(one) for one in (*figures(at).values(), *live_charts(at).values())]
    return "\n".join([*found, *(one.value.to_csv() for one in at.dataframe)])


@pytest.mark.parametrize("page", PAGES)
def test_no_page_speaks_of_classes(lab: Lab, downloads: dict[str, Any], page: str) -> None:
    name, _, more = page.partition("?")
    address = {"sweep": SWEEP.sweep_id} if name in ("overfitting", "capacity") else {"run": BASE.run_id}
    at = open_page(name, **address, **dict(part.split("=") for part in more.split("&") if part))
    assert not at.error
    assert WRONG.findall(said_on(at)) == []
    for file, data in downloads.items():
        if file.endswith((".toml", ".leafscope")):  # which have the configuration as it is
            continue
        made = data() if callable(data) else data
        text = made.decode() if isinstance(made, bytes) else str(made)
        assert WRONG.findall(text) == [], file


def test_scores_stand_beside_the_mean_of_the_training_rows(lab: Lab) -> None:
    data = load(BASE.data, 0)
    scores = table_with(open_page("leaves", run=BASE.run_id, part="scores"), "RMSE", "MAE", "R²")
    mean = scores[(scores["rows"] == "test") & (scores["model"] != "this net")].iloc[0]
    assert mean["RMSE"] == pytest.approx(data.chance["rmse"])
    own = scores[(scores["rows"] == "test") & (scores["model"] == "this net")].iloc[0]
    assert own["RMSE"] == pytest.approx(lab.store.run(BASE.run_id).last["test_rmse"], rel=1e-4)
    assert "unit of price" in words(open_page(run=BASE.run_id))
    assert "Always the mean of the training rows: RMSE" in words(open_page("overfitting", sweep=SWEEP.sweep_id))


def test_a_deck_has_its_figures(lab: Lab) -> None:
    press(open_page("leaves", run=BASE.run_id, part="target"), "leaf_targets_deck")
    press(open_page("overfitting", sweep=SWEEP.sweep_id), "error_by_depth_deck")
    (info,) = lab.store.decks()
    text = deck_html(info.name, list(lab.store.slides(info.deck_id).values()), made=0.0)
    shown = re.sub(r"<script.*?</script>|<style.*?</style>|<[^>]*>", " ", text, flags=re.DOTALL)
    assert "RMSE, in the unit of price" in text
    assert WRONG.findall(shown) == []


def test_new_rows_and_archives(lab: Lab, tmp_path: Path) -> None:
    data = load(BASE.data, 0)
    for run in (BASE, TREE):
        found = predict(lab.store, run.run_id, drawn()).table()
        assert list(found.columns) == ["row", "prediction", "leaf"]
        test = found["prediction"].to_numpy(float)[data.test.index]
        rmse = float(np.sqrt(np.mean((test - data.test.y) ** 2)))
        assert rmse == pytest.approx(lab.store.run(run.run_id).last["test_rmse"], rel=1e-4)
    file = tmp_path / "numbers.zip"
    export_archive(lab.store, file, run_ids=[BASE.run_id, TREE.run_id])
    other = Store(tmp_path / "other.db")
    import_archive(other, file)
    assert other.run(BASE.run_id).last == lab.store.run(BASE.run_id).last
    np.testing.assert_allclose(predict(other, TREE.run_id, drawn()).answers, predict(lab.store, TREE.run_id, drawn()).answers)
    other.close()
