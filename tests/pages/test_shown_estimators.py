"""Fits that `show` put into the store: every page bears runs without test rows, without validation rows and without a table."""

import json
from pathlib import Path

import numpy as np
import pytest

from leafscope.core import TreeNetClassifier, TreeNetRegressor
from tests.pages.harness import Lab, open_lab, open_page, stock, words

SETTINGS = {"depth": 2, "width": 6, "epochs": 2, "random_state": 0}
EVERYWHERE = ("playground", "balance", "present", "runs", "data", "compare?view=table&from=all&report=1", "leaves?part=splits")
BELOW = ("all", "errors", "scores", "depths", "decision_tree")
CASES = [
    *((fit, page) for fit in ("classes", "numbers", "removed") for page in EVERYWHERE),
    *((fit, f"leaves?part={part}") for fit in ("classes", "numbers") for part in BELOW),
    *(("classes", f"compare?view={view}&from=all&report=1") for view in ("scores", "curves", "scatter", "pairs")),
    ("regions", "playground"),
]


def _fill(lab: Lab) -> None:
    x = np.random.default_rng(0).standard_normal((90, 3))
    labels, numbers = np.array(["no", "yes"])[(x[:, 0] * x[:, 1] > 0).astype(int)], 50 + 7 * x[:, 0]
    classes, wide = TreeNetClassifier(**SETTINGS), TreeNetClassifier(**SETTINGS | {"depth": 7, "width": 20})
    stops = TreeNetRegressor(**SETTINGS, early_stopping=True).fit(x, numbers)
    shown = {
        "classes": classes.fit(x[:, :2], labels).show(store=lab.store),
        "regions": wide.fit(x[:, :2], labels).show(store=lab.store),
        "numbers": stops.show(store=lab.store),
        "removed": classes.fit(x[:60], labels[:60]).show(x[60:], labels[60:], store_data=False, store=lab.store),
    }
    assert lab.store.path is not None
    runs = {name: address.removeprefix("?run=") for name, address in shown.items()}
    (Path(lab.store.path).parent / "shown.json").write_text(json.dumps(runs))


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stock(tmp_path_factory.mktemp("shown"), _fill)


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize(("fit", "page"), CASES)
def test_every_page_bears_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stocked: Path, fit: str, page: str) -> None:
    open_lab(tmp_path, monkeypatch, stocked)
    run = json.loads((stocked.parent / "shown.json").read_text())[fit]
    name, _, more = page.partition("?")
    at = open_page(name, run=run, **dict(part.split("=") for part in more.split("&") if part))
    said = words(at)
    assert not at.error, at.error[0].value
    assert "nan" not in said.lower()
    for wrong in ("0 test rows", "0 validation rows"):
        assert wrong not in said.replace("10 test", "").replace("30 test", "")
    if (fit, page) == ("classes", "balance"):
        assert not any("best and shown" in str(one.proto) for one in at.get("plotly_chart"))  # nothing was chosen by validation
    if page == "playground":
        expected = {"classes": "training accuracy", "numbers": "training RMSE", "regions": "training accuracy"}
        assert expected.get(fit, "test accuracy") in said
        assert said.count("Always the commonest class of training: accuracy ") == (fit != "numbers")
        assert said.count("Always the mean of the training rows: RMSE ") == (fit == "numbers")
        assert ("without test rows nothing is said of new ones" in said) is (fit != "removed")
    if page == "leaves?part=scores":
        assert ("On the 90 training rows: accuracy " if fit == "classes" else "The training RMSE is ") in said
    if page == "leaves?part=errors":
        (table,) = (one for one in at.dataframe if "leaf" in one.value)
        assert table.proto.HasField("placeholder")
        assert table.proto.placeholder == ""
    if fit == "removed" and name in ("leaves", "balance"):
        assert "only how many rows each leaf has can be shown" in said
        assert "of 4 leaves hold training rows" in said
