"""Chance of uniform top-k: against exact draws, token by token, and the covariance of counts."""

import numpy as np
import pytest

from leafscope.core.routing.chance import DRAWS, expected_by_chance, uniform_counts
from leafscope.core.usage.evenness import measure_counts

NAMES = ("effective_leaves", "max_violation")


def exact(tokens: int, experts: int, top_k: int, draws: int, seed: int) -> np.ndarray:
    """Draw k different experts for each token, as a plain reference: (R, E)."""
    rng = np.random.default_rng(seed)
    found = np.zeros((draws, experts), np.int64)
    for start in range(0, draws, 1000):
        chosen = rng.random((min(1000, draws - start), tokens, experts), np.float32).argpartition(top_k - 1, axis=-1)[
            ..., :top_k
        ]
        for row, experts_of in enumerate(chosen):
            found[start + row] = np.bincount(experts_of.ravel(), minlength=experts)
    return found


@pytest.mark.parametrize(("tokens", "experts", "top_k"), [(40, 8, 1), (30, 8, 3), (12, 6, 5), (25, 16, 2)])
def test_means_are_those_of_20_000_exact_draws(tokens: int, experts: int, top_k: int) -> None:
    reference = measure_counts(exact(tokens, experts, top_k, 20_000, seed=7), NAMES)
    drawn = measure_counts(uniform_counts(tokens, experts, top_k), NAMES)
    for name in NAMES:
        error = np.hypot(reference[name].std() / np.sqrt(20_000), drawn[name].std() / np.sqrt(DRAWS))
        assert abs(drawn[name].mean() - reference[name].mean()) < 3 * error


@pytest.mark.parametrize(("tokens", "experts", "top_k"), [(100_000, 8, 2), (30_000, 6, 4), (2_000, 64, 1), (2_000, 32, 3)])
def test_the_normal_distribution_agrees_with_exact_draws(
    tokens: int, experts: int, top_k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from leafscope.core.routing import chance

    normal = measure_counts(uniform_counts(tokens, experts, top_k), NAMES)
    monkeypatch.setattr(chance, "_MANY", np.inf)
    reference = measure_counts(uniform_counts(tokens, experts, top_k, draws=20_000, seed=3), NAMES)
    for name in NAMES:
        error = np.hypot(reference[name].std() / np.sqrt(20_000), normal[name].std() / np.sqrt(DRAWS))
        assert abs(normal[name].mean() - reference[name].mean()) < 3 * error


@pytest.mark.parametrize(("tokens", "experts", "top_k"), [(500, 6, 2), (500, 6, 4), (40_000, 4, 2)])
def test_counts_have_the_covariance_of_the_formula(tokens: int, experts: int, top_k: int) -> None:
    drawn = uniform_counts(tokens, experts, top_k, draws=20_000, seed=5)
    p = top_k / experts
    covariance = np.full((experts, experts), -tokens * p * (1 - p) / (experts - 1))
    np.fill_diagonal(covariance, tokens * p * (1 - p))
    np.testing.assert_allclose(np.cov(drawn.T), covariance, atol=0.06 * covariance.max())
    np.testing.assert_allclose(drawn.mean(0), tokens * p, atol=5 * np.sqrt(covariance.max() / 20_000))
    if tokens < 2000:
        assert (drawn.sum(1) == tokens * top_k).all()
        assert drawn.max() <= tokens


def test_the_edges() -> None:
    assert (uniform_counts(5, 3, 3, draws=4) == 5).all()
    assert (uniform_counts(0, 3, 1, draws=4) == 0).all()
    assert (uniform_counts(9, 1, 1, draws=4) == 9).all()
    assert np.isnan(expected_by_chance(0, 4, 1, NAMES)["max_violation"].mean)
    assert expected_by_chance(7, 4, 4, NAMES)["effective_leaves"].low == pytest.approx(4)
    with pytest.raises(ValueError, match="top_k from 1 to 3"):
        uniform_counts(5, 3, 4)


def test_the_same_again_is_the_same() -> None:
    assert expected_by_chance(77, 9, 2, NAMES) == expected_by_chance(77, 9, 2, NAMES)
    np.testing.assert_array_equal(uniform_counts(77, 9, 2), uniform_counts(77, 9, 2))
