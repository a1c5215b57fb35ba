import math

import numpy as np
import pytest

from leafscope.app.figures.balance.node_balance import NodeBalance
from leafscope.app.theme import Look

LEAVES = np.array([1, 3, 0, 0, 2, 2, 0, 8])


def test_each_level_is_filled_with_its_nodes() -> None:
    (heatmap,) = (trace for trace in NodeBalance(LEAVES).figure().data if trace.type == "heatmap")
    right = np.array(heatmap.z, dtype=float)
    np.testing.assert_allclose(right[0], 12 / 16)
    np.testing.assert_allclose(right[1], np.repeat([0.0, 8 / 12], right.shape[1] // 2))
    quarter = right.shape[1] // 4
    np.testing.assert_allclose(right[2], np.repeat([0.75, math.nan, 0.5, 1.0], quarter))
    table = NodeBalance(LEAVES).table()
    assert table["node"].tolist() == list(range(7))
    assert table["rows"].tolist() == [16, 4, 12, 4, 0, 4, 8]
    np.testing.assert_allclose(table["right"], [0.75, 0.0, 8 / 12, 0.75, math.nan, 0.5, 1.0])


def test_sentence_counts_nodes_that_hardly_split() -> None:
    sentence = NodeBalance(LEAVES).sentence()
    assert sentence.startswith("Of 6 inner nodes with training rows, 2 send at least 90 %")
    assert "the first bit sends 75.0 % to 1" in sentence
    assert "1 sends at least 90 % of its rows to one side (1 of them with a single row)" in NodeBalance([0, 1]).sentence()


def test_deep_trees_are_cut_and_depth_0_says_so() -> None:
    figure = NodeBalance(np.ones(1 << 10, dtype=int)).figure(look=Look(dark=True, projector=True))
    assert "8 of 10" in figure.layout.title.text
    assert "depth 0" in NodeBalance([5]).figure().layout.annotations[0].text
    assert "depth 0" in NodeBalance([5]).sentence()
    assert NodeBalance([5]).table().empty


def test_counts_must_fill_a_tree() -> None:
    with pytest.raises(ValueError, match="power of two"):
        NodeBalance([1, 2, 3])
