"""Capacity: how do parameters, multiply-adds and measured time grow with depth?"""

import math

import pandas as pd
import streamlit as st

from leafscope.app import navigation, theme
from leafscope.app.address import session
from leafscope.app.address.choice import pick
from leafscope.app.capacity import exchange, measurement, sections
from leafscope.app.capacity.sections import DEPTHS, GATE_WORDS, Choice, Gates
from leafscope.app.figures.capacity.error_by_cost import Cost
from leafscope.app.overfitting.part import DATA_KEY, ROWS_KEY, WIDTH_KEY
from leafscope.app.parts import store_trouble
from leafscope.app.sweeps import current
from leafscope.core import jobs
from leafscope.core.store.values.summaries import SweepInfo

COSTS: dict[Cost, str] = {"multiply_adds": "multiply-adds", "parameters": "parameters"}

DEPTH = 8
"""The depth that the summary is about until another is chosen; quick and full benchmarks measure it."""


def main() -> None:
    """Lay out the page."""
    st.title("What capacity costs")
    benchmark = jobs.default_store().latest_benchmark("capacity")
    info = current.current()
    table = None if info is None else current.table(info)
    with st.sidebar:
        current.pick(info)
        with st.expander("Figures", expanded=True):
            depth = pick("layer_depth", "Depth in the summary", list(DEPTHS), DEPTH, help="Gating bits of the tree layer.")
            gates = pick(
                "layer_gates",
                "Gates",
                list(GATE_WORDS),
                "hidden",
                GATE_WORDS,
                help="Where the gating bits come from: hidden units that are computed anyway, or extra gates at a cost.",
            )
            choice = None if info is None or table is None else _choose(info, table, gates)
    if benchmark is None:
        _first_visit()
    elif (words := sections.busy_words(benchmark)) is not None:
        st.warning(theme.escape_markdown(words), icon=":material/error:")
    sections.layer(benchmark, depth, gates)
    if benchmark is not None:
        _measure_again()
    right, share = st.container(), 1.0
    if benchmark is not None:
        left, right = st.columns(2)
        share = 0.5
        with left:
            sections.ratio(benchmark)
    with right:
        if table is None or choice is None:
            _no_sweep()
        else:
            sections.nets(table, choice, share=share)
    if table is not None and choice is not None:
        if table["best_test_loss"].isna().all():
            st.info("No member of this sweep has a result yet, so there is no error to compare with its cost.")
        else:
            choices = current.choices(choice.info)
            sections.errors(table, choices, choice)
            exchange.show(table, choices, choice)
    if benchmark is not None:
        sections.all_measured(benchmark)
    _say_whose_times(info)


def _say_whose_times(info: SweepInfo | None) -> None:
    shipped = info is not None and info.shipped
    others = "; those of the sweep, which came with Leafscope, are of the machine that trained it" if shipped else ""
    st.caption(f"All times are of this machine's CPU{others}. Leafscope has never run on a GPU, so there are no times of one.")


def _choose(info: SweepInfo, table: pd.DataFrame, gates: Gates) -> Choice:
    """Ask which part of the sweep is shown; every choice is in the URL, named as on the Overfitting page."""
    data_sets = list(dict.fromkeys(table["data"]))
    data = pick(DATA_KEY, "Data", data_sets, data_sets[0])
    sizes = sorted(set(table["n_train"]))
    rows = pick(ROWS_KEY, "Training rows", sizes, sizes[-1])
    widths = [int(width) for width in sorted(table["width"].dropna().unique())]
    width = pick(WIDTH_KEY, "Width", widths, widths[0]) if widths else math.nan
    cost = pick("cost", "Cost", list(COSTS), "multiply_adds", COSTS)
    wrong = session.seed_from_url("trees", {"1": True, "0": False}.__getitem__, True)
    if wrong is not None:
        session.notify(f"trees in the address must be 0 or 1, got {wrong[:40]!r}; the default is shown")
    trees = st.checkbox(
        "Decision trees",
        key="trees",
        persist_state="session",
        help="Shallow trees cost so little that the cost axis becomes much longer.",
    )
    session.publish_to_url("trees", "1" if trees else "0", "1")
    return Choice(info=info, data=data, n_train=rows, width=float(width), gates=gates, cost=cost, trees=trees)


def _no_sweep() -> None:
    """Say what a sweep will show here."""
    st.info(
        "A sweep will show here what its nets store and compute and how long they take at each depth; below, the test error of "
        "every model against its cost."
    )
    st.page_link(navigation.OVERFITTING_PAGE, label="Train a sweep over depths", icon=":material/show_chart:")


def _first_visit() -> None:
    """Say that times are missing, and offer the one button that measures them."""
    if measurement.state().running:
        _follow()
        return
    _say_failure()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(
            "Parameters and multiply-adds are counted below. The times of a training step and of inference, and the "
            "capacity-time ratio, can be measured on this machine.",
            width="stretch",
        )
        st.button(
            f"Measure on this machine (about {measurement.SECONDS:.0f} s)",
            type="primary",
            icon=":material/speed:",
            key="_measure",
            on_click=measurement.start,
        )


def _measure_again() -> None:
    if measurement.state().running:
        _follow()
        return
    _say_failure()
    st.button(
        "Measure again",
        icon=":material/speed:",
        key="_measure",
        on_click=measurement.start,
        type="tertiary",
        help=f"A quick run, about {measurement.SECONDS:.0f} s. `leafscope bench capacity` in a terminal measures longer.",
    )


def _say_failure() -> None:
    if (failure := measurement.state().failure) is not None:
        st.error(f"The last measurement gave no result. {theme.escape_markdown(failure)}", icon=":material/error:")


def _follow() -> None:
    before = jobs.default_store().latest_benchmark("capacity")

    @store_trouble.fragment(run_every=1.0)
    def view() -> None:
        state = measurement.state()
        newest = jobs.default_store().latest_benchmark("capacity")
        if not state.running or (newest is not None and (before is None or newest.id != before.id)):
            st.rerun()
        left, right = st.columns([4, 1], vertical_alignment="bottom")
        spent = theme.duration(max(1.0, state.seconds))
        left.progress(state.fraction, text=f"Measuring for {spent}; about {measurement.SECONDS:.0f} s in all")
        right.button("Stop", icon=":material/stop:", key="_stop_measuring", width="stretch", on_click=measurement.stop)

    view()


main()
