"""Parts of Leaves that show what the trained net weighs: gate margins, and the chosen node's matrix."""

import numpy as np
import streamlit as st

from leafscope.app.figures.leaves.margins import LARGE_ERRORS, MISCLASSIFIED, GateMargins
from leafscope.app.figures.leaves.matrices import LeafMatrices
from leafscope.app.leaves.node import LeafView, node_words
from leafscope.app.leaves.view import SPLITS
from leafscope.app.leaves.with_net import with_net
from leafscope.app.parts import drawing
from leafscope.core.inference.net import Net, Reals
from leafscope.core.inspection.contributions import margins
from leafscope.core.inspection.errors_by_leaf import largest_errors
from leafscope.core.inspection.trained import TrainedNet

# Margins


@with_net
def gate_margins(view: LeafView, trained: TrainedNet, net: Net) -> None:
    """How close the rows are to the gates, errors marked; of numbers the largest."""
    split = view.data.splits[view.split]
    st.header("How close the rows are to the gates")
    if view.depth == 0:
        st.info("At depth 0 there is no gate.")
        return
    said = view.data.answers(trained.net(split.x))
    marked = said != split.y if view.data.n_classes else largest_errors(said - split.y)
    marks = MISCLASSIFIED if view.data.n_classes else LARGE_ERRORS
    drawing.show(
        GateMargins(margins(net, split.x, view.layer), marked, SPLITS[view.split], marks),
        key="margins",
        subject=view.subject,
        caption=view.caption(
            "The margin of a row at a gate is its distance to the gate's hyperplane, |a| / |w|, in units of the gate's input."
        ),
    )


# The matrix


@with_net
def matrix(view: LeafView, trained: TrainedNet, net: Net) -> None:
    """The chosen node's matrix against its parent's."""
    del trained
    st.header(f"The matrix of {view.name}")
    tables = _matrices(net, view.layer, view.node)
    if tables is None:
        st.info(
            "Separate leaves (flat) store no matrix for a prefix, only for a leaf. Click a leaf."
            if view.run.config.net.model.has_separate_leaves
            else "No matrix of this net belongs to a prefix. Click a leaf to see the sum of the matrices that it uses."
        )
        return
    own, parent = tables
    trains = view.epoch > 0 and net.config.model.shares_prefixes
    is_untrained = trains and parent is not None and np.array_equal(own, parent)
    drawing.show(
        LeafMatrices(own, parent, view.title.lower(), _parent_words(view) if parent is not None else ""),
        key="matrices",
        subject=view.whole_run,
        words="What it adds was never trained, since no training row reached it." if is_untrained else "",
        caption=view.caption(
            "A node's matrix is the sum along the path from the root to it; its parent's is the sum without the last part."
            if net.config.model.shares_prefixes
            else "Separate leaves share nothing, so the leaf's matrix is beside the mean over all leaves."
            if view.run.config.net.model.has_separate_leaves
            else "A leaf's matrix is the sum of the matrices that it uses; beside it is the mean over all leaves."
        ),
    )


def _parent_words(view: LeafView) -> str:
    if not view.run.config.net.model.shares_prefixes:
        return "mean of all leaves"
    parent = (view.node - 1) // 2
    return "root" if parent == 0 else f"prefix {node_words(parent)}"


def _matrices(net: Net, layer: int, node: int) -> tuple[Reals, Reals | None] | None:
    """The matrix of a node and of its parent; separate leaves have those of leaves only, and their mean."""
    weight = net.weights[f"layers.{layer}.weight"]
    if not net.config.model.shares_prefixes:
        leaf = node - (len(weight) - 1)
        return None if leaf < 0 else (weight[leaf], weight.mean(0) if net.config.depth else None)
    path = [node]
    while path[-1]:
        path.append((path[-1] - 1) // 2)
    own = weight[path].sum(0)
    return own, own - weight[node] if node else None
