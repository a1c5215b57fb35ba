"""A layer of a mixture of experts, top k of E (`core.models.moe` says what of which paper).

N rows · E experts · k experts of a row · w width.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from leafscope.core.balancing import BALANCINGS
from leafscope.core.mixtures.maps import Maps
from leafscope.core.mixtures.net import MixtureLayer, Sent
from leafscope.core.tree import draw_linear

if TYPE_CHECKING:
    from leafscope.core.config import NetConfig, TrainConfig


class MixtureOfExperts(MixtureLayer):
    """E experts from w to w, and a router without biases; `offsets` (E,) are added to the scores where experts are chosen."""

    mixes = False

    def __init__(self, config: "NetConfig", generator: torch.Generator, of_router: torch.Generator) -> None:
        super().__init__()
        self._top_k, self._is_penalized = config.top_k, config.balancing == "loss"
        self.router = nn.Parameter(torch.empty(config.experts, config.width))
        draw_linear(self.router, None, of_router)
        has_offsets = BALANCINGS[config.balancing].has_offsets
        self.offsets: Tensor | None
        self.register_buffer("offsets", torch.zeros(config.experts) if has_offsets else None)
        self.maps = Maps(config.experts, config.width, config.width, config.leaf_width, generator)
        self.numbers = config.experts * (config.width + config.leaf_width)

    def scores(self, h: Tensor) -> Tensor:
        """Compute the softmax over all experts: (N, w) -> (N, E)."""
        return torch.softmax(h @ self.router.T, 1)

    def chosen(self, scores: Tensor) -> Tensor:
        """Choose the k experts with the highest scores, offsets included, the first of equals: (N, E) -> (N, k), best first."""
        ranked = scores if self.offsets is None else scores + self.offsets
        return ranked.argsort(dim=1, descending=True, stable=True)[:, : self._top_k]  # topk takes any of equals

    def learning(self, h: Tensor, train: "TrainConfig") -> Sent:
        """Compute all experts in one product, and keep those that were chosen."""
        scores = self.scores(h)
        chosen = self.chosen(scores)
        weights = scores.gather(1, chosen)
        y = self.maps(h).gather(1, chosen.unsqueeze(2).expand(-1, -1, h.shape[1]))
        extra = train.balance * load_loss(scores, chosen) if self._is_penalized and train.balance > 0 else None
        return Sent((weights.unsqueeze(2) * y).sum(1), _of_rows(chosen), extra)

    def inferred(self, h: Tensor) -> Sent:
        """Compute only the chosen experts."""
        scores = self.scores(h)
        chosen = self.chosen(scores)
        weights = scores.gather(1, chosen)
        parts = [weights[:, place, None] * self.maps.own(h, chosen[:, place]) for place in range(self._top_k)]
        return Sent(torch.stack(parts).sum(0), _of_rows(chosen))

    def balance(self, leaf: Tensor, config: "NetConfig") -> None:
        """Raise the offset of experts with fewer rows than the mean, and lower that of others (arXiv 2408.15664)."""
        if self.offsets is not None:
            load = torch.bincount(leaf.reshape(-1), minlength=len(self.offsets)).to(self.offsets.dtype)
            self.offsets += config.bias_rate * (load.mean() - load).sign()


def load_loss(scores: Tensor, chosen: Tensor) -> Tensor:
    """Measure how uneven loads and scores are together: E sum f_e p_e, 1 where either is even.

    f: share of all rows' choices, chosen (N, k) or (N,); p: mean score, (N, E). Fedus et al. 2021 (arXiv 2101.03961), eq. 4.
    """
    n_experts = scores.shape[1]
    counts = torch.bincount(chosen.reshape(-1), minlength=n_experts).to(scores.dtype)
    return n_experts * (counts / max(1, chosen.numel()) * scores.mean(0)).sum()


def _of_rows(chosen: Tensor) -> Tensor:
    """Give one choice a row as (N,)."""
    return chosen.squeeze(1) if chosen.shape[1] == 1 else chosen
