"""Live charts: the numbers drawn are the numbers measured."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.playground import live
from leafscope.app.theme import Look
from leafscope.core.config import RunConfig, TrainConfig
from leafscope.core.store.store import Store
from leafscope.core.store.values.summaries import RunSummary


@pytest.fixture(autouse=True)
def _light(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "look", lambda share=1.0: Look(dark=False, projector=False, width=800))
    monkeypatch.setattr(session, "image_format", lambda: "svg")


@pytest.fixture
def summary(tmp_path: Path) -> RunSummary:
    store = Store(tmp_path / "live.db")
    return store.run(store.submit(RunConfig(train=TrainConfig(epochs=2000))).run_id)


def history(values: list[float], metric: str = "loss") -> pd.DataFrame:
    """Validation has these values, train half of them; accuracy stands between, which must not be drawn as loss."""
    other = "accuracy" if metric == "loss" else "loss"
    rows = []
    for epoch, value in enumerate(values):
        rows += [(epoch, "train", metric, value / 2), (epoch, "validation", metric, value), (epoch, "train", other, -1.0)]
    return pd.DataFrame(rows, columns=["epoch", "split", "metric", "value"])


def test_curves_are_the_numbers(summary: RunSummary) -> None:
    spec = live.curve_spec(summary, history([2.5, 1.25, 0.123456]), "loss", "Loss")
    validation, train = spec["series"]
    assert validation["data"] == [[0, 2.5], [1, 1.25], [2, 0.12346]]
    assert train["data"] == [[0, 1.25], [1, 0.625], [2, 0.06173]]
    assert [validation["name"], train["name"]] == [theme.SPLIT_WORDS["validation"], theme.SPLIT_WORDS["train"]]
    assert validation["lineStyle"]["type"] != train["lineStyle"]["type"]
    assert (spec["xAxis"]["min"], spec["xAxis"]["max"]) == (0, 2000)
    assert spec["title"]["text"] == "Loss"


def test_a_run_without_validation_rows_names_none(summary: RunSummary) -> None:
    rows = history([2.5, 1.25])
    spec = live.curve_spec(summary, rows[rows["split"] == "train"], "loss", "Loss")
    assert [one["name"] for one in spec["series"]] == [theme.SPLIT_WORDS["train"]]


def test_accuracy_is_drawn_in_percent(summary: RunSummary) -> None:
    spec = live.curve_spec(summary, history([0.5, 1.0], "accuracy"), "accuracy", "Accuracy (%)")
    assert spec["series"][0]["data"] == [[0, 50.0], [1, 100.0]]


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_leave_a_gap(summary: RunSummary, bad: float) -> None:
    spec = live.curve_spec(summary, history([1.0, bad, 3.0]), "loss", "Loss")
    assert spec["series"][0]["data"] == [[0, 1.0], [1, None], [2, 3.0]]


def test_one_point_is_a_mark_and_no_point_nothing(summary: RunSummary) -> None:
    assert live.curve_spec(summary, history([1.0]), "loss", "Loss")["series"][0]["showSymbol"]
    assert not live.curve_spec(summary, history([1.0, 2.0]), "loss", "Loss")["series"][0]["showSymbol"]
    assert live.curve_spec(summary, history([]), "loss", "Loss")["series"][0]["data"] == []


@pytest.mark.parametrize("n", [500, 501, 999, 1000, 1001, 1999, 2000])
def test_thinning_keeps_first_and_last(summary: RunSummary, n: int) -> None:
    values = [float(epoch) for epoch in range(n)]
    data = live.curve_spec(summary, history(values), "loss", "Loss")["series"][0]["data"]
    assert data[0] == [0, 0.0]
    assert data[-1] == [n - 1, float(n - 1)]
    assert all(epoch == value for epoch, value in data)
    assert [epoch for epoch, _ in data] == sorted({epoch for epoch, _ in data})
    assert min(n, live.MAX_POINTS) <= len(data) <= 2 * live.MAX_POINTS


def test_sentence_of_loads() -> None:
    sentence = live.load_sentence(np.array([1000, 0, 3000, 0]), 2, 12)
    for part in ("Epoch 12", "2 of 4 leaves", "4,000 training rows", "1 0", "75.0 %", "25.0 %"):
        assert part in sentence


def test_the_legend_stands_below_the_title_where_there_is_no_room_beside_it(
    summary: RunSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, tops = history([2.5, 1.25]), []
    for width in (800, 340):
        monkeypatch.setattr(session, "look", lambda share=1.0, width=width: Look(dark=False, projector=False, width=width))
        spec = live.curve_spec(summary, rows, "loss", "Loss (cross-entropy, nats)")
        tops.append((spec["legend"]["top"], spec["grid"]["top"]))
    size = theme.FONT_SIZE[False]
    assert tops[0] == (0, 3 * size)
    assert size < tops[1][0] < tops[1][0] + size < tops[1][1]
