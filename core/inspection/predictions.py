"""Predictions of a trained run for new rows: classes with their probabilities, or numbers, and the leaves of the rows.

N rows · C classes.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leafscope.core.config import RunConfig
from leafscope.core.datasets import Dataset, load
from leafscope.core.datasets.registry import TABLE, data_words, is_table
from leafscope.core.errors import RunStateError, TableError
from leafscope.core.inspection.trained import fitted_trees, trained_net
from leafscope.core.store.store import Store
from leafscope.core.tables import understand
from leafscope.core.tables.encoding import encode
from leafscope.core.tables.new_rows import new_rows


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a run says of new rows."""

    class_names: tuple[str, ...]
    """C names; none where numbers are predicted."""
    answers: NDArray[Any]
    """(N,) the likeliest class, from 0 to C - 1; or the number, in the unit of the target."""
    probabilities: NDArray[np.float64]
    """(N, C)."""
    leaves: tuple[tuple[str, NDArray[np.int64]], ...]
    """Of each layer that routes, or of a decision tree, its column's name and (N,) leaves or experts; empty: it has none."""
    notes: tuple[str, ...] = ()
    """Sentences about cells that the run cannot know: they count as missing, or as none of a column's categories."""

    def table(self) -> pd.DataFrame:
        """List the rows of the file in order: row (from 1), prediction, the probability of each class, leaves."""
        said = [self.class_names[one] for one in self.answers.tolist()] if self.class_names else self.answers
        frame = pd.DataFrame({"row": np.arange(1, len(self.answers) + 1), "prediction": said})
        for place, name in enumerate(self.class_names):
            frame[f"probability {name}"] = np.round(self.probabilities[:, place], 6)
        for name, leaf in self.leaves:
            frame[name] = leaf
        return frame


def predict(store: Store, run_id: str, file: str | os.PathLike[str] | bytes) -> Predictions:
    """Predict the rows of a file, which has the columns of the table that the run was trained on.

    Raises RunNotFoundError, TableError for what is wrong with the file, and RunStateError for a run that kept no net or tree.
    """
    run = store.run(run_id).config
    data = load(run.data, run.data_seed)
    features, notes = _features(store, data, file)
    x = data.standardize(features)
    if (net := trained_net(store, run_id)) is not None:
        routed = net.net.routed(x)
        leaves = tuple(_columns(run, routed.leaves))
        return Predictions(data.class_names, data.answers(routed.logits), _softmax(routed.logits), leaves, notes)
    if (trees := fitted_trees(store, run_id)) is not None:
        is_one = len(trees.root) == 1
        shares = trees.predict_proba(x)
        said = shares.argmax(1) if data.n_classes else shares[:, 0]
        return Predictions(data.class_names, said, shares, (("leaf", trees.apply(x)),) if is_one else (), notes)
    raise RunStateError(
        f"a run must have kept its net or its trees to predict, but {run.net.kind.replace('_', ' ')} {run_id} kept none"
    )


def _columns(run: RunConfig, leaves: Sequence[NDArray[np.int64]]) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Name the leaves of each layer; of k experts of a row each has a column, first the one with the highest score."""
    for number, (layer, of_rows) in enumerate(zip(run.net.routed_layers, leaves, strict=True), 1):
        name = ("leaf" if layer.has_prefixes else "expert") + (f" {number}" if len(leaves) > 1 else "")
        if of_rows.ndim == 1:
            yield name, of_rows
        else:
            yield from ((f"{name}, choice {place}", chosen) for place, chosen in enumerate(of_rows.T, 1))


def _softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    logits = logits.astype(np.float64)
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


def _features(store: Store, data: Dataset, file: str | os.PathLike[str] | bytes) -> tuple[NDArray[np.float64], tuple[str, ...]]:
    name = data.config.name
    if is_table(name):
        table = store.table(name.removeprefix(TABLE))
        new = new_rows(table, file)
        notes = tuple(f"column {column.name!r:.80}: {column.why}" for column in new if column.why)
        return encode(table, data.train.index, new).x, notes
    found = {column.name: column for column in understand(file).columns}
    columns = []
    for feature in data.feature_names:
        column = found.get(feature)
        if column is None:
            raise TableError(f"the file must have the columns of {data_words(name)}, but column {feature!r:.80} is missing")
        if column.kind not in ("numeric", "boolean") or column.missing:
            raise TableError(f"column {feature!r:.80} must hold a number in each row")
        columns.append(column.values.astype(np.float64))
    return np.stack(columns, 1), ()
