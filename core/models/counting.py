"""Counts that models share: parameters and multiply-adds of a net's layers, and bytes for training and fitting.

P features · Q outputs · w width. A net here is Linear(P, w), some layers from w to w, and Linear(w, Q), all with biases.
The way of counting is this project's choice.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from leafscope.core.models.registry import Memory, Weight

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from leafscope.core.config import NetConfig, RunConfig

FLOAT = 4
"""Bytes of a float32: parameters, moments, gradients, activations."""
INT = 8
"""Bytes of an int64: labels, visit counts."""
DOUBLE = 8
"""Bytes of a float64: data before they are standardized."""
TREE_NODE = 72
"""Bytes of a node of a scikit-learn tree, without its outputs."""


def matrix(net: "NetConfig") -> int:
    """Count the parameters of one matrix between hidden layers, including its bias."""
    size: int = net.width * net.width + net.width
    return size


def layered_parameters(net: "NetConfig", n_features: int, n_outputs: int, matrices: int = 1, gates: int = 0) -> int:
    """Count the trained parameters of a net whose hidden layers each have this number of matrices and gating units."""
    width = net.width
    of_layer = matrices * matrix(net) + gates * (width + 1)
    parameters: int = (n_features + 1) * width + net.tree_layers * of_layer + (width + 1) * n_outputs
    return parameters


def linear_weights(name: str, n_inputs: int, n_outputs: int, nodes: int = 0) -> tuple[Weight, Weight]:
    """List the matrix and the bias of a linear layer, one for each of its nodes if it has any."""
    of_nodes = (nodes,) if nodes else ()
    return (
        Weight(f"{name}.weight", (*of_nodes, n_outputs, n_inputs), has_nodes=nodes > 0),
        Weight(f"{name}.bias", (*of_nodes, n_outputs), has_nodes=nodes > 0),
    )


def layered_weights(net: "NetConfig", n_features: int, n_outputs: int, nodes: int = 0) -> list[Weight]:
    """List the tensors of a net whose hidden layers each have this number of nodes; 0: one matrix, not counted as a node."""
    width = net.width
    between = [one for index in range(net.tree_layers) for one in linear_weights(f"layers.{index}", width, width, nodes)]
    return [*linear_weights("hidden", n_features, width), *between, *linear_weights("head", width, n_outputs)]


def layered_multiply_adds(net: "NetConfig", n_features: int, n_outputs: int, gates: int = 0) -> int:
    """Count one multiply-add for each weight used, including those of each layer's gates."""
    width = net.width
    multiply_adds: int = n_features * width + net.tree_layers * (width * width + gates * width) + width * n_outputs
    return multiply_adds


def training_memory(
    run: "RunConfig",
    n_rows: int,
    trained: int,
    values: int,
    *,
    frozen: int = 0,
    visits: int = 0,
    leaves: int = 0,
    records: int = 0,
) -> Memory:
    """Estimate the bytes for training with AdamW.

    `trained`, `frozen`: numbers of parameters; `values`: numbers in one row's forward pass; `visits`: number of visit counts;
    `leaves`: parameters of the leaf matrices that a batch visits; `records`: bytes of recorded leaves.
    """
    batch = min(run.train.batch_size, n_rows)
    parameters = FLOAT * (trained + frozen)
    optimizer = 2 * FLOAT * trained + INT * visits
    return Memory(
        parameters=parameters,
        optimizer=optimizer,
        gradients=FLOAT * trained,
        records=records,
        activations=2 * FLOAT * (batch * values + leaves),
        checkpoint=2 * (parameters + optimizer),
    )


def fitting_memory(model: int, n_features: int, n_outputs: int, n_rows: int, copies: int = 2) -> Memory:
    """Estimate the bytes of a fit from above: scikit-learn's float64 copies of data and scores, and models of `model` bytes."""
    return Memory(parameters=copies * model, activations=DOUBLE * n_rows * (2 * n_features + 4 * n_outputs))


def training_rows(run: "RunConfig", n_rows: int) -> int:
    """Count the training rows of a run whose splits have `n_rows` rows together."""
    left = 1 - run.data.test_fraction - run.data.validation_fraction
    rows: int = run.data.n_train or math.ceil(left * n_rows)
    return rows


def nearest(count: Callable[[int], int], goal: int, low: int, high: int) -> int:
    """Find the number, from low to high, at which an increasing count is closest to the goal; of two, the smaller."""
    first, last = low, high
    while first < last:  # the smallest that reaches the goal
        middle = (first + last) // 2
        if count(middle) < goal:
            first = middle + 1
        else:
            last = middle
    return min((max(low, first - 1), first), key=lambda number: abs(count(number) - goal))


def are_numbers(y: "NDArray[Any]") -> bool:
    """Whether targets are numbers, so that a regressor is fitted."""
    return y.dtype.kind == "f"


def class_weight(run: "RunConfig") -> str | None:
    """Return the weights of classes as scikit-learn takes them."""
    return None if run.train.class_weight == "none" else run.train.class_weight


def check_positive(**numbers: int) -> None:
    """Raise ValueError unless all numbers are at least 1."""
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}")
