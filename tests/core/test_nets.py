"""Nets of one seed are one function at the start; gates route as their formulas say."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leafscope.core.config import NetConfig
from leafscope.core.gating import leaf_index
from leafscope.core.models import build_net
from leafscope.core.nets import DenseNet, TreeNet, balance_penalty

configs = st.builds(
    NetConfig,
    kind=st.sampled_from(["tree", "flat"]),
    depth=st.integers(0, 5),
    width=st.integers(5, 9),
    tree_layers=st.integers(1, 3),
    gates=st.sampled_from(["hidden", "units", "random"]),
)


@given(configs, st.integers(0, 5))
@settings(deadline=None)
def test_nets_of_one_seed_start_as_the_dense_net(config, seed):
    x = torch.randn(11, 4, generator=torch.Generator().manual_seed(seed))
    dense = build_net(NetConfig(kind="dense", width=config.width, tree_layers=config.tree_layers), 4, 3, seed)
    net = build_net(config, 4, 3, seed)
    assert isinstance(net, TreeNet)
    assert isinstance(dense, DenseNet)
    torch.testing.assert_close(net(x), dense(x))
    assert not torch.equal(dense(x), build_net(dense.config, 4, 3, seed + 1)(x))


@given(configs)
@settings(deadline=None)
def test_leaves_are_the_signs_of_the_gates(config):
    net = build_net(config, 4, 3, 1)
    x = torch.randn(9, 4)
    routed = net.routed(x)
    assert routed.logits.shape == (9, 3)
    assert len(routed.gates) == len(routed.leaves) == config.tree_layers
    for gate, leaf in zip(routed.gates, routed.leaves):
        assert gate.shape == (9, config.depth)
        assert torch.equal(leaf, leaf_index(gate > 0))


def test_hidden_gates_are_the_first_units_below_before_the_relu():
    net = build_net(NetConfig(depth=3, width=6), 4, 2, 0)
    x = torch.randn(5, 4)
    assert torch.equal(net.routed(x).gates[0], net.hidden(x)[:, :3])


def test_separate_units_learn_only_by_the_straight_through_estimator():
    net = build_net(NetConfig(depth=3, width=6, gates="units"), 4, 2, 0)
    with torch.no_grad():
        for layer in net.layers:
            layer.weight.normal_()
    x = torch.randn(20, 4)
    net.routed(x).logits.square().sum().backward()
    assert all(parameter.grad is None for parameter in net.gates.parameters())
    net.routed(x, gate_gradient="straight_through").logits.square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in net.gates.parameters())


def test_random_hyperplanes_are_frozen_and_kept_with_the_weights():
    net = build_net(NetConfig(depth=3, width=6, gates="random"), 4, 2, 0)
    assert not list(net.gates.parameters())
    assert "gates.0.normals" in net.state_dict()


def test_noise_moves_the_sign_and_not_the_activation():
    net = build_net(NetConfig(depth=2, width=6), 4, 2, 0)
    x = torch.randn(8, 4)
    plain, noisy = net.routed(x), net.routed(x, noise=[torch.full((8, 2), 1e6)])
    assert noisy.leaves[0].tolist() == [3] * 8
    assert torch.equal(noisy.gates[0], plain.gates[0])
    torch.testing.assert_close(noisy.logits, plain.logits)  # all patterns compute the same at the start


@given(st.integers(0, 5), st.integers(1, 20), st.integers(0, 100))
@settings(deadline=None)
def test_balance_penalty_equals_its_formula_node_by_node(depth, rows, seed):
    gate = torch.randn(rows, depth, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    leaf = leaf_index(gate > 0)
    expected = 0.0
    for level in range(depth):
        for prefix in range(2**level):
            here = (leaf >> (depth - level)) == prefix
            if here.any():
                alpha = torch.sigmoid(gate[here, level]).mean().item()
                expected -= 0.5 * 2.0**-level * (math.log(alpha) + math.log(1 - alpha))
    assert balance_penalty(gate, leaf).item() == pytest.approx(expected, rel=1e-9)


def test_balance_penalty_is_lowest_for_even_gates_and_finite_for_extreme_ones():
    leaf = torch.zeros(4, dtype=torch.int64)
    assert balance_penalty(torch.zeros(4, 1), leaf).item() == pytest.approx(math.log(2))
    gate = torch.full((4, 1), -200.0, requires_grad=True)
    penalty = balance_penalty(gate, leaf)
    penalty.backward()
    assert math.isfinite(penalty.item())
    assert torch.isfinite(gate.grad).all()
