"""Specialization, lift, information and co-activation: against scikit-learn and loops."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from leafscope.core.routing import domains
from leafscope.core.routing.domains import adjusted_information, by_chance, coactivation, lift, specialization

COUNTS = np.array([[30, 10, 0, 20], [5, 25, 15, 15]])


def pairs(counts: np.ndarray) -> tuple[list[int], list[int]]:
    found = [(d, e) for d, row in enumerate(counts) for e, n in enumerate(row) for _ in range(n)]
    return [d for d, _ in found], [e for _, e in found]


def test_specialization_and_lift_are_their_formulas() -> None:
    np.testing.assert_allclose(specialization(COUNTS)[0], [2, 10 / 15, 0, 20 / 15])
    np.testing.assert_allclose(lift(COUNTS)[1, 0], (5 / 60) / (35 / 120))
    np.testing.assert_allclose(lift(COUNTS / 7), lift(COUNTS), atol=1e-6)
    assert np.isnan(specialization(np.array([[0, 0]]))).all()


def test_the_range_by_chance_holds_95_percent_of_draws() -> None:
    low, high = by_chance(60, 4, 2)
    rng = np.random.default_rng(3)
    drawn = np.array([sum(0 in rng.choice(4, 2, replace=False) for _ in range(60)) for _ in range(800)]) / 30
    assert 0.92 < ((drawn >= low) & (drawn <= high)).mean() <= 1
    assert np.isnan(by_chance(0, 4, 2)[0])


def test_information_is_that_of_scikit_learn(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = adjusted_mutual_info_score(*pairs(COUNTS))
    assert adjusted_information(COUNTS) == pytest.approx(expected)
    many = COUNTS * 60
    exact = adjusted_information(many)
    monkeypatch.setattr(domains, "_MANY", 0)
    assert adjusted_information(many) == pytest.approx(exact, abs=1e-5)
    assert np.isnan(adjusted_information(COUNTS / 2))
    assert np.isnan(adjusted_information(COUNTS[:1]))


def test_coactivation_is_that_of_a_loop_and_neutral_for_independent_choices() -> None:
    rng = np.random.default_rng(0)
    ids = np.array([rng.choice(5, 2, replace=False) for _ in range(400)])
    ids[:20] = -1
    given, over = coactivation(ids, 5)
    tokens = [set(row) for row in ids[20:].tolist()]
    for i in range(5):
        for j in range(5):
            both, alone = sum({i, j} <= row for row in tokens), sum(i in row for row in tokens)
            assert np.isnan(given[i, j]) if i == j else given[i, j] == pytest.approx(both / alone)
    np.testing.assert_allclose(np.nansum(given, 1), 1)
    assert np.nanmax(np.abs(over - 1)) < 0.5
    always = coactivation(np.tile([[0, 1]], (50, 1)), 3)
    assert always[0][0, 1] == 1
    assert np.isnan(always[0][2]).all()
