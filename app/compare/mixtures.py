"""Groups of runs that mix their leaves in training and use one at inference: both scores beside each other."""

import math
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from leafscope.app import theme
from leafscope.app.compare.selection import Selection
from leafscope.core.comparison.groups import Group
from leafscope.core.comparison.intervals import paired_difference
from leafscope.core.comparison.overlap import overlap
from leafscope.core.store.values.summaries import RunSummary


def show(found: Selection) -> None:
    """Show a line for each such group; nothing where no run mixes its leaves."""
    splits = ["validation", *(["test"] if found.report else [])]
    lines = []
    for words, group in zip(found.words, found.groups, strict=True):
        runs = [found.summaries[str(run_id)] for run_id in group.rows["run_id"]]
        if any("validation_mix_loss" in run.best for run in runs):
            lines.append(
                {"group": words, "n": len(runs)} | {key: text for split in splits for key, text in _of(group, runs, split)}
            )
    if not lines:
        return
    st.dataframe(pd.DataFrame(lines), hide_index=True, key="mixtures_table", alt="Scores by one leaf and by the mixture.")
    st.caption(
        "Nets that mix all leaves in training, and use one for each row at inference: mean scores both ways, and the mixture "
        "minus the one leaf, paired by seed with its 95 % t interval, at the epoch of the lowest validation loss by one leaf."
    )


def _of(group: Group, runs: Sequence[RunSummary], split: str) -> list[tuple[str, str]]:
    metric = "rmse" if any(f"{split}_rmse" in run.best for run in runs) else "accuracy"
    pairs = [(run.best.get(f"{split}_{metric}", math.nan), run.best.get(f"{split}_mix_{metric}", math.nan)) for run in runs]
    one, all_leaves = (pd.Series(values, dtype=float) for values in zip(*pairs, strict=True))
    between = paired_difference(all_leaves, one, overlap=overlap(group.rows))
    write = theme.three_significant if metric == "rmse" else theme.percent
    ends = "" if math.isnan(between.low) else f" [{write(between.low)}, {write(between.high)}]"
    named = f"{split} {'RMSE' if metric == 'rmse' else metric}"
    return [
        (f"{named}, one leaf", write(float(one.mean()))),
        (f"{named}, mixture", write(float(all_leaves.mean()))),
        (
            "mixture minus one leaf" if split == "validation" else f"mixture minus one leaf, {split}",
            f"{write(between.mean)}{ends}",
        ),
    ]
