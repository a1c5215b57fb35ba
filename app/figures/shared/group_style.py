"""Groups of runs in figures: what each is called and how it is drawn, the same in every figure of a selection.

Where every group is one model, colours are the models'. Where groups differ in one number, they are a ramp. Otherwise each
takes the next of the class colours. Markers differ too.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from plotly.colors import sequential

from leafscope.app import theme
from leafscope.app.figures.shared.model_style import model_style
from leafscope.app.theme import Look, Scale

_RAMP: Scale = [(step / (len(sequential.Plasma) - 1), colour.upper()) for step, colour in enumerate(sequential.Plasma)]
_RAMP_ENDS = {False: (0.0, 0.62), True: (0.38, 1.0)}
"""Of the ramp, by dark: what reads against the background."""


def ramp(look: Look = theme.SCREEN) -> Scale:
    """Give the colours of an ordered quantity, from low to high, cut to what reads against the background.

    >>> ramp()[0], ramp(Look(dark=True))[-1]
    ((0.0, '#0D0887'), (1.0, '#F0F921'))
    """
    low, high = _RAMP_ENDS[look.dark]
    inner = [place for place, _ in _RAMP if low < place < high]
    return [((place - low) / (high - low), theme.scale_colour(_RAMP, place)) for place in (low, *inner, high)]


@dataclass(frozen=True)
class GroupStyle:
    """A group and how it is drawn."""

    words: str
    """As written, not yet escaped."""
    colour: str
    """Hex."""
    marker: str
    """Plotly's symbol."""


def group_styles(
    words: Sequence[str],
    *,
    models: Sequence[str] | None = None,
    numbers: Sequence[float] | None = None,
    slots: Sequence[int] | None = None,
    look: Look = theme.SCREEN,
) -> list[GroupStyle]:
    """Style groups, in order: by `models` if they are given and all different, else by `numbers`, else by `slots`.

    `slots` are places in the palette, which stay a group's own while others come and go; without them 0, 1, ... Raises
    ValueError where one of the lists has another length than `words`.

    >>> [style.colour for style in group_styles(["tree", "flat"], models=["tree", "flat"])]
    ['#0072B2', '#D55E00']
    """
    for name, given in (("models", models), ("numbers", numbers), ("slots", slots)):
        if given is not None and len(given) != len(words):
            raise ValueError(f"{name} must have one entry for each of the {len(words)} groups, got {len(given)}")
    places = list(range(len(words)) if slots is None else slots)
    markers = [theme.class_marker(place) for place in places]
    if models is not None and len(set(models)) == len(models):
        styles = [model_style(model, "", look) for model in models]
        pairs = {(style["colour"], style["marker"]) for style in styles}
        if len(pairs) == len(styles):
            return [GroupStyle(text, style["colour"], style["marker"]) for text, style in zip(words, styles, strict=True)]
    if numbers is not None and len(set(numbers)) == len(numbers):
        low, high = _RAMP_ENDS[look.dark]
        ranks = {number: rank for rank, number in enumerate(sorted(numbers))}
        last = max(1, len(ranks) - 1)
        colours = [theme.scale_colour(_RAMP, low + (high - low) * ranks[number] / last) for number in numbers]
        return [GroupStyle(*one) for one in zip(words, colours, markers, strict=True)]
    return [GroupStyle(text, theme.class_colour(place), marker) for text, place, marker in zip(words, places, markers)]
