"""A net whose middle layers send rows to experts or leaves by a router of their own: dense hidden layer, routed layers, head.

N rows · P input features · C classes · w width. Nets of the same seed start with the same hidden layer and head as dense and
gated nets (`core.nets`).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn import functional

from leafscope.core.nets import Net, Routed, dense_layer, generator_of

if TYPE_CHECKING:
    from leafscope.core.config import NetConfig, TrainConfig

NUMBERS_AT_ONCE = 1 << 22
"""The most outputs of all leaves that are computed at once where nothing is learned: 16 MB."""


@dataclass(frozen=True)
class Sent:
    """What a routed layer computed, and where it sent the rows."""

    z: Tensor
    """(N, w)."""
    leaf: Tensor
    """(N,) or, with top-k, (N, k) int64."""
    extra: Tensor | None = None
    """What the layer adds to the loss, a scalar; None: nothing, or it was not asked for."""


class MixtureLayer(nn.Module, ABC):
    """A layer between hidden layers, from w to w."""

    numbers: int
    """Numbers that it computes for a row where it mixes all leaves."""
    mixes: bool
    """Whether training mixes leaves of which inference uses one."""

    @abstractmethod
    def learning(self, h: Tensor, train: "TrainConfig") -> Sent:
        """Compute a batch (N, w) as training does, with what is added to the loss."""

    @abstractmethod
    def inferred(self, h: Tensor) -> Sent:
        """Compute rows (N, w) as inference does."""

    def mixed(self, h: Tensor) -> Tensor:
        """Compute rows (N, w) with all leaves, as training does: (N, w); NotImplementedError for layers without leaves."""
        raise NotImplementedError

    def balance(self, leaf: Tensor, config: "NetConfig") -> None:
        """Move the offsets of the experts, if the layer has any, by the leaves of a batch."""


class MixtureNet(Net):
    """A net of 1 to 3 routed layers of one kind: (N, P) -> (N, C) logits."""

    def __init__(
        self,
        config: "NetConfig",
        n_features: int,
        n_outputs: int,
        seed: int,
        layer: "Callable[[NetConfig, torch.Generator, torch.Generator], MixtureLayer]",
    ) -> None:
        super().__init__()
        self.config = config
        n_layers = config.tree_layers
        self.hidden = dense_layer(n_features, config.width, generator_of(seed, 0))
        self.layers = nn.ModuleList(
            layer(config, generator_of(seed, 1 + index), generator_of(seed, 100 + index)) for index in range(n_layers)
        )
        self.head = dense_layer(config.width, n_outputs, generator_of(seed, 1 + n_layers))

        self.mixes = any(layer.mixes for layer in self._layers)

    def routed(self, x: Tensor, gate_gradient: str = "none", noise: list[Tensor] | None = None) -> Routed:
        """Compute the logits as inference does, and say which way each row went; there are no gates, so no options either."""
        z, leaves = self.hidden(x), []
        for layer in self._layers:
            sent = layer.inferred(functional.relu(z))
            z = sent.z
            leaves.append(sent.leaf)
        return Routed(self.head(functional.relu(z)), [], leaves)

    def learning(self, x: Tensor, train: "TrainConfig", noise: list[Tensor] | None = None) -> Routed:
        """Compute the logits as training does, with what is added to the loss."""
        z, leaves, extra = self.hidden(x), [], None
        for layer in self._layers:
            sent = layer.learning(functional.relu(z), train)
            z = sent.z
            leaves.append(sent.leaf)
            extra = sent.extra if extra is None else extra if sent.extra is None else extra + sent.extra
        return Routed(self.head(functional.relu(z)), [], leaves, extra)

    def mixed(self, x: Tensor) -> Tensor:
        """Compute the logits with all leaves, as training does: (N, P) -> (N, C)."""
        at_once = max(1, NUMBERS_AT_ONCE // max(layer.numbers for layer in self._layers))
        return torch.cat([self._mixed(part) for part in x.split(at_once)])

    def _mixed(self, x: Tensor) -> Tensor:
        z = self.hidden(x)
        for layer in self._layers:
            z = layer.mixed(functional.relu(z))
        return self.head(functional.relu(z))

    @torch.no_grad()
    def move_offsets(self, routed: Routed, strength: float) -> None:
        """Move the offsets of the experts, if they have any, by a batch that these weights routed."""
        for layer, leaf in zip(self._layers, routed.leaves, strict=True):
            layer.balance(leaf, self.config)

    @property
    def _layers(self) -> list[MixtureLayer]:
        return list(self.layers)  # type: ignore[arg-type]
