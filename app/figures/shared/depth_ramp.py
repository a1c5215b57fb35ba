"""The colours of one model at several depths: shallow recedes towards the background, deep stands out against it."""

from collections.abc import Sequence

from leafscope.app import theme
from leafscope.app.theme import Look

_RAMP = {False: (("#FFFFFF", 0.25), ("#000000", 0.6)), True: (("#000000", 0.1), ("#FFFFFF", 0.75))}
"""What the model's colour is mixed with at the shallowest and the deepest tree, and how much of it, by dark."""


def depth_colour(colour: str, depth: float, depths: Sequence[float], look: Look) -> str:
    """Give the colour of one of the rising `depths` of a model with this hex colour, which the middle one has.

    >>> depth_colour("#0072B2", 2, [0, 2, 4], Look())
    '#0072B2'
    """
    place = depths.index(depth) / (len(depths) - 1) if len(depths) > 1 else 0.5
    (shallow, little), (deep, much) = _RAMP[look.dark]
    start = theme.scale_colour([(0.0, colour), (1.0, shallow)], little)
    end = theme.scale_colour([(0.0, colour), (1.0, deep)], much)
    return theme.scale_colour([(0.0, start), (0.5, colour), (1.0, end)], place)
