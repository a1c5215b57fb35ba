"""Curves of a sweep against the depth: error on test and training rows, and the generalization gap between them.

K = depth, the number of gating bits · n = seeds · intervals are those of the mean over seeds.
"""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from leafscope.app import theme
from leafscope.app.figures.shared import interval_lines
from leafscope.app.figures.shared.depth_panels import Panel, depth_panels
from leafscope.app.figures.shared.model_style import model_words
from leafscope.app.theme import SCREEN, Look

Metric = Literal["error", "accuracy", "loss"]

_UNITS = {"error": "percent", "accuracy": "percent", "loss": "nats"}
_SPLITS = ("test", "train")
_GAP = "test error minus training error"
_CURVES = ["model", "variant", "split", "depth", *interval_lines.INTERVAL, "n"]
_SEEDS = ["model", "variant", "split", "seed", "depth", "value"]


def error_by_depth(
    *,
    curves: pd.DataFrame,
    seeds: pd.DataFrame | None = None,
    chosen: int | None = None,
    lit: Sequence[str] | None = None,
    metric: Metric = "error",
    subject: str = "",
    note: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show a metric against depth, test rows left and training rows right on one scale: a line for each model, with bands.

    `curves`: model, variant, split (test or train), depth, mean, low, high, n; shares from 0 to 1, loss in nats. A depth
    of NaN is a model that is the same at every depth: a horizontal line. `seeds`: model, variant, split, depth, seed,
    value: thin lines of the lit models. `chosen`: the depth chosen on validation. `lit`: the models in colour, at most
    three, else the first three. Raises ValueError for a missing column or too many lit models.
    """
    table = error_by_depth_table(curves=curves, metric=metric)
    single = _seed_table(seeds, _UNITS[metric])
    panels = [
        Panel(theme.SPLIT_WORDS[split], split, table[table["split"] == split], single[single["split"] == split])
        for split in _SPLITS
    ]
    return depth_panels(
        panels,
        title=f"Test and training {metric} against depth",
        measure=f"{metric} (cross-entropy, nats)" if metric == "loss" else f"{metric} (percent of rows)",
        why=f"No {metric} is recorded yet.",
        ceiling=np.inf if metric == "loss" else 100.0,
        floor=0.0,
        chosen=chosen,
        lit=lit,
        subject=subject,
        note=note,
        look=look,
    )


def error_by_depth_sentence(
    *, curves: pd.DataFrame, chosen: int | None = None, lit: Sequence[str] | None = None, metric: Metric = "error"
) -> str:
    """Give the test and training values of the lit models at the chosen depth, else at the first and the last depth.

    Plain text: escape it before it reaches Markdown.
    """
    table = error_by_depth_table(curves=curves, metric=metric).dropna(subset=["mean"])
    test, train = (table[table["split"] == split] for split in _SPLITS)
    keys = ["model", "variant", "depth"]
    rows = test.merge(train[[*keys, "mean"]], how="left", on=keys, suffixes=("", "_train"))

    def words(row: pd.Series) -> str:
        beside = row["mean_train"]
        written = theme.three_significant(beside) if metric == "loss" else theme.percent(beside / 100)
        return _interval(row) + (f" (training {written})" if np.isfinite(beside) else "")

    return _sentence(rows, f"Test {metric}", f"No test {metric} is recorded yet.", words, chosen, lit)


def error_by_depth_table(*, curves: pd.DataFrame, metric: Metric = "error") -> pd.DataFrame:
    """List the means drawn: model, variant, split, depth, mean, low, high, n, unit (percent, or nats for loss)."""
    table = interval_lines.check_columns(curves, _CURVES, "curves")
    return interval_lines.in_unit(_by_depth(table[table["split"].isin(_SPLITS)]), interval_lines.INTERVAL, _UNITS[metric])


def gap_by_depth(
    *,
    curves: pd.DataFrame,
    seeds: pd.DataFrame | None = None,
    chosen: int | None = None,
    lit: Sequence[str] | None = None,
    subject: str = "",
    note: str = "",
    look: Look = SCREEN,
) -> go.Figure:
    """Show the generalization gap, test error minus training error, against depth: a line for each model, with bands.

    `curves`: model, variant, depth, mean, low, high, n, differences of shares; `seeds`: model, variant, depth, seed,
    value. Otherwise as `error_by_depth`.
    """
    table = gap_by_depth_table(curves=curves)
    single = _seed_table(None if seeds is None else seeds.assign(split="test"), "percentage points")
    return depth_panels(
        [Panel("gap", "test", table, single)],
        title="Generalization gap against depth",
        measure=f"{_GAP} (percentage points)",
        why="No test and training error are recorded yet.",
        ceiling=100.0,
        floor=-100.0,
        chosen=chosen,
        lit=lit,
        subject=subject,
        note=note,
        look=look,
    )


def gap_by_depth_sentence(*, curves: pd.DataFrame, chosen: int | None = None, lit: Sequence[str] | None = None) -> str:
    """Give the gaps of the lit models at the chosen depth, else at the first and the last depth.

    An interval that holds 0 shows no difference between the two errors. Plain text: escape it before it reaches Markdown.
    """
    table = gap_by_depth_table(curves=curves).dropna(subset=["mean"])

    def words(row: pd.Series) -> str:
        known = row["n"] > 1 and np.isfinite(row["low"]) and np.isfinite(row["high"])
        return _interval(row) + (
            " (no difference shown)" if known and interval_lines.holds_zero(row["low"], row["high"]) else ""
        )

    why = "No test and training error are recorded yet."
    return _sentence(table, f"Generalization gap ({_GAP})", why, words, chosen, lit)


def gap_by_depth_table(*, curves: pd.DataFrame) -> pd.DataFrame:
    """List the gaps drawn: model, variant, depth, mean, low, high, n, unit (percentage points)."""
    table = interval_lines.check_columns(curves, [column for column in _CURVES if column != "split"], "curves")
    return interval_lines.in_unit(_by_depth(table), interval_lines.INTERVAL, "percentage points")


def _by_depth(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of one model together, models in order of first appearance, depths rising, no depth last."""
    table = table.assign(variant=table["variant"].fillna(""), depth=table["depth"].astype(float))
    order = table.groupby(["model", "variant"], sort=False).ngroup()
    return table.assign(order=order).sort_values(["order", "depth"], kind="stable").drop(columns="order").reset_index(drop=True)


def _seed_table(seeds: pd.DataFrame | None, unit: str) -> pd.DataFrame:
    if seeds is None:
        return pd.DataFrame({column: [] for column in _SEEDS})
    return interval_lines.in_unit(_by_depth(interval_lines.check_columns(seeds, _SEEDS, "seeds")), ["value"], unit)


def _interval(row: pd.Series) -> str:
    return interval_lines.interval_words(row["mean"], row["low"], row["high"], row["n"], row["unit"])


def _sentence(
    table: pd.DataFrame,
    what: str,
    nothing: str,
    words: Callable[[pd.Series], str],
    chosen: int | None,
    lit: Sequence[str] | None,
) -> str:
    """Join what `words` says of each lit model at the chosen depth, or at the first and the last depth of all."""
    table = table[table["model"].isin(interval_lines.lit_models(table["model"].tolist(), lit))]
    depths = table["depth"].dropna()
    first, last = (depths.min(), depths.max()) if chosen is None else (chosen, chosen)
    parts = []
    for (model, variant), rows in table.groupby(["model", "variant"], sort=False):
        rows = rows if rows["depth"].isna().all() else rows.dropna(subset=["depth"])
        name = model_words(str(model), str(variant))
        at = {depth: words(row) for depth, (_, row) in zip(rows["depth"], rows.iterrows())}
        if rows["depth"].isna().all():
            parts.append(f"{name} {words(rows.iloc[0])}" + ("" if chosen is not None else ", the same at every depth"))
        elif first == last and first in at:
            parts.append(f"{name} {at[first]}")
        elif first != last and len(at) > 1:
            low, high = min(at), max(at)
            between = "" if (low, high) == (first, last) else f", from K = {low:.0f} to {high:.0f}"
            parts.append(f"{name} from {at[low]} to {at[high]}{between}")
        elif first != last:
            parts.append(f"{name} {words(rows.iloc[0])} at K = {rows['depth'].iloc[0]:.0f}")
    if not parts:
        return nothing if chosen is None else f"{nothing[:-1]} at K = {chosen}."
    where = f" at K = {first:.0f}" if first == last else f" from K = {first:.0f} to {last:.0f}" if len(depths) else ""
    return f"{what}{where}{', chosen on validation' if chosen is not None else ''}: {'; '.join(parts)}."
