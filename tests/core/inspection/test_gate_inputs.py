"""What gates see: with it and the gates' own weights, the pre-activations of the net follow."""

from typing import Any

import numpy as np
import pytest

from leafscope.core.config import NetConfig
from leafscope.core.inference.net import Net, leaf_of
from leafscope.core.inference.start import untrained
from leafscope.core.inspection.gate_inputs import gate_inputs, sees_the_rows

X = np.random.default_rng(0).normal(size=(5000, 3)).astype(np.float32)


def net(**changes: Any) -> Net:
    made = untrained(NetConfig(width=6, depth=2, **changes), 3, 2, seed=1)
    rng = np.random.default_rng(2)  # an untrained net has the same matrix in every leaf
    return Net(made.config, {name: rng.normal(size=array.shape).astype(np.float32) for name, array in made.weights.items()})


@pytest.mark.parametrize("gates", ["units", "random"])
@pytest.mark.parametrize("layer", [0, 1])
def test_separate_gates_follow_from_what_they_see(gates: str, layer: int) -> None:
    one = net(kind="tree", gates=gates, tree_layers=2)
    seen = gate_inputs(one.config, X, layer, lambda: one)
    assert seen is not None
    normals = one.gate_normals(layer)
    assert normals is not None
    bias = one.weights.get(f"gates.{layer}.bias", 0)
    np.testing.assert_allclose(seen @ normals.T + bias, one.routed(X).gates[layer], rtol=1e-5, atol=1e-5)


def test_hidden_gates_of_the_first_layer_see_the_rows_and_need_no_net() -> None:
    one = net(kind="flat", gates="hidden")

    def none() -> Net | None:
        raise AssertionError("the net is not needed")

    seen = gate_inputs(one.config, X, 0, none)
    assert seen is X
    np.testing.assert_allclose(one.linear("hidden", X)[:, :2], one.routed(X).gates[0], rtol=1e-5)
    assert one.gate_inputs(X, 0) is X
    assert sees_the_rows(one.config, 0)


def test_hidden_gates_of_the_second_layer_see_what_the_first_reads() -> None:
    one = net(kind="flat", gates="hidden", tree_layers=2)
    seen = gate_inputs(one.config, X, 1, lambda: one)
    assert seen is not None
    np.testing.assert_allclose(
        one.multiply(0, seen, one.routed(X).leaves[0])[:, :2], one.routed(X).gates[1], rtol=1e-4, atol=1e-4
    )


def test_units_of_a_dense_net_see_the_layer_below() -> None:
    one = net(kind="dense", tree_layers=2)
    assert gate_inputs(one.config, X, 0, lambda: None) is X
    seen = gate_inputs(one.config, X, 1, lambda: one)
    assert seen is not None
    units = one.linear("layers.0", seen)
    assert leaf_of(units[:, :2]).tolist() == leaf_of(one.units(X, 1)[:, :2]).tolist()


def test_without_weights_it_is_not_known() -> None:
    one = net(kind="tree", gates="units")
    assert gate_inputs(one.config, X, 0, lambda: None) is None
    assert not sees_the_rows(one.config, 0)
    assert one.gate_inputs(X[:0], 0).shape == (0, 6)
    with pytest.raises(ValueError, match="layer must be from 0 to 0, got 1"):
        gate_inputs(one.config, X, 1, lambda: one)
    with pytest.raises(ValueError, match="layer must be from 0 to 0, got -1"):
        one.gate_inputs(X, -1)
