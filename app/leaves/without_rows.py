"""A run whose table's rows were removed: how many rows each leaf has is still known, which rows they are is not."""

import streamlit as st

from leafscope.app import theme
from leafscope.app.figures.leaves.sign_patterns import SignPatterns
from leafscope.app.parts import drawing
from leafscope.core import jobs
from leafscope.core.datasets.registry import DATA_SETS, is_table
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.usage.counts import leaf_counts


def are_removed(name: str) -> bool:
    """Whether a data set is a table of which only what was understood is left."""
    return is_table(name) and name in DATA_SETS and name not in jobs.default_store().table_names()


def show(run: RunSummary) -> None:
    """Show the loads of the leaves after the last epoch."""
    config, store = run.config, jobs.default_store()
    title = theme.escape_markdown(DATA_SETS[config.data.name].title, 80)
    st.info(
        f"The rows of the table {title} were removed from the database. Without them, only how many rows each leaf has can be "
        "shown; add its file again on the page Data to see more."
    )
    if not config.net.has_leaves:
        return
    epoch, layer = int(store.recorded_epochs(run.run_id)[-1]), len(config.net.routed_layers) - 1
    depth = config.net.tree_depth
    train, test = (leaf_counts(store.leaves(run.run_id, layer, split, epoch), depth) for split in ("train", "test"))
    drawing.show(
        SignPatterns(train, depth, test if test.any() else None, model=config.net.kind),
        key="patterns",
        subject=f"{run.label}, epoch {theme.thousands(epoch)}",
        caption="Leaves by training load, fullest first; filled dots are bits 1. The line is the uniform load 1/L.",
    )
