"""Continuous training: at a constant rate, until it is paused; then on as before, by single epochs, or from the beginning.

A run is trained continuously if its settings say so: there is no other mark of it, and its address brings it back.
"""

import streamlit as st

from leafscope.app.address import session
from leafscope.app.parts import diverged
from leafscope.app.playground import controls
from leafscope.core import jobs
from leafscope.core.config import RunConfig
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.values.summaries import RunSummary

EPOCHS = 10_000
"""The most epochs that a run can have. After so many it ends: the smallest nets of the Playground train 500 in a second."""

SETTINGS = {"train.schedule": "constant", "train.epochs": EPOCHS}

AXIS_ENDS = (20, 50, 100, 200, 500, 1000, 2000, 5000)
"""Epochs at which the axis of the curves ends, one after the other, so that it moves seldom."""

KEY, BEFORE = "_continuous", "_before_continuous"

WIDTH, OF_RESET, OF_OTHERS = 96, 68, 114
"""CSS px of Play and One epoch, of Reset, and of the buttons beside them: five stand where there were four."""


def is_continuous(run: RunConfig) -> bool:
    """Whether a run has the settings of continuous training: a constant rate, and the most epochs."""
    return run.train.schedule == SETTINGS["train.schedule"] and run.train.epochs >= EPOCHS


def axis_end(now: RunSummary) -> int:
    """The last epoch that curves have room for: the run's last, or some more than are done if it may be paused before that."""
    if not is_continuous(now.config):
        return now.epochs_total
    return next((end for end in AXIS_ENDS if now.epochs_done <= end < now.epochs_total), now.epochs_total)


def choose(chosen: RunConfig | None) -> None:
    """Draw the switch, which says what the settings are, and sets them; None if they are not valid."""
    if chosen is not None:
        st.session_state[KEY] = is_continuous(chosen)
    st.toggle(
        "Train continuously",
        key=KEY,
        on_change=_switch,
        help=f"Constant learning rate, up to {EPOCHS:,} epochs. Play and pause as often as you like: the history is that of a "
        "run that was never paused.",
    )


def _switch() -> None:
    """Set the fields that make training continuous, or those from before."""
    state, wanted = st.session_state, dict[str, object]()
    for control in controls.ALL:
        if control.field in SETTINGS:
            before = state.get(BEFORE, {}).get(control.field, controls.default_value(control))
            wanted[control.field] = state.get(control.key)
            state[control.key] = SETTINGS[control.field] if state[KEY] else before
    if state[KEY]:
        state[BEFORE] = wanted


def was_reset(shown: RunSummary) -> bool:
    """Whether a person went back to the beginning of a run and has not trained it since."""
    return bool(st.session_state.get(session.Keys.RESET) == (shown.run_id, shown.attempt))


def draw(chosen: RunConfig, shown: RunSummary | None, *, is_new: bool, is_valid: bool) -> None:
    """Draw the buttons for a run that is trained continuously; `is_new`: it is another one than the one shown, or was reset."""
    mine = shown if shown is not None and shown.run_id == chosen.run_id else None
    if mine is not None and mine.active:
        st.button(
            "Pause",
            icon=":material/pause:",
            disabled=mine.stopping,
            key="_pause",
            width=WIDTH,
            help="Stop here. Play goes on as if it had never stopped.",
            on_click=_stop,
            args=(mine.run_id,),
        )
    elif st.button(
        "Play",
        type="primary",
        icon=":material/play_arrow:",
        disabled=not is_valid or (not is_new and _is_over(mine)),
        key="_play",
        width=WIDTH,
        help=f"Train until you pause, or for {chosen.epochs:,} epochs.",
    ):
        _go_on(chosen, one_epoch=False)
    if st.button(
        "One epoch",
        disabled=not is_valid or (mine is not None and (mine.active or (not is_new and _is_over(mine)))),
        key="_one_epoch",
        width=WIDTH,
        help="Train to the end of the next epoch, then pause.",
    ):
        _go_on(chosen, one_epoch=True)
    if st.button(
        "Reset",
        disabled=mine is None or was_reset(mine),
        key="_reset",
        width=OF_RESET,
        help="Go back to the untrained net. Play then trains from the beginning.",
    ):
        assert mine is not None  # the button is disabled
        _reset(mine)


def _is_over(mine: RunSummary | None) -> bool:
    """Whether a run cannot go on: it has trained all its epochs, or its loss became infinite."""
    return mine is not None and (mine.status == "finished" or diverged.has_diverged(mine))


def _go_on(chosen: RunConfig, one_epoch: bool) -> None:
    """Train a run on from where it stopped, else from the beginning; one that has finished is shown."""
    store = jobs.default_store()
    now = store.runs([chosen.run_id]).get(chosen.run_id)
    try:
        if now is None or was_reset(now):
            store.submit(chosen, anew=True, one_epoch=one_epoch)
        elif now.status != "finished":
            store.resume(chosen.run_id, one_epoch=one_epoch)
    except LeafscopeError as error:
        session.notify(str(error))
    else:
        controls.take_from(chosen.run_id)
    st.rerun(scope="app")


def _stop(run_id: str) -> None:
    try:
        jobs.default_store().stop(run_id)
    except LeafscopeError as error:
        session.notify(str(error))


def _reset(mine: RunSummary) -> None:
    if mine.active:
        _stop(mine.run_id)
    now = jobs.default_store().runs([mine.run_id]).get(mine.run_id, mine)
    st.session_state[session.Keys.RESET] = (now.run_id, now.attempt)
    st.rerun(scope="app")
