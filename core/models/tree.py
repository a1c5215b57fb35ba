"""Gated nets: a layer's sign pattern selects its matrix, the sum along a path of prefixes (tree) or one per leaf (flat).

K depth (gating bits) · L = 2^K leaves · V nodes (`core.parametrizations`). Conditional matrices and the tree over prefixes: Cho
& Bengio 2014 (arXiv 1406.7362). Controls tell what the prefixes contribute (this project's choice): `shuffled`, the same tree
over leaves in random order; `root_leaf`, with one level of sharing; `additive`, with one matrix for each bit's value, so that
capacity is linear in K; `flat_mean`, separate leaves that decay to their mean (mean-regularized multi-task learning, Evgeniou &
Pontil 2004, doi 10.1145/1014052.1014067).
"""

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from leafscope.core.balancing import BALANCINGS
from leafscope.core.models.counting import (
    layered_multiply_adds,
    layered_parameters,
    layered_weights,
    linear_weights,
    matrix,
    training_memory,
)
from leafscope.core.models.registry import MODELS, Beside, Line, Memory, Model, RoutedLayer, Size, Table, Weight
from leafscope.core.parametrizations import PARAMETRIZATIONS

if TYPE_CHECKING:
    from leafscope.core.config import NetConfig, RunConfig, TrainConfig

_LINES = {"hidden": "tree", "units": "tree_units", "random": "random_gates"}


def _nodes(net: "NetConfig") -> int:
    """Return V, the number of matrices that a gated layer stores."""
    return PARAMETRIZATIONS[net.model.parametrization].n_nodes(net.depth)


def _size(net: "NetConfig", n_features: int, n_outputs: int) -> Size:
    units = net.depth if net.gates == "units" else 0
    return Size(
        parameters=layered_parameters(net, n_features, n_outputs, _nodes(net), units),
        distinct_parameters=layered_parameters(net, n_features, n_outputs, 1 << net.depth, units),
        # hidden gates cost nothing, since the hidden units are computed anyway
        multiply_adds=layered_multiply_adds(net, n_features, n_outputs, 0 if net.gates == "hidden" else net.depth),
    )


def _weights(net: "NetConfig", n_features: int, n_outputs: int) -> list[Weight]:
    found = layered_weights(net, n_features, n_outputs, _nodes(net))
    for index in range(net.tree_layers if net.depth else 0):
        if net.gates == "units":
            found += linear_weights(f"gates.{index}", net.width, net.depth)
        elif net.gates == "random":
            found.append(Weight(f"gates.{index}.normals", (net.depth, net.width), is_trained=False))
    if _offsets(net):
        found.append(Weight("offsets", (net.tree_layers, net.depth), is_trained=False))
    return found


def _offsets(net: "NetConfig") -> int:
    """Count the offsets of the gates; they are no parameters, since they only replace the 0 that a gate is compared with."""
    return net.tree_layers * net.depth if BALANCINGS[net.balancing].has_offsets else 0


def _memory(run: "RunConfig", n_features: int, n_outputs: int, n_rows: int) -> Memory:
    net = run.net
    depth, layers, width = net.depth, net.tree_layers, net.width
    batch = min(run.train.batch_size, n_rows)
    return training_memory(
        run,
        n_rows,
        trained=_size(net, n_features, n_outputs).parameters,
        values=n_features + 2 * width * (1 + layers) + layers * depth + n_outputs,
        frozen=_offsets(net) + (layers * depth * width if net.gates == "random" else 0),
        visits=layers * _nodes(net),
        leaves=layers * min(batch, 1 << depth) * matrix(net),
        records=(run.train.epochs + 1) * n_rows * layers * (1 if depth <= 8 else 2),
    )


def _fault(net: "NetConfig") -> tuple[str, tuple[str, ...]] | None:
    if net.gates == "hidden" and net.depth > net.width:
        words = (
            f"depth must be at most the width ({net.width}) with hidden gates, since each bit is the sign of one "
            f"hidden unit, got {net.depth}"
        )
        return words, ("depth", "width")
    return None


def _ignored(net: "NetConfig", train: "TrainConfig") -> Collection[str]:
    if net.depth == 0:
        return ("net.gates", "net.balancing", "gates", "levels")
    without_strength = () if BALANCINGS[net.balancing].strength else ("train.balance",)
    return (*without_strength, *(("levels",) if train.weight_decay == 0 else ()))


def _routed_layers(net: "NetConfig") -> Sequence[RoutedLayer]:
    return [RoutedLayer(1 << net.depth, has_prefixes=True)] * net.tree_layers


def _tables(net: "NetConfig") -> Sequence[Table]:
    return [Table(_nodes(net), matrix(net))] * net.tree_layers


def _random_gates(net: "NetConfig", n_features: int, n_outputs: int) -> Iterator[Beside]:
    yield Beside({"net.kind": "tree", "net.gates": "random"}, by_depth=True)


def _build(net: "NetConfig", n_features: int, n_outputs: int, seed: int) -> Any:
    from leafscope.core.nets import TreeNet

    return TreeNet(net, n_features, n_outputs, seed)


_GATED: dict[str, Any] = {
    "net_fields": ("depth", "width", "tree_layers", "gates", "balancing"),
    "ignored": _ignored,
    "fault": _fault,
    "is_gated": True,
    "routed_layers": _routed_layers,
    "tables": _tables,
    "cost": _size,
    "weights": _weights,
    "memory": _memory,
    "build": _build,
}

TREE = MODELS.register(
    Model(
        name="tree",
        choice="shared prefixes (tree)",
        lines=(
            Line("tree", "tree", "the tree", place=0),
            Line("tree_units", "tree, gating units", "the tree with gating units", place=1),
            Line(
                "random_gates",
                "tree, random gates",
                "the tree with random gates",
                style="tree",
                is_thin=True,
                beside=_random_gates,
                place=40,
            ),
        ),
        line=lambda net: _LINES[net.gates],
        line_fields=("gates",),
        parametrization="tree",
        **_GATED,
    )
)

FLAT = MODELS.register(
    Model(
        name="flat",
        choice="separate leaves (flat)",
        lines=(Line("flat", "flat", "the flat net", place=20),),
        **_GATED,
    )
)

SHUFFLED = MODELS.register(
    Model(
        name="shuffled",
        choice="shuffled prefixes (control)",
        lines=(Line("shuffled", "tree, shuffled leaves", "the tree over shuffled leaves", place=41),),
        parametrization="shuffled",
        **_GATED,
    )
)

ROOT_LEAF = MODELS.register(
    Model(
        name="root_leaf",
        choice="root and leaf (control)",
        lines=(Line("root_leaf", "root and leaf", "the net of root and leaf", place=42),),
        parametrization="root_leaf",
        **_GATED,
    )
)

ADDITIVE = MODELS.register(
    Model(
        name="additive",
        choice="root and bits (control)",
        lines=(Line("additive", "root and bits", "the net of root and bits", place=43),),
        parametrization="additive",
        **_GATED,
    )
)

FLAT_MEAN = MODELS.register(
    Model(
        name="flat_mean",
        choice="separate leaves, decay to their mean (control)",
        lines=(Line("flat_mean", "flat, decay to mean", "the flat net that decays to its mean", place=44),),
        parametrization="flat_mean",
        **_GATED,
    )
)
