"""Frozen, validated configurations of runs and sweeps, and their forms in links, TOML files and Python.

A configuration is the same in all these forms and in the store. Outside this folder, import the names in `__all__` from here.
Of the core, this package imports `limits`, `errors` and the registry of data sets.
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
