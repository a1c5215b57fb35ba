"""What every figure is: an object that holds its numbers, checked once, and answers three questions."""

from typing import Protocol

import pandas as pd
import plotly.graph_objects as go

from leafscope.app.theme import SCREEN, Look


class Figure(Protocol):
    """A frozen dataclass of numbers; raises ValueError, when it is made, for numbers that it cannot show."""

    def figure(self, *, subject: str = "", look: Look = SCREEN) -> go.Figure:
        """Draw it; with nothing to draw, a figure of the same size that says why."""
        ...

    def sentence(self) -> str:
        """Say in plain text what the numbers say; escape it before it reaches Markdown."""
        ...

    def table(self) -> pd.DataFrame:
        """Give the numbers that are drawn, one row each."""
        ...
