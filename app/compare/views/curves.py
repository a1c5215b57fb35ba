"""Curves: the histories of all runs, grouped, with bands."""

import math
import warnings
from typing import Any

import numpy as np
import streamlit as st

from leafscope.app.address.choice import check, pick
from leafscope.app.compare.selection import Selection
from leafscope.app.figures.compare.group_curves import GroupCurves
from leafscope.app.figures.compare.group_lines import GroupLines
from leafscope.app.figures.compare.scores import title
from leafscope.app.figures.shared.interval_lines import sentence_case
from leafscope.app.parts import drawing
from leafscope.core import jobs
from leafscope.core.comparison.overlap import overlap
from leafscope.core.datasets import shape
from leafscope.core.scores import TASKS

MOST_CURVES = 200
"""Runs whose curves are drawn; more would hide each other, and take seconds to read."""
AXES = {"epoch": "epoch", "step": "step", "seconds": "seconds of training", "multiply_adds": "multiply-adds of training"}
_AXIS_WORDS = {
    "epoch": "Epoch 0 is before training.",
    "step": "A step is one batch.",
    "seconds": "Seconds: the run's training time, spread evenly over its epochs.",
    "multiply_adds": "Multiply-adds: those of an example at inference, times the training rows, times the epochs; "
    "the backward pass is not counted.",
}
SPLITS_SHOWN = {"validation": "validation", "train": "training", "both": "training and validation"}


def show(found: Selection) -> None:
    """Ask for the axes and the splits, and show the curves of the best groups."""
    with st.sidebar, st.expander("Curves", expanded=True):
        axis = pick("x_axis", "x axis", list(AXES), "epoch", AXES)
        split_options = SPLITS_SHOWN | ({"test": "test", "all": "training, validation and test"} if found.report else {})
        which = pick("curves", "Splits", list(split_options), "both", split_options)
        log_x, log_y = check("log_x", "Logarithmic x axis"), check("log_y", "Logarithmic y axis")
        singles = check("singles", "Single runs", default=True)
    splits = {"both": ("train", "validation"), "all": ("train", "validation", "test")}.get(which, (which,))
    count, runs = 0, 0
    while count < len(found.groups) and (count == 0 or runs + len(found.groups[count].rows) <= MOST_CURVES):
        runs += len(found.groups[count].rows)
        count += 1
    if count < len(found.groups):
        st.info(
            f"At most about {MOST_CURVES} runs are drawn as curves: here those of the best {count} of {len(found.groups):,} "
            "groups. Choose rows or filter to see others."
        )
    metric = _drawn(found.metric)
    instead = "" if metric == found.metric else f" {sentence_case(title(found.metric))} is kept for two epochs of a run only."
    lines = _lines(found, metric, splits, axis, count)
    drawing.show(
        GroupCurves(lines, metric, x_title=AXES[axis], log_x=log_x, log_y=log_y, singles=singles),
        key="curves_figure",
        caption="Mean over the seeds of a group at each epoch, with its 95 % t interval as a band; thin: single seeds. "
        f"{_AXIS_WORDS[axis]} Test solid, validation dashed, training dotted.{instead}{found.averaged()} "
        f"{found.always()}",
        subject=found.subject,
    )


def _drawn(metric: str) -> str:
    """The metric itself, or accuracy instead of a score that histories do not have."""
    return "accuracy" if metric in TASKS["classification"].summarized else metric


def _lines(found: Selection, metric: str, splits: tuple[str, ...], axis: str, count: int) -> list[GroupLines]:
    """Read the curves of the first `count` groups."""
    ids = [str(run_id) for group in found.groups[:count] for run_id in group.rows["run_id"]]
    histories = {split: jobs.default_store().curves(ids, split, metric) for split in splits}
    lines: list[GroupLines] = []
    for group, style in zip(found.groups[:count], found.styles[:count], strict=True):
        for split in splits:
            mine = [row for row in group.rows.to_dict("records") if row["run_id"] in histories[split]]
            if not mine:
                continue
            most = max(int(histories[split][row["run_id"]][0][-1]) for row in mine)
            x, y = np.full((2, len(mine), most + 1), math.nan)
            for number, row in enumerate(mine):
                epochs, values = histories[split][row["run_id"]]
                y[number, epochs] = values
                x[number] = np.arange(most + 1) * _per_epoch(row, found, axis)
            lines.append(GroupLines(style, split, *_seeds_averaged(mine, x, y), overlap=overlap(group.rows)))
    return lines


def _seeds_averaged(rows: list[dict[Any, Any]], x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """One curve a seed: runs of one seed in a group are averaged, so that n is a number of seeds."""
    seeds: dict[tuple[int, int], list[int]] = {}
    for place, row in enumerate(rows):
        seeds.setdefault((row["split_seed"], row["init_seed"]), []).append(place)
    if len(seeds) == len(rows):
        return x, y, [str(row["title"]) for row in rows]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # an epoch that no run of the seed has is NaN
        means = [np.stack([np.nanmean(part[places], axis=0) for places in seeds.values()]) for part in (x, y)]
    names = [f"seed {seed[0]}, mean of {len(places)} runs" for seed, places in seeds.items()]
    return means[0], means[1], names


def _per_epoch(row: dict[Any, Any], found: Selection, axis: str) -> float:
    """How far an epoch is along the axis."""
    if axis == "epoch":
        return 1.0
    if axis == "seconds":
        return float(row["seconds"]) / max(1, int(row["epochs_done"]))
    run = found.summaries[str(row["run_id"])].config
    rows = shape(run.data).n_train
    return float(math.ceil(rows / run.train.batch_size)) if axis == "step" else rows * float(row["multiply_adds"])
