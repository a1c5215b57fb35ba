"""Which kernel computes an operation: the first that is for the device, takes it and can be used."""

import pytest
import torch

from leafscope.core import kernels
from leafscope.core.kernels import KERNELS, Kernel, readiness, reference

X, LEAF, WEIGHT = torch.randn(6, 3), torch.tensor([0, 1, 1, 0, 1, 0]), torch.randn(3, 2, 3)


@pytest.fixture
def asked(monkeypatch) -> list[str]:
    """What a kernel of another person computed; it is preferred on the CPU, for float32."""
    calls: list[str] = []

    def leaf_linear(x, leaf, weight, bias, depth, tree, gate, sparse, update):
        calls.append("leaf_linear")
        return reference.leaf_linear(x, leaf, weight, bias, depth, tree, gate, sparse)

    def read_leaves(gate):
        calls.append("read_leaves")
        return (gate[:, 0] > 0).long()

    kernel = Kernel(
        name="mine",
        device="cpu",
        is_usable=lambda: True,
        takes=lambda x, weight, bias, gate, gate_gradient: x.dtype is torch.float32,
        leaf_linear=leaf_linear,
        takes_gates=lambda gate: gate.shape[1] == 1,
        read_leaves=read_leaves,
        place=-1,
    )
    KERNELS.load()
    monkeypatch.setitem(KERNELS._variants, kernel.name, kernel)
    return calls


def test_the_preferred_kernel_computes_what_it_takes(asked):
    assert list(KERNELS)[:2] == ["mine", "cpu"]
    y = kernels.leaf_linear(X, LEAF, WEIGHT, None, 1, True)
    assert torch.equal(y, reference.leaf_linear(X, LEAF, WEIGHT, None, 1, True))
    kernels.leaf_linear(X.double(), LEAF, WEIGHT.double(), None, 1, True)
    assert kernels.read_leaves(X[:, :1]).tolist() == (X[:, 0] > 0).long().tolist()
    assert kernels.read_leaves(X).tolist() == (4 * (X[:, 0] > 0) + 2 * (X[:, 1] > 0) + (X[:, 2] > 0)).tolist()
    assert asked == ["leaf_linear", "read_leaves"]


def test_only_kernels_of_the_device_are_asked(asked, monkeypatch):
    calls = []
    monkeypatch.setattr(readiness, "usable", lambda: calls.append("asked"))
    weight = WEIGHT.to("meta")
    with pytest.raises((NotImplementedError, RuntimeError)):  # the reference looks at the leaves, which meta has not
        kernels.leaf_linear(X.to("meta"), LEAF.to("meta"), weight, None, 1, True)
    assert (calls, asked) == ([], [])


def test_a_kernel_that_cannot_be_used_yet_leaves_it_to_the_reference(monkeypatch):
    monkeypatch.setattr(readiness, "usable", lambda: False)
    x = X.clone().requires_grad_()
    assert type(kernels.leaf_linear(x, LEAF, WEIGHT, None, 1, True).grad_fn).__name__ != "_LeafLinearBackward"
    assert kernels.read_leaves(X[:, :1]).tolist() == (X[:, 0] > 0).long().tolist()
