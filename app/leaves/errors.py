"""Errors by leaf, and errors of rows in leaves with few training rows."""

from typing import Any

import pandas as pd
import streamlit as st

from leafscope.app import always, theme
from leafscope.app.figures.leaves.rare_rows import RareRows
from leafscope.app.figures.shared.errors import of_target
from leafscope.app.leaves.node import LeafView
from leafscope.app.leaves.view import SPLITS
from leafscope.app.leaves.with_net import with_net
from leafscope.app.parts import drawing, train_missing
from leafscope.app.parts.save_table import save_table
from leafscope.core import jobs
from leafscope.core.datasets import load
from leafscope.core.errors import LeafscopeError
from leafscope.core.inference.net import Net
from leafscope.core.inspection.errors_by_leaf import SeedErrors, errors_by_leaf, rare_rows, squares_by_leaf, visits
from leafscope.core.inspection.rare_numbers import SeedSquares, rare_numbers
from leafscope.core.inspection.trained import TrainedNet, trained_net
from leafscope.core.models import MODELS
from leafscope.core.store.values.summaries import RunSummary

SEEDS = 5


def errors(view: LeafView) -> None:
    """Errors of each leaf, and of rows in leaves with few training rows or none, against the dense net."""
    if view.data.n_classes:
        _errors_by_leaf(view)
    else:
        _squares_by_leaf(view)
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
    both = _side_by_side(view, tables)
    judged = "test" if "test" in tables else "train"
    st.markdown(theme.escape_markdown(_worst_sentence(view, tables[judged], SPLITS[judged])))
    st.dataframe(
        both,
        hide_index=True,
        height=280,
        placeholder="",
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
                f"such row. {always.of_runs([view.run.config])}"
            )
        )
    )


def _side_by_side(view: LeafView, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Tables of the leaves of two splits as one, with patterns."""
    named = [table.add_prefix(f"{SPLITS[split]} ") for split, table in tables.items()]
    both = pd.concat(named, axis=1).sort_index().reset_index()
    both.insert(1, "pattern", [theme.bit_pattern(leaf, view.depth) for leaf in both["leaf"].tolist()])
    for column in [name for name in both.columns if name.endswith((" rows", " wrong"))]:
        both[column] = both[column].fillna(0).astype(int)
    return both


@with_net
def _squares_by_leaf(view: LeafView, trained: TrainedNet, net: Net) -> None:
    del trained
    st.header("Errors by leaf")
    name = view.data.info.target
    tables = {
        split: squares_by_leaf(view.leaves[split], view.data.answers(net(rows.x)) - rows.y, view.depth).set_index("leaf")
        for split, rows in view.data.splits.items()
        if split in ("train", "test") and len(rows.index)
    }
    judged = "test" if "test" in tables else "train"
    st.markdown(theme.escape_markdown(_largest_sentence(view, tables[judged], SPLITS[judged])))
    both = _side_by_side(view, tables).rename(
        columns=lambda column: column.replace("rmse", "RMSE").replace("bias", "mean error")
    )
    st.dataframe(
        both,
        hide_index=True,
        height=280,
        placeholder="",
        key="errors_table",
        column_config={
            column: st.column_config.NumberColumn(format="%.3g")
            for column in both.columns
            if column.endswith((" RMSE", " mean error"))
        },
    )
    with st.container(horizontal=True):
        save_table(lambda: both, f"errors-by-leaf-{view.run.run_id}", key="number_errors_csv")
    st.caption(
        theme.escape_markdown(
            view.caption(
                "One row for each leaf that a training or test row reaches, in the unit of "
                f"{name}; an error is the prediction minus the number. Empty: no such row."
            )
        )
    )


def _largest_sentence(view: LeafView, judged: pd.DataFrame, word: str) -> str:
    """Name the leaf with the largest part of the squared error; plain text."""
    squares = judged["rows"] * judged["rmse"] ** 2
    total = float(squares.sum())
    if not total > 0:
        return f"No {word} row has an error." if len(judged) and total == 0 else f"The {word} errors are not finite."
    place = int(squares.to_numpy().argmax())
    leaf, row = int(judged.index[place]), judged.iloc[place]
    pattern, over_all = theme.bit_pattern(leaf, view.depth), (total / judged["rows"].sum()) ** 0.5
    return (
        f"Leaf {pattern} has {theme.percent(squares.iloc[place] / total)} of the squared {word} error and "
        f"{theme.percent(row['rows'] / judged['rows'].sum())} of the {word} rows; the RMSE is "
        f"{theme.three_significant(row['rmse'])} there and {theme.three_significant(over_all)} over "
        "all of them."
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
    is_class = bool(view.data.n_classes)
    by_model: dict[str, list[Any]] = {
        kind: found
        for kind in own
        if (found := [errors for errors in _seed_errors(view, wanted, finished, kind) if errors is not None])
    }
    if not by_model:
        st.markdown(
            f"This section will show the {'error' if is_class else 'RMSE'} on test rows by how many training rows share their "
            f"leaf, minus the dense net's on the same rows, pooled over {SEEDS} seeds."
        )
        return
    drawing.show(
        RareRows(rare_rows(by_model, view.overlap))
        if is_class
        else RareRows(rare_numbers(by_model, view.overlap), of_target(view.data.info.target)),
        key="rare_rows",
        subject=f"{view.whole_run}, last epoch",
        caption="Test rows by how many training rows are in their leaf at the last epoch; "
        f"{'error' if is_class else 'RMSE'} minus that of the dense net "
        f"of the same width, seed and rate on the same rows. Seeds {run.seed} to {run.seed + SEEDS - 1}, as {run.label}.",
        runs=[run for runs in wanted.values() for run in runs if run.run_id in finished],
    )


def _seed_errors(
    view: LeafView, wanted: dict[str, list[Any]], finished: dict[str, RunSummary], kind: str
) -> list[SeedErrors | SeedSquares | None]:
    store = jobs.default_store()
    found: list[SeedErrors | SeedSquares | None] = []
    for run, dense in zip(wanted[kind], wanted["dense"], strict=True):
        if run.run_id not in finished or dense.run_id not in finished:
            continue
        found.append(
            _errors_of(store.url, run.run_id, finished[run.run_id].attempt, dense.run_id, view.layer, run.seed, view.depth)
        )
    return found


@st.cache_data(show_spinner=False, max_entries=64)
def _errors_of(
    url: str, run_id: str, attempt: int, dense_id: str, layer: int, seed: int, depth: int
) -> SeedErrors | SeedSquares | None:
    """One seed's test rows: how often their leaf was seen in training, and the errors of the net and of the dense net."""
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
    in_training = nets[0].net.routed(data.train.x).leaves[layer]
    routed = nets[0].net.routed(data.test.x)
    seen = visits(in_training, routed.leaves[layer], depth)
    said, dense_said = (data.answers(outputs) for outputs in (routed.logits, nets[1].net(data.test.x)))
    if not data.n_classes:
        return SeedSquares(seed, seen, said - data.test.y, dense_said - data.test.y)
    return SeedErrors(seed, seen, said != data.test.y, dense_said != data.test.y)
