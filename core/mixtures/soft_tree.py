"""The net of a soft decision tree (`core.models.soft_tree` says what of which paper): a dense hidden layer, and the tree.

N rows · P input features · C classes · K depth · L = 2^K leaves · V = 2^K - 1 inner nodes · w width.
"""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from leafscope.core.mixtures.decisions import depth_of, node_shares, path_shares
from leafscope.core.nets import Net, Routed, dense_layer, generator_of

if TYPE_CHECKING:
    from leafscope.core.config import NetConfig, TrainConfig


class SoftTreeNet(Net):
    """A tree of depth K on w hidden units: (N, P) -> (N, C) logarithms of class probabilities.

    `leaves` (L, C) are the logits of the leaves' distributions; they start with small random numbers, since equal leaves would
    give the decisions no gradient. `inner` computes all decisions, before the inverse temperature; None at depth 0.
    """

    mixes = True

    def __init__(self, config: "NetConfig", n_features: int, n_outputs: int, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        n_leaves = 1 << config.depth
        self.leaves = nn.Parameter(torch.empty(n_leaves, n_outputs))
        bound = 1 / math.sqrt(config.width)
        with torch.no_grad():
            self.leaves.uniform_(-bound, bound, generator=generator_of(seed, 1))
        self.hidden = dense_layer(n_features, config.width, generator_of(seed, 0))
        self.inner = dense_layer(config.width, n_leaves - 1, generator_of(seed, 100)) if config.depth else None

    def decisions(self, x: Tensor) -> Tensor:
        """Compute what every node's logistic function reads: (N, P) -> (N, V)."""
        h = functional.relu(self.hidden(x))
        return h.new_empty(len(h), 0) if self.inner is None else self.config.inverse_temperature * self.inner(h)

    def routed(self, x: Tensor, gate_gradient: str = "none", noise: list[Tensor] | None = None) -> Routed:
        """Let the likeliest leaf answer, the first if several are equal, and say which it was."""
        leaf = path_shares(self.decisions(x)).argmax(1)
        return Routed(torch.log_softmax(self.leaves, 1)[leaf], [], [leaf])

    def learning(self, x: Tensor, train: "TrainConfig", noise: list[Tensor] | None = None) -> Routed:
        """Average the leaves' logarithms of probabilities by their paths' shares: minus that of a row's class is its loss."""
        decisions = self.decisions(x)
        shares = path_shares(decisions)
        extra = train.balance * path_balance(decisions, shares) if train.balance > 0 and self.inner is not None else None
        return Routed(shares @ torch.log_softmax(self.leaves, 1), [], [shares.argmax(1)], extra, are_log_shares=True)

    def mixed(self, x: Tensor) -> Tensor:
        """Compute the logarithms of the mixture's probabilities: (N, P) -> (N, C)."""
        shares = path_shares(self.decisions(x)) @ torch.softmax(self.leaves, 1)
        return shares.clamp_min(torch.finfo(shares.dtype).tiny).log()


def path_balance(decisions: Tensor, shares: Tensor) -> Tensor:
    """Measure how unevenly inner nodes share what reaches them: decisions (N, V), shares of leaves (N, L) -> scalar.

    Over all inner nodes, -1/2 * 2^-level * [log alpha + log(1 - alpha)], alpha the mean of the node's decisions over the rows,
    weighted by the share of a row that reaches the node (Frosst & Hinton 2017, arXiv 1711.09784, eq. 4 and 5).
    """
    total = shares.new_zeros(())
    tiny = torch.finfo(shares.dtype).eps
    for level in range(depth_of(decisions)):
        reached = node_shares(shares, level)
        right = torch.sigmoid(decisions[:, (1 << level) - 1 : (2 << level) - 1])
        alpha = ((reached * right).sum(0) / reached.sum(0).clamp_min(tiny)).clamp(tiny, 1 - tiny)
        total = total - 0.5 * 2.0**-level * (alpha.log() + (1 - alpha).log()).sum()
    return total
