"""Nets in NumPy against the modules whose weights they have."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leafscope.core.config import NetConfig
from leafscope.core.inference import net as module
from leafscope.core.inference.net import Net, cross_entropy, leaf_of, read_module, softmax
from leafscope.core.models import build_net
from tests.core.inference.configs import nets


def drawn(config: NetConfig, n_features: int = 5, n_outputs: int = 3, seed: int = 0) -> torch.nn.Module:
    """A net of which every node differs."""
    net = build_net(config, n_features, n_outputs, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
        if (offsets := getattr(net, "offsets", None)) is not None:
            offsets.copy_(torch.randn(offsets.shape, generator=generator))
    return net


@settings(max_examples=60)
@given(st.data())
def test_logits_gates_and_leaves_are_the_module_s(data: st.DataObject) -> None:
    config, seed = data.draw(nets(widest=16, deepest=5)), data.draw(st.integers(0, 999))
    theirs = drawn(config, seed=seed)
    mine = read_module(theirs)
    x = np.random.default_rng(seed).normal(size=(data.draw(st.integers(0, 40)), 5)).astype(np.float32)
    with torch.no_grad():
        expected = theirs.routed(torch.tensor(x))
    found = mine.routed(x)
    assert found.logits.shape == expected.logits.shape
    assert found.logits.dtype == np.float32
    assert len(found.leaves) == len(found.gates) == len(expected.leaves)
    sure = np.ones(len(x), bool)
    for mine_gate, gate, mine_leaf, leaf in zip(found.gates, expected.gates, found.leaves, expected.leaves, strict=True):
        sure &= (np.abs(gate.numpy()) > 1e-5).all(1)  # nearer to 0, rounding may turn a sign
        np.testing.assert_allclose(mine_gate[sure], gate.numpy()[sure], atol=1e-5, rtol=1e-5)
        assert np.array_equal(mine_leaf[sure], leaf.numpy()[sure])
    np.testing.assert_allclose(found.logits[sure], expected.logits.numpy()[sure], atol=1e-5, rtol=1e-5)


def test_many_rows_are_computed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    net = read_module(drawn(NetConfig(width=6, depth=2, tree_layers=2)))
    x = np.random.default_rng(0).normal(size=(50, 5))
    whole = net.routed(x)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 7)
    parts = net.routed(x)
    np.testing.assert_allclose(parts.logits, whole.logits, atol=1e-5, rtol=1e-5)
    assert all(np.array_equal(one, other) for one, other in zip(parts.leaves, whole.leaves, strict=True))


def test_a_module_may_go_on_training() -> None:
    theirs = drawn(NetConfig(width=6, depth=2))
    net = read_module(theirs)
    before = net.weights["head.bias"].copy()
    with torch.no_grad():
        theirs.head.bias.add_(1)
    assert np.array_equal(net.weights["head.bias"], before)


@pytest.mark.parametrize("value", [np.inf, np.nan])
def test_a_net_that_diverged_gives_no_error(value: float) -> None:
    net = read_module(drawn(NetConfig(width=6, depth=2)))
    broken = Net(net.config, {name: np.full_like(array, value) for name, array in net.weights.items()})
    with np.errstate(all="raise"):
        assert not np.isfinite(broken(np.ones((4, 5)))).any()


def test_collapsed_tables_are_the_sums_along_the_paths() -> None:
    theirs = drawn(NetConfig(width=6, depth=3))
    net = read_module(theirs)
    by_leaf = net.by_leaf("layers.0.weight")
    np.testing.assert_allclose(by_leaf, theirs.layers[0].leaf_weight().detach().numpy(), atol=1e-6)
    for leaf in range(8):
        np.testing.assert_allclose(by_leaf[leaf], net.own(0, leaf)[0].sum(0), atol=1e-6)


def test_signs_of_0_and_nan_are_bit_0() -> None:
    assert leaf_of(np.array([[0.0, -0.0], [np.nan, 1.0], [1e-30, np.inf]])).tolist() == [0, 1, 3]
    assert leaf_of(np.zeros((3, 0))).tolist() == [0, 0, 0]


def test_cross_entropy_and_softmax_are_torch_s() -> None:
    logits = np.random.default_rng(0).normal(size=(30, 4)) * 50
    y = np.arange(30) % 4
    theirs = torch.nn.functional.cross_entropy(torch.tensor(logits), torch.tensor(y), reduction="none")
    np.testing.assert_allclose(cross_entropy(logits, y), theirs.numpy(), atol=1e-12)
    np.testing.assert_allclose(softmax(logits), torch.tensor(logits).softmax(1).numpy(), atol=1e-12)
