"""Changes of a deck that can be taken back: what its slides were before each, kept for the session."""

import uuid
from collections.abc import Callable, Mapping

import streamlit as st

from leafscope.app.address import session
from leafscope.core import jobs
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.decks import Slide

MOST = 20
"""Changes that can be taken back."""

_BEFORE = "_deck_before"
"""Key of session state: deck -> its slides before each change, the last change last."""


def change(deck_id: str, action: Callable[[], object]) -> bool:
    """Change a deck so that it can be taken back; says why where it cannot be changed, and returns whether it was."""
    before = jobs.default_store().slides(deck_id)
    done = _tried(action)
    if done:
        kept = _kept(deck_id)
        last = kept[-1] if kept else {}
        # a slide may have megabytes: those that did not change are kept once
        kept.append({one: last[one] if last.get(one) == slide else slide for one, slide in before.items()})
        del kept[:-MOST]
    return done


def of_open(action: Callable[[], object]) -> bool:
    """Change the deck that is open; return whether it was changed."""
    return change(st.session_state[session.Keys.DECK], action)


def replace(deck_id: str, content: Mapping[str, Slide]) -> None:
    """Give a deck other slides, so that it can be taken back."""
    change(deck_id, lambda: jobs.default_store().set_slides(deck_id, content))


def possible(deck_id: str) -> int:
    """How many changes can be taken back."""
    return len(_kept(deck_id))


def undo(deck_id: str) -> None:
    """Take the last change back."""
    kept = _kept(deck_id)
    if kept and _tried(lambda: jobs.default_store().set_slides(deck_id, kept[-1])):
        kept.pop()


def with_copy(content: Mapping[str, Slide], slide_id: str) -> dict[str, Slide]:
    """The slides of a deck with one of them twice, the copy behind it."""
    made: dict[str, Slide] = {}
    for one, slide in content.items():
        made[one] = slide
        if one == slide_id:
            made[_new_id()] = slide
    return made


def with_others(content: Mapping[str, Slide], others: Mapping[str, Slide]) -> dict[str, Slide]:
    """The slides of a deck, and behind them copies of those of another."""
    return {**content, **{_new_id(): slide for slide in others.values()}}


def _new_id() -> str:
    return uuid.uuid4().hex[:16]


def _kept(deck_id: str) -> list[dict[str, Slide]]:
    kept: list[dict[str, Slide]] = st.session_state.setdefault(_BEFORE, {}).setdefault(deck_id, [])
    return kept


def _tried(action: Callable[[], object]) -> bool:
    try:
        action()
    except (LeafscopeError, ValueError) as error:
        session.notify(str(error))
        return False
    return True
