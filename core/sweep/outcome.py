"""How a run becomes a row of a table: its cost, its scores, and the epoch of the best ones.

The run table of `core.comparison` and the table of a sweep take these columns from here.
"""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from leafscope.core.config import DataConfig, NetConfig
from leafscope.core.cost import cost
from leafscope.core.datasets import shape
from leafscope.core.errors import DataError

SCORES = [
    f"{which}_{split}_{metric}"
    for which in ("best", "last")
    for split in ("train", "validation", "test")
    for metric in ("accuracy", "loss")
]
"""Columns of scores, at the epoch of the lowest validation loss and at the last one."""

_OF_SCORES = tuple((name, *name.split("_", 1)) for name in SCORES)
"""Column, best or last, and the score's name there."""


class Scored(Protocol):
    """What is known of a run; `core.store.summaries.RunSummary` is one."""

    @property
    def status(self) -> str: ...
    @property
    def error(self) -> str | None: ...
    @property
    def best_epoch(self) -> int | None: ...
    @property
    def best(self) -> Mapping[str, float]: ...
    @property
    def last(self) -> Mapping[str, float]: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...
    @property
    def seconds(self) -> float: ...


@lru_cache(maxsize=4096)
def net_cost(net: NetConfig, data: DataConfig) -> tuple[float, float] | None:
    """Give the parameters and multiply-adds of a net: NaN where the data cannot be had, None for what its fit measures."""
    if net.fitted:
        return None
    try:
        size = shape(data)
    except DataError:
        return math.nan, math.nan
    price = cost(net, size.n_features, size.n_classes)
    return price.parameters, price.multiply_adds


def measures(run: Scored | None, of_net: tuple[float, float] | None) -> dict[str, float]:
    """Give what a run measured, NaN where that is unknown; `of_net` is its `net_cost`.

    Keys: `best_epoch`, SCORES, `parameters`, `multiply_adds` (of a decision tree: comparisons), `trained_parameters` and
    `inference_seconds` a row.
    """
    facts: Mapping[str, Any] = {} if run is None else run.facts
    found: dict[str, float] = {"best_epoch": math.nan if run is None or run.best_epoch is None else run.best_epoch}
    for name, which, score in _OF_SCORES:
        found[name] = math.nan if run is None else _number((run.best if which == "best" else run.last).get(score))
    for name, value in zip(("parameters", "multiply_adds"), of_net or (None, None), strict=True):
        found[name] = _number(facts.get(name)) if value is None else value
    return found | {name: _number(facts.get(name)) for name in ("trained_parameters", "inference_seconds")}


def _number(value: Any) -> float:
    """A measured number as it is; NaN for what is none, which a file from elsewhere may hold."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return math.nan
    try:
        float(value)
    except OverflowError:
        return math.nan
    return value
