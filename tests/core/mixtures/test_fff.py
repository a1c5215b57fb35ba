"""A fast feedforward net against brute force in float64, and against the package of its authors."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from leafscope.core.config import NetConfig, TrainConfig
from leafscope.core.cost import cost, training_multiply_adds
from leafscope.core.mixtures.fff import FastFeedforward
from tests.core.mixtures.nets import NO_LOSS, drawn, numbers, rows


def leaf_output(w, name, leaf, h):
    y = w[f"{name}.weight"][leaf] @ h + w[f"{name}.bias"][leaf]
    return y if f"{name}.onwards.weight" not in w else leaf_output(w, f"{name}.onwards", leaf, np.maximum(y, 0))


def by_paths(net, x, hard):
    """Logits (N, C), leaves (N, layers) and the mean entropy and balance loss of the layers, path by path."""
    w, depth = numbers(net), net.config.depth
    h = np.maximum(x.numpy() @ w["hidden.weight"].T + w["hidden.bias"], 0)
    leaves, entropy, loads = [], 0.0, 0.0
    for layer in range(net.config.tree_layers):
        name = f"layers.{layer}"
        p = np.zeros((len(h), 0))
        if depth:
            p = 1 / (1 + np.exp(-(h @ w[f"{name}.inner.weight"].T + w[f"{name}.inner.bias"])))
            entropy += -(p * np.log(p) + (1 - p) * np.log(1 - p)).mean()
        z, of_rows, shares = np.zeros((len(h), net.config.width)), np.zeros(len(h), int), np.zeros((len(h), 1 << depth))
        for row, (number, bits) in itertools.product(range(len(h)), enumerate(itertools.product((0, 1), repeat=depth))):
            share, is_harder = 1.0, True
            for level in range(depth):
                node = 2**level - 1 + int("0" + "".join(map(str, bits[:level])), 2)
                right = p[row, node]
                share *= right if bits[level] else 1 - right
                is_harder &= (right > 0.5) == bool(bits[level])
            of_rows[row] = number if is_harder else of_rows[row]
            shares[row, number] = share
            z[row] += (is_harder if hard else share) * leaf_output(w, f"{name}.maps", number, h[row])
        loads += (1 << depth) * (np.bincount(of_rows, minlength=1 << depth) / len(h) * shares.mean(0)).sum()
        leaves.append(of_rows)
        h = np.maximum(z, 0)
    return h @ w["head.weight"].T + w["head.bias"], np.array(leaves), entropy, loads


@pytest.mark.parametrize(("depth", "leaf_width", "layers"), [(0, 0, 1), (1, 3, 2), (3, 0, 1), (2, 2, 1)])
def test_soft_and_hard_are_those_of_brute_force(depth, leaf_width, layers):
    net = drawn(kind="fff", depth=depth, width=4, leaf_width=leaf_width, tree_layers=layers, hardening=0.7)
    x = rows(12)
    soft, leaves, entropy, loads = by_paths(net, x, hard=False)
    learning = net.learning(x, TrainConfig(balance=0.3))
    np.testing.assert_allclose(learning.logits.detach().numpy(), soft, atol=1e-12)
    np.testing.assert_allclose(net.mixed(x).detach().numpy(), soft, atol=1e-12)
    assert learning.extra.item() == pytest.approx(0.7 * entropy + (0.3 * loads if depth else 0))
    hard, leaves, _, _ = by_paths(net, x, hard=True)
    routed = net.routed(x)
    np.testing.assert_allclose(routed.logits.detach().numpy(), hard, atol=1e-12)
    assert np.array_equal(torch.stack(routed.leaves).numpy(), leaves)


def test_hard_inference_is_that_of_the_authors_package():
    fastfeedforward = pytest.importorskip("fastfeedforward")
    config = NetConfig(kind="fff", depth=3, width=6, leaf_width=5)
    layer = FastFeedforward(config, torch.Generator().manual_seed(0), torch.Generator().manual_seed(1))
    theirs = fastfeedforward.FFF(6, 5, 6, 3, activation=nn.ReLU(), region_leak=0.0, usage_mode="none")
    with torch.no_grad():
        theirs.node_weights.copy_(layer.inner.weight)
        theirs.node_biases.copy_(layer.inner.bias.unsqueeze(1))
        theirs.w1s.copy_(layer.maps.weight.mT)
        theirs.b1s.copy_(layer.maps.bias)
        theirs.w2s.copy_(layer.maps.onwards.weight.mT)
        theirs.b2s.copy_(layer.maps.onwards.bias)
        h = rows(100, 6).float()
        # not its eval_forward, which leaves out the last bias
        expected = theirs.training_forward(h, use_hard_decisions=True)
        torch.testing.assert_close(layer.inferred(h).z, expected, atol=1e-6, rtol=1e-5)
        soft, entropies = theirs.training_forward(h, return_entropies=True)
        learning = layer.learning(h, NO_LOSS)
        torch.testing.assert_close(learning.z, soft, atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(learning.extra, entropies.mean(), atol=1e-6, rtol=1e-5)


def test_gradients_of_a_layer():
    config = NetConfig(kind="fff", width=3, depth=2, leaf_width=2, hardening=0.5)
    layer = FastFeedforward(config, torch.Generator().manual_seed(0), torch.Generator().manual_seed(1)).double()
    h, weighted = rows(5, 3).requires_grad_(), TrainConfig(balance=0.5)
    assert torch.autograd.gradcheck(lambda h, *w: layer.learning(h, weighted).z, (h, *layer.parameters()))
    assert torch.autograd.gradcheck(lambda h, *w: layer.learning(h, weighted).extra, (h, *layer.inner.parameters()))


def test_training_computes_all_leaves_and_inference_one():
    net = NetConfig(kind="fff", depth=3, width=4, leaf_width=2)
    assert cost(net, 5, 3).multiply_adds == 5 * 4 + 3 * 4 + 2 * 4 * 2 + 4 * 3
    assert training_multiply_adds(net, 5, 3) == 5 * 4 + 7 * 4 + 8 * 2 * 4 * 2 + 4 * 3
