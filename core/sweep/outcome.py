"""Columns of a run's results: its cost, its scores, and its best epoch.

The run table of `core.comparison` and the table of a sweep have these columns.
"""

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Protocol

from leafscope.core.config import DataConfig, NetConfig
from leafscope.core.cost import cost
from leafscope.core.datasets import shape
from leafscope.core.errors import DataError
from leafscope.core.scores import SCORES as ALL
from leafscope.core.scores import TASKS, Task

SPLITS = ("train", "validation", "test")


def score_columns(task: Task) -> list[str]:
    """Return the columns of scores of a task's runs, at the epoch of the lowest validation loss and at the last one."""
    metrics = (*task.known, "loss")
    return [f"{at}_{split}_{metric}" for at in ("best", "last") for split in SPLITS for metric in metrics]


SCORES = list(dict.fromkeys(name for task in TASKS.values() for name in score_columns(task)))
"""Columns of scores of all tasks."""

SHARES = frozenset(name for name in SCORES if (score := name.split("_", 2)[2]) in ALL and ALL[score].unit == "share")
"""Those of them that are shares of rows, from 0 to 1."""

_OF_SCORES = tuple((name, *name.split("_", 1)) for name in SCORES)
"""Column, best or last, and the score's name in that mapping."""


class Scored(Protocol):
    """The outcome of a run, such as `core.store.values.summaries.RunSummary`."""

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
    """Return the parameters and multiply-adds of a net: NaN if the data are invalid, None if the fit measures them."""
    if net.fitted:
        return None
    try:
        size = shape(data)
    except DataError:
        return math.nan, math.nan
    price = cost(net, size.n_features, size.n_outputs)
    return price.parameters, price.multiply_adds


def measures(run: Scored | None, of_net: tuple[float, float] | None) -> dict[str, float]:
    """Return a run's measurements, NaN if unknown; `of_net` is its `net_cost`.

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
    """Return a measured number; NaN if it is not a number, as may happen in an imported file."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return math.nan
    try:
        float(value)
    except OverflowError:
        return math.nan
    return value
