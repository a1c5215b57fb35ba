"""Parts of Leaves that show how the trained net computes: one row explained, gate margins, the chosen node's matrix."""

import numpy as np
import pandas as pd
import streamlit as st

from leafscope.app import theme
from leafscope.app.address import choice, session
from leafscope.app.figures.leaves.contributions import Contributions
from leafscope.app.figures.leaves.image_grid import MeanImage
from leafscope.app.figures.leaves.margins import GateMargins
from leafscope.app.figures.leaves.matrices import LeafMatrices
from leafscope.app.leaves.node import LeafView, node_words
from leafscope.app.leaves.view import SPLITS
from leafscope.app.leaves.with_net import with_net
from leafscope.app.parts import drawing
from leafscope.core.inference.net import Net, Reals
from leafscope.core.inspection.contributions import Explanation, explain, margins
from leafscope.core.inspection.trained import TrainedNet

MOST_ROWS = 2000
"""Rows offered for explaining; of more, the wrong ones first."""


# One row


@with_net
def explain_row(view: LeafView, trained: TrainedNet, net: Net) -> None:
    """One row's way through the gates, what each node adds to the logits, and the nearest gate."""
    split = view.data.splits[view.split]
    st.header("How the net arrives at its prediction")
    place = _pick_row(view, trained)
    if place is None:
        return
    explained = explain(net, split.x[place], view.layer)
    added = Contributions(
        explained.contributions,
        names=_part_names(view, explained),
        rest=explained.rest,
        logits=explained.logits,
        class_names=view.data.class_names,
        label=int(split.y[place]),
        row=f"{SPLITS[view.split]} row {split.index[place]}",
    )
    left, right = st.columns([3, 2])
    with left:
        drawing.show(
            added,
            key="contributions",
            subject=view.subject,
            share=0.58,
            caption=view.caption(
                "What each matrix on the path adds to each class's logit: its part of the layer's sum, carried on with the "
                "ReLU masks of the whole sum; with the later biases, those of the layers above it, the parts sum to the logits."
            ),
        )
    with right:
        _show_row(view, place, explained.prediction)
        st.markdown(theme.escape_markdown(_flip_sentence(view, explained)))
        st.dataframe(_gates(explained), hide_index=True, key="gates_table")
        offset = " Pre-activations include the gate's offset." if "offsets" in net.weights else ""
        st.caption(f"Margin: the distance to the gate's hyperplane, |a| / |w|, in units of the gate's input.{offset}")


def _pick_row(view: LeafView, trained: TrainedNet) -> int | None:
    """Ask for a row of the chosen node, wrong ones first: its position in the split."""
    split = view.data.splits[view.split]
    members = view.members()
    asked = _asked_row(view)
    if asked is not None and asked not in members:
        members = np.append(members, asked)
    if not len(members):
        st.info(f"No {SPLITS[view.split]} row is in {view.name}. Click another box of the tree.")
        return None
    predictions = trained.predict(split.x[members])[0]
    wrong = predictions != split.y[members]
    order = np.argsort(~wrong, kind="stable")[:MOST_ROWS]
    names = view.data.class_names
    words = {
        int(split.index[members[at]]): _row_words(
            int(split.index[members[at]]), names[split.y[members[at]]], names[predictions[at]] if wrong[at] else None
        )
        for at in order
    }
    if asked is not None and (row := int(split.index[asked])) not in words:
        at = int(np.flatnonzero(members == asked)[0])
        said = names[predictions[at]] if wrong[at] else None
        elsewhere = "" if _is_in_node(view, asked) else f", not in {view.name}"
        words = {row: _row_words(row, names[split.y[asked]], said) + elsewhere} | words
    usual = next(iter(words))
    wrong_row = choice.seed("row", words, usual)
    choice.warn("row", wrong_row, f"one of the {view.rows}")
    row = st.selectbox(
        f"Row of the data set in {view.name}, misclassified rows first",
        list(words),
        format_func=words.__getitem__,
        key="row",
        persist_state="session",
        help=f"Type a number to find a row. Click the root above to search all rows of the split. Of more than {MOST_ROWS:,} "
        "rows, the misclassified and the first ones are listed; row=... in the address finds any other.",
    )
    session.publish_to_url("row", row, usual)
    return int(np.flatnonzero(split.index == row)[0])


def _asked_row(view: LeafView) -> int | None:
    """The position in the split of the row that session or address names, if it is one."""
    asked = st.session_state.get("row", st.query_params.get("row"))
    try:
        found = np.flatnonzero(view.data.splits[view.split].index == int(asked if asked is not None else -1))
    except ValueError:
        return None
    if not len(found):
        return None
    place = int(found[0])
    from_address = "row" not in st.session_state
    return place if from_address or _is_in_node(view, place) else None


def _is_in_node(view: LeafView, place: int) -> bool:
    return bool(view.leaves[view.split][place] >> (view.depth - view.level) == view.prefix)


def _row_words(row: int, label: str, said: str | None) -> str:
    words = f"row {row}: {theme.one_line(str(label), 40)}"
    return words if said is None else f"{words}, predicted {theme.one_line(str(said), 40)}"


def _show_row(view: LeafView, place: int, said: int) -> None:
    split = view.data.splits[view.split]
    row = int(split.index[place])
    names = [theme.one_line(str(name), 40) for name in view.data.class_names]
    label = int(split.y[place])
    verdict = "which is correct" if said == label else f"but the class is {names[label]}"
    sentence = f"The prediction for {SPLITS[view.split]} row {row} is {names[said]}, {verdict}."
    shape = view.data.info.image_shape
    if shape is None:
        st.markdown(theme.escape_markdown(sentence))
        values = view.data.raw[row]
        st.dataframe(
            pd.DataFrame({"feature": list(view.data.feature_names), "value": values}), hide_index=True, key="row_table"
        )
        return
    image = MeanImage(view.data.raw[row].reshape(shape), title=f"Row {row}", says=sentence)
    drawing.show(image, key="row_image", share=0.38, caption="In the data's units.")


def _part_names(view: LeafView, explained: Explanation) -> list[str]:
    if not view.run.config.net.model.shares_prefixes:
        return [f"leaf {theme.bit_pattern(explained.leaf, view.depth)}"]
    return [node_words(node) for node in explained.nodes]


def _flip_sentence(view: LeafView, explained: Explanation) -> str:
    flip = explained.flip
    if flip is None:
        return "At depth 0 there is no gate that could flip." if view.depth == 0 else "No gate has a margin: their input is 0."
    names = view.data.class_names
    said, other = (theme.one_line(str(names[prediction]), 40) for prediction in (explained.prediction, flip.prediction))
    beyond = f"would still be {said}" if said == other else f"would be {other} instead of {said}"
    return (
        f"The nearest gate is bit {flip.level + 1}, margin {theme.three_significant(flip.margin)}: on its other side, in leaf "
        f"{theme.bit_pattern(flip.leaf, view.depth)}, the prediction {beyond}."
    )


def _gates(explained: Explanation) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "bit": gate.level + 1,
                "prefix": node_words((1 << gate.level) - 1 + (explained.leaf >> (explained.depth - gate.level))),
                "sign": int(gate.bit),
                "pre-activation": gate.pre_activation,
                "margin": gate.margin,
            }
            for gate in explained.gates
        ]
    )


# Margins


@with_net
def gate_margins(view: LeafView, trained: TrainedNet, net: Net) -> None:
    """How close the rows are to the gates, errors marked."""
    split = view.data.splits[view.split]
    st.header("How close the rows are to the gates")
    if view.depth == 0:
        st.info("At depth 0 there is no gate.")
        return
    wrong = trained.predict(split.x)[0] != split.y
    drawing.show(
        GateMargins(margins(net, split.x, view.layer), wrong, SPLITS[view.split]),
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
