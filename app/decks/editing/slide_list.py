"""The slides of a deck in order, with small pictures: a slide is chosen, and moved by mouse, finger or keys."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import streamlit as st

from leafscope.app import theme
from leafscope.app.decks.editing import thumbnail
from leafscope.app.scene import assets
from leafscope.core.store.decks import Slide

ROW = 60
"""The height of a slide in px, as in slides.css."""

MOST_ROWS = 10
"""Slides that are seen at once; the others are scrolled to."""

KEY = "_slides"

_WORDS = "Slides. Arrow keys choose one; with Alt they move it."


def show(
    content: Mapping[str, Slide], open_id: str, on_open: Callable[[str], None], on_order: Callable[[list[str]], None]
) -> None:
    """Draw the list; the functions are told the slide that was chosen, or all slides in their new order."""

    def told(name: str) -> Any:
        return (st.session_state.get(KEY) or {}).get(name)

    def opened() -> None:
        if told("open") in content:
            on_open(told("open"))

    def ordered() -> None:
        order = told("order")
        if isinstance(order, list) and len(order) == len(content) and set(map(str, order)) == set(content):
            on_order(order)

    # its height is known before it is drawn
    with st.container(height=ROW * min(MOST_ROWS, len(content)) + 2, border=False, key="slide_list"):
        _component()(
            key=KEY,
            data={"slides": [_row(slide_id, slide) for slide_id, slide in content.items()], "open": open_id, "word": _WORDS},
            on_open_change=opened,
            on_order_change=ordered,
        )


def _row(slide_id: str, slide: Slide) -> dict[str, Any]:
    return {
        "id": slide_id,
        "kind": slide.kind,
        "title": theme.one_line(slide.title or slide.text or "untitled", 90),
        "dark": slide.dark,
        "marks": thumbnail.marks(slide),
        "lengths": [len(line) for line in _lines(slide)],
    }


def _lines(slide: Slide) -> Sequence[str]:
    return [line for line in (slide.title, *slide.text.splitlines()) if line.strip()][:6]


def _component() -> Callable[..., Any]:
    made: Callable[..., Any] = st.components.v2.component(
        "leafscope_slides",
        html='<ol class="slides" role="listbox"></ol>',
        css=assets.read("slides.css"),
        js=assets.read("slides.js"),
    )
    return made
