"""AdamW within the backward pass against AdamW after it: the same tables, moments and visits.

V nodes · K depth.
"""

import copy

import pytest
import torch
from torch import nn

from leafscope.core.kernels import cpu, readiness
from leafscope.core.optim import LazyAdamW, parameter_groups
from leafscope.core.parametrizations import leaf_numbering
from leafscope.core.tree import TreeLinear

DEPTH = 3
batches = [[0, 1, 5], [0], [0, 0, 7, 5, 5, 6], [1], list(range(8)) * 3, [5, 1, 5, 0, 2]]
kinds = pytest.mark.parametrize("parametrization", ["tree", "flat", "shuffled", "root_leaf", "additive", "flat_mean"])
biases = pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])


def make(parametrization="tree", bias=True, fused=True, seed=0, dtype=torch.float32):
    """A layer with every node drawn, and its optimizer."""
    generator = torch.Generator().manual_seed(seed)
    layer = TreeLinear(5, 4, DEPTH, parametrization, bias, sparse=True)
    with torch.no_grad():
        for table in layer.parameters():
            table.copy_(torch.randn(table.shape, generator=generator))
    layer.to(dtype)
    growth = 1.0 if parametrization in ("flat", "flat_mean") else 2.0
    optimizer = LazyAdamW(parameter_groups(layer, 0.1, growth), lr=0.01)
    if fused:
        assert optimizer.fuse(layer) == (dtype == torch.float32)
    return layer, optimizer


def step(layer, optimizer, leaves, seed=0, straight_through=False):
    """One step on rows of these leaves; the gradients of rows and gates."""
    generator = torch.Generator().manual_seed(seed)
    dtype = layer.weight.dtype
    x = torch.randn(len(leaves), 5, generator=generator).to(dtype).requires_grad_()
    gate = torch.randn(len(leaves), DEPTH, generator=generator).to(dtype).requires_grad_()
    optimizer.zero_grad()
    y = layer(x, torch.tensor(leaves), gate if straight_through else None)
    (y.square().sum() + y.sum()).backward()
    optimizer.step()
    return [x.grad, gate.grad] if straight_through else [x.grad]


def tables_of(layer, optimizer):
    """Tables and moments."""
    states = [optimizer.state[table] for table in layer.parameters()]
    moments = [state[name] for state in states for name in ("exp_avg", "exp_avg_sq")]
    return [*(table.detach() for table in layer.parameters()), *moments]


def visits_of(layer, optimizer):
    return [optimizer.state[table]["visits"].tolist() for table in layer.parameters()]


def nodes_on_paths(leaves, parametrization):
    if parametrization in ("flat", "flat_mean"):
        return set(leaves)
    if parametrization == "additive":
        return {0, *(1 + 2 * bit + (leaf >> (DEPTH - 1 - bit) & 1) for leaf in leaves for bit in range(DEPTH))}
    if parametrization == "root_leaf":
        return {0, *(1 + leaf for leaf in leaves)}
    if parametrization == "shuffled":
        leaves = leaf_numbering(DEPTH)[leaves].tolist()
    return {2**level - 1 + (leaf >> (DEPTH - level)) for leaf in leaves for level in range(DEPTH + 1)}


@kinds
@biases
@pytest.mark.parametrize("ranges", [1, 2, 3, 4])
@pytest.mark.parametrize("straight_through", [False, True], ids=["plain", "straight-through"])
def test_steps_equal_those_of_the_unfused_layer(parametrization, bias, ranges, straight_through):
    fused, unfused = make(parametrization, bias), make(parametrization, bias, fused=False)
    for number, leaves in enumerate(batches):
        with cpu.ranges(ranges):
            got = step(*fused, leaves, number, straight_through)
        wanted = step(*unfused, leaves, number, straight_through)
        for ours, theirs in zip(got, wanted, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5 * theirs.abs().max().item())
        for ours, theirs in zip(tables_of(*fused), tables_of(*unfused), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5 * theirs.abs().max().item())
        assert visits_of(*fused) == visits_of(*unfused)


@kinds
def test_steps_equal_those_of_the_reference_in_double_precision(parametrization):
    fused, double = make(parametrization), make(parametrization, fused=False, dtype=torch.float64)
    for number, leaves in enumerate(batches):
        step(*fused, leaves, number, True)
        step(*double, leaves, number, True)
    for ours, theirs in zip(tables_of(*fused), tables_of(*double), strict=True):
        torch.testing.assert_close(ours.double(), theirs, rtol=1e-5, atol=1e-5 * theirs.abs().max().item())
    assert visits_of(*fused) == visits_of(*double)


@kinds
@pytest.mark.parametrize("ranges", [1, 3])
def test_untouched_nodes_stay_bit_for_bit(parametrization, ranges):
    layer, optimizer = make(parametrization)
    for leaves in batches:
        before = [table.clone() for table in tables_of(layer, optimizer)]
        with cpu.ranges(ranges):
            step(layer, optimizer, leaves)
        touched = nodes_on_paths(leaves, parametrization)
        untouched = [node for node in range(layer.n_nodes) if node not in touched]
        for now, then in zip(tables_of(layer, optimizer), before, strict=True):
            assert torch.equal(now[untouched], then[untouched])
            assert all(not torch.equal(now[node], then[node]) for node in touched)


def test_the_backward_pass_alone_is_the_step():
    layer, optimizer = make()
    before = layer.weight.detach().clone()
    layer(torch.ones(2, 5), torch.tensor([0, 3])).sum().backward()
    assert layer.weight.grad is None
    assert layer.bias.grad is None
    after = layer.weight.detach().clone()
    assert not torch.equal(after, before)
    optimizer.step()
    assert torch.equal(layer.weight, after)
    assert visits_of(layer, optimizer)[0][0] == 1


def test_evaluation_changes_nothing():
    layer, optimizer = make()
    before = [table.clone() for table in tables_of(layer, optimizer)]
    with torch.no_grad():
        layer(torch.ones(2, 5), torch.tensor([0, 3]))
    layer(torch.ones(2, 5), torch.tensor([0, 3]))
    assert all(torch.equal(now, then) for now, then in zip(tables_of(layer, optimizer), before, strict=True))


@kinds
def test_settings_changed_between_steps_are_used(parametrization):
    fused, unfused = make(parametrization), make(parametrization, fused=False)
    for number, (lr, betas, eps) in enumerate(
        [(0.1, (0.9, 0.999), 1e-8), (0.001, (0.5, 0.9), 1e-8), (0.02, (0.9, 0.99), 1e-2)]
    ):
        for layer, optimizer in (fused, unfused):
            optimizer.param_groups[1].update(lr=lr, betas=betas, eps=eps)
            step(layer, optimizer, [0, 5, 5], number)
    for ours, theirs in zip(tables_of(*fused), tables_of(*unfused), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)


def test_a_learning_rate_of_zero_moves_the_moments_only():
    layer, optimizer = make()
    optimizer.param_groups[1]["lr"] = 0.0
    before = [table.clone() for table in tables_of(layer, optimizer)]
    step(layer, optimizer, [0, 5])
    weight, bias, moment, *_ = tables_of(layer, optimizer)
    assert torch.equal(weight, before[0])
    assert torch.equal(bias, before[1])
    assert moment[0].any()


def test_two_forward_passes_before_a_backward_pass_are_refused():
    layer, _ = make()
    leaf = torch.tensor([0, 3])
    first, second = layer(torch.ones(2, 5), leaf), layer(torch.ones(2, 5), leaf)
    first.sum().backward()
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation"):
        second.sum().backward()


def test_a_graph_cannot_be_walked_twice():
    layer, _ = make()
    loss = layer(torch.ones(2, 5), torch.tensor([0, 3])).sum()
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation"):
        loss.backward()


def test_a_frozen_layer_is_not_updated():
    layer, optimizer = make()
    layer.requires_grad_(False)
    before = [table.clone() for table in tables_of(layer, optimizer)]
    x = torch.ones(2, 5, requires_grad=True)
    layer(x, torch.tensor([0, 3])).sum().backward()
    assert x.grad is not None
    assert all(torch.equal(now, then) for now, then in zip(tables_of(layer, optimizer), before, strict=True))
    assert not any(visits_of(layer, optimizer)[0])


@pytest.mark.parametrize("fused", [True, False], ids=["fused", "unfused"])
def test_no_rows_touch_nothing(fused):
    layer, optimizer = make(fused=fused)
    optimizer.start_state()
    before = [table.clone() for table in tables_of(layer, optimizer)]
    layer(torch.zeros(0, 5), torch.zeros(0, dtype=torch.int64)).sum().backward()
    optimizer.step()
    assert all(torch.equal(now, then) for now, then in zip(tables_of(layer, optimizer), before, strict=True))
    assert not any(visits_of(layer, optimizer)[0])


@kinds
def test_a_fused_layer_trains_by_steps_where_the_reference_is_used(parametrization, monkeypatch):
    fused, unfused = make(parametrization), make(parametrization, fused=False)
    for number, leaves in enumerate(batches):
        monkeypatch.setattr(readiness, "usable", lambda number=number: number % 2 == 1)
        step(*fused, leaves, number)
        step(*unfused, leaves, number)
        assert visits_of(*fused) == visits_of(*unfused)
    for ours, theirs in zip(tables_of(*fused), tables_of(*unfused), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5 * theirs.abs().max().item())


@kinds
@biases
def test_fusing_midway_keeps_the_state(parametrization, bias):
    fused, unfused = (make(parametrization, bias, fused=False) for _ in range(2))
    for number, leaves in enumerate(batches):
        if number == 2:
            assert fused[1].fuse(fused[0])
        step(*fused, leaves, number)
        step(*unfused, leaves, number)
    for ours, theirs in zip(tables_of(*fused), tables_of(*unfused), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5 * theirs.abs().max().item())
    assert visits_of(*fused) == visits_of(*unfused)


@kinds
def test_two_layers_in_one_net(parametrization):
    nets = []
    for fuse in (True, False):
        layers = nn.ModuleList(make(parametrization, fused=False, seed=seed)[0] for seed in range(2))
        optimizer = LazyAdamW(parameter_groups(layers, 0.1, 2.0), lr=0.01)
        back = nn.Linear(4, 5, bias=False)
        nn.init.eye_(back.weight)
        if fuse:
            assert all(optimizer.fuse(layer) for layer in layers)
        for number, leaves in enumerate(batches):
            x = torch.randn(len(leaves), 5, generator=torch.Generator().manual_seed(number))
            leaf = torch.tensor(leaves)
            optimizer.zero_grad()
            layers[1](back(layers[0](x, leaf)), 7 - leaf).square().mean().backward()
            optimizer.step()
        nets.append(layers.state_dict())
    for name, table in nets[1].items():
        torch.testing.assert_close(nets[0][name], table, rtol=1e-5, atol=1e-5)


def test_a_layer_in_double_precision_is_not_fused_and_trains_by_steps():
    layer, optimizer = make(dtype=torch.float64)
    other = make(dtype=torch.float64, fused=False)
    assert layer.update is None
    for number, leaves in enumerate(batches):
        step(layer, optimizer, leaves, number)
        step(*other, leaves, number)
    assert layer.weight.grad is not None
    assert torch.equal(layer.weight, other[0].weight)
    assert visits_of(layer, optimizer) == visits_of(*other)


def test_a_layer_of_no_group_with_row_decay_is_refused():
    layer = TreeLinear(5, 4, DEPTH, sparse=True)
    decay = {"row_decay": torch.zeros(layer.n_nodes, dtype=torch.float64)}
    for groups in (
        layer.parameters(),
        TreeLinear(5, 4, DEPTH).parameters(),
        [{"params": [layer.weight], **decay}, {"params": [layer.bias], **decay}],
    ):
        with pytest.raises(ValueError, match=r"in one group with a row_decay"):
            LazyAdamW(groups).fuse(layer)
    assert layer.update is None


def test_the_state_dict_is_as_ever():
    layer, optimizer = make()
    step(layer, optimizer, [0, 5])
    state = layer.state_dict()
    assert list(state) == ["weight", "bias"]
    other = TreeLinear(5, 4, DEPTH)
    other.load_state_dict(state)
    assert torch.equal(other.weight, layer.weight)
    saved = optimizer.state_dict()["state"]
    assert [sorted(values) for values in saved.values()] == [["exp_avg", "exp_avg_sq", "visits"]] * 2


def test_weights_loaded_into_a_fused_layer_are_the_ones_that_train():
    fused, unfused = make(), make(fused=False)
    weights = make(seed=1)[0].state_dict()
    for layer, optimizer in (fused, unfused):
        layer.load_state_dict(weights)
        step(layer, optimizer, [0, 5])
    torch.testing.assert_close(fused[0].weight, unfused[0].weight, rtol=1e-5, atol=1e-5)


def test_a_copy_of_a_fused_layer_is_independent():
    layer, optimizer = make()
    step(layer, optimizer, [0, 5])
    twin = copy.deepcopy(layer)
    before = [table.clone() for table in tables_of(layer, optimizer)]
    twin(torch.ones(2, 5), torch.tensor([0, 3])).sum().backward()
    assert all(torch.equal(now, then) for now, then in zip(tables_of(layer, optimizer), before, strict=True))


def fusable(**options):
    layer = TreeLinear(3, 2, 2, sparse=True, **options)
    return layer, LazyAdamW(parameter_groups(layer, 0.1, 1.0), lr=0.1)


def test_what_a_compiled_step_could_not_write_to_is_not_fused():
    layer, optimizer = fusable()
    layer.weight.data = layer.weight.data.transpose(1, 2).contiguous().transpose(1, 2)
    assert not optimizer.fuse(layer)
    layer, optimizer = fusable()
    layer.bias.requires_grad_(False)
    assert not optimizer.fuse(layer)


def test_a_bias_frozen_after_fusing_stays():
    layer, optimizer = fusable()
    assert optimizer.fuse(layer)
    layer.bias.requires_grad_(False)
    bias, weight = layer.bias.clone(), layer.weight.detach().clone()
    layer(torch.ones(4, 3), torch.arange(4)).sum().backward()
    optimizer.step()
    assert torch.equal(layer.bias, bias)
    assert not torch.equal(layer.weight, weight)


def test_a_loaded_state_is_the_one_that_is_trained_with():
    layer, optimizer = fusable()
    optimizer.fuse(layer)
    layer(torch.ones(4, 3), torch.arange(4)).sum().backward()
    optimizer.load_state_dict(optimizer.state_dict())
    assert optimizer.state[layer.weight]["visits"].dtype == torch.int64
    before = layer.weight.detach().clone()
    optimizer.param_groups[1]["lr"] = 0.0
    layer(torch.ones(4, 3), torch.arange(4)).sum().backward()
    assert torch.equal(layer.weight, before)
    assert optimizer.state[layer.weight]["visits"].tolist() == [2] * 7
