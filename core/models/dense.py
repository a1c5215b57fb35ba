"""Dense nets, without gates: the baselines of equal computation and equal capacity for tree nets."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from leafscope.core.models.counting import (
    check_positive,
    layered_multiply_adds,
    layered_parameters,
    layered_weights,
    nearest,
    training_memory,
)
from leafscope.core.models.registry import MODELS, Beside, Line, Memory, Model, Size, net_kinds

if TYPE_CHECKING:
    from leafscope.core.config import NetConfig, RunConfig

WIDEST = 4096
"""The largest width of a net."""

LADDER = (2, 4)
"""Widths of the wider dense nets, as multiples of the tree net's width."""


def equal_computation_width(net: "NetConfig", n_features: int, n_outputs: int) -> int:
    """Find the width of the dense net whose multiply-adds are closest to the net's: its own width if gates are hidden units.

    The dense net has as many layers. Its width is from 1 to 4096; of two equally close widths, the smaller is returned. Raises
    ValueError for a model that is not a net, and unless both sizes are at least 1.

    >>> from leafscope.core.config import NetConfig
    >>> equal_computation_width(NetConfig(depth=3, width=8), n_features=8, n_outputs=4)
    8
    >>> equal_computation_width(NetConfig(depth=3, width=8, gates="units"), n_features=8, n_outputs=4)
    9
    """
    goal = size_of_net(net, n_features, n_outputs).multiply_adds
    return _nearest_width(net, goal, lambda dense: layered_multiply_adds(dense, n_features, n_outputs))


def equal_capacity_width(net: "NetConfig", n_features: int, n_outputs: int) -> tuple[int, float]:
    """Find the width of the dense net whose number of parameters is closest to the net's, and the relative difference.

    The dense net has as many layers, with at most 4096 units in each. The difference is its number of parameters divided by
    the net's, minus 1; it can be large if no width fits. Raises the same errors as `equal_computation_width`.

    >>> from leafscope.core.config import NetConfig
    >>> equal_capacity_width(NetConfig(depth=0, width=8), n_features=8, n_outputs=4)
    (8, 0.0)
    >>> width, deviation = equal_capacity_width(NetConfig(depth=6, width=8), n_features=8, n_outputs=4)
    >>> width, round(deviation, 4)
    (89, -0.0088)
    """
    goal = size_of_net(net, n_features, n_outputs).parameters
    width = _nearest_width(net, goal, lambda dense: layered_parameters(dense, n_features, n_outputs))
    found = layered_parameters(_dense(net, width), n_features, n_outputs)
    return width, found / goal - 1


def size_of_net(net: "NetConfig", n_features: int, n_outputs: int) -> Size:
    """Return the size of a net; raises ValueError for a model that is not a net, and unless both sizes are at least 1."""
    model = MODELS[net.kind]
    if model.fit is not None or model.cost is None:
        raise ValueError(f"kind must be one of {', '.join(net_kinds())}, got {net.kind}")
    check_positive(n_features=n_features, n_outputs=n_outputs)
    return model.cost(net, n_features, n_outputs)


def _nearest_width(net: "NetConfig", goal: int, count: "Callable[[NetConfig], int]") -> int:
    """Find the width, from 1 to 4096, at which an increasing count is closest to the goal; of two, the smaller."""
    return nearest(lambda width: count(_dense(net, width)), goal, 1, WIDEST)


def _dense(net: "NetConfig", width: int) -> "NetConfig":
    return net.model_copy(update={"kind": "dense", "width": width})


# Baselines for tree nets


def costs_as(net: "NetConfig") -> tuple["NetConfig", str]:
    """Return the net whose cost a baseline of a member of a sweep has, and the baseline's variant.

    For nets with gates it is the tree with their settings, so that all have one baseline; a net with a router of its own has a
    baseline for itself.
    """
    if net.gated or not net.routed_layers:
        return net.model_copy(update={"kind": "tree"}), ""
    return net, f"as {net.model.default_line.words}"


def _same_computation(net: "NetConfig", n_features: int, n_outputs: int) -> Iterator[Beside]:
    if net.routed_layers and not net.gated:
        yield _beside(equal_computation_width(net, n_features, n_outputs), by_depth=True, variant=costs_as(net)[1])
    elif net.gated and net.gates != "hidden":  # these gates add multiply-adds, so the width depends on the depth
        yield _beside(equal_computation_width(net, n_features, n_outputs), by_depth=True)
    else:
        yield _beside(net.width, by_depth=False)


def _same_capacity(net: "NetConfig", n_features: int, n_outputs: int) -> Iterator[Beside]:
    goal, variant = costs_as(net)
    width, deviation = equal_capacity_width(goal, n_features, n_outputs)
    yield Beside({"net.kind": "dense", "net.width": width}, by_depth=True, variant=variant, deviation=deviation)


def _ladder(net: "NetConfig", n_features: int, n_outputs: int) -> Iterator[Beside]:
    for width in (factor * net.width for factor in LADDER):
        if width <= WIDEST:
            yield _beside(width, by_depth=False, variant=f"w{width}")


def _beside(width: int, by_depth: bool, variant: str = "") -> Beside:
    return Beside({"net.kind": "dense", "net.width": width}, by_depth, variant)


# The model


def _size(net: "NetConfig", n_features: int, n_outputs: int) -> Size:
    parameters = layered_parameters(net, n_features, n_outputs)
    return Size(parameters, parameters, layered_multiply_adds(net, n_features, n_outputs))


def _memory(run: "RunConfig", n_features: int, n_outputs: int, n_rows: int) -> Memory:
    net = run.net
    values = n_features + 2 * net.width * (1 + net.tree_layers) + n_outputs
    return training_memory(run, n_rows, layered_parameters(net, n_features, n_outputs), values)


def _build(net: "NetConfig", n_features: int, n_outputs: int, seed: int) -> Any:
    from leafscope.core.nets import DenseNet

    return DenseNet(net, n_features, n_outputs, seed)


DENSE = MODELS.register(
    Model(
        name="dense",
        choice="dense, same multiply-adds",
        lines=(
            Line(
                "dense",
                "dense, same multiply-adds",
                "the dense net of equal computation",
                beside=_same_computation,
                place=30,
            ),
            Line(
                "dense_capacity",
                "dense, same parameters",
                "the dense net of equal capacity",
                is_thin=True,
                beside=_same_capacity,
                place=31,
            ),
            Line(
                "dense_ladder",
                "dense, wider",
                "the wider dense net",
                style="dense",
                is_thin=True,
                beside=_ladder,
                place=32,
            ),
        ),
        net_fields=("width", "tree_layers"),
        cost=_size,
        weights=layered_weights,
        memory=_memory,
        build=_build,
    )
)
