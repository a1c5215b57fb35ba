"""What a net costs: parameters stored, multiply-adds, bytes; computed from the configuration, nothing is allocated.

P input features · Q outputs · K depth (gating bits) · L = 2^K leaves · V nodes (2^(K+1) - 1 tree, 2^K flat) · w width.
The net: Linear(P, w), then `tree_layers` gated layers (w to w), then Linear(w, Q), all with biases.
Capacity against computation is the subject of Cho & Bengio 2014 (arXiv 1406.7362); how both are counted is this
project's choice.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

from leafscope.core.config import NETS, NetConfig, RunConfig
from leafscope.core.datasets.registry import DATA_SETS
from leafscope.core.limits import MAX_DEPTH

FLOAT = 4
"""Bytes of a float32: parameters, moments, gradients, activations."""
INT = 8
"""Bytes of an int64: labels, visit counts."""
DOUBLE = 8
"""Bytes of a float64: data before they are standardized."""
TREE_NODE = 72
"""Bytes of a node of a scikit-learn tree, but for its outputs."""
WIDEST = 4096
"""The widest net there is."""


@dataclass(frozen=True)
class Cost:
    """Capacity and computation of a model."""

    parameters: int
    """Stored and open to training: all node matrices, biases and gating units; frozen random hyperplanes are none."""
    distinct_parameters: int
    """The same after collapsing: 2^K matrices in each gated layer, whatever the tree stores."""
    multiply_adds: int
    """One example at inference with collapsed leaves, gating included; adding a bias is none."""
    ratio: float
    """(parameters / multiply_adds) over the same of the dense net of equal width; 1 for that net itself, NaN for no net."""


@dataclass(frozen=True)
class Memory:
    """Bytes that a run needs while it trains, in float32."""

    parameters: int
    """The net, frozen random hyperplanes included; what scikit-learn fits: the model and, where it tries several, the best."""
    optimizer: int
    """AdamW: two moments of the size of the trained parameters, and an int64 count of visits for each node."""
    gradients: int
    """As large as the trained parameters, at worst."""
    records: int
    """The leaf of every row in each gated layer at every epoch, epoch 0 included: 1 byte to K = 8, else 2."""
    data: int
    """All rows, raw and while they are standardized in float64, then in float32 twice, and labels; a teacher's classifiers."""
    activations: int
    """One batch, roughly: every value of the forward pass and its gradient, and so the leaf matrices that the batch visits."""

    checkpoint: int
    """A copy of net and optimizer, and its bytes on the way to the store."""

    @property
    def total(self) -> int:
        """The sum of all parts, in bytes."""
        return sum(getattr(self, part.name) for part in fields(self))


def cost(net: NetConfig, n_features: int, n_outputs: int) -> Cost:
    """Count parameters and multiply-adds of a model between `n_features` inputs (P) and `n_outputs` outputs (Q).

    A decision tree is counted as the full tree of its depth, the most that it can be, and its computation is comparisons on
    the path; the ratio of what is no net is NaN, since no dense net has its width. Raises ValueError unless both are at
    least 1, and for pruned trees and ensembles, whose size only the data decide.

    >>> cost(NetConfig(kind="tree", depth=1, width=2), n_features=3, n_outputs=2)
    Cost(parameters=32, distinct_parameters=26, multiply_adds=14, ratio=1.6)
    >>> cost(NetConfig(kind="dense", width=2), n_features=3, n_outputs=2).parameters  # 3*2+2, 2*2+2, 2*2+2
    20
    """
    _check_positive(n_features=n_features, n_outputs=n_outputs)
    if net.fitted:
        return _fitted_cost(net, n_features, n_outputs)
    dense = net.model_copy(update={"kind": "dense"})
    parameters = _parameters(net, n_features, n_outputs, _nodes(net))
    multiply_adds = _multiply_adds(net, n_features, n_outputs)
    dense_parameters = _parameters(dense, n_features, n_outputs, 1)
    dense_multiply_adds = _multiply_adds(dense, n_features, n_outputs)
    return Cost(
        parameters=parameters,
        distinct_parameters=_parameters(net, n_features, n_outputs, 1 << _depth(net)),
        multiply_adds=multiply_adds,
        ratio=(parameters * dense_multiply_adds) / (multiply_adds * dense_parameters),
    )


def equal_computation_width(net: NetConfig, n_features: int, n_outputs: int) -> int:
    """Find the width of the dense net whose multiply-adds are nearest to the net's: its own where gates are hidden units.

    From 1 to 4096, of two that are as near the smaller; the dense net has as many layers. Raises ValueError for what is no
    net, and unless both sizes are at least 1.

    >>> equal_computation_width(NetConfig(depth=3, width=8), n_features=8, n_outputs=4)
    8
    >>> equal_computation_width(NetConfig(depth=3, width=8, gates="units"), n_features=8, n_outputs=4)
    9
    """
    _check_net(net)
    _check_positive(n_features=n_features, n_outputs=n_outputs)
    goal = _multiply_adds(net, n_features, n_outputs)
    return _nearest_width(net, goal, lambda dense: _multiply_adds(dense, n_features, n_outputs))


def equal_capacity_width(net: NetConfig, n_features: int, n_outputs: int) -> tuple[int, float]:
    """Find the width of the dense net with as many stored parameters, and by what share it misses them.

    The dense net has as many layers, and at most 4096 units in each, the widest net there is. The share is its parameters
    over the net's, less 1: where no width comes within 2 % it says so. Raises as `equal_computation_width` does.

    >>> equal_capacity_width(NetConfig(depth=0, width=8), n_features=8, n_outputs=4)
    (8, 0.0)
    >>> width, deviation = equal_capacity_width(NetConfig(depth=6, width=8), n_features=8, n_outputs=4)
    >>> width, round(deviation, 4)
    (89, -0.0088)
    """
    _check_net(net)
    _check_positive(n_features=n_features, n_outputs=n_outputs)
    goal = _parameters(net, n_features, n_outputs, _nodes(net))
    width = _nearest_width(net, goal, lambda dense: _parameters(dense, n_features, n_outputs, 1))
    found = _parameters(_dense(net, width), n_features, n_outputs, 1)
    return width, found / goal - 1


def trained_parameters(net: NetConfig, n_features: int, n_outputs: int, visited: Sequence[int]) -> int:
    """Count the parameters that training has touched: in each gated layer so many visited nodes, and all others in full.

    Raises ValueError for what is no net, unless there is a number from 0 to V for each gated layer of a gated net, and unless
    both sizes are at least 1.

    >>> trained_parameters(NetConfig(depth=1, width=2), n_features=3, n_outputs=2, visited=[2])
    26
    """
    _check_net(net)
    _check_positive(n_features=n_features, n_outputs=n_outputs)
    layers = net.tree_layers if net.gated else 0
    if len(visited) != layers or any(not 0 <= nodes <= _nodes(net) for nodes in visited):
        raise ValueError(
            f"visited must have, for each of {layers} gated layers, a number from 0 to {_nodes(net)}, got {list(visited)}"
        )
    matrix = net.width * net.width + net.width
    unvisited = sum(_nodes(net) - nodes for nodes in visited) * matrix
    return _parameters(net, n_features, n_outputs, _nodes(net)) - unvisited


def memory(run: RunConfig, n_features: int, n_outputs: int, n_rows: int) -> Memory:
    """Estimate the bytes that a run needs, `n_rows` (N) being the rows of all splits together.

    Only `activations` is rough: it supposes that evaluation goes by batches too, and counts no workspace of a kernel.
    For what scikit-learn fits all but the data are rough upper estimates: no tree has more leaves than training rows.
    Raises ValueError unless features, outputs and rows are at least 1.

    >>> run = RunConfig(net=NetConfig(kind="dense", width=2))
    >>> memory(run, n_features=3, n_outputs=2, n_rows=10)
    Memory(parameters=80, optimizer=160, gradients=80, records=0, data=880, activations=1040, checkpoint=480)
    """
    _check_positive(n_features=n_features, n_outputs=n_outputs, n_rows=n_rows)
    net, gated = run.net, run.net.gated
    if net.fitted:
        return _fitted_memory(run, n_features, n_outputs, n_rows)
    depth, layers, width = _depth(net), net.tree_layers, net.width
    trained = _parameters(net, n_features, n_outputs, _nodes(net))
    hyperplanes = layers * depth * width if gated and net.gates == "random" else 0
    counts = layers * _nodes(net) if gated else 0
    leaf_bytes = 1 if depth <= 8 else 2
    batch = min(run.train.batch_size, n_rows)
    values = n_features + 2 * width * (1 + layers) + layers * depth + n_outputs
    leaf_matrices = layers * min(batch, 1 << depth) * (width * width + width) if gated else 0
    parameters = FLOAT * (trained + hyperplanes)
    optimizer = 2 * FLOAT * trained + INT * counts
    return Memory(
        parameters=parameters,
        optimizer=optimizer,
        gradients=FLOAT * trained,
        records=(run.train.epochs + 1) * n_rows * layers * leaf_bytes if gated else 0,
        data=_data_bytes(run, n_features, n_outputs, n_rows),
        activations=2 * FLOAT * (batch * values + leaf_matrices),
        checkpoint=2 * (parameters + optimizer),
    )


def largest_depth(run: RunConfig, n_features: int, n_outputs: int, n_rows: int, free_bytes: int) -> int | None:
    """Find the largest depth with which the run fits in `free_bytes`: 0 to 16, at most the width with hidden gates.

    None if not even depth 0 fits; what has no depth to choose, as a dense net, has depth 0. Raises ValueError as `memory` does.

    >>> largest_depth(RunConfig(), n_features=64, n_outputs=10, n_rows=1797, free_bytes=2**22)
    3
    """
    net = run.net
    deepest = min(MAX_DEPTH, net.width) if net.gated and net.gates == "hidden" else MAX_DEPTH
    for depth in range(deepest if net.gated or net.kind == "decision_tree" else 0, -1, -1):
        at_depth = run.model_copy(update={"net": net.model_copy(update={"depth": depth})})
        if memory(at_depth, n_features, n_outputs, n_rows).total <= free_bytes:
            return depth
    return None


def _fitted_cost(net: NetConfig, n_features: int, n_outputs: int) -> Cost:
    if net.kind == "logistic":
        scores = n_outputs if n_outputs > 2 else 1  # two classes need one score
        parameters, computation = (n_features + 1) * scores, n_features * scores
    elif net.kind == "decision_tree":
        leaves: int = 1 << net.depth
        parameters, computation = 2 * (leaves - 1) + n_outputs * leaves, net.depth
    else:
        raise ValueError(f"what a model of kind {net.kind} costs is known only once it is fitted; its run has it")
    return Cost(parameters, parameters, computation, math.nan)


def _fitted_memory(run: RunConfig, n_features: int, n_outputs: int, n_rows: int) -> Memory:
    """Bound what scikit-learn needs: its copies of the data and scores in float64, and the largest models there can be."""
    kind = run.net.kind
    left = 1 - run.data.test_fraction - run.data.validation_fraction
    rows = run.data.n_train or math.ceil(left * n_rows)
    if kind == "logistic":
        model = DOUBLE * (n_features + 1) * n_outputs
    elif kind == "gradient_boosting":
        model = 100 * n_outputs * 2 * 31 * TREE_NODE  # one tree for each class in each round, of at most 31 leaves
    else:
        leaves = min(rows, 1 << run.net.depth) if kind == "decision_tree" else rows
        if kind == "random_forest":
            leaves = 100 * math.ceil(0.64 * rows)  # of rows drawn with replacement, 1 - 1/e are different
        model = 2 * leaves * (TREE_NODE + DOUBLE * n_outputs)
    return Memory(
        parameters=model if kind == "decision_tree" else 2 * model,
        optimizer=0,
        gradients=0,
        records=0,
        data=_data_bytes(run, n_features, n_outputs, n_rows),
        activations=DOUBLE * n_rows * (2 * n_features + 4 * n_outputs),
        checkpoint=0,
    )


def _data_bytes(run: RunConfig, n_features: int, n_outputs: int, n_rows: int) -> int:
    features = n_rows * n_features
    data_set = DATA_SETS[run.data.name]
    held = data_set.number(data_set.n_held, run.data.options)
    return 2 * DOUBLE * features + 2 * FLOAT * features + 2 * INT * n_rows + DOUBLE * held


def _dense(net: NetConfig, width: int) -> NetConfig:
    return net.model_copy(update={"kind": "dense", "width": width})


def _nearest_width(net: NetConfig, goal: int, count: Callable[[NetConfig], int]) -> int:
    """The width, from 1 to 4096, at which a count that grows with it is nearest to the goal; the smaller of two."""
    low, high = 1, WIDEST
    while low < high:  # the smallest width that reaches the goal
        middle = (low + high) // 2
        if count(_dense(net, middle)) < goal:
            low = middle + 1
        else:
            high = middle
    return min((max(1, low - 1), low), key=lambda width: abs(count(_dense(net, width)) - goal))


def _depth(net: NetConfig) -> int:
    return net.depth if net.gated else 0


def _nodes(net: NetConfig) -> int:
    """V, the matrices that a gated layer stores."""
    leaves: int = 1 << _depth(net)
    return 2 * leaves - 1 if net.kind == "tree" else leaves


def _parameters(net: NetConfig, n_features: int, n_outputs: int, matrices: int) -> int:
    """Count trained parameters when each gated layer has so many matrices."""
    width = net.width
    gating_units = _depth(net) * (width + 1) if net.gates == "units" else 0
    gated_layer = matrices * (width * width + width) + gating_units
    parameters: int = (n_features + 1) * width + net.tree_layers * gated_layer + (width + 1) * n_outputs
    return parameters


def _multiply_adds(net: NetConfig, n_features: int, n_outputs: int) -> int:
    """Count one product for each weight used, the gates' own included; hidden gates are computed anyway."""
    width = net.width
    gating = 0 if net.gates == "hidden" else _depth(net) * width
    multiply_adds: int = n_features * width + net.tree_layers * (width * width + gating) + width * n_outputs
    return multiply_adds


def _check_net(net: NetConfig) -> None:
    if net.fitted:
        raise ValueError(f"kind must be one of {', '.join(NETS)}, got {net.kind}")


def _check_positive(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}")
