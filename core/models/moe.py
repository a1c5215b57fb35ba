"""A mixture of experts: a linear router sends each row to the k experts with the highest scores.

E experts. Scores are the softmax over all experts, and the outputs of the chosen ones are weighted by their own scores, which
are not made to sum to 1, so that a single expert has a gradient too (Shazeer et al. 2017, arXiv 1701.06538; Fedus et al. 2021,
arXiv 2101.03961). No row is dropped. In training this program computes all experts in one product, which is faster at these
sizes; counted are those that a row needs.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from leafscope.core.balancing import BALANCINGS
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

MOST_EXPERTS = 1024
"""The most experts of a layer."""


def _size(net: "NetConfig", n_features: int, n_outputs: int) -> Size:
    router = net.experts * net.width
    parameters = outer_parameters(net, n_features, n_outputs) + net.tree_layers * (router + net.experts * map_parameters(net))
    of_layer = router + net.top_k * map_multiply_adds(net)
    return Size(parameters, parameters, outer_multiply_adds(net, n_features, n_outputs) + net.tree_layers * of_layer)


def _weights(net: "NetConfig", n_features: int, n_outputs: int) -> list[Weight]:
    found = [*linear_weights("hidden", n_features, net.width)]
    for layer in range(net.tree_layers):
        found.append(Weight(f"layers.{layer}.router", (net.experts, net.width)))
        if _has_offsets(net):
            found.append(Weight(f"layers.{layer}.offsets", (net.experts,), is_trained=False))
        found += map_weights(f"layers.{layer}.maps", net, net.experts)
    return [*found, *linear_weights("head", net.width, n_outputs)]


def _has_offsets(net: "NetConfig") -> bool:
    return BALANCINGS[net.balancing].has_offsets


def _memory(run: "RunConfig", n_features: int, n_outputs: int, n_rows: int) -> Memory:
    net = run.net
    of_layer = net.experts * (3 + net.leaf_width + net.width) + net.width
    return training_memory(
        run,
        n_rows,
        trained=_size(net, n_features, n_outputs).parameters,
        values=n_features + 2 * net.width + net.tree_layers * of_layer + n_outputs,
        frozen=net.tree_layers * net.experts if _has_offsets(net) else 0,
        records=(run.train.epochs + 1) * n_rows * net.tree_layers * net.top_k * (1 if net.experts <= 256 else 2),
    )


def _fault(net: "NetConfig") -> tuple[str, tuple[str, ...]] | None:
    if net.top_k > net.experts:
        return f"top_k must be at most the number of experts ({net.experts}), got {net.top_k}", ("top_k", "experts")
    return None


def _ignored(net: "NetConfig", train: "TrainConfig") -> Collection[str]:
    used = {"loss": "train.balance", "bias": "net.bias_rate"}.get(net.balancing)
    return [field for field in ("train.balance", "net.bias_rate") if field != used]


def _routed_layers(net: "NetConfig") -> Sequence[RoutedLayer]:
    return [RoutedLayer(net.experts, net.top_k)] * net.tree_layers


def _build(net: "NetConfig", n_features: int, n_outputs: int, seed: int) -> Any:
    from leafscope.core.mixtures.moe import MixtureOfExperts
    from leafscope.core.mixtures.net import MixtureNet

    return MixtureNet(net, n_features, n_outputs, seed, MixtureOfExperts)


def _forward(net: Any, rows: Any) -> Any:
    from leafscope.core.inference.mixtures import mixture_of_experts

    return mixture_of_experts(net, rows)


MOE = MODELS.register(
    Model(
        name="moe",
        choice="mixture of experts",
        lines=(
            Line("moe", "mixture of experts", "the mixture of experts", place=45),
            Line(
                "moe_computation",
                "mixture of experts, same multiply-adds",
                "the mixture of experts of equal computation",
                style="moe",
                beside=beside("moe", "multiply_adds"),
                place=45,
            ),
            Line(
                "moe_capacity",
                "mixture of experts, same parameters",
                "the mixture of experts of equal capacity",
                style="moe",
                is_thin=True,
                beside=beside("moe", "parameters"),
                place=45,
            ),
        ),
        net_fields=("width", "tree_layers", "balancing"),
        options=(
            Option(
                name="experts",
                default=16,
                label="Experts",
                meaning="Experts of each layer, of which a row uses the top k.",
                low=1,
                high=MOST_EXPERTS,
                short="E",
                is_always_named=True,
            ),
            Option(
                name="top_k",
                default=2,
                label="Top k",
                meaning="Experts that a row uses: those with the highest scores.",
                low=1,
                high=MOST_EXPERTS,
                words="top k",
                short="top",
                is_always_named=True,
            ),
            LEAF_WIDTH,
            Option(
                name="bias_rate",
                default=0.001,
                label="Rate of the bias",
                meaning="How far the bias of each expert moves after a batch, with balancing by bias.",
                high=100,
                excludes_low=True,
                words="rate of the bias",
                short="rate",
                step=0.001,
            ),
        ),
        train_fields=("balance",),
        router="experts",
        ignored=_ignored,
        fault=_fault,
        routed_layers=_routed_layers,
        cost=_size,
        weights=_weights,
        memory=_memory,
        build=_build,
        forward=_forward,
    )
)
