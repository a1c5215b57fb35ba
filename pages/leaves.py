"""Leaves: which sign patterns do the data reach, who is in them, what do they compute?"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from app import session, theme, widgets
from app.figures import (
    class_mix,
    class_mix_sentence,
    class_mix_table,
    image_grid,
    image_grid_sentence,
    image_grid_table,
    leaf_class_heatmap,
    leaf_class_heatmap_sentence,
    leaf_class_heatmap_table,
    mean_image,
    prefix_icicle,
    prefix_icicle_sentence,
    prefix_icicle_table,
    sign_patterns,
    sign_patterns_sentence,
    sign_patterns_table,
)
from core import jobs
from core.datasets import Dataset, load
from core.errors import RunNotFoundError
from core.reading import RunSummary
from core.trained import trained_net
from core.usage import class_counts, leaf_counts, leaf_state

MAX_LEVELS = 6  # of an icicle; deeper trees are entered by a click
SPLITS = {"train": "training", "validation": "validation", "test": "test"}
VALUES: dict[Literal["lift", "share", "count"], str] = {"lift": "lift", "share": "share of the leaf", "count": "rows"}


@dataclass(frozen=True, eq=False)
class View:
    """What the URL asks for, checked against what the run has."""

    run: RunSummary
    data: Dataset
    depth: int
    layer: int
    split: str
    epoch: int
    last_epoch: int
    node: int
    leaves: dict[str, NDArray[np.integer]]
    """Each split's leaf of every row."""

    @property
    def counts(self) -> dict[str, NDArray[np.int64]]:
        """Rows in each leaf, by split."""
        return {split: leaf_counts(leaf, self.depth) for split, leaf in self.leaves.items()}

    @property
    def level(self) -> int:
        """Bits of the chosen prefix."""
        return (self.node + 1).bit_length() - 1

    @property
    def prefix(self) -> int:
        """The chosen prefix, as a number of `level` bits."""
        return self.node + 1 - (1 << self.level)

    @property
    def pattern(self) -> str:
        """The chosen prefix in words."""
        return theme.bit_pattern(self.prefix, self.level) if self.level else "all patterns"

    @property
    def subject(self) -> str:
        """What the figures are of."""
        layer = f", gated layer {self.layer + 1}" if self.run.config.net.tree_layers > 1 else ""
        return f"{self.run.label}{layer}, epoch {self.epoch}"

    def members(self) -> NDArray[np.int64]:
        """Positions in the split of the rows that have the chosen prefix."""
        return np.flatnonzero((self.leaves[self.split] >> (self.depth - self.level)) == self.prefix)


def main() -> None:
    """Lay out the page."""
    st.title("Which sign patterns the data reach")
    shown = widgets.current_run()
    if shown is None:
        return
    with st.sidebar:
        widgets.pick_run(jobs.default_store().list_runs(), shown)
    if not shown.config.net.gated:
        st.info(
            "A model of this kind has no gates, so that it has no leaves. Choose a run with tree or flat leaf "
            "weights in the sidebar."
        )
        return
    if not shown.last:
        _not_yet(shown)
        return
    view = _ask(shown)
    if view is None:
        return
    if shown.active or shown.status != "finished":
        _note_status(shown)
    _main_figures(view)
    _members(view)
    _overviews(view)


def _not_yet(shown: RunSummary) -> None:
    st.markdown(widgets.status_line(shown))
    if shown.active:
        st.info("This run has no epoch yet; its leaves appear here as soon as it has.")
        _when_changed(shown.run_id, shown.epochs_done, shown.status)
        return
    st.error(f"This run ended before its first epoch. {theme.escape_markdown(shown.error or '')}")
    if st.button("Show the newest run", type="primary"):
        session.show_run(None)
        st.rerun()


@st.fragment(run_every=1.0)
def _when_changed(run_id: str, epochs_done: int, status: str) -> None:
    """Run the page again once the run has its first epoch or has ended."""
    try:
        now = jobs.progress(run_id)
    except RunNotFoundError:
        st.rerun()
        return
    if now.status != status or (epochs_done == 0 and now.epochs_done > 0):
        st.rerun()


def _note_status(shown: RunSummary) -> None:
    words = widgets.status_line(shown) + f": epoch {shown.epochs_done} of {shown.epochs_total}."
    if not shown.active:
        st.markdown(words)
        return
    left, right = st.columns([4, 1], vertical_alignment="center")
    left.markdown(words)
    if right.button("Show newest epoch", width="stretch"):
        st.session_state.pop("epoch", None)
        st.query_params.pop("epoch", None)
        st.rerun()
    _when_changed(shown.run_id, shown.epochs_done, shown.status)


def _ask(shown: RunSummary) -> View | None:
    """Draw the choices in the sidebar; None after saying that one is not there."""
    net = shown.config.net
    epochs = jobs.default_store().recorded_epochs(shown.run_id).tolist()
    layers = list(range(net.tree_layers))
    with st.sidebar:
        layer, layer_fault = 0, None
        if len(layers) > 1:
            layer_fault = _seed("layer", layers, layers[-1])
            layer = st.radio(
                "Gated layer",
                layers,
                format_func=lambda index: str(index + 1),
                key="layer",
                horizontal=True,
                persist_state="session",
            )
            session.publish_to_url("layer", layer, layers[-1])
        split_fault = _seed("split", list(SPLITS), "train")
        split = st.radio(
            "Rows of split", list(SPLITS), format_func=SPLITS.__getitem__, key="split", horizontal=True, persist_state="session"
        )
        session.publish_to_url("split", split, "train")
        epoch_fault = _seed("epoch", epochs, epochs[-1])
        epoch = epochs[0]
        if len(epochs) > 1:
            epoch = st.select_slider(
                "Epoch", epochs, key="epoch", help="0 is before training. The arrow keys move it.", persist_state="session"
            )
        session.publish_to_url("epoch", epoch, epochs[-1])
    data = load(shown.config.data, shown.config.data_seed)
    leaves = {name: jobs.default_store().leaves(shown.run_id, layer, name, epoch) for name in SPLITS}
    counts = leaf_counts(leaves[split], net.depth)
    first_leaf = (1 << net.depth) - 1
    fullest = first_leaf + int(counts.argmax())
    node_fault = _seed("node", range(2 * first_leaf + 1), fullest)
    node = st.session_state["node"]
    session.publish_to_url("node", node, fullest)
    for name, text, known in (
        ("layer", layer_fault, f"from 0 to {layers[-1]}"),
        ("split", split_fault, "train, validation or test"),
        ("epoch", epoch_fault, f"one that was recorded, {epochs[0]} to {epochs[-1]}"),
        ("node", node_fault, f"from 0 to {2 * first_leaf}"),
    ):
        if text is not None:
            st.warning(
                f"The {name} in the address must be {known}, got {theme.escape_markdown(text, 40)}; the usual one is shown."
            )
    return View(shown, data, net.depth, layer, split, epoch, epochs[-1], node, leaves)


def _seed(key: str, known: range | list, usual: int | str) -> str | None:
    """Take a choice from the URL; returns what stood there if it is none of the known ones."""
    if key in st.session_state and st.session_state[key] not in known:
        del st.session_state[key]  # of another run

    def parse(text: str) -> int | str:
        value = text if isinstance(usual, str) else int(text)
        if value not in known:
            raise ValueError(text)
        return value

    return session.seed_from_url(key, parse, usual)


def _main_figures(view: View) -> None:
    counts = view.counts
    states = leaf_state(counts["train"], counts["test"])
    left, right = st.columns([3, 2])
    root = _icicle_root(view)
    with left:
        common: dict[str, Any] = {
            "counts": counts[view.split],
            "depth": view.depth,
            "root": root,
            "max_levels": MAX_LEVELS,
            "states": states,
        }
        if root and st.button("Whole tree", icon=":material/arrow_upward:", key="_whole"):
            st.session_state["root"] = 0
            st.rerun()
        widgets.figure(
            prefix_icicle(**common, split=SPLITS[view.split], look=session.look(0.58)),
            key="icicle",
            sentence=prefix_icicle_sentence(counts=counts[view.split], depth=view.depth, split=SPLITS[view.split]),
            caption=_caption(
                view,
                "Each piece is a node of the tree: a prefix of the sign pattern. Equal widths; colour is "
                "load, relative to all nodes of the level being equal. Click a piece to see its rows.",
            ),
            table=prefix_icicle_table(**common),
            on_select=lambda: _select_icicle(view.depth),
        )
    with right:
        _chosen(view)


def _icicle_root(view: View) -> int:
    """The node that a deep tree is drawn from."""
    _seed("root", range((2 << view.depth) - 1 if view.depth > MAX_LEVELS else 1), 0)
    root = int(st.session_state["root"])
    session.publish_to_url("root", root, 0)
    return root


def _select_icicle(depth: int) -> None:
    points = st.session_state["icicle"]["selection"]["points"]
    if not points:
        return
    node = int(str(points[0]["id"]).removeprefix("n"))
    st.session_state["node"] = node
    level = (node + 1).bit_length() - 1
    if depth > MAX_LEVELS and level < depth:
        st.session_state["root"] = node


def _select_heatmap(depth: int) -> None:
    points = st.session_state["heatmap"]["selection"]["points"]
    if points and points[0].get("customdata"):
        leaf = int(points[0]["customdata"][0])
        st.session_state["node"] = (1 << depth) - 1 + leaf


def _chosen(view: View) -> None:
    """The class mix and the mean image of the chosen node."""
    members = view.members()
    labels = view.data.splits[view.split].y
    n_classes = view.data.n_classes
    mix = np.bincount(labels[members], minlength=n_classes)
    whole = np.bincount(labels, minlength=n_classes)
    where = "Leaf" if view.level == view.depth else "Prefix"
    st.header(f"{where} {view.pattern}: {theme.thousands(len(members))} {SPLITS[view.split]} rows")
    if not len(members):
        seen = [
            SPLITS[name] for name, leaf in view.leaves.items() if ((leaf >> (view.depth - view.level)) == view.prefix).any()
        ]
        reached = f"It is reached by {theme.enumerate_words(seen)} rows." if seen else "No row of any split reaches it."
        st.info(f"No {SPLITS[view.split]} row has this pattern. {reached} Click another piece.")
        return
    widgets.figure(
        class_mix(
            class_counts_of_leaf=mix,
            class_names=view.data.class_names,
            class_counts_of_split=whole,
            pattern=view.pattern,
            split=SPLITS[view.split],
            look=session.look(0.38),
        ),
        key="class_mix",
        sentence=class_mix_sentence(class_counts_of_leaf=mix, class_names=view.data.class_names, split=SPLITS[view.split]),
        caption=f"Thin marks: the same share over all {theme.thousands(len(labels))} {SPLITS[view.split]} rows.",
        table=class_mix_table(class_counts_of_leaf=mix, class_names=view.data.class_names, class_counts_of_split=whole),
    )


def _members(view: View) -> None:
    """The rows of the chosen node: images, or a table."""
    members = view.members()
    if not len(members):
        return
    split = view.data.splits[view.split]
    rows = split.index[members]
    predictions = _predictions(view)
    shown_predictions = None if predictions is None else predictions[members]
    st.header(f"Who is in {'leaf' if view.level == view.depth else 'prefix'} {view.pattern}")
    shape = view.data.info.image_shape
    names = view.data.class_names
    if shape is None:
        _member_table(view, members, shown_predictions)
        return
    images = view.data.raw[rows].reshape(-1, *shape)
    left, right = st.columns([3, 2])
    with left:
        first = slice(0, 60)
        cut = shown_predictions[first] if shown_predictions is not None else None
        widgets.figure(
            image_grid(
                images=images[first],
                labels=split.y[members][first],
                predictions=cut,
                class_names=names,
                rows=rows[first],
                title=f"{'The first 60 of ' if len(rows) > 60 else ''}{theme.thousands(len(rows))} {SPLITS[view.split]} rows",
                split=SPLITS[view.split],
                columns=10,
                look=session.look(0.58),
            ),
            key="members",
            sentence=_members_sentence(view, members, shown_predictions),
            caption="In the order of the data set; hover an image for its row, class and prediction. "
            + ("Predictions of the net after the last epoch." if shown_predictions is not None else _no_predictions(view)),
            table=image_grid_table(labels=split.y[members], predictions=shown_predictions, class_names=names, rows=rows),
        )
    with right:
        widgets.figure(
            mean_image(image=images.mean(0), n=len(images), look=session.look(0.38)),
            key="mean_image",
            sentence=f"The mean of all {theme.thousands(len(images))} rows, pixel by pixel.",
            caption="In the data's units.",
            table=pd.DataFrame(images.mean(0)).add_prefix("column ").rename_axis("row").reset_index(),
        )


def _members_sentence(view: View, members: NDArray[np.int64], predictions: NDArray[np.int64] | None) -> str:
    labels = view.data.splits[view.split].y[members]
    if predictions is None:
        return f"{theme.thousands(len(members))} {SPLITS[view.split]} rows have the pattern {view.pattern}."
    return image_grid_sentence(
        labels=labels, predictions=predictions, class_names=view.data.class_names, split=SPLITS[view.split]
    )


def _predictions(view: View) -> NDArray[np.int64] | None:
    """The trained net's class of each row of the split, at the last epoch only: earlier weights are not kept."""
    if view.epoch != view.last_epoch or view.run.active:
        return None
    trained = trained_net(jobs.default_store(), view.run.run_id)
    if trained is None or trained.step or (trained.epoch is not None and trained.epoch != view.epoch):
        return None
    return trained.predict(view.data.splits[view.split].x)[0]


def _no_predictions(view: View) -> str:
    if view.epoch == view.last_epoch and not view.run.active:
        return "No predictions: the run was stopped within an epoch, and only those weights are kept."
    return "Predictions are shown at the last epoch of a run that has ended, since only those weights are kept."


def _member_table(view: View, members: NDArray[np.int64], predictions: NDArray[np.int64] | None) -> None:
    split = view.data.splits[view.split]
    names = np.array(view.data.class_names)
    table = pd.DataFrame({"row": split.index[members], "class": names[split.y[members]]})
    if predictions is not None:
        table["prediction"] = names[predictions]
        table["wrong"] = predictions != split.y[members]
    features = pd.DataFrame(view.data.raw[split.index[members]], columns=list(view.data.feature_names))
    st.markdown(theme.escape_markdown(_members_sentence(view, members, predictions)))
    st.dataframe(pd.concat([table, features], axis=1), hide_index=True, height=320, key="member_table")
    st.caption(
        "In the order of the data set, features in the data's units. "
        + ("Predictions of the net after the last epoch." if predictions is not None else _no_predictions(view))
    )


def _overviews(view: View) -> None:
    counts = view.counts
    states = leaf_state(counts["train"], counts["test"])
    labels = view.data.splits[view.split].y
    by_class = class_counts(view.leaves[view.split], labels, view.depth, view.data.n_classes)
    names = view.data.class_names
    st.header("All leaves")
    pair: dict[str, Any] = {"counts_train": counts["train"], "counts_test": counts["test"], "depth": view.depth}
    widgets.figure(
        sign_patterns(**pair, subject=view.subject, model=view.run.config.net.kind, look=session.look()),
        key="patterns",
        sentence=sign_patterns_sentence(**pair),
        caption=_caption(
            view, "Leaves by training load, fullest first; filled dots are bits 1. The line is the uniform load 1/L."
        ),
        table=sign_patterns_table(**pair),
    )
    words = st.radio(
        "Cells show",
        list(VALUES),
        format_func=VALUES.__getitem__,
        key=_value_key(),
        horizontal=True,
        persist_state="session",
        help="Lift: p(leaf given class) / p(leaf); 1 is neutral.",
    )
    session.publish_to_url("cells", words, "lift")
    widgets.figure(
        leaf_class_heatmap(
            class_counts=by_class,
            class_names=names,
            depth=view.depth,
            value=words,
            states=states,
            split=SPLITS[view.split],
            subject=view.subject,
            look=session.look(),
        ),
        key="heatmap",
        sentence=leaf_class_heatmap_sentence(
            class_counts=by_class, class_names=names, depth=view.depth, split=SPLITS[view.split]
        ),
        caption=_caption(view, "Click a cell to see the rows of its leaf."),
        table=leaf_class_heatmap_table(class_counts=by_class, class_names=names, depth=view.depth),
        on_select=lambda: _select_heatmap(view.depth),
    )


def _value_key() -> str:
    _seed("cells", list(VALUES), "lift")
    return "cells"


def _caption(view: View, words: str) -> str:
    return f"{words} Run {view.run.label}, seed {view.run.config.seed}, epoch {view.epoch}."


main()
