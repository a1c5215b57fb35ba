"""A scene slide on the page Present: it is replayed and explored as in the deck, and its moment is chosen."""

from typing import Any

import streamlit as st

from leafscope.app.decks.editing import undo
from leafscope.app.scene import component
from leafscope.core import jobs
from leafscope.core.store.decks import Slide


def show(slide_id: str, slide: Slide) -> None:
    """Draw a slide's scene, with a button that keeps the moment at which it rests."""
    figure: dict[str, Any] = slide.figure or {}
    try:
        first = figure["scenes"][0]
        scenes = [one | {"rows": one["rows"] or first["rows"]} for one in figure["scenes"]]
    except (KeyError, TypeError, IndexError):
        st.error("This scene is damaged and cannot be drawn.")
        return
    key = f"slide_{slide_id}"
    with st.container(key="slide_scene"):
        told = component.explore(key, scenes, figure.get("place") or {}, explained=figure.get("explained"), staged=True)
    if st.button("Begin at this moment", icon=":material/bookmark:", key=f"_{key}_moment", disabled=told is None):
        _begin_at(slide_id, figure, told)


def _begin_at(slide_id: str, figure: dict[str, Any], place: dict[str, Any] | None) -> None:
    if undo.of_open(lambda: jobs.default_store().change_slide(slide_id, figure=figure | {"place": place})):
        st.toast("The slide now begins at this moment; the printed slide shows it.", icon=":material/bookmark:")
