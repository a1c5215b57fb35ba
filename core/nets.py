"""Nets with a dense hidden layer, 1 to 3 gated layers of the same width, and a dense head.

N rows · P input features · C classes · K depth (gating bits). `TreeNet` chooses the matrices of its gated layers by sign
patterns (Cho & Bengio 2014, arXiv 1406.7362); `DenseNet` has the same widths and no gates. Before training, nets with the
same seed compute the same function for any parametrization and depth (this project's choice).
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from leafscope.core.balancing import BALANCINGS
from leafscope.core.gating import bits_of
from leafscope.core.kernels import read_leaves
from leafscope.core.tree import Parametrization, TreeLinear, draw_linear

if TYPE_CHECKING:
    from leafscope.core.config import NetConfig, TrainConfig


@dataclass(frozen=True)
class Routed:
    """The result of a forward pass, with the gates and leaves of each gated layer."""

    logits: Tensor
    """(N, C)."""
    gates: list[Tensor]
    """(N, K) for each gated layer: the gating pre-activations, with their offsets and without noise."""
    leaves: list[Tensor]
    """(N,) int64 for each gated layer; for other routed layers with top-k (N, k)."""
    extra: Tensor | None = None
    """In training, what is added to the loss beside the penalty on gates; None: nothing."""
    are_log_shares: bool = False
    """Whether `logits` are mean logarithms of class probabilities, of which minus that of a row's class is its loss."""


class Net(nn.Module, ABC):
    """What training needs of a net: it computes (N, P) -> (N, C) logits, of which `routed` also says which way rows went."""

    config: "NetConfig"
    mixes = False
    """Whether training mixes leaves of which inference uses one; then `mixed` gives the logits of the mixture."""

    @abstractmethod
    def routed(self, x: Tensor, gate_gradient: str = "none", noise: list[Tensor] | None = None) -> Routed:
        """Compute the logits as inference does, and say which way each row went."""

    def forward(self, x: Tensor) -> Tensor:
        """Compute the logits as inference does: (N, P) -> (N, C)."""
        return self.routed(x).logits

    def learning(self, x: Tensor, train: "TrainConfig", noise: list[Tensor] | None = None) -> Routed:
        """Compute the logits as training does."""
        return self.routed(x, train.gate_gradient, noise)

    def mixed(self, x: Tensor) -> Tensor:
        """Compute the logits of the mixture of all leaves: (N, P) -> (N, C); NotImplementedError for nets without one."""
        raise NotImplementedError

    def move_offsets(self, routed: Routed, strength: float) -> None:
        """Move the offsets of gates or experts, if there are any, by a batch that these weights routed (`core.balancing`)."""


class DenseNet(Net):
    """A net of the same widths without gates: (N, P) -> (N, C) logits."""

    def __init__(self, config: "NetConfig", n_features: int, n_outputs: int, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        self.hidden = dense_layer(n_features, config.width, generator_of(seed, 0))
        self.layers = nn.ModuleList(
            dense_layer(config.width, config.width, generator_of(seed, 1 + index)) for index in range(config.tree_layers)
        )
        self.head = dense_layer(config.width, n_outputs, generator_of(seed, 1 + config.tree_layers))

    def routed(self, x: Tensor, gate_gradient: str = "none", noise: list[Tensor] | None = None) -> Routed:
        """Compute the logits; a dense net has no gates, so that the lists are empty and the options do nothing."""
        z = self.hidden(x)
        for layer in self.layers:
            z = layer(functional.relu(z))
        return Routed(self.head(functional.relu(z)), [], [])


class TreeNet(Net):
    """A net whose middle layers choose their matrix by sign pattern: (N, P) -> (N, C) logits.

    Gates are the first K units of the layer below (`hidden`), K separate linear units on the same input (`units`), or K
    frozen random hyperplanes through the origin (`random`). Some ways of balancing (`core.balancing`) add an offset to each.
    """

    def __init__(self, config: "NetConfig", n_features: int, n_outputs: int, seed: int = 0) -> None:
        super().__init__()
        self.config = config
        width, depth = config.width, config.depth
        parametrization: Parametrization = config.model.parametrization  # type: ignore[assignment]
        self.hidden = dense_layer(n_features, width, generator_of(seed, 0))
        self.layers = nn.ModuleList(
            TreeLinear(width, width, depth, parametrization, sparse=True, generator=generator_of(seed, 1 + index))
            for index in range(config.tree_layers)
        )
        self.head = dense_layer(width, n_outputs, generator_of(seed, 1 + config.tree_layers))
        self.gates = nn.ModuleList()
        if config.gates != "hidden" and depth > 0:
            self.gates.extend(
                dense_layer(width, depth, generator_of(seed, 100 + index))
                if config.gates == "units"
                else _Hyperplanes(width, depth, generator_of(seed, 100 + index))
                for index in range(config.tree_layers)
            )
        self.offsets: Tensor | None
        """(layers, K): added to the gating pre-activations; None: nothing is."""
        has_offsets = depth > 0 and BALANCINGS[config.balancing].has_offsets
        self.register_buffer("offsets", torch.zeros(config.tree_layers, depth) if has_offsets else None)

    def routed(self, x: Tensor, gate_gradient: str = "none", noise: list[Tensor] | None = None) -> Routed:
        """Compute the logits and say which way each row went.

        `gate_gradient` names how gates learn from their bits (`core.gates`). `noise`, one (N, K) for each gated layer, is
        added to the gating pre-activations before their sign is read.
        """
        gates: list[Tensor] = []
        leaves: list[Tensor] = []
        z = self.hidden(x)
        for index, layer in enumerate(self.layers):
            h = functional.relu(z)
            gate = self.gates[index](h) if len(self.gates) else z[:, : self.config.depth]
            gate = gate if self.offsets is None else gate + self.offsets[index]
            read = gate if noise is None else gate + noise[index]
            leaf = read_leaves(read)
            gates.append(gate)
            leaves.append(leaf)
            z = layer(h, leaf, read, gate_gradient)
        return Routed(self.head(functional.relu(z)), gates, leaves)

    @torch.no_grad()
    def move_offsets(self, routed: Routed, strength: float) -> None:
        """Move the offsets of the gates, if they have any, by a batch that these weights routed (`core.balancing`)."""
        lowering = BALANCINGS[self.config.balancing].lowering
        if lowering is None or self.offsets is None:
            return
        for offset, gate, leaf in zip(self.offsets, routed.gates, routed.leaves, strict=True):
            offset -= lowering(gate, bits_of(leaf, self.config.depth), strength)


class _Hyperplanes(nn.Module):
    """K frozen Gaussian directions through the origin: (N, P) -> (N, K)."""

    def __init__(self, in_features: int, depth: int, generator: torch.Generator) -> None:
        super().__init__()
        self.normals: Tensor
        self.register_buffer("normals", torch.randn(depth, in_features, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.normals.T


def balance_penalty(gate: Tensor, leaf: Tensor) -> Tensor:
    """Measure how unevenly inner nodes send their rows: gate (N, K), leaf (N,) -> scalar, at least log 2 for each level.

    Over the inner nodes that a row reaches by hard routing, -1/2 * 2^-level * [log alpha + log(1 - alpha)], alpha the
    mean of sigma(a_level) over the node's rows (Frosst & Hinton 2017, arXiv 1711.09784, who weight by path probability;
    hard routing is this project's choice).
    """
    depth = gate.shape[1]
    total = gate.new_zeros(())
    for level in range(depth):
        _, node = torch.unique(leaf >> (depth - level), return_inverse=True)
        n_nodes = int(node.max()) + 1 if node.numel() else 0
        rows = gate.new_zeros(n_nodes).index_add(0, node, gate.new_ones(node.shape))
        right = gate.new_zeros(n_nodes).index_add(0, node, torch.sigmoid(gate[:, level]))
        tiny = torch.finfo(gate.dtype).eps
        alpha = (right / rows).clamp(tiny, 1 - tiny)
        total = total - 0.5 * 2.0**-level * (alpha.log() + (1 - alpha).log()).sum()
    return total


def generator_of(seed: int, part: int) -> torch.Generator:
    """Make a separate random stream for each part, so nets with the same seed agree in the parts they share."""
    state = np.random.SeedSequence((seed, part)).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def dense_layer(in_features: int, out_features: int, generator: torch.Generator) -> nn.Linear:
    """Make a linear layer that starts as nn.Linear does, with numbers of this generator."""
    layer = nn.Linear(in_features, out_features, device="meta")  # its own values would be drawn in vain
    # as `skip_init` does, which imports SymPy for it
    layer.weight = nn.Parameter(torch.empty(out_features, in_features))
    layer.bias = nn.Parameter(torch.empty(out_features))
    draw_linear(layer.weight, layer.bias, generator)
    return layer
