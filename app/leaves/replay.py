"""Playing the epochs of a run: the leaf loads move, and the page is at the epoch where they are paused."""

import math
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.parts import store_trouble
from leafscope.app.playground import live
from leafscope.core.usage.counts import leaf_counts_by_epoch, prefix_counts
from leafscope.core.usage.evenness import balance

if TYPE_CHECKING:
    from leafscope.app.leaves.view import View

TICK = 0.25
"""Seconds between two pictures."""

PICTURES = 40
"""The most pictures, so that no replay takes longer than ten seconds."""

_PLACE = session.Keys.REPLAY
"""Index of the epoch that is shown next; present only while they play."""

_SHOWN = "_replay_shown"
"""Index of the epoch on the screen, where a pause stays."""

_RUN = "_replay_run"
"""The run whose epochs play."""

_EPOCH = "_replay_epoch"
"""The epoch at which the replay was left, for the slider to take."""


def button(run_id: str, epochs: list[int], epoch: int) -> None:
    """Offer to play from the epoch that is shown, or from the start if that is the last, or to pause.

    Choosing another run stops the replay.
    """
    if st.session_state.get(_RUN) != run_id:
        st.session_state.pop(_PLACE, None)
    if playing():
        st.button("Pause", icon=":material/pause:", key="_pause", width="stretch", on_click=_pause, args=(epochs,))
        return
    place = epochs.index(epoch) if epoch != epochs[-1] else 0
    st.button(
        "Play the epochs",
        icon=":material/play_arrow:",
        key="_play",
        width="stretch",
        on_click=_start,
        args=(run_id, place),
        help=f"Shows the load of each leaf, or of prefixes of {live.MAX_BARS.bit_length() - 1} bits, epoch by epoch.",
    )


def playing() -> bool:
    """Whether epochs are playing."""
    return _PLACE in st.session_state


def take_epoch() -> None:
    """Put the slider, before it is drawn, where the replay was left."""
    if (epoch := st.session_state.pop(_EPOCH, None)) is not None:
        st.session_state["epoch"] = epoch


def play(view: "View") -> None:
    """Show the loads epoch by epoch, up to the last one; then the page is run again."""
    level = min(view.depth, live.MAX_BARS.bit_length() - 1)
    counts = prefix_counts(leaf_counts_by_epoch(view.series(), view.depth), level)
    most = float((counts / np.maximum(1, counts.sum(1, keepdims=True))).max())
    step = math.ceil(len(view.epochs) / PICTURES)

    @store_trouble.fragment(run_every=TICK)
    def picture() -> None:
        place = st.session_state.get(_PLACE)
        if place is None:
            return
        place = min(place, len(view.epochs) - 1)
        now = counts[place]
        epoch = view.epochs[place]
        even = balance(now)
        what = "leaves" if level == view.depth else f"prefixes of {level} bits"
        sentence = (
            f"Epoch {epoch}: the {theme.thousands(now.sum())} {view.rows} use {theme.thousands((now > 0).sum())} of "
            f"{theme.thousands(len(now))} {what}, equivalent to {theme.three_significant(even.effective_leaves)} equally used "
            f"ones; Gini {theme.three_significant(even.gini)}."
        )
        st.markdown(theme.escape_markdown(sentence))
        spec = live.load_spec(now, level, epoch, view.layer if view.layer_words else None, view.rows, 100 * most)
        st.echarts_chart(spec, height=theme.MAIN_HEIGHT[False] - 40, key="replay", alt=sentence, renderer="canvas")
        st.progress((place + 1) / len(view.epochs), text="Pause to see the page at this epoch.")
        st.session_state[_SHOWN] = place
        if place == len(view.epochs) - 1:
            _pause(view.epochs)
            st.rerun()
        st.session_state[_PLACE] = min(place + step, len(view.epochs) - 1)

    picture()


def _start(run_id: str, place: int) -> None:
    st.session_state[_PLACE] = place
    st.session_state[_RUN] = run_id
    st.session_state.pop(_SHOWN, None)


def _pause(epochs: list[int]) -> None:
    following = st.session_state.pop(_PLACE, len(epochs) - 1)
    place = st.session_state.pop(_SHOWN, following)
    st.session_state[_EPOCH] = epochs[min(place, len(epochs) - 1)]
