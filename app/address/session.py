"""Session state and URL parameters: all keys in one place, read and written by typed functions."""

from collections.abc import Callable
from dataclasses import replace
from typing import Literal, TypeVar

import streamlit as st

from leafscope.app.theme import FIGURE_WIDTH, Look, escape_markdown

T = TypeVar("T")


class Keys:
    """Keys of session state; the same names are used in the URL."""

    RUN = "run"
    LOOKED_AT = "_looked_at"
    SWEEP = "sweep"
    SIZE = "size"
    IMAGE = "image"
    LETTERS = "letters"
    BROWSER = "leafscope_history"
    NOTICE = "_notice"
    CURVES = "_curves"
    IN_ADDRESS = "_in_address"
    CONTROLS_FROM = "_controls_from"
    RESET = "_reset_run"
    FORM_FROM = "_form_from"
    PAGE = "_page"
    DECK = "_deck"
    SCENE = "_scene"
    SCENE_WRITTEN = "_scene_written"
    SHOWN_DATA = "set"
    DROPPED = "_dropped"
    DROPS = "_drops"


NARROWEST, WIDEST = 300, 4000
"""Px of the narrowest and the widest main column that figures are drawn for."""

STACKED = {False: 600, True: 1200}
"""Px of the main column below which columns stand below one another, by projector; `page.css` stacks the latter."""

MOST_LOOKED_AT = 20
"""Runs that are remembered as looked at."""

SIZES = {"screen": "Screen", "projector": "Projector"}
IMAGE_FORMATS = {"svg": "SVG", "png": "PNG"}
LETTER_KEYS = {"on": "On", "off": "Off"}


def run_id() -> str | None:
    """The run that pages show: the URL's, else the one chosen last; None if none was chosen yet."""
    asked = st.query_params.get(Keys.RUN)
    if asked:
        st.session_state[Keys.RUN] = asked
        return asked
    chosen: str | None = st.session_state.get(Keys.RUN)
    if chosen:
        st.query_params[Keys.RUN] = chosen
    return chosen


def chosen_run() -> str | None:
    """The run chosen last, on whichever page; the URL may name another one."""
    chosen: str | None = st.session_state.get(Keys.RUN)
    return chosen


def names_run() -> bool:
    """Whether the URL names a run, which a person then asked for."""
    return bool(st.query_params.get(Keys.RUN))


def show_run(chosen: str | None) -> None:
    """Choose the run that pages show, in the session and in the URL; None: the newest."""
    if chosen is None:
        for key in (Keys.RUN, Keys.LOOKED_AT, Keys.CONTROLS_FROM):
            st.session_state.pop(key, None)
        st.query_params.pop(Keys.RUN, None)
    else:
        st.session_state[Keys.RUN] = chosen
        look_at(chosen)
        if st.query_params.get(Keys.RUN) != chosen:
            st.query_params[Keys.RUN] = chosen


def look_at(run: str) -> None:
    """Note the run that a page shows."""
    st.session_state[Keys.LOOKED_AT] = [run, *(one for one in looked_at() if one != run)][:MOST_LOOKED_AT]


def looked_at() -> list[str]:
    """The runs that pages have shown, the last one first."""
    runs: list[str] = st.session_state.get(Keys.LOOKED_AT, [])
    return runs


def sweep_id() -> str | None:
    """The sweep that pages show: the URL's, else the one chosen last; None if none was chosen yet."""
    asked = st.query_params.get(Keys.SWEEP)
    if asked:
        st.session_state[Keys.SWEEP] = asked
        return asked
    chosen: str | None = st.session_state.get(Keys.SWEEP)
    if chosen:
        st.query_params[Keys.SWEEP] = chosen
    return chosen


def show_sweep(chosen: str | None) -> None:
    """Choose the sweep that pages show, in the session and in the URL; None: the newest."""
    if chosen is None:
        st.session_state.pop(Keys.SWEEP, None)
        st.query_params.pop(Keys.SWEEP, None)
    else:
        st.session_state[Keys.SWEEP] = chosen
        st.query_params[Keys.SWEEP] = chosen


def enter_page(name: str) -> None:
    """Note which page is shown; a scene of the page before ends."""
    if st.session_state.get(Keys.PAGE) != name:
        st.session_state[Keys.PAGE] = name
        st.session_state.pop(Keys.SCENE, None)


def look(share: float = 1.0) -> Look:
    """The look of figures: the browser's theme, the size chosen in the sidebar, a share of the main column."""
    column = column_width() or FIGURE_WIDTH
    return Look(
        dark=st.context.theme.type == "dark",
        projector=is_projected(),
        width=round(column if column < STACKED[is_projected()] else share * column),
    )


def slide_look(share: float = 1.0) -> Look:
    """The look of figures on slides, which a screen draws no wider than the usual main column."""
    now = look(share)
    return now if now.projector else replace(now, width=min(now.width, FIGURE_WIDTH))


def is_projected() -> bool:
    """Whether text has the size for a projector."""
    return bool(st.session_state.get(Keys.SIZE) == "projector")


def column_width() -> int | None:
    """The main column's width in px as the browser told it, in steps; None where figures have the room that they expect."""
    told = (st.session_state.get(Keys.BROWSER) or {}).get("width")
    return told if type(told) is int and NARROWEST <= told < WIDEST else None


def image_format() -> Literal["svg", "png"]:
    """The format that a figure's camera or arrow saves."""
    return "png" if st.session_state.get(Keys.IMAGE) == "png" else "svg"


def has_letter_keys() -> bool:
    """Whether single letters and signs, without Ctrl or Alt, are keys of the page."""
    return st.session_state.get(Keys.LETTERS) != "off"


def notify(sentence: str) -> None:
    """Queue a sentence that is shown once, after the next rerun; `show_notice` escapes it."""
    before = st.session_state.get(Keys.NOTICE, [])
    if sentence not in before:
        st.session_state[Keys.NOTICE] = [*before, sentence]


def show_notice() -> None:
    """Show the queued sentences, if any."""
    if sentences := st.session_state.pop(Keys.NOTICE, []):
        st.toast("\n\n".join(escape_markdown(sentence, 600) for sentence in sentences))


def seed_from_url(key: str, parse: Callable[[str], T], default: T) -> str | None:
    """Give a widget its value before it is drawn: the session's, else the URL's, else the default.

    Returns the URL's text if it cannot be parsed (the default is used then), otherwise None.
    """
    st.session_state.setdefault(Keys.IN_ADDRESS, set()).add(key)
    if key in st.session_state:
        # set again: on the first run of another page a widget returns its first option instead of the session's value
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


def forget_address() -> None:
    """Forget all that the session holds of what the URL says, so that the URL is taken as it is."""
    held = (Keys.RUN, Keys.SWEEP, Keys.CONTROLS_FROM, Keys.RESET, Keys.SCENE)
    for key in (*held, *st.session_state.get(Keys.IN_ADDRESS, ())):
        st.session_state.pop(key, None)


def publish_to_url(key: str, value: object, default: object) -> None:
    """Write a widget's value to the URL, unless it is the default."""
    text = None if value is None or value == default else format_value(value)
    if text is None:
        st.query_params.pop(key, None)
    elif st.query_params.get(key) != text:
        st.query_params[key] = text


def format_value(value: object) -> str:
    """Write a value as in the URL.

    >>> format_value(0.005), format_value(3), format_value("tree")
    ('0.005', '3', 'tree')
    """
    return repr(value) if isinstance(value, float) else str(value)


def seed_view() -> None:
    """Take the view options from the URL, before anything is drawn."""
    for key, options in ((Keys.SIZE, SIZES), (Keys.IMAGE, IMAGE_FORMATS), (Keys.LETTERS, LETTER_KEYS)):
        words = tuple(options)
        seed_from_url(key, lambda text, words=words: words[words.index(text)], words[0])  # type: ignore[misc]
