"""Explanations of a trained net: the signs that choose a row's leaf, their margins, and the contribution of each node.

N rows · P features · Q width · C classes · K depth (gating bits) · a (N, K) gating pre-activations · w_j the normal of gate
j. Gate margin, a node's contribution and the flipped gate are this project's choice.

Everything is computed in float64 along the leaves that the net chose, so the parts sum to the logits. Only the nodes of
those leaves are copied, never a whole table.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from leafscope.core.inference.net import Leaves, Net, Passed, Reals
from leafscope.core.parametrizations import PARAMETRIZATIONS


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
    """Level of each node, from 0 to K: the number of bits up to the last of those that choose it."""
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


@dataclass(frozen=True, eq=False)
class NumberParts:
    """An explanation of a predicted number in the unit of the target: the offset and all parts sum to the prediction."""

    offset: float
    """The mean of the target over the training rows, which a net's output of 0 stands for."""
    contributions: NDArray[np.float64]
    """(nodes,)."""
    rest: float
    """The contribution of the biases of later layers and of the head."""
    prediction: float
    across: float | None
    """The prediction on the other side of the nearest gate; None if no gate has a margin."""


def number_parts(explained: Explanation, centre: tuple[float, float]) -> NumberParts:
    """Undo the standardization of an explanation; `centre`: mean and deviation of the target, by which outputs are read.

    Only the mean is no part of a node: the deviation multiplies what each adds. Raises ValueError for a net of several outputs.
    """
    if explained.logits.shape != (1,):
        raise ValueError(f"a net that predicts a number must have one output, got {len(explained.logits)}")
    mean, deviation = centre
    return NumberParts(
        offset=mean,
        contributions=explained.contributions[:, 0] * deviation,
        rest=float(explained.rest[0]) * deviation,
        prediction=float(explained.logits[0]) * deviation + mean,
        across=None if explained.flip is None else float(explained.flip.logits[0]) * deviation + mean,
    )


def explain(net: Net, x: ArrayLike, layer: int = -1) -> Explanation:
    """Explain the logits of one standardized row, (P,), at a gated layer; a negative layer counts from the last.

    Raises ValueError for a net without gated layers, a row of the wrong shape or with values that are not finite, and a layer
    that the net does not have.
    """
    rows = _rows(net, x, ndim=1)
    layer = _place(net, layer)
    exact, passed = _pass_through(net, rows)
    here = passed[layer]
    leaf = int(here.leaf[0])
    margin = _margins(exact, layer, passed)
    contributions, rest = _contributions(exact, layer, passed)
    level = int(_smallest(margin)[0])
    flip = None
    if level >= 0:
        other, flipped = _across(exact, layer, here, np.array([level]))
        flip = Flip(level, float(margin[0, level]), int(other[0]), flipped[0])
    nodes = net.nodes(leaf).tolist()
    depth = net.config.depth
    return Explanation(
        layer=layer,
        depth=depth,
        leaf=leaf,
        nodes=tuple(nodes),
        levels=tuple(bits.stop for bits in PARAMETRIZATIONS[net.config.model.parametrization].levels(depth)),
        gates=tuple(
            Gate(level, (leaf >> (depth - 1 - level)) & 1, float(here.gate[0, level]), float(margin[0, level]))
            for level in range(depth)
        ),
        contributions=contributions,
        rest=rest,
        logits=exact.head(passed[-1].z)[0],
        flip=flip,
    )


def margins(net: Net, x: ArrayLike, layer: int = -1) -> NDArray[np.float64]:
    """Measure the distance of each row from flipping each gate: (N, P) -> (N, K) of |a_j| / ||w_j||, NaN for a zero normal.

    The distance is in the gate's input space. `hidden` gates: the input of the layer below, whose row j is w_j (at later
    layers, row j of the matrix of the row's leaf there). Other gates: the input of the gated layer. Raises what `explain`
    raises.
    """
    rows = _rows(net, x, ndim=2)
    layer = _place(net, layer)
    exact, passed = _pass_through(net, rows)
    return _margins(exact, layer, passed)


def flipped_outputs(net: Net, x: ArrayLike, layer: int = -1) -> tuple[Leaves, Reals]:
    """Flip each row's gate with the smallest margin: (N, P) -> its level (N,) and the net's outputs after the flip (N, C).

    Where no gate has a margin, the level is -1 and the outputs are the net's own. Raises what `explain` raises.
    """
    rows = _rows(net, x, ndim=2)
    layer = _place(net, layer)
    exact, passed = _pass_through(net, rows)
    level = _smallest(_margins(exact, layer, passed))
    logits = exact.head(passed[-1].z)
    turned = np.flatnonzero(level >= 0)
    _, logits[turned] = _across(exact, layer, passed[layer].of(turned), level[turned])
    return level, logits


# Checks


def _rows(net: Net, x: ArrayLike, ndim: int) -> Reals:
    """Convert x to the net's input, (N, P) in the net's precision; raises ValueError."""
    if not net.config.gated:
        raise ValueError(f"only a net with gated layers (tree or flat) can be explained, got {net.config.kind}")
    array = np.asarray(x)
    if array.ndim != ndim or array.shape[-1] != net.n_features:
        wanted = f"({net.n_features},)" if ndim == 1 else f"(N, {net.n_features})"
        raise ValueError(f"x must have shape {wanted}, got {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("x must be finite, got NaN or infinite values")
    return array.reshape(-1, net.n_features).astype(net.precision)


def _place(net: Net, layer: int) -> int:
    n_layers = net.config.tree_layers
    if not -n_layers <= layer < n_layers:
        raise ValueError(f"layer must be from {-n_layers} to {n_layers - 1}, got {layer}")
    return layer % n_layers


def _pass_through(net: Net, rows: Reals) -> tuple[Net, list[Passed]]:
    """Return the net in float64, and each gated layer's part in it.

    Rows go along the leaves that the net chose in its own precision, since a sign near 0 may differ in float64.
    """
    exact = replace(net, precision=np.float64)
    return exact, list(exact.onwards(exact.linear("hidden", rows.astype(np.float64)), leaves=net.routed(rows).leaves))


# Margins, flips and contributions


def _margins(net: Net, layer: int, passed: list[Passed]) -> NDArray[np.float64]:
    length = _normal_lengths(net, layer, passed)
    return np.where(length > 0, np.abs(passed[layer].gate) / np.where(length > 0, length, 1), np.nan)


def _normal_lengths(net: Net, layer: int, passed: list[Passed]) -> Reals:
    """Compute ||w_j|| of each row's gates: (N, K)."""
    gate = passed[layer].gate
    depth = net.config.depth
    normals = net.gate_normals(layer)
    if normals is None and layer == 0:
        normals = net.read("hidden.weight")[:depth]
    if normals is not None:
        return np.broadcast_to(np.linalg.norm(normals, axis=1), gate.shape)
    lengths = np.empty_like(gate)
    below = passed[layer - 1].leaf
    for one in np.unique(below).tolist():
        weights, _ = net.own(layer - 1, one, depth)
        lengths[below == one] = np.linalg.norm(weights.sum(0), axis=1)
    return lengths


def _smallest(margin: NDArray[np.float64]) -> Leaves:
    """Find the level of the smallest margin, the first if several are equal, -1 without any: (N, K) -> (N,)."""
    if margin.shape[1] == 0:
        return np.full(len(margin), -1)
    known = np.where(np.isnan(margin), np.inf, margin)
    return np.where(np.isfinite(known.min(1)), known.argmin(1), -1)


def _across(net: Net, layer: int, here: Passed, level: Leaves) -> tuple[Leaves, Reals]:
    """Flip one bit of each row and pass it on from there: level (N,) -> the flipped leaf (N,), the logits (N, C)."""
    leaf = here.leaf ^ (1 << (net.config.depth - 1 - level))
    z = net.multiply(layer, here.h, leaf)
    for passed in net.onwards(z, layer + 1):
        z = passed.z
    return leaf, net.head(z)


def _contributions(net: Net, layer: int, passed: list[Passed]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Propagate each node's part of the sum to the logits of the single row: (nodes, C), and (C,) for the biases."""
    here = passed[layer]
    weights, biases = net.own(layer, int(here.leaf[0]))
    parts = weights @ here.h[0] + biases
    rest = np.zeros_like(parts[0])
    for later, after in enumerate(passed[layer + 1 :], start=layer + 1):
        mask = passed[later - 1].z[0] > 0
        matrices, offsets = net.own(later, int(after.leaf[0]))
        matrix = matrices.sum(0)
        parts, rest = (parts * mask) @ matrix.T, matrix @ (rest * mask) + offsets.sum(0)
    mask = passed[-1].z[0] > 0
    matrix = net.read("head.weight")
    return (parts * mask) @ matrix.T, matrix @ (rest * mask) + net.read("head.bias")
