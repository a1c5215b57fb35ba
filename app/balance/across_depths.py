"""The section of Balance that shows how all models of a sweep use their leaves at each depth."""

import streamlit as st

from leafscope.app import navigation, theme
from leafscope.app.address import session
from leafscope.app.balance.sections import BalanceView
from leafscope.app.overfitting import leaf_use, part
from leafscope.app.sweeps import current, start
from leafscope.core.config import presets


def across_depths(view: BalanceView) -> None:
    """Leaf use against depth, of the sweep with the run on screen, else of the current one."""
    st.header("Leaf use across depths")
    run = view.run.config
    own = current.sweep_of(run)
    info = own or current.beside()
    if info is None:
        _offer()
        return
    if own is None:
        st.caption("The run on screen belongs to no sweep; the figure is of the sweep that Overfitting shows.")
    table = current.table(info)
    choice = part.opening(info, table, run)
    leaf_use.leaf_use(part.cell(table, choice), part.cell(current.choices(info), choice), choice)
    st.page_link(
        navigation.OVERFITTING_PAGE,
        label=f"Errors of this sweep: {theme.escape_markdown(current.sweep_words(info))}",
        icon=":material/show_chart:",
        query_params={session.Keys.SWEEP: info.sweep_id},
    )


def _offer() -> None:
    """Say what will be here, and offer the button that makes it."""
    st.markdown("This section will show how tree, flat and dense nets and decision trees use their leaves at each depth.")
    default = presets.depth_sweep()
    if st.button(
        "Train the first sweep",
        type="primary",
        icon=":material/play_arrow:",
        key="_first_sweep",
        help=f"{start.size_words(default)}.",
    ):
        start.start(default)
        st.switch_page(navigation.OVERFITTING_PAGE)
