"""Present: how do I show this to a room, without network?"""

import time

import streamlit as st

from leafscope.app import navigation, theme
from leafscope.app.address import choice, link, session
from leafscope.app.decks import as_html, current
from leafscope.app.decks.editing import editor, undo
from leafscope.app.decks.talk import gather
from leafscope.app.decks.talk.deck import NAME as TALK
from leafscope.app.sweeps import current as sweeps_current
from leafscope.app.sweeps import start
from leafscope.core import jobs
from leafscope.core.config import presets
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.decks import DeckInfo

DECK, SHOW = "deck", "show"
"""Parameters of the address: the deck, and whether it fills the window."""

_SHOWN_SINCE = "_shown_since"


def main() -> None:
    """Lay out the page."""
    undo.make_up()
    info = _deck()
    if info is not None and st.query_params.get(SHOW) == "1" and info.n_slides:
        began = st.session_state.setdefault(
            _SHOWN_SINCE, time.time()
        )  # the same at every rerun, so that the frame is not rebuilt
        editor.present(info, jobs.default_store().slides(info.deck_id), began)
        return
    st.session_state.pop(_SHOWN_SINCE, None)
    st.title("Show it to a room, without a network")
    with st.sidebar:
        _choose(info)
        if info is not None:
            _new_slides(info)
        _ready_made()
    if info is None:
        if DECK not in st.query_params:
            _first_visit()
        return
    _deck_line(info)
    content = jobs.default_store().slides(info.deck_id)
    if not content:
        st.info(
            "This deck has no slides yet. Every figure of the other pages has a button “Add to deck”; add title, text and "
            "formula slides in the sidebar."
        )
        return
    editor.slides(info, content)


def _deck() -> DeckInfo | None:
    """The deck of the address, else the current one; None if there is none, after reporting a wrong address."""
    asked = st.query_params.get(DECK)
    known = {info.deck_id: info for info in jobs.default_store().decks()}
    if asked is not None and asked not in known:
        name = asked[:40].replace("`", "")
        st.error(
            f"There is no deck `{name}` here: it was deleted, or made on another machine. To take a deck to "
            "another machine, use “Save as one HTML file” to show it there, or `leafscope export` to edit it there."
        )
        if known and st.button("Show the newest deck", type="primary", icon=":material/arrow_back:"):
            st.query_params.pop(DECK, None)
            st.rerun()
        return None
    info = known[asked] if asked is not None else current.current()
    if info is not None:
        current.choose(info.deck_id)
        session.publish_to_url(DECK, info.deck_id, None)
    return info


def _choose(info: DeckInfo | None) -> None:
    known = {one.deck_id: one for one in jobs.default_store().decks()}
    if known and info is not None:
        choice.picker(
            "_picked_deck",
            "Deck",
            {deck_id: _deck_words(one) for deck_id, one in known.items()},
            info.deck_id,
            _open,
            help="Last changed first, an example that came with Leafscope last; the number of slides is in brackets.",
        )
        if info.shipped:
            st.caption(f"{theme.shipped_words(info.created)} Change it: it is yours from then on.")
    st.button("New deck", icon=":material/add:", key="_new_deck", width="stretch", on_click=_new)


def _deck_words(info: DeckInfo) -> str:
    said = f"{info.n_slides}, {theme.SHIPPED}" if info.shipped else str(info.n_slides)
    return f"{theme.one_line(info.name, 60)} ({said})"


def _open(deck_id: str | None) -> None:
    current.choose(deck_id)
    for name in (DECK, SHOW, editor.SLIDE):
        st.query_params.pop(name, None)
    if deck_id is not None:
        st.query_params[DECK] = deck_id


def _new() -> None:
    def make() -> None:
        names = {info.name for info in jobs.default_store().decks()}
        number = next(number for number in range(1, len(names) + 2) if f"Deck {number}" not in names)
        _open(jobs.default_store().make_deck(f"Deck {number}"))

    undo.tried(make)


def _new_slides(info: DeckInfo) -> None:
    st.caption("Add a slide of")
    with st.container(horizontal=True):
        for kind, (label, slide) in editor.NEW_SLIDES.items():
            # widths are given: icons arrive late, and would change them
            width = 100 if len(label) < 6 else 120
            st.button(label, icon=editor.KIND_ICONS[kind], key=f"_new_{kind}", width=width, on_click=_add, args=(info, slide))


def _add(info: DeckInfo, slide: editor.Slide) -> None:
    undo.change(info.deck_id, lambda: jobs.default_store().add_slide(info.deck_id, slide))
    st.query_params[editor.SLIDE] = str(info.n_slides + 1)


def _ready_made() -> None:
    """Offer to make the talk from a sweep."""
    known = [info for info in jobs.default_store().sweeps() if sweeps_current.fault(info) is None]
    if not known:
        return
    by_id = {info.sweep_id: info for info in known}
    with st.expander(TALK, expanded=True):
        st.selectbox(
            "Made from the sweep",
            list(by_id),
            format_func=lambda sweep_id: sweeps_current.sweep_words(by_id[sweep_id]),
            key="_talk_sweep",
        )
        pressed = st.button(
            "Make this talk",
            icon=":material/auto_awesome_motion:",
            key="_make_talk",
            width="stretch",
            help="A scene, a curve to guess, a depth slider, the placebo, and where the tree fails; titles are computed.",
        )
        if pressed:
            _make(st.session_state["_talk_sweep"])


def _make(sweep_id: str) -> None:
    """Make the talk of a sweep and open it, which takes some seconds."""
    store = jobs.default_store()
    try:
        with st.spinner("Drawing the slides ..."):
            info = store.sweep(sweep_id)
            slides = gather.slides(store, sweep_id, session.slide_look())
        _open(store.make_deck(f"{TALK}: {theme.one_line(info.name, 200)}", slides))
    except LeafscopeError as error:
        session.notify(str(error))
    st.rerun()


def _first_visit() -> None:
    """Say what this page will show, and offer the button that makes it."""
    st.markdown(
        "This page will show your slides. Every figure of every page has a button “Add to deck”; here you order the "
        "slides, edit titles, captions and speaker notes, and show them full screen. A deck can be saved as one HTML file that "
        "opens from disk with the network off, keeps hover text, and prints to PDF."
    )
    known = [info for info in jobs.default_store().sweeps() if sweeps_current.fault(info) is None]
    if known:
        pressed = st.button(f"Make “{TALK}”", type="primary", icon=":material/auto_awesome_motion:", key="_first_deck")
        st.caption(f"From the sweep {theme.escape_markdown(known[0].name, 80)}.")
        if pressed:
            _make(known[0].sweep_id)
        return
    default = presets.depth_sweep()
    if st.button("Train the first sweep", type="primary", icon=":material/play_arrow:", key="_first_sweep"):
        start.start(default)
        st.switch_page(navigation.OVERFITTING_PAGE)
    st.caption(f"A ready-made deck, “{TALK}”, can be made from a sweep: {start.size_words(default)}.")


def _deck_line(info: DeckInfo) -> None:
    """The deck's name, and the buttons for the whole deck."""
    row = st.container(horizontal=True, vertical_alignment="bottom", key="deck_line")
    # widths are given: icons arrive late, and would change them
    key = f"_deck_name_{info.deck_id}"
    st.session_state[key] = info.name
    row.text_input("Name of the deck", key=key, on_change=lambda: _rename(info.deck_id, st.session_state[key]))
    if row.button(
        "Present",
        type="primary",
        icon=":material/slideshow:",
        key="_present",
        width=130,
        disabled=info.n_slides == 0,
        help="Fills the window. F: full screen; arrow keys and space: turn slides; S: speaker window; "
        "Q: questions; A: address; L: pointer.",
    ):
        st.query_params[SHOW] = "1"
        st.rerun()
    origin = link.origin()
    row.download_button(
        "Save as one HTML file",
        lambda: as_html.deck_html(
            info.name, list(jobs.default_store().slides(info.deck_id).values()), made=time.time(), origin=origin
        ).encode(),
        file_name=editor.file_name(info.name),
        mime="text/html",
        icon=":material/download:",
        on_click="ignore",
        width=225,
        key="_save_deck",
        disabled=info.n_slides == 0,
        help="Opens from disk with the network off; prints to PDF from the browser, one slide per page.",
    )
    if row.button("Delete", icon=":material/delete:", key="_delete_deck", width=115):
        _confirm_deletion(info)


def _rename(deck_id: str, name: str) -> None:
    undo.tried(lambda: jobs.default_store().rename_deck(deck_id, name))


@st.dialog("Delete a deck", on_dismiss="rerun")
def _confirm_deletion(info: DeckInfo) -> None:
    st.markdown(
        f"{theme.escape_markdown(info.name, 80)} and its {info.n_slides} slides will be deleted. This cannot be undone."
    )
    left, right = st.columns(2)
    if left.button("Keep", width="stretch", key="_keep_deck"):
        st.rerun()
    if right.button("Delete", type="primary", width="stretch", key="_really_delete_deck"):
        try:
            jobs.default_store().delete_deck(info.deck_id)
        except LeafscopeError as error:
            session.notify(str(error))
        else:
            _open(None)
        st.rerun()


main()
