"""A layer of a fast feedforward net (`core.models.fff` says what of which paper).

N rows · K depth · L = 2^K leaves · V = 2^K - 1 inner nodes · w width.
"""

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from leafscope.core.mixtures.decisions import hard_leaf, mean_entropy, path_shares
from leafscope.core.mixtures.maps import Maps
from leafscope.core.mixtures.moe import load_loss
from leafscope.core.mixtures.net import MixtureLayer, Sent
from leafscope.core.nets import dense_layer

if TYPE_CHECKING:
    from leafscope.core.config import NetConfig, TrainConfig


class FastFeedforward(MixtureLayer):
    """L leaves from w to w below a tree of soft decisions; `inner` computes all decisions, None at depth 0."""

    mixes = True

    def __init__(self, config: "NetConfig", generator: torch.Generator, of_nodes: torch.Generator) -> None:
        super().__init__()
        leaves = 1 << config.depth
        self._hardening = config.hardening
        self.maps = Maps(leaves, config.width, config.width, config.leaf_width, generator)
        self.inner = dense_layer(config.width, leaves - 1, of_nodes) if config.depth else None
        self.numbers = leaves * (config.width + config.leaf_width)

    def decisions(self, h: Tensor) -> Tensor:
        """Compute what every node reads: (N, w) -> (N, V)."""
        return h.new_empty(len(h), 0) if self.inner is None else self.inner(h)

    def learning(self, h: Tensor, train: "TrainConfig") -> Sent:
        """Mix all leaves; the loss gets the entropy of the decisions and the load balancing."""
        decisions = self.decisions(h)
        shares, leaf = path_shares(decisions), hard_leaf(decisions)
        extra = self._hardening * mean_entropy(decisions)
        if train.balance > 0 and self.inner is not None:
            extra = extra + train.balance * load_loss(shares, leaf)
        return Sent(self._mix(h, shares), leaf, extra)

    def mixed(self, h: Tensor) -> Tensor:
        """Mix all leaves by the products along their paths."""
        return self._mix(h, path_shares(self.decisions(h)))

    def inferred(self, h: Tensor) -> Sent:
        """Use the one leaf on the harder side of each node."""
        leaf = hard_leaf(self.decisions(h))
        return Sent(self.maps.own(h, leaf), leaf)

    def _mix(self, h: Tensor, shares: Tensor) -> Tensor:
        return torch.einsum("nl,nlq->nq", shares, self.maps(h))
