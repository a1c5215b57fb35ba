"""Which experts specialize in a domain, and which are chosen together.

D domains · E experts · N tokens · k experts of each token.
"""

import math

import numpy as np
from numpy.typing import NDArray

from leafscope.core.routing.chance import uniform_counts
from leafscope.core.routing.statistics import whole
from leafscope.core.usage.classes import lift as lift_of
from leafscope.core.usage.information import information

_MANY = 200_000
"""Assignments from which the mean information of random pairings is its first term; the next is smaller by as many."""


def specialization(counts: NDArray[np.number]) -> NDArray[np.float64]:
    """Compare the share of a domain's assignments that go to an expert with 1 / E: (D, E) -> (D, E); NaN without any."""
    n = counts.astype(np.float64)
    total = n.sum(1, keepdims=True)
    return np.divide(n * n.shape[1], total, out=np.full_like(n, math.nan), where=total > 0)


def by_chance(tokens: int, experts: int, top_k: int) -> tuple[float, float]:
    """Return the 95 % range of `specialization` of one expert if tokens choose uniformly; NaN without tokens.

    >>> by_chance(tokens=100, experts=4, top_k=4)
    (1.0, 1.0)
    """
    if tokens == 0:
        return math.nan, math.nan
    drawn = uniform_counts(tokens, experts, top_k) * experts / (tokens * top_k)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(low), float(high)


def lift(counts: NDArray[np.number]) -> NDArray[np.float64]:
    """Compare the share of a domain's assignments to an expert with that of all domains: (D, E) -> (D, E); 1 is neutral.

    NaN for an expert that is never chosen and a domain without assignments.
    """
    return lift_of(whole(counts).T).T


def adjusted_information(counts: NDArray[np.number]) -> float:
    """Measure how much the expert of an assignment tells about its domain: (D, E) counts -> adjusted mutual information.

    0 is what random pairings give, 1 is everything; as scikit-learn's `adjusted_mutual_info_score`, and from 200,000
    assignments on with (D - 1) (E - 1) / (2 N) for the mean of random pairings. NaN for shares, and where there is no choice.
    """
    if counts.dtype.kind == "f":
        return math.nan
    n = counts[counts.sum(1) > 0][:, counts.sum(0) > 0].astype(np.int64)
    total = int(n.sum())
    if n.shape[0] < 2 or n.shape[1] < 2:
        return math.nan
    if total < _MANY:
        return information(n).adjusted
    of_domain, of_expert, of_both = (_entropy(part / total) for part in (n.sum(1), n.sum(0), n.ravel()))
    mean = (n.shape[0] - 1) * (n.shape[1] - 1) / (2 * total)
    return (of_domain + of_expert - of_both - mean) / ((of_domain + of_expert) / 2 - mean)


def coactivation(ids: NDArray[np.integer], experts: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Measure which experts the same tokens choose: (N, k) ids, -1 none -> P(j given i), and it over independence, (E, E) each.

    Independent, tokens with expert i choose j with P(j) (k - 1) / (k - P(i)), so that each row sums to k - 1, k the mean number
    of experts of a token: this project's choice. NaN on the diagonal, and for experts that are never chosen.
    """
    chosen = np.zeros((len(ids), experts), np.float32)
    token, place = np.nonzero(ids >= 0)
    chosen[token, ids[token, place]] = 1
    chosen = chosen[chosen.any(1)]
    both = (chosen.T @ chosen).astype(np.float64)
    alone = np.diag(both).copy()
    np.fill_diagonal(both, math.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        given = np.where(alone[:, None] > 0, both / alone[:, None], math.nan)
        p = alone / len(chosen)
        k = p.sum()
        expected = p[None] * (k - 1) / (k - p[:, None])
        return given, np.where(expected > 0, given / expected, math.nan)


def _entropy(p: NDArray[np.float64]) -> float:
    used = p[p > 0]
    return float(-(used * np.log(used)).sum())
