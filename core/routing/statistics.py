"""How evenly a log's layers use their experts, and what `leafscope routing add --json` prints.

D domains · S steps · A layers · E experts · N tokens · k experts of each token.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscope.core.routing.chance import expected_by_chance
from leafscope.core.routing.routing import Routing
from leafscope.core.usage.chance import Expected
from leafscope.core.usage.evenness import BALANCE_NAMES, measure_counts

SHOWN = tuple(name.replace("leaves", "experts") for name in BALANCE_NAMES)
"""Names of statistics in JSON, where leaves are experts."""

BY_CHANCE = ("effective_leaves", "max_violation")
"""The statistics that are compared with chance in JSON."""

_MANY_TOKENS = 64
"""Different numbers of tokens in a log above which they are rounded to two digits for chance, whose range then differs by 5 %
at most; each takes about 0.1 s."""

_UNIT = 2.0**40


def whole(counts: NDArray[Any]) -> NDArray[np.int64]:
    """Return counts as they are, and shares as whole numbers of 2^-40 of their sum: (..., E) -> (..., E).

    Statistics of counts depend on the proportions only.
    """
    if counts.dtype.kind != "f":
        return counts
    total = counts.sum(-1, keepdims=True)
    return np.rint(np.divide(counts, total, out=np.zeros_like(counts), where=total > 0) * _UNIT).astype(np.int64)


def measured(counts: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Compute the statistics of `usage.evenness.balance` and `max_share`: (R, E) -> {name: (R,)}; NaN without assignments."""
    n = whole(counts)
    found = measure_counts(n, BALANCE_NAMES)
    total = n.sum(1, dtype=np.float64)
    return found | {"max_share": np.divide(n.max(1), total, out=np.full(len(n), np.nan), where=total > 0)}


@dataclass(frozen=True)
class Practice:
    """A number that other programs print of the same counts."""

    title: str
    formula: str
    source: str
    compute: Callable[[NDArray[np.float64]], NDArray[np.float64]]
    """(R, E) shares that sum to 1 -> (R,)."""


def _entropy(p: NDArray[np.float64]) -> NDArray[np.float64]:
    entropy: NDArray[np.float64] = -(p * np.log(p, out=np.zeros_like(p), where=p > 0)).sum(1)
    return np.maximum(0, entropy)


PRACTICE = {
    "balancedness": Practice("Balancedness", "mean / max", "SGLang", lambda p: 1 / (p.shape[1] * p.max(1))),
    "imbalance": Practice("Imbalance", "max / mean", "vLLM", lambda p: p.shape[1] * p.max(1)),
    "normalized_entropy": Practice("Normalized entropy", "H / log E", "common", lambda p: _entropy(p) / np.log(p.shape[1])),
    "used_share": Practice("Effective share", "exp(H) / E", "NeMo", lambda p: np.exp(_entropy(p)) / p.shape[1]),
    "kl_uniform": Practice(
        "KL to uniform", "log E - H, in nats", "common", lambda p: np.maximum(0, np.log(p.shape[1]) - _entropy(p))
    ),
    "max_vio": Practice("MaxVio", "max / mean - 1", "DeepSeek-V3", lambda p: p.shape[1] * p.max(1) - 1),
}
"""By name; mean / max and max / mean are reciprocal, and MaxVio is the second minus 1."""


def practice(counts: NDArray[Any]) -> dict[str, NDArray[np.float64]]:
    """Compute what other programs print: (R, E) -> {name: (R,)}; NaN without assignments, and without a choice (E = 1)."""
    n = counts.astype(np.float64)
    total = n.sum(1, keepdims=True)
    p = np.divide(n, total, out=np.full_like(n, np.nan), where=total > 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return {name: one.compute(p) for name, one in PRACTICE.items()}


def chances(
    routing: Routing, tokens: NDArray[np.int64] | None, names: tuple[str, ...] = BY_CHANCE
) -> list[dict[str, Expected] | None]:
    """Compute what chance gives for each number of tokens: (R,) -> R times {name: Expected}, None where it is unknown."""
    if tokens is None or routing.top_k is None:
        return [] if tokens is None else [None] * len(tokens)
    several = len(np.unique(tokens)) > _MANY_TOKENS
    return [
        expected_by_chance(_rounded(int(n)) if several else int(n), routing.experts, routing.top_k, names) if n else None
        for n in tokens
    ]


def _rounded(n: int) -> int:
    return int(float(f"{n:.1e}"))


def why_no_chance(routing: Routing) -> str | None:
    """Say what chance needs that is not known; None: nothing."""
    if routing.top_k is None:
        needed = "top-k" if not routing.is_shares or routing.tokens is not None else "top-k and the number of tokens"
        return f"chance needs {needed}, which the file does not say"
    if routing.is_shares and routing.tokens is None:
        return "chance needs the number of tokens N, which shares do not say"
    return None


def described(routing: Routing) -> dict[str, Any]:
    """Return what `leafscope routing add --json` prints: a row for each layer, domain and step, and for each layer over all."""
    return {
        "name": routing.name,
        "hash": routing.hash,
        "layers": list(routing.layers),
        "steps": list(routing.steps),
        "domains": list(routing.domains),
        "experts": routing.experts,
        "top_k": routing.top_k,
        "assignments": routing.assignments,
        "shared": list(routing.shared),
        "statistics": list(_statistics(routing)),
    }


def _statistics(routing: Routing) -> Iterator[dict[str, Any]]:
    places = np.argwhere(routing.has.transpose(2, 0, 1))  # layer, domain, step
    of_parts = places[:, 1], places[:, 2], places[:, 0]
    tokens = _tokens(routing, of_parts)
    rows = _rows(routing, routing.counts[of_parts], tokens)
    layers = routing.layers
    for (layer, domain, step), row in zip(places, rows, strict=True):
        yield {
            "layer": layers[layer],
            "domain": routing.domains[domain] if routing.domains else None,
            "step": routing.steps[step] if routing.steps else None,
        } | row
    several = np.flatnonzero(routing.has_at() > 1)
    if len(several):
        over_all = routing.tokens_at()
        found = _rows(routing, routing.at()[several], None if over_all is None else over_all[several])
        for place, row in zip(several, found, strict=True):
            yield {"layer": layers[place], "domain": None, "step": None} | row


def _tokens(routing: Routing, places: tuple[NDArray[np.intp], ...]) -> NDArray[np.int64] | None:
    if routing.tokens is not None:
        return np.full(len(places[0]), routing.tokens)
    if routing.top_k is None or routing.is_shares:
        return None
    return np.rint(routing.counts[places].sum(-1) / routing.top_k).astype(np.int64)


def _rows(routing: Routing, counts: NDArray[Any], tokens: NDArray[np.int64] | None) -> Iterator[dict[str, Any]]:
    values = measured(counts)
    by_chance = chances(routing, tokens) or [None] * len(counts)
    for place, chance in enumerate(by_chance):
        row: dict[str, Any] = {
            shown: _finite(values[name][place])
            for shown, name in zip((*SHOWN, "max_share"), (*BALANCE_NAMES, "max_share"), strict=True)
        }
        row["chance"] = (
            None
            if chance is None
            else {
                name.replace("leaves", "experts"): {"mean": one.mean, "low": one.low, "high": one.high}
                for name, one in chance.items()
            }
        )
        yield row


def _finite(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if np.isfinite(value) else None
