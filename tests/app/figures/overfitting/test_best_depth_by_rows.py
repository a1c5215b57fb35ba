"""The best depth against rows: what it draws and says of a known table."""

import numpy as np
import pytest

from leafscope.app.figures.overfitting.best_depth_by_rows import BestDepthByRows
from tests.app.figures.overfitting.tables import best_depths


def test_depths_stand_left_and_gains_right_with_their_bars() -> None:
    figure = BestDepthByRows("tree", best_depths()).figure()
    left = [trace for trace in figure.data if trace.yaxis == "y" and trace.name == "tree of depth 4"]
    right = [trace for trace in figure.data if trace.yaxis == "y2" and trace.name == "tree of depth 4"]
    assert list(left[0].y) == [2, 4]
    assert list(left[0].error_y.arrayminus) == [2, 2]
    assert list(right[0].y) == pytest.approx([-1, -5])
    assert list(right[0].error_y.array) == pytest.approx([2, 1])
    assert np.log10(np.array(right[0].x, float)) == pytest.approx([3, 4], abs=0.1)


def test_sentence_says_both_signs_in_the_same_words() -> None:
    said = BestDepthByRows("tree", best_depths()).sentence()
    assert said == (
        "With 1,000 to 10,000 training rows, the best depth and its test error minus that at K = 0: tree of depth 4: "
        "K goes from 2 to 4, -5.0 points [-6.0, -4.0], n = 5; no tree: K = 0, the same net (K = 0)."
    )
    few = best_depths().query("rows == 1000")
    assert (
        "tree of depth 4: K = 2, -1.0 points [-3.0, 1.0], n = 5 (no difference shown)"
        in BestDepthByRows("tree", few).sentence()
    )


def test_rows_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="rows must be at least 1, got 0"):
        BestDepthByRows("tree", best_depths().assign(rows=0))
