"""The cost of a model: parameters, multiply-adds and bytes, computed from its configuration without allocating memory.

P input features · Q output features · K depth (gating bits). Cho & Bengio 2014 (arXiv 1406.7362) compare capacity with
computation; how each model counts them (`core.models`) is this project's choice.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from leafscope.core.config import NetConfig, RunConfig
from leafscope.core.datasets.registry import DATA_SETS
from leafscope.core.limits import MAX_DEPTH
from leafscope.core.models.counting import DOUBLE, FLOAT, INT, check_positive
from leafscope.core.models.dense import DENSE, equal_capacity_width, equal_computation_width, size_of_net
from leafscope.core.models.registry import Memory, Size
from leafscope.core.parametrizations import PARAMETRIZATIONS

__all__ = [
    "Cost",
    "Memory",
    "cost",
    "equal_capacity_width",
    "equal_computation_width",
    "largest_depth",
    "memory",
    "trained_parameters",
    "training_multiply_adds",
]


@dataclass(frozen=True)
class Cost(Size):
    """Capacity and computation of a model."""

    ratio: float
    """parameters / multiply_adds, divided by that of the dense net of equal width; NaN for a model that is not a net."""


def cost(net: NetConfig, n_features: int, n_outputs: int) -> Cost:
    """Count parameters and multiply-adds of a model between `n_features` inputs (P) and `n_outputs` outputs (Q).

    A decision tree is counted as the full tree of its depth, which is an upper bound, and its computation is the number of
    comparisons on a path. The ratio of a model that is not a net is NaN, since no dense net has its width. Raises ValueError
    unless both numbers are at least 1, and for pruned trees and ensembles, whose size depends on the data.

    >>> cost(NetConfig(kind="tree", depth=1, width=2), n_features=3, n_outputs=2)
    Cost(parameters=32, distinct_parameters=26, multiply_adds=14, ratio=1.6)
    >>> cost(NetConfig(kind="dense", width=2), n_features=3, n_outputs=2).parameters  # 3*2+2, 2*2+2, 2*2+2
    20
    """
    check_positive(n_features=n_features, n_outputs=n_outputs)
    if net.model.cost is None:
        raise ValueError(f"the cost of a model of kind {net.kind} is known only after its fit; its run contains it")
    size = net.model.cost(net, n_features, n_outputs)
    ratio = math.nan
    if not net.fitted and DENSE.cost is not None:
        dense = DENSE.cost(net, n_features, n_outputs)
        ratio = (size.parameters * dense.multiply_adds) / (size.multiply_adds * dense.parameters)
    return Cost(size.parameters, size.distinct_parameters, size.multiply_adds, ratio)


def trained_parameters(net: NetConfig, n_features: int, n_outputs: int, visited: Sequence[int]) -> int:
    """Count the parameters that training changed: those of the `visited` nodes in each gated layer, and all of other layers.

    Raises ValueError for a model that is not a net, unless `visited` has a number from 0 to V for each gated layer, and unless
    both sizes are at least 1.

    >>> trained_parameters(NetConfig(depth=1, width=2), n_features=3, n_outputs=2, visited=[2])
    26
    """
    stored = size_of_net(net, n_features, n_outputs).parameters
    tables = net.model.tables(net)
    if len(visited) != len(tables) or any(not 0 <= nodes <= table.nodes for nodes, table in zip(visited, tables)):
        most = tables[0].nodes if tables else 1
        raise ValueError(
            f"visited must have, for each of {len(tables)} gated layers, a number from 0 to {most}, got {list(visited)}"
        )
    return stored - sum((table.nodes - nodes) * table.parameters for nodes, table in zip(visited, tables, strict=True))


def training_multiply_adds(net: NetConfig, n_features: int, n_outputs: int) -> int:
    """Count the multiply-adds of one example's forward pass in training, where matrices are not collapsed into leaves.

    A gated layer computes a product for each matrix that its leaf sums, K + 1 in a tree, and a net that mixes leaves one for
    every leaf. The backward pass takes about twice as many in every net. Raises ValueError for a model that is not a net, and
    unless both sizes are at least 1.

    >>> training_multiply_adds(NetConfig(kind="tree", depth=1, width=2), n_features=3, n_outputs=2)
    18
    """
    collapsed = size_of_net(net, n_features, n_outputs).multiply_adds
    if net.model.training_multiply_adds is not None:
        return net.model.training_multiply_adds(net, n_features, n_outputs)
    summed = len(PARAMETRIZATIONS[net.model.parametrization].nodes(0, net.depth)) if net.gated else 1
    return collapsed + (summed - 1) * net.tree_layers * net.width * net.width


def memory(run: RunConfig, n_features: int, n_outputs: int, n_rows: int) -> Memory:
    """Estimate the bytes that a run needs; `n_rows` (N) is the number of rows of all splits together.

    For nets, only `activations` is rough: it assumes that evaluation uses batches too, and ignores the kernels' workspace. For
    models fitted by scikit-learn, everything except the data is a rough upper estimate. Raises ValueError unless features,
    outputs and rows are at least 1.

    >>> run = RunConfig(net=NetConfig(kind="dense", width=2))
    >>> memory(run, n_features=3, n_outputs=2, n_rows=10)
    Memory(parameters=80, optimizer=160, gradients=80, records=0, data=880, activations=1040, checkpoint=480)
    """
    check_positive(n_features=n_features, n_outputs=n_outputs, n_rows=n_rows)
    without_data = run.net.model.memory(run, n_features, n_outputs, n_rows)
    return replace(without_data, data=_data_bytes(run, n_features, n_outputs, n_rows))


def largest_depth(run: RunConfig, n_features: int, n_outputs: int, n_rows: int, free_bytes: int) -> int | None:
    """Find the largest depth at which the run fits in `free_bytes`: from 0 to 16, and at most the width with hidden gates.

    None if not even depth 0 fits; models without a depth, such as dense nets, have depth 0. Raises ValueError like `memory`.

    >>> largest_depth(RunConfig(), n_features=64, n_outputs=10, n_rows=1797, free_bytes=2**22)
    3
    """
    model = run.net.model
    for depth in range(MAX_DEPTH if "depth" in model.net_fields else 0, -1, -1):
        net = run.net.model_copy(update={"depth": depth})
        if model.fault(net) is None:
            needed = memory(run.model_copy(update={"net": net}), n_features, n_outputs, n_rows).total
            if needed <= free_bytes:
                return depth
    return None


def _data_bytes(run: RunConfig, n_features: int, n_outputs: int, n_rows: int) -> int:
    features = n_rows * n_features
    data_set = DATA_SETS[run.data.name]
    held = data_set.number(data_set.n_held, run.data.options)
    return 2 * DOUBLE * features + 2 * FLOAT * features + 2 * INT * n_rows + DOUBLE * held
