"""Chance: each token draws k different experts, all equally likely.

N tokens · E experts · k experts of each token · R draws of the vector of counts, one in each row. It does not depend on how
experts are numbered. Tokens of one document are not independent, so that the ranges of real text are wider.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from leafscope.core.usage.chance import Expected, of_draws
from leafscope.core.usage.evenness import measure_counts

DRAWS = 2000
"""Draws behind a mean and a range."""

FEW_TOKENS = 2000
"""Below so many tokens draws are always exact."""

_MANY = 30
"""Assignments of an expert from which the normal distribution with the skewness of the counts is close enough: means and ends
of ranges are off by less than the draws make them vary."""

WHY = "each token draws k different experts, all equally likely; 2,000 draws"
"""What chance means, in words."""


def uniform_counts(tokens: int, experts: int, top_k: int, draws: int = DRAWS, seed: int = 0) -> NDArray[np.int64]:
    """Draw counts of experts: (R, E), each row sums to N k.

    Exact, expert by expert: of the tokens that have r of their k choices left, when m experts are left, a binomial number
    with probability r / m takes the next expert. With at least 2,000 tokens and 30 assignments of an expert: normal, with
    variance N p (1 - p), p = k / E, covariance -N p (1 - p) / (E - 1) and the skewness of a binomial number (Cornish & Fisher
    1938), rounded; sums are then N k up to rounding.
    Raises ValueError unless N >= 0, 1 <= k <= E and R >= 1.

    >>> uniform_counts(tokens=3, experts=2, top_k=2, draws=2).tolist()
    [[3, 3], [3, 3]]
    """
    if tokens < 0 or not 1 <= top_k <= experts or draws < 1:
        raise ValueError(f"tokens must be at least 0, top_k from 1 to {experts}, got {tokens} and {top_k}, and draws {draws}")
    rng = np.random.default_rng(seed)
    if 2 * top_k > experts:  # to choose k is to leave out E - k
        return (
            tokens - uniform_counts(tokens, experts, experts - top_k, draws, seed)
            if top_k < experts
            else np.full((draws, experts), tokens, np.int64)
        )
    if tokens >= FEW_TOKENS and tokens * top_k / experts >= _MANY:
        p = top_k / experts
        variance = tokens * p * (1 - p)
        z = rng.standard_normal((draws, experts))
        z -= z.mean(1, keepdims=True)
        z *= np.sqrt(experts / (experts - 1))
        z += (1 - 2 * p) / np.sqrt(variance) / 6 * (z * z - 1)
        z -= z.mean(1, keepdims=True)
        spread = np.sqrt(variance - 1 / 12)  # rounding adds a twelfth
        return np.maximum(0, np.rint(tokens * p + spread * z)).astype(np.int64)
    left = np.zeros((top_k + 1, draws), np.int64)  # tokens by the choices that they have left
    left[top_k] = tokens
    counts = np.empty((draws, experts), np.int64)
    for expert in range(experts):
        m = experts - expert
        counts[:, expert] = 0
        for r in range(1, min(top_k, m) + 1):  # from few to many, so that a token takes an expert once
            took = rng.binomial(left[r], r / m)
            counts[:, expert] += took
            left[r] -= took
            left[r - 1] += took
    return counts


def expected_by_chance(tokens: int, experts: int, top_k: int, names: tuple[str, ...]) -> dict[str, Expected]:
    """Compute statistics of counts by chance: their mean and 95 % range over 2,000 draws; NaN without tokens.

    Names are those of `usage.evenness.names_of_counts()`. Kept by (N, E, k), since layers share them.
    """
    return dict(zip(names, _expected(tokens, experts, top_k, names), strict=True))


@lru_cache(maxsize=4096)
def _expected(tokens: int, experts: int, top_k: int, names: tuple[str, ...]) -> tuple[Expected, ...]:
    if tokens == 0:
        return (Expected.unknown(),) * len(names)
    found = measure_counts(_draws(tokens, experts, top_k), names)
    return tuple(of_draws(found[name].astype(np.float64)) for name in names)


@lru_cache(maxsize=8)
def _draws(tokens: int, experts: int, top_k: int) -> NDArray[np.int64]:
    return uniform_counts(tokens, experts, top_k)
