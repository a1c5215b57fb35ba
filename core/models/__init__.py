"""Models: each family is one file that registers its models.

`registry` defines the declaration of a model, and `counting` has functions that several models share. Outside this folder,
import the names in `__all__` from here. This package imports only the registry; a model imports torch or scikit-learn when it
is built or fitted.
"""

from typing import TYPE_CHECKING

from leafscope.core.models.registry import (
    MODELS,
    Line,
    Model,
    RoutedLayer,
    baselines,
    compares,
    decision_tree_lines,
    fitted_kinds,
    gated_lines,
    is_sized_by_width,
    line_of_task,
    lines,
    net_kinds,
    net_lines,
    tree_lines,
)

if TYPE_CHECKING:
    from leafscope.core.config import NetConfig
    from leafscope.core.nets import Net

__all__ = [
    "MODELS",
    "Line",
    "Model",
    "RoutedLayer",
    "baselines",
    "build_net",
    "compares",
    "decision_tree_lines",
    "fitted_kinds",
    "gated_lines",
    "is_sized_by_width",
    "line_of_task",
    "lines",
    "net_kinds",
    "net_lines",
    "tree_lines",
]


def build_net(config: "NetConfig", n_features: int, n_outputs: int, seed: int = 0) -> "Net":
    """Build the net of a configuration, on the CPU, with weights that depend on the seed only.

    Raises ValueError for a kind that is fitted.
    """
    build = MODELS[config.kind].build
    if build is None:
        raise ValueError(f"kind must be one of {', '.join(net_kinds())}, got {config.kind}")
    net: Net = build(config, n_features, n_outputs, seed)
    return net
