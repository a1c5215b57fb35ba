"""Explanations of a trained net: the signs that choose a row's leaf, their margins, and the contribution of each node.

N rows · P features · Q width · C classes · K depth (gating bits) · a (N, K) gating pre-activations · w_j the normal of gate
j. Gate margin, a node's contribution and the flipped gate are this project's choice.

Everything is computed in float64 along the leaves that the net chose, so the parts sum to the logits. Only the nodes of
those leaves are copied, never a whole table.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional

from leafscope.core.gating import leaf_index, path_nodes, sign_bits
from leafscope.core.nets import DenseNet, TreeNet
from leafscope.core.tree import TreeLinear


@dataclass(frozen=True)
class Gate:
    """One of the K signs that choose the leaf."""

    level: int
    """From 0, the first bit."""
    bit: int
    """0 or 1."""
    pre_activation: float
    margin: float
    """|a| / ||w||; NaN for a zero normal, whose sign no input can change."""


@dataclass(frozen=True, eq=False)
class Flip:
    """The net's output if one gate had the opposite sign."""

    level: int
    """Level of the gate with the smallest margin, the first if several are equal."""
    margin: float
    leaf: int
    """The leaf after the flip; only that bit differs."""
    logits: NDArray[np.float64]
    """(C,); later layers recompute their own signs."""

    @property
    def prediction(self) -> int:
        """The class of the highest logit."""
        return int(self.logits.argmax())


@dataclass(frozen=True, eq=False)
class Explanation:
    """One row at one gated layer: the gates that choose its leaf, and the contributions of the leaf's nodes to the logits."""

    layer: int
    """From 0, the first gated layer."""
    depth: int
    """K."""
    leaf: int
    nodes: tuple[int, ...]
    """Breadth-first ids from the root to the leaf; for separate leaves: the single matrix, whose id is the leaf."""
    levels: tuple[int, ...]
    """Level of each node; the single matrix of a separate leaf is on level K."""
    gates: tuple[Gate, ...]
    """The K gates in the order of their bits."""
    contributions: NDArray[np.float64]
    """(nodes, C): each node's matrix and bias, propagated to the logits with the ReLU masks of the full sum held fixed."""
    rest: NDArray[np.float64]
    """(C,): the contribution of the biases of later layers and of the head."""
    logits: NDArray[np.float64]
    """(C,): the sum of all contributions, biases included."""
    flip: Flip | None
    """None if no gate has a margin."""

    @property
    def prediction(self) -> int:
        """The class of the highest logit."""
        return int(self.logits.argmax())


def explain(net: TreeNet, x: ArrayLike, layer: int = -1) -> Explanation:
    """Explain the logits of one standardized row, (P,), at a gated layer; a negative layer counts from the last.

    Raises ValueError for a net without gated layers, a row of the wrong shape or with values that are not finite, and a layer
    that the net does not have.
    """
    rows = _rows(net, x, ndim=1)
    layer = _place(net, layer)
    passed = _pass_through(net, rows)
    here = passed[layer]
    leaf = int(here.leaf[0])
    margin = _margins(net, layer, passed)
    contributions, rest = _contributions(net, layer, passed)
    level = int(_smallest(margin)[0])
    flip = None
    if level >= 0:
        other, flipped = _across(net, layer, here, torch.tensor([level]))
        flip = Flip(level, float(margin[0, level]), int(other[0]), flipped[0].numpy())
    nodes = _nodes(_tree_layer(net, layer), leaf).tolist()
    depth = net.config.depth
    return Explanation(
        layer=layer,
        depth=depth,
        leaf=leaf,
        nodes=tuple(nodes),
        levels=tuple(range(depth + 1 - len(nodes), depth + 1)),
        gates=tuple(
            Gate(level, (leaf >> (depth - 1 - level)) & 1, float(here.gate[0, level]), float(margin[0, level]))
            for level in range(depth)
        ),
        contributions=contributions.numpy(),
        rest=rest.numpy(),
        logits=_head(net, passed[-1].z)[0].numpy(),
        flip=flip,
    )


def margins(net: TreeNet, x: ArrayLike, layer: int = -1) -> NDArray[np.float64]:
    """Measure the distance of each row from flipping each gate: (N, P) -> (N, K) of |a_j| / ||w_j||, NaN for a zero normal.

    The distance is in the gate's input space. `hidden` gates: the input of the layer below, whose row j is w_j (at later
    layers, row j of the matrix of the row's leaf there). Other gates: the input of the gated layer. Raises what `explain`
    raises.
    """
    rows = _rows(net, x, ndim=2)
    layer = _place(net, layer)
    return _margins(net, layer, _pass_through(net, rows)).numpy()


def flips(net: TreeNet, x: ArrayLike, layer: int = -1) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Flip each row's gate with the smallest margin: (N, P) -> its level (N,) and the class predicted after the flip (N,).

    Where no gate has a margin, the level is -1 and the prediction is the net's own. Raises what `explain` raises.
    """
    rows = _rows(net, x, ndim=2)
    layer = _place(net, layer)
    passed = _pass_through(net, rows)
    level = _smallest(_margins(net, layer, passed))
    logits = _head(net, passed[-1].z)
    turned = (level >= 0).nonzero()[:, 0]
    _, logits[turned] = _across(net, layer, passed[layer].of(turned), level[turned])
    return level.numpy(), logits.argmax(1).numpy()


# Checks


def _rows(net: TreeNet, x: ArrayLike, ndim: int) -> Tensor:
    """Convert x to the net's input, (N, P) in the net's precision; raises ValueError."""
    if not isinstance(net, TreeNet):
        kind = net.config.kind if isinstance(net, DenseNet) else type(net).__name__
        raise ValueError(f"only a net with gated layers (tree or flat) can be explained, got {kind}")
    array = np.asarray(x)
    n_features = net.hidden.in_features
    if array.ndim != ndim or array.shape[-1] != n_features:
        wanted = f"({n_features},)" if ndim == 1 else f"(N, {n_features})"
        raise ValueError(f"x must have shape {wanted}, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("x must be finite, got NaN or infinite values")
    return torch.tensor(array.reshape(-1, n_features), dtype=net.hidden.weight.dtype)


def _place(net: TreeNet, layer: int) -> int:
    n_layers = len(net.layers)
    if not -n_layers <= layer < n_layers:
        raise ValueError(f"layer must be from {-n_layers} to {n_layers - 1}, got {layer}")
    return layer % n_layers


# The forward pass in float64, along given leaves


@dataclass(frozen=True, eq=False)
class _Passed:
    """Input, gates, leaves and output of one gated layer, in float64."""

    h: Tensor
    """(N, Q) input."""
    gate: Tensor
    """(N, K)."""
    leaf: Tensor
    """(N,) int64."""
    z: Tensor
    """(N, Q) output, before the ReLU."""

    def of(self, rows: Tensor) -> "_Passed":
        """Select rows."""
        return _Passed(self.h[rows], self.gate[rows], self.leaf[rows], self.z[rows])


@torch.no_grad()
def _pass_through(net: TreeNet, rows: Tensor) -> list[_Passed]:
    """Forward rows along the leaves that the net chose in its own precision, since a sign near 0 may differ in float64."""
    leaves = net.routed(rows).leaves
    return _onwards(net, _linear(net.hidden, rows.double()), 0, leaves)


@torch.no_grad()
def _onwards(net: TreeNet, z: Tensor, first: int, leaves: list[Tensor] | None = None) -> list[_Passed]:
    """Forward through the layers from `first` on, whose input before the ReLU is z: along `leaves`, or by z's own signs."""
    passed = []
    for layer in range(first, len(net.layers)):
        h = functional.relu(z)
        gate = _gate(net, layer, h, z)
        leaf = leaf_index(sign_bits(gate)) if leaves is None else leaves[layer]
        z = _multiply(_tree_layer(net, layer), h, leaf)
        passed.append(_Passed(h, gate, leaf, z))
    return passed


def _gate(net: TreeNet, layer: int, h: Tensor, z: Tensor) -> Tensor:
    if not len(net.gates):
        return z[:, : net.config.depth]
    gates = net.gates[layer]
    return _linear(gates, h) if isinstance(gates, nn.Linear) else h @ _frozen(gates).T


def _frozen(gates: nn.Module) -> Tensor:
    return cast(Tensor, gates.normals).double()


def _linear(layer: nn.Linear, x: Tensor) -> Tensor:
    return functional.linear(x, layer.weight.double(), layer.bias.double())


@torch.no_grad()
def _head(net: TreeNet, z: Tensor) -> Tensor:
    return _linear(net.head, functional.relu(z))


def _multiply(layer: TreeLinear, h: Tensor, leaf: Tensor) -> Tensor:
    """Multiply each row by its leaf's matrix, one leaf at a time: (N, P), (N,) -> (N, Q)."""
    y = h.new_empty(len(h), layer.out_features)
    for one in leaf.unique().tolist():
        rows = leaf == one
        weights, biases = _own(layer, one)
        y[rows] = functional.linear(h[rows], weights.sum(0), biases.sum(0))
    return y


def _nodes(layer: TreeLinear, leaf: int) -> Tensor:
    """List the ids of the matrices that a leaf sums: K + 1 from the root to the leaf, or the leaf's own."""
    one = torch.tensor(leaf)
    return path_nodes(one, layer.depth) if layer.parametrization == "tree" else one[None]


@torch.no_grad()
def _own(layer: TreeLinear, leaf: int, first_outputs: int | None = None) -> tuple[Tensor, Tensor]:
    """Return a leaf's matrices (nodes, Q, P) and biases (nodes, Q), for all outputs or only the first."""
    assert layer.bias is not None
    nodes = _nodes(layer, leaf)
    return layer.weight[nodes, :first_outputs].double(), layer.bias[nodes, :first_outputs].double()


def _tree_layer(net: TreeNet, layer: int) -> TreeLinear:
    return cast(TreeLinear, net.layers[layer])


# Margins, flips and contributions


def _margins(net: TreeNet, layer: int, passed: list[_Passed]) -> Tensor:
    length = _normal_lengths(net, layer, passed)
    return torch.where(length > 0, passed[layer].gate.abs() / length, torch.nan)


@torch.no_grad()
def _normal_lengths(net: TreeNet, layer: int, passed: list[_Passed]) -> Tensor:
    """Compute ||w_j|| of each row's gates: (N, K)."""
    gate = passed[layer].gate
    depth = net.config.depth
    if len(net.gates):
        gates = net.gates[layer]
        normals = gates.weight.double() if isinstance(gates, nn.Linear) else _frozen(gates)
        return normals.norm(dim=1).expand_as(gate)
    if layer == 0:
        return net.hidden.weight[:depth].double().norm(dim=1).expand_as(gate)
    lengths = torch.empty_like(gate)
    below = passed[layer - 1].leaf
    for one in below.unique().tolist():
        weights, _ = _own(_tree_layer(net, layer - 1), one, depth)
        lengths[below == one] = weights.sum(0).norm(dim=1)
    return lengths


def _smallest(margin: Tensor) -> Tensor:
    """Find the level of the smallest margin, the first if several are equal, -1 without any: (N, K) -> (N,) int64."""
    if margin.shape[1] == 0:
        return torch.full((len(margin),), -1)
    smallest, level = margin.nan_to_num(nan=torch.inf).min(1)
    return torch.where(smallest.isfinite(), level, -1)


def _across(net: TreeNet, layer: int, here: _Passed, level: Tensor) -> tuple[Tensor, Tensor]:
    """Flip one bit of each row and forward it from there: level (N,) -> the flipped leaf (N,), the logits (N, C)."""
    leaf = here.leaf ^ (1 << (net.config.depth - 1 - level))
    z = _multiply(_tree_layer(net, layer), here.h, leaf)
    passed = _onwards(net, z, layer + 1)
    return leaf, _head(net, passed[-1].z if passed else z)


@torch.no_grad()
def _contributions(net: TreeNet, layer: int, passed: list[_Passed]) -> tuple[Tensor, Tensor]:
    """Propagate each node's part of the sum to the logits of the single row: (nodes, C), and (C,) for the biases."""
    here = passed[layer]
    weights, biases = _own(_tree_layer(net, layer), int(here.leaf[0]))
    parts = weights @ here.h[0] + biases
    rest = torch.zeros_like(parts[0])
    for later, after in enumerate(passed[layer + 1 :], start=layer + 1):
        mask = passed[later - 1].z[0] > 0
        matrices, offsets = _own(_tree_layer(net, later), int(after.leaf[0]))
        matrix = matrices.sum(0)
        parts, rest = (parts * mask) @ matrix.T, matrix @ (rest * mask) + offsets.sum(0)
    mask = passed[-1].z[0] > 0
    matrix = net.head.weight.double()
    return (parts * mask) @ matrix.T, matrix @ (rest * mask) + net.head.bias.double()
