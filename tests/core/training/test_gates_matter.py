"""Gates on a problem where credit, penalty and noise must each make a difference, on every path that trains."""

import numpy as np
import pytest
import torch

from leafscope.core.config import RunConfig, changed
from leafscope.core.nets import TreeNet
from leafscope.core.training import compiling
from leafscope.core.training.trainer import Trainer
from leafscope.core.tree import TreeLinear
from leafscope.core.usage.counts import leaf_counts
from leafscope.core.usage.evenness import balance

XOR = changed(
    RunConfig(),
    {
        "data.name": "xor",
        "data.n_samples": 600,
        "net.width": 4,
        "net.depth": 1,
        "net.gates": "units",
        "train.epochs": 15,
        "train.lr": 0.005,
        "train.weight_decay": 0.0,
        "train.device": "cpu",
        "seed": 2,
    },
)
"""Two features whose signs together make the class: one linear map on each side of x1 = 0 solves it, one alone cannot."""


@pytest.fixture(params=[False, True], ids=["reference", "compiled"])
def compiled(request: pytest.FixtureRequest) -> bool:
    if request.param:
        compiling.make_ready()
    return bool(request.param)


def trained(threshold: float, compiled: bool, **changes: object) -> Trainer:
    """Train a net whose hidden units are x1, -x1, x2, -x2 and whose gate opens, at the start, where x1 > threshold."""
    trainer = Trainer(changed(XOR, {name.replace("__", "."): value for name, value in changes.items()}), compiled=compiled)
    net = trainer.net
    assert isinstance(net, TreeNet)
    with torch.no_grad():
        net.hidden.weight.copy_(torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]]))
        net.hidden.bias.zero_()
        if trainer.run.net.gates == "hidden":
            net.hidden.bias[0] = -threshold
        else:
            net.gates[0].weight.copy_(torch.tensor([[1.0, -1, 0, 0]]))
            net.gates[0].bias.fill_(-threshold)
    for _ in trainer.epochs():
        pass
    return trainer


def leaves(trainer: Trainer, split: str) -> np.ndarray:
    with torch.no_grad():
        return trainer.net.routed(torch.tensor(trainer.dataset.splits[split].x)).leaves[0].numpy()


def right_side(trainer: Trainer) -> float:
    """The share of test rows that the gate sends where the sign of x1 would."""
    return float(((leaves(trainer, "test") == 1) == (trainer.dataset.test.x[:, 0] > 0)).mean())


def test_a_gate_off_an_informative_split_moves_only_if_it_gets_credit(compiled: bool) -> None:
    left = trained(-1.0, compiled)
    moved = trained(-1.0, compiled, train__gate_gradient="straight_through")
    assert torch.equal(left.net.gates[0].weight, torch.tensor([[1.0, -1, 0, 0]]))
    assert torch.equal(left.net.gates[0].bias, torch.tensor([1.0]))
    assert right_side(left) < 0.7
    assert right_side(moved) > 0.85


def test_the_penalty_evens_skewed_leaves(compiled: bool) -> None:
    gini = [
        balance(leaf_counts(leaves(trained(-1.0, compiled, train__balance=weight), "train"), 1)).gini for weight in (0.0, 0.5)
    ]
    assert gini[0] > 0.3
    assert gini[1] < gini[0] - 0.2


@pytest.mark.parametrize(("balancing", "rate"), [("centred", 0.0), ("bias", 0.02)])
@pytest.mark.parametrize("gates", ["hidden", "units"])
def test_offsets_even_a_one_sided_gate(balancing: str, rate: float, gates: str) -> None:
    """At first all rows but a sixth are on one side; the first hidden unit and the gating unit are x1 and x1 + 1."""
    compiling.make_ready()
    shares = []
    for changes in ({}, {"net__balancing": balancing, "train__balance": rate}):
        trainer = trained(-1.0, True, net__gates=gates, train__lr=1e-9, train__batch_size=8, **changes)
        shares.append(float((leaves(trainer, "train") == 1).mean()))
    assert shares[0] > 0.75
    assert shares[1] == pytest.approx(0.5, abs=0.06)


def test_noise_reaches_leaves_that_no_row_reaches_without_it(compiled: bool) -> None:
    quiet, noisy = (trained(-10.0, compiled, train__gate_noise=noise) for noise in (0.0, 8.0))
    for trainer, touched in ((quiet, False), (noisy, True)):
        layer = trainer.net.layers[0]
        assert isinstance(layer, TreeLinear)
        assert bool(layer.weight[1].any()) is touched  # the node of bit 0
        assert (leaves(trainer, "train") == 1).all()  # noise is for training only
