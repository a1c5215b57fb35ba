"""The rows of the chosen node on Leaves: images or a table, their classes, and their mean."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from leafscope.app import theme
from leafscope.app.figures.leaves.class_mix import ClassMix
from leafscope.app.figures.leaves.image_grid import MAX_IMAGES, ImageGrid, MeanImage, members_sentence
from leafscope.app.leaves.node import LeafView
from leafscope.app.leaves.sections import impossible_words
from leafscope.app.leaves.view import SPLITS
from leafscope.app.parts import drawing
from leafscope.app.parts.save_table import save_table

MOST_MEMBERS = 2000
"""Rows whose margins are computed; a deep net of several layers takes a second for them."""

_AT_THE_GATES = ("smallest margin", "beyond that gate")
_FEW_FEATURES = 4
"""Features that a table of rows shows before what is said of the gates."""


def rows(view: LeafView) -> None:
    """The rows of the chosen node: images, or a table."""
    members = view.members()
    st.header(f"{view.title}: {theme.thousands(len(members))} {view.rows}")
    if not len(members):
        st.info(f"No {SPLITS[view.split]} row reaches {view.name}. {_why_empty(view)} Click another box of the tree.")
        return
    split = view.data.splits[view.split]
    predictions = view.predictions_of(view.node, members)
    indices = split.index[members]
    shape = view.data.info.image_shape
    if shape is None:
        _member_table(view, members, predictions)
        return
    few = f"The first {MAX_IMAGES} of " if len(indices) > MAX_IMAGES else ""
    grid = ImageGrid(
        view.data.raw[indices].reshape(-1, *shape),
        split.y[members],
        view.data.class_names,
        predictions,
        rows=indices,
        columns=10,
        title=f"{few}{theme.thousands(len(indices))} {view.rows}",
        split=SPLITS[view.split],
        more=_at_the_gates(view, members),
    )
    drawing.show(
        grid,
        key="members",
        share=0.38,
        caption="In the order of the data set; hover over an image for its row, class and prediction. "
        + _predicted(view, predictions),
    )
    with st.container(horizontal=True):
        _save_rows(view, lambda: _row_table(view, members, predictions))


def classes(view: LeafView) -> None:
    """The classes of the chosen node's rows, and the mean of its images."""
    members = view.members()
    if not len(members):
        st.info(f"No {SPLITS[view.split]} row is in {view.name}. {_why_empty(view)}")
        return
    n_classes = view.data.n_classes
    mix = np.bincount(view.labels[members], minlength=n_classes)
    whole = np.bincount(view.labels, minlength=n_classes)
    st.header(f"Classes in {view.name}")
    left, right = st.columns([3, 2])
    with left:
        drawing.show(
            ClassMix(mix, view.data.class_names, whole, view.name, SPLITS[view.split]),
            key="class_mix",
            subject=view.subject,
            share=0.58,
            caption=view.caption(f"Thin marks: the same share over all {theme.thousands(len(view.labels))} {view.rows}."),
        )
    if (shape := view.data.info.image_shape) is None:
        return
    with right:
        mean = view.data.raw[view.data.splits[view.split].index[members]].mean(0).reshape(shape)
        drawing.show(
            MeanImage(mean, len(members), title=f"Mean image of {view.name}"),
            key="mean_image",
            share=0.38,
            caption="In the data's units.",
        )


def _why_empty(view: LeafView) -> str:
    """Say which rows reach a node that holds none of the split, and so which kind of unused it is."""
    reached = [SPLITS[name] for name, leaf in view.leaves.items() if ((leaf >> (view.depth - view.level)) == view.prefix).any()]
    others = f"{theme.enumerate_words(reached)} rows reach it"
    if "training" in reached:
        return f"{others.capitalize()}."
    if "test" in reached:
        return f"It is test only: {others}."
    if reached:
        return f"It is unseen: no training or test row reaches it, only {theme.enumerate_words(reached)} rows do."
    return f"It is unseen: no row of any split reaches it. {impossible_words(view)}".strip()


def _predicted(view: LeafView, predictions: NDArray[Any] | None) -> str:
    if predictions is None:
        return f"No predictions: {view.no_weights()}."
    return "Predictions of the net after the last epoch."


def _member_table(view: LeafView, members: NDArray[np.int64], predictions: NDArray[Any] | None) -> None:
    split = view.data.splits[view.split]
    if view.data.n_classes:
        sentence = members_sentence(split.y[members], predictions, view.data.class_names, SPLITS[view.split])
        st.markdown(theme.escape_markdown(sentence))
    shown = _row_table(view, members, predictions)
    features = shown.shape[1] - view.data.raw.shape[1]
    words = drawing.in_words(shown.iloc[:, :features])
    order = list(shown.columns)
    if view.data.raw.shape[1] <= _FEW_FEATURES:  # in sight, before what is said of the gates
        order.sort(key=lambda name: name in _AT_THE_GATES)
    st.dataframe(shown, hide_index=True, height=320, key="member_table", column_config=words, column_order=order)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            "In the order of the data set, features in the data's units. " + _predicted(view, predictions), width="stretch"
        )
        _save_rows(view, lambda: shown)


def _row_table(view: LeafView, members: NDArray[np.int64], predictions: NDArray[Any] | None) -> pd.DataFrame:
    """One row for each row of the node: its class or number, prediction, margin, and its features."""
    split = view.data.splits[view.split]
    if view.data.n_classes:
        names = np.array(view.data.class_names)
        table = pd.DataFrame({"row": split.index[members], "class": names[split.y[members]]})
        if predictions is not None:
            table["prediction"] = names[predictions]
            table["wrong"] = predictions != split.y[members]
    else:
        table = pd.DataFrame({"row": split.index[members], "target": split.y[members]})
        if predictions is not None:
            table = table.assign(prediction=predictions, error=predictions - split.y[members])
    table = table.assign(**_at_the_gates(view, members))
    values = view.data.raw[split.index[members]]
    return pd.concat([table, pd.DataFrame(values.reshape(len(members), -1), columns=list(view.data.feature_names))], axis=1)


def _save_rows(view: LeafView, make: Callable[[], pd.DataFrame]) -> None:
    """Offer the rows of the node with all their features as a file."""
    name = f"rows-of-{view.split}-at-{view.level}-{view.prefix}-{view.run.run_id}"
    save_table(make, name, key="member_rows", label="Save these rows as CSV", hint="All features, in the data's units.")


def _at_the_gates(view: LeafView, members: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Columns for a table of rows: the smallest margin, and what the net would predict beyond that gate."""
    return _kept_at_the_gates((*view.key, view.epoch, view.layer, view.split, view.node), view, members)


@st.cache_data(show_spinner=False, max_entries=32)
def _kept_at_the_gates(key: tuple[Any, ...], _view: LeafView, _members: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
    """Cached, since the net computes every row twice; the key identifies the view and its rows."""
    del key
    view, members = _view, _members
    from leafscope.core.inspection.contributions import flipped_outputs, margins

    trained = view.trained()
    if trained is None or not trained.net.config.gated or view.depth == 0:
        return {}
    x = view.data.splits[view.split].features(members[:MOST_MEMBERS])
    missing = len(members) - len(x)
    said = view.data.answers(flipped_outputs(trained.net, x, view.layer)[1])
    beyond: NDArray[Any]
    if view.data.n_classes:
        beyond = np.array([*view.data.class_names, ""], dtype=object)[np.append(said, np.full(missing, -1))]
    else:
        beyond = np.append(said, np.full(missing, np.nan))
    smallest = np.append(margins(trained.net, x, view.layer).min(1), np.full(missing, np.nan))
    return dict(zip(_AT_THE_GATES, (smallest, beyond), strict=True))
