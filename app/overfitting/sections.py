"""The sections of the Overfitting page: from the table of a sweep to figures, each with its sentence, caption and numbers."""

import contextlib
import math

import pandas as pd
import streamlit as st

from leafscope.app import always, theme
from leafscope.app.figures.overfitting.accuracy_by_level import AccuracyByLevel
from leafscope.app.figures.overfitting.differences_by_depth import Basis, DifferencesByDepth
from leafscope.app.figures.overfitting.error_by_depth import ErrorByDepth
from leafscope.app.figures.overfitting.error_by_rows import ErrorByRows
from leafscope.app.figures.overfitting.gap_by_depth import GapByDepth
from leafscope.app.figures.overfitting.help_map import HelpMap
from leafscope.app.figures.overfitting.training_curves import TrainingCurves
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.overfitting.part import DEPTH_KEY, WIDTH_KEY, Choice, of_data, shown
from leafscope.app.parts import drawing
from leafscope.app.parts.save_table import save_table
from leafscope.app.sweeps import findings
from leafscope.app.sweeps.curves import error_curves, errors_of, gap_curves, intervals
from leafscope.app.sweeps.findings import stage_words
from leafscope.app.sweeps.headline import chosen_depth
from leafscope.core import jobs
from leafscope.core.comparison import histories, statistics
from leafscope.core.comparison.overlap import overlap
from leafscope.core.datasets import load
from leafscope.core.errors import StoreError
from leafscope.core.inspection.levels import scores_by_level
from leafscope.core.inspection.trained import trained_net
from leafscope.core.models import net_lines
from leafscope.core.scores import TASKS
from leafscope.core.store.values.summaries import SweepInfo

EPOCHS: dict[statistics.Which, str] = {"best": "at the epoch of the lowest validation loss", "last": "at the last epoch"}


def help_map(table: pd.DataFrame, choice: Choice) -> None:
    """Tree minus dense of equal computation, at every depth and width."""
    mine = of_data(table, choice)
    if not {"tree", "dense"} <= set(mine["model"]):
        st.info("Where does the tree help? A sweep with a tree and a dense net of the same multiply-adds would show it here.")
        return
    st.header("Where does the tree help?")
    mine = findings.one_variant(mine, choice.variant)

    def choose() -> None:
        points = st.session_state["help_map"]["selection"]["points"]
        if points and (data := points[0].get("customdata")):
            st.session_state[WIDTH_KEY], st.session_state[DEPTH_KEY] = int(data[0]), int(data[1])

    drawing.show(
        HelpMap(
            statistics.where_it_helps(mine, "tree", "dense", which=choice.which, overlap=overlap(mine)), errors=errors_of(mine)
        ),
        key="help_map",
        subject=choice.of_data,
        caption=f"{choice.error_words}Errors {EPOCHS[choice.which]}, paired over seeds; "
        f"grey and outlined: no difference is shown, by Holm over "
        f"all cells. A click shows the curves of a cell. {findings.interval_words(mine)} {findings.rates_words(mine)} "
        f"{stage_words(mine)}",
        on_select=choose,
    )


def error(rows: pd.DataFrame, choices: pd.DataFrame, choice: Choice) -> None:
    """Test and training error against depth; `choices` are the rows of the seeds on which the depth is chosen."""
    chosen = chosen_depth(findings.one_variant(choices, choice.variant))
    rows = shown(rows, choice)
    seeds = None
    if choice.seeds:
        values = {split: statistics.measure(rows, choice.which, split, "error") for split in ("test", "train")}
        seeds = pd.concat([_seeds(rows, value).assign(split=split) for split, value in values.items()], ignore_index=True)
    notes = [EPOCHS[choice.which], falling_words(rows), collapsed_words(rows), capacity_words(rows)]
    rule = "The depth with the lowest mean validation error is chosen; test rows are only reported."
    drawing.show(
        ErrorByDepth(error_curves(rows, choice.which), seeds, chosen, lit(rows, choice), errors_of(rows)),
        key="error_by_depth",
        subject=choice.subject,
        caption=f"{findings.data_words(rows)} {choice.error_words}Errors {'; '.join(filter(None, notes))}. "
        f"{bands_words(rows)} {findings.rates_words(rows)} "
        f"{stage_words(rows)} {'' if chosen is None else rule}".strip(),
    )


def _seeds(rows: pd.DataFrame, values: "pd.Series[float]") -> pd.DataFrame:
    return rows[["model", "variant", "depth", "seed"]].assign(value=values.to_numpy()).dropna(subset=["value"])


def bands_words(rows: pd.DataFrame) -> str:
    """Say how the bands are computed."""
    return findings.interval_words(rows, drawn="Bands")


def lit(rows: pd.DataFrame, choice: Choice) -> tuple[str, ...]:
    """The models in colour, of those that are there."""
    known = set(rows["model"])
    return tuple(model for model in choice.lit if model in known)[:3]


def gap(rows: pd.DataFrame, choice: Choice) -> None:
    """Test error minus training error, by depth."""
    rows = shown(rows, choice)
    seeds = _seeds(rows, statistics.gap(rows, choice.which, "error")) if choice.seeds else None
    drawing.show(
        GapByDepth(gap_curves(rows, choice.which), seeds, lit=lit(rows, choice), errors=errors_of(rows)),
        key="gap_by_depth",
        subject=choice.subject,
        caption=f"{choice.error_words}Test error minus training error {EPOCHS[choice.which]}. "
        f"A model that fits less has a smaller gap without "
        f"being better: look at both errors. {bands_words(rows)} {stage_words(rows)}",
        share=0.5,
    )


def tree_against_flat(rows: pd.DataFrame, choice: Choice) -> None:
    """The paired difference of tree and flat by depth, at the same epochs or at the same train loss."""
    if not {"tree", "flat"} <= set(rows["model"]):
        st.info("Add the flat net to the sweep to compare shared prefixes with separate leaves here.")
        return
    rows = findings.one_variant(rows, choice.variant)
    basis: Basis = "at the same epochs"
    where, compared = f"Both {EPOCHS[choice.which]}", rows
    if choice.basis == "train_loss":
        basis, compared = "at the same train loss", at_same_train_loss(rows)
        where = "Each pair at the first epochs at which both have reached the higher of their lowest training losses"
    term = overlap(rows)
    differences = statistics.differences_by_depth(compared, "tree", "flat", choice.which, "test", "error", overlap=term)
    gaps = statistics.gap_differences_by_depth(compared, "tree", "flat", choice.which, "error", overlap=term)
    drawing.show(
        DifferencesByDepth(differences, "tree", "flat", basis, errors_of(rows)),
        key="tree_against_flat",
        subject=choice.subject,
        caption=f"{choice.error_words}{where}, paired over seeds. {overfits_words(gaps)} "
        f"{findings.interval_words(rows, drawn='Bars')} {stage_words(rows)}",
        share=0.5,
    )


def overfits_words(gaps: pd.DataFrame) -> str:
    """Say at which depths the tree's gap differs from the flat net's."""
    shown = gaps[gaps["shown"]]
    if shown.empty:
        return "No difference between the gaps of tree and flat is shown at any depth: neither is shown to overfit more."
    parts = []
    for words, part in (("smaller", shown[shown["mean"] < 0]), ("larger", shown[shown["mean"] > 0])):
        if len(part):
            parts.append(f"{words} at K = {theme.enumerate_words([f'{depth:g}' for depth in part['depth']])}")
    return f"The tree's gap is {' and '.join(parts)} than the flat net's (paired, Holm over depths)."


def at_same_train_loss(rows: pd.DataFrame) -> pd.DataFrame:
    """Give tree and flat, their `best` and `last` errors replaced by those at the epochs of equal training loss."""
    rows = rows[rows["model"].isin(["tree", "flat"])].copy()
    store = jobs.default_store()
    ids = list(rows["run_id"])
    losses = store.curves(ids, "train", "loss")
    metric = "rmse" if statistics.are_numbers(rows) else "accuracy"
    scores = {split: store.curves(ids, split, metric) for split in ("train", "test")}
    for _, pair in rows.groupby(["depth", "seed"]):
        sides = [pair[pair["model"] == model] for model in ("tree", "flat")]
        found: tuple[int | None, int | None] = (None, None)
        if all(len(side) == 1 and side["run_id"].iloc[0] in losses for side in sides):
            first, second = (losses[side["run_id"].iloc[0]][1] for side in sides)
            found = histories.at_same_train_loss(first, second)
        for side, place in zip(sides, found, strict=True):
            for line in side.index:
                for split in ("train", "test"):
                    known = scores[split].get(rows.loc[line, "run_id"])
                    value = math.nan if place is None or known is None else float(known[1][place])
                    for which in ("best", "last"):
                        rows.loc[line, f"{which}_{split}_{metric}"] = value
    return rows


def levels(rows: pd.DataFrame, choice: Choice) -> None:
    """Accuracy of the trained trees of one depth, cut off at level l."""
    rows = findings.one_variant(rows, choice.variant)
    trees = rows[(rows["model"] == "tree") & (rows["depth"] == choice.depth)]
    trees = trees[trees["status"] == "finished"]  # others may finish later, and their accuracies are cached
    values = level_table(jobs.default_store().url, tuple(trees["run_id"]))
    if values.empty:
        st.info("The trained trees of this depth are not stored here; train one in the Playground to see its levels.")
        return
    drawing.show(
        AccuracyByLevel(
            intervals(
                values, ["split", "level"], "score", overlap(rows), is_share=not statistics.are_numbers(rows), is_size=True
            ),
            choice.depth,
            errors_of(rows),
        ),
        key="level_error" if statistics.are_numbers(rows) else "level_accuracy",
        subject=f"{choice.subject}, K = {choice.depth}",
        caption="Nets after their last epoch, without the nodes deeper than level l; nothing is retrained. "
        f"{bands_words(rows)} {always.of_table(trees)}",
        share=0.5,
    )


@st.cache_data(show_spinner=False, max_entries=64)
def level_table(url: str, run_ids: tuple[str, ...]) -> pd.DataFrame:
    """Accuracy, or of numbers the RMSE, of trained trees by level: run_id, split, level, score.

    Runs without whole weights are left out.
    """
    del url  # the store's, to which what is cached belongs
    store = jobs.default_store()
    lines = []
    for run_id in run_ids:
        summary = store.runs([run_id]).get(run_id)
        trained = None
        with contextlib.suppress(StoreError):  # one damaged run must not hide the others
            trained = None if summary is None else trained_net(store, run_id)
        if summary is None or trained is None or not summary.config.net.model.shares_prefixes:
            continue
        data = load(summary.config.data, summary.config.data_seed)
        scores = scores_by_level(trained.net, data)
        for split in ("test", "train"):
            lines += [
                {"run_id": run_id, "split": split, "level": level, "score": value}
                for level, value in enumerate(scores[split, data.task.recorded[0]])
            ]
    return pd.DataFrame(lines, columns=["run_id", "split", "level", "score"])


def curves(rows: pd.DataFrame, choice: Choice) -> None:
    """Learning curves of the nets of one cell, over its seeds."""
    rows = findings.one_variant(rows, choice.variant)
    here = rows[rows["model"].isin(choice.lit) & (rows["depth"].isna() | (rows["depth"] == choice.depth))]
    here = here[here["model"].isin(net_lines())]
    values = curve_table(here)
    if values.empty:
        st.info("No learning curve of this cell is recorded yet.")
        return
    table = intervals(values, ["model", "variant", "split", "epoch"], "value", overlap(rows), is_size=True)
    drawing.show(
        TrainingCurves(table, values if choice.seeds else None, errors=errors_of(rows)),
        key="seed_curves",
        subject=f"{choice.subject}, K = {choice.depth}",
        caption=f"Mean over seeds of the runs with the chosen learning rates. {bands_words(rows)}",
        share=0.5,
    )


def curve_table(rows: pd.DataFrame, metric: str = "loss") -> pd.DataFrame:
    """Every recorded value of some members: model, variant, split, seed, epoch, value."""
    store = jobs.default_store()
    parts = []
    for split in ("test", "train"):
        found = store.curves(rows["run_id"], split, metric)
        for line in rows.to_dict("records"):
            if line["run_id"] in found:
                epochs, values = found[line["run_id"]]
                names = {name: line[name] for name in ("model", "variant", "seed")}
                parts.append(pd.DataFrame(names | {"split": split, "epoch": epochs, "value": values}))
    columns = ["model", "variant", "split", "seed", "epoch", "value"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def by_rows(table: pd.DataFrame, choice: Choice) -> None:
    """Test error against training rows, a line for each depth, where a sweep has several sizes."""
    mine = table[(table["data"] == choice.data) & (table["width"].isna() | (table["width"] == choice.width))]
    if mine["n_train"].nunique() < 2:
        return
    mine = findings.one_variant(findings.with_replicates(mine), choice.variant)
    mine = mine[mine["model"].isin(["tree", "dense"])]
    if mine.empty:
        return
    parts = [
        statistics.by_depth(part, choice.which, "test", "error", overlap=overlap(part)).assign(n_train=n_train)
        for n_train, part in mine.groupby("n_train")
    ]
    drawing.show(
        ErrorByRows(pd.concat(parts, ignore_index=True), errors_of(mine)),
        key="error_by_rows",
        subject=f"{choice.data.replace('_', ' ')}, width {choice.width:g}",
        caption=f"{choice.error_words}Errors {EPOCHS[choice.which]}; "
        f"the same validation and test rows at every size. {bands_words(mine)} "
        f"{always.of_table(mine)}",
    )


def table(info: SweepInfo, results: pd.DataFrame) -> None:
    """All members, sortable, and as CSV."""
    with st.expander(f"All {theme.thousands(len(results))} members", icon=":material/table:"):
        recorded = TASKS["regression" if statistics.are_numbers(results) else "classification"].known
        shown = [
            "model", "variant", "data", "n_train", "width", "depth", "seed", "status", "train.lr", "train.weight_decay",
            "best_epoch", *(f"best_{split}_{metric}" for metric in recorded for split in ("validation", "test", "train")),
            "best_test_loss", "best_train_loss", *(f"chance_{metric}" for metric in recorded),
            "parameters", "trained_parameters", "multiply_adds", "seconds", "inference_seconds", "run_id",
        ]  # fmt: skip
        words = drawing.in_words(results[shown])
        st.dataframe(results[shown], hide_index=True, height=420, key="sweep_members", column_config=words)
        with st.container(horizontal=True):
            file_name = f"leafscope-sweep-{info.sweep_id}"
            save_table(lambda: results, file_name, key="sweep_csv", label="Save all columns as CSV")
            from leafscope.core.config.toml_file import write_sweep

            st.download_button(
                "Save the sweep as TOML",
                lambda: write_sweep(info.config).encode(),
                file_name=f"leafscope-sweep-{info.sweep_id}.toml",
                mime="application/toml",
                key="sweep_toml",
                icon=":material/download:",
                on_click="ignore",
                help="`leafscope sweep FILE.toml` trains the same in a terminal.",
            )


def falling_words(rows: pd.DataFrame) -> str:
    """Name the cells whose training loss still falls at the end: a worse fit there is not less overfitting."""
    nets = rows[rows["model"].isin(net_lines()) & rows["best_test_loss"].notna()]
    losses = jobs.default_store().curves(nets["run_id"], "train", "loss")
    nets = nets.assign(falls=[run_id in losses and histories.still_falls(losses[run_id][1]) for run_id in nets["run_id"]])
    parts = []
    for model, part in nets.groupby("model", sort=False):
        share = part.groupby("depth", dropna=False)["falls"].mean()
        depths = ["all depths" if math.isnan(depth) else f"K = {depth:g}" for depth in share.index[share > 0.5]]
        if depths:
            parts.append(f"{model_words(str(model), '')} ({theme.enumerate_words(depths)})")
    return (
        f"the training loss still falls by over 2 % in the last tenth of the epochs for {theme.enumerate_words(parts)}"
        if parts
        else ""
    )


def collapsed_words(rows: pd.DataFrame) -> str:
    """Count the nets that predict no better than the same answer for every row; they are drawn like all others."""
    nets = rows[rows["model"].isin(net_lines()) & rows["best_test_loss"].notna()]
    what = "the mean of the training rows" if statistics.are_numbers(rows) else "the commonest class of training"
    count, unlearned = int(always.are_no_better(nets).sum()), int((nets["best_epoch"] == 0).sum())
    said = [f"{count} of {len(nets)} nets {'is' if count == 1 else 'are'} no better than always {what}"] * bool(count)
    if unlearned:
        said.append(f"{unlearned} of {len(nets)} had the lowest validation loss before training")
    return "; ".join(said)


def capacity_words(rows: pd.DataFrame) -> str:
    """Say where no dense net has as many parameters as the tree, within 2 %."""
    trees = rows[rows["model"] == "tree"].groupby("depth")["parameters"].first()
    dense = rows[rows["model"] == "dense_capacity"].groupby("depth")["parameters"].first()
    misses = (dense / trees - 1).dropna()
    misses = misses[misses.abs() > 0.02]
    if misses.empty:
        return ""
    parts = [f"{100 * miss:+.1f} % at K = {depth:g}" for depth, miss in misses.items()]
    return f"the parameters of the dense net of equal capacity differ from the tree's by {theme.enumerate_words(parts)}"
