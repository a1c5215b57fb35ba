"""The sections of the Overfitting page: from the table of a sweep to figures, each with its sentence, caption and numbers."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
import streamlit as st

from leafscope.app import theme
from leafscope.app.address import session
from leafscope.app.figures.overfitting.accuracy_by_level import level_accuracy, level_accuracy_sentence, level_accuracy_table
from leafscope.app.figures.overfitting.differences_by_depth import (
    differences_by_depth,
    differences_by_depth_sentence,
    differences_by_depth_table,
)
from leafscope.app.figures.overfitting.error_by_depth import (
    error_by_depth,
    error_by_depth_sentence,
    error_by_depth_table,
    gap_by_depth,
    gap_by_depth_sentence,
    gap_by_depth_table,
)
from leafscope.app.figures.overfitting.error_by_rows import error_by_rows, error_by_rows_sentence, error_by_rows_table
from leafscope.app.figures.overfitting.help_map import help_map as draw_help_map
from leafscope.app.figures.overfitting.help_map import help_map_sentence, help_map_table
from leafscope.app.figures.overfitting.training_curves import seed_curves, seed_curves_sentence, seed_curves_table
from leafscope.app.figures.shared.model_style import model_style, model_words
from leafscope.app.parts import drawing
from leafscope.app.sweeps import current, findings
from leafscope.core import jobs
from leafscope.core.comparison import statistics
from leafscope.core.datasets import load
from leafscope.core.inspection.levels import scores_by_level
from leafscope.core.inspection.trained import trained_net
from leafscope.core.nets import TreeNet
from leafscope.core.store.summaries import SweepInfo

Which = Literal["best", "last"]
EPOCHS: dict[Which, str] = {"best": "at the epoch of the lowest validation loss", "last": "at the last epoch"}
WIDTH_KEY, DEPTH_KEY, ROWS_KEY, DATA_KEY = "at_width", "at_depth", "at_rows", "at_data"
"""Which part of a sweep is shown: parameters of the URL, and keys of session state."""
LIT = ("tree", "flat", "dense")
NETS = ("tree", "tree_units", "random_gates", "flat", "dense", "dense_capacity", "dense_ladder")


@dataclass(frozen=True)
class Choice:
    """Which part of a sweep is shown, and how."""

    info: SweepInfo
    data: str
    n_train: int
    width: float
    """NaN where the sweep has no nets."""
    depth: int
    """Of the figures that show one cell."""
    which: Which
    basis: str
    """`epochs` or `train_loss`: at which the tree and the flat net are compared."""
    seeds: bool
    """Whether single seeds are drawn."""
    lit: tuple[str, ...] = LIT
    shown: tuple[str, ...] | None = None
    """Models that are drawn; None: all."""
    variant: str = ""
    """Of the tree, where it has several: the one that is compared."""

    @property
    def subject(self) -> str:
        """What the figures of one width are of."""
        width = "" if math.isnan(self.width) else f", width {self.width:g}"
        return f"{self.of_data}{width}"

    @property
    def of_data(self) -> str:
        """What the figures of all widths are of."""
        return current.part_words(self.data, self.n_train)


def cell(table: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """The members of one data set, size and width."""
    mine = of_data(table, choice)
    return mine[mine["width"].isna() | (mine["width"] == choice.width)]


def shown(rows: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """The members whose models are to be drawn."""
    return rows if choice.shown is None else rows[rows["model"].isin(choice.shown)]


def of_data(table: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """The members of one data set and size, at all widths."""
    table = findings.with_replicates(table)
    return table[(table["data"] == choice.data) & (table["n_train"] == choice.n_train)]


def interval_words(rows: pd.DataFrame) -> str:
    """Say how intervals are computed, for the caption."""
    term = findings.overlap(rows)
    n = rows["seed"].nunique()
    if n < 2:
        return "One seed: no intervals, since they are computed from the spread over seeds."
    if term:
        return f"Bands: 95 % t intervals over {n} splits of this data set, with the Nadeau-Bengio factor 1/J + {term:.2f}."
    fresh = (
        "each with fresh data" if findings.splits_vary(rows) else "all with the same data: only the starts of the nets differ"
    )
    return f"Bands: 95 % t intervals over {n} seeds, {fresh}."


def rates_words(rows: pd.DataFrame) -> str:
    """Say how learning rates were chosen, for the caption."""
    trials = int(rows["trials"].max())
    if trials == 1:
        return "All nets have the same learning rate."
    return f"Learning rate: the one of {trials} with the lowest mean validation loss, for each model and depth."


def help_map(table: pd.DataFrame, choice: Choice) -> None:
    """Where does it help? Tree minus dense of equal computation, at every depth and width."""
    mine = of_data(table, choice)
    if not {"tree", "dense"} <= set(mine["model"]):
        st.info("Where does it help? A sweep with a tree and a dense net of the same multiply-adds would show it here.")
        return
    st.subheader("Where does it help?")
    mine = findings.one_variant(mine, choice.variant)
    cells = statistics.where_it_helps(mine, "tree", "dense", which=choice.which, overlap=findings.overlap(mine))

    def choose() -> None:
        points = st.session_state["help_map"]["selection"]["points"]
        if points and (data := points[0].get("customdata")):
            st.session_state[WIDTH_KEY], st.session_state[DEPTH_KEY] = int(data[0]), int(data[1])

    drawing.figure(
        draw_help_map(cells=cells, subject=choice.of_data, look=session.look()),
        key="help_map",
        sentence=help_map_sentence(cells=cells),
        caption=f"Errors {EPOCHS[choice.which]}, paired over seeds; a cell is blank where no difference is shown, by Holm over "
        f"all cells. A click shows the curves of a cell. {interval_words(mine)} {rates_words(mine)}",
        table=help_map_table(cells=cells),
        on_select=choose,
    )


def _by_depth(rows: pd.DataFrame, which: Which, split: str, metric: str) -> pd.DataFrame:
    return statistics.by_depth(rows, which, split, metric, overlap=findings.overlap(rows))


def _seeds(rows: pd.DataFrame, values: "pd.Series[float]") -> pd.DataFrame:
    return rows[["model", "variant", "depth", "seed"]].assign(value=values.to_numpy())


def error(rows: pd.DataFrame, choice: Choice) -> None:
    """Test and training error against depth."""
    chosen = chosen_depth(findings.one_variant(rows, choice.variant))
    rows = shown(rows, choice)
    curves = pd.concat(
        [_by_depth(rows, choice.which, split, "error").assign(split=split) for split in ("test", "train")], ignore_index=True
    )
    seeds = None
    if choice.seeds:
        values = {split: statistics.measure(rows, choice.which, split, "error") for split in ("test", "train")}
        parts = [_seeds(rows, value).assign(split=split) for split, value in values.items()]
        seeds = pd.concat(parts, ignore_index=True).dropna(subset=["value"])
    notes = [EPOCHS[choice.which], falling_words(rows), collapsed_words(rows), capacity_words(rows)]
    drawing.figure(
        error_by_depth(
            curves=curves, seeds=seeds, chosen=chosen, lit=_lit(rows, choice), subject=choice.subject, look=session.look()
        ),
        key="error_by_depth",
        sentence=error_by_depth_sentence(curves=curves, chosen=chosen, lit=_lit(rows, choice)),
        caption=f"Errors {'; '.join(filter(None, notes))}. {interval_words(rows)} {rates_words(rows)}"
        + (
            ""
            if chosen is None
            else " The depth is chosen by the one-standard-error rule on validation error; test rows are only reported."
        ),
        table=error_by_depth_table(curves=curves),
    )


def chosen_depth(rows: pd.DataFrame) -> int | None:
    """The tree's depth by the one-standard-error rule on validation; None without a tree."""
    if not (rows["model"] == "tree").any():
        return None
    return statistics.best_depth(rows, "tree", overlap=findings.overlap(rows), rule="one_standard_error")


def _lit(rows: pd.DataFrame, choice: Choice) -> tuple[str, ...]:
    known = set(rows["model"])
    return tuple(model for model in choice.lit if model in known)[:3]


def gap(rows: pd.DataFrame, choice: Choice) -> None:
    """Test error minus training error, by depth."""
    rows = shown(rows, choice)
    rows = rows.assign(gap=statistics.gap(rows, choice.which, "error").to_numpy())
    curves = _intervals(rows, ["model", "variant", "depth"], "gap", findings.overlap(rows))
    seeds = _seeds(rows, rows["gap"]).dropna(subset=["value"]) if choice.seeds else None
    drawing.figure(
        gap_by_depth(curves=curves, seeds=seeds, lit=_lit(rows, choice), subject=choice.subject, look=session.look(0.5)),
        key="gap_by_depth",
        sentence=gap_by_depth_sentence(curves=curves, lit=_lit(rows, choice)),
        caption=f"Test error minus training error {EPOCHS[choice.which]}. A model that fits less has a smaller gap without "
        f"being better: look at both errors. {interval_words(rows)}",
        table=gap_by_depth_table(curves=curves),
    )


def _intervals(rows: pd.DataFrame, by: list[str], value: str, overlap: float) -> pd.DataFrame:
    lines = []
    for key, part in rows.groupby(by, dropna=False, sort=False):
        found = statistics.mean_interval(part[value].to_numpy(dtype=float), overlap=overlap)
        lines.append(dict(zip(by, key, strict=True)) | {name: getattr(found, name) for name in ("mean", "low", "high", "n")})
    return pd.DataFrame(lines, columns=[*by, "mean", "low", "high", "n"])


def tree_against_flat(rows: pd.DataFrame, choice: Choice) -> None:
    """The paired difference of tree and flat by depth, at the same epochs or at the same train loss."""
    if not {"tree", "flat"} <= set(rows["model"]):
        st.info("Add the flat net to the sweep to compare shared prefixes with separate leaves here.")
        return
    rows = findings.one_variant(rows, choice.variant)
    basis: Any = "at the same train loss" if choice.basis == "train_loss" else "at the same epochs"
    compared = at_same_train_loss(rows) if choice.basis == "train_loss" else rows
    differences = statistics.differences_by_depth(
        compared, "tree", "flat", choice.which, "test", "error", overlap=findings.overlap(rows)
    )
    gaps = statistics.gap_differences_by_depth(compared, "tree", "flat", choice.which, "error", overlap=findings.overlap(rows))
    where = (
        "Each pair at the first epochs at which both have reached the higher of their lowest training losses"
        if choice.basis == "train_loss"
        else f"Both {EPOCHS[choice.which]}"
    )
    drawing.figure(
        differences_by_depth(
            differences=differences, first="tree", second="flat", basis=basis, subject=choice.subject, look=session.look(0.5)
        ),
        key="tree_against_flat",
        sentence=differences_by_depth_sentence(differences=differences, first="tree", second="flat", basis=basis),
        caption=f"{where}, paired over seeds. {overfits_words(gaps)} {interval_words(rows)}",
        table=differences_by_depth_table(differences=differences),
    )


def overfits_words(gaps: pd.DataFrame) -> str:
    """Say at which depths the tree's gap differs from the flat net's."""
    shown = gaps[gaps["shown"]]
    if shown.empty:
        return "No difference of the gaps of tree and flat is shown at any depth: neither is shown to overfit more."
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
    accuracies = {split: store.curves(ids, split, "accuracy") for split in ("train", "test")}
    for _, pair in rows.groupby(["depth", "seed"]):
        sides = [pair[pair["model"] == model] for model in ("tree", "flat")]
        found: tuple[int | None, int | None] = (None, None)
        if all(len(side) == 1 and side["run_id"].iloc[0] in losses for side in sides):
            first, second = (losses[side["run_id"].iloc[0]][1] for side in sides)
            found = statistics.at_same_train_loss(first, second)
        for side, place in zip(sides, found, strict=True):
            for line in side.index:
                for split in ("train", "test"):
                    known = accuracies[split].get(rows.loc[line, "run_id"])
                    value = math.nan if place is None or known is None else float(known[1][place])
                    for which in ("best", "last"):
                        rows.loc[line, f"{which}_{split}_accuracy"] = value
    return rows


def levels(rows: pd.DataFrame, choice: Choice) -> None:
    """Accuracy when the trained trees of one depth are read only to level l."""
    rows = findings.one_variant(rows, choice.variant)
    trees = rows[(rows["model"] == "tree") & (rows["depth"] == choice.depth)]
    trees = trees[trees["status"] == "finished"]  # the others may be so later, and what is kept of the reading must not stay
    if (rows["variant"].where(rows["model"] == "tree", "") != "").any() and trees.empty:
        st.info("The trees of this depth have variants, and none of them stands for all; a sweep with one is read by levels.")
        return
    values = level_table(jobs.default_store().url, tuple(trees["run_id"]))
    if values.empty:
        st.info("The trained trees of this depth are not kept here; train one in the Playground to read it by levels.")
        return
    curves = _intervals(values, ["split", "level"], "accuracy", findings.overlap(rows))
    drawing.figure(
        level_accuracy(
            curves=curves, depth=choice.depth, subject=f"{choice.subject}, K = {choice.depth}", look=session.look(0.5)
        ),
        key="level_accuracy",
        sentence=level_accuracy_sentence(curves=curves, depth=choice.depth),
        caption="The nets after their last epoch, the sum over prefixes cut off below level l, nothing trained again. "
        f"{interval_words(rows)}",
        table=level_accuracy_table(curves=curves, depth=choice.depth),
    )


@st.cache_data(show_spinner=False, max_entries=64)
def level_table(url: str, run_ids: tuple[str, ...]) -> pd.DataFrame:
    """Accuracy of trained trees by level: run_id, split, level, accuracy; runs whose weights are not kept are left out."""
    del url  # the store's, which the kept readings belong to
    store = jobs.default_store()
    lines = []
    for run_id in run_ids:
        summary = store.runs([run_id]).get(run_id)
        trained = None if summary is None else trained_net(store, run_id)
        if summary is None or trained is None or not isinstance(trained.net, TreeNet):
            continue
        scores = scores_by_level(trained.net, load(summary.config.data, summary.config.data_seed))
        for split in ("test", "train"):
            lines += [
                {"run_id": run_id, "split": split, "level": level, "accuracy": value}
                for level, value in enumerate(scores[split, "accuracy"])
            ]
    return pd.DataFrame(lines, columns=["run_id", "split", "level", "accuracy"])


def curves(rows: pd.DataFrame, choice: Choice) -> None:
    """Learning curves of the nets of one cell, over its seeds."""
    rows = findings.one_variant(rows, choice.variant)
    here = rows[rows["model"].isin(choice.lit) & (rows["depth"].isna() | (rows["depth"] == choice.depth))]
    here = here[here["model"].isin(NETS)]
    values = curve_table(here)
    if values.empty:
        st.info("No learning curve of this cell is recorded yet.")
        return
    table = _intervals(values, ["model", "variant", "split", "epoch"], "value", findings.overlap(rows))
    seeds = values if choice.seeds else None
    drawing.figure(
        seed_curves(
            curves=table, seeds=seeds, metric="loss", subject=f"{choice.subject}, K = {choice.depth}", look=session.look(0.5)
        ),
        key="seed_curves",
        sentence=seed_curves_sentence(curves=table, metric="loss"),
        caption=f"Mean over seeds of the runs with the chosen learning rates. {interval_words(rows)}",
        table=seed_curves_table(curves=table, metric="loss"),
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
    parts = []
    for n_train, part in mine.groupby("n_train"):
        parts.append(_by_depth(part, choice.which, "test", "error").assign(n_train=n_train))
    lines = pd.concat(parts, ignore_index=True)
    subject = f"{choice.data.replace('_', ' ')}, width {choice.width:g}"
    drawing.figure(
        error_by_rows(curves=lines, subject=subject, look=session.look()),
        key="error_by_rows",
        sentence=error_by_rows_sentence(curves=lines),
        caption=f"Errors {EPOCHS[choice.which]}; the same validation and test rows at every size. {interval_words(mine)}",
        table=error_by_rows_table(curves=lines),
    )


def table(info: SweepInfo, results: pd.DataFrame) -> None:
    """All members, sortable, and as CSV."""
    with st.expander(f"All {theme.thousands(len(results))} members", icon=":material/table:"):
        shown = [
            "model", "variant", "data", "n_train", "width", "depth", "seed", "status", "train.lr", "best_epoch",
            "best_validation_accuracy", "best_test_accuracy", "best_train_accuracy", "best_test_loss", "best_train_loss",
            "parameters", "trained_parameters", "multiply_adds", "seconds", "inference_seconds", "run_id",
        ]  # fmt: skip
        st.dataframe(results[shown], hide_index=True, height=420, key="sweep_members")
        with st.container(horizontal=True):
            st.download_button(
                "Save all columns as CSV",
                lambda: results.to_csv(index=False).encode(),
                file_name=f"leafscope-sweep-{info.sweep_id}.csv",
                mime="text/csv",
                key="sweep_csv",
                icon=":material/download:",
                on_click="ignore",
            )
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
    nets = rows[rows["model"].isin(NETS) & rows["best_test_loss"].notna()]
    losses = jobs.default_store().curves(nets["run_id"], "train", "loss")
    nets = nets.assign(falls=[run_id in losses and statistics.still_falls(losses[run_id][1]) for run_id in nets["run_id"]])
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
    """Count the nets that predict no better than the majority class; they are drawn like all others."""
    nets = rows[rows["model"].isin(NETS) & rows["best_test_accuracy"].notna()]
    count = int((nets["best_test_accuracy"] <= nets["chance_accuracy"]).sum())
    return f"{count} of {len(nets)} nets are no better than the majority class" if count else ""


def capacity_words(rows: pd.DataFrame) -> str:
    """Say where no dense net has as many parameters as the tree, within 2 %."""
    trees = rows[rows["model"] == "tree"].groupby("depth")["parameters"].first()
    dense = rows[rows["model"] == "dense_capacity"].groupby("depth")["parameters"].first()
    misses = (dense / trees - 1).dropna()
    misses = misses[misses.abs() > 0.02]
    if misses.empty:
        return ""
    parts = [f"{100 * miss:+.1f} % at K = {depth:g}" for depth, miss in misses.items()]
    return f"the dense net of the same parameters misses them by {theme.enumerate_words(parts)}"


def live(info: SweepInfo, table: pd.DataFrame) -> None:
    """The curves as they fill in: mean test error so far against depth, in a chart that keeps its place."""
    known = table.dropna(subset=["best_test_accuracy"])
    if known.empty:
        st.caption("The first points appear when all learning rates of a member have been tried.")
        return
    first = known.iloc[0]
    part = known[(known["data"] == first["data"]) & (known["n_train"] == first["n_train"])]
    widths = part["width"].dropna().unique()
    if len(widths):
        part = part[part["width"].isna() | (part["width"] == widths[0])]
    depths = sorted(table["depth"].dropna().unique())
    spec = live_spec(part, [int(depth) for depth in depths])
    done = f"{theme.thousands(len(known))} of {theme.thousands(len(table))} members have a result"
    renderer: Literal["svg", "canvas"] = "svg" if session.image_format() == "svg" else "canvas"
    alt = f"Test error against depth so far; {done}."
    st.echarts_chart(spec, height=400, key="live_depths", alt=alt, renderer=renderer)
    st.caption(f"{done}; means over the seeds that are there. Intervals and differences come when all have ended.")


def live_spec(part: pd.DataFrame, depths: list[int]) -> dict[str, Any]:
    """Describe the live curves for ECharts: mean test error in percent by depth, a line for each model."""
    look = session.look()
    size = theme.FONT_SIZE[look.projector]
    text = {"fontSize": size, "color": theme.TEXT[look.dark]}
    series = []
    for model, variant in dict.fromkeys(zip(part["model"], part["variant"])):
        mine = part[(part["model"] == model) & (part["variant"] == variant)]
        means = 100 * (1 - mine.groupby("depth", dropna=False)["best_test_accuracy"].mean())
        everywhere = means[means.index.isna()]
        by = {depth: float(means[depth]) for depth in means.index if not math.isnan(depth)}
        points = [round(by.get(depth, float(everywhere.iloc[0]) if len(everywhere) else math.nan), 3) for depth in depths]
        style = model_style(str(model), str(variant), look)
        series.append(
            {
                "name": model_words(str(model), str(variant)),
                "type": "line",
                "data": [None if math.isnan(point) else point for point in points],
                "symbolSize": 8,
                "itemStyle": {"color": style["colour"]},
                "lineStyle": {"color": style["colour"], "width": theme.LINE_WIDTH[look.projector]},
            }
        )
    return {
        "animation": False,
        "title": {"text": "Test error so far (% of rows)", "left": 0, "top": 6, "textStyle": text | {"fontWeight": "bold"}},
        "grid": {"left": 8, "right": 24 + 14 * size, "top": 3 * size, "bottom": 2 * size, "containLabel": True},
        "legend": {"orient": "vertical", "right": 0, "top": 2 * size, "textStyle": text},
        "tooltip": {"trigger": "axis"},
        "xAxis": {
            "type": "category",
            "data": [str(depth) for depth in depths],
            "name": "depth K (gating bits)",
            "nameLocation": "middle",
            "nameGap": 1.9 * size,
            "nameTextStyle": text,
            "axisLabel": text,
        },
        "yAxis": {
            "type": "value",
            "scale": True,
            "axisLabel": text,
            "splitLine": {"lineStyle": {"color": theme.GRID[look.dark]}},
        },
        "series": series,
    }
