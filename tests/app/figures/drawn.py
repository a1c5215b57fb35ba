"""What tests read off a drawing."""

import math
from typing import Any

import plotly.graph_objects as go


def named(figure: go.Figure, name: str) -> list[Any]:
    """The traces of a name."""
    return [trace for trace in figure.data if trace.name == name]


def bands(figure: go.Figure) -> list[Any]:
    return [trace for trace in figure.data if trace.type == "scatter" and trace.fill == "toself"]


def title(figure: go.Figure) -> str:
    """Title and subtitle on one line."""
    return str(figure.layout.title.text).replace("<br>", " ")


def labels(figure: go.Figure) -> list[str]:
    return [str(a.text).replace("<br>", " ") for a in figure.layout.annotations]


def finite(values: Any) -> list[float]:
    return [float(value) for value in values if value is not None and math.isfinite(value)]
