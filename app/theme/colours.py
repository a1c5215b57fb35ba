"""Colours, markers, dashes and patterns of models, classes, loads and splits."""

import numpy as np
from plotly.colors import sequential

# Colours

TEXT = {False: "#1C222B", True: "#E8EBEF"}
"""Text, by dark."""
MUTED = {False: "#5A6472", True: "#A7B0BC"}
"""Secondary text, axis lines, and what recedes (grey lines, unused leaves), by dark."""
GRID = {False: "#DDE1E7", True: "#363C46"}
"""Grid lines, by dark."""
BACKGROUND = {False: "#FFFFFF", True: "#0E1116"}
"""The page behind a figure, by dark."""

MODEL_COLOURS = {
    "tree": "#0072B2",
    "tree_units": "#56B4E9",
    "flat": "#D55E00",
    "shuffled": "#E69F00",
    "root_leaf": "#8C564B",
    "additive": "#8B5CF6",
    "flat_mean": "#828228",
    "decision_tree": "#009E73",
    "ensemble": "#CC79A7",
    "moe": "#C0392B",
    "fff": "#16A3A3",
    "soft_tree": "#7A8F00",
}
"""Style of a model (`core.models`) -> its colour in both themes; dense nets and logistic regression are neutral."""

NEUTRAL = {False: "#4A4F57", True: "#C4C9D0"}
"""Dense nets and logistic regression: dark grey on light, light grey on dark."""

MODEL_MARKERS = {
    "tree": "circle",
    "tree_units": "diamond",
    "random_gates": "circle-open",
    "flat": "square",
    "shuffled": "pentagon",
    "root_leaf": "star",
    "additive": "cross",
    "flat_mean": "square-open",
    "moe": "hexagram",
    "moe_computation": "hexagram-open",
    "moe_capacity": "hexagram-open-dot",
    "fff": "star-square",
    "fff_computation": "star-square-open",
    "fff_capacity": "star-square-open-dot",
    "soft_tree": "diamond-tall",
    "soft_tree_computation": "diamond-tall-open",
    "soft_tree_capacity": "diamond-tall-open-dot",
    "decision_tree": "triangle-up",
    "decision_tree_pruned": "triangle-up-open",
    "ensemble": "triangle-down",
    "gradient_boosting": "triangle-down-open",
    "dense": "hexagon",
    "dense_capacity": "hexagon-open",
    "dense_ladder": "hexagon2",
    "logistic": "x-thin-open",
    "linear": "cross-thin-open",
}
"""Marker of each model, or of its style, so that colour is never the only coding; others get a circle."""

CLASS_COLOURS = (
    "#0050F8",
    "#F06810",
    "#00A860",
    "#9830C0",
    "#D00000",
    "#F848C8",
    "#1898F8",
    "#307040",
    "#409098",
    "#686088",
)
"""Classes in the data set's order: contrast of at least 3 on both backgrounds, distinct with red-green blindness too."""

CLASS_MARKERS = ("circle", "square", "diamond", "triangle-up", "cross", "x", "star", "pentagon", "hourglass", "bowtie")
"""Marker of each class; every further ten classes repeat the colours with shifted markers."""

Scale = list[tuple[float, str]]
"""A Plotly colour scale: (place from 0 to 1, hex colour), linear in RGB in between."""

LOAD_SCALE: Scale = [(step / (len(sequential.Cividis) - 1), colour.upper()) for step, colour in enumerate(sequential.Cividis)]
"""Load: Cividis from 0."""

VALUE_SCALE: Scale = [(step / (len(sequential.Viridis) - 1), colour.upper()) for step, colour in enumerate(sequential.Viridis)]
"""A number that is predicted: Viridis from the lowest to the highest."""

SHARE_POWER = 1 / 3
"""A share of rows stands on the scale of loads at its third root: all rows are brightest, and leaves of deep trees differ."""

SHARE_TICKS = (0.0, 0.01, 0.1, 0.5, 1.0)
"""Shares of rows that a legend names."""

_LIFT_COLOURS = {False: ("#F4F4F7", "#B8B0D4", "#C2410C"), True: ("#171A22", "#4B4570", "#F9A03F")}


def lift_scale(most: float, *, dark: bool = False) -> Scale:
    """Give the scale of a lift from 0 to `most` > 1: 0 fades into the page, the neutral 1 is lilac, more is orange."""
    absent, neutral, high = _LIFT_COLOURS[dark]
    return [(0.0, absent), (1 / most, neutral), (1.0, high)]


ON_REGION = {False: 0.0, True: 0.45}
"""How far a class's colour is mixed with white where it stands for rows on a region of the same class, by dark."""

SPLIT_DASHES = {"test": "solid", "validation": "dash", "train": "dot"}
"""Dash of each split, for lines."""

SPLIT_MARKERS = {"test": "circle", "validation": "square", "train": "diamond"}
"""Marker of each split, for lines of one model."""

SPLIT_PATTERNS = {"test": "", "validation": "/", "train": "."}
"""Pattern of each split, for bars: test is solid, train dotted."""

SPLIT_WORDS = {"test": "test", "validation": "validation", "train": "training"}
"""Name of each split in a sentence or a legend."""

BAND_OPACITY = 0.2
"""Opacity of intervals around a mean."""
SEED_OPACITY = 0.35
"""Opacity of lines of single seeds."""


def model_colour(kind: str, *, dark: bool = False, gates: str = "hidden") -> str:
    """Give the colour of a model: its kind, and for a tree its gates -> hex colour; unknown kinds are neutral.

    >>> model_colour("tree"), model_colour("tree", gates="units"), model_colour("dense", dark=True)
    ('#0072B2', '#56B4E9', '#C4C9D0')
    """
    return MODEL_COLOURS.get(_model_key(kind, gates), NEUTRAL[dark])


def model_marker(kind: str, *, gates: str = "hidden") -> str:
    """Give the Plotly marker of a model: its kind, and for a tree its gates -> symbol; unknown kinds get a circle.

    >>> model_marker("flat"), model_marker("dense_capacity")
    ('square', 'hexagon-open')
    """
    return MODEL_MARKERS.get(_model_key(kind, gates), "circle")


def _model_key(kind: str, gates: str) -> str:
    return "tree_units" if kind == "tree" and gates == "units" else kind


def class_colour(index: int) -> str:
    """Give the colour of class `index` in the data set's order, from 0; the eleventh repeats the first.

    >>> class_colour(0) == class_colour(10) == CLASS_COLOURS[0]
    True
    """
    return CLASS_COLOURS[index % len(CLASS_COLOURS)]


def class_marker(index: int) -> str:
    """Give the marker of class `index`: with the colour, distinct for 100 classes.

    >>> class_marker(0), class_marker(10)
    ('circle', 'square')
    """
    return CLASS_MARKERS[(index + index // len(CLASS_COLOURS)) % len(CLASS_MARKERS)]


def load_colour(value: float, most: float) -> str:
    """Give the colour of a load, from 0 to `most` -> hex; a `most` of 0 gives the lowest.

    >>> load_colour(0.0, 2.0), load_colour(2.0, 2.0)
    ('#00224E', '#FEE838')
    """
    return scale_colour(LOAD_SCALE, value / most if most > 0 else 0.0)


def share_place(share: float) -> float:
    """Place a share of rows, from 0 to 1, on the scale of loads: from 0 to 1, the same on all pages.

    >>> share_place(0.0), round(share_place(0.125), 12), share_place(1.0)
    (0.0, 0.5, 1.0)
    """
    return float(max(0.0, share) ** SHARE_POWER)


def share_colour(share: float) -> str:
    """Give the colour of a node of a tree that holds a share of the rows, from 0 to 1 -> hex.

    >>> share_colour(0.0), share_colour(1.0)
    ('#00224E', '#FEE838')
    """
    return scale_colour(LOAD_SCALE, share_place(share))


def scale_colour(scale: Scale, place: float) -> str:
    """Give the colour at a place of a scale, clipped to 0..1 -> hex.

    >>> scale_colour([(0.0, "#000000"), (1.0, "#FFFFFF")], 0.2)
    '#333333'
    """
    places = [at for at, _ in scale]
    channels = zip(*(_channels(colour) for _, colour in scale))
    red, green, blue = (round(float(np.interp(place, places, channel))) for channel in channels)
    return f"#{red:02X}{green:02X}{blue:02X}"


def contrast(first: str, second: str) -> float:
    """Measure the contrast of two hex colours by WCAG 2.2: 1 (the same) to 21 (black on white).

    >>> contrast("#FFFFFF", "#000000")
    21.0
    """
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def ink_on(colour: str) -> str:
    """Choose the ink that reads better on a hex colour: black or white, of which one has AA contrast on any colour.

    >>> ink_on("#FEE838"), ink_on("#00224E")
    ('#000000', '#FFFFFF')
    """
    return max(("#000000", "#FFFFFF"), key=lambda ink: contrast(ink, colour))


def faded(colour: str, opacity: float) -> str:
    """Make a hex colour transparent: opacity from 0 to 1 -> CSS rgba.

    >>> faded("#0072B2", 0.2)
    'rgba(0, 114, 178, 0.2)'
    """
    red, green, blue = _channels(colour)
    return f"rgba({red}, {green}, {blue}, {opacity:g})"


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in (part / 255 for part in _channels(colour))]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
