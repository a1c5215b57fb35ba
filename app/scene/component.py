"""The scripts and the style that draw in the browser: a component is made of some of them."""

from collections.abc import Callable
from typing import Any

import streamlit as st

from leafscope.app.scene import assets


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
