"""Models in figures: the words, the colour, the marker and the line of each, the same everywhere."""

from typing import Any

from leafscope.app import theme
from leafscope.app.theme import Look
from leafscope.core.models import lines


def model_words(model: str, variant: str = "") -> str:
    """Name a model and its variant, as written, not yet escaped; one that is not known is shown by its own name.

    >>> model_words("random_gates"), model_words("tree", "decay_growth=2")
    ('tree, random gates', 'tree (decay_growth=2)')
    """
    line = lines().get(model)
    words = model if line is None else line.words
    return f"{words} ({variant})" if variant else words


def model_style(model: str, variant: str, look: Look) -> dict[str, Any]:
    """Give how a model is drawn: `colour` (hex), `marker` (Plotly's symbol) and `width` of the line in px.

    >>> model_style("tree", "", Look())
    {'colour': '#0072B2', 'marker': 'circle', 'width': 2}
    """
    line = lines().get(model)
    style = model if line is None else line.style or model
    is_thin = line is not None and line.is_thin
    marker = theme.MODEL_MARKERS.get(model) or theme.MODEL_MARKERS.get(style, "circle")
    width = theme.LINE_WIDTH[look.projector]
    return {
        "colour": theme.MODEL_COLOURS.get(style, theme.NEUTRAL[look.dark]),
        "marker": f"{marker}-dot" if variant and not marker.endswith(("-open", "-dot")) else marker,
        "width": width / 2 if is_thin or variant else width,
    }
