"""What models with separate leaves or experts share: the option of their hidden units, and counts of their maps.

P inputs · Q outputs · H units of a map's hidden layer, 0 without one. A map is linear, or linear, ReLU, linear.
"""

from typing import TYPE_CHECKING

from leafscope.core.models.counting import linear_weights
from leafscope.core.models.registry import Weight
from leafscope.core.options import Option

if TYPE_CHECKING:
    from leafscope.core.config import NetConfig

LEAF_WIDTH = Option(
    name="leaf_width",
    default=0,
    label="Hidden units of a leaf",
    meaning="Each leaf or expert is linear (0), or has one hidden layer of so many units.",
    high=4096,
    words="hidden units of a leaf",
    short="h",
)


def map_multiply_adds(net: "NetConfig") -> int:
    """Count the multiply-adds of one map between hidden layers."""
    units: int = net.leaf_width
    return 2 * net.width * units if units else net.width * net.width


def map_parameters(net: "NetConfig") -> int:
    """Count the parameters of one map between hidden layers."""
    units: int = net.leaf_width
    return map_multiply_adds(net) + (units + net.width if units else net.width)


def map_weights(name: str, net: "NetConfig", n_maps: int) -> list[Weight]:
    """List the tensors of a layer's maps, as `core.mixtures.maps.Maps` has them."""
    units: int = net.leaf_width
    first = linear_weights(name, net.width, units or net.width, n_maps)
    second = linear_weights(f"{name}.onwards", units, net.width, n_maps) if units else ()
    return [Weight(one.name, one.shape) for one in (*first, *second)]  # each step updates all, so that none counts visits


def outer_parameters(net: "NetConfig", n_features: int, n_outputs: int) -> int:
    """Count the parameters of the hidden layer and the head."""
    parameters: int = (n_features + 1) * net.width + (net.width + 1) * n_outputs
    return parameters


def outer_multiply_adds(net: "NetConfig", n_features: int, n_outputs: int) -> int:
    """Count the multiply-adds of the hidden layer and the head."""
    multiply_adds: int = (n_features + n_outputs) * net.width
    return multiply_adds
