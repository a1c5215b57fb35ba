"""What is known of a model's routing: counts of experts, and the experts of each token where they are known.

D domains · S steps · A layers · E experts · N tokens · k experts of each token.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from leafscope.core.errors import RoutingError
from leafscope.core.limits import MAX_ASSIGNMENTS, MAX_EXPERTS, MAX_ROUTING_VALUES
from leafscope.core.routing.saving import as_csv, pack


@dataclass(frozen=True, eq=False, kw_only=True)
class Routing:
    """How often each expert was chosen, by domain, step and layer.

    Raises RoutingError for negative, infinite or missing values, for shapes that do not fit, and for more than a limit.
    """

    name: str = "routing"
    counts: NDArray[np.int64] | NDArray[np.float64]
    """(D, S, A, E) assignments; as floating-point numbers they are shares, of which only the proportions count."""
    layers: tuple[int, ...]
    """(A,) the layers' numbers, ascending; they need not begin at 0."""
    steps: tuple[float, ...] = ()
    """(S,) ascending; empty: the counts are of no step, and S is 1."""
    domains: tuple[str, ...] = ()
    """(D,) names; empty: the counts are of no domain, and D is 1."""
    known: NDArray[np.bool_] | None = None
    """(D, S, A) which of them the log has; None: all."""
    top_k: int | None = None
    """k; None: unknown."""
    tokens: int | None = None
    """N of each layer, step and domain, where it is known beside the counts; None: counts say it if k is known."""
    shared: tuple[int, ...] = ()
    """Shared experts, which get every token; they are left out of the counts."""
    ids: NDArray[np.integer] | None = None
    """(N, A, k) the experts of each token, -1 where there is none; None: unknown."""
    notes: tuple[str, ...] = ()
    """Sentences about what was left out, and how the log was understood."""

    def __post_init__(self) -> None:
        shape = (max(1, len(self.domains)), max(1, len(self.steps)), len(self.layers))
        if self.counts.ndim != 4 or self.counts.shape[:3] != shape or not self.counts.shape[3] or not shape[2]:
            raise RoutingError(f"counts must have the shape {shape} and experts, got {self.counts.shape}")
        if self.experts > MAX_EXPERTS:
            raise RoutingError(f"a layer must have at most {MAX_EXPERTS:,} experts, got {self.experts:,}")
        if self.counts.size > MAX_ROUTING_VALUES or (self.ids is not None and self.ids.size > MAX_ROUTING_VALUES):
            raise RoutingError(f"a routing log must have at most {MAX_ROUTING_VALUES:,} values, got {self.counts.size:,}")
        if not np.isfinite(self.counts).all() or self.counts.min() < 0:
            raise RoutingError("counts must be numbers of at least 0, but some are negative, infinite or missing")
        if self.counts.sum(dtype=np.float64) > MAX_ASSIGNMENTS:
            raise RoutingError(f"a routing log must have at most {MAX_ASSIGNMENTS:,} assignments, and this one has more")
        if self.top_k is not None and not 1 <= self.top_k <= self.experts:
            raise RoutingError(f"top-k must be from 1 to the number of experts ({self.experts:,}), got {self.top_k:,}")
        if self.tokens is not None and not 1 <= self.tokens <= MAX_ASSIGNMENTS:
            raise RoutingError(f"the number of tokens must be from 1 to {MAX_ASSIGNMENTS:,}, got {self.tokens:,}")

    @property
    def experts(self) -> int:
        """E, the same for all layers: the highest number of an expert in any of them, plus 1."""
        return self.counts.shape[3]

    @property
    def is_shares(self) -> bool:
        """Whether it has shares instead of counts; then chance needs the number of tokens."""
        return self.counts.dtype.kind == "f"

    @property
    def has(self) -> NDArray[np.bool_]:
        """(D, S, A) which domains, steps and layers the log has."""
        return np.ones(self.counts.shape[:3], np.bool_) if self.known is None else self.known

    @property
    def assignments(self) -> int | None:
        """All assignments of the log; None for shares of an unknown number of tokens."""
        if not self.is_shares:
            return int(self.counts.sum())
        return None if self.tokens is None or self.top_k is None else self.tokens * self.top_k * int(self.has.sum())

    @property
    def hash(self) -> str:
        """The address of the content, 16 hexadecimal digits: the same counts and choices give the same, whatever the file."""
        about = [self.counts.shape, self.is_shares, self.layers, self.steps, self.domains, self.top_k, self.tokens, self.shared]
        digest = hashlib.sha256(json.dumps(about, ensure_ascii=True).encode())
        digest.update(np.packbits(self.has).tobytes())
        digest.update(np.ascontiguousarray(self.counts, "<f8" if self.is_shares else "<i8").data)
        if self.ids is not None:
            digest.update(np.ascontiguousarray(self.ids, "<i4").data)
        return digest.hexdigest()[:16]

    def at(self, domain: str | None = None, step: float | None = None) -> NDArray[np.int64] | NDArray[np.float64]:
        """Return the counts of each layer: (A, E); None: over all domains, or all steps. Shares are averaged.

        Raises KeyError for a domain or step that the log does not have.
        """
        at = self._places(domain, step)
        if not self.is_shares:
            return self.counts[at].sum((0, 1))
        n = np.maximum(1, self.has[at].sum((0, 1)))
        return self.counts[at].sum((0, 1)) / n[:, None]

    def has_at(self, domain: str | None = None, step: float | None = None) -> NDArray[np.int64]:
        """Count the parts, of a domain and a step each, that the log has of each layer: (A,)."""
        return self.has[self._places(domain, step)].sum((0, 1))

    def tokens_at(self, domain: str | None = None, step: float | None = None) -> NDArray[np.int64] | None:
        """Return the tokens of each layer: (A,) N, rounded where tokens were dropped; None: unknown."""
        if self.tokens is not None:
            return self.tokens * self.has_at(domain, step)
        if self.top_k is None or self.is_shares:
            return None
        return np.rint(self.at(domain, step).sum(1) / self.top_k).astype(np.int64)

    def _places(self, domain: str | None, step: float | None) -> tuple[slice, slice]:
        return _place("domain", domain, self.domains), _place("step", step, self.steps)

    def save(self, file: str | os.PathLike[str]) -> None:
        """Write it to a file that `read_routing` reads: a long CSV if its name ends with .csv, else safetensors.

        A CSV holds neither the experts of each token nor k. Raises ValueError for a name that promises another format, and
        OSError.
        """
        path = Path(file)
        if path.suffix.lower() not in ("", ".csv", ".safetensors"):
            raise ValueError(f"a routing log is saved as .safetensors or .csv, got {path.suffix}")
        path.write_bytes(as_csv(self).encode() if path.suffix.lower() == ".csv" else pack(self))


def _place(what: str, value: object, values: tuple[object, ...]) -> slice:
    if value is None:
        return slice(None)
    if value not in values:
        raise KeyError(f"the log has no {what} {value!r:.60}")
    place = values.index(value)
    return slice(place, place + 1)
