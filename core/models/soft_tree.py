"""The soft decision tree of Frosst & Hinton 2017 (arXiv 1711.09784), on the units of a hidden layer.

K depth · L = 2^K leaves · C classes. Inner nodes decide by sigma(beta (w x + b)); leaves hold distributions over classes. The
loss is the cross-entropy of each leaf, weighted by the probability of its path; the penalty `balance` is that of gated nets,
weighted by path probability. At inference the likeliest leaf answers; the `mix` scores are those of the mixture of all leaves.
There is no head. The likeliest leaf is known when all nodes are, so that inference computes all of them.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from leafscope.core.models.counting import linear_weights, training_memory
from leafscope.core.models.equal_cost import beside
from leafscope.core.models.registry import MODELS, Line, Memory, Model, RoutedLayer, Size, Weight
from leafscope.core.options import Option

if TYPE_CHECKING:
    from leafscope.core.config import NetConfig, RunConfig, TrainConfig


def _size(net: "NetConfig", n_features: int, n_outputs: int) -> Size:
    leaves = 1 << net.depth
    parameters = (n_features + 1) * net.width + (leaves - 1) * (net.width + 1) + leaves * n_outputs
    return Size(parameters, parameters, n_features * net.width + (leaves - 1) * net.width)


def _training_multiply_adds(net: "NetConfig", n_features: int, n_outputs: int) -> int:
    return _size(net, n_features, n_outputs).multiply_adds + (1 << net.depth) * n_outputs


def _weights(net: "NetConfig", n_features: int, n_outputs: int) -> list[Weight]:
    leaves = 1 << net.depth
    found = [Weight("leaves", (leaves, n_outputs)), *linear_weights("hidden", n_features, net.width)]
    return [*found, *(linear_weights("inner", net.width, leaves - 1) if net.depth else ())]


def _memory(run: "RunConfig", n_features: int, n_outputs: int, n_rows: int) -> Memory:
    net = run.net
    return training_memory(
        run,
        n_rows,
        trained=_size(net, n_features, n_outputs).parameters,
        values=n_features + 2 * net.width + 6 * (1 << net.depth) + 2 * n_outputs,
        records=(run.train.epochs + 1) * n_rows * (1 if net.depth <= 8 else 2),
    )


def _ignored(net: "NetConfig", train: "TrainConfig") -> Collection[str]:
    return () if net.depth else ("net.inverse_temperature", "train.balance")


def _routed_layers(net: "NetConfig") -> Sequence[RoutedLayer]:
    return [RoutedLayer(1 << net.depth, has_prefixes=True)]


def _build(net: "NetConfig", n_features: int, n_outputs: int, seed: int) -> Any:
    from leafscope.core.mixtures.soft_tree import SoftTreeNet

    return SoftTreeNet(net, n_features, n_outputs, seed)


def _forward(net: Any, rows: Any) -> Any:
    from leafscope.core.inference.mixtures import soft_tree

    return soft_tree(net, rows)


SOFT_TREE = MODELS.register(
    Model(
        name="soft_tree",
        choice="soft decision tree",
        lines=(
            Line("soft_tree", "soft decision tree", "the soft decision tree", place=47),
            Line(
                "soft_tree_computation",
                "soft decision tree, same multiply-adds",
                "the soft decision tree of equal computation",
                style="soft_tree",
                beside=beside("soft_tree", "multiply_adds"),
                place=47,
            ),
            Line(
                "soft_tree_capacity",
                "soft decision tree, same parameters",
                "the soft decision tree of equal capacity",
                style="soft_tree",
                is_thin=True,
                beside=beside("soft_tree", "parameters"),
                place=47,
            ),
        ),
        net_fields=("depth", "width"),
        options=(
            Option(
                name="inverse_temperature",
                default=1.0,
                label="Inverse temperature",
                meaning="Factor of each node's input to the logistic function: the higher, the harder its decision.",
                high=1000,
                excludes_low=True,
                words="inverse temperature",
                short="beta",
                step=0.5,
            ),
        ),
        train_fields=("balance",),
        ignored=_ignored,
        routed_layers=_routed_layers,
        mixes=True,
        only_classes=True,
        cost=_size,
        training_multiply_adds=_training_multiply_adds,
        weights=_weights,
        memory=_memory,
        build=_build,
        forward=_forward,
    )
)
