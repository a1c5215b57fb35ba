"""Rows of the database as summaries, checked: a damaged value is left out and named, so that no row hides another.

SQLite holds any value in any column, and a row may come from a damaged disk or another program.
"""

import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from sqlalchemy import Row

from leafscope.core.config import RunConfig
from leafscope.core.datasets import shape
from leafscope.core.errors import DataError, StoreError
from leafscope.core.models.registry import RoutedLayer
from leafscope.core.store.values import leaf_codes
from leafscope.core.store.values.records import PRIORITIES
from leafscope.core.store.values.summaries import RunSummary, SweepInfo, WorkerInfo
from leafscope.core.text import loads

STATUSES = ("queued", "running", "finished", "failed", "stopped", "interrupted")

LATEST = 32_503_680_000.0
"""The year 3000, in seconds since 1970: dates beyond 9999 cannot be shown."""


def run_summary(row: Row[Any], shipped: Collection[str]) -> RunSummary:
    """Return a row of the list of runs; `fault` names what is wrong with it, `shipped` has the addresses of examples."""
    checked = _Checked(row)
    values = checked.take("summary", _summary, {})
    return RunSummary(
        run_id=row.run_id,
        label=checked.take("label", _text, ""),
        note=checked.take("note", _text, ""),
        config_json=checked.take("config", _text, "{}"),
        status=checked.take("status", _status, "failed"),
        attempt=checked.take("attempt", _count, 1),
        first_attempt=checked.take("first_attempt", _count, 1),
        created=checked.take("created", moment, 0.0),
        started=checked.take("started", _or_none(moment), None),
        finished=checked.take("finished", _or_none(moment), None),
        stopping=row.status == "running" and bool(row.stop_requested),
        error=checked.take("error", _or_none(_text), None),
        device=checked.take("device", _or_none(_text), None),
        resumed_from=checked.take("resumed_from", _count, 0),
        epochs_done=checked.take("epochs_done", _count, 0),
        epochs_total=max(1, checked.take("epochs_total", _count, 1)),
        attempt_seconds=checked.take("seconds", _seconds, 0.0),
        seconds=checked.take("seconds_before", _seconds, 0.0) + checked.take("seconds", _seconds, 0.0),
        best_epoch=values.get("best_epoch"),
        best=values.get("best", {}),
        last=values.get("last", {}),
        first=values.get("first", {}),
        facts=values.get("facts", {}),
        name=checked.take("name", _or_none(_text), None) or "",
        tags=checked.take("tags", _tags, ()),
        comment=checked.take("comment", _or_none(_text), None) or "",
        fault=checked.fault,
        shipped=row.run_id in shipped,
        is_member=row.priority == PRIORITIES["member"],
    )


def sweep_info(row: Row[Any], shipped: Collection[str]) -> SweepInfo:
    """Return an entry of the list of sweeps; what is damaged of it is empty, and an empty configuration is not valid."""
    checked = _Checked(row)
    name, config = checked.take("name", _text, "(damaged)"), checked.take("config", _text, "")
    created = checked.take("created", moment, 0.0)
    return SweepInfo(row.sweep_id, name, config, created, row.sweep_id in shipped, row.awaits_choice is True)


def worker_info(row: Row[Any], trains: Sequence[str] = ()) -> tuple[WorkerInfo, int]:
    """Return an entry of the list of workers, and its heartbeat."""
    checked = _Checked(row)
    state, device, machine, version = (checked.take(name, _text, "") for name in ("state", "device", "machine", "leafscope"))
    info = WorkerInfo(row.worker_id, checked.take("pid", _count, 0), device, state, machine, version, tuple(trains))
    return info, checked.take("beats", _count, 0)


def deck_times(row: Row[Any]) -> tuple[str, float, float]:
    """Return the name of a deck, and when it was made and changed."""
    checked = _Checked(row)
    name = checked.take("name", _text, "(damaged)")
    return name, checked.take("created", moment, 0.0), checked.take("changed", moment, 0.0)


def score(row: Row[Any]) -> tuple[int, float]:
    """Return the epoch and the value of a row of the table `metrics`; raises StoreError where it is damaged."""
    try:
        _text(row.split), _text(row.metric)
        return _count(row.epoch), _real(row.value) if row.nonfinite is None else _NOT_FINITE[row.nonfinite]
    except (ValueError, TypeError, KeyError) as error:
        words = (
            f"the scores of run {row.run_id} are damaged at epoch {row.epoch!r:.20}: {row.value!r:.40}, {row.nonfinite!r:.40}"
        )
        raise StoreError(words) from error


def epoch_number(value: Any) -> int:
    """Return an epoch of the table `leaves`; raises StoreError where it is damaged."""
    try:
        return _count(value)
    except ValueError:
        raise StoreError(f"the leaves are damaged: an epoch must be a whole number from 0, got {value!r:.80}") from None


def attempt_number(value: Any) -> int:
    """Return the number of an attempt; raises StoreError where it is damaged."""
    try:
        return _count(value)
    except ValueError:
        raise StoreError(f"a run is damaged: its attempts must be whole numbers from 0, got {value!r:.80}") from None


def joined(parts: Iterable[Any]) -> bytes:
    """Join the parts of an artifact; raises StoreError where they are damaged."""
    try:
        return b"".join(parts)
    except TypeError as error:
        raise StoreError(f"an artifact is damaged: {error}") from None


_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


@dataclass(frozen=True)
class Sizes:
    """What the leaves of a run must agree with."""

    rows: Mapping[str, int]
    """Split -> number of rows; empty: the data cannot be split as configured."""
    layers: tuple[RoutedLayer, ...]
    """The layers with leaves."""

    @classmethod
    def of(cls, config: RunConfig) -> "Sizes":
        """Return the sizes of a run."""
        try:
            return cls._known(config)
        except DataError:  # such a run only fails
            return cls({}, tuple(config.net.routed_layers))

    @classmethod
    def _known(cls, config: RunConfig) -> "Sizes":
        size = shape(config.data)
        rows = {"train": size.n_train, "validation": size.n_validation, "test": size.n_test}
        return cls(rows, tuple(config.net.routed_layers))

    def shape(self, layer: int, split: str) -> tuple[int, ...]:
        """Return the shape of the leaves of a layer's rows: (rows,), or with top-k (rows, k); 0 rows if they are unknown."""
        top_k = self.layers[layer].top_k
        rows = self.rows.get(split, 0)
        return (rows,) if top_k == 1 else (rows, top_k)


def sizes_of(config: Any) -> Sizes:
    """Return the sizes of a run from its row; raises StoreError for a configuration that is damaged."""
    try:
        return _sizes(config)
    except DataError:  # not kept: its table may be added
        return Sizes.of(RunConfig.model_validate_json(config))
    except ValueError as error:
        raise StoreError(f"the configuration of the run is damaged: {config!r:.80}") from error


@lru_cache(maxsize=1024)
def _sizes(config: Any) -> Sizes:
    return Sizes._known(RunConfig.model_validate_json(config))


def leaf_numbers(row: Row[Any], size: Sizes, layer: int, split: str, before: np.ndarray | None = None) -> np.ndarray:
    """Return each row's leaf from a row of the table `leaves`; raises StoreError where it is damaged.

    `before` has the leaves of the epoch before in the same attempt, from which they may differ.
    """
    epoch_number(row.epoch)
    try:
        if layer >= len(size.layers):
            raise ValueError(f"their layer must be below {len(size.layers)}, got {layer}")
        shape = size.shape(layer, split)
        leaf = leaf_codes.decode(row.dtype, row.data, math.prod(shape), before)
        if leaf.size != math.prod(shape) or split not in size.rows:
            n_rows = leaf.size // math.prod(shape[1:])
            raise ValueError(f"they must be of {size.rows.get(split)} {split} rows, got {n_rows}")
        if json.loads(row.shape) != list(shape):
            raise ValueError(f"their shape must be {list(shape)}, got {row.shape!r:.80}")
        check_leaves(leaf, size.layers[layer].n_leaves, "they")
        return leaf.reshape(shape)
    except (ValueError, TypeError, AttributeError, RecursionError, SyntaxError) as error:
        raise StoreError(f"the leaves of epoch {row.epoch!r:.20} are damaged: {error}") from None


def check_leaves(leaf: np.ndarray, n_leaves: int, what: str) -> None:
    """Raise ValueError unless all leaves are from 0 to `n_leaves` - 1."""
    if leaf.size and not 0 <= (low := int(leaf.min())) <= (high := int(leaf.max())) < n_leaves:
        raise ValueError(f"{what} must be from 0 to {n_leaves - 1}, got {low if low < 0 else high}")


class _Checked:
    """A row whose values are checked as they are taken."""

    def __init__(self, row: Row[Any]) -> None:
        self._row = row
        self.fault = ""

    def take(self, name: str, check: Callable[[Any], Any], otherwise: Any) -> Any:
        value = getattr(self._row, name)
        try:
            return check(value)
        except (ValueError, TypeError, OverflowError, RecursionError):
            self.fault = self.fault or f"its {name} is damaged: {value!r:.80}"
            return otherwise


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _status(value: Any) -> str:
    if value not in STATUSES:
        raise ValueError(value)
    return str(value)


def _count(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value <= 2**53:
        raise ValueError(value)
    return value


def _real(value: Any) -> float:
    if isinstance(value, str | bytes):
        raise TypeError(value)
    return float(value)


def moment(value: Any) -> float:
    """Return seconds since 1970; raises ValueError or TypeError for what is no time that can be shown."""
    if not 0 <= _real(value) <= LATEST:
        raise ValueError(value)
    return _real(value)


def _seconds(value: Any) -> float:
    if not 0 <= _real(value) <= 1e12:
        raise ValueError(value)
    return _real(value)


def _or_none(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else check(value)


def _tags(value: Any) -> tuple[str, ...]:
    tags = loads(_text(value or "[]"))
    if not isinstance(tags, list):
        raise TypeError(tags)
    return tuple(map(_text, tags))


def _summary(value: Any) -> dict[str, Any]:
    summary = json.loads(_text(value))
    if not isinstance(summary, dict) or not isinstance(summary.get("facts", {}), dict):
        raise TypeError(summary)
    for which in ("best", "last", "first"):
        numbers = summary.get(which, {})
        if not isinstance(numbers, dict):
            raise TypeError(summary)
        summary[which] = {str(name): _real(one) for name, one in numbers.items()}
    if (best := summary.get("best_epoch")) is not None:
        _count(best)
    return summary
