"""Collapsed inference against the layer it was made from, in float64."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from leafscope.core.bench.collapsed import CollapsedLinear
from leafscope.core.gating import leaf_index
from leafscope.core.tree import TreeLinear


def make(p, q, depth, parametrization, bias, seed):
    generator = torch.Generator().manual_seed(seed)
    layer = TreeLinear(p, q, depth, parametrization, bias)
    with torch.no_grad():
        for table in layer.parameters():
            table.copy_(torch.randn(table.shape, generator=generator))
    return layer


@given(
    rows=st.sampled_from([0, 1, 2, 5, 40, 300]),
    p=st.integers(1, 70),
    q=st.integers(1, 70),
    depth=st.integers(0, 8),
    parametrization=st.sampled_from(["tree", "flat"]),
    bias=st.booleans(),
    contiguous=st.booleans(),
    seed=st.integers(0, 99),
)
@settings(deadline=None, max_examples=60)
def test_equals_the_layer(rows, p, q, depth, parametrization, bias, contiguous, seed):
    layer = make(p, q, depth, parametrization, bias, seed)
    z = torch.randn(rows, max(p, depth), generator=torch.Generator().manual_seed(seed))
    x, gate = z[:, :p], z[:, :depth]
    if contiguous:
        x, gate = x.contiguous(), gate.contiguous()
    wanted = layer.double()(x.double(), leaf_index(gate > 0)).detach()
    collapsed = CollapsedLinear(layer.float())
    found = collapsed(x, gate)
    assert found.shape == (rows, q)
    assert not found.requires_grad
    scale = wanted.abs().max().item() if rows else 1.0
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-5 * scale)


def test_double_is_taken_too():
    layer = make(3, 2, 2, "tree", True, 0).double()
    x, gate = torch.randn(7, 3, dtype=torch.float64), torch.randn(7, 2, dtype=torch.float64)
    collapsed = CollapsedLinear(layer)
    torch.testing.assert_close(collapsed(x, gate), layer(x, leaf_index(gate > 0)), rtol=1e-12, atol=1e-12)


def test_ties_and_nan_are_bit_0():
    layer = make(2, 2, 1, "flat", True, 1)
    x = torch.ones(3, 2)
    found = CollapsedLinear(layer)(x, torch.tensor([[0.0], [float("nan")], [1e-30]]))
    torch.testing.assert_close(found, layer(x, torch.tensor([0, 0, 1])).detach())


def test_it_is_a_copy_that_can_be_saved_and_moved():
    layer = make(3, 2, 2, "tree", True, 2)
    collapsed = CollapsedLinear(layer)
    x, gate = torch.randn(4, 3), torch.randn(4, 2)
    before = collapsed(x, gate)
    with torch.no_grad():
        layer.weight.zero_()
    assert torch.equal(collapsed(x, gate), before)
    other = CollapsedLinear(layer)
    other.load_state_dict(collapsed.state_dict())
    assert torch.equal(other(x, gate), before)
    torch.testing.assert_close(collapsed.double()(x.double(), gate.double()).float(), before)
    torch.testing.assert_close(collapsed.float()(x, gate), before)


def test_matrices_loaded_after_a_call_are_used():
    layer, other = make(3, 2, 2, "tree", True, 2), make(3, 2, 2, "tree", True, 3)
    collapsed, wanted = CollapsedLinear(layer), CollapsedLinear(other)
    x, gate = torch.randn(9, 3), torch.randn(9, 2)
    assert not torch.equal(collapsed(x, gate), wanted(x, gate))
    collapsed.load_state_dict(wanted.state_dict())
    assert torch.equal(collapsed(x, gate), wanted(x, gate))
    assert torch.equal(copy.deepcopy(collapsed)(x, gate), wanted(x, gate))


@pytest.mark.parametrize("rows", [1, 30])
def test_inputs_that_have_gradients_are_read(rows):
    collapsed = CollapsedLinear(make(3, 2, 2, "tree", True, 2))
    x, gate = torch.randn(rows, 3), torch.randn(rows, 2)
    found = collapsed(x.clone().requires_grad_(), gate.clone().requires_grad_())
    assert not found.requires_grad
    assert torch.equal(found, collapsed(x, gate))
    assert not collapsed.double()(x.double().requires_grad_(), gate.double()).requires_grad


def test_a_row_that_is_not_finite_spoils_no_other():
    collapsed = CollapsedLinear(make(7, 5, 1, "tree", True, 2))
    x, gate = torch.randn(39, 7), torch.randn(39, 1)
    wanted = collapsed(x, gate)
    x[3, 2] = torch.nan
    found = collapsed(x, gate)
    assert found[3].isnan().all()
    rest = torch.arange(39) != 3
    assert torch.equal(found[rest], wanted[rest])


def test_shapes_that_do_not_fit_are_refused():
    collapsed = CollapsedLinear(make(3, 2, 2, "tree", True, 0))
    with pytest.raises(ValueError, match=r"x must have shape \(N, 3\) and gate \(N, 2\), got \(4, 3\) and \(4, 1\)"):
        collapsed(torch.zeros(4, 3), torch.zeros(4, 1))
