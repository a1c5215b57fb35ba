import math

import pandas as pd
import plotly.graph_objects as go
import pytest

from leafscope.app import theme
from leafscope.app.figures.shared.interval_lines import hover_words, integer_axis, interval_words, row_words, seeds_words
from leafscope.app.theme import Look

NAN = math.nan


@pytest.mark.parametrize("depth", [0, 3, 16])
def test_ticks_of_depth_are_whole_numbers_that_do_not_touch(depth: int) -> None:
    figure = go.Figure()
    low, high = integer_axis(figure, low=0, high=depth, width=250, title="depth", look=Look(projector=True))
    assert low < 0 < depth + 1 > high
    assert isinstance(figure.layout.xaxis.dtick, int)
    assert figure.layout.xaxis.dtick * 250 / (high - low) > theme.FONT_SIZE[True]


def test_words_of_seeds_and_intervals() -> None:
    assert seeds_words(pd.Series([0, 0]), "bands") == "no seed has finished"
    assert seeds_words(pd.Series([1, 3]), "bands").endswith("; one seed: no interval")
    assert interval_words(NAN, NAN, NAN, 0, "percent") == theme.MISSING
    assert interval_words(-0.04, -1.0, 1.0, 5, "percentage points") == "0.0 points [-1.0, 1.0], n = 5"
    assert interval_words(12.0, NAN, NAN, 3, "percent") == "12.0 %, n = 3"


def test_a_row_of_a_table_is_written_alike_by_itself_and_on_hover() -> None:
    table = pd.DataFrame([(1.0, 12.0, 10.0, 14.0, 5, "percent"), (2.0, 0.5, NAN, NAN, 1, "nats")])
    table = table.set_axis(["x", "mean", "low", "high", "n", "unit"], axis=1)
    assert hover_words(table) == ["12.0 % [10.0 %, 14.0 %], n = 5", "0.500 nats, one seed"]
    assert [row_words(row) for _, row in table.iterrows()] == hover_words(table)
