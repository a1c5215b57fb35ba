"""What is said of predicted numbers: parts that sum to the prediction, errors by leaf, and errors where rows are rare."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import t
from sklearn.metrics import root_mean_squared_error

from leafscope.core.config import NetConfig
from leafscope.core.inference.net import read_module
from leafscope.core.inspection.contributions import explain, flipped_outputs, number_parts
from leafscope.core.inspection.errors_by_leaf import largest_errors, squares_by_leaf, visits
from leafscope.core.inspection.rare_numbers import SeedSquares, rare_numbers
from leafscope.core.nets import TreeNet
from tests.core.inspection.test_contributions import ByHand

CENTRE = (523.25, 31.5)
"""Mean and deviation of a target in thousands of euros."""


def a_net(**fields: object) -> TreeNet:
    """A net of one output whose every node and bias is drawn."""
    net = TreeNet(NetConfig.model_validate({"width": 6, "depth": 3} | fields), 4, 1, 0)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.7)
    return net


@pytest.mark.parametrize("fields", [{}, {"kind": "flat"}, {"gates": "units", "tree_layers": 2}])
def test_the_parts_of_a_number_sum_to_it_in_the_unit_of_the_target(fields: dict[str, object]) -> None:
    net = a_net(**fields)
    mean, deviation = CENTRE
    rows = np.random.default_rng(1).standard_normal((6, 4)).astype(np.float32)
    levels, flipped = flipped_outputs(read_module(net), rows)
    for row, level, beyond in zip(rows, levels, flipped, strict=True):
        explained = explain(read_module(net), row)
        found = number_parts(explained, CENTRE)
        assert found.offset + found.contributions.sum() + found.rest == pytest.approx(found.prediction, rel=1e-13)
        by_hand = ByHand(net, row)
        last = len(by_hand.leaf) - 1
        assert found.prediction == pytest.approx(mean + deviation * by_hand.logits[0], rel=1e-12)
        carried = (by_hand.part[last] @ by_hand.carried(last).T)[:, 0]
        np.testing.assert_allclose(found.contributions, deviation * carried, rtol=1e-10)
        forced = ByHand(net, row, {last: by_hand.leaf[last] ^ (1 << (2 - int(level)))})
        assert found.across == pytest.approx(mean + deviation * forced.logits[0], rel=1e-12)
        assert beyond[0] == pytest.approx(forced.logits[0], rel=1e-10)
        with torch.no_grad():  # and it is what the net itself says
            own = float(net.double()(torch.tensor(row[None], dtype=torch.float64))[0, 0])
            net.float()
        assert found.prediction == pytest.approx(mean + deviation * own, rel=1e-6)


def test_a_net_of_classes_predicts_no_number() -> None:
    net = TreeNet(NetConfig(width=4, depth=1), 4, 3, 0)
    with pytest.raises(ValueError, match="must have one output, got 3"):
        number_parts(explain(read_module(net), np.zeros(4)), CENTRE)


def test_errors_by_leaf_are_scikit_learn_s() -> None:
    rng = np.random.default_rng(0)
    leaf, y, said = rng.integers(0, 8, 50), rng.normal(500, 30, 50), rng.normal(500, 30, 50)
    table = squares_by_leaf(leaf, said - y, 3)
    assert table["rows"].sum() == 50
    for one in table.itertuples():
        inside = leaf == one.leaf
        assert one.rows == inside.sum()
        assert one.rmse == pytest.approx(root_mean_squared_error(y[inside], said[inside]))
        assert one.bias == pytest.approx((said - y)[inside].mean())
    with pytest.raises(ValueError, match="one entry for each row"):
        squares_by_leaf(leaf, [1.0], 3)


def test_the_largest_tenth_of_errors_is_marked() -> None:
    error = np.random.default_rng(0).normal(size=100)
    assert np.flatnonzero(largest_errors(error)).tolist() == sorted(np.argsort(-abs(error))[:10].tolist())
    assert largest_errors([0.0, 0.0]).tolist() == [False, False]
    assert largest_errors([math.nan, 1.0, 0.5]).tolist() == [False, True, False]
    assert largest_errors([]).tolist() == []


def drawn(seed: int) -> SeedSquares:
    rng = np.random.default_rng(seed)
    seen = visits(rng.integers(0, 16, 40), rng.integers(0, 16, 60), 4)
    return SeedSquares(seed, seen, rng.normal(0, 2, 60), rng.normal(0, 1, 60))


def test_rmse_where_training_rows_are_rare_by_hand() -> None:
    seeds = [drawn(seed) for seed in range(5)]
    table = rare_numbers({"tree": seeds, "flat": seeds[:1]})
    assert table["rows"].groupby(table["model"]).sum().to_dict() == {"tree": 300, "flat": 60}
    for row in table[table["model"] == "tree"].itertuples():
        most = math.inf if row.least == 51 else row.most
        inside = [(one.visits >= row.least) & (one.visits <= most) for one in seeds]
        pooled = [
            np.concatenate([values[rows] for values, rows in zip(both, inside, strict=True)])
            for both in ([one.error for one in seeds], [one.dense_error for one in seeds])
        ]
        own, dense = (float(np.sqrt(np.mean(errors**2))) for errors in pooled)
        assert (row.rmse, row.dense_rmse, row.difference) == pytest.approx((own, dense, own - dense))
        counts = np.array([rows.sum() for rows in inside], float)
        kept = counts > 0
        squares = [
            np.array([(values[rows] ** 2).sum() for values, rows in zip(both, inside, strict=True)])
            for both in ([one.error for one in seeds], [one.dense_error for one in seeds])
        ]
        moved = (squares[0] - own**2 * counts) / (2 * own) - (squares[1] - dense**2 * counts) / (2 * dense)
        moved = moved[kept] / counts[kept].mean()
        n = int(kept.sum())
        half = t.ppf(0.975, n - 1) * moved.std(ddof=1) / np.sqrt(n) if n > 1 else math.nan
        assert (row.low, row.high) == pytest.approx((own - dense - half, own - dense + half), nan_ok=True)
    assert table.loc[table["model"] == "flat", ["low", "high"]].isna().all(axis=None)


def test_what_does_not_pair_up() -> None:
    with pytest.raises(ValueError, match="one entry for each row of seed 3"):
        SeedSquares(3, np.array([1]), np.zeros(2), np.zeros(2))
    with pytest.raises(ValueError, match="got seed 0 of tree several times"):
        rare_numbers({"tree": [drawn(0), drawn(0)]})
