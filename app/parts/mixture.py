"""The scores of a net that mixes its leaves in training and uses one at inference: both ways, side by side."""

import pandas as pd

from leafscope.app import theme
from leafscope.core.scores import SCORES

_SHOWN = ("accuracy", "rmse")


def sentence(history: pd.DataFrame, epoch: int | None = None) -> str:
    """Say the score of one leaf and of the mixture of all on each split, by default at the last epoch; empty if none mixed.

    `history` has the columns epoch, split, metric and value. Plain text.

    >>> rows = [(3, "test", "accuracy", 0.8), (3, "test", "mix_accuracy", 0.9)]
    >>> sentence(pd.DataFrame(rows, columns=["epoch", "split", "metric", "value"]))
    'Epoch 3, by the one leaf of a row and by the mixture of all leaves: test accuracy 80.0 % and 90.0 %.'
    """
    if not len(history):
        return ""
    shown = int(history["epoch"].max()) if epoch is None else epoch
    at_epoch = history[history["epoch"] == shown]
    columns = (at_epoch[name].tolist() for name in ("split", "metric", "value"))
    value = {(split, metric): number for split, metric, number in zip(*columns, strict=True)}
    parts = []
    for split, words in theme.SPLIT_WORDS.items():
        for metric in _SHOWN:
            if (split, f"mix_{metric}") in value:
                both = [_words(metric, value[split, name]) for name in (metric, f"mix_{metric}")]
                named = "RMSE" if metric == "rmse" else metric
                parts.append(f"{words} {named} {both[0]} and {both[1]}")
    if not parts:
        return ""
    return f"Epoch {theme.thousands(shown)}, by the one leaf of a row and by the mixture of all leaves: {', '.join(parts)}."


def _words(metric: str, value: float) -> str:
    return theme.percent(value) if SCORES[metric].unit == "share" else theme.three_significant(value)
