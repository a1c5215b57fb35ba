"""Session state and URL parameters: every key in one place, each read and written by a typed function."""

from collections.abc import Callable
from typing import Literal, TypeVar

import streamlit as st

from leafscope.app.theme import FIGURE_WIDTH, Look, escape_markdown

T = TypeVar("T")


class Keys:
    """Keys of session state; those in the URL are the URL's parameter names."""

    RUN = "run"
    SWEEP = "sweep"
    SIZE = "size"
    IMAGE = "image"
    NOTICE = "_notice"
    CURVES = "_curves"
    CONTROLS_FROM = "_controls_from"
    FORM_FROM = "_form_from"
    PAGE = "_page"
    REPLAY = "_replay"
    DECK = "_deck"
    SCENE = "_scene"
    SCENE_LEFT = "_scene_left"


SIZES = {"screen": "Screen", "projector": "Projector"}
IMAGE_FORMATS = {"svg": "SVG", "png": "PNG"}


def run_id() -> str | None:
    """The run that pages show: the URL's, else the one chosen last; None if none was ever chosen."""
    asked = st.query_params.get(Keys.RUN)
    if asked:
        st.session_state[Keys.RUN] = asked
        return asked
    chosen: str | None = st.session_state.get(Keys.RUN)
    if chosen:
        st.query_params[Keys.RUN] = chosen
    return chosen


def show_run(chosen: str | None) -> None:
    """Choose the run that pages show, in the session and in the URL; None: whichever is newest."""
    if chosen is None:
        st.session_state.pop(Keys.RUN, None)
        st.query_params.pop(Keys.RUN, None)
    else:
        st.session_state[Keys.RUN] = chosen
        st.query_params[Keys.RUN] = chosen


def sweep_id() -> str | None:
    """The sweep that pages show: the URL's, else the one chosen last; None if none was ever chosen."""
    asked = st.query_params.get(Keys.SWEEP)
    if asked:
        st.session_state[Keys.SWEEP] = asked
        return asked
    chosen: str | None = st.session_state.get(Keys.SWEEP)
    if chosen:
        st.query_params[Keys.SWEEP] = chosen
    return chosen


def show_sweep(chosen: str | None) -> None:
    """Choose the sweep that pages show, in the session and in the URL; None: whichever is newest."""
    if chosen is None:
        st.session_state.pop(Keys.SWEEP, None)
        st.query_params.pop(Keys.SWEEP, None)
    else:
        st.session_state[Keys.SWEEP] = chosen
        st.query_params[Keys.SWEEP] = chosen


def enter_page(name: str) -> None:
    """Note which page is shown; what plays on one page does not go on, or along, to another."""
    if st.session_state.get(Keys.PAGE) != name:
        st.session_state[Keys.PAGE] = name
        st.session_state.pop(Keys.REPLAY, None)
        st.session_state.pop(Keys.SCENE, None)


def look(share: float = 1.0) -> Look:
    """How figures are to be drawn: the browser's theme, the size chosen in the sidebar, a share of the main column."""
    return Look(
        dark=st.context.theme.type == "dark",
        projector=st.session_state.get(Keys.SIZE) == "projector",
        width=round(share * FIGURE_WIDTH),
    )


def image_format() -> Literal["svg", "png"]:
    """The format that a figure's camera button saves."""
    return "png" if st.session_state.get(Keys.IMAGE) == "png" else "svg"


def notify(sentence: str) -> None:
    """Leave a sentence to be shown once, after the next rerun, with those left before; it is escaped where it is shown."""
    before = st.session_state.get(Keys.NOTICE, [])
    if sentence not in before:
        st.session_state[Keys.NOTICE] = [*before, sentence]


def show_notice() -> None:
    """Show the sentences that were left, if any."""
    if sentences := st.session_state.pop(Keys.NOTICE, []):
        st.toast("\n\n".join(escape_markdown(sentence, 600) for sentence in sentences))


def seed_from_url(key: str, parse: Callable[[str], T], default: T) -> str | None:
    """Give a widget its value before it is drawn: the session's, else the URL's, else the default.

    Returns what stands in the URL if it cannot be parsed (then the default is taken), otherwise None.
    """
    if key in st.session_state:
        # said again: on the first run of another page a widget returns its first option in place of the session's value
        st.session_state[key] = st.session_state[key]
        return None
    text = st.query_params.get(key)
    st.session_state[key] = default
    if text is not None:
        try:
            st.session_state[key] = parse(text)
        except (ValueError, KeyError):
            return text
    return None


def publish_to_url(key: str, value: object, default: object) -> None:
    """Write a widget's value to the URL; a default is left out."""
    text = None if value is None or value == default else format_value(value)
    if text is None:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != text:
        st.query_params[key] = text


def format_value(value: object) -> str:
    """Write a value as the URL has it.

    >>> format_value(0.005), format_value(3), format_value("tree")
    ('0.005', '3', 'tree')
    """
    return repr(value) if isinstance(value, float) else str(value)


def seed_view() -> None:
    """Take size and image format from the URL, before any figure is drawn."""
    for key, options in ((Keys.SIZE, SIZES), (Keys.IMAGE, IMAGE_FORMATS)):
        words = tuple(options)
        seed_from_url(key, lambda text, words=words: words[words.index(text)], words[0])  # type: ignore[misc]
