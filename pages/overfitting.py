"""Overfitting: how do train and test error move with depth, and where does the tree help?"""

import math

import pandas as pd
import streamlit as st
from pydantic import ValidationError

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.address.choice import pick
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.overfitting import computation, leaf_use, live, more_rows, part, sections
from leafscope.app.overfitting.part import Choice, Sizes
from leafscope.app.parts import cluster_trouble, store_trouble
from leafscope.app.sweeps import current, findings, form, second_look, start
from leafscope.core import jobs
from leafscope.core.comparison.intervals import FEWEST
from leafscope.core.comparison.statistics import Which
from leafscope.core.config import SweepConfig, explain, presets
from leafscope.core.errors import LeafscopeError
from leafscope.core.store.values.summaries import SweepInfo

WHICH: dict[Which, str] = {"best": "lowest validation loss", "last": "last"}
BASES = {"epochs": "same epochs", "train_loss": "same train loss"}


def main() -> None:
    """Lay out the page."""
    st.title("How train and test error move with depth")
    info = current.current()
    _take_form_from(info)
    with st.sidebar:
        current.pick(info)
        wanted, wrong = form.draw()
        _train_button(wanted, wrong)
        if (
            wanted is not None
            and info is not None
            and info.sweep_id != wanted.sweep_id
            and not form.differs(wanted, info.config)
        ):
            st.caption("The sweep shown has settings that this form cannot describe; Train leaves them out.")
    if info is None:
        if session.sweep_id() is None:
            _first_visit()
        return
    if wanted is not None and form.differs(wanted, info.config):
        st.info(f"Figures show the sweep {theme.escape_markdown(info.name, 80)}; press Train to apply your choices.")
    progress = jobs.sweep_progress(info.sweep_id)
    if progress.active:
        _follow(info)
        return
    if not progress.complete:
        current.progress_bar(info, progress)
    table = current.table(info)
    words = current.failures(table)
    if words is None and progress.failed > progress.diverged:
        words = current.failed_runs(info)
    if words is not None:
        st.warning(theme.escape_markdown(words), icon=":material/error:")
    if table["best_test_loss"].isna().all():
        st.info("No member of this sweep has a result yet.")
        return
    _figures(info, table)


def _take_form_from(info: SweepInfo | None) -> None:
    """Let the form show the sweep that is shown, unless the URL describes another."""
    if info is None or st.session_state.get(session.Keys.FORM_FROM) == info.sweep_id:
        return
    first = session.Keys.FORM_FROM not in st.session_state
    if not (first and form.any_in_url()):
        form.load(info.config)
    st.session_state[session.Keys.FORM_FROM] = info.sweep_id


def _train_button(wanted: SweepConfig | None, wrong: str | None) -> None:
    words = None
    if wanted is not None:
        try:
            words = start.size_words(wanted)
        except ValidationError as error:
            wrong = "; ".join(explain(error).values())
        except LeafscopeError as error:
            wrong = str(error)
    st.button(
        "Train",
        type="primary",
        icon=":material/play_arrow:",
        width="stretch",
        key="_train_sweep",
        disabled=wrong is not None,
        on_click=start.start,
        args=(wanted,),
    )
    if wrong is not None:
        st.error(theme.escape_markdown(wrong), icon=":material/error:")
    elif words is not None:
        st.caption(f"{words}.")


def _first_visit() -> None:
    """Say what the page will show, and offer the one button that makes it."""
    default = presets.depth_sweep()
    st.markdown(
        "This page will show the train and test error of tree, flat and dense nets and of decision trees against depth, and a "
        "map of the depths and widths at which the tree differs from a dense net of the same computation."
    )
    st.button(
        "Train the first sweep",
        type="primary",
        icon=":material/play_arrow:",
        key="_first_sweep",
        on_click=start.start,
        args=(default,),
    )
    st.caption(
        "A tree teacher with 8 features, 4 classes and true depth 3, fresh data for each seed, 1,000 training rows, width 8, "
        f"depths 0 to 6; rates and decays are chosen on {len(presets.CHOOSING)} seeds and reported on {presets.REPORTED} "
        f"others: {start.size_words(default)}. It trains in the background; closing the browser stops nothing."
    )
    others = [name for name in presets.DATA if name != "tree_teacher"]
    st.caption("Or start with another data set:")
    with st.container(horizontal=True):
        for name in others:
            st.button(
                name.replace("_", " ").capitalize(),
                key=f"_first_{name}",
                on_click=start.start,
                args=(presets.depth_sweep(name),),
            )


def _follow(info: SweepInfo) -> None:
    waiting = bool(current.table(info)["best_test_loss"].isna().all())

    @store_trouble.fragment(run_every=current.FIRST_REFRESH if waiting else current.REFRESH)
    def view() -> None:
        progress = jobs.sweep_progress(info.sweep_id)
        table = current.table(info)
        if not progress.active or waiting != bool(table["best_test_loss"].isna().all()):
            st.rerun()
        cluster_trouble.show()
        current.progress_bar(info, progress)
        live.show(table)

    view()


def _figures(info: SweepInfo, results: pd.DataFrame) -> None:
    choice = _choose(info, results)
    table, all_choices = (part.with_errors(of, choice) for of in (results, current.choices(info)))
    cell = part.cell(table, choice)
    computation.show(table, all_choices, choice)
    second_look.offer(info)
    sections.help_map(table, choice)
    choices = part.cell(all_choices, choice)
    sections.error(cell, choices, choice)
    leaf_use.leaf_use(cell, choices, choice)
    left, right = st.columns(2)
    with left:
        sections.gap(cell, choice)
    with right:
        sections.tree_against_flat(cell, choice)
    left, right = st.columns(2)
    with left:
        sections.levels(part.cell(results, choice), choice)
    with right:
        sections.curves(cell, choice)
    sections.by_rows(table, choice)
    more_rows.show()
    sections.table(info, results)


def _choose(info: SweepInfo, table: pd.DataFrame) -> Choice:
    """Ask which part of the sweep is shown, in the sidebar; every choice is in the URL."""
    sizes = Sizes.of(table)
    with st.sidebar, st.expander("Figures", expanded=True):
        data = pick(part.DATA_KEY, "Data", sizes.data, sizes.data[0])
        rows = pick(part.ROWS_KEY, "Training rows", sizes.rows, sizes.rows[-1])
        width = pick(part.WIDTH_KEY, "Width", sizes.widths, sizes.widths[0]) if sizes.widths else math.nan
        depth = pick(part.DEPTH_KEY, "Depth K of the lower figures", sizes.depths or [0], sizes.middle)
        variants = findings.variants(table)
        names = {variant: variant or model_words("tree") for variant in variants}
        variant = pick("variant", "Variant of the tree that is compared", variants, variants[0], names)
        which = pick("at", "Epoch", list(WHICH), "best", WHICH)
        error_of = "accuracy"
        if part.has_other_errors(table):
            error_of = pick("error", "Error", list(part.ERRORS), "accuracy", part.ERRORS)
        basis = "epochs"
        if error_of == "accuracy":  # other scores are not known at every epoch
            basis = pick("basis", "Compare tree and flat at the", list(BASES), "epochs", BASES)
        session.seed_from_url("seeds", lambda text: text == "1", False)
        seeds = st.checkbox("Single seeds", key="seeds", persist_state="session", help="One thin line for each seed.")
        session.publish_to_url("seeds", "1" if seeds else "0", "0")
        shown = _models(list(dict.fromkeys(table["model"])))
    lit = part.lit_of(shown)
    seeds = seeds or table["seed"].nunique() < FEWEST
    return Choice(info, data, rows, float(width), depth, which, basis, seeds, lit, tuple(shown), variant, error_of)


def _models(known: list[str]) -> list[str]:
    """Ask which models are drawn: all, unless some are chosen; at most three of them are lit."""
    nothing: list[str] = []
    session.seed_from_url("show", lambda text: [known[known.index(name)] for name in text.split(",") if name], nothing)
    st.session_state["show"] = [model for model in st.session_state["show"] if model in known]
    chosen: list[str] = st.multiselect(
        "Models shown",
        known,
        format_func=model_words,
        key="show",
        placeholder="all",
        persist_state="session",
        help="Empty: all models are drawn; tree, flat and dense in colour, the others in grey.",
    )
    session.publish_to_url("show", ",".join(chosen), "")
    return chosen or known


main()
