"""Random hyperplanes: against loops in float64, against many draws, and the edges."""

import time

import numpy as np
import pytest

from leafscope.core.usage import hyperplanes
from leafscope.core.usage.chance import Expected
from leafscope.core.usage.classes import purity
from leafscope.core.usage.counts import class_counts, possible_leaves
from leafscope.core.usage.evenness import balance, carrying, lorenz, names_of_counts
from leafscope.core.usage.hyperplanes import (
    expected_under_hyperplanes,
    hyperplane_counts,
    hyperplane_leaves,
    hyperplane_lorenz_band,
)
from leafscope.core.usage.levels import HYPERPLANES
from leafscope.core.usage.statistics import STATISTICS


def rows(n: int = 60, features: int = 2, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(3.0, 2.0, (n, features))


def by_loops(x: np.ndarray, depth: int, draws: int, seed: int) -> np.ndarray:
    """Brute force: each draw, hyperplane and row by itself, from the same normals."""
    rng = np.random.default_rng(seed)
    mean = [sum(float(row[p]) for row in x) / len(x) for p in range(x.shape[1])]
    found = np.zeros((draws, len(x)), int)
    for draw in range(draws):
        normals = [rng.standard_normal(x.shape[1]) for _ in range(depth)]
        for i, row in enumerate(x):
            bits = [sum(float(w) * (float(v) - m) for w, v, m in zip(normal, row, mean, strict=True)) > 0 for normal in normals]
            found[draw, i] = int("".join(str(int(bit)) for bit in bits) or "0", 2)
    return found


@pytest.mark.parametrize(("depth", "features"), [(0, 2), (1, 1), (3, 2), (4, 5)])
def test_leaves_are_those_of_loops(depth: int, features: int) -> None:
    x = rows(40, features)
    expected = by_loops(x, depth, 6, seed=3)
    assert np.concatenate(list(hyperplane_leaves(x, depth, draws=6, seed=3))).tolist() == expected.tolist()
    counts = hyperplane_counts(x, depth, draws=6, seed=3)
    assert counts.tolist() == [[(leaf == k).sum() for k in range(1 << depth)] for leaf in expected]


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    x = rows()
    y = np.arange(60) % 3
    whole = hyperplane_counts(x, 4, draws=7, seed=1)
    measured = expected_under_hyperplanes(x, 4, y=y, n_classes=3, draws=7, seed=1)
    monkeypatch.setattr(hyperplanes, "_BLOCK", 2 * (60 * 4 + 16))
    assert [len(leaf) for leaf in hyperplane_leaves(x, 4, draws=7)] == [2, 2, 2, 1]
    assert hyperplane_counts(x, 4, draws=7, seed=1).tolist() == whole.tolist()
    again = expected_under_hyperplanes(x, 4, y=y, n_classes=3, draws=7, seed=1)
    assert {name: list(vars(one).values()) for name, one in again.items()} == {
        name: pytest.approx(list(vars(one).values())) for name, one in measured.items()
    }


def test_statistics_are_those_of_each_draw() -> None:
    x, y = rows(50, 3), np.arange(50) % 2
    leaves = by_loops(x, 3, 40, seed=5)
    counts = np.array([[(leaf == k).sum() for k in range(8)] for leaf in leaves])
    samples = {
        "gini": [balance(n).gini for n in counts],
        "effective_leaves": [balance(n).effective_leaves for n in counts],
        "carrying_90": [carrying(n) for n in counts],
        "purity": [purity(class_counts(leaf, y, 3, 2)) for leaf in leaves],
    }
    found = expected_under_hyperplanes(x, 3, y=y, n_classes=2, draws=40, seed=5)
    for name, values in samples.items():
        assert found[name].mean == pytest.approx(np.mean(values))
        assert [found[name].low, found[name].high] == pytest.approx(np.quantile(values, [0.025, 0.975]))
    assert set(found) == {
        name for name, one in STATISTICS.items() if HYPERPLANES in one.chance and one.needs in ("counts", "classes")
    }
    assert set(expected_under_hyperplanes(x, 3, draws=2)) == set(names_of_counts())
    band = hyperplane_lorenz_band(x, 3, draws=40, seed=5)
    curves = np.stack([lorenz(n) for n in counts])
    for got, expected in zip(band, (curves.mean(0), *np.quantile(curves, [0.025, 0.975], axis=0)), strict=True):
        assert got == pytest.approx(expected)


def test_the_mean_of_200_draws_is_that_of_20_000() -> None:
    x = rows(300, 2)
    many = np.array([balance(n).effective_leaves for n in hyperplane_counts(x, 4, draws=20_000, seed=1)])
    few = expected_under_hyperplanes(x, 4, seed=2)["effective_leaves"]
    assert few.mean == pytest.approx(many.mean(), abs=4 * many.std() / np.sqrt(200))
    assert [few.low, few.high] == pytest.approx(np.quantile(many, [0.025, 0.975]), abs=0.5)


def test_hyperplanes_are_uniform_in_direction_and_pass_through_the_mean() -> None:
    """Two rows at an angle a, seen from the mean, are parted with probability a / pi."""
    angle = 0.7
    ends = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]])
    x = 5 + np.concatenate([ends, -ends])  # their mean is 5
    leaf = np.concatenate(list(hyperplane_leaves(x, 1, draws=20_000)))
    assert (leaf[:, 0] != leaf[:, 1]).mean() == pytest.approx(angle / np.pi, abs=0.015)
    assert (leaf[:, 0] != leaf[:, 2]).all()  # opposite each other


def test_the_plane_allows_few_leaves() -> None:
    """Lines through one point cut the plane into 2 K parts, and independent bits know nothing of it."""
    used = (hyperplane_counts(rows(2000), 4) > 0).sum(1)
    assert used.max() == 8 <= possible_leaves(4, 2)


def test_edges() -> None:
    assert hyperplane_counts(rows(5), 0, draws=3).tolist() == [[5]] * 3
    assert hyperplane_counts(np.ones((5, 2)), 2, draws=3).tolist() == [[5, 0, 0, 0]] * 3  # every row is on the hyperplane
    assert hyperplane_counts(np.empty((0, 2)), 2, draws=3).tolist() == [[0] * 4] * 3
    nothing = expected_under_hyperplanes(np.empty((0, 2)), 2, y=np.empty(0, int), n_classes=2, draws=3)
    assert all(np.isnan(one.mean) and np.isnan(one.low) for one in nothing.values())
    assert hyperplane_counts(np.full((3, 2), np.inf), 1, draws=2).tolist() == [[3, 0]] * 2
    assert expected_under_hyperplanes(rows(5), 0, names=["gini"], draws=3) == {"gini": Expected(0.0, 0.0, 0.0)}
    assert hyperplane_counts(rows(20).astype(np.float32), 9, draws=1).sum() == 20


def test_raises() -> None:
    with pytest.raises(ValueError, match="x must have 2 dimensions"):
        hyperplane_counts([1.0, 2.0], 1)
    with pytest.raises(ValueError, match="draws must be at least 1, got 0"):
        hyperplane_counts(rows(), 1, draws=0)
    with pytest.raises(ValueError, match="depth"):
        hyperplane_counts(rows(), 17)
    with pytest.raises(ValueError, match="n_classes must be given with y"):
        expected_under_hyperplanes(rows(), 1, y=np.zeros(60, int))


def test_it_is_fast() -> None:
    """200 draws of 6 hyperplanes on 1,000 rows of 8 features: well under a second."""
    x = rows(1000, 8)
    expected_under_hyperplanes(x, 6, draws=2)
    began = time.process_time()
    expected_under_hyperplanes(x, 6)
    assert time.process_time() - began < 1.0
