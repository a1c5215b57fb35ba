"""Information of the sign pattern about the class, prefix by prefix, beside permuted orders of the same bits.

K = depth, the number of gating bits · level l from 0 (no bit) to K (the whole pattern) · information is adjusted for chance.
"""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import ArrayLike

from leafscope.app import theme
from leafscope.app.figures.shared import frame, interval_lines
from leafscope.app.figures.shared.chance import RANDOM, Band, add_chance, beside_chance, interval, make_legend_room
from leafscope.app.figures.shared.model_style import model_style
from leafscope.app.theme import SCREEN, Look


@dataclass(frozen=True, eq=False)
class InformationLevels:
    """The adjusted information about the class in the first 0, 1, ..., K bits, beside random orders of the bits.

    Raises ValueError for shapes that do not fit.
    """

    adjusted: ArrayLike
    """(K + 1,) information, 0 is what chance gives and 1 is everything; NaN where it is undefined."""
    random: Band
    """Of random orders, each (K + 1,)."""
    orders: int
    """How many random orders there are."""
    split: str = "test"
    """Whose rows these are."""
    model: str = "tree"
    """Sets colour and marker."""

    _table: pd.DataFrame = field(init=False, repr=False)

    def __post_init__(self) -> None:
        adjusted = np.asarray(self.adjusted, dtype=np.float64)
        if adjusted.ndim != 1 or not len(adjusted):
            raise ValueError(f"adjusted must have K + 1 entries, got shape {adjusted.shape}")
        own = pd.DataFrame({"level": np.arange(len(adjusted)), "adjusted": adjusted})
        object.__setattr__(self, "_table", beside_chance(own, self.random, "levels"))

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw the information against the length of the prefix."""
        table = self._table
        height = theme.SIDE_HEIGHT[look.projector]
        title = "Information about the class against bits of the pattern"
        if (why := self._nothing()) is not None:
            return frame.empty_figure(look=look, title=title, subject=subject, why=why, height=height)
        style = model_style(self.model, "", look)
        figure = go.Figure()
        figure.add_scatter(
            x=table["level"],
            y=table["adjusted"],
            mode="lines+markers",
            name="order of this net",
            line={"color": style["colour"]},
            marker={"symbol": style["marker"], "color": style["colour"]},
            hovertext=[
                f"{_bits(level)}<br>information {theme.three_significant(value)}"
                for level, value in zip(table["level"], table["adjusted"])
            ],
            hoverinfo="text",
        )
        add_chance(
            figure,
            table["level"],
            table,
            name="random orders",
            said=[
                f"{_bits(level)}, random orders<br>information {interval(*ends, is_share=False)}"
                for level, *ends in table[["level", *RANDOM]].to_numpy().tolist()
            ],
            look=look,
        )
        width = look.width - 4.5 * theme.FONT_SIZE[look.projector]
        deepest = int(table["level"].max())
        interval_lines.integer_axis(figure, low=0, high=deepest, width=width, title="length of the prefix (bits)", look=look)
        subtitle = self._subtitle()
        frame.frame(figure, look=look, title=title, subject=subject, subtitle=subtitle, height=height, legend="top")
        make_legend_room(figure, look)
        values = table[["adjusted", *RANDOM]]
        figure.update_yaxes(title_text="information", range=list(interval_lines.value_range(values)), zeroline=True, nticks=6)
        return figure

    def sentence(self) -> str:
        """Say how much of the class the pattern tells, and where the order of the bits matters most; plain text.

        >>> random = ([0, 0.22, 0.412], [0, 0.1, 0.412], [0, 0.33, 0.412])
        >>> print(InformationLevels([0, 0.31, 0.412], random, orders=20).sentence())
        The pattern carries 0.412 of the information about the class of the test rows (adjusted for chance; 0 = nothing, \
1 = everything); its first bit carries 0.310, that of a random order 0.220 [0.100, 0.330].
        """
        if (why := self._nothing()) is not None:
            return why
        table = self._table
        whole = table["adjusted"].iloc[-1]
        said = (
            f"The pattern carries {theme.three_significant(whole)} of the information about the class of the "
            f"{self.split} rows (adjusted for chance; 0 = nothing, 1 = everything)"
        )
        gap = (table["adjusted"] - table["random_mean"]).abs().to_numpy()[1:-1]
        if not np.isfinite(gap).any():
            return f"{said}."
        row = table.iloc[1 + int(np.nanargmax(gap))]
        chosen = ", where orders differ most," if len(gap) > 1 else ""
        one = row["level"] == 1
        bits = f"first bit{chosen} carries" if one else f"first {row['level']:.0f} bits{chosen} carry"
        random = interval(*(float(row[column]) for column in RANDOM), is_share=False)
        return (
            f"{said}; its {bits} {theme.three_significant(row['adjusted'])}, {'that' if one else 'those'} of a random order "
            f"{random}."
        )

    def table(self) -> pd.DataFrame:
        """List the levels: level, adjusted, random_mean, random_low, random_high."""
        return self._table

    def _subtitle(self) -> str:
        words = [f"{self.split} rows", "adjusted for chance, 1 = everything"]
        if self._table["random_mean"].notna().any():
            orders = f"{theme.thousands(self.orders)} random order{'' if self.orders == 1 else 's'}"
            words.append(f"dashed: mean of {orders}, band: 95 %")
        return "; ".join(words)

    def _nothing(self) -> str | None:
        """Why there is nothing to show, or None."""
        if len(self._table) <= 1:
            return "At depth 0 there is one leaf and no gate, so no bit can tell the class."
        if not np.isfinite(self._table["adjusted"].iloc[-1]):
            return f"There are no {self.split} rows, or all are of one class or in one leaf, so no bit can tell the class."
        return None


def _bits(level: float) -> str:
    return f"{level:.0f} bit{'' if level == 1 else 's'}"
