"""Other depths: the run's net at each depth from 0 to 6, side by side on one clock."""

import streamlit as st

from leafscope.app import theme
from leafscope.app.leaves.node import LeafView
from leafscope.app.parts import side_by_side
from leafscope.app.sweeps import offer
from leafscope.core import jobs
from leafscope.core.config import RunConfig, changed

DEEPEST = 6
"""The largest depth of the row."""


def show(view: LeafView) -> None:
    """Show the same run at each depth that is here, and offer to train the others."""
    runs = _at_depths(view.run.config)
    here = jobs.default_store().runs([run.run_id for run in runs.values()])
    shown = {f"K = {depth}": here[run.run_id] for depth, run in runs.items() if run.run_id in here}
    ended = {name: run for name, run in shown.items() if run.status == "finished"}
    missing = [run for run in runs.values() if run.run_id not in here]
    if missing:
        depths = theme.number_words(run.net.depth for run in missing)
        offer.offer(missing, f"At depth {depths} this run is not here yet.")
    if len(shown) > len(ended):
        st.caption("Runs that are not finished are left out.")
    side_by_side.show(ended, key="depths_beside")


def _at_depths(run: RunConfig) -> dict[int, RunConfig]:
    """The run at each depth that its configuration can have."""
    found = {}
    for depth in range(DEEPEST + 1):
        try:
            found[depth] = changed(run, {"net.depth": depth})
        except ValueError:
            continue
    return found
