"""Compiled loops of the CPU path: products of few or many rows, passes over the tree, AdamW where a gradient is complete.

N rows · P input features · Q output features · K depth · V nodes. Rows stand sorted by leaf, so that a walk over them is
a depth-first walk over the touched nodes: on the way down the sums along the path are built, level by level, and on the
way up the gradients are. Both live in buffers of K + 1 matrices that stay in the cache; a node's matrix is read once a
pass, its gradient is never stored where the optimizer takes it at once, and nodes without rows cost nothing.

`bits` says which levels there are (`parametrizations.walk`): a leaf without its last bits[k, 1] bits is the prefix on level k,
and bits[k, 0] + (that prefix & bits[k, 2]) is its node. Prefixes have 0 to K bits for a tree, 0 and K for a root with leaves; a
flat layer, with K alone, is a forest of trees of depth 0, one for each leaf. Where nodes are not prefixes (`are_repeated`),
sums and gradients are still built prefix by prefix, and a node's gradient is collected in the spill until the walk is over.
Several threads walk consecutive ranges of rows; a node whose rows lie in more than one range has its gradient spilled, and
summed in the order of the ranges.

The one concept of this file is a compiled training step, from a product of two rows to whole epochs. It is one file because
Numba's cache looks at the file of the outermost function only, and would not notice a change in another one.

Arrays that belong together travel as a named tuple, which costs nothing between compiled functions. Python passes plain
tuples in the same order, since Numba reads every field name at each call from Python (20 us instead of 5 for a backward
pass). A compiled function that Python calls gives them their names first.
"""

import math
import os
from typing import Any, NamedTuple

os.environ.setdefault("NUMBA_OPT", "2")  # as fast as 3 here, and compiled in two thirds of the time

import llvmlite.binding
import numba
import numpy as np
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from leafscope.core.machine import compile_cache

F = np.float32
_ZERO, _ONE, _NO, _YES = np.int64(0), np.int64(1), np.bool_(False), np.bool_(True)
"""Arguments of compiled functions: for each number or truth value of Python's own, Numba compiles the function once more."""

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "error_model": "numpy",
    "fastmath": {"contract", "reassoc", "nsz", "arcp", "afn"},
    "boundscheck": False,
}


def _compile(function: Any) -> Any:
    try:
        return numba.njit(cache=compile_cache.is_kept(), **_OPTIONS)(function)
    except RuntimeError:  # no directory that can be written to: nothing is kept
        return numba.njit(**_OPTIONS)(function)


# What travels together. Arrays are float32 unless said otherwise; an array that is not needed is empty.


class Tables(NamedTuple):
    """A matrix and a bias for each node (or each leaf) of a layer."""

    weight: np.ndarray
    """(V, Q, P)."""
    bias: np.ndarray
    """(V, Q), or (0, 0) without biases."""


class Path(NamedTuple):
    """Buffers of a walk: one place for each level of the path it is on."""

    sums: np.ndarray
    """(levels + 1, Q, P): the sum of the matrices down to each level."""
    bias_sums: np.ndarray
    """(levels + 1, Q)."""
    grads: np.ndarray
    """(levels + 1, Q, P): the gradient collected so far of the node on each level."""
    bias_grads: np.ndarray
    """(levels + 1, Q)."""


class Sink(NamedTuple):
    """Where the complete gradients of nodes go: nowhere (NOTHING), to `out` (GRADIENTS) or to AdamW at once (UPDATES).

    Flat, and taken apart at once in `finish`, which runs for every node: each tuple in use counts references to all its arrays.
    """

    nodes: np.ndarray
    """(T,) int64: the nodes that `out` holds, ascending; empty: all of them."""
    first_node: np.ndarray
    """(levels + 2,) int64: where each level begins in `nodes`."""
    out: np.ndarray
    """(T or V, Q, P)."""
    out_bias: np.ndarray
    """(T or V, Q)."""
    m: np.ndarray
    """(V, Q, P): first moments of the matrices."""
    v: np.ndarray
    """(V, Q, P): second moments."""
    bias_m: np.ndarray
    """(V, Q): those of the biases."""
    bias_v: np.ndarray
    """(V, Q)."""
    visits: np.ndarray
    """(V,) int64: the updates that each node has had."""
    rates: np.ndarray
    """(4,) float64: learning rate, beta1, beta2, epsilon."""
    level_decay: np.ndarray
    """(17,) float64: weight decay on each level."""
    mean: np.ndarray
    """(Q P + Q,) the matrix and bias to which weights decay, as they were before the step; empty: 0."""


NOTHING, GRADIENTS, UPDATES = range(3)

MANY_ROWS = 256
"""Rows of a batch from which on training multiplies in tiles (see `tile`), which sum in another order.

Smaller batches, the usual ones, and all evaluations keep the last bits of the histories of earlier versions.
"""


class Credit(NamedTuple):
    """What each node on a row's path adds to the row's output, times the gradient there; no rows: not wanted."""

    rows: np.ndarray
    """(N, K), rows sorted by leaf."""
    product: np.ndarray
    """(N, Q), a buffer."""


class Spill(NamedTuple):
    """Gradients of the nodes whose rows lie in more than one range; of several ranges, with one more axis in front."""

    nodes: np.ndarray
    """(2, levels + 1) int64: the node at the range's left and right end, or -1."""
    weight: np.ndarray
    """(2, levels + 1, Q, P)."""
    bias: np.ndarray
    """(2, levels + 1, Q)."""


# Flat arrays. Loops, since assigning slices takes many times as long to compile.


@_compile
def zero(a):
    """Set a flat array to 0."""
    for i in range(a.size):
        a[i] = 0


@_compile
def copy(source, target):
    """Copy a flat array."""
    for i in range(source.size):
        target[i] = source[i]


@_compile
def add(source, target):
    """Add a flat array to another."""
    for i in range(source.size):
        target[i] += source[i]


# Products of a few rows


@_compile
def add_rows(x, w, y):
    """Add x W^T to y: x (N, P), w (Q, P), y (N, Q)."""
    n, p = x.shape
    q = w.shape[0]
    r = 0
    while r + 4 <= n:
        for j in range(q):
            a0 = F(0)
            a1 = F(0)
            a2 = F(0)
            a3 = F(0)
            for i in range(p):
                u = w[j, i]
                a0 += u * x[r, i]
                a1 += u * x[r + 1, i]
                a2 += u * x[r + 2, i]
                a3 += u * x[r + 3, i]
            y[r, j] += a0
            y[r + 1, j] += a1
            y[r + 2, j] += a2
            y[r + 3, j] += a3
        r += 4
    while r < n:
        j = 0
        while j + 4 <= q:
            a0 = F(0)
            a1 = F(0)
            a2 = F(0)
            a3 = F(0)
            for i in range(p):
                u = x[r, i]
                a0 += u * w[j, i]
                a1 += u * w[j + 1, i]
                a2 += u * w[j + 2, i]
                a3 += u * w[j + 3, i]
            y[r, j] += a0
            y[r, j + 1] += a1
            y[r, j + 2] += a2
            y[r, j + 3] += a3
            j += 4
        while j < q:
            a0 = F(0)
            for i in range(p):
                a0 += x[r, i] * w[j, i]
            y[r, j] += a0
            j += 1
        r += 1


@_compile
def add_rows_back(g, w, dx):
    """Add g W to dx: g (N, Q), w (Q, P), dx (N, P)."""
    n, q = g.shape
    p = w.shape[1]
    r = 0
    while r + 4 <= n:
        j = 0
        while j + 2 <= q:
            a0 = g[r, j]
            a1 = g[r, j + 1]
            b0 = g[r + 1, j]
            b1 = g[r + 1, j + 1]
            c0 = g[r + 2, j]
            c1 = g[r + 2, j + 1]
            d0 = g[r + 3, j]
            d1 = g[r + 3, j + 1]
            for i in range(p):
                u = w[j, i]
                v = w[j + 1, i]
                dx[r, i] += a0 * u + a1 * v
                dx[r + 1, i] += b0 * u + b1 * v
                dx[r + 2, i] += c0 * u + c1 * v
                dx[r + 3, i] += d0 * u + d1 * v
            j += 2
        if j < q:
            for k in range(r, r + 4):
                a0 = g[k, j]
                for i in range(p):
                    dx[k, i] += a0 * w[j, i]
        r += 4
    while r < n:
        j = 0
        while j + 4 <= q:
            a0 = g[r, j]
            a1 = g[r, j + 1]
            b0 = g[r, j + 2]
            b1 = g[r, j + 3]
            for i in range(p):
                dx[r, i] += a0 * w[j, i] + a1 * w[j + 1, i] + b0 * w[j + 2, i] + b1 * w[j + 3, i]
            j += 4
        while j < q:
            a0 = g[r, j]
            for i in range(p):
                dx[r, i] += a0 * w[j, i]
            j += 1
        r += 1


@_compile
def add_outer(g, x, d):
    """Add g^T x to d: g (N, Q), x (N, P), d (Q, P)."""
    n, q = g.shape
    p = x.shape[1]
    r = 0
    while r + 4 <= n:
        for j in range(q):
            a = g[r, j]
            b = g[r + 1, j]
            c = g[r + 2, j]
            e = g[r + 3, j]
            for i in range(p):
                d[j, i] += a * x[r, i] + b * x[r + 1, i] + c * x[r + 2, i] + e * x[r + 3, i]
        r += 4
    while r < n:
        for j in range(q):
            a = g[r, j]
            for i in range(p):
                d[j, i] += a * x[r, i]
        r += 1


# Products of many rows. A tile of 4 rows by some vectors of columns stays in registers while it is summed, as in BLAS; loops
# that LLVM vectorizes by itself write each sum to memory at every step, and take 3 to 4 times as long.

_TILE_ROWS = 4
_FEATURES = llvmlite.binding.get_host_cpu_features()
_LANES = 16 if _FEATURES.get("avx512f") else 8 if _FEATURES.get("avx") else 4
"""Numbers in a vector register."""
_VECTORS = 2 if _LANES == 8 else 4
"""Vectors in a row of a tile: with AVX there are 16 registers, otherwise mostly 32."""
_FLOAT, _INT = ir.FloatType(), ir.IntType(64)
_POINTER = _FLOAT.as_pointer()


def _vector(lanes: int, element: ir.Type = _FLOAT) -> ir.VectorType:
    return ir.VectorType(element, lanes)


def _internal(module: ir.Module, name: str, arguments: list[ir.Type]) -> ir.Function:
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), arguments), name)
    function.linkage = "internal"
    function.attributes.add("noinline")
    return function


def _at(builder: ir.IRBuilder, pointer: ir.Value, offset: ir.Value, lanes: int) -> ir.Value:
    return builder.bitcast(builder.gep(pointer, [offset]), _vector(lanes).as_pointer())


def _build_tile(module: ir.Module) -> ir.Function:
    """Build c[r][j] = d[r][j] + sum over i < n of a[r][i * step] * b[i * b_step + j] for 4 rows r, and columns j < width."""
    rows = range(_TILE_ROWS)
    function = _internal(module, "leafscope_tile", [*[_POINTER] * 4, _INT, _POINTER, _INT, *[_POINTER] * 8, _INT, _INT])
    a, (step, b, b_step), (width, n) = function.args[:4], function.args[4:7], function.args[15:]
    c, d = function.args[7:11], function.args[11:15]
    builder = ir.IRBuilder(function.append_basic_block())

    def columns(first: ir.Value, lanes: int, vectors: int) -> None:
        kind = _vector(lanes)
        nothing, zeros = ir.Constant(kind, ir.Undefined), ir.Constant(_vector(lanes, ir.IntType(32)), [0] * lanes)
        offsets = [builder.add(first, _INT(lanes * v)) for v in range(vectors)]
        places = [_at(builder, c[r], offset, lanes) for r in rows for offset in offsets]
        begin = [builder.load(_at(builder, d[r], offset, lanes), align=4) for r in rows for offset in offsets]
        before, loop, after = builder.block, builder.append_basic_block(), builder.append_basic_block()
        builder.cbranch(builder.icmp_signed(">", n, _INT(0)), loop, after)
        builder.position_at_end(loop)
        i = builder.phi(_INT)
        sums = [builder.phi(kind) for _ in places]
        row = builder.mul(i, b_step)
        factors = [builder.load(_at(builder, b, builder.add(row, offset), lanes), align=4) for offset in offsets]
        totals = []
        for r in rows:
            one = builder.load(builder.gep(a[r], [builder.mul(i, step)]))
            same = builder.shuffle_vector(builder.insert_element(nothing, one, ir.IntType(32)(0)), nothing, zeros)
            for v, factor in enumerate(factors):
                product = builder.fmul(same, factor, flags=("contract",))
                totals.append(builder.fadd(sums[r * vectors + v], product, flags=("contract",)))
        following = builder.add(i, _INT(1))
        builder.cbranch(builder.icmp_signed("<", following, n), loop, after)
        i.add_incoming(_INT(0), before)
        i.add_incoming(following, loop)
        builder.position_at_end(after)
        ends = [builder.phi(kind) for _ in places]
        for start, during, total, end in zip(begin, sums, totals, ends, strict=True):
            for phi in (during, end):
                phi.add_incoming(start, before)
                phi.add_incoming(total, loop)
        for end, place in zip(ends, places, strict=True):
            builder.store(end, place, align=4)

    first: ir.Value = _INT(0)
    for lanes, vectors in dict.fromkeys([(_LANES, _VECTORS), (_LANES, 1), (4, 1), (1, 1)]):
        size = _INT(lanes * vectors)
        head, body, done = (builder.append_basic_block() for _ in range(3))
        before = builder.block
        builder.branch(head)
        builder.position_at_end(head)
        column = builder.phi(_INT)
        column.add_incoming(first, before)
        builder.cbranch(builder.icmp_signed("<=", builder.add(column, size), width), body, done)
        builder.position_at_end(body)
        columns(column, lanes, vectors)
        column.add_incoming(builder.add(column, size), builder.block)
        builder.branch(head)
        builder.position_at_end(done)
        first = column
    builder.ret_void()
    return function


def _build_transpose(module: ir.Module) -> ir.Function:
    """Build b[j * b_step + i] = a[i * a_step + j] for a square of one vector's size."""
    function = _internal(module, "leafscope_transpose", [_POINTER, _INT, _POINTER, _INT])
    a, a_step, b, b_step = function.args
    builder = ir.IRBuilder(function.append_basic_block())
    half = _LANES // 2
    halves = [
        ir.Constant(_vector(_LANES, ir.IntType(32)), [k for i in part for k in (i, _LANES + i)])
        for part in (range(half), range(half, _LANES))
    ]
    rows = [builder.load(_at(builder, a, builder.mul(a_step, _INT(i)), _LANES), align=4) for i in range(_LANES)]
    for _ in range(_LANES.bit_length() - 1):  # each time, halves of two rows are interleaved
        rows = [builder.shuffle_vector(rows[i], rows[i + half], part) for i in range(half) for part in halves]
    for i, row in enumerate(rows):
        builder.store(row, _at(builder, b, builder.mul(b_step, _INT(i)), _LANES), align=4)
    builder.ret_void()
    return function


def _calling(build: Any, context: Any, builder: Any, args: Any) -> Any:
    """Call a built function; what it takes as pointers are addresses in `args`. The caller is compiled once, in one place."""
    builder.function.attributes.add("noinline")
    function = build(builder.module)
    values = [
        builder.inttoptr(value, parameter.type) if parameter.type == _POINTER else value
        for value, parameter in zip(args, function.args, strict=True)
    ]
    builder.call(function, values)
    return context.get_dummy_value()


@intrinsic
def tile(context, a0, a1, a2, a3, step, b, b_step, c0, c1, c2, c3, d0, d1, d2, d3, width, n):
    """Call what `_build_tile` builds, with addresses for pointers."""
    return types.void(*[types.intp] * 17), lambda c, builder, _, args: _calling(_build_tile, c, builder, args)


@intrinsic
def transpose_square(context, a, a_step, b, b_step):
    """Call what `_build_transpose` builds, with addresses for pointers."""
    return types.void(*[types.intp] * 4), lambda c, builder, _, args: _calling(_build_transpose, c, builder, args)


@intrinsic
def address(context, array):
    """The address of a contiguous array's first number; array.ctypes.data is the same, and takes long to compile."""
    return types.intp(array), lambda c, builder, signature, args: builder.ptrtoint(
        c.make_array(signature.args[0])(c, builder, args[0]).data, _INT
    )


@_compile
def tiles(a, a_row, step, b, start, start_row, c, width, rows, n, order, first, a_ordered, c_ordered):
    """Fill rows of c with those of `start` plus the products. a, b, start and c are addresses.

    Rows lie a_row, start_row (0: one row for all) and `width` numbers apart. Rows of a and c that are `ordered` are those that
    order[first : first + rows] names. A last tile of fewer rows repeats its last one.
    """
    for r0 in range(0, rows, _TILE_ROWS):
        r1, r2, r3 = min(r0 + 1, rows - 1), min(r0 + 2, rows - 1), min(r0 + 3, rows - 1)
        a0, a1, a2, a3 = c0, c1, c2, c3 = r0, r1, r2, r3
        if a_ordered:
            a0, a1, a2, a3 = order[first + r0], order[first + r1], order[first + r2], order[first + r3]
        if c_ordered:
            c0, c1, c2, c3 = order[first + r0], order[first + r1], order[first + r2], order[first + r3]
        tile(
            a + 4 * a_row * a0, a + 4 * a_row * a1, a + 4 * a_row * a2, a + 4 * a_row * a3, step, b, width,
            c + 4 * width * c0, c + 4 * width * c1, c + 4 * width * c2, c + 4 * width * c3,
            start + 4 * start_row * r0, start + 4 * start_row * r1, start + 4 * start_row * r2, start + 4 * start_row * r3,
            width, n,
        )  # fmt: skip


@_compile
def transpose(w, turned):
    """Fill turned (P, Q) with the transpose of w (Q, P)."""
    q, p = w.shape
    source, target = address(w), address(turned)
    whole_q, whole_p = q - q % _LANES, p - p % _LANES
    for j in range(0, whole_q, _LANES):
        for i in range(0, whole_p, _LANES):
            transpose_square(source + 4 * (j * p + i), p, target + 4 * (i * q + j), q)
    for j in range(q):
        for i in range(whole_p if j < whole_q else 0, p):
            turned[i, j] = w[j, i]


@_compile
def many_outer(g, x, rows, zeros, d, q, p, order):
    """Fill d (Q, P) with g^T x: g (N, Q), x (N, P), zeros (P or more,), all addresses.

    In parts of rows that stay in the first cache.
    """
    start, start_row = zeros, _ZERO
    for first in range(0, rows, 64):
        here = min(64, rows - first)
        tiles(g + 4 * first * q, _ONE, q, x + 4 * first * p, start, start_row, d, p, q, here, order, _ZERO, _NO, _NO)
        start, start_row = d, p


@_compile
def add_column_sums(g, d):
    """Add the sum over rows to d: g (N, Q), d (Q,)."""
    for r in range(g.shape[0]):
        for j in range(g.shape[1]):
            d[j] += g[r, j]


# AdamW


@_compile
def adamw(w, m, v, gradient, step_size, correction, kept, new1, beta2, new2, eps):
    """One AdamW update of flat arrays in place."""
    for i in range(w.size):
        g = gradient[i]
        a = m[i] + (g - m[i]) * new1
        b = v[i] * beta2 + new2 * g * g
        m[i] = a
        v[i] = b
        w[i] = w[i] * kept - step_size * a / (np.sqrt(b) * correction + eps)


@_compile
def pull(w, target, share):
    """Move a flat array by a share of its distance from a target."""
    for i in range(w.size):
        w[i] -= share * (w[i] - target[i])


@_compile
def mean_of_nodes(tables, mean):
    """Fill `mean` (Q P + Q,) with the mean matrix and bias of all nodes."""
    weight, bias = tables
    nodes, size = weight.shape[0], weight[0].size
    total = np.zeros(mean.size, np.float64)
    for node in range(nodes):
        own = weight[node].reshape(-1)
        for i in range(size):
            total[i] += own[i]
        for i in range(mean.size - size):
            total[size + i] += bias[node, i]
    for i in range(mean.size):
        mean[i] = F(total[i] / nodes)


@_compile
def step_numbers(count, lr, decay, beta1, beta2):
    """Step size, factor of sqrt(v), and what decay leaves of the weights, for a row's visit number `count`."""
    return (
        F(lr / (1.0 - beta1**count)),
        F(1.0 / math.sqrt(1.0 - beta2**count)),
        F(1.0 - lr * decay),
    )


# Sorting and walking


@_compile
def sort_by_leaf(leaf, depth, order, ordered):
    """Sort rows stably by leaf: fills order (N,) and ordered (N,), the leaves in that order."""
    n = leaf.size
    spare = np.empty(n, np.int64)
    counts = np.empty(257, np.int64)
    for r in range(n):
        order[r] = r
    shift = 0
    while shift < depth:
        size = 1 << min(8, depth - shift)
        zero(counts[: size + 1])
        for r in range(n):
            counts[((leaf[r] >> shift) & 255) + 1] += 1
        for k in range(size):
            counts[k + 1] += counts[k]
        for r in range(n):
            row = order[r]
            k = (leaf[row] >> shift) & 255
            spare[counts[k]] = row
            counts[k] += 1
        for r in range(n):
            order[r] = spare[r]
        shift += 8
    for r in range(n):
        ordered[r] = leaf[order[r]]


@_compile
def node_of(leaf, bits, level):
    """The node on a level that a leaf's bits choose."""
    return bits[level, 0] + ((leaf >> bits[level, 1]) & bits[level, 2])


@_compile
def are_repeated(bits):
    """Whether several prefixes of a level have the same node, one of two, as their last bits choose it."""
    last = bits.shape[0] - 1
    return last > 0 and bits[last, 2] == bits[last - 1, 2]


@_compile
def first_change(a, b, bits):
    """The first level on which the paths to two different leaves differ."""
    level = 0
    while a >> bits[level, 1] == b >> bits[level, 1]:
        level += 1
    return level


@_compile
def touched(ordered, bits, nodes, first):
    """Count the touched nodes of each level, and list all of them if `nodes` is not empty.

    `first` (levels + 2,) gets the position of each level's first node in the list; `nodes` (T,) ascending ids.
    """
    n, levels = ordered.size, bits.shape[0] - 1
    counts = np.zeros(levels + 1, np.int64)
    if are_repeated(bits):
        for level in range(levels + 1):
            for node in range(bits[level, 0], bits[level, 0] + bits[level, 2] + 1):
                r = 0
                while r < n and node_of(ordered[r], bits, level) != node:
                    r += 1
                if r < n:
                    if nodes.size:
                        nodes[first[level] + counts[level]] = node
                    counts[level] += 1
        n = 0
    for r in range(n):
        start = (
            0 if r == 0 else (levels + 1 if ordered[r] == ordered[r - 1] else first_change(ordered[r - 1], ordered[r], bits))
        )
        for level in range(start, levels + 1):
            if nodes.size:
                nodes[first[level] + counts[level]] = node_of(ordered[r], bits, level)
            counts[level] += 1
    first[0] = 0
    for level in range(levels + 1):
        first[level + 1] = first[level] + counts[level]


@_compile
def descend(weight, bias, leaf, bits, level, sums, bias_sums):
    """Bring the sums along the path up to date from a level on; a root alone is not copied."""
    for k in range(max(level, 1), bits.shape[0]):
        node = node_of(leaf, bits, k)
        above = weight[0].reshape(-1) if k == 1 else sums[k - 1].reshape(-1)
        own = weight[node].reshape(-1)
        here = sums[k].reshape(-1)
        for i in range(here.size):
            here[i] = above[i] + own[i]
        if bias.shape[0]:
            for j in range(bias.shape[1]):
                bias_sums[k, j] = (bias[0, j] if k == 1 else bias_sums[k - 1, j]) + bias[node, j]


@_compile
def gather(order, rows, sorted_rows):
    """Sort rows: the opposite of `scatter`."""
    for r in range(order.size):
        copy(rows[order[r]], sorted_rows[r])


@_compile
def scatter(order, sorted_rows, rows):
    """Put sorted rows back where they came from."""
    for r in range(order.size):
        target = order[r]
        for j in range(rows.shape[1]):
            rows[target, j] = sorted_rows[r, j]


@_compile
def forward_range(x, order, ordered, tables, bits, first, last, path, many, xs, ys, y):
    """Multiply the sorted rows first..last by their leaf's matrix; fills xs, and ys or, if it has rows, the unsorted y.

    `many`: see `MANY_ROWS`.
    """
    weight, bias = tables
    sums, bias_sums, spare, spare_bias = path
    p, q, levels = x.shape[1], ys.shape[1], bits.shape[0] - 1
    zero(spare_bias[levels])
    row = first
    level = 0
    while row < last:
        leaf = ordered[row]
        end = row + 1
        while end < last and ordered[end] == leaf:
            end += 1
        descend(weight, bias, leaf, bits, level, sums, bias_sums)
        for r in range(row, end):
            source = order[r]
            for i in range(x.shape[1]):
                xs[r, i] = x[source, i]
        matrix_of_leaf = weight[leaf] if levels == 0 else sums[levels]
        start = address(bias) + 4 * leaf * q if levels == 0 else address(bias_sums) + 4 * levels * q
        if bias.shape[0] == 0:
            start = address(spare_bias) + 4 * levels * q
        if many and end - row >= _TILE_ROWS:
            transpose(matrix_of_leaf, spare[levels].reshape(p, q))
            tiles(
                address(xs) + 4 * row * p, p, _ONE, address(spare) + 4 * levels * p * q, start, _ZERO,
                address(y) if y.shape[0] else address(ys) + 4 * row * q, q, end - row, p, order, row, _NO, y.shape[0] > 0,
            )  # fmt: skip
        else:
            for r in range(row, end):
                if bias.shape[0] == 0:
                    zero(ys[r])
                elif levels == 0:
                    copy(bias[leaf], ys[r])
                else:
                    copy(bias_sums[levels], ys[r])
            add_rows(xs[row:end], matrix_of_leaf, ys[row:end])
            if y.shape[0]:
                for r in range(row, end):
                    for j in range(q):
                        y[order[r], j] = ys[r, j]
        if end < last:
            level = first_change(leaf, ordered[end], bits)
        row = end


@_compile
def infer_sorted(x, order, ordered, turned, bias, first, last, y):
    """Multiply the sorted rows first..last by their leaf's matrix, transposed (L, P, Q); x and y stay unsorted."""
    p, q = turned.shape[1:]
    row = first
    while row < last:
        leaf = ordered[row]
        end = row + 1
        while end < last and ordered[end] == leaf:
            end += 1
        tiles(
            address(x), p, _ONE, address(turned) + 4 * leaf * p * q, address(bias) + 4 * leaf * q, _ZERO, address(y), q,
            end - row, p, order, row, _YES, _YES,
        )  # fmt: skip
        row = end


@_compile
def position(nodes, low, high, node):
    """Where a node stands among ascending nodes[low:high]."""
    while low < high:
        middle = (low + high) >> 1
        if nodes[middle] < node:
            low = middle + 1
        else:
            high = middle
    return low


@_compile
def finish(node, level, gradient, bias_gradient, tables, takes, sink):
    """Give a node's complete gradient to the optimizer or store it."""
    weight, bias = tables
    nodes, first_node, out, out_bias, m, v, bias_m, bias_v, visits, rates, level_decay, mean = sink
    if takes == UPDATES:
        visits[node] += 1
        new1, beta2, new2, eps = F(1.0 - rates[1]), F(rates[2]), F(1.0 - rates[2]), F(rates[3])
        size, correction, kept = step_numbers(visits[node], rates[0], level_decay[level], rates[1], rates[2])
        if mean.size:
            kept = F(1)
            pull(weight[node].reshape(-1), mean, F(rates[0] * level_decay[level]))
            if bias.shape[0]:
                pull(bias[node], mean[weight[node].size :], F(rates[0] * level_decay[level]))
        adamw(
            weight[node].reshape(-1), m[node].reshape(-1), v[node].reshape(-1), gradient.reshape(-1),
            size, correction, kept, new1, beta2, new2, eps,
        )  # fmt: skip
        if bias.shape[0]:
            adamw(bias[node], bias_m[node], bias_v[node], bias_gradient, size, correction, kept, new1, beta2, new2, eps)
    elif takes == GRADIENTS:
        slot = node
        if nodes.size:
            slot = position(nodes, first_node[level], first_node[level + 1], node)
        copy(gradient.reshape(-1), out[slot].reshape(-1))
        if bias.shape[0]:
            copy(bias_gradient, out_bias[slot])


@_compile
def credit_node(g, xs, w, bias, node, first, last, product, credit, column, zeros, order, turned):
    """What a node adds to each row's output, times the gradient there: fills one column of credit (N, K).

    `turned` (P, Q) is a buffer, or has no rows where a product of few rows will do.
    """
    q = g.shape[1]
    part = last - first
    if turned.shape[0]:
        part = 64  # rows of a product that stays in the first cache
        transpose(w, turned)
    for begin in range(first, last, part):
        end = min(begin + part, last)
        if turned.shape[0]:
            start = address(bias) + 4 * node * q if bias.shape[0] else address(zeros)
            p = xs.shape[1]
            tiles(
                address(xs) + 4 * begin * p, p, _ONE, address(turned), start, _ZERO, address(product), q, end - begin, p,
                order, _ZERO, _NO, _NO,
            )  # fmt: skip
        else:
            for r in range(end - begin):
                for j in range(q):
                    product[r, j] = bias[node, j] if bias.shape[0] else F(0)
            add_rows(xs[begin:end], w, product[: end - begin])
        for r in range(begin, end):
            total = F(0)
            for j in range(q):
                total += g[r, j] * product[r - begin, j]
            credit[r, column] = total


@_compile
def backward_range(g, xs, order, ordered, tables, bits, first, last, path, many, needs_dx, dxs, dx, credit, takes, sink, spill):
    """Carry the gradient g (N, Q) of the sorted rows first..last to the rows, the nodes (sink) and the gates (credit).

    That of the rows fills dxs (sorted) or, if it has rows, the unsorted dx. `many`: see `MANY_ROWS`.
    """
    tables, sink = Tables(*tables), Sink(*sink)
    weight, bias = tables
    sums, bias_sums, grads, bias_grads = path
    spilled, spill_weight, spill_bias = spill
    credit_rows, product = credit
    q, p, levels = g.shape[1], xs.shape[1], bits.shape[0] - 1
    turned = sums[0].reshape(p, q)  # free, since the sum down to the root is the root
    zeros = np.zeros(max(p, q), np.float32)
    n = ordered.size
    repeated = are_repeated(bits)
    left = -1  # levels up to this one are shared with the range before, on the path of the first leaf
    right = -1
    if first > 0:
        left = levels if ordered[first] == ordered[first - 1] else first_change(ordered[first - 1], ordered[first], bits) - 1
    if last < n:
        right = levels if ordered[last] == ordered[last - 1] else first_change(ordered[last - 1], ordered[last], bits) - 1
    for side in range(2):
        for k in range(levels + 1):
            spilled[side, k] = -1
    row = first
    level = 0
    while row < last:
        leaf = ordered[row]
        end = row + 1
        while end < last and ordered[end] == leaf:
            end += 1
        if needs_dx:
            descend(weight, bias[:0], leaf, bits, level, sums, bias_sums)
            matrix_of_leaf = weight[leaf] if levels == 0 else sums[levels]
            if many:
                tiles(
                    address(g) + 4 * row * q, q, _ONE, address(matrix_of_leaf), address(zeros), _ZERO,
                    address(dx) if dx.shape[0] else address(dxs) + 4 * row * p, p, end - row, q, order, row, _NO,
                    dx.shape[0] > 0,
                )  # fmt: skip
            else:
                zero(dxs[row:end].reshape(-1))
                add_rows_back(g[row:end], matrix_of_leaf, dxs[row:end])
                if dx.shape[0]:
                    for r in range(row, end):
                        for i in range(p):
                            dx[order[r], i] = dxs[r, i]
        if credit_rows.shape[0]:
            for k in range(max(level, 1) if levels else 0, levels + 1):
                shift = bits[k, 1]
                node_end = end
                while node_end < last and (ordered[node_end] >> shift) == (leaf >> shift):
                    node_end += 1
                node = node_of(leaf, bits, k)
                column = credit_rows.shape[1] - shift - 1
                credit_node(
                    g, xs, weight[node], bias, node, row, node_end, product[first:last], credit_rows, column, zeros, order,
                    turned[: p if many else 0],
                )  # fmt: skip
        after = 0 if end == last else first_change(leaf, ordered[end], bits)
        if takes:
            for k in range(level, levels + 1):
                if k < levels or not many:
                    zero(grads[k].reshape(-1))
                zero(bias_grads[k])
            if many:
                many_outer(
                    address(g) + 4 * row * q, address(xs) + 4 * row * p, end - row, address(zeros),
                    address(grads) + 4 * levels * p * q, q, p, order,
                )  # fmt: skip
            else:
                add_outer(g[row:end], xs[row:end], grads[levels])
            add_column_sums(g[row:end], bias_grads[levels])
            for k in range(levels, after - 1, -1):
                node = node_of(leaf, bits, k)
                if k > 0:
                    add(grads[k].reshape(-1), grads[k - 1].reshape(-1))
                    add(bias_grads[k], bias_grads[k - 1])
                side = -1
                if repeated:
                    side = node - bits[k, 0]
                elif k <= left and (leaf >> bits[k, 1]) == (ordered[first] >> bits[k, 1]):
                    side = 0
                elif k <= right and (leaf >> bits[k, 1]) == (ordered[last - 1] >> bits[k, 1]):
                    side = 1
                complete = 1
                if side >= 0:
                    if spilled[side, k] == node:
                        add(grads[k].reshape(-1), spill_weight[side, k].reshape(-1))
                        add(bias_grads[k], spill_bias[side, k])
                    else:
                        spilled[side, k] = node
                        copy(grads[k].reshape(-1), spill_weight[side, k].reshape(-1))
                        copy(bias_grads[k], spill_bias[side, k])
                    complete = 2 if after == 0 and last - first == n else 0  # both nodes of the level, after all rows
                for other in range(complete):  # one call of `finish`, which takes long to compile
                    if side >= 0:
                        node = spilled[other, k]
                        copy(spill_weight[other, k].reshape(-1), grads[k].reshape(-1))
                        copy(spill_bias[other, k], bias_grads[k])
                    if node >= 0:
                        finish(node, k, grads[k], bias_grads[k], tables, takes, sink)
        level = after
        row = end


@_compile
def merge_spilled(spill, tables, takes, sink, repeated):
    """Sum what the ranges spilled, in their order, and finish those nodes; the spill of all ranges.

    `repeated`: whether `are_repeated`.
    """
    nodes, weight, bias = spill
    tables, sink = Tables(*tables), Sink(*sink)
    for level in range(nodes.shape[2]):
        held_range = -1
        held_side = -1
        for place in range(2 * nodes.shape[0] + 1):  # at the end, what is held is finished
            part, side, node = place // 2, place % 2, -1
            if repeated:  # a node is on the same side of all ranges
                part, side = place % nodes.shape[0], place // nodes.shape[0]
            if place < 2 * nodes.shape[0]:
                node = nodes[part, side, level]
                if node < 0:
                    continue
            if held_range >= 0:
                held = nodes[held_range, held_side, level]
                if held == node:
                    add(weight[part, side, level].reshape(-1), weight[held_range, held_side, level].reshape(-1))
                    add(bias[part, side, level], bias[held_range, held_side, level])
                    continue
                finish(
                    held, level, weight[held_range, held_side, level], bias[held_range, held_side, level], tables, takes, sink
                )
            held_range = part
            held_side = side


@_compile
def gate_gradient(credit, leaf, gate, every, own, dgate):
    """Straight-through: dgate_j += s_j sigma(-s_j a_j) sum_{l >= j} credit_l; all (N, K), rows in one order.

    Bit j decides the nodes from level j + 1 on, and those are columns j and beyond. `every`: whether all columns have credit,
    or the last alone. `own`: bit j decides the node of column j alone.
    """
    n, depth = gate.shape
    for r in range(n):
        total = F(0)
        for j in range(depth - 1, -1, -1):
            if own:
                total = credit[r, j]
            elif every or j == depth - 1:
                total += credit[r, j]
            sign = F(1) if (leaf[r] >> (depth - 1 - j)) & 1 else F(-1)
            dgate[r, j] += total * sign / (F(1) + math.exp(sign * gate[r, j]))


@_compile
def credit_whole(g, y, credit):
    """All that a path adds to each row's output, which is y (N, Q), times the gradient g there: the last column of (N, K)."""
    for r in range(g.shape[0]):
        total = F(0)
        for j in range(g.shape[1]):
            total += g[r, j] * y[r, j]
        credit[r, credit.shape[1] - 1] = total


@_compile
def pattern(a, row):
    """Read the signs of one row of (N, K) as a binary number; ties and NaN are bit 0."""
    leaf = 0
    for j in range(a.shape[1]):
        leaf = 2 * leaf + (1 if a[row, j] > F(0) else 0)
    return leaf


@_compile
def read_leaves(a, leaf):
    """Read the sign patterns of (N, K) as binary numbers, first bit most significant; ties and NaN are bit 0."""
    for r in range(a.shape[0]):
        leaf[r] = pattern(a, r)


@_compile
def number(leaf, numbering, numbers):
    """Fill `numbers` (N,) with the numbers under which the matrices of sign patterns stand; see `Layout`."""
    for r in range(leaf.size):
        numbers[r] = numbering[leaf[r]] if numbering.size else leaf[r]


@_compile
def route(a, leaf, order, ordered):
    """Read the leaves of (N, K) and sort the rows by them; see `sort_by_leaf`."""
    read_leaves(a, leaf)
    sort_by_leaf(leaf, a.shape[1], order, ordered)


@_compile
def infer_range(x, a, turned, bias, first, last, y):
    """Route the rows first..last by the signs of a (N, K) and multiply each by its matrix, transposed (L, P, Q); fills y."""
    for r in range(first, last):
        leaf = pattern(a, r)
        copy(bias[leaf], y[r])
        add_rows_back(x[r : r + 1], turned[leaf], y[r : r + 1])


# Whole nets. Weights, moments and gradients of a net are flat arrays; a layout says where each part begins.

HIDDEN_GATES, UNIT_GATES, RANDOM_GATES = range(3)


class Layout(NamedTuple):
    """Sizes of a net, and where its parts begin in the flat arrays."""

    n_features: int
    width: int
    n_classes: int
    depth: int
    layers: int
    bits: np.ndarray
    """(levels + 1, 3) int64: the bits of a leaf that choose the matrix of each level."""
    numbering: np.ndarray
    """(L,) int64: the number under which a sign pattern's matrices stand; empty: the pattern itself."""
    nodes: int
    """V."""
    gates: int
    """HIDDEN_GATES, UNIT_GATES or RANDOM_GATES."""
    hidden: tuple[int, int]
    """Where weight and bias of the first layer begin."""
    head: tuple[int, int]
    """Those of the last."""
    tables: np.ndarray
    """(layers, 2) int64: those of the gated layers."""
    gating: np.ndarray
    """(layers, 2) int64: those of the gating units, if there are any."""


class Net(NamedTuple):
    """A net, and AdamW's state of it."""

    layout: Layout
    theta: np.ndarray
    """Flat: all parameters."""
    m: np.ndarray
    v: np.ndarray
    visits: np.ndarray
    """(layers, V) int64: the updates that each node has had."""
    plain_visits: np.ndarray
    """(2,) int64: those of the parts that all rows visit, and of the gating units."""
    normals: np.ndarray
    """(layers, K, w): frozen gates."""
    offsets: np.ndarray
    """(layers, K): added to the gates; (0, 0): nothing is."""


class Settings(NamedTuple):
    """How a net is trained."""

    batch: int
    """Rows of a step."""
    straight_through: bool
    balance: float
    """The weight of the balance penalty."""
    centring: float
    """The share of a gate's mean over a batch that its offset is lowered by."""
    bias_rate: float
    """What the offset of a gate moves by against the majority of its bits in a batch."""
    lr: float
    cosine: bool
    rates: np.ndarray
    """(4,) float64: the learning rate of the step under way, beta1, beta2, epsilon."""
    level_decay: np.ndarray
    """(17,) float64: weight decay on each level."""
    decays_to_mean: bool
    """Whether the leaves of a layer decay to their mean instead of to 0."""


class Answers(NamedTuple):
    """What is to be predicted of the rows of a split."""

    y: np.ndarray
    """(R,) int64: classes; or empty."""
    targets: np.ndarray
    """(R,): numbers, of a net with one output; or empty."""
    weights: np.ndarray
    """(R,): the weight of each row's loss; or empty: all are 1."""


class Forward(NamedTuple):
    """What a forward pass of a batch fills. The rows of a gated layer are sorted anew by each layer before."""

    x: np.ndarray
    """(N, P)."""
    row: np.ndarray
    """(N,) int64: which row of the split each one is."""
    z: np.ndarray
    """(layers + 1, N, w): pre-activations; rows in the order of the layer below."""
    h: np.ndarray
    """(N, w): activations of the layer at work."""
    hs: np.ndarray
    """(layers, N, w): the sorted input of each gated layer."""
    a: np.ndarray
    """(layers, N, K): gating pre-activations."""
    read: np.ndarray
    """(layers, N, K): the same with noise, as the signs were read."""
    leaf: np.ndarray
    """(layers, N) int64."""
    order: np.ndarray
    """(layers, N) int64: the row that comes at each place."""
    ordered: np.ndarray
    """(layers, N) int64: the leaves in that order."""
    origin: np.ndarray
    """(N,) int64: which row of the batch is at each place after the layer at work."""
    moved: np.ndarray
    """(N,) int64: a buffer."""
    logits: np.ndarray
    """(N, C)."""
    slope: np.ndarray
    """(N, C): the gradient of the mean loss at the logits."""
    da: np.ndarray
    """(layers, N, K): the gradient at the gates, so far of the balance penalty."""


class Backward(NamedTuple):
    """Buffers of a backward pass of a batch, and the empty arrays that a layer's tables do not need."""

    g: np.ndarray
    """(N, w): the gradient at the output of the layer at work."""
    dxs: np.ndarray
    """(N, w): the gradient at its input, rows sorted."""
    dh: np.ndarray
    """(N, w): the same, rows in the order of the layer below."""
    credit: Credit
    credit_rows: np.ndarray
    """(N, K): the credit, rows in the order of the layer below."""
    flat_gradient: np.ndarray
    """A plain layer's gradient, flat."""
    flat_bias: np.ndarray
    spill: Spill
    mean: np.ndarray
    """(w w + w,) or empty: see `Sink`."""
    no_table: np.ndarray
    no_rows: np.ndarray
    no_nodes: np.ndarray


@_compile
def matrix(flat, start, rows, columns):
    """A part of a flat array as a matrix."""
    return flat[start : start + rows * columns].reshape(rows, columns)


@_compile
def relu(z, h):
    """Fill h with max(z, 0); NaN stays NaN."""
    for r in range(z.shape[0]):
        for j in range(z.shape[1]):
            value = z[r, j]
            h[r, j] = F(0) if value <= F(0) else value


@_compile
def linear(x, w, b, y):
    """Fill y with x W^T + b."""
    for r in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[r, j] = b[j]
    add_rows(x, w, y)


@_compile
def layer_tables(flat, layout, layer):
    """The tables of a gated layer."""
    width, nodes = layout.width, layout.nodes
    start = layout.tables[layer, 0]
    weight = flat[start : start + nodes * width * width].reshape(nodes, width, width)
    return Tables(weight, matrix(flat, layout.tables[layer, 1], nodes, width))


@_compile
def gate_layer(net, layer, z, h, a):
    """Fill a (N, K) with the gating pre-activations of a layer whose input is h = relu(z)."""
    depth, width = net.layout.depth, net.layout.width
    if net.layout.gates == HIDDEN_GATES:
        for r in range(a.shape[0]):
            for j in range(depth):
                a[r, j] = z[r, j]
    elif net.layout.gates == UNIT_GATES:
        bias = net.layout.gating[layer, 1]
        for r in range(a.shape[0]):
            for j in range(depth):
                a[r, j] = net.theta[bias + j]
        add_rows(h, matrix(net.theta, net.layout.gating[layer, 0], depth, width), a)
    else:
        zero(a.reshape(-1))
        add_rows(h, net.normals[layer], a)
    if net.offsets.size:
        for r in range(a.shape[0]):
            for j in range(depth):
                a[r, j] += net.offsets[layer, j]


@_compile
def cross_entropy(logits, row, y, weights, slope, counts):
    """Sum of the rows' losses in nats and number of right rows; with `slope` (N, C) also the mean loss's gradient.

    row (N,): the number of each row in y and weights. counts (3, C): unless empty, answers and right ones are added to them.
    """
    n, classes = logits.shape
    loss = 0.0
    right = 0
    for r in range(n):
        label = y[row[r]]
        best = 0
        for j in range(1, classes):
            if logits[r, j] > logits[r, best] or (math.isnan(logits[r, j]) and not math.isnan(logits[r, best])):
                best = j
        top = logits[r, best]
        total = F(0)
        for j in range(classes):
            total += F(math.exp(logits[r, j] - top))
        own = F(math.log(total)) + top - logits[r, label]
        loss += own * weights[row[r]] if weights.size else own
        if counts.shape[1]:
            counts[1, best] += 1
        if best == label:
            right += 1
            if counts.shape[1]:
                counts[2, best] += 1
        if slope.shape[0]:
            for j in range(classes):
                share = F(math.exp(logits[r, j] - top)) / total
                slope[r, j] = (share - (F(1) if j == label else F(0))) / F(n)
            if weights.size:
                for j in range(classes):
                    slope[r, j] *= weights[row[r]]
    return loss, right


@_compile
def squared_error(outputs, row, targets, weights, slope):
    """Sum of the rows' squared errors; with `slope` (N, 1) also the mean's gradient. row (N,) as for `cross_entropy`."""
    n = outputs.shape[0]
    loss = 0.0
    for r in range(n):
        weight = weights[row[r]] if weights.size else F(1)
        error = outputs[r, 0] - targets[row[r]]
        loss += weight * error * error
        if slope.shape[0]:
            slope[r, 0] = F(2) * weight * error / F(n)
    return loss


@_compile
def loss_of(logits, row, answers, slope, counts):
    """Sum of the rows' losses and number of right rows, 0 for numbers; with `slope` (N, C) also the mean loss's gradient.

    counts as for `cross_entropy`.
    """
    if answers.targets.size:
        return squared_error(logits, row, answers.targets, answers.weights, slope), 0
    return cross_entropy(logits, row, answers.y, answers.weights, slope, counts)


@_compile
def balance_gradient(a, order, ordered, weight, da):
    """The balance penalty of one layer times its weight; adds its gradient to da. Rows of a and da in the unsorted order."""
    n, depth = a.shape
    tiny = 1.1920928955078125e-07
    penalty = 0.0
    for level in range(depth):
        scale = 0.5 * weight * 2.0**-level
        first = 0
        while first < n:
            prefix = ordered[first] >> (depth - level)
            last = first
            total = 0.0
            while last < n and (ordered[last] >> (depth - level)) == prefix:
                total += 1.0 / (1.0 + math.exp(-a[order[last], level]))
                last += 1
            alpha = total / (last - first)
            inside = tiny <= alpha <= 1.0 - tiny
            alpha = min(max(alpha, tiny), 1.0 - tiny)
            penalty -= scale * (math.log(alpha) + math.log(1.0 - alpha))
            if inside:
                slope = -scale * (1.0 / alpha - 1.0 / (1.0 - alpha)) / (last - first)
                for r in range(first, last):
                    share = 1.0 / (1.0 + math.exp(-a[order[r], level]))
                    da[order[r], level] += F(slope * share * (1.0 - share))
            first = last
    return penalty


@_compile
def first_layer(net, x, z):
    """Fill z (N, w) with the pre-activations of the first layer."""
    layout = net.layout
    weight, bias = layout.hidden
    linear(x, matrix(net.theta, weight, layout.width, layout.n_features), net.theta[bias : bias + layout.width], z)


@_compile
def last_layer(net, h, logits):
    """Fill logits (N, C)."""
    layout = net.layout
    weight, bias = layout.head
    linear(h, matrix(net.theta, weight, layout.n_classes, layout.width), net.theta[bias : bias + layout.n_classes], logits)


@_compile
def train_forward(net, settings, answers, n, noise, start, to, path):
    """Forward pass of a batch of n rows: the mean loss with penalties; fills `to`. Noise of the batch begins at `start`."""
    layout, z, h, a, read = net.layout, to.z, to.h[:n], to.a, to.read
    order, ordered, origin, moved = to.order, to.ordered, to.origin, to.moved
    depth = layout.depth
    for r in range(n):
        origin[r] = r
    first_layer(net, to.x[:n], z[0, :n])
    for layer in range(layout.layers):
        relu(z[layer, :n], h)
        gate_layer(net, layer, z[layer, :n], h, a[layer, :n])
        for r in range(n):
            for j in range(depth):
                read[layer, r, j] = a[layer, r, j]
                if noise.shape[0]:
                    read[layer, r, j] += noise[layer, start + origin[r], j]
        read_leaves(read[layer, :n], to.leaf[layer, :n])
        number(to.leaf[layer, :n], layout.numbering, moved[:n])
        sort_by_leaf(moved[:n], depth, order[layer, :n], ordered[layer, :n])
        forward_range(
            h, order[layer, :n], ordered[layer, :n], layer_tables(net.theta, layout, layer), layout.bits, _ZERO, n,
            path, n >= MANY_ROWS, to.hs[layer, :n], z[layer + 1, :n], z[layer + 1, :0],
        )  # fmt: skip
        for r in range(n):
            moved[r] = origin[order[layer, r]]
        copy(moved[:n], origin)
    for r in range(n):
        moved[r] = to.row[origin[r]]
    relu(z[layout.layers, :n], h)
    last_layer(net, h, to.logits[:n])
    loss, _ = loss_of(to.logits[:n], moved[:n], answers, to.slope[:n], np.empty((3, 0), np.int64))
    loss /= n
    zero(to.da.reshape(-1))
    if settings.balance > 0 and depth > 0:
        for layer in range(layout.layers):
            by, in_order = order[layer, :n], ordered[layer, :n]
            if layout.numbering.size:  # the nodes that the penalty balances are prefixes of the patterns themselves
                by, in_order = origin[:n], moved[:n]
                sort_by_leaf(to.leaf[layer, :n], depth, by, in_order)
            loss += balance_gradient(a[layer, :n], by, in_order, settings.balance, to.da[layer, :n])
    return loss


@_compile
def update_linear(net, settings, start, g, x, count, work):
    """AdamW on a plain layer that saw x (N, P) and the gradient g (N, Q) at its output; start: of weight and bias."""
    theta, m, v, rates, flat_gradient, flat_bias = net.theta, net.m, net.v, settings.rates, work.flat_gradient, work.flat_bias
    q, p = g.shape[1], x.shape[1]
    zero(flat_gradient[: q * p])
    zero(flat_bias[:q])
    add_outer(g, x, matrix(flat_gradient, 0, q, p))
    add_column_sums(g, flat_bias[:q])
    size, correction, kept = step_numbers(count, rates[0], settings.level_decay[0], rates[1], rates[2])
    for part in range(2):
        first = start[1] if part else start[0]
        length = q if part else q * p
        gradient = flat_bias if part else flat_gradient
        adamw(
            theta[first : first + length], m[first : first + length], v[first : first + length], gradient[:length],
            size, correction, kept, F(1.0 - rates[1]), F(rates[2]), F(1.0 - rates[2]), F(rates[3]),
        )  # fmt: skip


@_compile
def masked(dh, z, g):
    """Carry a gradient through relu: fill g with dh where z > 0, else 0."""
    for r in range(g.shape[0]):
        for j in range(g.shape[1]):
            g[r, j] = dh[r, j] if z[r, j] > F(0) else F(0)


@_compile
def train_backward(net, settings, n, seen, path, work):
    """Backward pass of n rows; every part is updated as soon as nothing needs its old weights."""
    layout, z, h, da = net.layout, seen.z, seen.h, seen.da
    depth, width, unit_gates = layout.depth, layout.width, layout.gates == UNIT_GATES
    credits = settings.straight_through and depth > 0
    whole = layout.numbering.size > 0  # a leaf's matrices depend on all bits, so all it sums has the credit of level K
    repeated = are_repeated(layout.bits)
    learned_gates = depth > 0 and (credits or settings.balance > 0)
    g, dh, dxs, plain_visits = work.g, work.dh, work.dxs, net.plain_visits
    plain_visits[0] += 1
    if learned_gates and unit_gates:
        plain_visits[1] += 1
    zero(dh[:n].reshape(-1))
    add_rows_back(seen.slope[:n], matrix(net.theta, layout.head[0], layout.n_classes, width), dh[:n])
    update_linear(net, settings, layout.head, seen.slope[:n], h[:n], plain_visits[0], work)
    masked(dh[:n], z[layout.layers, :n], g[:n])
    for layer in range(layout.layers - 1, -1, -1):
        tables = layer_tables(net.theta, layout, layer)
        m, v = layer_tables(net.m, layout, layer), layer_tables(net.v, layout, layer)
        if work.mean.size:
            mean_of_nodes(tables, work.mean)
        sink = Sink(
            work.no_nodes, work.no_nodes, work.no_table, work.no_rows, m.weight, v.weight, m.bias, v.bias,
            net.visits[layer], settings.rates, settings.level_decay, work.mean,
        )  # fmt: skip
        rows = n if credits and not whole else 0
        credit = Credit(work.credit.rows[:rows], work.credit.product[:rows])
        backward_range(
            g[:n], seen.hs[layer, :n], seen.order[layer, :n], seen.ordered[layer, :n], tables, layout.bits, _ZERO, n, path,
            n >= MANY_ROWS, True, dxs[:n], dxs[:0], credit, UPDATES, sink, work.spill,
        )  # fmt: skip
        scatter(seen.order[layer, :n], dxs[:n], dh[:n])
        if credits:
            if whole:
                credit_whole(g[:n], z[layer + 1, :n], work.credit.rows)
            scatter(seen.order[layer, :n], work.credit.rows, work.credit_rows[:n])
            every = layout.bits.shape[0] == depth + 1 and not whole
            gate_gradient(work.credit_rows[:n], seen.leaf[layer, :n], seen.read[layer, :n], every, repeated, da[layer, :n])
        if learned_gates and unit_gates:
            gating = layout.gating[layer, 0], layout.gating[layer, 1]
            add_rows_back(da[layer, :n], matrix(net.theta, gating[0], depth, width), dh[:n])
            relu(z[layer, :n], h[:n])
            update_linear(net, settings, gating, da[layer, :n], h[:n], plain_visits[1], work)
        elif learned_gates and layout.gates == RANDOM_GATES:
            add_rows_back(da[layer, :n], net.normals[layer], dh[:n])
        masked(dh[:n], z[layer, :n], g[:n])
        if layout.gates == HIDDEN_GATES:
            for r in range(n):
                for j in range(depth):
                    g[r, j] += da[layer, r, j]
    update_linear(net, settings, layout.hidden, g[:n], seen.x[:n], plain_visits[0], work)


@_compile
def move_offsets(net, settings, n, seen):
    """Move the offsets of all gates by a batch of n rows (`core.balancing`)."""
    for layer in range(net.layout.layers):
        for j in range(net.layout.depth):
            total, ones = 0.0, 0
            for r in range(n):
                total += seen.a[layer, r, j]
                ones += (seen.leaf[layer, r] >> (net.layout.depth - 1 - j)) & 1
            majority = (2 * ones > n) - (2 * ones < n)
            net.offsets[layer, j] -= F(settings.centring * total / n + settings.bias_rate * majority)


@_compile
def forward_buffers(layout, n):
    """Buffers of a forward pass of n rows that a backward pass follows."""
    width, depth, layers = layout.width, layout.depth, layout.layers
    return Forward(
        np.empty((n, layout.n_features), np.float32), np.empty(n, np.int64),
        np.empty((layers + 1, n, width), np.float32), np.empty((n, width), np.float32),
        np.empty((layers, n, width), np.float32),
        np.empty((layers, n, depth), np.float32), np.empty((layers, n, depth), np.float32),
        np.empty((layers, n), np.int64), np.empty((layers, n), np.int64), np.empty((layers, n), np.int64),
        np.empty(n, np.int64), np.empty(n, np.int64),
        np.empty((n, layout.n_classes), np.float32), np.empty((n, layout.n_classes), np.float32),
        np.empty((layers, n, depth), np.float32),
    )  # fmt: skip


@_compile
def backward_buffers(layout, n, credited, has_mean):
    """Buffers of a backward pass of n rows, of which none or all get credit; `has_mean`: whether leaves decay to a mean."""
    width, depth = layout.width, layout.depth
    widest = max(layout.n_features, layout.n_classes, depth)
    sides, levels = 2 if are_repeated(layout.bits) else 0, layout.bits.shape[0]
    return Backward(
        np.empty((n, width), np.float32), np.empty((n, width), np.float32), np.empty((n, width), np.float32),
        Credit(np.empty((credited, depth), np.float32), np.empty((credited, width), np.float32)),
        np.empty((credited, depth), np.float32),
        np.empty(width * widest, np.float32), np.empty(max(width, widest), np.float32),
        Spill(
            np.empty((2, levels), np.int64), np.empty((sides, levels, width, width), np.float32),
            np.empty((sides, levels, width), np.float32),
        ),
        np.empty(width * width + width if has_mean else 0, np.float32),
        np.empty((0, 0, 0), np.float32), np.empty((0, 0), np.float32), np.empty(0, np.int64),
    )  # fmt: skip


@_compile
def path_buffers(layout):
    """Buffers of the walks over a net's gated layers."""
    width, levels = layout.width, layout.bits.shape[0] - 1
    return Path(
        np.empty((levels + 1, width, width), np.float32), np.empty((levels + 1, width), np.float32),
        np.empty((levels + 1, width, width), np.float32), np.empty((levels + 1, width), np.float32),
    )  # fmt: skip


@_compile
def named_net(net):
    """Give a Net from Python its names."""
    layout, theta, m, v, visits, plain_visits, normals, offsets = net
    return Net(Layout(*layout), theta, m, v, visits, plain_visits, normals, offsets)


@_compile
def train_steps(net, settings, x, answers, rows, noise, first_step, all_steps):
    """Train a net on consecutive batches of `rows`; the number of the step whose loss is not finite, or -1, and that loss.

    x (N, P), the rows of a split, rows (R,) in order of training, noise (layers, R, K) or empty; `all_steps` are those of the
    whole run.
    Nothing is updated by a step that fails.
    """
    net, settings, answers = named_net(net), Settings(*settings), Answers(*answers)
    layout, batch, rates = net.layout, settings.batch, settings.rates
    size = min(batch, rows.size)
    seen = forward_buffers(layout, size)
    credited = size if settings.straight_through and layout.depth > 0 else 0
    work = backward_buffers(layout, size, credited, settings.decays_to_mean)
    path = path_buffers(layout)
    xb, row = seen.x, seen.row
    step = first_step
    for start in range(0, rows.size, batch):
        n = min(batch, rows.size - start)
        for r in range(n):
            row[r] = rows[start + r]
            copy(x[rows[start + r]], xb[r])
        loss = train_forward(net, settings, answers, n, noise, start, seen, path)
        if not math.isfinite(loss):
            return step, loss
        rates[0] = settings.lr
        if settings.cosine:
            rates[0] = settings.lr * 0.5 * (1.0 + math.cos(math.pi * step / all_steps))
        train_backward(net, settings, n, seen, path, work)
        if net.offsets.size:
            move_offsets(net, settings, n, seen)
        step += 1
    return -1, 0.0


@_compile
def evaluate_rows(net, x, answers, leaves, outputs, counts):
    """Sum of losses and number of right rows of x (N, P); fills leaves (layers, N) and, unless empty, outputs (N, C).

    counts (3, C): unless empty, answers and right ones are added to them.
    """
    net, answers = named_net(net), Answers(*answers)
    layout, n = net.layout, x.shape[0]
    width, depth = layout.width, layout.depth
    z, h, hs = np.empty((n, width), np.float32), np.empty((n, width), np.float32), np.empty((n, width), np.float32)
    a = np.empty((n, depth), np.float32)
    leaf, order, ordered = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    origin, moved = np.empty(n, np.int64), np.empty(n, np.int64)
    logits, no_slope = np.empty((n, layout.n_classes), np.float32), np.empty((0, 0), np.float32)
    path = path_buffers(layout)
    for r in range(n):
        origin[r] = r
    first_layer(net, x, z)
    for layer in range(layout.layers):
        relu(z, h)
        gate_layer(net, layer, z, h, a)
        read_leaves(a, leaf)
        number(leaf, layout.numbering, moved)
        sort_by_leaf(moved, depth, order, ordered)
        tables = layer_tables(net.theta, layout, layer)
        forward_range(h, order, ordered, tables, layout.bits, _ZERO, n, path, _NO, hs, z, z[:0])
        for r in range(n):
            leaves[layer, origin[r]] = leaf[r]
        for r in range(n):
            moved[r] = origin[order[r]]
        copy(moved, origin)
    relu(z, h)
    last_layer(net, h, logits)
    if outputs.shape[0]:
        for r in range(n):
            copy(logits[r], outputs[origin[r]])
    return loss_of(logits, origin, answers, no_slope, counts)
