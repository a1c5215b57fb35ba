"""A scene slide on the page Present: it is replayed and explored as in the deck, and its moment is chosen."""

from dataclasses import replace
from typing import Any

import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.scene import component, payload
from leafscope.core import jobs
from leafscope.core.errors import LeafscopeError
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
    component.scene()(
        key=key,
        data={
            "scenes": scenes,
            "looks": [payload.look(replace(session.look(), dark=dark)) for dark in (False, True)],
            "dark": session.look().dark,
            "place": figure.get("place") or {},
            "explained": figure.get("explained"),
            "autoplay": False,
            "live": False,
            "preview": False,
            "guide": None,
        },
        on_place_change=lambda: None,
        on_scheme_change=lambda: None,
    )
    told = (st.session_state.get(key) or {}).get("place")
    if st.button("Begin at this moment", icon=":material/bookmark:", key=f"_{key}_moment", disabled=not isinstance(told, dict)):
        _begin_at(slide_id, figure, told)


def _begin_at(slide_id: str, figure: dict[str, Any], told: Any) -> None:
    place = {name: told.get(name) for name in ("epoch", "level", "shuffled", "layer", "held")}
    try:
        jobs.default_store().change_slide(slide_id, figure=figure | {"place": place})
    except (LeafscopeError, ValueError) as error:
        session.notify(theme.escape_markdown(str(error)))
    else:
        st.toast("The slide now begins at this moment; the printed slide shows it.", icon=":material/bookmark:")
