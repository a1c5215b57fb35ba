"""A mixture of experts against a loop over rows and experts in float64."""

import numpy as np
import pytest
import torch

from leafscope.core.config import NetConfig, RunConfig, TrainConfig
from leafscope.core.mixtures.moe import MixtureOfExperts, load_loss
from leafscope.core.training import train
from tests.core.mixtures.nets import NO_LOSS, drawn, numbers, rows


def by_loop(net, x):
    """Logits (N, C) and experts (N, k), row by row and expert by expert."""
    w, config = numbers(net), net.config
    logits, chosen = [], []
    for row in x.numpy():
        h = np.maximum(w["hidden.weight"] @ row + w["hidden.bias"], 0)
        of_layers = []
        for layer in range(config.tree_layers):
            name = f"layers.{layer}"
            scores = np.exp(w[f"{name}.router"] @ h)
            scores /= scores.sum()
            ranked = scores + w.get(f"{name}.offsets", 0)
            best = sorted(range(config.experts), key=lambda e: -ranked[e])[: config.top_k]
            z = np.zeros(config.width)
            for e in best:
                y = w[f"{name}.maps.weight"][e] @ h + w[f"{name}.maps.bias"][e]
                if config.leaf_width:
                    y = w[f"{name}.maps.onwards.weight"][e] @ np.maximum(y, 0) + w[f"{name}.maps.onwards.bias"][e]
                z += scores[e] * y  # offsets choose and do not weigh
            of_layers.append(best)
            h = np.maximum(z, 0)
        logits.append(w["head.weight"] @ h + w["head.bias"])
        chosen.append(of_layers)
    return np.array(logits), np.array(chosen)


@pytest.mark.parametrize("balancing", ["none", "bias"])
@pytest.mark.parametrize(("top_k", "leaf_width", "layers"), [(1, 0, 1), (2, 4, 2), (3, 0, 1)])
def test_logits_and_experts_are_those_of_a_loop(balancing, top_k, leaf_width, layers):
    fields = {"experts": 7, "top_k": top_k, "leaf_width": leaf_width, "tree_layers": layers, "balancing": balancing}
    net, x = drawn(kind="moe", width=6, **fields), rows()
    expected, chosen = by_loop(net, x)
    for routed in (net.routed(x), net.learning(x, NO_LOSS)):
        np.testing.assert_allclose(routed.logits.detach().numpy(), expected, atol=1e-12)
        for layer, leaf in enumerate(routed.leaves):
            assert np.array_equal(leaf.reshape(len(x), -1).numpy(), chosen[:, layer])
        assert routed.extra is None


def test_gradients_of_a_layer():
    config = NetConfig(kind="moe", width=4, experts=5, top_k=2, leaf_width=3)
    layer = MixtureOfExperts(config, torch.Generator().manual_seed(0), torch.Generator().manual_seed(1)).double()
    h = rows(6, 4).requires_grad_()
    weighted = TrainConfig(balance=0.5)
    assert torch.autograd.gradcheck(lambda h, *w: layer.learning(h, weighted).z, (h, *layer.parameters()))
    assert torch.autograd.gradcheck(lambda h, router: layer.learning(h, weighted).extra, (h, layer.router))


def test_the_loss_is_one_where_loads_or_scores_are_even():
    even = torch.full((4, 4), 0.25)
    assert load_loss(even, torch.tensor([0, 0, 0, 0])).item() == 1
    scores = torch.tensor([[0.7, 0.1, 0.1, 0.1], [0.4, 0.4, 0.1, 0.1]])
    assert load_loss(scores, torch.tensor([[0, 1], [0, 1]])).item() == pytest.approx(4 * (0.5 * 0.55 + 0.5 * 0.25))


def test_the_bias_moves_towards_experts_with_fewer_rows():
    net = drawn(kind="moe", width=4, experts=4, top_k=1, balancing="bias", bias_rate=0.25)
    layer = net.layers[0]
    layer.offsets.zero_()
    layer.balance(torch.tensor([0, 0, 0, 1, 2, 2, 2, 2]), net.config)  # mean load 2
    assert layer.offsets.tolist() == [-0.25, 0.25, -0.25, 0.25]


def test_training_adds_the_loss_or_moves_the_bias():
    net, x = drawn(kind="moe", width=4, experts=4, top_k=2, tree_layers=2), rows()
    h = torch.relu(net.hidden(x))
    layers = [net.layers[0], net.layers[1]]
    first = layers[0].learning(h, TrainConfig(balance=0.3))
    second = layers[1].learning(torch.relu(first.z), TrainConfig(balance=0.3))
    expected = [
        load_loss(layer.scores(of), sent.leaf) for layer, of, sent in zip(layers, (h, torch.relu(first.z)), (first, second))
    ]
    assert net.learning(x, TrainConfig(balance=0.3)).extra.item() == pytest.approx(0.3 * sum(expected).item())
    fields = {"kind": "moe", "width": 4, "experts": 4, "top_k": 1, "balancing": "bias", "bias_rate": 0.25}
    moved = train(RunConfig(data={"name": "iris"}, net=fields, train={"epochs": 1, "device": "cpu"})).net.layers[0].offsets
    assert moved.abs().max() > 0
    assert torch.equal(moved, (moved / 0.25).round() * 0.25)


def test_equal_settings_have_one_address_and_others_are_refused():
    plain = RunConfig(net={"kind": "moe"})
    assert plain.net.balancing == "loss"
    assert RunConfig(net={"kind": "moe", "balancing": "penalty", "bias_rate": 0.5}).run_id == plain.run_id
    assert RunConfig(net={"kind": "moe"}, train={"balance": 0.1}).run_id != plain.run_id
    unbalanced = {"kind": "moe", "balancing": "none"}
    assert RunConfig(net=unbalanced, train={"balance": 0.1}).run_id == RunConfig(net=unbalanced).run_id
    assert RunConfig(net={"kind": "tree", "balancing": "loss"}).run_id == RunConfig().run_id
    with pytest.raises(ValueError, match=r"top_k must be at most the number of experts \(4\), got 5"):
        NetConfig(kind="moe", experts=4, top_k=5)
