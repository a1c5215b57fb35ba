"""The columns of the run table in words, and as the figures of Compare take them."""

from typing import Any

import pandas as pd

from leafscope.app.figures.compare.scores import Score, title
from leafscope.core.comparison.table import field_words, value_words
from leafscope.core.sweep.outcome import SCORES, SHARES


def column_words(column: str) -> str:
    """Name a column; a score at the best epoch by the score alone.

    >>> column_words("best_test_loss"), column_words("last_test_loss"), column_words("net.depth")
    ('test loss', 'test loss at the last epoch', 'depth K')
    """
    which, _, score = column.partition("_")
    if column not in SCORES:
        return field_words(column)
    split, _, metric = score.partition("_")
    words = f"{split} {title(metric)}"
    return words if which == "best" else f"{words} at the last epoch"


def heading(column: str) -> str:
    """Name a column as the head of a table."""
    words = column_words(column)
    return words[:1].upper() + words[1:]


def score_of(column: str) -> Score:
    """Take a column of scores: of shares, such as accuracies, and of R², the higher is better; of all others the lower."""
    is_share = column in SHARES
    return Score(column_words(column), percent=is_share, higher_is_better=is_share or column.endswith("_r2"))


def plotted(table: pd.DataFrame, name: str) -> list[Any]:
    """Give the values of a column, shares in percent, text as its words."""
    if pd.api.types.is_numeric_dtype(table[name]):
        return [float(value) * (100 if name in SHARES else 1) for value in table[name]]
    return [value_words(name, value) for value in table[name]]
