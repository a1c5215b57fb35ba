"""The CPU kernel: compiled loops over the sorted rows, in float32, on as many threads as torch uses.

N rows · P input features · Q output features · K depth · V nodes · T touched nodes. It computes the same as
`reference.leaf_linear`, which handles all other inputs (other types, very wide layers, gate gradients that are not compiled).
With an `Update`, the backward pass passes each node's gradient to AdamW while it is in the cache, and never stores all
gradients.
"""

import contextlib
import functools
import itertools
import math
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from leafscope.core.gates import GATE_GRADIENTS
from leafscope.core.kernels import compiled, readiness
from leafscope.core.kernels.registry import KERNELS, Kernel
from leafscope.core.kernels.row_order import levels_of
from leafscope.core.kernels.threads import run_together
from leafscope.core.parametrizations import Bits, walk

WIDEST = 512 * 512
"""P x Q above which a matrix no longer fits in a core's cache, and BLAS products of single rows are faster."""

SPLIT_WORK = 1 << 19
"""Multiply-adds of a pass for each thread; with fewer, starting a second thread costs more than it saves."""

SPLIT_TILES = 5 << 20
"""The same for products in tiles, which are several times as fast."""

ROWS_OF_A_LEAF = 32
"""Rows of a tile whose products take as long as fetching and transposing their leaf's matrix."""

_NO_ROWS = np.empty((0, 0), np.float32)
_NO_NODES, _NO_MEAN = np.empty(0, np.int64), np.empty(0, np.float32)
_NO_TABLE = np.empty((0, 0, 0), np.float32)
_NO_MOMENTS = _NO_TABLE, _NO_TABLE, _NO_ROWS, _NO_ROWS, _NO_NODES, np.zeros(4), np.zeros(17), _NO_MEAN

# Plain tuples of arrays in the order of the named tuples of `compiled`, which gives the reason.
_Tables = tuple[np.ndarray, np.ndarray]
_Path = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
_Moments = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@dataclass
class Update:
    """The state and settings with which AdamW updates the tables of a layer within its backward pass."""

    weight_moments: tuple[Tensor, Tensor]
    bias_moments: tuple[Tensor, Tensor] | None
    visits: Tensor
    """(V,) int64."""
    group: dict[str, Any]
    """The optimizer's settings, read at each step: lr, betas, eps."""
    level_decay: np.ndarray
    """(17,) float64: weight decay on each level."""
    decays_to_mean: bool = False
    """Whether nodes decay to the mean of all nodes instead of to 0."""

    def moments(self, tables: _Tables) -> _Moments:
        """The same as a tuple for compiled code; tables are those before the step."""
        m, v = (moment.numpy() for moment in self.weight_moments)
        bias_m, bias_v = (_NO_ROWS, _NO_ROWS) if self.bias_moments is None else (b.numpy() for b in self.bias_moments)
        rates = np.array([self.group["lr"], *self.group["betas"], self.group["eps"]], np.float64)
        mean = _NO_MEAN
        if self.decays_to_mean and self.level_decay.any():
            means = [table.mean(0, dtype=np.float64) for table in tables if table.size]
            mean = np.concatenate([part.reshape(-1) for part in means]).astype(np.float32)
        return m, v, bias_m, bias_v, self.visits.numpy(), rates, self.level_decay, mean


def takes(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    gate: Tensor | None = None,
    gate_gradient: str = "straight_through",
) -> bool:
    """Whether this kernel supports these inputs."""
    if not _learns(gate):
        gate = None
    elif not GATE_GRADIENTS[gate_gradient].compiled:
        return False
    floats = all(tensor is None or tensor.dtype == torch.float32 for tensor in (x, weight, bias, gate))
    return floats and x.shape[0] > 0 and not too_wide(weight)


def _learns(gate: Tensor | None) -> bool:
    return gate is not None and gate.shape[1] > 0 and gate.requires_grad


def too_wide(weight: Tensor) -> bool:
    """Whether matrices (V, Q, P) are too large for this kernel."""
    return weight.shape[1] * weight.shape[2] > WIDEST


def leaf_linear(
    x: Tensor,
    leaf: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    depth: int,
    tree: bool,
    gate: Tensor | None = None,
    sparse: bool = False,
    update: Update | None = None,
    levels: Sequence[Bits] | None = None,
) -> Tensor:
    """Multiply each row by its leaf's matrix; see `reference.leaf_linear`. With `update`, backward updates the tables.

    The inputs must be supported (see `takes`).
    """
    if not _learns(gate):
        gate = None
    if not (weight.requires_grad and (bias is None or bias.requires_grad)):
        update = None  # frozen tables are not updated
    bits = walk(levels_of(depth, tree, levels), depth)
    if not torch.is_grad_enabled():
        return torch.from_numpy(_forward(x, leaf, weight, bias, depth, bits)[0])
    y: Tensor = _LeafLinear.apply(x, weight, bias, gate, leaf, depth, bits, sparse, update)
    return y


def read_leaves(gate: Tensor) -> Tensor:
    """Read the sign patterns of (N, K) as binary numbers: (N,) int64."""
    leaf = np.empty(gate.shape[0], np.int64)
    compiled.read_leaves(_array(gate), leaf)
    return torch.from_numpy(leaf)


def infer(x: Tensor, gate: Tensor, turned: np.ndarray, bias: np.ndarray) -> Tensor:
    """Route rows by the signs of gate (N, K), multiply by collapsed matrices, transposed (L, P, Q), and add biases (L, Q)."""
    n = gate.shape[0]
    leaves, p, q = turned.shape
    rows, gates = _array(x), _array(gate)
    y = np.empty((n, q), np.float32)
    parts = 1 if n == 1 else _n_tiled_ranges(n, leaves, q, p)
    if n <= max(4, leaves):  # with about one row per leaf, sorting costs more than it saves
        if parts == 1:
            compiled.infer_range(rows, gates, turned, bias, 0, n, y)
        else:
            _in_ranges(lambda a, b: compiled.infer_range(rows, gates, turned, bias, a, b, y), n, parts)
        return torch.from_numpy(y)
    leaf, order, ordered = (_scratch(name, (n,), np.int64) for name in ("leaf", "order", "ordered"))
    compiled.route(gates, leaf, order, ordered)

    def walk(first: int, last: int) -> None:
        compiled.infer_sorted(rows, order, ordered, turned, bias, first, last, y)

    _in_ranges(walk, n, parts)
    return torch.from_numpy(y)


class _LeafLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        gate: Tensor | None,
        leaf: Tensor,
        depth: int,
        bits: np.ndarray,
        sparse: bool,
        update: Update | None,
    ) -> Tensor:
        y, xs, order, ordered = _forward(x, leaf, weight, bias, depth, bits)
        ctx.save_for_backward(weight, bias, gate, leaf)
        ctx.rows = xs, order, ordered
        ctx.options = depth, bits, sparse, update
        return torch.from_numpy(y)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "a gradient of a gradient must go through the reference path, which float64 layers take; the compiled path "
                "is differentiable once, and create_graph was given"
            )
        weight, bias, gate, leaf = ctx.saved_tensors
        needs_x, needs_weight, needs_bias, needs_gate = ctx.needs_input_grad[:4]
        depth, bits, sparse, update = ctx.options
        dx, dweight, dbias, dgate = _backward(
            grads[0], ctx.rows, leaf, weight, bias, gate if needs_gate else None, depth, bits, sparse,
            update if needs_weight else None, needs_x, needs_weight or needs_bias,
        )  # fmt: skip
        return dx, dweight if needs_weight else None, dbias if needs_bias else None, dgate, None, None, None, None, None


def _forward(
    x: Tensor, leaf: Tensor, weight: Tensor, bias: Tensor | None, depth: int, bits: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rows, leaves, tables = _array(x), _array(leaf), _tables(weight, bias)
    n, (_, q, p) = rows.shape[0], tables[0].shape
    levels = len(bits) - 1
    order, ordered = np.empty(n, np.int64), np.empty(n, np.int64)
    compiled.sort_by_leaf(leaves, depth, order, ordered)
    many = n >= compiled.MANY_ROWS
    parts = _n_tiled_ranges(n, 1 << depth, q, p) if many else _n_ranges(n, q, p)
    xs, ys, y = np.empty((n, p), np.float32), _scratch("ys", (n, q)), np.empty((n, q), np.float32)

    def walk(first: int, last: int) -> None:
        compiled.forward_range(rows, order, ordered, tables, bits, first, last, _path(levels, q, p), many, xs, ys, y)

    _in_ranges(walk, n, parts)
    return y, xs, order, ordered


def _backward(
    gradient: Tensor,
    saved: tuple[np.ndarray, np.ndarray, np.ndarray],
    leaf: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    gate: Tensor | None,
    depth: int,
    bits: np.ndarray,
    sparse: bool,
    update: Update | None,
    needs_x: bool,
    needs_tables: bool,
) -> tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None]:
    xs, order, ordered = saved
    tables = _tables(weight, bias)
    n, (held, q, p) = xs.shape[0], tables[0].shape
    levels = len(bits) - 1
    g, gs = _array(gradient), _scratch("gs", (n, q))
    dx = np.empty((n, p), np.float32) if needs_x else _NO_ROWS
    dxs = _scratch("dxs", (n, p)) if needs_x else _NO_ROWS
    credit = _NO_ROWS, _NO_ROWS
    if gate is not None:
        credit = _scratch("credit", (n, depth)), _scratch("product", (n, q))

    takes, nodes, first_node = compiled.NOTHING, _NO_NODES, np.zeros(levels + 2, np.int64)
    out, moments = (_NO_TABLE, _NO_ROWS), _NO_MOMENTS
    if update is not None:
        takes, moments = compiled.UPDATES, update.moments(tables)
    elif needs_tables:
        takes, new = compiled.GRADIENTS, np.zeros
        if sparse:
            compiled.touched(ordered, bits, nodes, first_node)
            nodes = np.empty(first_node[-1], np.int64)
            compiled.touched(ordered, bits, nodes, first_node)
            new, held = np.empty, len(nodes)
        out = new((held, q, p), np.float32), new((held, q), np.float32)
    sink = nodes, first_node, *out, *moments

    many = n >= compiled.MANY_ROWS
    ranges = _n_tiled_ranges(n, 1 << depth, q, p) if many else _n_ranges(n, q, p)
    repeated = bool(compiled.are_repeated(bits))
    spill_space = (ranges, 2, levels + 1) if ranges > 1 or repeated else (1, 0, 0)
    spilled = np.empty((ranges, 2, levels + 1), np.int64)
    spill, bias_spill = _scratch("spill", (*spill_space, q, p)), _scratch("bias_spill", (*spill_space, q))

    def walk(first: int, last: int) -> None:
        part = _part(first, n, ranges)
        compiled.gather(order[first:last], g, gs[first:last])
        compiled.backward_range(
            gs, xs, order, ordered, tables, bits, first, last, _path(levels, q, p), many, needs_x, dxs, dx, credit, takes,
            sink, (spilled[part], spill[part], bias_spill[part]),
        )  # fmt: skip

    _in_ranges(walk, n, ranges)
    if ranges > 1 and takes:
        compiled.merge_spilled((spilled, spill, bias_spill), tables, takes, sink, repeated)

    dgate = dweight = dbias = None
    if gate is not None:
        rows_credit, dgate = np.empty((n, depth), np.float32), np.zeros((n, depth), np.float32)
        compiled.scatter(order, credit[0], rows_credit)
        compiled.gate_gradient(rows_credit, _array(leaf), _array(gate), levels == depth, repeated, dgate)
    if update is not None:
        torch.autograd.graph.increment_version([t for t in (weight, bias) if t is not None])
    elif needs_tables:
        dweight = _gradient(out[0], nodes, tables[0].shape, sparse)
        dbias = None if bias is None else _gradient(out[1], nodes, tables[0].shape[:2], sparse)
    return _tensor(dx if needs_x else None), dweight, dbias, _tensor(dgate)


def _gradient(values: np.ndarray, nodes: np.ndarray, shape: tuple[int, ...], sparse: bool) -> Tensor:
    if not sparse:
        return torch.from_numpy(values)
    index = torch.from_numpy(nodes).unsqueeze(0)
    return torch.sparse_coo_tensor(index, torch.from_numpy(values), shape, is_coalesced=True, check_invariants=False)


def _tensor(array: np.ndarray | None) -> Tensor | None:
    return None if array is None else torch.from_numpy(array)


def _array(tensor: Tensor) -> np.ndarray:
    if tensor.requires_grad and torch.is_grad_enabled():  # otherwise NumPy takes it as it is, which is several times as fast
        tensor = tensor.detach()
    return (tensor if tensor.is_contiguous() else tensor.contiguous()).numpy()


def _tables(weight: Tensor, bias: Tensor | None) -> _Tables:
    return _array(weight), _NO_ROWS if bias is None else _array(bias)


def apart(n: int, number: int) -> np.ndarray:
    """Return zeros (n,) that begin at an offset within a page that depends on `number` (0 to 2).

    Arrays that are read together evict each other from the cache if they have the same offset within their pages.
    """
    page, step = 1024, 320
    buffer = np.zeros(n + 2 * page, np.float32)
    begin = (-buffer.ctypes.data // 4) % page + number * step
    return buffer[begin : begin + n]


# Threads


_held = threading.local()


def _path(levels: int, q: int, p: int) -> _Path:
    """Return this thread's buffers, which are reused as long as the shape is the same."""
    key = levels, q, p
    if getattr(_held, "key", None) != key:
        matrices, rows = (levels + 1, q, p), (levels + 1, q)
        _held.path = tuple(np.empty(shape, np.float32) for shape in (matrices, rows, matrices, rows))
        _held.key = key
    path: _Path = _held.path
    return path


def _scratch(name: str, shape: tuple[int, ...], dtype: type = np.float32) -> np.ndarray:
    """Return a temporary array; its memory is reused by later calls, so the pages are already allocated."""
    buffers = _held.__dict__.setdefault("buffers", {})
    size = math.prod(shape)
    if name not in buffers or buffers[name].size < size:
        buffers[name] = np.empty(size, dtype)
    array: np.ndarray = buffers[name][:size].reshape(shape)
    return array


def _n_ranges(n: int, q: int, p: int) -> int:
    return _up_to(min(n, torch.get_num_threads(), n * q * p // SPLIT_WORK), n)


def _n_tiled_ranges(n: int, leaves: int, q: int, p: int) -> int:
    """The same for products in tiles, of rows that lie in at most so many leaves."""
    work = (n + ROWS_OF_A_LEAF * min(n, leaves)) * q * p
    return _up_to(min(n, torch.get_num_threads(), work // SPLIT_TILES), n)


def _up_to(number: int, n: int) -> int:
    forced: int | None = getattr(_held, "ranges", None)
    return min(n, forced) if forced else max(1, number)


@contextlib.contextmanager
def ranges(number: int) -> Iterator[None]:
    """Split the rows of this thread's calls into a given number of ranges, even if there are few rows."""
    before: int | None = getattr(_held, "ranges", None)
    _held.ranges = number
    try:
        yield
    finally:
        _held.ranges = before


def _part(first: int, n: int, ranges: int) -> int:
    return -(-first * ranges // n)


def _in_ranges(walk: Any, n: int, ranges: int) -> None:
    """Call `walk` for consecutive ranges of rows in parallel, for the first range in this thread."""
    cuts = [n * part // ranges for part in range(ranges + 1)]
    if ranges == 1:
        walk(0, n)
        return
    run_together([functools.partial(walk, *pair) for pair in itertools.pairwise(cuts)])


CPU = KERNELS.register(
    Kernel(
        name="cpu",
        device="cpu",
        is_usable=lambda: readiness.usable(),
        takes=takes,
        leaf_linear=leaf_linear,
        takes_gates=lambda gate: gate.dtype is torch.float32,
        read_leaves=read_leaves,
        takes_levels=True,
        place=0,
    )
)
