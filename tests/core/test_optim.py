"""Lazy AdamW against torch's AdamW, and each node against a run of its own."""

import pytest
import torch
from torch import nn

from leafscope.core.optim import LazyAdamW, node_decay, parameter_groups
from leafscope.core.tree import TreeLinear


def test_equals_adamw_where_everything_is_visited():
    torch.manual_seed(0)
    ours, theirs = nn.Linear(5, 3).double(), nn.Linear(5, 3).double()
    theirs.load_state_dict(ours.state_dict())
    a = LazyAdamW(ours.parameters(), lr=0.01, weight_decay=0.1)
    b = torch.optim.AdamW(theirs.parameters(), lr=0.01, weight_decay=0.1)
    for _ in range(20):
        x = torch.randn(8, 5, dtype=torch.float64)
        for net, optimizer in ((ours, a), (theirs, b)):
            optimizer.zero_grad()
            net(x).square().mean().backward()
            optimizer.step()
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-12, atol=1e-12)


def steps_of(layer, optimizer, leaves):
    generator = torch.Generator().manual_seed(9)
    for leaf in leaves:
        x = torch.randn(len(leaf), layer.in_features, generator=generator, dtype=torch.float64)
        optimizer.zero_grad()
        layer(x, torch.tensor(leaf)).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize("parametrization", ["tree", "flat"])
def test_an_unvisited_node_is_not_touched_and_counts_its_own_visits(parametrization):
    torch.manual_seed(1)
    layer = TreeLinear(3, 2, 2, parametrization, sparse=True).double()
    before = layer.weight.detach().clone()
    optimizer = LazyAdamW(parameter_groups(layer, 0.1, 1.0), lr=0.01)
    steps_of(layer, optimizer, [[0, 1], [0], [0, 0], [1]])
    untouched = [2, 5, 6] if parametrization == "tree" else [2, 3]
    assert torch.equal(layer.weight[untouched], before[untouched])
    visits = optimizer.state[layer.weight]["visits"].tolist()
    assert visits == ([4, 4, 0, 3, 2, 0, 0] if parametrization == "tree" else [3, 2, 0, 0])
    assert not optimizer.state[layer.weight]["exp_avg"][untouched].any()


def test_each_row_moves_as_under_an_adamw_that_sees_only_its_visits():
    torch.manual_seed(2)
    layer = TreeLinear(3, 2, 2, "flat", sparse=True).double()
    start = layer.weight.detach().clone()
    leaves = [[0, 1, 3], [0, 0], [3], [1, 3], [0]]
    optimizer = LazyAdamW(parameter_groups(layer, 0.05, 1.0), lr=0.02)
    steps_of(layer, optimizer, leaves)
    for leaf in range(4):
        alone = nn.Parameter(start[leaf].clone())
        bias = nn.Parameter(torch.zeros(2, dtype=torch.float64))
        torch.manual_seed(2)
        with torch.no_grad():
            bias.copy_(TreeLinear(3, 2, 2, "flat").double().bias[leaf])
        adamw = torch.optim.AdamW([alone, bias], lr=0.02, weight_decay=0.05)
        generator = torch.Generator().manual_seed(9)
        for batch in leaves:
            x = torch.randn(len(batch), 3, generator=generator, dtype=torch.float64)
            mine = x[torch.tensor(batch) == leaf]
            if len(mine):
                adamw.zero_grad()
                (mine @ alone.T + bias).square().sum().backward()
                adamw.step()
        torch.testing.assert_close(layer.weight[leaf], alone, rtol=1e-10, atol=1e-12)


def test_sparse_and_dense_gradients_give_the_same_step_when_all_nodes_are_visited():
    tables = []
    for sparse in (False, True):
        torch.manual_seed(3)
        layer = TreeLinear(3, 2, 2, sparse=sparse).double()
        optimizer = LazyAdamW(parameter_groups(layer, 0.1, 2.0), lr=0.01)
        steps_of(layer, optimizer, [[0, 1, 2, 3]] * 4)
        tables.append(layer.weight.detach())
    torch.testing.assert_close(*tables, rtol=0, atol=0)


def test_deeper_nodes_decay_faster():
    layer = TreeLinear(2, 2, 2)
    assert node_decay(layer, 0.1, 3.0).tolist() == pytest.approx([0.1, 0.3, 0.3, 0.9, 0.9, 0.9, 0.9])
    assert node_decay(TreeLinear(2, 2, 2, "flat"), 0.1, 3.0).tolist() == pytest.approx([0.1] * 4)
    assert node_decay(TreeLinear(2, 2, 2, "shuffled"), 0.1, 3.0).tolist() == node_decay(layer, 0.1, 3.0).tolist()
    assert node_decay(TreeLinear(2, 2, 2, "root_leaf"), 0.1, 3.0).tolist() == pytest.approx([0.1] + [0.9] * 4)
    assert node_decay(TreeLinear(2, 2, 2, "additive"), 0.1, 3.0).tolist() == pytest.approx([0.1] + [0.3] * 4)
    assert node_decay(TreeLinear(2, 2, 2, "flat_mean"), 0.1, 3.0).tolist() == pytest.approx([0.1] * 4)
    assert node_decay(TreeLinear(2, 2, 0, "root_leaf"), 0.1, 3.0).tolist() == pytest.approx([0.1])
    optimizer = LazyAdamW(parameter_groups(layer, 0.1, 3.0), lr=0.5)
    with torch.no_grad():
        layer.weight.fill_(1.0)
    layer.weight.grad = torch.zeros_like(layer.weight)
    optimizer.step()
    assert layer.weight[:, 0, 0].tolist() == pytest.approx([0.95, 0.85, 0.85, 0.55, 0.55, 0.55, 0.55])


def adamw_to_the_mean(table, gradients, lr, decay):
    """AdamW of separate leaves that decay to their mean, one number at a time: (L, n) and for each step leaf -> (n,)."""
    w, m, v = table.tolist(), torch.zeros_like(table).tolist(), torch.zeros_like(table).tolist()
    visits = [0] * len(w)
    for step in gradients:
        mean = [sum(leaf[i] for leaf in w) / len(w) for i in range(len(w[0]))]
        for leaf, gradient in step.items():
            visits[leaf] += 1
            for i, g in enumerate(gradient.tolist()):
                m[leaf][i] = 0.9 * m[leaf][i] + 0.1 * g
                v[leaf][i] = 0.999 * v[leaf][i] + 0.001 * g * g
                first, second = m[leaf][i] / (1 - 0.9 ** visits[leaf]), v[leaf][i] / (1 - 0.999 ** visits[leaf])
                w[leaf][i] -= lr * decay * (w[leaf][i] - mean[i]) + lr * first / (second**0.5 + 1e-8)
    return torch.tensor(w, dtype=torch.float64)


@pytest.mark.parametrize("fused", [False, True])
def test_separate_leaves_decay_to_their_mean(fused):
    torch.manual_seed(3)
    layer = TreeLinear(3, 2, 2, "flat_mean", sparse=True)
    with torch.no_grad():
        for table in layer.parameters():
            table.copy_(torch.randn(table.shape))
    start = [table.detach().double().flatten(1) for table in layer.parameters()]
    if not fused:
        layer.double()
    optimizer = LazyAdamW(parameter_groups(layer, 0.7, 3.0), lr=0.1)
    if fused:
        assert optimizer.fuse(layer)
    gradients = [], []
    for leaf in ([0, 1, 3], [0, 0], [3], [1, 3, 2], [0]):
        x = torch.randn(len(leaf), 3, dtype=layer.weight.dtype)
        slope = torch.randn(len(leaf), 2, dtype=layer.weight.dtype)
        optimizer.zero_grad()
        (layer(x, torch.tensor(leaf)) * slope).sum().backward()
        optimizer.step()
        for number, of_rows in enumerate(((slope.unsqueeze(2) * x.unsqueeze(1)).flatten(1), slope)):
            gradients[number].append({one: of_rows[torch.tensor(leaf) == one].double().sum(0) for one in set(leaf)})
    for table, first, steps in zip(layer.parameters(), start, gradients, strict=True):
        wanted = adamw_to_the_mean(first, steps, 0.1, 0.7)
        tolerance = 1e-5 if fused else 1e-12
        torch.testing.assert_close(table.detach().double().flatten(1), wanted, rtol=tolerance, atol=tolerance)
