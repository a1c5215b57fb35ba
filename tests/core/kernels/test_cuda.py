"""The Triton kernel against the reference: in Triton's interpreter on the CPU, compiled for a GPU, and on one if there is one.

Triton comes with PyTorch's CUDA build for Linux (690 MB of it). Beside the CPU build: pip install leafscope[triton].
"""

import importlib.util

import pytest
import torch

from leafscope.core import kernels
from leafscope.core.kernels import KERNELS, cuda, readiness, reference
from tests.plugin import run_python

needs_triton = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="needs Triton, which is large: pip install leafscope[triton]"
)
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

COMPARE = """
import os
os.environ["TRITON_INTERPRET"] = "{interpret}"
import torch
from leafscope.core.kernels import cuda, reference, slots

CASES = [  # rows, P, Q, depth, tree
    (1, 3, 2, 0, True),
    (20, 5, 7, 2, True),
    (5, 70, 33, 1, False),
    (12, 16, 16, 6, True),
    (18, 5, 66, 0, True),
    (33, 8, 8, 0, False),
]

def same(found, wanted, what):
    error = (found - wanted).abs().max() / wanted.abs().max().clamp(min=1e-30)
    assert error <= 2e-6, (what, error)

for number, case in enumerate(CASES):
    n, p, q, depth, tree = case
    torch.manual_seed(n)
    leaf = torch.randint(0, 1 << depth, (n,)) // 2
    nodes = 2 ** (depth + 1) - 1 if tree else 2 ** depth
    shapes = [(n, p), (nodes, q, p), (nodes, q), (n, depth)]
    values, slope = [torch.randn(shape) for shape in shapes], torch.randn(n, q)
    bias, sparse, results = number != 4, number % 2 == 1, []
    for compute, device in ((reference.leaf_linear, "cpu"), (cuda.leaf_linear, "{device}")):
        x, weight, b, gate = (one.to(device, copy=True).requires_grad_() for one in values)
        y = compute(x, leaf.to(device), weight, b if bias else None, depth, tree, gate, sparse)
        y.backward(slope.to(device))
        found = [y.detach(), x.grad, weight.grad, *([b.grad] if bias else []), *([gate.grad] if depth else [])]
        results.append([one.to_dense().cpu() for one in found])
    for place, (wanted, found) in enumerate(zip(*results, strict=True)):
        same(found, wanted, (case, place))

# rows of several nets, with slots that no row uses
torch.manual_seed(0)
leaf = torch.randint(0, 8, (3, 20)) // 3
plan = slots.make_slots(leaf, 3, False)
values = [torch.randn(3, 20, 9), torch.randn(3, 8, 6, 9), torch.randn(3, 8, 6)]
counts, slope = plan.levels[-1].counts, torch.randn(3, 20, 6)
assert (counts == 0).any()
results = []
for device in ("cpu", "{device}"):
    given = [one.to(device, copy=True).requires_grad_() for one in values]
    if device == "cpu" and not results:
        y = slots.products(*given, counts)
    else:
        from leafscope.core.kernels import _triton
        flat = (one.flatten(0, 1) for one in given)
        y = _triton.linear(*flat, counts.flatten().to(device)).view(3, 20, 6)
    y.backward(slope.to(device))
    results.append([y.detach().cpu(), *(one.grad.cpu() for one in given)])
for number, (wanted, found) in enumerate(zip(*results, strict=True)):
    same(found, wanted, ("slots", number))
print("same")
"""


@needs_triton
def test_the_kernel_agrees_with_the_reference_in_the_interpreter():
    done = run_python(COMPARE.format(interpret="1", device="cpu"))
    assert done.stdout.strip() == "same", done.stderr


@needs_triton
@needs_gpu
def test_the_kernel_agrees_with_the_reference_on_a_gpu():
    done = run_python(COMPARE.format(interpret="0", device="cuda"))
    assert done.stdout.strip() == "same", done.stderr


@needs_triton
def test_the_kernel_compiles_for_hopper():
    """For Hopper, such as an H200; compiling needs no GPU."""
    done = run_python("""
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from leafscope.core.kernels import _triton

tables = dict.fromkeys(("x", "weights", "biases", "y", "dy", "dweights", "dbiases"), "*fp32")
places = dict.fromkeys(("groups", "firsts", "lasts", "starts"), "*i64")
for kernel in (_triton._product, _triton._gradients):
    for columns in (16, 64):
        constants = {"HAS_BIAS": True, "ROWS": _triton.ROWS, "INNER": columns, "OUTER": columns}
        given = {**tables, **places, **dict.fromkeys(constants, "constexpr")}
        signature = {name: given.get(name, "i32") for name in kernel.arg_names}
        compiled = triton.compile(ASTSource(kernel, signature, constants), target=GPUTarget("cuda", 90, 32))
        assert "fma" in compiled.asm["ptx"] and len(compiled.asm["cubin"]) > 1000
print("compiled")
""")
    assert done.stdout.strip() == "compiled", done.stderr


def test_registering_the_kernel_does_not_load_triton():
    done = run_python("from leafscope.core.kernels import KERNELS\nprint(list(KERNELS), 'triton' in sys.modules)")
    assert done.stdout.strip() == "['cpu', 'cuda'] False", done.stderr


def test_the_kernel_takes_float32_and_the_gate_gradient_that_it_knows():
    kernel = KERNELS["cuda"]
    x, weight, gate = torch.zeros(4, 2), torch.zeros(3, 2, 2), torch.zeros(4, 1, requires_grad=True)
    assert kernel.takes(x, weight, None, gate, "straight_through")
    assert kernel.takes(x, weight, torch.zeros(3, 2), None, "another")
    assert kernel.takes(x, weight, None, gate.detach(), "another")
    assert not kernel.takes(x, weight, None, gate, "another")
    assert not kernel.takes(x.double(), weight.double(), None, None, "none")
    assert not kernel.takes(x[:0], weight, None, None, "none")
    assert not kernel.takes(x, weight.half(), None, None, "none")


def test_the_kernel_is_not_used_without_triton_or_where_only_the_reference_may_be(monkeypatch):
    monkeypatch.setattr(cuda, "has_triton", lambda: True)
    assert KERNELS["cuda"].is_usable()
    with readiness.reference_only():
        assert not KERNELS["cuda"].is_usable()
    monkeypatch.setattr(cuda, "has_triton", lambda: False)
    assert not KERNELS["cuda"].is_usable()


@needs_gpu
@needs_triton
def test_a_gpu_uses_the_kernel(monkeypatch):
    calls = []
    monkeypatch.setattr(cuda, "products", lambda *given: calls.append("kernel") or reference.products(*given))
    x, weight = torch.randn(6, 3, device="cuda"), torch.randn(3, 2, 3, device="cuda")
    kernels.leaf_linear(x, torch.zeros(6, dtype=torch.int64, device="cuda"), weight, None, 1, True)
    assert calls == ["kernel"]
