"""Parametrizations by enumeration: the nodes of every pattern, and the fixed order of the shuffled one."""

import re

import numpy as np
import pytest
import torch

from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig, changed
from leafscope.core.datasets import load
from leafscope.core.inference.net import read_module
from leafscope.core.inference.start import untrained
from leafscope.core.inspection.contributions import explain
from leafscope.core.models import build_net
from leafscope.core.parametrizations import PARAMETRIZATIONS, leaf_numbering
from leafscope.core.sweep.members import expand
from leafscope.core.training.trainer import Trainer

CONTROLS = ["shuffled", "root_leaf", "additive", "flat_mean"]
RUN = RunConfig(
    data=DataConfig(name="moons", n_samples=200),
    net=NetConfig(depth=3, width=6),
    train=TrainConfig(epochs=2, batch_size=32, lr=0.01, device="cpu"),
)


def prefixes(depth, lengths):
    """All prefixes with a matrix, in the order of their nodes."""
    return [format(prefix, f"0{length}b") if length else "" for length in lengths for prefix in range(2**length)]


@pytest.mark.parametrize("depth", range(5))
@pytest.mark.parametrize("name", PARAMETRIZATIONS)
def test_a_leaf_sums_the_nodes_of_its_prefixes(name, depth):
    one = PARAMETRIZATIONS[name]
    if name == "additive":
        nodes = ["", *(f"{'.' * bit}{value}" for bit in range(depth) for value in (0, 1))]
        assert one.n_nodes(depth) == 2 * depth + 1 == len(nodes)
        for pattern in range(2**depth):
            bits = format(pattern, f"0{depth}b") if depth else ""
            assert one.nodes(pattern, depth).tolist() == [n for n, node in enumerate(nodes) if re.match(node, bits)]
        assert one.node_powers(depth).tolist() == [0] + [1] * (2 * depth)
        return
    wanted = {"flat": [depth], "flat_mean": [depth], "root_leaf": sorted({0, depth})}.get(name, list(range(depth + 1)))
    nodes = prefixes(depth, wanted)
    assert (one.n_nodes(depth), [bits.stop for bits in one.levels(depth)]) == (len(nodes), wanted)
    for pattern in range(2**depth):
        place = int(leaf_numbering(depth)[pattern]) if name == "shuffled" else pattern
        bits = format(place, f"0{depth}b") if depth else ""
        assert one.nodes(pattern, depth).tolist() == [
            node for node, prefix in enumerate(nodes) if bits.startswith(prefix) and len(prefix) in wanted
        ]
    powers = [0] * len(nodes) if name in ("flat", "flat_mean") else [len(prefix) for prefix in nodes]
    assert one.node_powers(depth).tolist() == powers


def test_the_order_of_shuffled_leaves_never_changes():
    assert [leaf_numbering(depth).tolist() for depth in range(3)] == [[0], [0, 1], [2, 0, 1, 3]]
    assert leaf_numbering(3).tolist() == [3, 7, 1, 6, 4, 0, 5, 2]
    assert leaf_numbering(4).tolist()[:8] == [12, 0, 6, 3, 4, 9, 11, 2]
    assert leaf_numbering(16)[:4].tolist() == [48687, 16231, 49889, 14678]


@pytest.mark.parametrize("depth", range(2, 11))
def test_no_node_of_a_shuffled_tree_is_a_prefix(depth):
    numbering = leaf_numbering(depth)
    assert sorted(numbering.tolist()) == list(range(2**depth))
    for level in range(1, depth):
        nodes = [{p for p in range(2**depth) if numbering[p] >> (depth - level) == node} for node in range(2**level)]
        assert not any(len({pattern >> (depth - level) for pattern in node}) == 1 for node in nodes)
    assert all(len({pattern >> bit & 1 for pattern in half}) == 2 for bit in range(depth) for half in _halves(numbering))


def _halves(numbering):
    return [np.flatnonzero(numbering >= len(numbering) // 2), np.flatnonzero(numbering < len(numbering) // 2)]


@pytest.mark.parametrize("depth", [17, -1])
def test_other_depths_are_refused(depth):
    with pytest.raises(ValueError, match=f"depth must be from 0 to 16, got {depth}"):
        leaf_numbering(depth)


@pytest.mark.parametrize("kind", CONTROLS)
@pytest.mark.parametrize("gates", ["hidden", "units", "random"])
def test_before_training_they_compute_what_a_dense_net_does(kind, gates):
    config = NetConfig(kind=kind, gates=gates, depth=3, width=6, tree_layers=2)
    x = torch.randn(20, 4)
    dense = build_net(config.model_copy(update={"kind": "dense"}), 4, 3, 7)(x)
    torch.testing.assert_close(build_net(config, 4, 3, 7)(x), dense, atol=1e-6, rtol=1e-5)
    np.testing.assert_allclose(untrained(config, 4, 3, 7)(x.numpy()), dense.detach().numpy(), atol=1e-6)


@pytest.mark.parametrize("kind", CONTROLS)
def test_a_collapsed_net_computes_the_same(kind):
    net = build_net(NetConfig(kind=kind, depth=4, width=6, tree_layers=2), 4, 3)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    mine = read_module(net)
    collapsed, x = mine.collapsed(), np.random.default_rng(0).normal(size=(50, 4))
    assert collapsed.config.kind == "flat"
    np.testing.assert_allclose(collapsed(x), mine(x), rtol=1e-4, atol=1e-4)
    weight = net.layers[1].leaf_weight().detach().numpy()
    np.testing.assert_allclose(collapsed.by_leaf("layers.1.weight"), weight, rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"only a net with shared prefixes \(tree\) has levels"):
        mine.read_to_level(1)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("kind", CONTROLS)
def test_recorded_leaves_are_the_sign_patterns(kind, compiled):
    run = changed(RUN, {"net.kind": kind})
    trainer = Trainer(run, compiled=compiled)
    (*_, last) = trainer.epochs()
    x = torch.tensor(load(run.data, run.data_seed).test.x)
    bits = trainer.net.hidden(x)[:, :3] > 0
    assert last.leaves[0, "test"].tolist() == [int("".join(str(int(bit)) for bit in row), 2) for row in bits]


def test_controls_of_a_seed_and_the_tree_begin_alike_and_part():
    histories = {}
    for kind in ("tree", "flat", *CONTROLS):
        records = list(Trainer(changed(RUN, {"net.kind": kind, "train.weight_decay": 0.5}), compiled=True).epochs())
        histories[kind] = [record.metrics["train", "loss"] for record in records]
    first, last = ([losses[place] for losses in histories.values()] for place in (0, -1))
    assert first == pytest.approx([first[0]] * 6, rel=1e-6)
    assert np.diff(sorted(last)).min() > 1e-5


def test_a_sweep_has_them_as_kinds():
    made = expand(SweepConfig(base=RUN, axes={"net.kind": ["tree", *CONTROLS], "net.depth": [1, 2]}, baselines=["dense"]))
    assert {(member.model, member.depth) for member in made} >= {(kind, depth) for kind in CONTROLS for depth in (1, 2)}
    assert len({member.run.run_id for member in made}) == len({(member.model, member.depth) for member in made}) == 11
    labels = [member.run.label for member in made]
    assert any("shuffled" in label for label in labels)
    for words in ("root leaf", "additive", "flat mean"):
        assert any(words in label for label in labels)


@pytest.mark.parametrize("gates", ["hidden", "units"])
def test_with_one_bit_the_additive_net_is_the_tree(gates):
    run = changed(
        RUN, {"net.depth": 1, "net.gates": gates, "train.gate_gradient": "straight_through", "train.decay_growth": 2.0}
    )
    tree, additive = (Trainer(changed(run, {"net.kind": kind}), compiled=True) for kind in ("tree", "additive"))
    for one, other in zip(tree.epochs(), additive.epochs(), strict=True):
        assert one.metrics == other.metrics
    x = np.random.default_rng(0).normal(size=(20, 2))
    assert np.array_equal(read_module(tree.net)(x), read_module(additive.net)(x))


@pytest.mark.parametrize("kind", ["additive", "flat_mean"])
def test_numpy_computes_and_explains_what_the_module_does(kind):
    net = build_net(NetConfig(kind=kind, depth=3, width=6, tree_layers=2), 4, 3)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape))
    mine, x = read_module(net), np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32)
    np.testing.assert_allclose(mine(x), net(torch.tensor(x)).detach().numpy(), rtol=1e-5, atol=1e-4)
    found = explain(mine, x[0])
    assert found.levels == ((0, 1, 2, 3) if kind == "additive" else (3,))
    np.testing.assert_allclose(found.contributions.sum(0) + found.rest, found.logits, rtol=1e-9, atol=1e-9)
