"""A soft decision tree against brute force in float64."""

import itertools

import numpy as np
import pytest
import torch

from leafscope.core.config import RunConfig, TrainConfig
from leafscope.core.cost import cost, training_multiply_adds
from leafscope.core.mixtures.soft_tree import path_balance
from leafscope.core.training import train
from leafscope.core.training.trainer import Trainer
from tests.core.mixtures.nets import drawn, numbers, rows


def by_paths(net, x):
    """Shares of the paths (N, L), probabilities of the leaves (L, C), and the penalty, node by node."""
    w, depth = numbers(net), net.config.depth
    h = np.maximum(x.numpy() @ w["hidden.weight"].T + w["hidden.bias"], 0)
    right = np.zeros((len(h), 0))
    if depth:
        right = 1 / (1 + np.exp(-net.config.inverse_temperature * (h @ w["inner.weight"].T + w["inner.bias"])))
    shares, penalty = [], 0.0
    for length in range(depth + 1):
        for bits in itertools.product((0, 1), repeat=length):
            share = np.ones(len(h))
            for level, bit in enumerate(bits):
                node = 2**level - 1 + int("0" + "".join(map(str, bits[:level])), 2)
                share *= right[:, node] if bit else 1 - right[:, node]
            if length == depth:
                shares.append(share)
            else:
                node = 2**length - 1 + int("0" + "".join(map(str, bits)), 2)
                alpha = (share * right[:, node]).sum() / share.sum()
                penalty -= 0.5 * 2.0**-length * (np.log(alpha) + np.log(1 - alpha))
    of_leaf = np.exp(w["leaves"])
    return np.stack(shares, 1), of_leaf / of_leaf.sum(1, keepdims=True), penalty


@pytest.mark.parametrize("depth", [0, 1, 3])
def test_loss_leaf_mixture_and_penalty_are_those_of_brute_force(depth):
    net, x = drawn(kind="soft_tree", depth=depth, width=4, inverse_temperature=1.5), rows(15)
    y = torch.arange(15) % 3
    shares, of_leaf, penalty = by_paths(net, x)
    learning = net.learning(x, TrainConfig(balance=0.2))
    assert learning.are_log_shares
    loss = torch.nn.functional.nll_loss(learning.logits, y).item()
    assert loss == pytest.approx(-(shares * np.log(of_leaf)[:, y].T).sum(1).mean())
    if depth:
        assert learning.extra.item() == pytest.approx(0.2 * penalty)
    routed = net.routed(x)
    assert np.array_equal(routed.leaves[0].numpy(), shares.argmax(1))
    np.testing.assert_allclose(routed.logits.exp().detach().numpy(), of_leaf[shares.argmax(1)], atol=1e-12)
    np.testing.assert_allclose(net.mixed(x).exp().detach().numpy(), shares @ of_leaf, atol=1e-12)


def test_gradients():
    net, x = drawn(kind="soft_tree", depth=2, width=3), rows(6)
    learnt = [net.leaves, net.inner.weight, net.hidden.weight]
    assert torch.autograd.gradcheck(lambda *w: net.learning(x, TrainConfig()).logits, learnt)
    decisions = rows(6, 3).requires_grad_()
    shares = torch.rand(6, 4, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda d: path_balance(d, shares), decisions)


def test_the_step_is_that_of_the_loss(monkeypatch):
    run = RunConfig(
        data={"name": "iris"},
        net={"kind": "soft_tree", "depth": 2, "width": 4},
        train={"epochs": 1, "batch_size": 500, "balance": 0.1, "weight_decay": 0.0, "device": "cpu"},
    )
    trainer = Trainer(run)
    net, (x, y) = trainer.net, trainer._splits["train"]
    shares, of_leaf, penalty = by_paths(net.double(), x)
    net.float()
    seen = []
    monkeypatch.setattr(torch.Tensor, "backward", lambda loss: seen.append(loss.item()))
    trainer._step(x, y, None, None, 1, 0)
    assert seen == [pytest.approx(-(shares * np.log(of_leaf)[:, y].T).sum(1).mean() + 0.1 * penalty, rel=1e-4)]


def test_there_is_no_head_and_inference_reads_all_nodes():
    net = RunConfig(net={"kind": "soft_tree", "depth": 3, "width": 4}).net
    assert cost(net, 5, 3).multiply_adds == 5 * 4 + 7 * 4
    assert training_multiply_adds(net, 5, 3) == 5 * 4 + 7 * 4 + 8 * 3
    assert cost(net, 5, 3).parameters == 6 * 4 + 7 * 5 + 8 * 3


@pytest.mark.parametrize("kind", ["fff", "soft_tree"])
def test_the_history_has_scores_of_the_mixture(kind):
    run = RunConfig(data={"name": "iris"}, net={"kind": kind, "depth": 2, "width": 4}, train={"epochs": 2, "device": "cpu"})
    history = train(run).history
    assert set(history["metric"]) == {"loss", "accuracy", "mix_loss", "mix_accuracy"}
    assert history["value"].between(0, 5).all()
