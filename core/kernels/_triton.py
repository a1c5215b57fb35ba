"""Products of sorted rows with the matrices of their groups, as Triton kernels for a GPU; forward and backward.

R rows, sorted by group · G groups (nodes, leaves, or leaves of several nets) · P input features · Q output features.
A program computes one tile of rows and columns. How many tiles a group has is only known on the device, so that as many
programs start as any counts could need, and those without rows end at once: nothing waits for the device, and a step can be
recorded as a CUDA graph. The name begins with an underscore so that the registry of kernels does not import it: Triton is
imported when it is first used. TRITON_INTERPRET=1, set before that, runs it on the CPU.
"""

import contextlib
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

try:
    import triton
    import triton.language as tl
except ModuleNotFoundError:  # then nothing here is called, as `cuda.has_triton` says, but the module can be imported
    triton, tl = SimpleNamespace(jit=lambda function: function), SimpleNamespace(constexpr=None)

ROWS = 16
"""Rows of a tile, the fewest that Triton multiplies: most leaves have few rows."""
MOST_COLUMNS = 64
"""Columns of a tile, and entries of a row that it multiplies at once, at most."""


@triton.jit
def _product(  # type: ignore[no-untyped-def]
    x, weights, biases, y, groups, firsts, lasts, inner, outer, matrix, by_outer, by_inner,
    HAS_BIAS: tl.constexpr, ROWS: tl.constexpr, INNER: tl.constexpr, OUTER: tl.constexpr,
):  # fmt: skip
    """Multiply a tile of rows (R, inner) by its group's matrix, of `matrix` entries and these strides -> (R, outer)."""
    tile = tl.program_id(0)
    first, last = tl.load(firsts + tile), tl.load(lasts + tile)
    if first < last:
        group = tl.load(groups + tile)
        rows = first + tl.arange(0, ROWS)
        columns = tl.program_id(1) * OUTER + tl.arange(0, OUTER)
        total = tl.zeros((ROWS, OUTER), tl.float32)
        for start in range(0, inner, INNER):
            entries = start + tl.arange(0, INNER)
            part = tl.load(x + rows[:, None] * inner + entries, (rows[:, None] < last) & (entries < inner), 0.0)
            block = weights + group * matrix + entries[:, None] * by_inner + columns * by_outer
            total += tl.dot(part, tl.load(block, (entries[:, None] < inner) & (columns < outer), 0.0), input_precision="ieee")
        if HAS_BIAS:
            total += tl.load(biases + group * outer + columns, columns < outer, 0.0)[None, :]
        tl.store(y + rows[:, None] * outer + columns, total, (rows[:, None] < last) & (columns < outer))


@triton.jit
def _gradients(  # type: ignore[no-untyped-def]
    x, dy, starts, dweights, dbiases, inner, outer,
    HAS_BIAS: tl.constexpr, ROWS: tl.constexpr, INNER: tl.constexpr, OUTER: tl.constexpr,
):  # fmt: skip
    """Sum a block of a group's gradient over its rows: x (R, inner), dy (R, outer) -> (G, outer, inner) and (G, outer)."""
    group = tl.program_id(0).to(tl.int64)
    first, last = tl.load(starts + group), tl.load(starts + group + 1)
    outers = tl.program_id(1) * OUTER + tl.arange(0, OUTER)
    inners = tl.program_id(2) * INNER + tl.arange(0, INNER)
    total = tl.zeros((OUTER, INNER), tl.float32)
    bias = tl.zeros((OUTER,), tl.float32)
    for start in range(first, last, ROWS):
        rows = start + tl.arange(0, ROWS)
        slope = tl.load(dy + rows * outer + outers[:, None], (rows < last) & (outers[:, None] < outer), 0.0)
        part = tl.load(x + rows[:, None] * inner + inners, (rows[:, None] < last) & (inners < inner), 0.0)
        total += tl.dot(slope, part, input_precision="ieee")
        bias += tl.sum(slope, 1)
    block = dweights + group * outer * inner + outers[:, None] * inner + inners
    tl.store(block, total, (outers[:, None] < outer) & (inners < inner))
    if HAS_BIAS and tl.program_id(2) == 0:
        tl.store(dbiases + group * outer + outers, bias, outers < outer)


def linear(rows: Tensor, weights: Tensor, biases: Tensor | None, counts: Tensor) -> Tensor:
    """Multiply sorted rows by their group's matrix: (R, P), (G, Q, P), (G, Q), counts (G,) int64 that sum to R -> (R, Q).

    All float32 but the counts, and on one GPU. Differentiable once, by rows, weights and biases.
    """
    y: Tensor = _Linear.apply(rows.contiguous(), weights.contiguous(), None if biases is None else biases.contiguous(), counts)
    return y


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, weights: Tensor, biases: Tensor | None, counts: Tensor) -> Tensor:
        p = weights.shape[2]
        starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
        tiles = _tiles(starts, counts, len(rows))
        ctx.save_for_backward(rows, weights, starts, *tiles)
        ctx.has_bias = biases is not None
        y = rows.new_empty(len(rows), weights.shape[1])
        _multiply(rows, weights, biases, y, tiles, by_outer=p, by_inner=1)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        rows, weights, starts, *tiles = ctx.saved_tensors
        (n_groups, q, p), dy = weights.shape, grads[0].contiguous()
        dx = dweights = dbiases = None
        if ctx.needs_input_grad[0]:
            dx = torch.empty_like(rows)
            _multiply(dy, weights, None, dx, tiles, by_outer=1, by_inner=p)
        if ctx.needs_input_grad[1] or ctx.needs_input_grad[2]:
            dweights = torch.empty_like(weights)
            dbiases = weights.new_empty(n_groups, q) if ctx.has_bias else None
            inner, outer = _columns(p), _columns(q)
            grid = n_groups, triton.cdiv(q, outer), triton.cdiv(p, inner)
            with _on(rows):
                _gradients[grid](
                    rows, dy, starts, dweights, dweights if dbiases is None else dbiases, p, q,
                    HAS_BIAS=dbiases is not None, ROWS=ROWS, INNER=inner, OUTER=outer,
                )  # fmt: skip
        return dx, dweights, dbiases, None


def _multiply(
    rows: Tensor, weights: Tensor, biases: Tensor | None, y: Tensor, tiles: Any, *, by_outer: int, by_inner: int
) -> None:
    inner, outer = _columns(rows.shape[1]), _columns(y.shape[1])
    with _on(rows):
        _product[len(tiles[0]), triton.cdiv(y.shape[1], outer)](
            rows, weights, weights if biases is None else biases, y, *tiles, rows.shape[1], y.shape[1],
            weights.shape[1] * weights.shape[2], by_outer, by_inner,
            HAS_BIAS=biases is not None, ROWS=ROWS, INNER=inner, OUTER=outer,
        )  # fmt: skip


def _tiles(starts: Tensor, counts: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """List group, first row and end of each tile: (T,) int64 each; tiles that are not needed have no rows."""
    ends = ((counts + (ROWS - 1)) // ROWS).cumsum(0)
    most = n // ROWS + min(n, len(counts))
    number = torch.arange(most, device=starts.device)
    group = torch.searchsorted(ends, number, right=True).clamp_(max=len(counts) - 1)
    before = ends - (counts + (ROWS - 1)) // ROWS
    first = starts[group] + (number - before[group]) * ROWS
    return group, first, starts[group + 1]


def _columns(features: int) -> int:
    return int(min(MOST_COLUMNS, max(16, triton.next_power_of_2(features))))


def _on(rows: Tensor) -> contextlib.AbstractContextManager[Any]:
    """Start kernels on the rows' GPU; in Triton's interpreter rows are on the CPU."""
    return torch.cuda.device(rows.device) if rows.is_cuda else contextlib.nullcontext()
