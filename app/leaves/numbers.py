"""Parts of Leaves where numbers are predicted: the target in the leaves, all leaves, and scores."""

import numpy as np
import pandas as pd
import streamlit as st

from leafscope.app import theme
from leafscope.app.figures.leaves.leaf_targets import LeafTargets
from leafscope.app.figures.leaves.sign_patterns import SignPatterns
from leafscope.app.leaves.node import LeafView
from leafscope.app.leaves.view import SPLITS
from leafscope.app.parts import drawing
from leafscope.app.parts.save_table import save_table
from leafscope.core.scores import SCORES


def target(view: LeafView) -> None:
    """Mean and spread of the target in each leaf, and in the chosen node."""
    st.header(f"The target in {view.name}")
    members = view.labels[view.members()]
    name = view.data.info.target
    if len(members):
        mean, deviation = (theme.three_significant(value) for value in (members.mean(), members.std()))
        whole, spread = (theme.three_significant(value) for value in (view.labels.mean(), view.labels.std()))
        words = (
            f"{theme.thousands(len(members))} {view.rows} are in {view.name}: {name} has the mean {mean} and the deviation "
            f"{deviation} there; over all {view.rows}, {whole} and {spread}."
        )
        st.markdown(theme.escape_markdown(words))
    else:
        st.info(f"No {SPLITS[view.split]} row is in {view.name}.")
    drawing.show(
        LeafTargets(view.leaves[view.split], view.labels, view.depth, name, SPLITS[view.split], view.run.config.net.kind),
        key="leaf_targets",
        subject=view.subject,
        caption=view.caption(
            "Points: the mean of the target over the rows of a leaf; bars: one standard deviation on each side. A leaf of one "
            "row has no deviation. Click a point to see the rows of its leaf."
        ),
        on_select=lambda: _select(view.depth),
    )


def _select(depth: int) -> None:
    points = st.session_state["leaf_targets"]["selection"]["points"]
    if points and points[0].get("customdata"):
        st.session_state["node"] = (1 << depth) - 1 + int(points[0]["customdata"][0])
        st.session_state["root"] = 0  # the leaf may not be below the present root


def all_leaves(view: LeafView) -> None:
    """Every leaf by load, with its bits."""
    counts = view.counts
    st.header("All leaves")
    drawing.show(
        SignPatterns(counts["train"], view.depth, view.tested, model=view.run.config.net.kind),
        key="patterns",
        subject=view.subject,
        caption=view.caption(
            "Leaves by training load, fullest first; filled dots are bits 1. The line is the uniform load 1/L."
        ),
    )


def scores(view: LeafView) -> None:
    """RMSE, MAE and R² on each split, beside always the mean of the training rows."""
    st.header("Scores")
    rows = []
    mean = view.data.train.y.mean()
    for name, split in view.data.splits.items():
        if not len(split.index):
            continue
        predictions = view.predictions(name)
        if predictions is None:
            st.info(f"This part needs the trained net, but {view.no_weights()}. Choose the last epoch of a run that has ended.")
            return
        for model, said in (("this net", predictions), ("always the training mean", np.full(len(split.y), mean))):
            found = {SCORES[one].title: SCORES[one].measure(split.y, said) for one in view.data.task.recorded}
            rows.append({"rows": SPLITS[name], "model": model, **found, "n": len(split.y)})
    table = pd.DataFrame(rows)
    judged = SPLITS["test" if len(view.data.test.index) else "train"]
    test = table[table["rows"] == judged].set_index("model")["RMSE"]
    better = test["this net"] < test["always the training mean"]
    verdict = "" if better else " It is no better than always predicting the mean of the training rows."
    words = (
        f"The {judged} RMSE is {theme.three_significant(test['this net'])}, in the unit of {view.data.info.target}; always the "
        f"training mean has {theme.three_significant(test['always the training mean'])}.{verdict}"
    )
    st.markdown(theme.escape_markdown(words))
    st.dataframe(table, hide_index=True, key="number_scores", height="content")
    with st.container(horizontal=True):
        save_table(lambda: table, f"scores-{view.run.run_id}", key="number_scores_csv")
    st.caption(view.caption("RMSE and MAE are in the unit of the target; R² is 1 - squared error / variance of these rows."))
