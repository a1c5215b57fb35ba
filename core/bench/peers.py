"""The cost of a training step and of inference for the most similar public implementations, against a dense layer.

N = 256 rows · P = Q = 64 features in and out · K depth · L = 2^K leaves · V nodes (2^(K+1) - 1).
They do not compute the same function; they share N input rows of P features, N output rows of Q features, and depth K:

- `dense`: `torch.nn.Linear(P, Q)`; every row has the same matrix, no depth (recorded as 0). The baseline of all ratios; it
  is timed in turns with each of the others, with one thread or all, whichever is faster.
- `leafscope`: `TreeLinear(P, Q, K)`; each row is multiplied by the sum of the K + 1 matrices on its path, plus biases. The
  leaf of each row is given; sorting the rows by it is timed.
- `grouped_mm`: `torch.nn.functional.grouped_mm`; one matrix for each leaf, no bias (it supports none by group). The leaf of
  each row is given; sorting the rows by it, and restoring the order of the products, is timed.
- `fastfeedforward`: `FFF(P, 64, Q, K)` of fastfeedforward (Belcak & Wattenhofer 2023, arXiv 2308.14711); each leaf is a net
  with one hidden layer of 64 ReLU units (two matrices), and each of the L - 1 inner nodes has a gate. In
  training every row goes through every leaf and the outputs are mixed by the gates; at inference each row goes through one
  leaf, in a Python loop over rows that leaves out the leaf's output bias.
- `neural-trees`: the soft decision tree of `SoftDecisionTreeRegressor` (Irsoy, Yildiz, Alpaydin 2012); L - 1 gates, and a
  leaf holds a constant vector of Q numbers, no matrix. Every row goes through every gate, and the leaves' vectors are mixed,
  both in training and at inference. The loss includes the penalty that its `fit` adds. Its `predict` would do the same in
  float64.

A training step is zero_grad, forward, mean squared error, backward and optimizer step. Leafscope's layer uses LazyAdamW,
which updates the touched nodes within the backward pass; the others use torch's AdamW with fused=True, which updates every
parameter in every step. Given leaves are drawn uniformly; each depth has one batch, so all implementations run with a warm
cache. Everything is on the CPU, in float32.
"""

import importlib
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from leafscope.core.bench.timing import Budget, OutOfTime, Timings, Window, interleaved, torch_threads, with_threads
from leafscope.core.gating import path_nodes
from leafscope.core.limits import check_depth
from leafscope.core.optim import LazyAdamW, parameter_groups
from leafscope.core.tree import TreeLinear

N_ROWS = 256
N_FEATURES = 64
TOLERANCE = 1e-5
"""Largest deviation of an output from the float64 product, relative to the largest entry."""
LEARNING_RATE = 1e-3
PATIENCE = 10.0
"""Seconds during which an unsteady ratio is measured again, without a budget."""

Phase = Literal["training", "inference"]
PHASES: tuple[Phase, ...] = ("training", "inference")


@dataclass(frozen=True)
class Batch:
    """The input of every peer."""

    x: Tensor
    """(N, P)."""
    target: Tensor
    """(N, Q)."""
    leaf: Tensor
    """(N,) int64 in 0..L - 1."""


@dataclass(frozen=True)
class Peer:
    """One implementation at one depth, ready to call."""

    module: nn.Module
    step: Callable[[], object]
    """One training step."""
    infer: Callable[[], Tensor]
    """(N, Q), without gradients."""
    check: Callable[[Tensor], None]
    """Raises ValueError for a wrong output of `infer`."""

    @property
    def parameters(self) -> int:
        """Count the stored parameters, trainable or not; integers such as a stored depth do not count."""
        return sum(parameter.numel() for parameter in self.module.parameters() if parameter.is_floating_point())

    def call(self, phase: Phase) -> Callable[[], object]:
        """Return the function that is timed in a phase."""
        return self.step if phase == "training" else self.infer

    def enter(self, phase: Phase, threads: int) -> None:
        """Put the module in the mode of the phase, and give torch so many threads."""
        self.module.train(phase == "training")
        torch.set_num_threads(threads)


def run(
    depths: Sequence[int] = (1, 3, 5, 7, 9),
    rounds: int = 9,
    seconds: float = 0.02,
    budget_s: float = 20.0,
    budget: Budget | None = None,
) -> list[dict[str, Any]]:
    """Time every peer at every depth, in ascending order; returns one row of JSON values for each peer, depth and phase.

    Keys: `peer`, `depth`, `rows`, `phase` ("training" or "inference"), `milliseconds` (median over the rounds),
    `against_dense` (the ratio to the dense layer within the same rounds), `spread` (the interquartile range over the median
    of that ratio), `unstable` (whether that is more than `timing.STEADY`, also when measured again), `threads`, `parameters`
    (stored), `finished`, and `note`, the reason for a missing time or empty. Unknown values are None. A peer that is not
    installed has one row, without depth and phase. `budget` limits the seconds of all and names what there is no time for;
    `budget_s` limits those for one peer, depth and phase: timing is skipped if the first call shows that it
    would take longer, and a depth is skipped if it would take longer when the time grows with each level as it did between
    the last two depths, or doubles if that is more. Raises ValueError without depths or for a depth outside 0..16.
    """
    if not depths:
        raise ValueError("depths must hold at least one depth")
    for depth in depths:
        check_depth(depth)
    budget = budget or Budget()
    dense = _build_dense(make_batch(0), 0)
    for phase in PHASES:
        _first_call(dense, phase)
    dense_timings: dict[Phase, list[Timings]] = {phase: [] for phase in PHASES}
    rows: list[dict[str, Any]] = []
    planned = [(name, depth) for name in PEERS for depth in sorted(set(depths))]
    seen: dict[tuple[str, Phase], list[tuple[int, float]]] = {}
    missing: set[str] = set()
    for place, (name, depth) in enumerate(planned):
        if name in missing:
            continue
        notes = {phase: _too_slow(seen.setdefault((name, phase), []), depth, rounds, budget_s) for phase in PHASES}
        rows += [_row(name, depth, phase, note=f"not tried: {note}") for phase, note in notes.items() if note]
        phases = [phase for phase in PHASES if not notes[phase]]
        if not phases:
            continue
        try:
            budget.check()
            peer = PEERS[name](make_batch(depth), depth)
        except OutOfTime:
            budget.left_out.extend(f"{name}, {phase}, K = {depth}" for phase in phases)
            continue
        except ImportError as error:
            rows.append(_row(name, None, None, note=f'not installed ({error}): pip install "leafscope[bench]"'))
            missing.add(name)
            continue
        except Exception as error:
            rows += [_row(name, depth, phase, note=_sentence(error)) for phase in phases]
            continue
        for phase in phases:
            parts = len(PHASES) * (len(planned) - place) - PHASES.index(phase)
            window = budget.part(parts, PATIENCE)
            try:
                budget.check()
                first = _first_call(peer, phase)
                seen[name, phase].append((depth, first))
                if first * _calls(rounds) > budget_s:
                    rows.append(_row(name, depth, phase, peer.parameters, note=f"stopped: one step took {first:.1f} s"))
                    continue
                timings = _beside_dense(dense, name, peer, phase, rounds, seconds, window, budget)
            except OutOfTime:
                budget.left_out.append(f"{name}, {phase}, K = {depth}")
                continue
            except Exception as error:
                rows.append(_row(name, depth, phase, peer.parameters, note=_sentence(error)))
                continue
            seen[name, phase][-1] = (depth, timings.median(name))
            dense_timings[phase].append(timings)
            rows.append(_row(name, depth, phase, peer.parameters, timings=timings, n_threads=torch.get_num_threads()))
    return [_baseline(dense, phase, taken) for phase, taken in dense_timings.items() if taken] + rows


def _baseline(dense: Peer, phase: Phase, taken: list[Timings]) -> dict[str, Any]:
    """Make the dense layer's row from its rounds beside every peer."""
    variants = with_threads("dense")
    together = Timings({name: tuple(itertools.chain(*(timings.seconds[name] for timings in taken))) for name in variants})
    fastest = together.fastest(variants)
    timings = Timings({"dense": together.seconds[fastest]})
    return _row("dense", 0, phase, dense.parameters, timings=timings, n_threads=variants[fastest])


def make_batch(depth: int) -> Batch:
    """Draw the rows, the targets and the leaves; always the same for one depth."""
    generator = torch.Generator().manual_seed(depth)
    x = torch.randn(N_ROWS, N_FEATURES, generator=generator)
    target = torch.randn(N_ROWS, N_FEATURES, generator=generator)
    return Batch(x, target, torch.randint(0, 1 << depth, (N_ROWS,), generator=generator))


def check_output(y: Tensor) -> None:
    """Raise ValueError unless the output is (N, Q) and finite."""
    if y.shape != (N_ROWS, N_FEATURES):
        raise ValueError(f"the output must have shape ({N_ROWS}, {N_FEATURES}), got {tuple(y.shape)}")
    if not bool(y.isfinite().all()):
        raise ValueError("the output must be finite, got NaN or infinity")


def check_products(y: Tensor, x: Tensor, nodes: Tensor, weight: Tensor, bias: Tensor | None = None) -> None:
    """Raise ValueError unless each row is multiplied by the sum of its nodes' matrices, computed in float64, row by row.

    Shapes: y (N, Q), x (N, P), nodes (N, any) int64, weight (V, Q, P), bias (V, Q).
    """
    check_output(y)
    with torch.no_grad():
        weight, x = weight.detach(), x.to(torch.float64)
        expected = torch.stack([weight[own].to(torch.float64).sum(0) @ row for own, row in zip(nodes, x, strict=True)])
        if bias is not None:
            expected += bias.detach()[nodes].to(torch.float64).sum(1)
        error = float((y.to(torch.float64) - expected).abs().max() / expected.abs().max())
    if error > TOLERANCE:
        raise ValueError(f"the output must be within {TOLERANCE:g} of the float64 products, got a deviation of {error:.1e}")


def grouped_product(x: Tensor, leaf: Tensor, weight: Tensor) -> Tensor:
    """Multiply each row by its leaf's matrix with grouped_mm: x (N, P), leaf (N,), weight (L, Q, P) -> (N, Q)."""
    order = torch.argsort(leaf)
    inverse = torch.empty_like(order)
    inverse[order] = torch.arange(order.numel())
    ends = torch.bincount(leaf, minlength=weight.shape[0]).cumsum(0).to(torch.int32)
    return functional.grouped_mm(x.index_select(0, order), weight.transpose(1, 2), offs=ends).index_select(0, inverse)


def leafscope_layer(depth: int) -> tuple[TreeLinear, torch.optim.Optimizer]:
    """Make Leafscope's layer and its optimizer."""
    layer = TreeLinear(N_FEATURES, N_FEATURES, depth, sparse=True, generator=torch.Generator().manual_seed(depth))
    optimizer = LazyAdamW(parameter_groups(layer, 0.0, 1.0), lr=LEARNING_RATE)
    optimizer.fuse(layer)
    return layer, optimizer


class _GroupedLinear(nn.Module):
    """One matrix for each leaf, each drawn independently as in nn.Linear."""

    def __init__(self, depth: int) -> None:
        super().__init__()
        bound = N_FEATURES**-0.5
        self.weight = nn.Parameter(torch.empty(1 << depth, N_FEATURES, N_FEATURES).uniform_(-bound, bound))

    def forward(self, x: Tensor, leaf: Tensor) -> Tensor:
        return grouped_product(x, leaf, self.weight)


def _build_dense(batch: Batch, depth: int) -> Peer:
    layer = nn.Linear(N_FEATURES, N_FEATURES)
    root = torch.zeros(N_ROWS, 1, dtype=torch.int64)
    return _peer(
        layer,
        batch,
        lambda: layer(batch.x),
        check=lambda y: check_products(y, batch.x, root, layer.weight[None], layer.bias[None]),
    )


def _build_leafscope(batch: Batch, depth: int) -> Peer:
    layer, optimizer = leafscope_layer(depth)
    nodes = path_nodes(batch.leaf, depth)
    return _peer(
        layer,
        batch,
        lambda: layer(batch.x, batch.leaf),
        optimizer=optimizer,
        check=lambda y: check_products(y, batch.x, nodes, layer.weight, layer.bias),
    )


def _build_grouped(batch: Batch, depth: int) -> Peer:
    layer = _GroupedLinear(depth)
    return _peer(
        layer,
        batch,
        lambda: layer(batch.x, batch.leaf),
        check=lambda y: check_products(y, batch.x, batch.leaf.unsqueeze(1), layer.weight),
    )


def _build_fastfeedforward(batch: Batch, depth: int) -> Peer:
    module = importlib.import_module("fastfeedforward").FFF(N_FEATURES, N_FEATURES, N_FEATURES, depth)
    return _peer(module, batch, lambda: module(batch.x))


def _build_neural_trees(batch: Batch, depth: int) -> Peer:
    """Fit the estimator for one epoch of one batch, which is its public way to make a tree, and take the module."""
    regressor = importlib.import_module("neural_trees").SoftDecisionTreeRegressor
    fitted = regressor(depth=depth, max_epochs=1, batch_size=N_ROWS).fit(batch.x.numpy(), batch.target.numpy())
    module = fitted.model_
    return _peer(module, batch, lambda: module.predict_values(batch.x), penalty=lambda: module.penalty(batch.x))


PEERS: dict[str, Callable[[Batch, int], Peer]] = {
    "leafscope": _build_leafscope,
    "grouped_mm": _build_grouped,
    "fastfeedforward": _build_fastfeedforward,
    "neural-trees": _build_neural_trees,
}
"""Name -> function that builds the peer at a depth; raises ImportError if it is not installed."""


def _peer(
    module: nn.Module,
    batch: Batch,
    forward: Callable[[], Tensor],
    *,
    penalty: Callable[[], Tensor] | None = None,
    optimizer: torch.optim.Optimizer | None = None,
    check: Callable[[Tensor], None] = check_output,
) -> Peer:
    learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
    chosen = optimizer or torch.optim.AdamW(learning, lr=LEARNING_RATE, weight_decay=0.0, fused=True)

    def step() -> None:
        chosen.zero_grad()
        loss = functional.mse_loss(forward(), batch.target)
        if penalty is not None:
            loss = loss + penalty()
        loss.backward()
        chosen.step()

    def infer() -> Tensor:
        with torch.inference_mode():
            return forward()

    return Peer(module, step, infer, check)


def _first_call(peer: Peer, phase: Phase) -> float:
    """Make the first call of a phase, check the module's output after it, and return the seconds of the call."""
    peer.enter(phase, torch.get_num_threads())
    start = time.perf_counter()
    result = peer.call(phase)()
    seconds = time.perf_counter() - start
    if isinstance(result, Tensor):
        peer.check(result)
    return seconds


def _beside_dense(
    dense: Peer, name: str, peer: Peer, phase: Phase, rounds: int, seconds: float, window: Window, budget: Budget
) -> Timings:
    """Time a peer and the dense layer in turns, with no third function between them, which could be slow."""
    variants = with_threads("dense")
    calls = dict.fromkeys(variants, dense.call(phase)) | {name: peer.call(phase)}
    setup = {variant: partial(dense.enter, phase, number) for variant, number in variants.items()}
    setup[name] = partial(peer.enter, phase, torch.get_num_threads())
    ratios, among = [(name, "dense")], {"dense": variants}
    with torch_threads(torch.get_num_threads()):
        return interleaved(calls, rounds, seconds, setup, ratios=ratios, variants=among, window=window, budget=budget)


def _calls(rounds: int) -> int:
    """Count the calls that timing needs at least: the first, the warm-up, the calibration, and one in each round."""
    return rounds + 3


def _too_slow(seen: list[tuple[int, float]], depth: int, rounds: int, budget_s: float) -> str:
    """Explain why timing a depth would exceed the budget, from the depths and seconds so far; empty if it would not."""
    if not seen:
        return ""
    before, seconds = seen[-1]
    growth = 2.0
    if len(seen) > 1:
        earlier, fewer = seen[-2]
        growth = max(growth, (seconds / fewer) ** (1 / (before - earlier)))
    expected = seconds * growth ** (depth - before) * _calls(rounds)
    if expected <= budget_s:
        return ""
    return f"one step took {seconds:.2g} s at depth {before}, so timing depth {depth} could take {expected:.0f} s"


def _row(
    peer: str,
    depth: int | None,
    phase: Phase | None,
    parameters: int | None = None,
    *,
    timings: Timings | None = None,
    n_threads: int | None = None,
    note: str = "",
) -> dict[str, Any]:
    pair = (peer, None if peer == "dense" else "dense")
    return {
        "peer": peer,
        "depth": depth,
        "rows": N_ROWS,
        "phase": phase,
        "milliseconds": None if timings is None else timings.median(peer) * 1000,
        "against_dense": None if timings is None else timings.ratio(peer, "dense"),
        "spread": None if timings is None else timings.largest_spread([pair]),
        "unstable": None if timings is None else timings.unstable([pair]),
        "threads": n_threads,
        "parameters": parameters,
        "finished": timings is not None,
        "note": note,
    }


def _sentence(error: Exception) -> str:
    """Write an error in one line."""
    text = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
