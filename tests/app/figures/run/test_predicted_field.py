"""A predicted number over a plane: one scale of colours for predictions and rows, in the unit of the target."""

import numpy as np
import pytest

from leafscope.app import theme
from leafscope.app.figures.run.predicted_field import PredictedField
from tests.app.figures.run.examples import a_field


def test_predictions_and_rows_share_one_scale_of_colours() -> None:
    figure = a_field().figure()
    fill, points = figure.data[0], figure.data[-1]
    assert np.asarray(fill.z).tolist() == [[10, 12, 30], [11, 25, 31]]
    assert list(points.marker.color) == [9.5, 40]
    assert fill.coloraxis == points.marker.coloraxis == "coloraxis"
    axis = figure.layout.coloraxis
    assert (axis.cmin, axis.cmax, axis.colorbar.title.text) == (9.5, 40, "price")
    assert [tuple(step) for step in axis.colorscale] == theme.VALUE_SCALE


def test_patterns_change_where_those_of_decision_regions_do() -> None:
    line = next(trace for trace in a_field(leaf=[[0, 0, 1], [0, 0, 1]]).figure().data if trace.name == "sign pattern changes")
    assert (list(line.x), list(line.y)) == ([1.5, 1.5, None], [-0.5, 1.5, None])


def test_the_table_has_the_predictions_point_by_point() -> None:
    table = a_field().table()
    assert table.iloc[2].tolist() == [2, 0, 30, 1]
    assert table["predicted"].tolist() == [10, 12, 30, 11, 25, 31]


def test_rows_without_a_number_are_left_out_and_what_does_not_fit_is_said() -> None:
    points = a_field(y=[np.nan, 3.0]).figure().data[-1]
    assert list(points.customdata) == [1]
    assert "between 7.00 and 9.00" in a_field(value=[[7, np.nan, 8], [9, 8, 8]]).sentence()
    with pytest.raises(ValueError, match=r"value must have shape \(ny, nx\) = \(2, 3\), got \(1, 3\)"):
        a_field(value=[[1, 2, 3]])
    with pytest.raises(ValueError, match=r"x must have shape \(n, 2\) and y shape \(n,\), got \(2, 2\) and \(1,\)"):
        PredictedField(xx=[0], yy=[0], value=[[1]], x=[[0, 0], [1, 1]], y=[1], target="price")
