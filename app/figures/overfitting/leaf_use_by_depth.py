"""How many leaves the models use, and how evenly, against depth, beside what chance alone would give.

K = depth, the number of gating bits · n = seeds · intervals are those of the mean over seeds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from leafscope.app.figures.overfitting.curves_by_depth import CurvesByDepth
from leafscope.app.figures.shared.chance import compared
from leafscope.app.figures.shared.depth_panels import Panel, depth_panels
from leafscope.app.figures.shared.interval_lines import INTERVAL, check_columns, in_unit, range_words, row_words, sentence_case
from leafscope.app.theme import SCREEN, Look
from leafscope.core.usage.leaf_use import MEASURES
from leafscope.core.usage.levels import Level

_NOTHING = "No leaves of these models are counted yet."


@dataclass(frozen=True, eq=False)
class LeafUseByDepth(CurvesByDepth):
    """A number that says how the training rows use the leaves, of several models at each depth: curves by model and variant.

    Raises ValueError for a measure that is not one of `usage.leaf_use.MEASURES`, and what `CurvesByDepth` raises.
    """

    measure: str = "effective_leaves"
    """Shares of rows are from 0 to 1."""
    chance: Mapping[Level, pd.DataFrame] = field(default_factory=dict)
    """Chance level -> depth, mean, low, high."""

    keys = ("model", "variant")

    _chance: dict[Level, pd.DataFrame] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.measure not in MEASURES:
            raise ValueError(f"measure must be one of {', '.join(MEASURES)}, got {self.measure!r}")
        super().__post_init__()
        chance = {}
        for level, given in self.chance.items():
            checked = in_unit(check_columns(given, ["depth", *INTERVAL], level.name), INTERVAL, self.unit)
            chance[level] = checked.dropna(subset=["mean"]).sort_values("depth", ignore_index=True)
        object.__setattr__(self, "_chance", {level: table for level, table in chance.items() if len(table)})

    @property
    def unit(self) -> str:
        """percent, leaves or rows."""
        return MEASURES[self.measure].unit

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the number of each model, with bands, over the chance levels; a model without a depth is a horizontal line."""
        title = MEASURES[self.measure].title
        unit = "percent of rows" if self.unit == "percent" else self.unit
        return depth_panels(
            [Panel(title.lower(), "test", self._table, self._seeds)],
            title=f"{title} against depth",
            measure=title.lower() if self.unit in title.lower() else f"{title.lower()} ({unit})",
            why=_NOTHING,
            floor=0.0,
            ceiling=100.0 if self.unit == "percent" else np.inf,
            chosen=self.chosen,
            lit=self._lit,
            subject=subject,
            look=look,
            chance=self._chance,
        )

    def sentence(self) -> str:
        """Give the number at the chosen depth, else at the first and the last depth, and what chance gives there; plain text.

        >>> from leafscope.core.usage.levels import HYPERPLANES
        >>> columns = ["model", "variant", "depth", "mean", "low", "high", "n"]
        >>> curves = pd.DataFrame([("tree", "", 4, 5.2, 4.8, 5.6, 5)], columns=columns)
        >>> chance = pd.DataFrame([(4, 6.0, 3.7, 7.7)], columns=["depth", "mean", "low", "high"])
        >>> print(LeafUseByDepth(curves, chosen=4, chance={HYPERPLANES: chance}).sentence())
        Effective leaves at K = 4, chosen on validation: tree 5.20 leaves [4.80, 5.60], n = 5. Random hyperplanes on the same \
rows would give 6.00 leaves [3.70, 7.70].
        """
        said = self._values(self._known(), MEASURES[self.measure].title, _NOTHING, row_words)
        depths = self._known()["depth"].dropna()
        at = self.chosen if self.chosen is not None else depths.max() if len(depths) else np.nan
        rows = {level: table[table["depth"] == at] for level, table in self._chance.items()}
        level = compared(one for one, found in rows.items() if len(found))
        if level is None or self._known().empty:
            return said
        row = rows[level].iloc[0]
        words = range_words(row["mean"], row["low"], row["high"], self.unit)
        is_said = self.chosen is not None or depths.min() == depths.max()
        where = "" if is_said else f" at K = {at:.0f}"
        return f"{said} {sentence_case(level.name)} would give {words}{where}."

    def table(self) -> pd.DataFrame:
        """List the means drawn: model, variant, depth, mean, low, high, n, unit; last the chance levels, named as models."""
        levels = [table.assign(model=level.name, variant="") for level, table in self._chance.items()]
        return pd.concat([self._table, *levels], ignore_index=True) if levels else self._table
