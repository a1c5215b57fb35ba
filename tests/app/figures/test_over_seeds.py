"""What holds for every figure of means over seeds: fixed height, n, one seed without an interval, columns that are named."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from leafscope.app import theme
from leafscope.app.figures.capacity.capacity_by_depth import CapacityByDepth
from leafscope.app.figures.capacity.capacity_time_ratio import CapacityTimeRatio
from leafscope.app.figures.capacity.error_by_cost import ErrorByCost
from leafscope.app.figures.overfitting.accuracy_by_level import AccuracyByLevel
from leafscope.app.figures.overfitting.best_depth_by_rows import BestDepthByRows
from leafscope.app.figures.overfitting.differences_by_depth import DifferencesByDepth
from leafscope.app.figures.overfitting.error_by_depth import ErrorByDepth
from leafscope.app.figures.overfitting.error_by_rows import ErrorByRows
from leafscope.app.figures.overfitting.gap_by_depth import GapByDepth
from leafscope.app.figures.overfitting.help_map import HelpMap
from leafscope.app.figures.overfitting.leaf_use_by_depth import LeafUseByDepth
from leafscope.app.figures.overfitting.training_curves import TrainingCurves
from leafscope.app.theme import Look
from tests.app.figures.capacity import tables as costs
from tests.app.figures.capacity.examples import EXAMPLES as CAPACITY
from tests.app.figures.drawn import bands, finite, title
from tests.app.figures.overfitting import tables
from tests.app.figures.overfitting.examples import EXAMPLES as OVERFITTING
from tests.app.figures.test_contract import SCREEN, STAGE

EXAMPLES = OVERFITTING | CAPACITY
OVER_SEEDS = [*OVERFITTING, ErrorByCost]
SIDE = (AccuracyByLevel, TrainingCurves, CapacityTimeRatio)
TABLES: dict[type, tuple[Callable[..., Any], pd.DataFrame]] = {
    ErrorByDepth: (ErrorByDepth, tables.errors()),
    GapByDepth: (GapByDepth, tables.gaps()),
    LeafUseByDepth: (LeafUseByDepth, tables.leaf_use()),
    DifferencesByDepth: (lambda table: DifferencesByDepth(table, "tree", "flat"), tables.differences(0.1)),
    HelpMap: (HelpMap, tables.cells()),
    AccuracyByLevel: (lambda table: AccuracyByLevel(table, depth=2), tables.levels()),
    ErrorByRows: (ErrorByRows, tables.by_rows()),
    BestDepthByRows: (lambda table: BestDepthByRows("tree", table), tables.best_depths()),
    TrainingCurves: (TrainingCurves, tables.epochs()),
    CapacityByDepth: (CapacityByDepth, costs.counts()),
    CapacityTimeRatio: (CapacityTimeRatio, costs.ratios()),
    ErrorByCost: (lambda table: ErrorByCost(table, cost="parameters"), costs.points()),
}


@pytest.mark.parametrize("look", [SCREEN, STAGE])
@pytest.mark.parametrize("kind", EXAMPLES)
def test_heights_are_fixed_and_an_empty_figure_has_the_same(kind: type, look: Look) -> None:
    height = (theme.SIDE_HEIGHT if kind in SIDE else theme.MAIN_HEIGHT)[look.projector]
    drawn, empty = (EXAMPLES[kind][case]().figure(look=look) for case in ("usual", "empty"))
    if kind is HelpMap:  # its height is that of its rows of cells
        assert drawn.layout.height <= height
    else:
        assert drawn.layout.height == height
    assert empty.layout.height == drawn.layout.height


@pytest.mark.parametrize("kind", OVER_SEEDS)
def test_n_is_in_the_title_and_one_seed_has_no_interval(kind: type) -> None:
    assert "n = 5" in title(EXAMPLES[kind]["usual"]().figure())
    one = EXAMPLES[kind]["one"]()
    figure = one.figure()
    assert "n = 1, one seed: no interval" in title(figure)
    assert not bands(figure)
    for trace in figure.data:
        if trace.type == "scatter" and trace.error_y.array is not None:
            assert not finite(trace.error_y.array)
    assert "one seed" in one.sentence()


@pytest.mark.parametrize("kind", EXAMPLES)
def test_nothing_is_said_as_not_yet(kind: type) -> None:
    empty = EXAMPLES[kind]["empty"]()
    assert "yet." in empty.figure().layout.annotations[0].text
    assert empty.sentence().endswith("yet.")


@pytest.mark.parametrize("kind", TABLES)
def test_a_missing_column_is_named(kind: type) -> None:
    make, table = TABLES[kind]
    for column in table.columns:
        with pytest.raises(ValueError, match=rf"must have the columns .* but {column} is missing"):
            make(table.drop(columns=column))
