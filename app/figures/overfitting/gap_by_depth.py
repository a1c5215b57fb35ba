"""The generalization gap, test error minus training error, against depth: a line for each model."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from leafscope.app.figures.overfitting.curves_by_depth import CurvesByDepth
from leafscope.app.figures.shared.depth_panels import Panel, depth_panels
from leafscope.app.figures.shared.interval_lines import holds_zero, row_words
from leafscope.app.theme import SCREEN, Look

_GAP = "test error minus training error"
_NOTHING = "No test and training error are recorded yet."


@dataclass(frozen=True, eq=False)
class GapByDepth(CurvesByDepth):
    """The generalization gap of several models at each depth: curves by model and variant, differences of shares."""

    keys = ("model", "variant")

    @property
    def unit(self) -> str:
        """That of differences of errors."""
        return self.errors.difference

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the gap of each model, with bands; a model without a depth is a horizontal line."""
        return depth_panels(
            [Panel("gap", "test", self._table, self._seeds)],
            title="Generalization gap against depth",
            measure=f"{_GAP} ({self.errors.difference_axis})",
            why=_NOTHING,
            floor=-self.errors.ceiling,
            ceiling=self.errors.ceiling,
            chosen=self.chosen,
            lit=self._lit,
            subject=subject,
            look=look,
        )

    def sentence(self) -> str:
        """Give the gaps at the chosen depth, else at the first and the last depth, and where none is shown; plain text."""
        return self._values(self._known(), f"Generalization gap ({_GAP})", _NOTHING, _judged)


def _judged(row: pd.Series) -> str:
    """An interval that holds 0 shows no difference between the two errors."""
    known = row["n"] > 1 and np.isfinite(row["low"]) and np.isfinite(row["high"])
    return row_words(row) + (" (no difference shown)" if known and holds_zero(row["low"], row["high"]) else "")
