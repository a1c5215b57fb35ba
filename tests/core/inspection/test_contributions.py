"""Explanations: parts that sum to the logits, a slow walk through the net in numpy, distances that are really walked."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig
from leafscope.core.datasets import load
from leafscope.core.inference.net import read_module
from leafscope.core.inspection import contributions
from leafscope.core.inspection.contributions import Explanation
from leafscope.core.nets import DenseNet, TreeNet
from leafscope.core.training.loop import train

P, C = 5, 3
KINDS = [(kind, gates) for kind in ("tree", "flat") for gates in ("hidden", "units", "random")]


def a_net(seed: int = 0, **fields: object) -> TreeNet:
    """A net whose every node and bias is drawn, where a net before training has zeros."""
    net = TreeNet(NetConfig.model_validate({"width": 6, "depth": 3} | fields), P, C, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.7)
    return net


def explain(net: TreeNet, x: ArrayLike, layer: int = -1) -> Explanation:
    return contributions.explain(read_module(net), x, layer)


def margins(net: TreeNet, x: ArrayLike, layer: int = -1) -> np.ndarray:
    return contributions.margins(read_module(net), x, layer)


def flips(net: TreeNet, x: ArrayLike, layer: int = -1) -> tuple[np.ndarray, np.ndarray]:
    level, outputs = contributions.flipped_outputs(read_module(net), x, layer)
    return level, outputs.argmax(1)


def some_rows(n: int = 8, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, P)).astype(np.float32)


class ByHand:
    """One row's way through a net, in float64, on its own signs but for the leaves that are forced: layer -> leaf."""

    def __init__(self, net: TreeNet, x: np.ndarray, forced: dict[int, int] | None = None) -> None:
        table = {name: value.numpy().astype(np.float64) for name, value in net.state_dict().items()}
        depth = net.config.depth
        self.leaf, self.gate, self.normal, self.part, self.matrix, self.bias, self.mask = [], [], [], [], [], [], []
        z = table["hidden.weight"] @ x.astype(np.float64) + table["hidden.bias"]
        made_by = table["hidden.weight"]
        for layer in range(net.config.tree_layers):
            h = np.maximum(z, 0)
            gate, normal = z[:depth], made_by[:depth]
            if depth and net.config.gates != "hidden":
                normal = table[f"gates.{layer}.{'weight' if net.config.gates == 'units' else 'normals'}"]
                gate = normal @ h + (table[f"gates.{layer}.bias"] if net.config.gates == "units" else 0)
            leaf = sum(int(value > 0) << (depth - 1 - bit) for bit, value in enumerate(gate))
            leaf = (forced or {}).get(layer, leaf)
            nodes = [leaf] if net.config.kind == "flat" else [2**r - 1 + (leaf >> (depth - r)) for r in range(depth + 1)]
            weights, biases = table[f"layers.{layer}.weight"][nodes], table[f"layers.{layer}.bias"][nodes]
            made_by = weights.sum(0)
            z = made_by @ h + biases.sum(0)
            self.leaf.append(leaf)
            self.gate.append(gate)
            self.normal.append(normal)
            self.part.append(weights @ h + biases)
            self.matrix.append(made_by)
            self.bias.append(biases.sum(0))
            self.mask.append(np.diag((z > 0).astype(float)))
        self.head = table["head.weight"], table["head.bias"]
        self.logits = self.head[0] @ np.maximum(z, 0) + self.head[1]

    def carried(self, layer: int) -> np.ndarray:
        """The linear map (C, Q) from a layer's sum to the logits, its masks held fixed."""
        carry = self.head[0] @ self.mask[-1]
        for later in range(len(self.leaf) - 1, layer, -1):
            carry = carry @ self.matrix[later] @ self.mask[later - 1]
        return carry

    def margin(self, layer: int) -> np.ndarray:
        return np.abs(self.gate[layer]) / np.linalg.norm(self.normal[layer], axis=1)


def float32_logits(net: TreeNet, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return net(torch.tensor(x[None]))[0].numpy()


def check_sums(net: TreeNet, x: np.ndarray, found: Explanation) -> None:
    total = found.contributions.sum(0) + found.rest
    np.testing.assert_allclose(total, found.logits, rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(found.logits, float32_logits(net, x), rtol=1e-5, atol=1e-4)
    assert found.contributions.dtype == found.rest.dtype == found.logits.dtype == np.float64


@pytest.mark.parametrize(("kind", "gates"), KINDS)
@pytest.mark.parametrize("tree_layers", [1, 2, 3])
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_everything_by_hand(kind: str, gates: str, tree_layers: int, depth: int) -> None:
    net = a_net(kind=kind, gates=gates, tree_layers=tree_layers, depth=depth)
    rows = some_rows()
    for layer in range(tree_layers):
        margin = margins(net, rows, layer)
        assert margin.shape == (len(rows), depth)
        assert margin.dtype == np.float64
        level_of, prediction_after = flips(net, rows, layer)
        for row, x in enumerate(rows):
            found, hand = explain(net, x, layer), ByHand(net, x)
            check_sums(net, x, found)
            assert (found.layer, found.depth, found.leaf) == (layer, depth, hand.leaf[layer])
            assert found.prediction == hand.logits.argmax()
            np.testing.assert_allclose(found.logits, hand.logits)
            np.testing.assert_allclose(found.contributions, hand.part[layer] @ hand.carried(layer).T, atol=1e-12)
            rest = hand.head[1] + sum(hand.carried(at) @ hand.bias[at] for at in range(layer + 1, tree_layers))
            np.testing.assert_allclose(found.rest, rest, atol=1e-12)

            np.testing.assert_allclose(margin[row], hand.margin(layer))
            assert [gate.level for gate in found.gates] == list(range(depth))
            assert [gate.bit for gate in found.gates] == [int(value > 0) for value in hand.gate[layer]]
            np.testing.assert_allclose([gate.pre_activation for gate in found.gates], hand.gate[layer])
            np.testing.assert_allclose([gate.margin for gate in found.gates], hand.margin(layer))

            if depth == 0:
                assert found.flip is None
                assert (level_of[row], prediction_after[row]) == (-1, found.prediction)
                continue
            level = int(hand.margin(layer).argmin())
            leaf = hand.leaf[layer] ^ (1 << (depth - 1 - level))
            other = ByHand(net, x, {at: hand.leaf[at] for at in range(layer)} | {layer: leaf})
            assert found.flip is not None
            assert (found.flip.level, found.flip.leaf) == (level, leaf)
            assert found.flip.margin == pytest.approx(hand.margin(layer)[level])
            np.testing.assert_allclose(found.flip.logits, other.logits)
            assert found.flip.prediction == other.logits.argmax() == prediction_after[row]
            assert level_of[row] == level


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_sums_at_any_shape(data: st.DataObject) -> None:
    kind, gates = data.draw(st.sampled_from(KINDS))
    width, tree_layers, seed = (data.draw(st.integers(low, high)) for low, high in ((1, 9), (1, 3), (0, 99)))
    depth = data.draw(st.integers(0, min(width, 4) if gates == "hidden" else 4))
    net = a_net(seed, kind=kind, gates=gates, width=width, tree_layers=tree_layers, depth=depth)
    layer = data.draw(st.integers(-tree_layers, tree_layers - 1))
    x = data.draw(st.lists(st.floats(-8, 8, width=32), min_size=P, max_size=P).map(lambda row: np.array(row, np.float32)))
    found = explain(net, x, layer)
    check_sums(net, x, found)
    assert found.layer == layer % tree_layers
    with torch.no_grad():
        assert found.leaf == net.routed(torch.tensor(x[None])).leaves[layer].item()
    assert len(found.contributions) == len(found.nodes) == len(found.levels) == (depth + 1 if kind == "tree" else 1)
    if found.flip is not None:
        assert bin(found.flip.leaf ^ found.leaf).count("1") == 1


class TestMargins:
    @pytest.mark.parametrize("kind", ["tree", "flat"])
    def test_walking_the_margin_reaches_the_boundary(self, kind: str) -> None:
        net = a_net(kind=kind)
        rows = some_rows().astype(np.float64)
        weight, bias = (value.detach().double().numpy() for value in (net.hidden.weight, net.hidden.bias))
        for level in range(3):
            normal = weight[level] / np.linalg.norm(weight[level])
            side = np.sign(rows @ weight[level] + bias[level])
            distance = margins(net, rows, 0)[:, level] * -side
            np.testing.assert_allclose((rows + distance[:, None] * normal) @ weight[level] + bias[level], 0, atol=1e-6)
            for step, turned in ((0.999, False), (1.001, True)):
                moved = (rows + step * distance[:, None] * normal).astype(np.float32)
                with torch.no_grad():
                    bit = net.routed(torch.tensor(moved)).leaves[0].numpy() >> (2 - level) & 1
                assert ((bit == 1) != (side > 0)).tolist() == [turned] * len(rows)

    def test_walking_in_the_layer_below(self) -> None:
        """At a later layer with hidden gates the way leads through what the layer below reads, along its own matrix."""
        net = a_net(tree_layers=2)
        for x in some_rows():
            hand = ByHand(net, x)
            normal = hand.matrix[0][:3]
            for level, margin in enumerate(margins(net, x[None])[0]):
                step = -np.sign(hand.gate[1][level]) * margin * normal[level] / np.linalg.norm(normal[level])
                assert hand.gate[1][level] + normal[level] @ step == pytest.approx(0, abs=1e-6)

    def test_a_zero_normal_has_no_margin(self) -> None:
        net = a_net(depth=2)
        with torch.no_grad():
            net.hidden.weight[0] = 0
        rows = some_rows()
        assert np.isnan(margins(net, rows)).tolist() == [[True, False]] * len(rows)
        found = explain(net, rows[0])
        assert math.isnan(found.gates[0].margin)
        assert found.flip is not None
        assert found.flip.level == 1
        assert flips(net, rows)[0].tolist() == [1] * len(rows)

    def test_no_gate_has_a_margin(self) -> None:
        net = a_net(depth=1)
        with torch.no_grad():
            net.hidden.weight[0] = 0
        rows = some_rows()
        assert explain(net, rows[0]).flip is None
        level, prediction = flips(net, rows)
        assert level.tolist() == [-1] * len(rows)
        assert prediction.tolist() == [explain(net, x).prediction for x in rows]

    def test_only_some_rows_can_flip(self) -> None:
        """A leaf of the layer below makes the gate with a zero row, the others do not."""
        net = a_net(kind="flat", depth=1, tree_layers=2)
        with torch.no_grad():
            net.layers[0].weight[0, 0] = 0
            leaf = net.routed(torch.tensor(some_rows(20))).leaves[0].numpy()
        assert 0 < leaf.sum() < 20
        level, prediction = flips(net, some_rows(20))
        assert level.tolist() == [-1 if at == 0 else 0 for at in leaf]
        for x, after in zip(some_rows(20), prediction, strict=True):
            found = explain(net, x)
            assert after == (found.prediction if found.flip is None else found.flip.prediction)

    @pytest.mark.parametrize("tree_layers", [1, 2])
    def test_no_rows(self, tree_layers: int) -> None:
        net = a_net(tree_layers=tree_layers)
        nothing = np.zeros((0, P), np.float32)
        assert margins(net, nothing).shape == (0, 3)
        assert [values.shape for values in flips(net, nothing)] == [(0,), (0,)]


class TestExplain:
    def test_nodes_of_a_tree_and_of_separate_leaves(self) -> None:
        x = some_rows()[0]
        tree, flat = explain(a_net(), x), explain(a_net(kind="flat"), x)
        assert tree.nodes == tuple(2**level - 1 + (tree.leaf >> (3 - level)) for level in range(4))
        assert tree.levels == (0, 1, 2, 3)
        assert (flat.nodes, flat.levels) == ((flat.leaf,), (3,))

    def test_a_negative_layer_counts_from_the_last(self) -> None:
        net, x = a_net(tree_layers=3), some_rows()[0]
        for layer in range(3):
            one, other = explain(net, x, layer), explain(net, x, layer - 3)
            assert (one.layer, one.gates) == (other.layer, other.gates)
            assert (margins(net, x[None], layer) == margins(net, x[None], layer - 3)).all()
        assert explain(net, x).layer == 2

    def test_a_tie_is_bit_0_and_flips_to_1(self) -> None:
        net = a_net(depth=1)
        with torch.no_grad():
            net.hidden.bias[0] = 0
        found = explain(net, np.zeros(P))
        assert (found.leaf, found.gates[0].bit, found.gates[0].margin) == (0, 0, 0.0)
        assert found.flip is not None
        assert (found.flip.leaf, found.flip.margin) == (1, 0.0)

    def test_the_smallest_margin_is_not_the_smallest_pre_activation(self) -> None:
        net = a_net(depth=2)
        with torch.no_grad():
            net.hidden.weight[:2] = torch.tensor([[0.1, 0, 0, 0, 0], [0, 100.0, 0, 0, 0]])
            net.hidden.bias[:2] = 0
        found = explain(net, [1.0, 0.5, 0, 0, 0])
        assert [gate.margin for gate in found.gates] == pytest.approx([1.0, 0.5])
        assert found.flip is not None
        assert (found.flip.level, found.flip.leaf) == (1, 0b10)

    def test_the_leaf_is_the_one_that_the_net_chose(self) -> None:
        """1 + 2^-30 is 1 in float32, so that the net reads 0 where float64 reads a positive number."""
        net = TreeNet(NetConfig(width=1, depth=1, gates="units"), 1, 2)
        with torch.no_grad():
            net.hidden.weight.fill_(1)
            net.hidden.bias.fill_(1)
            net.gates[0].weight.fill_(1)
            net.gates[0].bias.fill_(-1)
            net.layers[0].weight.copy_(torch.tensor([1.0, 5.0, 7.0]).reshape(3, 1, 1))
        x = np.array([2.0**-30], np.float32)
        found = explain(net, x)
        assert found.gates[0].pre_activation > 0
        assert (found.leaf, found.gates[0].bit, found.nodes) == (0, 0, (0, 1))
        check_sums(net, x, found)

    def test_the_net_is_left_as_it_was(self) -> None:
        net = a_net(tree_layers=2)
        before = {name: value.clone() for name, value in net.state_dict().items()}
        explain(net, some_rows()[0])
        flips(net, some_rows())
        assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
        assert all(parameter.dtype == torch.float32 and parameter.requires_grad for parameter in net.parameters())

    def test_a_trained_net(self) -> None:
        run = RunConfig(
            data=DataConfig(name="wine"),
            net=NetConfig(width=6, depth=3, tree_layers=2),
            train=TrainConfig(epochs=6, lr=0.05, device="cpu"),
        )
        net = train(run).net
        assert isinstance(net, TreeNet)
        test = load(run.data, 0).test
        level, after = flips(net, test.x)
        for x, at, then in zip(test.x, level, after, strict=True):
            found = explain(net, x)
            check_sums(net, x, found)
            assert found.flip is not None
            assert (found.flip.level, found.flip.prediction) == (at, then)

    def test_a_net_before_training_has_nothing_below_the_root(self) -> None:
        found = explain(TreeNet(NetConfig(width=6, depth=3), P, C), some_rows()[0])
        assert (found.contributions[1:] == 0).all()
        assert found.flip is not None
        np.testing.assert_allclose(found.flip.logits, found.logits)


class TestRefusals:
    def test_dense_nets(self) -> None:
        dense = DenseNet(NetConfig(kind="dense", width=6), P, C)
        for ask, x in ((explain, np.zeros(P)), (margins, np.zeros((2, P))), (flips, np.zeros((2, P)))):
            with pytest.raises(ValueError, match=r"only a net with gated layers \(tree or flat\) can be explained, got dense"):
                ask(dense, x)

    @pytest.mark.parametrize("layer", [-3, 2])
    def test_layers(self, layer: int) -> None:
        net = a_net(tree_layers=2)
        for ask, x in ((explain, np.zeros(P)), (margins, np.zeros((2, P))), (flips, np.zeros((2, P)))):
            with pytest.raises(ValueError, match=f"layer must be from -2 to 1, got {layer}"):
                ask(net, x, layer)

    def test_shapes(self) -> None:
        net = a_net()
        with pytest.raises(ValueError, match=r"x must have shape \(5,\), got \(4,\)"):
            explain(net, np.zeros(4))
        with pytest.raises(ValueError, match=r"x must have shape \(5,\), got \(1, 5\)"):
            explain(net, np.zeros((1, P)))
        for ask in (margins, flips):
            with pytest.raises(ValueError, match=r"x must have shape \(N, 5\), got \(5,\)"):
                ask(net, np.zeros(P))

    @pytest.mark.parametrize("wrong", [math.nan, math.inf])
    def test_values_that_are_not_finite(self, wrong: float) -> None:
        with pytest.raises(ValueError, match="x must be finite"):
            explain(a_net(), [wrong] * P)
