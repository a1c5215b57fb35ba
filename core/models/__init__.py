"""Models: one file a family, each of which registers itself with all that the program knows of it.

`registry` says what a model is, `counting` has what several count alike. Import the names in `__all__` from here. It imports
the registry only; a model imports torch or scikit-learn when it is built or fitted.
"""

from typing import TYPE_CHECKING

from leafscope.core.models.registry import (
    MODELS,
    Line,
    Model,
    baselines,
    compares,
    fitted_kinds,
    lines,
    net_kinds,
    net_lines,
)

if TYPE_CHECKING:
    from leafscope.core.config import NetConfig
    from leafscope.core.nets import DenseNet, TreeNet

__all__ = [
    "MODELS",
    "Line",
    "Model",
    "baselines",
    "build_net",
    "compares",
    "fitted_kinds",
    "lines",
    "net_kinds",
    "net_lines",
]


def build_net(config: "NetConfig", n_features: int, n_outputs: int, seed: int = 0) -> "DenseNet | TreeNet":
    """Build the net that a configuration describes, on the CPU, its weights drawn from the seed alone.

    Raises ValueError for a kind that is fitted.
    """
    build = MODELS[config.kind].build
    if build is None:
        raise ValueError(f"kind must be one of {', '.join(net_kinds())}, got {config.kind}")
    net: DenseNet | TreeNet = build(config, n_features, n_outputs, seed)
    return net
