import itertools

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import isotonic_regression

from leafscope.app import theme
from leafscope.app.figures.overfitting.error_by_depth import ErrorByDepth
from leafscope.app.figures.shared.interval_lines import panel_height
from leafscope.app.figures.shared.line_ends import EndLabel, label_ends
from leafscope.app.figures.shared.packing import spread, spread_off
from leafscope.app.theme import Look
from tests.app.figures.overfitting.tables import with_interval
from tests.app.figures.test_contract import LOOKS


@given(st.lists(st.tuples(st.integers(-50, 450), st.integers(10, 40)), min_size=1, max_size=10))
def test_labels_never_touch_and_move_as_little_as_possible(labels: list[tuple[int, int]]) -> None:
    wanted, sizes = (np.array(part, dtype=float) for part in zip(*labels))
    places = spread(wanted, sizes, height=400)
    order = np.argsort(wanted, kind="stable")
    tall, at = sizes[order], places[order]
    assert (np.diff(at) >= (tall[1:] + tall[:-1]) / 2 - 1e-9).all()
    assert at[0] - tall[0] / 2 >= -1e-9
    assert at[-1] + tall[-1] / 2 <= 400 + 1e-9
    offset = np.cumsum(tall) - tall / 2
    best = isotonic_regression(wanted[order] - offset, y_min=0, y_max=400 - tall.sum()) + offset
    np.testing.assert_allclose(at, best, atol=1e-8)


def test_labels_of_lit_lines_come_first_where_not_all_fit() -> None:
    figure = go.Figure()
    labels = [EndLabel(1, at, f"line {at}", "#000000", lit=at == 9) for at in range(10)]
    label_ends(figure, labels, x_range=(0, 1), y_range=(0, 10), width=100, height=60, look=theme.SCREEN)
    assert [a.text for a in figure.layout.annotations] == ["line 9", "line 0", "line 1"]


@pytest.mark.parametrize("look", LOOKS)
def test_labels_of_a_crowded_figure_do_not_overlap(look: Look) -> None:
    models = ["tree", "tree_units", "flat", "random_gates", "dense_capacity", "decision_tree", "decision_tree_pruned"]
    rows = [(m, "", split, k, 0.1 + 0.001 * i) for i, m in enumerate(models) for split in ("test", "train") for k in (0, 1)]
    figure = ErrorByDepth(with_interval(rows, "model variant split depth mean")).figure(look=look)
    height = panel_height(figure, look)
    low, high = figure.layout.yaxis.range
    size = theme.FONT_SIZE[look.projector]
    boxes = sorted(
        ((a.y - low) / (high - low) * height - a.ay, (a.text.count("<br>") + 1) * size)
        for a in figure.layout.annotations
        if a.showarrow and a.xref == "x2"
    )
    assert len(boxes) == len(models)
    for (first, tall), (second, next_tall) in itertools.pairwise(boxes):
        assert second - first >= (tall + next_tall) / 2


def test_labels_move_off_what_is_taken_as_little_as_they_can_and_in_order() -> None:
    taken = [[(30.0, 60.0)], [(30.0, 60.0)], []]
    places = spread_off([50.0, 52.0, 90.0], [10.0, 10.0, 10.0], 100.0, taken)
    assert places.tolist() == [65.0, 75.0, 90.0]
    assert spread_off([50.0], [20.0], 100.0, [[(0.0, 100.0)]]).tolist() == spread([50.0], [20.0], 100.0).tolist()
    assert spread_off([], [], 100.0, []).tolist() == []
