"""Leaves: which sign patterns do the data reach, who is in them, what do they compute?"""

import streamlit as st

from leafscope.app.leaves import (
    choose_view,
    depths,
    errors,
    experts,
    explain,
    members,
    numbers,
    scores,
    sections,
    tree,
    weights,
)
from leafscope.app.leaves import node as leaves_node
from leafscope.app.leaves.node import LeafView

PARTS = {
    "classes": ("Its classes", members.classes),
    "all": ("All leaves", sections.all_leaves),
    "epochs": ("Over epochs", sections.over_epochs),
    "splits": ("Splits", sections.splits),
    "explain": ("Explain a row", explain.explain_row),
    "margins": ("Gate margins", weights.gate_margins),
    "matrix": ("Its matrix", weights.matrix),
    "errors": ("Errors by leaf", errors.errors),
    "scores": ("Scores", scores.scores),
    "depths": ("Other depths", depths.show),
    "decision_tree": ("Decision tree", sections.decision_tree),
}
"""What is shown below the main figures, one at a time: the address's word, the reader's, and what draws it."""

OF_NUMBERS = {
    "target": ("Its target", numbers.target),
    "all": ("All leaves", numbers.all_leaves),
    "epochs": PARTS["epochs"],
    "splits": PARTS["splits"],
    "explain": PARTS["explain"],
    "margins": PARTS["margins"],
    "matrix": PARTS["matrix"],
    "errors": PARTS["errors"],
    "scores": ("Scores", numbers.scores),
    "depths": PARTS["depths"],
    "decision_tree": PARTS["decision_tree"],
}
"""The same where numbers are predicted."""

OF_GATES = ("explain", "margins", "matrix")
"""Parts that only nets with gates have."""


def main() -> None:
    """Lay out the page."""
    heading = st.empty()
    heading.title("Which sign patterns the data reach")
    found = choose_view.open_run("its leaves appear here")
    if found is None:
        return
    net = found.run.config.net
    if not net.has_leaves:
        heading.title("Which experts the rows use")
        experts.who_uses_them(found)
        return
    view = leaves_node.choose(found)
    _main_figures(view)
    parts = PARTS if view.data.n_classes else OF_NUMBERS
    if not net.gated:
        parts = {key: part for key, part in parts.items() if key not in OF_GATES}
        st.caption(
            f"{net.model.default_line.in_a_sentence.capitalize()} decides by learned shares, not by signs of K gates: "
            "explanations by matrices, gate margins and matrices of prefixes are left out here."
        )
    chosen = leaves_node.part({key: words for key, (words, _) in parts.items()})
    parts[chosen][1](view)


def _main_figures(view: LeafView) -> None:
    left, right = st.columns([3, 2])
    with right:  # the answer to a click before the tree that was clicked
        members.rows(view)
    with left:
        tree.show(view)


main()
