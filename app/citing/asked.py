"""A figure that is asked for by whoever opens a page without a browser, and the slide that the page gives for it."""

from typing import Any

import streamlit as st

from leafscope.app.theme import Look
from leafscope.core.store.decks import Slide

WANTED, GIVEN = "_figure_wanted", "_figure_given"
"""Keys of session state: the figure's name and look, and its slide."""


def want(state: Any, key: str, look: Look) -> None:
    """Ask the session with this state for a figure, by its name on its page."""
    state[WANTED] = (key, look)


def look_for(key: str) -> Look | None:
    """The look in which this session is asked for a figure; None: it is not."""
    wanted, look = st.session_state.get(WANTED, (None, None))
    return look if wanted == key else None


def give(slide: Slide) -> None:
    """Answer with the figure's slide."""
    st.session_state[GIVEN] = slide


def given(state: Any) -> Slide | None:
    """The slide that a session with this state gave."""
    found: Slide | None = state[GIVEN] if GIVEN in state else None  # noqa: SIM401 -- not a dictionary
    return found
