"""Frozen, validated configurations of runs and sweeps, and their forms in links, TOML files and Python.

The same in Python, in a URL, in a TOML file and in the store. Outside this folder, import the names in `__all__` from here.
It imports `limits`, `errors` and the registry of data sets of the core.
"""

from leafscope.core.config.changes import changed, explain, explain_change, field_names, suggestion
from leafscope.core.config.run import (
    FITTED,
    NETS,
    DataConfig,
    Fitted,
    GateGradient,
    Gates,
    Kind,
    Net,
    NetConfig,
    RunConfig,
    Schedule,
    TrainConfig,
)
from leafscope.core.config.sweep import BASELINES, SweepConfig

__all__ = [
    "BASELINES",
    "FITTED",
    "NETS",
    "DataConfig",
    "Fitted",
    "GateGradient",
    "Gates",
    "Kind",
    "Net",
    "NetConfig",
    "RunConfig",
    "Schedule",
    "SweepConfig",
    "TrainConfig",
    "changed",
    "explain",
    "explain_change",
    "field_names",
    "suggestion",
]
