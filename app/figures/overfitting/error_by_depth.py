"""Test and training error against depth: a line for each model, test rows left and training rows right, on one scale."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.overfitting.curves_by_depth import CurvesByDepth
from leafscope.app.figures.shared.depth_panels import Panel, depth_panels
from leafscope.app.figures.shared.interval_lines import row_words, sentence_case
from leafscope.app.theme import SCREEN, Look

_SPLITS = ("test", "train")


@dataclass(frozen=True, eq=False)
class ErrorByDepth(CurvesByDepth):
    """The error of several models at each depth, on test and training rows: curves by model, variant and split."""

    splits: Sequence[str] = _SPLITS
    """Whose errors are drawn, a panel each."""

    keys = ("model", "variant", "split")

    @property
    def unit(self) -> str:
        """That of the errors."""
        return self.errors.unit

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw test and training error side by side, with bands; a model without a depth is a horizontal line."""
        panels = [
            Panel(theme.SPLIT_WORDS[split], split, *(rows[rows["split"] == split] for rows in (self._table, self._seeds)))
            for split in self.splits
        ]
        names = theme.enumerate_words([theme.SPLIT_WORDS[split] for split in self.splits])
        return depth_panels(
            panels,
            title=f"{sentence_case(names)} error against depth",
            measure=f"error ({self.errors.axis})",
            why="No error is recorded yet.",
            floor=0.0,
            ceiling=self.errors.ceiling,
            chosen=self.chosen,
            lit=self._lit,
            subject=subject,
            look=look,
            fewest=self.errors.fewest,
        )

    def sentence(self) -> str:
        """Give test and training error at the chosen depth, else at the first and the last depth; plain text."""
        known = self._known()
        test, train = (known[known["split"] == split] for split in _SPLITS)
        keys = ["model", "variant", "depth"]
        rows = test.merge(train[[*keys, "mean"]], how="left", on=keys, suffixes=("", "_train"))
        return self._values(rows, "Test error", "No test error is recorded yet.", self._with_training)

    def _with_training(self, row: pd.Series) -> str:
        train = row["mean_train"]
        return row_words(row) + (f" (training {self.errors.words(train)})" if np.isfinite(train) else "")
