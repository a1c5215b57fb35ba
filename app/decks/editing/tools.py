"""Tools of the editor: undo, a slide twice, figures drawn again, and the slides of another deck."""

from collections.abc import Mapping

import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.decks.editing import redraw, undo
from leafscope.core import jobs
from leafscope.core.store.decks import DeckInfo, Slide

_SAID = "_redrawn"
"""Key of session state: slide -> what was said when it was drawn again."""


def of_slide(info: DeckInfo, content: Mapping[str, Slide], open_id: str) -> None:
    """Offer to take the last change back, and the open slide once more."""
    with st.container(horizontal=True):
        back, twice = st.columns(2)
        possible = undo.possible(info.deck_id)
        back.button(
            "Undo",
            icon=":material/undo:",
            key="_deck_undo",
            width="stretch",
            disabled=not possible,
            on_click=undo.undo,
            args=(info.deck_id,),
            help="Take the last change of this deck back: texts, order, slides added, deleted or drawn again.",
        )
        twice.button(
            "Copy",
            icon=":material/content_copy:",
            key="_slide_copy",
            width="stretch",
            on_click=lambda: undo.replace(info.deck_id, undo.with_copy(content, open_id)),
            help="This slide once more, behind itself.",
        )


def of_deck(info: DeckInfo, content: Mapping[str, Slide]) -> None:
    """Offer what changes the whole deck: one look for all slides, and the slides of another deck."""
    with st.expander("Whole deck", key="_whole_deck"):
        _one_look(info, content)
        _other_decks(info, content)


def _one_look(info: DeckInfo, content: Mapping[str, Slide]) -> None:
    look = session.look()
    words = f"{'dark' if look.dark else 'light'}, {'projector' if look.projector else 'screen'} size"
    pressed = st.button(
        f"Make all slides {words}",
        icon=":material/contrast:",
        key="_redraw_all",
        help="The present theme and text size. Figures are drawn again, with the runs as they are now, about ten seconds each; "
        "what you wrote stays.",
    )
    older = sum(slide.kind in ("figure", "states") and not slide.source for slide in content.values())
    if older:
        of = "figure does" if older == 1 else "figures do"
        st.caption(f"{older} {of} not say where they come from, and stay: add them to the deck again from their page.")
    if pressed:
        wanted = {slide_id: slide for slide_id, slide in content.items() if slide.kind == "figure" and slide.source}
        plain = {
            slide_id: slide.model_copy(update={"dark": look.dark})
            for slide_id, slide in content.items()
            if slide.kind not in ("figure", "states")
        }
        _redraw(info, {**content, **plain}, wanted)


def again(info: DeckInfo, content: Mapping[str, Slide], slide_id: str) -> None:
    """Offer to draw the open figure again, and say what changed when that was done."""
    slide = content[slide_id]
    if (
        slide.kind == "figure"
        and slide.source
        and st.button(
            "Draw again",
            icon=":material/refresh:",
            key=f"_slide_{slide_id}_again",
            help="With its runs as they are now, in the present theme and text size; says what changed. What you wrote stays.",
        )
    ):
        _redraw(info, content, {slide_id: slide})
    if (words := st.session_state.get(_SAID, {}).get(slide_id)) is not None:
        st.caption(theme.escape_markdown(words))


def _redraw(info: DeckInfo, content: Mapping[str, Slide], wanted: Mapping[str, Slide]) -> None:
    """Draw figures again, one after the other, with a bar; a figure that cannot be drawn stays."""
    bar = st.progress(0.0, "Drawing ...")
    told: dict[str, str] = {}
    new = dict(content)
    for done, (slide_id, found) in enumerate(redraw.redrawn(wanted, session.slide_look()), start=1):
        bar.progress(min(1.0, done / len(wanted)), f"{done} of {len(wanted)}")
        if isinstance(found, str):
            told[slide_id] = f"It stays as it was: {found}."
        else:
            told[slide_id] = redraw.what_changed(wanted[slide_id], found)
            new[slide_id] = found
    if new != jobs.default_store().slides(info.deck_id):
        undo.replace(info.deck_id, new)
    st.session_state[_SAID] = told
    failed = sum(words.startswith("It stays") for words in told.values())
    if len(wanted) > 1:
        session.notify(f"{len(wanted) - failed} of {len(wanted)} figures were drawn again; each says below it what changed.")
    st.rerun()


def _other_decks(info: DeckInfo, content: Mapping[str, Slide]) -> None:
    others = {one.deck_id: one for one in jobs.default_store().decks() if one.deck_id != info.deck_id and one.n_slides}
    if not others:
        return
    chosen = st.selectbox(
        "Slides of another deck",
        list(others),
        format_func=lambda deck_id: f"{theme.one_line(others[deck_id].name, 60)} ({others[deck_id].n_slides})",
        key="_other_deck",
    )
    st.button(
        "Add copies of them behind these",
        icon=":material/library_add:",
        key="_add_deck",
        on_click=_add_deck,
        args=(info, content, chosen),
    )


def _add_deck(info: DeckInfo, content: Mapping[str, Slide], other: str) -> None:
    undo.tried(lambda: undo.replace(info.deck_id, undo.with_others(content, jobs.default_store().slides(other))))
