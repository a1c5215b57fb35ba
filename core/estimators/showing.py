"""Showing an estimator in the app: its rows become a table of the store, and its fit a run on it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import is_classifier

from leafscope.core.config import DataConfig, RunConfig
from leafscope.core.datasets.registry import TABLE
from leafscope.core.errors import LeafscopeError, LimitError
from leafscope.core.jobs import default_store
from leafscope.core.limits import MAX_TABLE_ROWS
from leafscope.core.store.store import Store
from leafscope.core.tables import Choices, Column, Source
from leafscope.core.tables.choices import Task
from leafscope.core.tables.parsing.header import names_of
from leafscope.core.tables.splitting import TEST, VALIDATION, checked
from leafscope.core.tables.table import Table, table
from leafscope.core.training.trainer import Trainer
from leafscope.core.worker.inline import train_alone

if TYPE_CHECKING:
    from leafscope.core.estimators.base import Given, TreeNet


@dataclass(frozen=True, eq=False)
class Shown:
    """A fitted estimator, what it is scored on, and the name of its table.

    Raises ValueError for an estimator that was unpickled, which has no rows, and for weights of rows or of single classes,
    which a run cannot have.
    """

    estimator: "TreeNet"
    held_out: tuple[NDArray[np.float64], NDArray[Any]] | None
    """(n, P) and (n,), checked; None: the run has no test rows."""
    name: str

    def __post_init__(self) -> None:
        if getattr(self.estimator, "_given", None) is None:
            raise ValueError("an estimator that was unpickled has no rows to show; fit it again")
        if self.given.is_weighted:
            raise ValueError(
                'a run weighs all rows the same, or classes by class_weight="balanced"; this fit had other weights'
            )

    @property
    def given(self) -> "Given":
        """The rows of the fit."""
        return self.estimator._given

    def table(self) -> Table:
        """Return the rows of the fit, in their order, and below them those held out, each with its split.

        Columns have the names of a DataFrame, or x1, x2, ...
        """
        given, estimator = self.given, self.estimator
        x, y = given.x, given.y
        split = np.where(given.in_validation, VALIDATION, 0).astype(np.int32)
        if self.held_out is not None:
            x, y = np.concatenate([x, self.held_out[0]]), np.concatenate([y, self.held_out[1]])
            split = np.concatenate([split, np.full(len(y) - len(split), TEST, np.int32)])
        if len(y) > MAX_TABLE_ROWS:
            raise LimitError(f"a table must have at most {MAX_TABLE_ROWS:,} rows, got {len(y):,}")
        n = x.shape[1]
        names = names_of([str(one) for one in getattr(estimator, "feature_names_in_", [f"x{i + 1}" for i in range(n)])], n)
        target = "target"
        while target in names:
            target += "_"
        columns = [Column(one, "numeric", np.ascontiguousarray(x[:, place])) for place, one in enumerate(names)]
        if is_classifier(estimator):
            classes = tuple(str(one) for one in estimator.classes_)
            columns.append(Column(target, "categorical", y.astype(np.int32), classes))
        else:
            columns.append(Column(target, "numeric", np.asarray(y, np.float64)))
        task: Task = "classification" if is_classifier(estimator) else "regression"
        made = table(columns, Source(), Choices(target=target, task=task), self.name)
        return checked(replace(made, given=split)) if split.any() else made

    def run(self, table_id: str) -> RunConfig:
        """Return the run that is the fit, on the table with this address."""
        estimator = self.estimator
        missing = [] if self.held_out is not None else ["test_fraction"]
        missing += [] if self.given.in_validation.any() else ["validation_fraction"]
        data = DataConfig(name=TABLE + table_id, **dict.fromkeys(missing, 0.0))
        return RunConfig(data=data, net=estimator.net_config(), train=estimator.train_config(), seed=estimator.seed_)


def show(shown: Shown, *, store_data: bool = True, store: Store | None = None) -> str:
    """Put a fit into the store as a run: train it here once more, bit for bit the same, print its address and return it.

    The run has the rows that trained as its training rows, those of `early_stopping` as validation rows, and the rows held out
    as test rows. Without validation rows a run reports its last epoch, which is what the estimator keeps; without rows held out
    it says nothing of new rows. `store_data`: whether the rows stay in the store; otherwise they are removed after training,
    and the names of columns and what was measured stay. Raises LeafscopeError if the run fails.
    """
    store = store or default_store()
    rows = shown.table()
    run = shown.run(rows.hash)
    store.add_table(rows)
    store.submit(run)
    device = shown.estimator.device
    try:
        train_alone(store, run.run_id, device, _trainer_with(shown.given.compiled))
    finally:
        if not store_data:
            store.remove_table(rows.hash, force=True)
    summary = store.run(run.run_id)
    if summary.status != "finished":
        raise LeafscopeError(f"the run {run.run_id} must be finished, but it is {summary.status}: {summary.error}")
    address = f"?run={run.run_id}"
    print(f"{run.label}: start `leafscope` and open its address followed by /{address}")
    if shown.held_out is None:
        print("It has no test rows; show(X_test, y_test) scores it on rows that the fit has not seen.")
    if shown.estimator.best_epoch_ != shown.estimator.n_iter_:
        print(
            f"The estimator keeps the weights of its best epoch, {shown.estimator.best_epoch_}; the app reports that epoch, "
            f"and draws the net after the last one, {shown.estimator.n_iter_}."
        )
    return address


def _trainer_with(compiled: bool) -> "Callable[[RunConfig, Callable[[], bool]], Trainer]":
    def make(run: RunConfig, should_stop: Callable[[], bool]) -> Trainer:
        return Trainer(run, should_stop, compiled=compiled)

    return make
