"""The part of Leaves that explains one row: its way through the gates, what each matrix adds, and the nearest gate."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from leafscope.app import theme
from leafscope.app.address import choice, session
from leafscope.app.figures.leaves.contributions import Contributions
from leafscope.app.figures.leaves.image_grid import MeanImage
from leafscope.app.figures.leaves.number_contributions import NumberContributions
from leafscope.app.leaves.node import LeafView, node_words
from leafscope.app.leaves.view import SPLITS
from leafscope.app.leaves.with_net import with_net
from leafscope.app.parts import drawing
from leafscope.core.inference.net import Net
from leafscope.core.inspection.contributions import Explanation, NumberParts, explain, number_parts
from leafscope.core.inspection.trained import TrainedNet

MOST_ROWS = 2000
"""Rows offered for explaining; of more, those with the largest errors first."""


@with_net
def explain_row(view: LeafView, trained: TrainedNet, net: Net) -> None:
    """One row's way through the gates, what each node adds to the prediction, and the nearest gate."""
    split = view.data.splits[view.split]
    st.header("How the net arrives at its prediction")
    place = _pick_row(view, trained)
    if place is None:
        return
    explained = explain(net, split.x[place], view.layer)
    left, right = st.columns([3, 2])
    if view.data.n_classes:
        with left:
            _of_classes(view, place, explained)
        with right:
            _show_row(view, place, *_class_sentences(view, place, explained))
    else:
        shown = _of_number(view, place, number_parts(explained, view.data.centre), explained)
        with left:
            drawing.show(
                shown,
                key="number_contributions",
                subject=view.subject,
                share=0.58,
                caption=view.caption(
                    "What each matrix on the path adds to the prediction: its part of the layer's sum, carried on with the "
                    "ReLU masks of the whole sum, times the deviation of the training rows' numbers. With their mean and the "
                    "later biases, those of the layers above, the parts sum to the prediction."
                ),
            )
        with right:
            _show_row(view, place, *_number_sentences(view, place, shown, explained))
    with right:
        st.dataframe(_gates(explained), hide_index=True, key="gates_table")
        offset = " Pre-activations include the gate's offset." if "offsets" in net.weights else ""
        st.caption(f"Margin: the distance to the gate's hyperplane, |a| / |w|, in units of the gate's input.{offset}")


def _of_classes(view: LeafView, place: int, explained: Explanation) -> None:
    split = view.data.splits[view.split]
    added = Contributions(
        explained.contributions,
        names=_part_names(view, explained),
        rest=explained.rest,
        logits=explained.logits,
        class_names=view.data.class_names,
        label=int(split.y[place]),
        row=f"{SPLITS[view.split]} row {split.index[place]}",
    )
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


def _of_number(view: LeafView, place: int, parts: NumberParts, explained: Explanation) -> NumberContributions:
    split = view.data.splits[view.split]
    return NumberContributions(
        parts.offset,
        parts.contributions,
        names=_part_names(view, explained),
        rest=parts.rest,
        prediction=parts.prediction,
        target=view.data.info.target,
        truth=float(split.y[place]),
        across=parts.across,
        row=f"{SPLITS[view.split]} row {split.index[place]}",
    )


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
    said, y = view.data.answers(trained.net(split.x[members])), split.y[members]
    is_number = not view.data.n_classes
    off = abs(said - y) if is_number else said != y
    order = np.argsort(-off.astype(np.float64), kind="stable")[:MOST_ROWS]

    def words_of(at: int, more: str = "") -> str:
        label, answer = (_answer(view, value) for value in (y[at], said[at]))
        words = f"row {split.index[members[at]]}: {label}"
        return (f"{words}, predicted {answer}" if off[at] else words) + more

    words = {int(split.index[members[at]]): words_of(at) for at in order.tolist()}
    if asked is not None and (row := int(split.index[asked])) not in words:
        at = int(np.flatnonzero(members == asked)[0])
        words = {row: words_of(at, "" if _is_in_node(view, asked) else f", not in {view.name}")} | words
    usual = next(iter(words))
    wrong_row = choice.seed("row", words, usual)
    choice.warn("row", wrong_row, f"one of the {view.rows}")
    row = st.selectbox(
        f"Row of the data set in {view.name}, {'largest errors' if is_number else 'misclassified rows'} first",
        list(words),
        format_func=words.__getitem__,
        key="row",
        persist_state="session",
        help=f"Type a number to find a row. Click the root above to search all rows of the split. Of more than {MOST_ROWS:,} "
        f"rows, {'those with the largest errors' if is_number else 'the misclassified and the first ones'} are listed; "
        "row=... in the address finds any other.",
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


def _answer(view: LeafView, value: Any) -> str:
    """Write a class by its name, or a number."""
    return theme.one_line(str(view.data.class_names[value]), 40) if view.data.n_classes else theme.three_significant(value)


def _class_sentences(view: LeafView, place: int, explained: Explanation) -> tuple[str, str]:
    """Say the prediction, and that on the other side of the nearest gate."""
    split = view.data.splits[view.split]
    label = int(split.y[place])
    said = _answer(view, explained.prediction)
    verdict = "which is correct" if explained.prediction == label else f"but the class is {_answer(view, label)}"
    sentence = f"The prediction for {SPLITS[view.split]} row {split.index[place]} is {said}, {verdict}."
    flip = explained.flip
    if flip is None:
        return sentence, _no_flip(view)
    other = _answer(view, flip.prediction)
    return sentence, _beyond(
        view, explained, f"would still be {said}" if said == other else f"would be {other} instead of {said}"
    )


def _number_sentences(view: LeafView, place: int, shown: NumberContributions, explained: Explanation) -> tuple[str, str]:
    """Say the prediction and its error, and how the prediction would change on the other side of the nearest gate."""
    split = view.data.splits[view.split]
    truth, said = float(split.y[place]), shown.prediction
    sentence = (
        f"The prediction for {SPLITS[view.split]} row {split.index[place]} is {shown.write(said)}; {view.data.info.target} is "
        f"{shown.write(truth)} there, an error of {shown.write(said - truth, '+')}."
    )
    if explained.flip is None or shown.across is None:
        return sentence, _no_flip(view)
    way = "more" if shown.across > said else "less"
    other = (
        f"would be {shown.write(shown.across)} instead of {shown.write(said)}, {shown.write(abs(shown.across - said))} {way}"
    )
    return sentence, _beyond(view, explained, other)


def _no_flip(view: LeafView) -> str:
    return "At depth 0 there is no gate that could flip." if view.depth == 0 else "No gate has a margin: their input is 0."


def _beyond(view: LeafView, explained: Explanation, would: str) -> str:
    flip = explained.flip
    assert flip is not None
    return (
        f"The nearest gate is bit {flip.level + 1}, margin {theme.three_significant(flip.margin)}: on its other side, in leaf "
        f"{theme.bit_pattern(flip.leaf, view.depth)}, the prediction {would}."
    )


def _show_row(view: LeafView, place: int, sentence: str, beyond: str) -> None:
    """Show what a row is, and say what is predicted for it, here and on the other side of the nearest gate."""
    split = view.data.splits[view.split]
    row = int(split.index[place])
    shape = view.data.info.image_shape
    if shape is None:
        st.markdown(theme.escape_markdown(sentence))
        values = view.data.raw[row]
        st.dataframe(
            pd.DataFrame({"feature": list(view.data.feature_names), "value": values}), hide_index=True, key="row_table"
        )
    else:
        image = MeanImage(view.data.raw[row].reshape(shape), title=f"Row {row}", says=sentence)
        drawing.show(image, key="row_image", share=0.38, caption="In the data's units.")
    st.markdown(theme.escape_markdown(beyond))


def _part_names(view: LeafView, explained: Explanation) -> list[str]:
    if not view.run.config.net.model.shares_prefixes:
        return [f"leaf {theme.bit_pattern(explained.leaf, view.depth)}"]
    return [node_words(node) for node in explained.nodes]


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
