"""Frozen, validated configurations of runs and sweeps, and their forms in links, TOML files and Python.

The same in Python, in a URL, in a TOML file and in the store. Outside this folder, import the names in `__all__` from here.
It imports `limits`, `errors` and the registries of data sets, models and gate gradients of the core.
"""

from leafscope.core.config.changes import changed, dotted, explain, explain_change, field_names, field_options, suggestion
from leafscope.core.config.parts import DataConfig, NetConfig, TrainConfig
from leafscope.core.config.run import RunConfig
from leafscope.core.config.sweep import SweepConfig

__all__ = [
    "DataConfig",
    "NetConfig",
    "RunConfig",
    "SweepConfig",
    "TrainConfig",
    "changed",
    "dotted",
    "explain",
    "explain_change",
    "field_names",
    "field_options",
    "suggestion",
]
