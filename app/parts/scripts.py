"""The scripts and the style that draw in the browser: a component is made of some of them."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import streamlit as st

_ASSETS = Path(__file__).resolve().parents[1] / "assets" / "scene"


def component(name: str, *scripts: str) -> Callable[..., Any]:
    """Give a component that is drawn by some scripts of the scene, the last of which has its default function.

    Unlike `st.plotly_chart`, it keeps its DOM node at a rerun; it needs no build step.
    """
    made: Callable[..., Any] = st.components.v2.component(
        name, html='<div class="scene"></div>', css=_read("scene.css"), js="\n".join(_read(f"{one}.js") for one in scripts)
    )
    return made


@lru_cache
def _read(name: str) -> str:
    return (_ASSETS / name).read_text(encoding="utf-8")
