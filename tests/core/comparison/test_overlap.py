"""The overlap of splits: of one configuration, and of the runs of a run table or of a sweep's."""

import pandas as pd
import pytest

from leafscope.core.comparison.overlap import overlap, split_overlap
from leafscope.core.comparison.table import run_table
from leafscope.core.config import DataConfig, RunConfig, SweepConfig, changed
from leafscope.core.datasets import load, shape
from leafscope.core.sweep.results import results
from tests.core.comparison.test_groups import DIGITS, SPIRALS, TREE, seeds

WINE = {"data.name": "wine"}


@pytest.mark.parametrize("n_train", [40, None])
def test_of_a_configuration_it_is_test_rows_over_training_rows(n_train: int | None) -> None:
    config = DataConfig(name="wine", n_train=n_train)
    data = load(config, 0)
    assert split_overlap(config) == len(data.test.y) / len(data.train.y)
    assert split_overlap(DataConfig(name="spirals")) == 0


def test_of_runs_it_is_that_of_tables_split_anew() -> None:
    assert overlap(run_table(seeds(TREE, [0.5, 0.5]))) == DIGITS.n_test / DIGITS.n_train
    assert overlap(run_table(seeds(SPIRALS, [0.5, 0.5]))) == 0
    assert overlap(run_table(seeds({"split_seed": 0}, [0.5, 0.5]))) == 0
    assert overlap(run_table(seeds(TREE, [0.5]))) == 0
    assert overlap(run_table([])) == 0


def test_of_several_data_sets_it_is_the_largest() -> None:
    few, many = (seeds({"data.n_train": n}, [0.5, 0.5]) for n in (100, 400))
    assert overlap(run_table([*few, *many])) == DIGITS.n_test / 100
    assert overlap(run_table([*many, *seeds(SPIRALS, [0.5, 0.5])])) == DIGITS.n_test / 400
    # one seed each, but the splits of one table overlap all the same
    assert overlap(run_table([few[0], many[1]])) == DIGITS.n_test / 100
    assert overlap(run_table([few[0], *seeds(WINE, [0.5], first=1)])) == 0


def test_of_a_sweep_it_is_the_same_as_of_its_runs() -> None:
    sweep = SweepConfig(base=changed(RunConfig(), WINE), axes={"data.n_train": [40, None], "seed": [0, 1]})
    table = results(sweep, {})
    for n_train, rows in table.groupby("n_train"):
        assert overlap(rows) == shape(DataConfig(name="wine")).n_test / n_train
        assert overlap(rows[rows["seed"] == 0]) == 0
    assert overlap(table) == shape(DataConfig(name="wine")).n_test / 40
    assert overlap(results(SweepConfig(base=changed(RunConfig(), SPIRALS), axes={"seed": [0, 1]}), {})) == 0
    of_split = results(SweepConfig(base=changed(RunConfig(), WINE), axes={"split_seed": [0, 1]}), {})
    assert overlap(of_split) > 0
    assert overlap(results(SweepConfig(base=changed(RunConfig(), WINE), axes={"init_seed": [0, 1]}), {})) == 0
    both = pd.concat([of_split, table]).infer_objects()  # whole numbers became floats
    assert overlap(both) == overlap(table)
