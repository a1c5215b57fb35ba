"""Mixtures of experts and trees of soft decisions in NumPy: the same as the nets of `core.mixtures`, up to rounding.

N rows · w width · E experts · k experts of a row · K depth · L = 2^K leaves · V = 2^K - 1 inner nodes · C classes.
"""

from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leafscope.core.inference.net import Leaves, Net, Reals, Routed, relu, softmax


def mixture_of_experts(net: Net, rows: Reals) -> Routed:
    """Compute rows (N, P) by the k experts with the highest scores, whose outputs are weighted by them."""
    z, leaves, shares = net.linear("hidden", rows), [], []
    for layer in range(net.config.tree_layers):
        h, name = relu(z), f"layers.{layer}"
        scores = softmax(h @ net.read(f"{name}.router").T)
        offsets = net.read(f"{name}.offsets") if f"{name}.offsets" in net.weights else 0
        chosen = np.argsort(-(scores + offsets), axis=1, kind="stable")[:, : net.config.top_k]
        weights = np.take_along_axis(scores, chosen, 1)
        z = np.zeros_like(z)
        for place in range(chosen.shape[1]):
            z += weights[:, [place]] * _own(net, f"{name}.maps", h, chosen[:, place])
        leaves.append(chosen[:, 0] if chosen.shape[1] == 1 else chosen)
        shares.append(scores)
    return Routed(net.head(z), [], leaves, shares)


def fast_feedforward(net: Net, rows: Reals) -> Routed:
    """Compute rows (N, P) by the leaf on the harder side of each node, and beside it by the mixture of all leaves."""
    z, mixed, leaves, shares = net.linear("hidden", rows), net.linear("hidden", rows), [], []
    for layer in range(net.config.tree_layers):
        name, h = f"layers.{layer}", relu(z)
        decisions = _decisions(net, f"{name}.inner", h)
        leaves.append(hard_leaf(decisions))
        shares.append(path_shares(decisions))
        z = _own(net, f"{name}.maps", h, leaves[-1])
        below = relu(mixed)
        paths = path_shares(_decisions(net, f"{name}.inner", below))
        mixed = np.zeros_like(mixed)
        for leaf in range(paths.shape[1]):
            mixed += paths[:, [leaf]] * _map(net, f"{name}.maps", below, leaf)
    return Routed(net.head(z), [], leaves, shares, net.head(mixed))


def soft_tree(net: Net, rows: Reals) -> Routed:
    """Compute logarithms of class probabilities of rows (N, P) by the likeliest leaf, and beside it by the mixture."""
    h = relu(net.linear("hidden", rows))
    shares = path_shares(net.config.inverse_temperature * _decisions(net, "inner", h))
    leaf = shares.argmax(1)
    of_leaf = softmax(net.read("leaves"))
    tiny = np.finfo(shares.dtype).tiny
    return Routed(np.log(of_leaf)[leaf], [], [leaf], [shares], np.log(np.maximum(shares @ of_leaf, tiny)))


def path_shares(decisions: Reals) -> Reals:
    """Multiply the shares along each path: decisions (N, V), breadth-first -> (N, L)."""
    right, left = _logistic(decisions), _logistic(-decisions)
    shares = np.ones((len(decisions), 1), decisions.dtype)
    for level in range(decisions.shape[1].bit_length()):
        nodes = slice((1 << level) - 1, (2 << level) - 1)
        shares = np.stack([shares * left[:, nodes], shares * right[:, nodes]], -1).reshape(len(decisions), 2 << level)
    return shares


def hard_leaf(decisions: Reals) -> Leaves:
    """Go to the harder side of each node, of 0 to bit 0: decisions (N, V) -> (N,)."""
    leaf = np.zeros(len(decisions), np.int64)
    for level in range(decisions.shape[1].bit_length()):
        leaf = 2 * leaf + (decisions[np.arange(len(leaf)), (1 << level) - 1 + leaf] > 0)
    return leaf


def _logistic(a: Reals) -> Reals:
    exponential: Reals = np.exp(-np.abs(a))
    return np.where(a > 0, 1, exponential) / (1 + exponential)


def _decisions(net: Net, name: str, h: Reals) -> Reals:
    """Compute what every node reads: (N, w) -> (N, V); no node at depth 0."""
    return net.linear(name, h) if f"{name}.weight" in net.weights else np.empty((len(h), 0), h.dtype)


def _own(net: Net, name: str, h: Reals, chosen: NDArray[np.integer[Any]]) -> Reals:
    """Compute one map for each row, all rows of a map at once: (N, w), (N,) -> (N, w)."""
    y = np.empty_like(h)
    for one in np.unique(chosen).tolist():
        rows = chosen == one
        y[rows] = _map(net, name, h[rows], one)
    return y


def _map(net: Net, name: str, h: Reals, one: int) -> Reals:
    """Compute one map of all rows: (N, w) -> (N, w)."""
    for step in count():
        part = name + ".onwards" * step
        h = (relu(h) if step else h) @ net.read(f"{part}.weight", one).T + net.read(f"{part}.bias", one)
        if f"{part}.onwards.weight" not in net.weights:
            return h
    raise AssertionError
