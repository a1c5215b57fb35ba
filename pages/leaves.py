"""Leaves: which sign patterns do the data reach, who is in them, what do they compute?"""

import numpy as np
import streamlit as st

from leafscope.app import theme
from leafscope.app.address import choice, session
from leafscope.app.figures.leaves.class_mix import ClassMix
from leafscope.app.figures.leaves.icicle import PrefixIcicle
from leafscope.app.leaves import choose_view, errors, replay, sections, weights
from leafscope.app.leaves import node as leaves_node
from leafscope.app.leaves.node import LeafView
from leafscope.app.leaves.view import SPLITS
from leafscope.app.parts import drawing
from leafscope.core.usage.counts import leaf_state

MAX_LEVELS = 6  # of an icicle; deeper trees are entered by a click

PARTS = {
    "rows": ("Its rows", sections.rows),
    "all": ("All leaves", sections.all_leaves),
    "epochs": ("Over epochs", sections.over_epochs),
    "splits": ("Splits", sections.splits),
    "explain": ("Explain a row", weights.explain_row),
    "margins": ("Gate margins", weights.gate_margins),
    "matrix": ("Its matrix", weights.matrix),
    "errors": ("Errors by leaf", errors.errors),
    "decision_tree": ("Decision tree", sections.decision_tree),
}
"""What is shown below the main figures, one at a time: the address's word, the reader's, and what draws it."""


def main() -> None:
    """Lay out the page."""
    st.title("Which sign patterns the data reach")
    found = choose_view.open_run("its leaves appear here")
    if found is None:
        return
    view = leaves_node.choose(found)
    if replay.playing():
        replay.play(view)
        return
    _main_figures(view)
    chosen = leaves_node.part({key: words for key, (words, _) in PARTS.items()})
    PARTS[chosen][1](view)


def _main_figures(view: LeafView) -> None:
    counts = view.counts
    states = leaf_state(counts["train"], counts["test"])
    left, right = st.columns([3, 2])
    root = _icicle_root(view)
    with right:  # the answer to a click before the tree that was clicked
        _chosen(view)
    with left:
        if root:
            st.button("Whole tree", icon=":material/arrow_upward:", key="_whole", on_click=_whole_tree)
        # Whole tree also resets Plotly's zoom, even if the figure below that node had not arrived yet
        presses = str(st.session_state.get("_presses", 0))
        drawing.show(
            PrefixIcicle(counts[view.split], view.depth, SPLITS[view.split], states, root, MAX_LEVELS, revision=presses),
            key="icicle",
            share=0.58,
            caption=view.caption(
                "Each piece is a node of the tree: a prefix of the sign pattern. Equal widths; colour is the load relative "
                "to equal loads of all nodes of the level."
            ),
            hint="Click a piece to see its rows.",
            on_select=lambda: _select_icicle(view.depth),
        )


def _icicle_root(view: LeafView) -> int:
    """The node that a deep tree is drawn from."""
    last = (2 << view.depth) - 2 if view.depth > MAX_LEVELS else 0
    choice.warn("root", choice.seed("root", range(last + 1), 0), f"from 0 to {last}")
    root = int(st.session_state["root"])
    session.publish_to_url("root", root, 0)
    return root


def _whole_tree() -> None:
    st.session_state["root"] = 0
    st.session_state["_presses"] = st.session_state.get("_presses", 0) + 1


def _select_icicle(depth: int) -> None:
    points = st.session_state["icicle"]["selection"]["points"]
    if not points:
        return
    node = int(str(points[0]["id"]).removeprefix("n"))
    st.session_state["node"] = node
    level = (node + 1).bit_length() - 1
    if depth > MAX_LEVELS and level < depth:
        st.session_state["root"] = node


def _chosen(view: LeafView) -> None:
    """The class mix of the chosen node."""
    members = view.members()
    labels = view.labels
    n_classes = view.data.n_classes
    mix = np.bincount(labels[members], minlength=n_classes)
    whole = np.bincount(labels, minlength=n_classes)
    st.header(f"{view.title}: {theme.thousands(len(members))} {view.rows}")
    if not len(members):
        seen = [
            SPLITS[name] for name, leaf in view.leaves.items() if ((leaf >> (view.depth - view.level)) == view.prefix).any()
        ]
        reached = f"It is reached by {theme.enumerate_words(seen)} rows." if seen else "No row of any split reaches it."
        st.info(f"No {SPLITS[view.split]} row has this pattern. {reached} Click another piece.")
        return
    drawing.show(
        ClassMix(mix, view.data.class_names, whole, view.name, SPLITS[view.split]),
        key="class_mix",
        share=0.38,
        caption=f"Thin marks: the same share over all {theme.thousands(len(labels))} {view.rows}.",
    )


main()
