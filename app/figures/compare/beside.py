"""What figures of runs side by side share: room for a few runs, and names that fit beside them."""

from collections.abc import Sequence

from leafscope.app import theme
from leafscope.app.theme import Look

LEAST_ROWS = 4
"""Room for so many runs is kept, so that those of few do not swell."""
HOVER_LIMIT = 60
NO_RUNS = "There are no runs to show."
_NAME_LIMIT = {False: 22, True: 14}


def labels(names: Sequence[str], look: Look) -> list[str]:
    """Cut names at their ends, or in their middles where that leaves two alike.

    >>> labels(["a tree of a very long name, seed 1", "a tree of a very long name, seed 2"], Look(projector=True))
    ['a tree…seed 1', 'a tree…seed 2']
    """
    limit = _NAME_LIMIT[look.projector]
    cut = [theme.one_line(name, limit) for name in names]
    if len(set(cut)) == len(set(names)):
        return cut
    whole = [theme.one_line(name) for name in names]
    half = limit // 2
    return [name if len(name) <= limit else f"{name[: limit - half - 1].rstrip()}…{name[-half:].lstrip()}" for name in whole]
