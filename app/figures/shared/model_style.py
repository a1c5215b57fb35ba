"""Models in figures: the words, the colour, the marker and the line of each, the same everywhere."""

from typing import Any

from leafscope.app import theme
from leafscope.app.theme import Look

MODEL_WORDS = {
    "tree": "tree",
    "tree_units": "tree, gating units",
    "flat": "flat",
    "random_gates": "tree, random gates",
    "dense": "dense, same multiply-adds",
    "dense_capacity": "dense, same parameters",
    "dense_ladder": "dense, wider",
    "logistic": "logistic regression",
    "decision_tree": "decision tree",
    "decision_tree_pruned": "decision tree, pruned",
    "random_forest": "random forest",
    "gradient_boosting": "gradient boosting",
}
"""Model -> its words; models that are not here are shown by their own name."""

_KINDS = {
    "random_gates": "tree",
    "dense_ladder": "dense",
    "decision_tree_pruned": "decision_tree",
    "random_forest": "ensemble",
    "gradient_boosting": "ensemble",
}
"""Models that share the colour of another."""

_MARKERS = {
    "random_gates": "circle-open",
    "dense_ladder": "hexagon2",
    "decision_tree_pruned": "triangle-up-open",
    "random_forest": "triangle-down",
    "gradient_boosting": "triangle-down-open",
}

_THIN = ("random_gates", "dense_capacity", "dense_ladder", "logistic", "decision_tree_pruned")
"""Models whose line is half as wide: controls and second ones of a kind."""


def model_words(model: str, variant: str = "") -> str:
    """Name a model and its variant, as written, not yet escaped.

    >>> model_words("random_gates"), model_words("tree", "decay_growth=2")
    ('tree, random gates', 'tree (decay_growth=2)')
    """
    words = MODEL_WORDS.get(model, model)
    return f"{words} ({variant})" if variant else words


def model_style(model: str, variant: str, look: Look) -> dict[str, Any]:
    """Give how a model is drawn: `colour` (hex), `marker` (Plotly's symbol) and `width` of the line in px.

    >>> model_style("tree", "", Look())
    {'colour': '#0072B2', 'marker': 'circle', 'width': 2}
    """
    kind = "tree" if model == "tree_units" else _KINDS.get(model, model)
    gates = "units" if model == "tree_units" else "hidden"
    marker = _MARKERS.get(model) or theme.model_marker(kind, gates=gates)
    width = theme.LINE_WIDTH[look.projector]
    return {
        "colour": theme.model_colour(kind, dark=look.dark, gates=gates),
        "marker": f"{marker}-dot" if variant and not marker.endswith("-open") else marker,
        "width": width / 2 if model in _THIN or variant else width,
    }
