"""Gate gradients: each is one object, and a kernel that does not know one leaves it to the reference."""

import pytest
import torch
from pydantic import ValidationError

from leafscope.core.config import DataConfig, NetConfig, RunConfig, TrainConfig, changed
from leafscope.core.gates import GATE_GRADIENTS
from leafscope.core.gating import leaf_index
from leafscope.core.kernels import cpu
from leafscope.core.training import train
from leafscope.core.training.trainer import Trainer
from leafscope.core.tree import TreeLinear
from tests.core.models.toys import slope_one  # noqa: F401 -- a fixture

RUN = RunConfig(
    data=DataConfig(name="iris"),
    net=NetConfig(width=6, depth=2, gates="units", tree_layers=2),
    train=TrainConfig(epochs=2, device="cpu", gate_gradient="straight_through"),
)


def pass_back(gate_gradient: str, parametrization: str) -> tuple[TreeLinear, torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    layer = TreeLinear(4, 3, 3, parametrization)
    with torch.no_grad():
        for table in layer.parameters():
            table.normal_()
    x, gate = torch.randn(12, 4), torch.randn(12, 3, requires_grad=True)
    leaf = leaf_index(gate > 0)
    layer(x, leaf, gate, gate_gradient).sum().backward()
    return layer, x, leaf, gate


def test_their_order_and_what_is_known_of_them():
    ours = list(GATE_GRADIENTS)[:2]
    assert ours == ["none", "straight_through"]
    assert [GATE_GRADIENTS[name].label for name in ours] == ["", "ST"]
    assert all(GATE_GRADIENTS[name].compiled for name in ours)


@pytest.mark.parametrize("parametrization", ["tree", "flat"])
def test_none_gives_gates_nothing(parametrization):
    assert pass_back("none", parametrization)[3].grad is None


@pytest.mark.usefixtures("slope_one")
@pytest.mark.parametrize("parametrization", ["tree", "flat"])
def test_a_new_one_credits_gates_by_its_factor(parametrization):
    layer, x, leaf, gate = pass_back("slope_one", parametrization)
    signs = torch.stack([(leaf >> (2 - bit) & 1) * 2 - 1 for bit in range(3)], 1)
    node = [leaf] if parametrization == "flat" else [(1 << level) - 1 + (leaf >> (3 - level)) for level in (1, 2, 3)]
    credit = torch.zeros(12, 3)
    for column, nodes in zip(range(3 - len(node), 3), node, strict=True):
        credit[:, column] = (torch.einsum("nqp,np->nq", layer.weight[nodes], x) + layer.bias[nodes]).sum(1)
    expected = signs * credit.flip(1).cumsum(1).flip(1)  # bit j changes the factors from j on
    torch.testing.assert_close(gate.grad, expected)


@pytest.mark.usefixtures("slope_one")
def test_a_kernel_that_does_not_know_it_leaves_it_to_the_reference():
    x, weight, gate = torch.randn(5, 4), torch.randn(3, 2, 4), torch.randn(5, 1, requires_grad=True)
    assert cpu.takes(x, weight, None, gate)
    assert not cpu.takes(x, weight, None, gate, "slope_one")
    assert cpu.takes(x, weight, None, gate.detach(), "slope_one")  # nothing to credit
    layer = TreeLinear(4, 2, 1)
    leaf = torch.zeros(5, dtype=torch.int64)
    assert type(layer(x, leaf, gate).grad_fn).__name__ == "_LeafLinearBackward"
    assert type(layer(x, leaf, gate, "slope_one").grad_fn).__name__ != "_LeafLinearBackward"


def test_before_it_is_registered_it_is_refused():
    with pytest.raises(ValidationError, match=r"gate_gradient must be one of none, straight_through.*, got 'slope_one'"):
        changed(RUN, {"train.gate_gradient": "slope_one"})


@pytest.mark.usefixtures("slope_one")
def test_a_new_one_trains_and_is_named():
    run = changed(RUN, {"train.gate_gradient": "slope_one"})
    assert run.label == "iris tree K2 w6 x2 units S1 e2 s0"
    assert run.run_id != RUN.run_id
    assert Trainer(run, compiled=True)._compiled is None
    assert Trainer(RUN, compiled=True)._compiled is not None
    assert Trainer(changed(run, {"net.kind": "dense"}), compiled=True)._compiled is not None  # which has no gates
    names = ("none", "straight_through", "slope_one")
    histories = [train(changed(run, {"train.gate_gradient": name}), compiled=True).history["value"].tolist() for name in names]
    assert len({tuple(history) for history in histories}) == 3
    assert train(run).history["value"].tolist() == histories[-1]
