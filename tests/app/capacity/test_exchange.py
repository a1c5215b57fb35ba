"""Exchange rates of a sweep: the depth is chosen from the rows of the seeds that choose, errors are of the others."""

import math

import pandas as pd

from leafscope.app.capacity.exchange import rates


def table(validation: dict[int, float], seeds: list[int]) -> pd.DataFrame:
    """Trees at these depths beside dense nets of two widths."""
    nets = [("dense", math.nan, 8, 100.0, 0.4, 0.4), ("dense_ladder", math.nan, 16, 200.0, 0.2, 0.2)]
    nets += [("tree", float(depth), 8, 100.0, 0.3, error) for depth, error in validation.items()]
    return pd.DataFrame(
        [
            {
                "model": model, "variant": "", "depth": depth, "width": 8.0, "net.width": width, "seed": seed,
                "data": "moons", "n_train": 500, "multiply_adds": cost, "status": "finished",
                "best_test_accuracy": 1 - error, "best_validation_accuracy": 1 - of_validation,
            }
            for model, depth, width, cost, error, of_validation in nets
            for seed in seeds
        ]
    )  # fmt: skip


def chosen(found: pd.DataFrame) -> list[float]:
    return found.loc[found["chosen"], "depth"].tolist()


def test_the_depth_is_chosen_from_the_rows_that_choose() -> None:
    reported, choices = table({1: 0.1, 2: 0.3}, [5, 6, 7]), table({1: 0.3, 2: 0.1}, [0, 1])
    assert chosen(rates(reported, "multiply_adds")) == [1]
    found = rates(reported, "multiply_adds", choices)
    assert chosen(found) == [2]
    assert [rate.n for rate in found["rate"]] == [3, 3]
