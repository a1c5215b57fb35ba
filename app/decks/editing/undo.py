"""Changes of a deck that can be taken back: what its slides were before each, kept for the session."""

import uuid
from collections.abc import Callable, Mapping

import streamlit as st

from leafscope.app.address import session
from leafscope.core import jobs
from leafscope.core.errors import LeafscopeError, StoreError
from leafscope.core.store.decks import Slide

MOST = 20
"""Changes that can be taken back."""

_BEFORE = "_deck_before"
"""Key of session state: deck -> its slides before each change, the last change last."""

_WAITING = "_deck_waiting"
"""Key of session state: changes that are made when the database is back, the first one first."""


def change(deck_id: str, action: Callable[[], object]) -> bool:
    """Change a deck so that it can be taken back; says why where it cannot be changed, and returns whether it was."""

    def changed() -> None:
        before = jobs.default_store().slides(deck_id)
        action()
        kept = _kept(deck_id)
        last = kept[-1] if kept else {}
        # a slide may have megabytes: those that did not change are kept once
        kept.append({one: last[one] if last.get(one) == slide else slide for one, slide in before.items()})
        del kept[:-MOST]

    return tried(changed)


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

    def undone() -> None:
        if kept:
            jobs.default_store().set_slides(deck_id, kept[-1])
            kept.pop()

    tried(undone)


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


def tried(action: Callable[[], object]) -> bool:
    """Do something; says why where it cannot be done, and returns whether it was.

    Where the database is away, or cannot be written to, it is done later, by `make_up`.
    """
    try:
        action()
    except (LeafscopeError, ValueError) as error:
        if isinstance(error, StoreError) and error.can_pass:
            st.session_state.setdefault(_WAITING, []).append(action)
        else:
            session.notify(str(error))
        return False
    return True


def make_up() -> None:
    """Do what could not be done while the database was away or could not be written to; raises StoreError while it is away."""
    waiting: list[Callable[[], object]] = st.session_state.get(_WAITING, [])
    if not waiting:
        return
    store = jobs.default_store()
    store.decks()
    if not store.can_write():
        session.notify(f"{store.write_fault}. What you changed is kept here, and saved when it can be.")
        return
    st.session_state[_WAITING] = []
    for action in waiting:
        tried(action)
