"""Several nets in one row, on one clock, with one hover and one held point: small multiples of the scene."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from leafscope.app import always, theme
from leafscope.app.address import link, session
from leafscope.app.decks import current, scene_slide
from leafscope.app.scene import component, payload
from leafscope.core import jobs
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.values.summaries import RunSummary

CAPTION = (
    "One clock, one hover and one held point for all nets. Below each: its {rows} error, and the number of equally full leaves "
    "that would be used as evenly as its own (exp of the entropy of its loads), at the epoch shown. One seed each."
)


def show(runs: Mapping[str, RunSummary], *, key: str, begin: Mapping[str, Any] | None = None, caption: str = CAPTION) -> None:
    """Draw the scenes of runs of one data set, by the name that stands above each; "Add to deck" keeps them as a slide.

    They begin at the place `begin`, by default at the end of training.
    """
    scenes, configs = [], []
    for name, run in list(runs.items())[: scene_slide.MOST_SCENES]:
        try:
            scene = payload.scene(jobs.default_store(), run)
        except (LeafscopeError, ValueError):
            continue
        if scene["weights"] or scene["ready"] or scene["tree"]:
            scenes.append(scene | {"title": theme.one_line(name, payload.TITLE_LENGTH)})
            configs.append(run.config)
    drawn = scene_slide.shared(scenes) if scenes else []
    if not drawn:
        st.info("None of these runs has a net that can be drawn here.")
        return
    told = component.explore(key, drawn, {**(begin or {}), "id": key})
    rows = "test" if drawn[0]["rows"]["test"]["n"] else "training"
    st.caption(f"{caption.replace('{rows}', rows)} {always.of_runs(configs)}".strip())
    if current.button(key, "Keep this row of nets, as it is now, as a slide that can be replayed without a network."):
        place = told or dict.fromkeys(component.PLACE)
        current.keep(lambda: scene_slide.slide(scenes, place, configs, look=session.look(), address=link.address()))
