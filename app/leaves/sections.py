"""Parts of Leaves that need no weights: all leaves, loads over epochs, splits, and a decision tree's leaves."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from leafscope.app import always, theme
from leafscope.app.address import choice, session
from leafscope.app.figures.leaves.leaf_class_heatmap import LeafClassHeatmap
from leafscope.app.figures.leaves.leaf_lines import LeafLines
from leafscope.app.figures.leaves.load_ranks import LoadRanks
from leafscope.app.figures.leaves.rows_that_changed import RowsThatChanged
from leafscope.app.figures.leaves.sign_patterns import SignPatterns
from leafscope.app.figures.leaves.split_icicles import SplitIcicles
from leafscope.app.leaves.node import LeafView, node_words
from leafscope.app.leaves.view import SPLITS
from leafscope.app.parts import drawing, train_missing
from leafscope.app.parts.statistic import statistic_words
from leafscope.core import jobs
from leafscope.core.config import RunConfig, changed
from leafscope.core.inspection.decision_leaves import DecisionLeaves, decision_leaves
from leafscope.core.inspection.trained import fitted_trees, trained_net
from leafscope.core.scores import SCORES
from leafscope.core.usage.chance import expected_divergence
from leafscope.core.usage.change import churn, settled
from leafscope.core.usage.counts import (
    class_counts,
    leaf_counts,
    leaf_counts_by_epoch,
    leaf_state,
    possible_leaves,
    prefix_counts,
)
from leafscope.core.usage.information import ByClass
from leafscope.core.usage.loads import Loads
from leafscope.core.usage.statistics import STATISTICS

VALUES: dict[Literal["lift", "share", "count"], str] = {"lift": "lift", "share": "share of the leaf", "count": "rows"}

MOST_LINES = 4
"""Nodes whose load is drawn over the epochs."""

MOST_OFFERED = 256
"""Leaves offered to be drawn over the epochs, the fullest first."""


def all_leaves(view: LeafView) -> None:
    """Every leaf: by load with its bits, and by class."""
    counts = view.counts
    states = leaf_state(counts["train"], counts["test"])
    st.header("All leaves")
    drawing.show(
        SignPatterns(counts["train"], view.depth, view.tested, model=view.run.config.net.kind),
        key="patterns",
        subject=view.subject,
        words=_unused(view, states),
        caption=view.caption(
            "Leaves by training load, fullest first; filled dots are bits 1. The line is the uniform load 1/L."
        ),
    )
    wrong = choice.seed("cells", list(VALUES), "lift")
    choice.warn("value of the cells", wrong, "lift, share or count")
    words = st.radio(
        "Cells show",
        list(VALUES),
        format_func=VALUES.__getitem__,
        key="cells",
        horizontal=True,
        persist_state="session",
        help="Lift: p(leaf given class) / p(leaf); 1 is neutral.",
    )
    session.publish_to_url("cells", words, "lift")
    by_class = class_counts(view.leaves[view.split], view.labels, view.depth, view.data.n_classes)
    drawing.show(
        LeafClassHeatmap(by_class, view.data.class_names, view.depth, words, states, SPLITS[view.split]),
        key="heatmap",
        subject=view.subject,
        caption=view.caption("Click a cell to see the rows of its leaf."),
        on_select=lambda: _select_heatmap(view.depth),
    )


def _select_heatmap(depth: int) -> None:
    points = st.session_state["heatmap"]["selection"]["points"]
    if points and points[0].get("customdata"):
        leaf = int(points[0]["customdata"][0])
        st.session_state["node"] = (1 << depth) - 1 + leaf
        st.session_state["root"] = 0  # the leaf may not be below the present root


def _unused(view: LeafView, states: NDArray[np.str_]) -> str:
    """Count the leaves without training rows by kind, and those that no row could ever reach."""
    test_only, unseen = int((states == "test only").sum()), int((states == "unseen").sum())
    if test_only + unseen == 0:
        return "Every leaf holds a training row."
    hold = "leaf holds" if test_only + unseen == 1 else "leaves hold"
    return (
        f"{theme.thousands(test_only + unseen)} {hold} no training row: {theme.thousands(test_only)} "
        f"{'is' if test_only == 1 else 'are'} reached by test rows only, {theme.thousands(unseen)} by neither. "
        f"{impossible_words(view)}"
    ).strip()


def impossible_words(view: LeafView) -> str:
    """Say how many leaves no row could ever reach, as far as that can be proved; empty where it cannot."""
    if not view.run.config.net.gated:
        return ""  # no hyperplanes that all rows share
    leaves, dimensions = 1 << view.depth, gate_dimensions(view)
    possible = possible_leaves(view.depth, dimensions)
    if possible == leaves:
        return ""
    return (
        f"At least {theme.thousands(leaves - possible)} of {theme.thousands(leaves)} leaves "
        f"{'is' if leaves - possible == 1 else 'are'} impossible: {view.depth} hyperplanes cut {dimensions} dimensions into "
        f"at most {theme.thousands(possible)} cells."
    )


def gate_dimensions(view: LeafView) -> int:
    """The dimensions that the gates' hyperplanes cut: of the data where they read it directly, else of the layer below."""
    net = view.run.config.net
    return view.data.n_features if net.gates == "hidden" and view.layer == 0 else net.width


def over_epochs(view: LeafView) -> None:
    """The loads of a few nodes over the epochs, and how many rows still move."""
    series = view.series()
    nodes = _asked_nodes(view)
    counts = leaf_counts_by_epoch(series, view.depth)
    n = max(1, series.shape[1])
    levels = [(node + 1).bit_length() - 1 for node in nodes]
    loads = np.stack(
        [prefix_counts(counts, level)[:, node + 1 - (1 << level)] / n for node, level in zip(nodes, levels, strict=True)]
    )
    st.header("Loads over the epochs")
    dense = _dense_shares(view, nodes)
    shown: dict[str, Any] = {"shown_epoch": view.epoch, "split": SPLITS[view.split], "n": series.shape[1]}
    lines = LeafLines(
        view.epochs,
        loads,
        names=[node_words(node) for node in nodes],
        uniform=[2.0**-level for level in levels],
        dense=dense,
        model=view.run.config.net.kind,
        **shown,
    )
    drawing.show(
        lines,
        key="leaf_lines",
        runs=[] if dense is None or (beside := _dense_run(view)) is None else [beside],
        subject=view.whole_run,
        caption=view.caption(
            "The chosen node and the selected leaves. Grey: the load before training"
            + (
                ", and the load by the same sign bits of a trained dense net of the same width and seed, which shows what "
                "training does to these units where they select no matrix. Equal loads can be of different rows."
                if dense is not None
                else "."
            )
        ),
    )
    _offer_dense(view, dense)
    drawing.show(
        RowsThatChanged(view.epochs, churn(series), settled(series), **shown),
        key="changed",
        subject=view.whole_run,
        caption=view.caption("Changed: the leaf differs from that at the epoch recorded before."),
    )


def _asked_nodes(view: LeafView) -> list[int]:
    """The chosen node, and the leaves asked for, the fullest at this epoch unless others are."""
    first_leaf = (1 << view.depth) - 1
    counts = view.counts[view.split]
    ranked = np.argsort(-counts, kind="stable")[:MOST_OFFERED].tolist()
    usual = [leaf for leaf in ranked if first_leaf + leaf != view.node][: MOST_LINES - 1]
    if "lines" in st.session_state and not set(st.session_state["lines"]) <= set(range(1 << view.depth)):
        del st.session_state["lines"]  # of another run

    def parse(text: str) -> list[int]:
        leaves = list(dict.fromkeys(int(leaf) for leaf in text.split(",") if leaf))[: MOST_LINES - 1]
        if not all(0 <= leaf < 1 << view.depth for leaf in leaves):
            raise ValueError(text)
        return leaves

    known = f"leaves from 0 to {(1 << view.depth) - 1} with commas between"
    choice.warn("lines", session.seed_from_url("lines", parse, usual), known)
    asked: list[int] = st.session_state["lines"]
    if view.depth > 0:
        asked = st.multiselect(
            "Leaves beside the chosen one",
            list(dict.fromkeys([*asked, *ranked])),
            format_func=lambda leaf: f"{theme.bit_pattern(leaf, view.depth)} ({theme.thousands(int(counts[leaf]))} rows)",
            key="lines",
            max_selections=MOST_LINES - 1,
            persist_state="session",
            help=f"The {MOST_OFFERED} fullest are offered; click a box of the tree for any other.",
        )
    session.publish_to_url("lines", ",".join(map(str, asked)), ",".join(map(str, usual)))
    return list(dict.fromkeys([view.node, *(first_leaf + leaf for leaf in asked)]))


def _dense_run(view: LeafView) -> RunConfig | None:
    """The dense net that has the same units below the first gated layer; None where the gates are not among its units."""
    net = view.run.config.net
    if not net.gated or net.gates != "hidden" or view.depth == 0:
        return None
    return changed(view.run.config, {"net.kind": "dense"})


def _dense_shares(view: LeafView, nodes: list[int]) -> list[float] | None:
    """Each node's share of the rows by the sign bits of the trained dense net's units; None if that net is not stored."""
    run = _dense_run(view)
    if run is None or not _is_finished(run):
        return None
    trained = trained_net(jobs.default_store(), run.run_id)
    if trained is None or trained.net.config.gated:
        return None
    leaf = trained.unit_leaves(view.data.splits[view.split].x, view.layer, view.depth)
    counts = leaf_counts(leaf, view.depth)
    shares = []
    for node in nodes:
        level = (node + 1).bit_length() - 1
        shares.append(float(prefix_counts(counts, level)[node + 1 - (1 << level)]) / max(1, len(leaf)))
    return shares


def _offer_dense(view: LeafView, dense: list[float] | None) -> None:
    run = _dense_run(view)
    if run is None:
        if view.run.config.net.gated:
            st.caption("The grey line of a dense net is drawn only where gates reuse hidden units.")
    elif dense is None:
        train_missing.ask("dense", view.run, [run], "the dense net")


def splits(view: LeafView) -> None:
    """The loads of training, validation and test rows beside each other."""
    counts = view.counts
    st.header("Splits side by side")
    drawing.show(
        SplitIcicles(counts, view.depth),
        key="split_icicles",
        subject=view.subject,
        words=_dealt_words(counts["train"], counts["test"]),
        caption=view.caption("Colour is a prefix's share of the rows of its split, on the scale of the tree above."),
    )


@st.cache_data(show_spinner=False, max_entries=32)
def _dealt_words(counts_train: NDArray[np.int64], counts_test: NDArray[np.int64]) -> str:
    chance = expected_divergence(counts_train, counts_test)
    if not np.isfinite(chance.mean):
        return ""
    ends = f"{theme.three_significant(chance.low)} to {theme.three_significant(chance.high)}"
    mean = theme.three_significant(chance.mean)
    return f"If the same rows were dealt at random into splits of these sizes, the loads would differ by {mean} ({ends})."


def decision_tree(view: LeafView) -> None:
    """A decision tree's leaves beside the net's, on the same rows."""
    st.header("A decision tree's leaves beside the net's")
    if view.depth == 0:
        st.info("At depth 0 both have one leaf, which holds every row.")
        return
    other = changed(view.run.config, {"net.kind": "decision_tree"})
    if not _is_finished(other):
        st.info("The decision tree of the same rows, seed and depth is not fitted yet.")
        train_missing.ask("decision_tree", view.run, [other], "the decision tree")
        return
    if (fitted := fitted_trees(jobs.default_store(), other.run_id)) is None:
        st.info("Only the scores of this decision tree were kept, not the tree itself.")
        train_missing.again("decision_tree", other, "the decision tree")
        return
    tree = decision_leaves(fitted, view.data)
    net = view.run.config.net
    theirs = np.bincount(tree.leaves[view.split], minlength=tree.n_leaves)
    words = {"tree": "tree net", "flat": "flat net"}.get(net.kind, net.model.default_line.words)
    loads = {words: view.counts[view.split], "decision tree": theirs}
    kinds = dict(zip(loads, (net.kind, "decision_tree"), strict=True))
    drawing.show(
        LoadRanks(loads, kinds, SPLITS[view.split]),
        key="load_ranks",
        subject=view.subject,
        caption=view.caption(
            f"The decision tree (scikit-learn, max_depth {view.depth}, same rows) is fitted on the training rows; it has "
            f"{theme.thousands(tree.n_leaves)} leaves, the net 2^{view.depth} = {theme.thousands(1 << view.depth)}."
        ),
        runs=[other],
    )
    st.dataframe(_side_by_side(view, tree, loads), hide_index=True, key="decision_tree_table", height="content")
    st.caption(
        "Each model over its own leaves: Gini, CV² and the fullest leaf above the mean are comparable only if both have as "
        "many leaves; effective leaves always are. The tree is fitted once; the net is that of the shown epoch. "
        f"{always.of_runs([view.run.config])}"
    )


def _side_by_side(view: LeafView, tree: DecisionLeaves, loads: dict[str, NDArray[np.int64]]) -> pd.DataFrame:
    """Every statistic of both, one row for each."""
    both: list[Mapping[str, NDArray[np.integer]]] = [{split: view.leaves[split] for split in SPLITS}, tree.leaves]
    columns = {
        name: _all_statistics(view, leaves, len(counts)) for (name, counts), leaves in zip(loads.items(), both, strict=True)
    }
    history = jobs.default_store().history(view.run.run_id)
    score = SCORES[view.data.task.recorded[0]]
    judged = "test" if len(view.data.test.index) else "train"
    at_epoch = (history["epoch"] == view.epoch) & (history["split"] == judged) & (history["metric"] == score.name)
    found = [float(history.loc[at_epoch, "value"].iloc[0]), tree.score[judged]]
    for values, one in zip(columns.values(), found, strict=True):
        written = theme.percent(one) if score.unit == "share" else theme.three_significant(one)
        values[f"{SPLITS[judged]} {score.title if score.name == 'rmse' else score.name}"] = written
    return pd.DataFrame(columns).rename_axis("statistic").reset_index()


def _all_statistics(view: LeafView, leaves: Mapping[str, NDArray[np.integer]], n_leaves: int) -> dict[str, str]:
    counts = {split: np.bincount(leaf, minlength=n_leaves) for split, leaf in leaves.items()}
    given: dict[str, Any] = {
        "counts": Loads(counts[view.split][None]),
        "splits": (counts["train"][None], counts["test"][None]),
    }
    if view.data.n_classes:
        given["classes"] = ByClass(leaves[view.split][None], view.labels, (n_leaves - 1).bit_length(), view.data.n_classes)
    shown = [statistic for statistic in STATISTICS.values() if statistic.needs in given]
    named = {one.title: statistic_words(one, one.measure(given[one.needs])[0]) for one in shown}
    return {"leaves": theme.thousands(n_leaves)} | named


def _is_finished(run: RunConfig) -> bool:
    return jobs.default_store().statuses([run.run_id]).get(run.run_id) == "finished"
