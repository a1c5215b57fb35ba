"""The core of Leafscope: tree layers, training, statistics, store and worker.

It imports neither Streamlit nor Plotly, and nothing from `leafscope.app` or `leafscope.pages`. The public names are those in
`__all__`; each is imported on first use.
"""

from typing import TYPE_CHECKING

from leafscope.core.lazy import lazily

if TYPE_CHECKING:
    from leafscope.core.config import DataConfig, NetConfig, RunConfig, SweepConfig, TrainConfig
    from leafscope.core.estimators.classifier import TreeNetClassifier
    from leafscope.core.estimators.regressor import TreeNetRegressor
    from leafscope.core.gating import leaf_index, path_nodes, sign_bits
    from leafscope.core.routing import Routing, read_routing, record
    from leafscope.core.training.loop import train
    from leafscope.core.tree import TreeLinear
    from leafscope.core.usage.counts import leaf_counts
    from leafscope.core.usage.evenness import balance
    from leafscope.core.worker.inline import run_sweep

__all__ = [
    "DataConfig",
    "NetConfig",
    "Routing",
    "RunConfig",
    "SweepConfig",
    "TrainConfig",
    "TreeLinear",
    "TreeNetClassifier",
    "TreeNetRegressor",
    "balance",
    "leaf_counts",
    "leaf_index",
    "path_nodes",
    "read_routing",
    "record",
    "run_sweep",
    "sign_bits",
    "train",
]

_HOMES = {
    "TreeLinear": "tree",
    "sign_bits": "gating",
    "leaf_index": "gating",
    "path_nodes": "gating",
    "leaf_counts": "usage.counts",
    "balance": "usage.evenness",
    "DataConfig": "config",
    "NetConfig": "config",
    "TrainConfig": "config",
    "RunConfig": "config",
    "SweepConfig": "config",
    "train": "training.loop",
    "TreeNetClassifier": "estimators.classifier",
    "TreeNetRegressor": "estimators.regressor",
    "run_sweep": "worker.inline",
    "Routing": "routing.routing",
    "read_routing": "routing.reading",
    "record": "routing.recording",
}

__getattr__, __dir__ = lazily(__name__, _HOMES)
