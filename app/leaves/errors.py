"""Errors by leaf, and errors of rows in leaves with few training rows."""

from typing import Any

import pandas as pd
import streamlit as st

from leafscope.app import theme
from leafscope.app.figures.leaves.rare_rows import RareRows
from leafscope.app.leaves.node import LeafView
from leafscope.app.leaves.view import SPLITS
from leafscope.app.leaves.with_net import with_net
from leafscope.app.parts import drawing, train_missing
from leafscope.core import jobs
from leafscope.core.datasets import load
from leafscope.core.errors import LeafscopeError
from leafscope.core.inference.net import Net
from leafscope.core.inspection.errors_by_leaf import SeedErrors, errors_by_leaf, rare_rows, visits
from leafscope.core.inspection.trained import TrainedNet, trained_net
from leafscope.core.models import MODELS
from leafscope.core.store.values.summaries import RunSummary

SEEDS = 5


def errors(view: LeafView) -> None:
    """Errors of each leaf, and of rows in leaves with few training rows or none, against the dense net."""
    _errors_by_leaf(view)
    _rare_rows(view)


@with_net
def _errors_by_leaf(view: LeafView, trained: TrainedNet, net: Net) -> None:
    del net
    st.header("Errors by leaf")
    tables = {
        name: errors_by_leaf(view.leaves[name], split.y, trained.net(split.x), view.depth).set_index("leaf")
        for name, split in view.data.splits.items()
        if name in ("train", "test") and len(split.index)
    }
    named = [table.add_prefix(f"{SPLITS[split]} ") for split, table in tables.items()]
    both = pd.concat(named, axis=1).sort_index().reset_index()
    both.insert(1, "pattern", [theme.bit_pattern(leaf, view.depth) for leaf in both["leaf"].tolist()])
    for column in [name for name in both.columns if name.endswith((" rows", " wrong"))]:
        both[column] = both[column].fillna(0).astype(int)
    judged = "test" if "test" in tables else "train"
    st.markdown(theme.escape_markdown(_worst_sentence(view, tables[judged], SPLITS[judged])))
    st.dataframe(
        both,
        hide_index=True,
        height=280,
        key="errors_table",
        column_config={
            name: st.column_config.NumberColumn(format="percent" if name.endswith("error") else "%.3g")
            for name in both.columns
            if name.endswith((" error", " loss"))
        },
    )
    st.caption(
        theme.escape_markdown(
            view.caption(
                "One row for each leaf that a training or test row reaches; loss is the mean cross-entropy in nats. Empty: no "
                "such row."
            )
        )
    )


def _worst_sentence(view: LeafView, judged: pd.DataFrame, word: str) -> str:
    wrong, total = int(judged["wrong"].sum()), int(judged["rows"].sum())
    if wrong == 0:
        return f"None of the {theme.thousands(total)} {word} rows is misclassified."
    ranked = judged["wrong"].sort_values(ascending=False)
    leaf, most = int(ranked.index[0]), int(ranked.iloc[0])
    share = float(judged["rows"][leaf]) / total
    return (
        f"{theme.thousands(most)} of the {theme.thousands(wrong)} misclassified {word} rows are in leaf "
        f"{theme.bit_pattern(leaf, view.depth)}, which holds {theme.percent(share)} of the {word} rows."
    )


def _rare_rows(view: LeafView) -> None:
    st.header("Rows in leaves with few training rows")
    if view.depth == 0:
        st.info("At depth 0 there is only one leaf, which all rows share.")
        return
    if not len(view.data.test.index):
        st.info("This part compares errors on test rows, of which this run has none.")
        return
    run = view.run.config
    own = ("tree", "flat") if view.run.config.net.gated else (view.run.config.net.kind,)
    kinds = (*own, "dense")
    wanted = {kind: train_missing.siblings(run, [{"net.kind": kind}], SEEDS) for kind in kinds}
    names = "tree, flat" if len(own) > 1 else MODELS[own[0]].default_line.words
    finished = train_missing.ask(
        "rare", view.run, [run for runs in wanted.values() for run in runs], f"{names} and dense for {SEEDS} seeds"
    )
    by_model = {
        kind: found
        for kind in own
        if (found := [errors for errors in _seed_errors(view, wanted, finished, kind) if errors is not None])
    }
    if not by_model:
        st.markdown(
            "This section will show the error on test rows by how many training rows share their leaf, minus the dense net's "
            f"error on the same rows, pooled over {SEEDS} seeds."
        )
        return
    drawing.show(
        RareRows(rare_rows(by_model, view.overlap)),
        key="rare_rows",
        subject=f"{view.whole_run}, last epoch",
        caption="Test rows by how many training rows are in their leaf at the last epoch; error minus that of the dense net "
        f"of the same width, seed and rate on the same rows. Seeds {run.seed} to {run.seed + SEEDS - 1}, as {run.label}.",
        runs=[run for runs in wanted.values() for run in runs if run.run_id in finished],
    )


def _seed_errors(
    view: LeafView, wanted: dict[str, list[Any]], finished: dict[str, RunSummary], kind: str
) -> list[SeedErrors | None]:
    store = jobs.default_store()
    found: list[SeedErrors | None] = []
    for run, dense in zip(wanted[kind], wanted["dense"], strict=True):
        if run.run_id not in finished or dense.run_id not in finished:
            continue
        found.append(
            _errors_of(store.url, run.run_id, finished[run.run_id].attempt, dense.run_id, view.layer, run.seed, view.depth)
        )
    return found


@st.cache_data(show_spinner=False, max_entries=64)
def _errors_of(url: str, run_id: str, attempt: int, dense_id: str, layer: int, seed: int, depth: int) -> SeedErrors | None:
    """One seed's test rows: how often their leaf was seen in training, whether the net and the dense net err."""
    del url, attempt
    store = jobs.default_store()
    try:
        nets = [trained_net(store, one) for one in (run_id, dense_id)]
    except LeafscopeError:
        return None
    if nets[0] is None or nets[1] is None:
        return None
    run = store.run(run_id).config
    data = load(run.data, run.data_seed)
    in_training = nets[0].predict(data.train.x)[1][layer]
    said, leaves = nets[0].predict(data.test.x)
    dense_said, _ = nets[1].predict(data.test.x)
    return SeedErrors(seed, visits(in_training, leaves[layer], depth), said != data.test.y, dense_said != data.test.y)
