"""A field in which a person writes a filter of runs: its help, and what is said where the filter cannot be read."""

from collections.abc import Callable, Sequence

import streamlit as st

from leafscope.app import theme
from leafscope.core.comparison.filter import FilterError, find
from leafscope.core.store.values.summaries import RunSummary

HELP = (
    "Words of a name, tag, status or comment; field=value, field=a|b, field!=a, field>=2, field=2..6; tag=talk. "
    "All conditions must hold."
)

_AROUND = 24
"""Characters shown on each side of the one that is wrong."""


def held(summaries: Sequence[RunSummary], text: str, searched: Callable[[RunSummary], str]) -> list[RunSummary]:
    """List the runs of which a filter holds, in order; all of them, and a sentence that says why, if it cannot be read."""
    try:
        return find(summaries, text, searched)
    except FilterError as error:
        refuse(text, error)
        return list(summaries)


def refuse(text: str, error: FilterError) -> None:
    """Say why a filter cannot be read, and point to the character."""
    st.error(theme.escape_markdown(str(error), 300), icon=":material/filter_alt_off:")
    if error.at is not None:
        st.code(pointed(text, error.at), language=None)


def pointed(text: str, at: int) -> str:
    """Write what is around a character, and a caret below it.

    >>> print(pointed("digits depth=four", 13))
    digits depth=four
                 ^
    """
    low = max(0, at - _AROUND)
    shown = "".join(sign if sign.isprintable() else " " for sign in text[low : at + _AROUND])
    return f"{shown}\n{' ' * (at - low)}^"
