"""The tree layer against a brute-force sum in float64, row by row, written from the formulas alone."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from leafscope.core.gating import leaf_index
from leafscope.core.parametrizations import leaf_numbering
from leafscope.core.tree import TreeLinear

KINDS = ["tree", "flat", "shuffled", "root_leaf", "additive", "flat_mean"]

shapes = st.fixed_dictionaries(
    {
        "rows": st.integers(0, 12),
        "p": st.integers(1, 6),
        "q": st.integers(1, 6),
        "depth": st.integers(0, 7),
        "parametrization": st.sampled_from(KINDS),
        "bias": st.booleans(),
        "sparse": st.booleans(),
        "seed": st.integers(0, 1000),
    }
)


def make(rows, p, q, depth, parametrization, bias, sparse, seed):
    """A layer with all nodes drawn at random, rows, and leaves that leave some nodes empty."""
    generator = torch.Generator().manual_seed(seed)
    layer = TreeLinear(p, q, depth, parametrization, bias, sparse=sparse).double()
    with torch.no_grad():
        for table in layer.parameters():
            table.copy_(torch.randn(table.shape, generator=generator, dtype=torch.float64))
    x = torch.randn(rows, p, generator=generator, dtype=torch.float64)
    leaf = torch.randint(0, 2**depth, (rows,), generator=generator)
    return layer, x, leaf


def nodes_of(layer, pattern):
    """The nodes that a sign pattern sums."""
    if layer.parametrization in ("flat", "flat_mean"):
        return [pattern]
    if layer.parametrization == "additive":
        bits = format(pattern, f"0{layer.depth}b") if layer.depth else ""
        return [0, *(1 + 2 * place + int(bit) for place, bit in enumerate(bits))]
    if layer.parametrization == "root_leaf":
        return [0, 1 + pattern] if layer.depth else [0]
    place = int(leaf_numbering(layer.depth)[pattern]) if layer.parametrization == "shuffled" else pattern
    return [2**level - 1 + (place >> (layer.depth - level)) for level in range(layer.depth + 1)]


def nodes_that_depend_on(layer, pattern, bit):
    """Those whose contribution would be another if bit `bit`, from 1, were."""
    if layer.parametrization == "tree":
        return nodes_of(layer, pattern)[bit:]
    if layer.parametrization == "additive":
        return nodes_of(layer, pattern)[bit : bit + 1]
    return nodes_of(layer, pattern)[1:] if layer.parametrization == "root_leaf" else nodes_of(layer, pattern)


def brute_force(layer, x, leaf):
    """The layer's output, one row and one node at a time."""
    outputs = []
    for row, pattern in zip(x, leaf.tolist()):
        nodes = nodes_of(layer, pattern)
        total = torch.zeros(layer.out_features, dtype=torch.float64)
        for node in nodes:
            total = total + layer.weight[node] @ row
            if layer.bias is not None:
                total = total + layer.bias[node]
        outputs.append(total)
    return torch.stack(outputs) if outputs else x.new_zeros(0, layer.out_features)


@given(shapes)
@settings(deadline=None)
def test_output_and_gradients_equal_brute_force(shape):
    layer, x, leaf = make(**shape)
    x.requires_grad_()
    expected = brute_force(layer, x, leaf)
    weights = torch.randn(expected.shape, dtype=torch.float64)
    inputs = [x, *layer.parameters()]
    (expected * weights).sum().backward() if len(x) else None
    wanted = [torch.zeros_like(tensor) if tensor.grad is None else tensor.grad.clone() for tensor in inputs]
    for tensor in inputs:
        tensor.grad = None
    y = layer(x, leaf)
    torch.testing.assert_close(y, expected, rtol=1e-12, atol=1e-12)
    (y * weights).sum().backward()
    for tensor, gradient in zip(inputs, wanted):
        got = torch.zeros_like(tensor) if tensor.grad is None else tensor.grad
        torch.testing.assert_close(got.to_dense() if got.is_sparse else got, gradient, rtol=1e-12, atol=1e-12)


@given(shapes)
@settings(deadline=None)
def test_collapsed_matrices_give_the_same_output(shape):
    layer, x, leaf = make(**shape)
    y = torch.einsum("nqp,np->nq", layer.leaf_weight()[leaf], x)
    if layer.bias is not None:
        y = y + layer.leaf_bias()[leaf]
    torch.testing.assert_close(layer(x, leaf), y, rtol=1e-12, atol=1e-12)
    assert layer.leaf_weight().shape == (2**layer.depth, layer.out_features, layer.in_features)


@pytest.mark.parametrize("parametrization", KINDS)
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_gradcheck(parametrization, depth):
    layer, x, leaf = make(5, 3, 2, depth, parametrization, True, False, 1)
    x.requires_grad_()

    def f(x, weight, bias):
        return torch.func.functional_call(layer, {"weight": weight, "bias": bias}, (x, leaf))

    assert torch.autograd.gradcheck(f, (x, layer.weight, layer.bias))


@given(shapes)
@settings(deadline=None)
def test_straight_through_credits_gates_by_the_formula(shape):
    shape["rows"] = max(shape["rows"], 1)
    layer, x, _ = make(**shape)
    gate = torch.randn(len(x), layer.depth, dtype=torch.float64, requires_grad=True)
    leaf = leaf_index(gate.detach() > 0)
    g = torch.randn(len(x), layer.out_features, dtype=torch.float64)
    y = layer(x, leaf, gate)
    torch.testing.assert_close(y, layer(x, leaf), rtol=0, atol=0)
    (y * g).sum().backward()

    expected = torch.zeros_like(gate)
    for n in range(len(x)):
        for j in range(1, layer.depth + 1):
            a = gate[n, j - 1].item()
            s = 1.0 if a > 0 else -1.0
            factor = s / (1 + torch.tensor(s * a, dtype=torch.float64).exp().item())  # s sigma(-s a)
            for node in nodes_that_depend_on(layer, leaf[n].item(), j):
                contribution = layer.weight[node] @ x[n] + (0 if layer.bias is None else layer.bias[node])
                expected[n, j - 1] += (g[n] @ contribution).item() * factor
    got = torch.zeros_like(gate) if gate.grad is None else gate.grad
    torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("sparse", [False, True])
def test_straight_through_leaves_the_other_gradients_alone(sparse):
    layer, x, _ = make(8, 3, 4, 3, "tree", True, sparse, 2)
    x.requires_grad_()
    gate = torch.randn(8, 3, dtype=torch.float64, requires_grad=True)
    leaf = leaf_index(gate > 0)
    gradients = []
    for given_gate in (None, gate):
        for tensor in (x, layer.weight, layer.bias):
            tensor.grad = None
        layer(x, leaf, given_gate).square().sum().backward()
        gradients.append([tensor.grad.to_dense().clone() for tensor in (x, layer.weight, layer.bias)])
    for plain, credited in zip(*gradients):
        torch.testing.assert_close(credited, plain, rtol=0, atol=0)


def test_sparse_gradients_hold_the_touched_nodes_only_and_add_up():
    layer, x, _ = make(4, 3, 2, 3, "tree", True, True, 3)
    leaf = torch.tensor([0, 0, 1, 7])
    layer(x, leaf).sum().backward()
    assert layer.weight.grad.is_sparse
    assert layer.weight.grad.coalesce().indices()[0].tolist() == [0, 1, 2, 3, 6, 7, 8, 14]
    once = layer.weight.grad.to_dense()
    layer(x, leaf).sum().backward()
    torch.testing.assert_close(layer.weight.grad.to_dense(), 2 * once)


def test_starts_as_a_linear_layer_whatever_the_pattern():
    torch.manual_seed(5)
    linear = nn.Linear(7, 4)
    for parametrization in KINDS:
        torch.manual_seed(5)
        layer = TreeLinear(7, 4, 3, parametrization)
        x = torch.randn(20, 7)
        torch.testing.assert_close(layer(x, torch.randint(0, 8, (20,))), linear(x))


def test_accepts_rows_that_are_not_contiguous_and_small_integer_leaves():
    layer, x, leaf = make(6, 4, 3, 3, "tree", True, False, 4)
    expected = brute_force(layer, x, leaf)
    strided = torch.empty(4, 6, dtype=torch.float64).T.copy_(x)
    assert not strided.is_contiguous()
    torch.testing.assert_close(layer(strided, leaf.to(torch.uint8)), expected)


def test_memory_does_not_grow_as_rows_times_matrix():
    rows, p, q = 4096, 64, 64
    layer = TreeLinear(p, q, 4)
    x, leaf = torch.randn(rows, p), torch.randint(0, 16, (rows,))
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        layer(x, leaf).sum().backward()
    allocated = sum(max(event.self_cpu_memory_usage, 0) for event in profile.events())
    assert 0 < allocated < rows * p * q * 4 / 4  # all allocations together are under a quarter of N x P x Q


def test_the_deepest_tree_works():
    layer = TreeLinear(2, 3, 16, sparse=True)
    assert layer.weight.shape == (2**17 - 1, 3, 2)
    leaf = torch.tensor([0, 65535, 40000])
    layer(torch.randn(3, 2), leaf).sum().backward()
    assert layer.weight.grad.coalesce().indices().shape[1] == len(
        {2**level - 1 + (n >> (16 - level)) for n in leaf.tolist() for level in range(17)}
    )


@pytest.mark.parametrize("leaf", [[0, 4], [-1, 0]])
def test_a_leaf_that_is_not_there_raises(leaf):
    with pytest.raises(IndexError, match="from 0 to 3 at depth 2"):
        TreeLinear(3, 2, 2)(torch.zeros(2, 3), torch.tensor(leaf))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((torch.zeros(2, 4), torch.zeros(2, dtype=torch.int64)), r"x must have shape \(N, 3\), got \(2, 4\)"),
        ((torch.zeros(3), torch.zeros(1, dtype=torch.int64)), r"x must have shape \(N, 3\)"),
        ((torch.zeros(2, 3), torch.zeros(3, dtype=torch.int64)), r"leaf must have shape \(2,\)"),
        ((torch.zeros(2, 3), torch.zeros(2, dtype=torch.int64), torch.zeros(2, 1)), r"gate must have shape \(2, 2\)"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        TreeLinear(3, 2, 2)(*arguments)


def test_what_is_not_a_layer_is_refused():
    with pytest.raises(ValueError, match="depth must be from 0 to 16, got 17"):
        TreeLinear(3, 2, 17)
    with pytest.raises(ValueError, match="tree, flat, shuffled, root_leaf, additive, flat_mean, got 'soft'"):
        TreeLinear(3, 2, 1, "soft")
    with pytest.raises(ValueError, match="at least 1, got 0 and 2"):
        TreeLinear(0, 2, 1)
    with pytest.raises(TypeError, match=r"integers, got torch\.float32"):
        TreeLinear(3, 2, 1)(torch.zeros(1, 3), torch.zeros(1))
