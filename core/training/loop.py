"""Training one net in this process, and its result."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leafscope.core.config import RunConfig
from leafscope.core.nets import Net
from leafscope.core.training.trainer import EpochRecord, Trainer


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


def train(
    run: RunConfig, on_epoch: Callable[[EpochRecord], None] | None = None, *, compiled: bool | None = None
) -> TrainResult:
    """Train a run in this process and call `on_epoch` after each epoch, epoch 0 included.

    `compiled` is that of `Trainer`. Raises LimitError, DeviceError or DataError before training, NonFiniteLossError during it,
    and ValueError for a kind that scikit-learn fits, such as `logistic`: `fitting.fit` is for those.
    """
    from leafscope.core.training.population import Ended, Population

    population = Population([run], compiled=compiled)
    records: list[EpochRecord] = []
    for _, event in population.events():
        if isinstance(event, Ended):
            if event.error is not None:
                raise event.error
            break
        records.append(event)
        if on_epoch is not None:
            on_epoch(event)
    return result_of(population.members[0], records)


def result_of(trainer: Trainer, records: list[EpochRecord]) -> TrainResult:
    """Combine a trainer and its records, epoch 0 first, into a result; the net is copied to the CPU."""
    run = trainer.run
    leaves = {key: np.stack([record.leaves[key] for record in records]) for key in records[0].leaves}
    validation = [record.metrics["validation", "loss"] for record in records]
    return TrainResult(
        run=run,
        history=history_frame(records),
        leaves=leaves,
        leaf_counts=_leaf_counts(run, leaves),
        best_epoch=records[int(np.nanargmin(validation))].epoch,
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
