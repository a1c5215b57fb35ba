"""The fast feedforward net (Belcak & Wattenhofer 2023, arXiv 2308.14711): leaves under a tree of learned soft decisions.

K depth · L = 2^K leaves. Each of the 2^K - 1 inner nodes has a linear map and a logistic function. In training a row gets the
outputs of all leaves, weighted by the products along their paths; at inference it goes to the harder side of each node and uses
one leaf. The loss adds `hardening` times the mean entropy of the nodes, so that the two come closer, and `balance` times the
load balancing of Charalampopoulos et al. 2024 (arXiv 2405.16836), L sum f p.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from leafscope.core.models.counting import linear_weights, training_memory
from leafscope.core.models.equal_cost import beside
from leafscope.core.models.experts import (
    LEAF_WIDTH,
    map_multiply_adds,
    map_parameters,
    map_weights,
    outer_multiply_adds,
    outer_parameters,
)
from leafscope.core.models.registry import MODELS, Line, Memory, Model, RoutedLayer, Size, Weight
from leafscope.core.options import Option

if TYPE_CHECKING:
    from leafscope.core.config import NetConfig, RunConfig, TrainConfig


def _size(net: "NetConfig", n_features: int, n_outputs: int) -> Size:
    leaves = 1 << net.depth
    of_layer = (leaves - 1) * (net.width + 1) + leaves * map_parameters(net)
    parameters = outer_parameters(net, n_features, n_outputs) + net.tree_layers * of_layer
    along_a_path = net.depth * net.width + map_multiply_adds(net)
    return Size(parameters, parameters, outer_multiply_adds(net, n_features, n_outputs) + net.tree_layers * along_a_path)


def _training_multiply_adds(net: "NetConfig", n_features: int, n_outputs: int) -> int:
    leaves = 1 << net.depth
    of_layer = (leaves - 1) * net.width + leaves * map_multiply_adds(net)
    return outer_multiply_adds(net, n_features, n_outputs) + net.tree_layers * of_layer


def _weights(net: "NetConfig", n_features: int, n_outputs: int) -> list[Weight]:
    leaves = 1 << net.depth
    found = [*linear_weights("hidden", n_features, net.width)]
    for layer in range(net.tree_layers):
        found += map_weights(f"layers.{layer}.maps", net, leaves)
        if net.depth:
            found += linear_weights(f"layers.{layer}.inner", net.width, leaves - 1)
    return [*found, *linear_weights("head", net.width, n_outputs)]


def _memory(run: "RunConfig", n_features: int, n_outputs: int, n_rows: int) -> Memory:
    net = run.net
    of_layer = (1 << net.depth) * (4 + net.leaf_width + 2 * net.width) + net.width
    return training_memory(
        run,
        n_rows,
        trained=_size(net, n_features, n_outputs).parameters,
        values=n_features + 2 * net.width + net.tree_layers * of_layer + n_outputs,
        records=(run.train.epochs + 1) * n_rows * net.tree_layers * (1 if net.depth <= 8 else 2),
    )


def _ignored(net: "NetConfig", train: "TrainConfig") -> Collection[str]:
    return () if net.depth else ("net.hardening", "train.balance")


def _routed_layers(net: "NetConfig") -> Sequence[RoutedLayer]:
    return [RoutedLayer(1 << net.depth, has_prefixes=True)] * net.tree_layers


def _build(net: "NetConfig", n_features: int, n_outputs: int, seed: int) -> Any:
    from leafscope.core.mixtures.fff import FastFeedforward
    from leafscope.core.mixtures.net import MixtureNet

    return MixtureNet(net, n_features, n_outputs, seed, FastFeedforward)


def _forward(net: Any, rows: Any) -> Any:
    from leafscope.core.inference.mixtures import fast_feedforward

    return fast_feedforward(net, rows)


FFF = MODELS.register(
    Model(
        name="fff",
        choice="fast feedforward (soft decisions)",
        lines=(
            Line("fff", "fast feedforward", "the fast feedforward net", place=46),
            Line(
                "fff_computation",
                "fast feedforward, same multiply-adds",
                "the fast feedforward net of equal computation",
                style="fff",
                beside=beside("fff", "multiply_adds"),
                place=46,
            ),
            Line(
                "fff_capacity",
                "fast feedforward, same parameters",
                "the fast feedforward net of equal capacity",
                style="fff",
                is_thin=True,
                beside=beside("fff", "parameters"),
                place=46,
            ),
        ),
        net_fields=("depth", "width", "tree_layers"),
        options=(
            LEAF_WIDTH,
            Option(
                name="hardening",
                default=1.0,
                label="Hardening",
                meaning="Weight in the loss of the nodes' mean entropy (nats), which draws decisions to 0 or 1.",
                high=100,
                short="hard",
                step=0.1,
            ),
        ),
        train_fields=("balance",),
        ignored=_ignored,
        routed_layers=_routed_layers,
        mixes=True,
        cost=_size,
        training_multiply_adds=_training_multiply_adds,
        weights=_weights,
        memory=_memory,
        build=_build,
        forward=_forward,
    )
)
