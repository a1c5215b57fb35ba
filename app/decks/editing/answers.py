"""How a figure answers, on the page Present: a series to guess, states with a control, and their names."""

from typing import Any

import streamlit as st

from leafscope.app import theme
from leafscope.app.decks import figure_parts
from leafscope.app.decks.editing import undo
from leafscope.core import jobs
from leafscope.core.store.decks import Slide

NOTHING = "nothing"
"""The choice of no series to guess."""


def offer(slide_id: str, slide: Slide, above: tuple[str, Slide] | None) -> None:
    """Draw the choices of an open figure; `above` is the slide before it, if there is one."""
    if slide.kind == "figure":
        _guess(slide_id, slide)
        if above is not None and above[1].kind in ("figure", "states"):
            st.button(
                "Join with the slide above",
                icon=":material/join:",
                key=f"_slide_{slide_id}_join",
                help="Both become states of one figure, with a slider between them: a “what if” slide. Two "
                "can also stand side by side.",
                on_click=_join,
                args=(*above, slide_id, slide),
            )
    elif slide.kind == "states":
        _named(slide_id, slide)


def shown(slide: Slide) -> list[Slide]:
    """Give the figures of a slide that are seen at once; of several states a person chooses one."""
    if slide.kind != "states":
        return [slide]
    if figure_parts.stands_beside(slide):
        return [_figure_of(slide, one) for one in figure_parts.states_of(slide)]
    return [_state(slide)]


def _state(slide: Slide) -> Slide:
    """Let a person choose a state of a slide; return it as the figure that it is."""
    states = figure_parts.states_of(slide)
    if not states:
        return slide
    at = 0
    if len(states) > 1:
        names = [theme.one_line(str(one.get("name", "")), figure_parts.MAX_NAME) for one in states]
        words = [f"{number}. {name}" for number, name in enumerate(names, start=1)]
        at = words.index(st.select_slider(_control(slide), words, key="_slide_state"))
    return _figure_of(slide, states[at])


def _figure_of(slide: Slide, state: dict[str, Any]) -> Slide:
    figure = state.get("figure")
    return slide.model_copy(update={"figure": figure if isinstance(figure, dict) else None})


def _control(slide: Slide) -> str:
    return theme.escape_markdown(theme.one_line(str((slide.figure or {}).get("control") or "state"), figure_parts.MAX_NAME))


def _guess(slide_id: str, slide: Slide) -> None:
    names = figure_parts.series(slide)
    if not names:
        return
    key = f"_slide_{slide_id}_guess"
    st.session_state[key] = slide.guess if slide.guess in names else NOTHING
    st.selectbox(
        "The audience guesses",
        [NOTHING, *names],
        format_func=lambda name: theme.one_line(name, figure_parts.MAX_NAME),
        key=key,
        help="Hidden until somebody has drawn it on the slide; the next step shows it, and how far off they were.",
        on_change=lambda: _change(slide_id, guess="" if st.session_state[key] == NOTHING else st.session_state[key]),
    )


def _named(slide_id: str, slide: Slide) -> None:
    """Fields for the name of the control and of its states."""
    figure: dict[str, Any] = slide.figure or {}
    states = figure_parts.states_of(slide)
    control, names = f"_slide_{slide_id}_control", f"_slide_{slide_id}_states"
    st.session_state[control] = str(figure.get("control", ""))
    st.session_state[names] = "\n".join(str(one.get("name", "")) for one in states)

    def keep() -> None:
        lines = [*st.session_state[names].splitlines(), *[""] * len(states)]
        kept = [one | {"name": theme.one_line(line, figure_parts.MAX_NAME)} for one, line in zip(states, lines)]
        _change(slide_id, figure=figure | {"control": st.session_state.get(control, ""), "states": kept})

    if len(states) == figure_parts.BESIDE:
        beside = f"_slide_{slide_id}_beside"
        st.session_state[beside] = figure_parts.stands_beside(slide)
        st.checkbox(
            "Side by side",
            key=beside,
            on_change=lambda: _change(slide_id, figure=figure | {"beside": st.session_state[beside]}),
            help="Both figures at once, instead of a slider between them.",
        )
    if not figure_parts.stands_beside(slide):
        st.text_input("Control", key=control, on_change=keep)
    st.text_area("States, one name in a line", key=names, on_change=keep, height=30 + 26 * min(6, len(states)))


def _join(above_id: str, above: Slide, slide_id: str, slide: Slide) -> None:
    def join() -> None:
        made = figure_parts.join(above, slide)
        changes = {name: getattr(made, name) for name in ("kind", "figure", "runs", "reveal", "guess")}
        jobs.default_store().change_slide(above_id, **changes)
        jobs.default_store().delete_slide(slide_id)

    undo.of_open(join)


def _change(slide_id: str, **changes: Any) -> None:
    undo.of_open(lambda: jobs.default_store().change_slide(slide_id, **changes))
