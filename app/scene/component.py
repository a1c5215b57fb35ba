"""The scripts and the style that draw in the browser: a component is made of some of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import streamlit as st

from leafscope.app.address import session
from leafscope.app.scene import assets, payload

PLACE = ("epoch", "level", "shuffled", "layer", "held", "shows", "section")
"""What of the browser's state is kept."""


def component(name: str, *scripts: str) -> Callable[..., Any]:
    """Give a component that is drawn by some scripts of the scene, the last of which has its default function.

    Unlike `st.plotly_chart`, it keeps its DOM node at a rerun; it needs no build step.
    """
    made: Callable[..., Any] = st.components.v2.component(
        name, html='<div class="scene"></div>', css=assets.read("scene/scene.css"), js=assets.scripts(*scripts)
    )
    return made


def scene() -> Callable[..., Any]:
    """Give the component of the scene, which takes `data` as `mountScene` does, and tells a `place` and a `scheme`."""
    return component("leafscope_scene", *assets.SCENE, "component")


def _staged() -> Callable[..., Any]:
    """Give the component of a scene that is laid out as on the stage of a deck, and scaled to its width."""
    made: Callable[..., Any] = st.components.v2.component(
        "leafscope_staged_scene",
        html='<div class="scene-stage"><div class="scene-room"><div class="scene"></div></div></div>',
        css=assets.read("scene/scene.css") + assets.read("deck_scene.css") + assets.read("scene/staged.css"),
        js=assets.scripts(*assets.SCENE, "component"),
    )
    return made


def explore(
    key: str,
    scenes: Sequence[Mapping[str, Any]],
    place: Mapping[str, Any],
    *,
    explained: Any = None,
    staged: bool = False,
) -> dict[str, Any] | None:
    """Draw scenes that are recorded, beginning at a place; return the place at which they rest, once the browser told it.

    `staged`: as on the stage of a deck, scaled to the width that there is.
    """
    (_staged() if staged else scene())(
        key=key,
        data={
            "scenes": list(scenes),
            "looks": payload.stage_looks()
            if staged
            else [payload.look(replace(session.look(), dark=dark)) for dark in (False, True)],
            "dark": session.look().dark,
            "place": dict(place),
            "explained": explained,
            "autoplay": False,
            "live": False,
            "preview": False,
            "guide": None,
        },
        on_place_change=lambda: None,
        on_scheme_change=lambda: None,
    )
    told = (st.session_state.get(key) or {}).get("place")
    return {name: told.get(name) for name in PLACE} if isinstance(told, dict) else None
