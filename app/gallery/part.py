"""The gallery on the Playground: a list of questions, and the open one with its answer, scene, figure, and "Make it yours"."""

import streamlit as st

from leafscope.app import always, theme
from leafscope.app.figures.compare.two_sides import TwoSides
from leafscope.app.gallery import measuring
from leafscope.app.gallery.views import SEEDS, VIEWS, View
from leafscope.app.parts import drawing, side_by_side, train_missing
from leafscope.app.playground import presets, scene
from leafscope.core import jobs
from leafscope.core.store.values.summaries import RunSummary

VIEW = "gallery"
"""The open view: a parameter of the address."""

NAMES = tuple(VIEWS)


def draw(shown: RunSummary) -> None:
    """Draw the fold; `shown` is the run of the page, by whose time the other runs are estimated."""
    asked = st.query_params.get(VIEW)
    fold = st.expander(
        "Gallery: twelve views worth seeing",
        expanded=asked in VIEWS,
        icon=":material/gallery_thumbnail:",
        key="_gallery",
        on_change="rerun",
    )
    if not fold.open:  # measuring takes longer than the rest of the page
        return
    with fold:
        left, right = st.columns([2, 5], gap="large")
        with left:
            st.session_state["_gallery_view"] = NAMES.index(asked) if asked in VIEWS else 0
            st.radio(
                "Question",
                range(len(NAMES)),
                format_func=lambda place: VIEWS[NAMES[place]].question,
                key="_gallery_view",
                on_change=_choose,
                label_visibility="collapsed",
            )
        with right:
            _open(NAMES[st.session_state["_gallery_view"]], shown)


def _choose() -> None:
    st.query_params[VIEW] = NAMES[st.session_state["_gallery_view"]]


def _open(name: str, shown: RunSummary) -> None:
    view = VIEWS[name]
    st.header(view.question)
    train_missing.ask(f"gallery_{name}", shown, view.all_runs(), "the runs of this view")
    found = measuring.answer(jobs.default_store(), view)
    if found.difference.n:
        st.markdown(f"**{theme.escape_markdown(verdict(view, found))}**")
    st.caption(view.why)
    first = jobs.default_store().runs(view.runs(side)[0].run_id for side in (view.first, view.second))
    ended = [run for run in first.values() if run.status == "finished"]
    words = {view.runs(side)[0].run_id: side.words for side in (view.second, view.first)}
    if ended:
        nets = {words[run.run_id]: run for run in ended}
        side_by_side.show(nets, key=f"gallery_scene_{name}", begin=view.place, caption=f"One clock for both; seed {SEEDS[0]}.")
    drawing.show(
        TwoSides(found.values, (view.first.words, view.second.words), found.difference, found.title, found.unit),
        key=f"gallery_{name}_sides",
        caption=f"{view.base.label.removesuffix(f' s{view.base.seed}')}; seeds {SEEDS[0]} to {SEEDS[-1]}, paired; "
        f"settings were chosen on other seeds. {always.of_runs(view.all_runs())}",
        share=0.7,
        runs=view.all_runs(),
    )
    st.button(
        "Make it yours",
        icon=":material/tune:",
        key="_gallery_mine",
        help="Opens the first of these runs on the Playground, with its settings in the sidebar.",
        on_click=_make_mine,
        args=(view,),
    )


def verdict(view: View, found: measuring.Answer) -> str:
    """Say whether the runs show what was expected, in words that the numbers below bear out."""
    outcome = found.outcome()
    if outcome == "unknown":
        return "One seed so far: nothing is shown."
    said = {"lower": "lower", "higher": "higher", "no different": "no difference shown"}[outcome]
    begin = "As expected" if outcome == view.expected else "Not as expected"
    sides = f"“{view.first.words}” against “{view.second.words}”"
    return f"{begin}: {found.title} of {sides}: {said}, n = {found.difference.n}."


def _make_mine(view: View) -> None:
    st.query_params.pop(VIEW, None)
    st.session_state["_gallery"] = False
    presets.show(presets.Preset(view.question, view.runs(view.first)[0]), scene.BESIDE)
