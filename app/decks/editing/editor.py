"""Parts of the Present page: the list of slides, the open slide's fields, and the deck full screen."""

import html
from typing import Any

import plotly.graph_objects as go
import streamlit as st

from leafscope.app import theme
from leafscope.app.address import link, session
from leafscope.app.decks import as_html, mathml
from leafscope.app.decks.editing import answers, scene_preview, slide_list, tools, undo, what_if
from leafscope.core import jobs
from leafscope.core.store.decks import DeckInfo, Slide

SLIDE = "slide"
"""The number of the open slide, from 1: a URL parameter."""

KIND_ICONS = {
    "title": ":material/title:",
    "text": ":material/notes:",
    "formula": ":material/function:",
    "figure": ":material/monitoring:",
    "scene": ":material/play_circle:",
    "states": ":material/tune:",
}
NEW_SLIDES = {
    "title": ("Title", Slide(kind="title", title="Title", text="Who, where, when")),
    "text": ("Text", Slide(kind="text", title="What this is about", text="- First\n- Second")),
    "formula": (
        "Formula",
        Slide(
            kind="formula",
            title="A sum over prefixes",
            text=r"W(b) = \sum_{l=0}^{K} W_{l,\,b_{1:l}}",
            caption="Each leaf's matrix is the sum of the matrices on its path.",
        ),
    ),
}
TEXT_LABELS = {"title": "Subtitle", "text": "Text", "formula": "Formula (LaTeX)"}
TEXT_HELP = {
    "title": "A line or two under the title.",
    "text": "Paragraphs; a line that begins with a dash becomes a list item.",
    "formula": "One formula in LaTeX, without dollar signs.",
}


def slides(info: DeckInfo, content: dict[str, Slide]) -> None:
    """Show the list of slides, and the open one with its fields."""
    ids = list(content)
    first = next((place for place, slide in enumerate(content.values()) if slide.figure), 0) if info.shipped else 0
    place = _place(len(ids), first)
    left, right = st.columns([2, 5], gap="small")
    with left:
        with st.container(key="slide_tools"):
            _moves(info, ids, place)
            tools.of_slide(info, content, ids[place])
        slide_list.show(
            content,
            ids[place],
            lambda slide_id: _open(ids.index(slide_id)),
            lambda order: _order(info, order, ids[place]),
        )
        tools.of_deck(info, content)
    with right, st.container(key="slide_fields"):
        _open_slide(info, ids[place], content[ids[place]])
        tools.again(info, content, ids[place])
        what_if.offer(ids[place], content[ids[place]])
        answers.offer(ids[place], content[ids[place]], (ids[place - 1], content[ids[place - 1]]) if place else None)


def _place(count: int, first: int) -> int:
    """The open slide, from 0: the address's, within the deck; without one `first`, in an example that of the first figure."""
    text = st.query_params.get(SLIDE, str(first + 1))
    wanted = int(text) if text.isdecimal() and len(text) < 6 else 1
    return min(max(1, wanted), count) - 1


def _moves(info: DeckInfo, ids: list[str], place: int) -> None:
    with st.container(horizontal=True):
        up, down = st.columns(2)
        up.button(
            "Up",
            icon=":material/arrow_upward:",
            key="_slide_up",
            width="stretch",
            disabled=place == 0,
            on_click=_move,
            args=(info, ids, place, place - 1),
        )
        down.button(
            "Down",
            icon=":material/arrow_downward:",
            key="_slide_down",
            width="stretch",
            disabled=place == len(ids) - 1,
            on_click=_move,
            args=(info, ids, place, place + 1),
        )


def _open(place: int) -> None:
    session.publish_to_url(SLIDE, place + 1, None)


def _move(info: DeckInfo, ids: list[str], place: int, to: int) -> None:
    moved = list(ids)
    moved.insert(to, moved.pop(place))
    _order(info, moved, ids[place])


def _order(info: DeckInfo, ids: list[str], open_id: str) -> None:
    """Put the slides in another order; the open one stays open."""
    undo.change(info.deck_id, lambda: jobs.default_store().order_slides(info.deck_id, ids))
    _open(ids.index(open_id))


def _open_slide(info: DeckInfo, slide_id: str, slide: Slide) -> None:
    _field(slide_id, "title", slide.title, "Title")
    if slide.figure is not None:
        _field(slide_id, "text", slide.text, "Line below the title")
    if slide.kind == "scene":
        scene_preview.show(slide_id, slide)
        _field(slide_id, "caption", slide.caption, "Caption", lines=2)
    elif slide.kind in ("figure", "states"):
        figures = answers.shown(slide)
        for number, (place, figure) in enumerate(zip(st.columns(len(figures)), figures)):
            with place:
                _figure(slide_id, figure, number)
        _field(slide_id, "caption", slide.caption, "Caption", lines=2)
    else:
        with st.container(key="slide_words"):
            _field(slide_id, "text", slide.text, TEXT_LABELS[slide.kind], lines=5, help=TEXT_HELP[slide.kind])
        if slide.kind == "formula":
            _formula(slide.text)
            _field(slide_id, "caption", slide.caption, "Caption", lines=2)
    _field(slide_id, "notes", slide.notes, "Speaker notes", lines=3, help="Shown in the speaker window only.")
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        if slide.kind in ("figure", "text"):
            key = f"_slide_{slide_id}_reveal"
            st.session_state[key] = slide.reveal
            words = "Reveal one by one" if slide.kind == "figure" else "Reveal line by line"
            st.checkbox(words, key=key, on_change=_change, args=(slide_id, "reveal", key))
        st.button(
            "Delete this slide",
            icon=":material/delete:",
            key=f"_slide_{slide_id}_delete",
            on_click=_delete,
            args=(info, slide_id),
        )
    if slide.address:
        st.caption(f"Taken from {theme.escape_markdown(slide.address, 200)}")


def _delete(info: DeckInfo, slide_id: str) -> None:
    undo.change(info.deck_id, lambda: jobs.default_store().delete_slide(slide_id))


def _field(slide_id: str, name: str, value: str, label: str, *, lines: int = 1, help: str | None = None) -> None:
    key = f"_slide_{slide_id}_{name}"
    st.session_state[key] = value
    changed: dict[str, Any] = {"key": key, "on_change": _change, "args": (slide_id, name, key), "help": help}
    if lines == 1:
        st.text_input(label, **changed)
    else:
        st.text_area(label, height=30 + 26 * lines, **changed)


def _change(slide_id: str, name: str, key: str) -> None:
    value = st.session_state[key]
    undo.of_open(lambda: jobs.default_store().change_slide(slide_id, **{name: value}))


def _figure(slide_id: str, slide: Slide, number: int) -> None:
    figure = go.Figure(slide.figure, skip_invalid=True)
    height = theme.SIDE_HEIGHT[slide.projector]
    figure.update_layout(height=height)
    if slide.dark != session.look().dark:
        figure.update_layout(paper_bgcolor=theme.BACKGROUND[slide.dark], plot_bgcolor=theme.BACKGROUND[slide.dark])
    with st.container(height=height, border=False, key=f"slide_figure_{number}"):
        st.plotly_chart(figure, key=f"slide_{slide_id}_{number}", theme=None, config={"displayModeBar": False}, alt=slide.title)


def _formula(latex: str) -> None:
    try:
        with st.container(key="slide_formula"):
            st.html(f'<div style="font-size:1.6rem;text-align:center">{mathml.mathml(latex)}</div>')
    except ValueError as error:
        st.error(theme.escape_markdown(str(error)))


def present(info: DeckInfo, content: dict[str, Slide], made: float) -> None:
    """Fill the window with the deck; Escape or the button in the corner goes back."""
    st.html(_FILL)  # runs no scripts, hence the frame
    with st.container(key="deck_frame"):
        st.iframe(
            as_html.deck_html(info.name, list(content.values()), made=made, embedded=True, origin=link.origin()), height=700
        )
    with st.container(key="deck_close"):
        st.button("Back to the slides", icon=":material/close:", key="_close_deck", on_click=_close)


def _close() -> None:
    st.query_params.pop("show", None)


_FILL = """<style>
.st-key-deck_frame iframe { position: fixed; inset: 0; width: 100vw !important; height: 100vh !important; z-index: 1000000; }
.st-key-deck_close { position: fixed; top: 8px; right: 8px; width: auto; z-index: 1000001; opacity: 0; }
.st-key-deck_close:hover, .st-key-deck_close:focus-within { opacity: 1; }
</style>"""


def file_name(name: str) -> str:
    """Make a file name from a deck's name.

    >>> file_name("My <deck>: 1/2"), file_name("???")
    ('My-deck-1-2.html', 'deck.html')
    """
    words = "".join(one if one.isalnum() or one in "_-" else " " for one in html.unescape(theme.one_line(name, 60))).split()
    return f"{'-'.join(words) or 'deck'}.html"
