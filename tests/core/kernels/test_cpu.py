"""The compiled CPU path against the reference in float64: every option, odd shapes, rows however they lie in memory.

N rows · P input features · Q output features · K depth · V nodes.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leafscope.core.kernels import compiled, cpu, leaf_linear, reference
from leafscope.core.parametrizations import PARAMETRIZATIONS
from leafscope.core.tree import TreeLinear

LARGEST_TABLE = 1 << 19
"""Entries of a drawn table, so that a hundred examples take seconds."""

shapes = st.fixed_dictionaries(
    {
        "rows": st.integers(0, 40),
        "p": st.integers(1, 33),
        "q": st.integers(1, 33),
        "depth": st.integers(0, 12),
        "tree": st.booleans(),
        "bias": st.booleans(),
        "gate": st.booleans(),
        "leaves": st.sampled_from(["random", "one", "few"]),
        "seed": st.integers(0, 1000),
    }
)
small = {"rows": 23, "p": 6, "q": 5, "depth": 4, "tree": True, "bias": True, "gate": True, "leaves": "random", "seed": 0}
kinds = pytest.mark.parametrize("tree", [True, False], ids=["tree", "flat"])


def make(rows, p, q, depth, tree, bias, gate, leaves, seed):
    """Inputs of one pass in float32, every node drawn, and the gradient of its output."""
    nodes = 2 ** (depth + 1) - 1 if tree else 2**depth
    if nodes * p * q > LARGEST_TABLE:
        p, q = max(1, p // 4), max(1, q // 4)
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.randn(shape, generator=generator)

    if leaves == "few":
        some = torch.randint(0, 2**depth, (3,), generator=generator)
        leaf = some[torch.randint(0, 3, (rows,), generator=generator)]
    else:
        leaf = torch.randint(0, 2**depth, (1 if leaves == "one" else rows,), generator=generator).expand(rows)
    return {
        "x": draw(rows, p),
        "weight": draw(nodes, q, p),
        "bias": draw(nodes, q) if bias else None,
        "gate": draw(rows, depth) if gate else None,
        "leaf": leaf,
        "gradient": draw(rows, q),
        "depth": depth,
        "tree": tree,
    }


def differentiable(case, dtype=torch.float32, but=()):
    """The four inputs that have gradients, as fresh tensors; those named in `but` have none."""
    names = ("x", "weight", "bias", "gate")
    return [None if case[n] is None else case[n].to(dtype, copy=True).requires_grad_(n not in but) for n in names]


def outcome(path, case, sparse=False, dtype=torch.float32, but=()):
    """Output and gradients of a pass, dense."""
    inputs = differentiable(case, dtype, but)
    x, weight, bias, gate = inputs
    y = path(x, case["leaf"], weight, bias, case["depth"], case["tree"], gate, sparse)
    y.backward(case["gradient"].to(dtype))
    gradients = [torch.zeros_like(t) if t.grad is None else t.grad.to_dense() for t in inputs if t is not None]
    return [y.detach(), *gradients]


def assert_near(got, wanted, tolerance=1e-5):
    """Each tensor within the tolerance times the largest entry, or times 1 where all entries are smaller."""
    for a, b in zip(got, wanted, strict=True):
        scale = max(1.0, b.abs().max().item()) if b.numel() else 1.0
        torch.testing.assert_close(a.double(), b.double(), rtol=0, atol=tolerance * scale)


def assert_same(got, wanted):
    for a, b in zip(got, wanted, strict=True):
        assert torch.equal(a, b)


def assert_agrees(case, sparse=False, but=()):
    wanted = outcome(reference.leaf_linear, case, dtype=torch.float64, but=but)
    assert_near(outcome(leaf_linear, case, sparse, but=but), wanted)


@given(shapes, st.booleans(), st.integers(1, 4))
@settings(deadline=None)
def test_output_and_gradients_equal_the_reference(shape, sparse, ranges):
    with cpu.ranges(ranges):
        assert_agrees(make(**shape), sparse)


@given(shapes, st.booleans(), st.integers(1, 4), st.data())
@settings(deadline=None)
def test_matrices_of_other_levels_equal_the_reference(shape, sparse, ranges, data):
    shape |= {"depth": min(shape["depth"], 9), "rows": max(1, shape["rows"]) * data.draw(st.sampled_from([1, 9, 60]))}
    levels = PARAMETRIZATIONS[data.draw(st.sampled_from(["root_leaf", "additive"]))].levels(shape["depth"])
    case = make(**shape)
    nodes = sum(2**bits.size for bits in levels)
    generator = torch.Generator().manual_seed(shape["seed"])
    for name in ("weight", "bias"):
        if case[name] is not None:
            case[name] = torch.randn(nodes, *case[name].shape[1:], generator=generator)
    wanted = outcome(partial(reference.leaf_linear, levels=levels), case, dtype=torch.float64)
    assert cpu.takes(case["x"], case["weight"], case["bias"])
    with cpu.ranges(ranges):
        assert_near(outcome(partial(leaf_linear, levels=levels), case, sparse), wanted)
        assert_near(outcome(partial(cpu.leaf_linear, levels=levels), case, sparse), wanted)


many = st.fixed_dictionaries(
    {
        "rows": st.integers(compiled.MANY_ROWS, 2 * compiled.MANY_ROWS),
        "p": st.integers(1, 70),
        "q": st.integers(1, 70),
        "depth": st.integers(0, 8),
        "tree": st.booleans(),
        "bias": st.booleans(),
        "gate": st.booleans(),
        "leaves": st.sampled_from(["random", "one", "few"]),
        "seed": st.integers(0, 1000),
    }
)


@given(many, st.booleans(), st.integers(1, 4), st.booleans())
@settings(deadline=None)
def test_many_rows_equal_the_reference(shape, sparse, ranges, contiguous):
    case = make(**shape)
    if not contiguous:
        case["x"], case["gradient"] = (t.T.contiguous().T for t in (case["x"], case["gradient"]))
    with cpu.ranges(ranges):
        assert_agrees(case, sparse)


@kinds
@pytest.mark.parametrize("but", [("x",), ("weight", "bias"), ("x", "gate")])
def test_many_rows_of_which_not_all_need_gradients(but, tree):
    case = make(**{**small, "tree": tree, "rows": compiled.MANY_ROWS, "p": 19, "q": 17})
    for ranges in (1, 3):
        with cpu.ranges(ranges):
            assert_agrees(case, but=but)


@kinds
@pytest.mark.parametrize("leaves", ["random", "one", "few"])
def test_the_number_of_ranges_of_many_rows_changes_nothing_but_rounding(leaves, tree):
    case = make(**{**small, "rows": 300, "p": 21, "q": 18, "depth": 5, "tree": tree, "leaves": leaves})
    one = outcome(cpu.leaf_linear, case, True)
    for ranges in (1, 2, 3, 7):
        with cpu.ranges(ranges):
            first, second = (outcome(cpu.leaf_linear, case, True) for _ in range(2))
        assert_same(first, second)
        assert_near(first, one)


def test_many_rows_that_are_not_finite_spoil_no_others():
    case = make(**{**small, "rows": 301, "p": 21, "q": 18, "depth": 2})
    plain = outcome(cpu.leaf_linear, case)
    case["x"][5, 3] = torch.nan
    case["gradient"][7, 1] = torch.inf
    spoilt = outcome(cpu.leaf_linear, case)
    rows = torch.arange(301)
    assert torch.equal(spoilt[0][rows != 5], plain[0][rows != 5])
    assert torch.equal(spoilt[1][rows != 7], plain[1][rows != 7])


@kinds
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize(
    "changes",
    [
        {"depth": 0},
        {"rows": 1},
        {"rows": 0},
        {"depth": 12, "p": 2, "q": 2},
        {"p": 1},
        {"q": 1},
        {"p": 1, "q": 1, "rows": 1},
        {"rows": 300, "depth": 9, "p": 3, "q": 2},
    ],
    ids=str,
)
def test_extreme_shapes(changes, tree, sparse):
    case = make(**{**small, "tree": tree, **changes})
    for ranges in (1, 3):
        with cpu.ranges(ranges):
            assert_agrees(case, sparse)


@kinds
def test_deep_and_wide(tree):
    depth, rows, size = 12, 5, 33
    generator = torch.Generator().manual_seed(0)
    leaf = torch.tensor([0, 4095, 2048, 2047, 0])
    weight = torch.zeros(2 ** (depth + 1) - 1 if tree else 2**depth, size, size)
    path = [leaf] if not tree else [2**level - 1 + (leaf >> (depth - level)) for level in range(depth + 1)]
    for nodes in path:
        weight[nodes] = torch.randn(rows, size, size, generator=generator)
    x, gradient = torch.randn(2, rows, size, generator=generator)
    case = {"x": x, "weight": weight, "bias": None, "gate": None, "leaf": leaf, "gradient": gradient}
    assert_agrees({**case, "depth": depth, "tree": tree}, sparse=True)


@kinds
@pytest.mark.parametrize("layout", ["transposed", "strided", "reversed columns", "one row for all"])
def test_rows_and_gradients_that_are_not_contiguous(layout, tree):
    case = make(**{**small, "tree": tree})
    plain = outcome(cpu.leaf_linear, case)
    x, gradient = case["x"], case["gradient"]
    if layout == "transposed":
        views = [x.T.contiguous().T, gradient.T.contiguous().T]
    elif layout == "strided":
        views = [t.repeat_interleave(2, 0).repeat_interleave(3, 1)[::2, ::3] for t in (x, gradient)]
    elif layout == "reversed columns":
        case["x"], case["gradient"] = x.flip(1), gradient.flip(1)
        plain = outcome(cpu.leaf_linear, case)
        views = [torch.stack([t, t.flip(1)], 2)[:, :, 1] for t in (x, gradient)]
    else:
        case["x"], case["gradient"] = x[:1].repeat(len(x), 1), gradient[:1].repeat(len(x), 1)
        plain = outcome(cpu.leaf_linear, case)
        views = [t[:1].expand(len(t), -1) for t in (x, gradient)]
    assert not any(view.is_contiguous() for view in views)
    _, weight, bias, gate = differentiable(case)
    view, gradient = views[0].detach().requires_grad_(), views[1]
    y = cpu.leaf_linear(view, case["leaf"], weight, bias, case["depth"], tree, gate)
    gradients = torch.autograd.grad(y, [view, weight, bias, gate], gradient)
    assert_same([y, *gradients], plain)


def test_tables_gates_and_leaves_that_are_not_contiguous():
    case = make(**small)
    plain = outcome(cpu.leaf_linear, case)
    views = {n: case[n].transpose(0, 1).contiguous().transpose(0, 1) for n in ("weight", "bias", "gate")}
    leaf = case["leaf"].repeat_interleave(2)[::2]
    inputs = [case["x"].requires_grad_(), *(view.detach().requires_grad_() for view in views.values())]
    x, weight, bias, gate = inputs
    assert not any(t.is_contiguous() for t in (weight, bias, gate, leaf))
    y = cpu.leaf_linear(x, leaf, weight, bias, case["depth"], case["tree"], gate)
    assert_same([y, *torch.autograd.grad(y, inputs, case["gradient"])], plain)


@kinds
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_a_scalar_loss_gives_an_expanded_gradient(tree, sparse):
    case = make(**{**small, "tree": tree})
    case["gradient"] = torch.ones_like(case["gradient"])
    inputs = differentiable(case)
    x, weight, bias, gate = inputs
    y = cpu.leaf_linear(x, case["leaf"], weight, bias, case["depth"], tree, gate, sparse)
    gradients = torch.autograd.grad(y.sum(), inputs)
    assert_same([y, *(g.to_dense() for g in gradients)], outcome(cpu.leaf_linear, case))


@kinds
def test_sparse_gradients_hold_the_touched_nodes_in_order(tree):
    case = make(**{**small, "tree": tree, "rows": 6, "depth": 7})
    x, weight, bias, gate = differentiable(case)
    got, wanted = [
        torch.autograd.grad(
            path(x, case["leaf"], weight, bias, 7, tree, gate, True), [weight, bias], case["gradient"], retain_graph=False
        )
        for path in (cpu.leaf_linear, reference.leaf_linear)
    ]
    for ours, theirs in zip(got, wanted, strict=True):
        assert ours.is_sparse
        assert ours.is_coalesced()
        assert ours.shape == theirs.shape
        assert torch.equal(ours.indices(), theirs.indices())
        assert (ours.indices()[0].diff() > 0).all()


def test_two_calls_before_one_backward_pass():
    first, second = make(**small), make(**{**small, "seed": 1})
    totals = []
    for path, dtype in ((cpu.leaf_linear, torch.float32), (reference.leaf_linear, torch.float64)):
        x, weight, bias, gate = differentiable(first, dtype)
        below = second["x"].to(dtype, copy=True).requires_grad_()
        loss = torch.zeros((), dtype=dtype)
        for case, rows in ((first, x), (second, below)):
            y = path(rows, case["leaf"], weight, bias, case["depth"], True, gate, True)
            loss = loss + (y * case["gradient"].to(dtype)).sum()
        loss.backward()
        totals.append([t.grad.to_dense() for t in (x, below, weight, bias, gate)])
    assert_near(*totals)


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_gradients_of_several_backward_passes_add_up(sparse):
    cases = [make(**{**small, "seed": seed}) for seed in range(5)]
    totals = []
    for path, dtype in ((cpu.leaf_linear, torch.float32), (reference.leaf_linear, torch.float64)):
        _, weight, bias, _ = differentiable(cases[0], dtype)
        for case in cases:
            y = path(case["x"].to(dtype), case["leaf"], weight, bias, case["depth"], True, None, sparse)
            y.backward(case["gradient"].to(dtype))
        totals.append([weight.grad.to_dense(), bias.grad.to_dense()])
    assert_near(*totals, tolerance=1e-4)


@kinds
@pytest.mark.parametrize("but", [("x",), ("weight",), ("bias",), ("gate",), ("weight", "bias"), ("x", "gate"), ("x", "weight")])
def test_what_needs_no_gradient_gets_none(but, tree):
    case = make(**{**small, "tree": tree})
    inputs = differentiable(case, but=but)
    x, weight, bias, gate = inputs
    cpu.leaf_linear(x, case["leaf"], weight, bias, case["depth"], tree, gate).backward(case["gradient"])
    for name, tensor in zip(("x", "weight", "bias", "gate"), inputs):
        assert (tensor.grad is None) == (name in but)
    for sparse in (False, True):
        assert_agrees(case, sparse, but)


def test_without_gradients_the_output_is_the_same():
    case = make(**small)
    inputs = x, weight, bias, gate = differentiable(case)
    arguments = case["leaf"], weight, bias, case["depth"], True, gate
    with torch.no_grad():
        silent = cpu.leaf_linear(x, *arguments)
    with torch.inference_mode():
        inference = cpu.leaf_linear(x, *arguments)
    y = cpu.leaf_linear(x, *arguments)
    assert not silent.requires_grad
    assert not inference.requires_grad
    assert y.requires_grad
    assert_same([silent, inference], [y, y])
    frozen = [t.detach() for t in inputs]
    assert not cpu.leaf_linear(frozen[0], case["leaf"], *frozen[1:3], case["depth"], True, frozen[3]).requires_grad


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_other_types_go_to_the_reference(dtype):
    case = make(**small)
    got, wanted = (outcome(path, case, True, dtype) for path in (leaf_linear, reference.leaf_linear))
    assert got[0].dtype == dtype
    assert_same(got, wanted)
    x, weight, bias, gate = differentiable(case, dtype)
    assert not cpu.takes(x, weight, bias, gate)


def test_very_wide_layers_go_to_the_reference():
    x, leaf = torch.randn(3, 700), torch.tensor([0, 1, 1])
    weight = torch.randn(3, 400, 700)
    assert not cpu.takes(x, weight)
    got, wanted = (path(x, leaf, weight, None, 1, True) for path in (leaf_linear, reference.leaf_linear))
    assert torch.equal(got, wanted)


@pytest.mark.parametrize("loss", [lambda y: y.square().sum(), lambda y: y.sum()], ids=["square", "linear"])
def test_a_second_order_gradient_is_refused(loss):
    case = make(**small)
    x, weight, bias, gate = differentiable(case)
    y = cpu.leaf_linear(x, case["leaf"], weight, bias, case["depth"], True, gate)
    with pytest.raises(RuntimeError, match=r"differentiable once, and create_graph was given"):
        torch.autograd.grad(loss(y), x, create_graph=True)


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_a_retained_graph_gives_the_same_gradients_again(sparse):
    case = make(**small)
    inputs = x, weight, bias, gate = differentiable(case)
    y = cpu.leaf_linear(x, case["leaf"], weight, bias, case["depth"], True, gate, sparse)
    y.backward(case["gradient"], retain_graph=True)
    once = [t.grad.to_dense().clone() for t in inputs]
    y.backward(case["gradient"])
    assert_same([t.grad.to_dense() for t in inputs], [2 * gradient for gradient in once])


def test_a_table_changed_between_the_passes_is_refused():
    case = make(**small)
    x, weight, bias, gate = differentiable(case)
    y = cpu.leaf_linear(x, case["leaf"], weight, bias, case["depth"], True, gate)
    with torch.no_grad():
        weight.zero_()
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation"):
        y.backward(case["gradient"])


def test_rows_changed_between_the_passes_do_not_change_the_gradients():
    case = make(**small)
    wanted = outcome(cpu.leaf_linear, case)
    x = case["x"].clone()
    _, weight, bias, _ = differentiable(case)
    y = cpu.leaf_linear(x, case["leaf"], weight, bias, case["depth"], True)
    x.zero_()
    y.backward(case["gradient"])
    assert_same([weight.grad, bias.grad], wanted[2:4])


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.int16])
def test_leaves_of_any_integer_type(dtype):
    case = make(**small)
    layer = TreeLinear(6, 5, 4)
    layer.load_state_dict({"weight": case["weight"], "bias": case["bias"]})
    y = layer(case["x"], case["leaf"])
    assert torch.equal(layer(case["x"], case["leaf"].to(dtype)), y)
    assert type(y.grad_fn).__name__ == "_LeafLinearBackward"


@kinds
@pytest.mark.parametrize("leaves", ["random", "one", "few"])
def test_the_number_of_ranges_changes_nothing_but_rounding(leaves, tree):
    case = make(**{**small, "rows": 40, "depth": 5, "tree": tree, "leaves": leaves})
    one = outcome(cpu.leaf_linear, case, True)
    for ranges in (1, 2, 3, 4, 7, 40, 100):
        with cpu.ranges(ranges):
            first, second = (outcome(cpu.leaf_linear, case, True) for _ in range(2))
        assert_same(first, second)
        assert_near(first, one)
        assert_same(first[:2], one[:2])  # what belongs to a row is not summed over ranges


def test_ranges_of_the_forward_and_the_backward_pass_may_differ():
    case = make(**small)
    wanted = outcome(cpu.leaf_linear, case)
    x, weight, bias, gate = differentiable(case)
    with cpu.ranges(4):
        y = cpu.leaf_linear(x, case["leaf"], weight, bias, case["depth"], True, gate)
    with cpu.ranges(1):
        y.backward(case["gradient"])
    assert_same([y.detach(), x.grad, weight.grad, bias.grad, gate.grad], wanted)


@pytest.mark.parametrize("workers", [1, 3])
def test_calls_from_several_threads_at_once(workers, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: workers)
    cases = [make(**{**small, "seed": n, "p": 6 + n % 2, "depth": 3 + n % 3, "rows": 40}) for n in range(4)]

    def passes(n):
        with cpu.ranges(1 + n):
            return [outcome(cpu.leaf_linear, cases[n], sparse=True) for _ in range(20)]

    alone = [passes(n) for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(passes, range(4)))
    for ours, theirs in zip(together, alone, strict=True):
        for got, wanted in zip(ours, theirs, strict=True):
            assert_same(got, wanted)


@kinds
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["x", "weight", "bias", "gradient"])
def test_what_is_not_finite_spreads_as_in_the_reference(name, value, tree):
    case = make(**{**small, "tree": tree})
    place = case["leaf"][0].item() + (2 ** case["depth"] - 1 if tree else 0) if name in ("weight", "bias") else 0
    case[name][place].view(-1)[1] = value
    wanted = outcome(reference.leaf_linear, case)
    assert not all(t.isfinite().all() for t in wanted)
    for ranges in (1, 3):
        with cpu.ranges(ranges):
            got = outcome(cpu.leaf_linear, case)
        assert_same([t.isfinite() for t in got], [t.isfinite() for t in wanted])


@kinds
def test_gates_far_from_zero_get_finite_gradients(tree):
    case = make(**{**small, "tree": tree})
    case["gate"] *= 1e4
    assert_agrees(case)
