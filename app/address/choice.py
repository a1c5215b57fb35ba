"""A choice among a few options, kept in the session and in the URL."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session

T = TypeVar("T")


def pick(
    key: str, label: str, options: Sequence[T], default: T, words: Mapping[Any, str] | None = None, help: str | None = None
) -> T:
    """Ask for one of the options, if there are several: the session's choice, else the URL's, else the default.

    A choice that is no longer an option falls back to the default. A wrong value in the URL is reported once.
    """
    by_text = {session.format_value(option): option for option in options}
    wrong = session.seed_from_url(key, lambda text: by_text[text], default)
    if st.session_state[key] not in options:
        st.session_state[key] = default
    if wrong is not None:
        sentence = f"{key} in the address must be one of {', '.join(by_text)}, got {wrong[:40]!r}; the default is shown"
        session.notify(sentence)
    chosen: T = st.session_state[key]
    if len(options) > 1:
        chosen = st.selectbox(
            label,
            options,
            format_func=lambda one: (words or {}).get(one, str(one)),
            key=key,
            persist_state="session",  # kept across pages
            help=help,
        )
    session.publish_to_url(key, chosen, default)
    return chosen


def picker(
    key: str, label: str, words: Mapping[str, str], shown: str | None, choose: Callable[[str], object], help: str | None = None
) -> None:
    """Offer runs, sweeps or decks, id -> words, of which one is shown; `choose` is called with the id of another one.

    Where several have the same words, the first characters of their ids tell them apart, to people and to Streamlit. The words
    may change, as a run ends or a deck is renamed. A browser that has not drawn the new ones yet sends the old ones, which
    Streamlit hands on in place of an id: nobody chose anything then.
    """
    st.session_state[key] = shown
    often = Counter(words.values())
    told = {one: said if often[said] == 1 else f"{said} #{one[:6]}" for one, said in words.items()}

    def changed() -> None:
        if (chosen := st.session_state[key]) in words:
            choose(chosen)

    st.selectbox(label, list(words), format_func=told.__getitem__, key=key, on_change=changed, help=help)


def seed(key: str, known: Any, usual: int | str) -> str | None:
    """Take a choice from the address; returns the address's text if it is not a known choice."""
    if key in st.session_state and (stale := st.session_state[key]) not in known:
        del st.session_state[key]  # it belonged to another run or node
        if st.query_params.get(key) == session.format_value(stale):
            del st.query_params[key]

    def parse(text: str) -> int | str:
        value = text if isinstance(usual, str) else int(text)
        if value not in known:
            raise ValueError(text)
        return value

    return session.seed_from_url(key, parse, usual)


def warn(name: str, wrong: str | None, known: str) -> None:
    """Report a wrong value in the address, if there was one."""
    if wrong is not None:
        st.warning(f"The {name} in the address must be {known}, got {theme.escape_markdown(wrong, 40)}; the default is shown.")


def check(key: str, label: str, default: bool = False) -> bool:
    """Ask yes or no with a checkbox: the session's choice, else the URL's (1 is yes), else the default."""
    session.seed_from_url(key, lambda text: text == "1", default)
    value = st.checkbox(label, key=key, persist_state="session")
    session.publish_to_url(key, "1" if value else "0", "1" if default else "0")
    return value
