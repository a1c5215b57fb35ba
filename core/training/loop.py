"""Training one net in this process, of a run or on arrays alone, and its result."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leafscope.core.config import NetConfig, RunConfig, TrainConfig
from leafscope.core.errors import OUT_OF_MEMORY, LimitError, is_out_of_memory
from leafscope.core.nets import Net
from leafscope.core.training.arrays import Arrays
from leafscope.core.training.descent import Descent
from leafscope.core.training.events import EpochRecord
from leafscope.core.training.trainer import Trainer


@dataclass(frozen=True)
class TrainResult:
    """The result of training one run."""

    run: RunConfig
    history: pd.DataFrame
    """Columns epoch, split, metric, value."""
    leaves: dict[tuple[int, str], np.ndarray]
    """(routed layer, split) -> (recorded epochs, rows) integers: each row's leaf; with top-k, (recorded epochs, rows, k)."""
    leaf_counts: dict[tuple[int, str], np.ndarray]
    """(routed layer, split) -> (recorded epochs, L) int64; with top-k, a row counts in each of its k leaves."""
    best_epoch: int
    """The epoch with the lowest validation loss, the first if several are equal."""
    net: Net
    """The net after the last epoch, on the CPU: standardized rows (N, P) -> logits (N, C)."""
    seconds: float
    """Wall-clock time of training and evaluation."""


@dataclass(frozen=True)
class Fitted:
    """The result of training a net on arrays."""

    records: list[EpochRecord]
    """Of every epoch, epoch 0 included."""
    best_epoch: int
    """The epoch with the lowest validation loss, the first if several are equal; the last one without validation rows."""
    net: Net
    """The net after the last epoch, on the CPU: rows (N, P) -> outputs (N, C), or (N, 1) standardized numbers."""
    seconds: float
    """Wall-clock time of training and evaluation."""
    compiled: bool
    """Whether compiled code could be used; steps round differently without it."""


def fit(
    arrays: Arrays,
    net: NetConfig,
    train: TrainConfig,
    seed: int = 0,
    *,
    on_epoch: Callable[[EpochRecord, Descent], None] | None = None,
    compiled: bool | None = None,
) -> Fitted:
    """Train a net on arrays in this process, without a data set or a store, and call `on_epoch` after each epoch.

    Raises what `Descent` raises, NonFiniteLossError, and LimitError where memory runs out.
    """
    descent = Descent(arrays, net, train, seed, compiled=compiled)
    records = _records(descent, None if on_epoch is None else lambda record: on_epoch(record, descent))
    return Fitted(records, _best_epoch(records), descent.net.cpu(), records[-1].seconds, descent.may_compile)


def train(
    run: RunConfig, on_epoch: Callable[[EpochRecord], None] | None = None, *, compiled: bool | None = None
) -> TrainResult:
    """Train a run in this process and call `on_epoch` after each epoch, epoch 0 included.

    `compiled` is that of `Trainer`. Raises LimitError, DeviceError or DataError before training, NonFiniteLossError during it,
    and ValueError for a kind that scikit-learn fits, such as `logistic`: `fitting.fit` is for those.
    """
    trainer = Trainer(run, compiled=compiled)
    return result_of(trainer, _records(trainer, on_epoch))


def _records(descent: Descent, on_epoch: Callable[[EpochRecord], None] | None) -> list[EpochRecord]:
    """Train to the end."""
    records: list[EpochRecord] = []
    try:
        for record in descent.epochs():
            records.append(record)
            if on_epoch is not None:
                on_epoch(record)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise LimitError(OUT_OF_MEMORY) from error
    return records


def _best_epoch(records: list[EpochRecord]) -> int:
    validation = [record.metrics.get(("validation", "loss"), math.nan) for record in records]
    return records[-1 if np.isnan(validation).all() else int(np.nanargmin(validation))].epoch


def result_of(trainer: Trainer, records: list[EpochRecord]) -> TrainResult:
    """Combine a trainer and its records, epoch 0 first, into a result; the net is copied to the CPU."""
    run = trainer.run
    leaves = {key: np.stack([record.leaves[key] for record in records]) for key in records[0].leaves}
    return TrainResult(
        run=run,
        history=history_frame(records),
        leaves=leaves,
        leaf_counts=_leaf_counts(run, leaves),
        best_epoch=_best_epoch(records),
        net=copy.deepcopy(trainer.net).cpu(),
        seconds=records[-1].seconds,
    )


def _leaf_counts(run: RunConfig, leaves: dict[tuple[int, str], np.ndarray]) -> dict[tuple[int, str], np.ndarray]:
    layers = run.net.routed_layers
    return {
        (layer, split): np.stack([np.bincount(leaf.reshape(-1), minlength=layers[layer].n_leaves) for leaf in of_epochs])
        for (layer, split), of_epochs in leaves.items()
    }


def history_frame(records: list[EpochRecord]) -> pd.DataFrame:
    """Convert records to a table with the columns epoch, split, metric, value."""
    rows = [(record.epoch, split, metric, value) for record in records for (split, metric), value in record.metrics.items()]
    return pd.DataFrame(rows, columns=["epoch", "split", "metric", "value"])
