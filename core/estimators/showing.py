"""Showing an estimator in the app: its rows become a table of the store, and its settings a run on it."""

from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import is_classifier

from leafscope.core.config import DataConfig, RunConfig
from leafscope.core.datasets.registry import TABLE
from leafscope.core.errors import LeafscopeError
from leafscope.core.jobs import default_store
from leafscope.core.store.store import Store
from leafscope.core.tables import Choices, Column, Source
from leafscope.core.tables.table import Table, table
from leafscope.core.worker.inline import train_members

if TYPE_CHECKING:
    from leafscope.core.estimators.base import TreeNet


def show(estimator: "TreeNet", *, store_data: bool = True, store: Store | None = None, name: str = "estimator") -> str:
    """Put a fitted estimator's settings and rows into the store as a run, train it here, print its address and return it.

    The app chooses by validation rows and reports on test rows, which a fit on all rows does not have. So the run trains the
    same net on the app's own split of these rows, with equal weights. `store_data`: whether the rows stay in the store;
    otherwise they are removed after training, and the names of columns and what was measured stay. Raises ValueError for an
    estimator that was unpickled, which has no rows, and for weights of rows or single classes, which a run cannot have;
    LeafscopeError if the run fails.
    """
    store = store or default_store()
    rows = table_of(estimator, name)
    run = run_of(estimator, rows.hash)
    store.add_table(rows)
    store.submit(run)
    try:
        train_members(store, [run.run_id], 1, estimator.device, lambda done, total: None)
    finally:
        if not store_data:
            store.remove_table(rows.hash, force=True)
    summary = store.run(run.run_id)
    if summary.status != "finished":
        raise LeafscopeError(f"the run {run.run_id} must be finished, but it is {summary.status}: {summary.error}")
    address = f"?run={run.run_id}"
    print(f"{run.label}: start `leafscope` and open its address followed by /{address}")
    return address


def run_of(estimator: "TreeNet", table_id: str) -> RunConfig:
    """Return the run with an estimator's settings on a table."""
    weight = getattr(estimator, "class_weight", None)
    if estimator._given.is_weighted or not (weight is None or weight == "balanced"):
        raise ValueError('a run weighs all rows the same, or classes by class_weight="balanced"; this fit had other weights')
    train = estimator.train_config().model_copy(update={"class_weight": weight or "none"})
    return RunConfig(data=DataConfig(name=TABLE + table_id), net=estimator.net_config(), train=train, seed=estimator.seed_)


def table_of(estimator: "TreeNet", name: str) -> Table:
    """Return the rows of a fit as a table, with the names of a DataFrame's columns or x1, x2, ..."""
    given = getattr(estimator, "_given", None)
    if given is None:
        raise ValueError("an estimator that was unpickled has no rows to show; fit it again")
    names = [str(one) for one in getattr(estimator, "feature_names_in_", [])]
    names = names or [f"x{place + 1}" for place in range(given.x.shape[1])]
    target = "target"
    while target in names:
        target += "_"
    columns = [Column(one, "numeric", np.ascontiguousarray(given.x[:, place])) for place, one in enumerate(names)]
    if not is_classifier(estimator):
        columns.append(Column(target, "numeric", np.asarray(given.y, np.float64)))
        return table(columns, Source(), Choices(target=target, task="regression"), name)
    classes = tuple(str(one) for one in estimator.classes_)
    columns.append(Column(target, "categorical", given.y.astype(np.int32), classes))
    return table(columns, Source(), Choices(target=target, task="classification"), name)
