"""A net in NumPy: the same logits as the module of `core.nets` that was trained, up to rounding.

N rows · P features · Q width · C classes · K depth (gating bits) · L = 2^K leaves · V nodes. Weights have the names and
shapes of the module's `state_dict`: `hidden`, `layers.0` ..., `gates.0` ..., `head`, and `offsets` of the gates.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscope.core.parametrizations import PARAMETRIZATIONS, Parametrization, first_nodes

if TYPE_CHECKING:
    from leafscope.core.config import NetConfig

Reals = NDArray[np.floating[Any]]
Leaves = NDArray[np.int64]

ROWS_AT_ONCE = 4096
"""Rows that are computed together, which bounds the memory of wide nets."""


@dataclass(frozen=True, eq=False)
class Routed:
    """The result of a forward pass, with the gates and leaves of each gated layer."""

    logits: Reals
    """(N, C)."""
    gates: list[Reals]
    """(N, K) for each gated layer: the gating pre-activations, with their offsets."""
    leaves: list[Leaves]
    """(N,) for each gated layer; for other routed layers with top-k (N, k), the highest score first."""
    shares: list[Reals] = field(default_factory=list)
    """(N, leaves or experts) for each layer with a router other than gates: the scores or the path shares of all of them."""
    mixed: Reals | None = None
    """(N, C): the logits of the mixture of all leaves, of a net that mixes them in training."""


@dataclass(frozen=True, eq=False)
class Passed:
    """What a gated layer reads and computes."""

    h: Reals
    """(N, Q): its input."""
    gate: Reals
    """(N, K)."""
    leaf: Leaves
    """(N,)."""
    z: Reals
    """(N, Q): its output, before the ReLU."""

    def of(self, rows: Leaves) -> "Passed":
        """Select rows."""
        return Passed(self.h[rows], self.gate[rows], self.leaf[rows], self.z[rows])


@dataclass(frozen=True, eq=False)
class Net:
    """A net with the weights of one moment."""

    config: "NetConfig"
    weights: Mapping[str, Reals]
    precision: type[np.floating[Any]] = np.float32
    """What it computes in; weights are converted where they are read, of a table only the nodes."""

    @property
    def n_features(self) -> int:
        """P."""
        return int(self.weights["hidden.weight"].shape[1])

    @property
    def n_outputs(self) -> int:
        """C."""
        head = self.weights.get("head.weight")
        return int(self.weights["leaves"].shape[1] if head is None else head.shape[0])

    def __call__(self, x: ArrayLike) -> Reals:
        """Compute the logits of standardized rows: (N, P) -> (N, C)."""
        return self.routed(x).logits

    def routed(self, x: ArrayLike) -> Routed:
        """Compute the logits of rows (N, P) and say which way each went; without gates the lists are empty."""
        rows = np.asarray(x)
        starts = range(0, max(1, len(rows)), ROWS_AT_ONCE)
        with np.errstate(all="ignore"):  # a net that diverged has infinite weights
            parts = [self._routed(np.asarray(rows[first : first + ROWS_AT_ONCE], self.precision)) for first in starts]
        gates, leaves, shares = (
            [np.concatenate(of_layer) for of_layer in zip(*(getattr(part, name) for part in parts), strict=True)]
            for name in ("gates", "leaves", "shares")
        )
        mixed = [part.mixed for part in parts if part.mixed is not None]
        logits = np.concatenate([part.logits for part in parts])
        return Routed(logits, gates, leaves, shares, np.concatenate(mixed) if mixed else None)

    def _routed(self, rows: Reals) -> Routed:
        if (forward := self.config.model.forward) is not None:
            return forward(self, rows)
        if not self.config.gated:
            return Routed(self.head(self.units(rows, self.config.tree_layers)), [], [])
        passed = list(self.onwards(self.linear("hidden", rows)))
        return Routed(self.head(passed[-1].z), [layer.gate for layer in passed], [layer.leaf for layer in passed])

    def units(self, x: ArrayLike, layer: int) -> Reals:
        """Compute the units below a dense net's middle layer, from 0, before their ReLU: (N, P) -> (N, Q)."""
        z = self.linear("hidden", np.asarray(x, self.precision))
        for below in range(layer):
            z = self.linear(f"layers.{below}", relu(z))
        return z

    def onwards(self, z: Reals, first: int = 0, leaves: list[Leaves] | None = None) -> Iterator[Passed]:
        """Pass through the gated layers from `first` on, whose input before the ReLU is z (N, Q).

        Rows go along `leaves`, one (N,) for each layer of the net, or where their own signs send them.
        """
        for layer in range(first, self.config.tree_layers):
            h = relu(z)
            gate = self.gate(layer, h, z)
            leaf = leaf_of(gate) if leaves is None else leaves[layer]
            z = self.multiply(layer, h, leaf)
            yield Passed(h, gate, leaf, z)

    def gate_inputs(self, x: ArrayLike, layer: int) -> Reals:
        """Compute what the gating units of a gated layer read: rows (N, P) -> (N, P) or (N, Q).

        Separate gating units read the layer's own input. Units of the layer below read that layer's input: in the first gated
        layer the rows themselves, which is also what the units below a dense net's first middle layer read. Raises ValueError
        for a layer that the net does not have.
        """
        rows = np.asarray(x, self.precision)
        if not 0 <= layer < self.config.tree_layers:
            raise ValueError(f"layer must be from 0 to {self.config.tree_layers - 1}, got {layer}")
        read_by = layer if self.config.gated and self.gate_normals(layer) is not None else layer - 1
        if read_by < 0:
            return rows
        with np.errstate(all="ignore"):
            if not self.config.gated:
                return relu(self.units(rows, read_by))
            blocks = [rows[first : first + ROWS_AT_ONCE] for first in range(0, max(1, len(rows)), ROWS_AT_ONCE)]
            passes = (self.onwards(self.linear("hidden", block)) for block in blocks)
            return np.concatenate([next(islice(layers, read_by, None)).h for layers in passes])

    def head(self, z: Reals) -> Reals:
        """Compute the logits from the last layer's output before its ReLU: (N, Q) -> (N, C)."""
        return self.linear("head", relu(z))

    def linear(self, name: str, x: Reals) -> Reals:
        """Apply a dense layer: (N, P) -> (N, Q)."""
        return x @ self.read(f"{name}.weight").T + self.read(f"{name}.bias")

    def gate(self, layer: int, h: Reals, z: Reals) -> Reals:
        """Compute the gating pre-activations from a layer's input after and before its ReLU: (N, Q) twice -> (N, K)."""
        normals, bias = self.gate_normals(layer), f"gates.{layer}.bias"
        gate = z[:, : self.config.depth] if normals is None else h @ normals.T
        gate = gate + self.read(bias) if bias in self.weights else gate
        return gate + self.read("offsets", layer) if "offsets" in self.weights else gate

    def gate_normals(self, layer: int) -> Reals | None:
        """Return the hyperplanes of separate gates, (K, Q); None for gates that are units of the layer below."""
        for name in (f"gates.{layer}.weight", f"gates.{layer}.normals"):
            if name in self.weights:
                return self.read(name)
        return None

    def multiply(self, layer: int, h: Reals, leaf: Leaves) -> Reals:
        """Multiply each row by its leaf's matrix, all rows of a leaf at once: (N, Q), (N,) -> (N, Q)."""
        y = np.empty((len(h), self.weights[f"layers.{layer}.weight"].shape[1]), h.dtype)
        order = np.argsort(leaf, kind="stable")
        used, first = np.unique(leaf[order], return_index=True)
        for one, rows in zip(used.tolist(), np.split(order, first[1:]) if len(used) else (), strict=True):
            weight, bias = self.own(layer, one)
            y[rows] = h[rows] @ weight.sum(0).T + bias.sum(0)
        return y

    def nodes(self, leaf: int) -> NDArray[np.int64]:
        """List the ids of the matrices that a leaf sums: from the root to the leaf, or the leaf's own."""
        return self._parametrization.nodes(leaf, self.config.depth)

    def own(self, layer: int, leaf: int, first_outputs: int | None = None) -> tuple[Reals, Reals]:
        """Return a leaf's matrices (nodes, Q, Q) and biases (nodes, Q), for all outputs or only the first."""
        where = (self.nodes(leaf), slice(first_outputs))
        return self.read(f"layers.{layer}.weight", where), self.read(f"layers.{layer}.bias", where)

    def read_to_level(self, level: int) -> "Net":
        """Cut off the sum over prefixes below `level`, without retraining; the gates are unchanged.

        Level 0 is the root alone, which has the weights of one dense layer; level K is the net itself. Raises ValueError for
        a net without shared prefixes, and for a level outside 0 to K.
        """
        if not self.config.model.shares_prefixes:
            raise ValueError(f"only a net with shared prefixes (tree) has levels, got {self.config.kind}")
        if not 0 <= level <= self.config.depth:
            raise ValueError(f"level must be from 0 to the depth ({self.config.depth}), got {level}")
        cut = {}
        for name in self._tables():
            cut[name] = self.weights[name].copy()
            cut[name][(1 << (level + 1)) - 1 :] = 0
        return replace(self, weights={**self.weights, **cut})

    def collapsed(self) -> "Net":
        """Sum each leaf's path once; the result has separate leaves (flat) and computes the same, up to rounding."""
        return self.permuted(np.arange(1 << self.config.depth))

    def permuted(self, order: Leaves) -> "Net":
        """Give leaf i the matrix and bias of leaf order[i], (L,), in every gated layer; the gates are unchanged.

        The result has separate leaves (flat); each holds the sum of its path.
        """
        moved = {name: self.by_leaf(name)[order] for name in self._tables()}
        return replace(self, config=self.config.model_copy(update={"kind": "flat"}), weights={**self.weights, **moved})

    def by_leaf(self, name: str) -> Reals:
        """Collapse a table of nodes, such as `layers.0.weight`, into one entry for each leaf: (L, ...)."""
        table, depth = self.read(name), self.config.depth
        levels, numbering = self._parametrization.levels(depth), self._parametrization.numbering(depth)
        parts = [table[first : first + (1 << bits.size)] for first, bits in zip(first_nodes(levels), levels, strict=True)]
        total = parts[0]
        for bits, part in zip(levels[1:], parts[1:], strict=True):  # one more prefix at a time; its last bits choose the part
            total = np.repeat(total, (1 << bits.stop) // len(total), axis=0)
            total = (total.reshape(-1, *part.shape) + part).reshape(total.shape)
        return total if numbering is None else total[numbering]

    @property
    def _parametrization(self) -> Parametrization:
        return PARAMETRIZATIONS[self.config.model.parametrization]

    def _tables(self) -> list[str]:
        return [f"layers.{layer}.{part}" for layer in range(self.config.tree_layers) for part in ("weight", "bias")]

    def read(self, name: str, where: Any = ...) -> Reals:
        """Return weights, or a part of them, in the net's precision; a view where they have it already."""
        return self.weights[name][where].astype(self.precision, copy=False)


def read_module(module: Any) -> Net:
    """Read the weights of a module of `core.nets`, as they are now, on any device; they are copied."""
    weights = {name: tensor.detach().cpu().numpy().copy() for name, tensor in module.state_dict().items()}
    return Net(module.config, weights)


def relu(z: Reals) -> Reals:
    """Replace negative numbers by 0; NaN stays."""
    return np.maximum(z, 0)


def leaf_of(gate: Reals) -> Leaves:
    """Read the signs of gating pre-activations as a leaf: (N, K) -> (N,); 0 and NaN give bit 0, the first bit is the highest.

    >>> leaf_of(np.array([[0.5, 0.0, -2.0], [-1.0, 1.0, 3.0]])).tolist()
    [4, 3]
    """
    return (gate > 0) @ (1 << np.arange(gate.shape[1] - 1, -1, -1, dtype=np.int64))


def softmax(logits: ArrayLike) -> Reals:
    """Convert logits to probabilities: (N, C) -> (N, C)."""
    scores = np.asarray(logits)
    with np.errstate(all="ignore"):
        shares = np.exp(scores - scores.max(1, keepdims=True))
        return shares / shares.sum(1, keepdims=True)


def cross_entropy(logits: ArrayLike, y: NDArray[np.integer[Any]]) -> NDArray[np.float64]:
    """Compute each row's cross-entropy in nats: logits (N, C), y (N,) classes -> (N,) float64."""
    scores = np.asarray(logits, np.float64)
    with np.errstate(all="ignore"):
        scores = scores - scores.max(1, keepdims=True)
        return np.log(np.exp(scores).sum(1)) - scores[np.arange(len(scores)), y]
