"""Runs to begin with: each opens one that shows something, and trains it if it is not here."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from leafscope.app.address import session
from leafscope.app.playground import controls, scene
from leafscope.app.scene import payload
from leafscope.core import jobs
from leafscope.core.config import RunConfig
from leafscope.core.config.presets import CHECKERBOARD, EXAMPLE, EXAMPLE_OF_IMAGES, NOISE, TEACHER_IN_PLANE
from leafscope.core.errors import LeafscopeError

KEY = "_preset"


@dataclass(frozen=True)
class Preset:
    """An entry of the menu."""

    words: str
    run: RunConfig
    beside: str | None = None
    """The model to compare with, by its name among `payload.partners`."""


PRESETS: Mapping[str, Preset] = {
    "spirals": Preset("Spirals: four sign bits in the plane", EXAMPLE),
    "checkerboard": Preset("Checkerboard: straight borders, beside a dense net", CHECKERBOARD, "dense"),
    "digits": Preset("Digits: draw one, see its leaf", EXAMPLE_OF_IMAGES),
    "teacher": Preset("Tree teacher: data that a tree labelled", TEACHER_IN_PLANE),
    "noise": Preset("Where it fails: strong noise, few rows, beside a dense net", NOISE, "dense"),
}


def draw(beside: str, width: int) -> None:
    """Draw the menu, in CSS px; `beside` is the key of the choice of a model to compare with."""
    chosen = st.menu_button(
        "Presets",
        list(PRESETS),
        format_func=lambda name: PRESETS[name].words,
        key=KEY,
        icon=":material/bookmarks:",
        on_click=_open,
        args=(beside,),
        width=width,
        help="Settings to begin with. A run that is not here is trained at once, in a few seconds.",
    )
    if chosen is not None:
        st.rerun(scope="app")


def _open(beside: str) -> None:
    show(PRESETS[st.session_state[KEY]], beside)


def show(preset: Preset, beside: str) -> None:
    """Show a preset's run and the one beside it; those that are not here are trained, and are nobody's own."""
    others = [] if preset.beside is None else [payload.partners(preset.run)[preset.beside]]
    try:
        for run in (preset.run, *others):
            if not jobs.default_store().runs([run.run_id]):
                jobs.default_store().submit(run, is_example=True)
    except LeafscopeError as error:
        session.notify(str(error))
        return
    for name in (beside, *scene.PLACE):  # of the run before
        st.query_params.pop(name, None)
    controls.take_from(preset.run.run_id)
    st.session_state[beside] = payload.NOTHING if preset.beside is None else preset.beside
