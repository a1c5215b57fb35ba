"""The current deck, and "Add to deck"."""

from collections.abc import Callable

import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.decks import cite
from leafscope.core import jobs
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.decks import DeckInfo, Slide

FIRST_NAME = "My deck"
"""Name of the deck that the first added figure creates; the one that came with the program stays as it is."""


def current() -> DeckInfo | None:
    """The current deck: the one chosen last, else the one changed last, of cited figures only if there is no other."""
    known = sorted(jobs.default_store().decks(), key=lambda info: info.name == cite.CITED)
    chosen = st.session_state.get(session.Keys.DECK)
    return next((info for info in known if info.deck_id == chosen), known[0] if known else None)


def choose(deck_id: str | None) -> None:
    """Make a deck the current one."""
    st.session_state[session.Keys.DECK] = deck_id


def add_button(origin: cite.Origin, share: float) -> None:
    """Offer to add a figure to the deck, as a slide whose notes begin with the figure's sentence."""
    if button(origin.key, "Keep this figure, as it is now, as a slide."):
        keep(lambda: origin.slide(session.slide_look(share)))


def button(key: str, help: str) -> bool:
    """Draw "Add to deck"; return whether it was pressed."""
    return st.button("Add to deck", key=f"{key}_deck", icon=":material/add_to_photos:", type="tertiary", help=help)


def _mixed(info: DeckInfo) -> str:
    """A warning if a deck mixes figures of both themes: a figure keeps the theme that it was drawn for."""
    kinds = {slide.dark for slide in jobs.default_store().slides(info.deck_id).values() if slide.figure is not None}
    return " The deck now mixes light and dark figures; add all of them in one theme." if len(kinds) > 1 else ""


def keep(make: Callable[[], Slide]) -> None:
    """Add the slide that a function makes to the current deck, and confirm it, or say why it cannot be added."""
    try:
        slide = make()
        store = jobs.default_store()
        info = current()
        deck_id = store.make_deck(FIRST_NAME) if info is None or info.shipped else info.deck_id
        store.add_slide(deck_id, slide)
    except (LeafscopeError, ValueError) as error:
        st.toast(theme.escape_markdown(str(error)), icon=":material/error:")
        return
    choose(deck_id)
    info = store.deck(deck_id)
    st.toast(
        f"Added to {theme.escape_markdown(info.name, 60)} as slide {info.n_slides}. See it on the page Present.{_mixed(info)}",
        icon=":material/add_to_photos:",
    )
