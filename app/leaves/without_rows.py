"""A run whose table's rows were removed: how many rows each leaf has is still known, which rows they are is not."""

import streamlit as st

from leafscope.app import theme
from leafscope.app.figures.leaves.sign_patterns import SignPatterns
from leafscope.app.parts import drawing
from leafscope.core import jobs
from leafscope.core.datasets import DATA_SETS
from leafscope.core.errors import TableError
from leafscope.core.store.values.summaries import RunSummary
from leafscope.core.usage.counts import leaf_counts


def show(run: RunSummary, error: TableError) -> None:
    """Show the loads of the leaves after the last epoch; raises the error again for a table that was never here."""
    config, store = run.config, jobs.default_store()
    if config.data.name not in DATA_SETS:
        raise error
    st.info(f"{theme.escape_markdown(str(error), 300)}. Without them, only how many rows each leaf has can be shown.")
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
