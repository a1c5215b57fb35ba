import numpy as np
import pytest

from leafscope.app.figures.leaves.sign_patterns import SignPatterns

TRAIN = np.array([1, 0, 6, 3])
TEST = np.array([1, 2, 1, 0])


def test_columns_are_leaves_by_training_load_and_bars_their_shares() -> None:
    figure = SignPatterns(TRAIN, 2, TEST).figure()
    train, test = (trace for trace in figure.data if trace.type == "bar")
    assert list(train.customdata) == [2, 3, 0, 1]
    assert train.y == pytest.approx([0.6, 0.3, 0.1, 0])
    assert test.y == pytest.approx([0.25, 0, 0.25, 0.5])
    assert (train.marker.pattern.shape, test.marker.pattern.shape) == (".", "")


def test_filled_dots_are_ones() -> None:
    figure = SignPatterns(TRAIN, 2).figure()
    one = next(trace for trace in figure.data if trace.name.startswith("bit 1"))
    zero = next(trace for trace in figure.data if trace.name == "bit 0")
    assert list(zip(one.x, one.y)) == [(0, 0), (1, 0), (1, 1)]
    assert list(zip(zero.x, zero.y)) == [(0, 1), (2, 0), (2, 1)]
    assert (one.marker.symbol, zero.marker.symbol) == ("circle", "circle-open")
    assert list(one.customdata) == [2, 3, 3]


def test_the_rest_is_summed_and_said() -> None:
    table = SignPatterns(TRAIN, 2, TEST, top=2).table()
    assert table["leaf"].tolist() == [2, 3, -1]
    assert table["train_share"].sum() == pytest.approx(1)
    assert table["test_rows"].tolist() == [1, 0, 3]
    figure = SignPatterns(TRAIN, 2, TEST, top=2).figure()
    assert figure.layout.annotations[0].text == "2 further used leaves:<br>training 10.0 %, test 75.0 %"


def test_unused_leaves_are_counted() -> None:
    assert "3 of 4 leaves hold training rows" in SignPatterns(TRAIN, 2).figure().layout.title.text
    assert "4 of 4 leaves hold training or test rows" in SignPatterns(TRAIN, 2, TEST).figure().layout.title.text
    assert "test only" in SignPatterns(TRAIN, 2, TEST).table()["state"].tolist()


def test_uniform_line_and_depth_zero() -> None:
    figure = SignPatterns([4], 0).figure()
    assert list(next(trace for trace in figure.data if trace.name.startswith("uniform")).y) == [1, 1]
    assert SignPatterns([4], 0).sentence().endswith("root, holds 100.0 %.")
